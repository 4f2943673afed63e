"""What an expert did, and plans cut from it."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_utils.shapes import short_repr

__all__ = ["Demonstrations", "windows"]


@dataclass(frozen=True, repr=False)
class Demonstrations:
    """Episodes of an expert, time first.

    Attributes:
        states: What was seen before and after every step, shape (steps + 1, n, *event).
        actions: What was done, shape (steps, n, *action).
        up: Which of the two ways was taken, booleans of shape (n,).

    Raises:
        ValueError: If there is not one action between two states, or not one way an episode.

    Example:
        >>> worlds.Pillar().demonstrations(5, torch.Generator().manual_seed(0))
        Demonstrations(states=(61, 5, 4), actions=(60, 5, 2), up=(5,))
    """

    states: Tensor
    actions: Tensor
    up: Tensor

    def __post_init__(self):
        if len(self.states) != len(self.actions) + 1 or self.states.shape[1] != self.actions.shape[1]:
            shapes = tuple(self.states.shape), tuple(self.actions.shape)
            raise ValueError(f"expected steps + 1 states of n episodes and steps actions, got shapes {shapes}")
        if self.up.shape != self.states.shape[1:2]:
            raise ValueError(f"expected ways of shape {tuple(self.states.shape[1:2])}, got {tuple(self.up.shape)}")

    def __repr__(self) -> str:
        return short_repr(self)


def windows(
    demonstrations: Demonstrations, length: int, first: int | None = None
) -> tuple[Float[Tensor, "windows plan"], Float[Tensor, "windows seen"]]:
    """Plans of `length` actions, each from another moment of an episode, and what was seen at that moment.

    After an episode's end its robot rests: a window that reaches beyond is filled with actions of 0.

    Args:
        demonstrations: Of n episodes.
        length: Actions H of a plan.
        first: How many of the first moments of each episode are cut at; by default all that have an action.

    Returns:
        Plans, flat, (n * first, H * action), and observations, (n * first, event): (z, o) for `data.batches`.

    Raises:
        ValueError: If `length` or `first` is not within 1 to the number of steps.

    Example:
        >>> actions = torch.tensor([[[1.0]], [[2.0]], [[3.0]]])
        >>> worlds.windows(worlds.Demonstrations(torch.zeros(4, 1, 1), actions, torch.ones(1)), length=2)[0]
        tensor([[1., 2.],
                [2., 3.],
                [3., 0.]])
    """
    steps = len(demonstrations.actions)
    first = steps if first is None else first
    if not 1 <= length <= steps or not 1 <= first <= steps:
        raise ValueError(f"expected a length and a number of moments from 1 to {steps}, got {length} and {first}")
    actions = demonstrations.actions.flatten(2).movedim(0, 1)
    rested = F.pad(actions, (0, 0, 0, length - 1))
    plans = rested.unfold(1, length, 1)[:, :first].mT
    seen = demonstrations.states[:first].flatten(2).movedim(0, 1)
    return plans.flatten(2).flatten(0, 1), seen.flatten(0, 1)
