"""Plans that are carried out in part before the next one is asked for."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.shapes import as_floats

__all__ = ["receding_horizon"]


def receding_horizon(
    plan: Callable[[Tensor], Tensor], step: Callable[[Tensor, Tensor], Tensor], x: Tensor, k: int, n: int
) -> Float[Tensor, "steps batch *event"]:
    """n steps of a world: of every plan the first k actions are carried out, then a new one is made.

    Args:
        plan: From states of shape (batch, *event) to plans of shape (batch, H, *action).
        step: From states and actions (batch, *action) to the states after them.
        x: States at the start, shape (batch, *event).
        k: Actions of a plan that are carried out, 1 to H.
        n: Number of steps; it need not be a multiple of k.

    Returns:
        States before and after every step, shape (n + 1, batch, *event).

    Raises:
        ValueError: If k or n is less than 1, a plan is not one a state, has fewer than k actions or another number than
            the first one, or a step changes the shape of the states.

    Source: Chi et al., "Diffusion policy" (2023), for chunks of actions.

    Example:
        >>> def plan(x):
        ...     return torch.stack([-x, 0 * x], 1)
        >>> xs = simulators.receding_horizon(plan, lambda x, a: x + a / 2, torch.tensor([[8.0]]), k=2, n=4)
        >>> xs.flatten()
        tensor([8., 4., 4., 2., 2.])
    """
    if k < 1 or n < 1:
        raise ValueError(f"expected k and n of at least 1, got {k} and {n}")
    x = as_floats(x)
    states = [x]
    actions, length = x, None
    for i in range(n):
        if i % k == 0:
            actions = plan(x)
            length = _checked_length(actions, x, k, length)
        x = step(x, actions[:, i % k])
        if x.shape != states[0].shape:
            raise ValueError(f"expected a step to keep the shape {tuple(states[0].shape)}, got {tuple(x.shape)}")
        states.append(x)
    return torch.stack(states)


def _checked_length(actions: Tensor, x: Tensor, k: int, length: int | None) -> int:
    """Number of actions of a plan; ValueError if it does not fit."""
    if actions.ndim < 2 or len(actions) != len(x):
        raise ValueError(f"expected plans of shape ({len(x)}, H, action), one a state, got {tuple(actions.shape)}")
    found = actions.shape[1]
    if k > found:
        raise ValueError(f"expected plans of at least k = {k} actions, got {found}")
    if length is not None and found != length:
        raise ValueError(f"expected plans of {length} actions, as the first one has, got {found}")
    return found
