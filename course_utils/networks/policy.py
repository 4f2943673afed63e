"""Fully connected networks of angles, of rotations, and of plans that depend on what is seen."""

import math

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from course_utils.manifolds import skew
from course_utils.networks.base import Network
from course_utils.networks.mlp import MLP
from course_utils.shapes import Time, as_floats, as_states

__all__ = ["PeriodicMLP", "Policy", "RotationMLP", "multiples"]


class PeriodicMLP(MLP):
    r"""An `MLP` that sees of each angle only $\cos mx$ and $\sin mx$, m = 1, ..., waves: it knows no seam.

    Args:
        dim: Number of angles.
        hidden, depth: Of the hidden layers.
        waves: Number of multiples of each angle.
        num_classes: Number of labels, 0 for none.

    Raises:
        ValueError: If a size is less than 1.

    Example:
        >>> model, x = networks.PeriodicMLP(2, hidden=8), torch.zeros(1, 2)
        >>> torch.allclose(model(x, 0.5), model(x + 2 * torch.pi, 0.5), atol=1e-5)
        True
    """

    def __init__(self, dim: int, hidden: int = 128, depth: int = 3, waves: int = 4, num_classes: int = 0):
        if waves < 1:
            raise ValueError(f"expected at least 1 wave, got {waves}")
        super().__init__(dim, hidden, depth, num_classes, frequencies=multiples(waves), coordinates=False)


class RotationMLP(Network):
    """A velocity of rotations, `skew(v)`: an `MLP` sees the nine numbers of a matrix, and gives three.

    Args:
        hidden, depth: Of the hidden layers.

    Example:
        >>> networks.RotationMLP(hidden=8)(torch.eye(3).expand(5, 3, 3), 0.5).shape
        torch.Size([5, 3, 3])
    """

    def __init__(self, hidden: int = 128, depth: int = 3):
        super().__init__()
        self.net = MLP(9, hidden, depth)

    def extra_repr(self) -> str:
        return self.net.extra_repr()

    def forward(self, x: Num[Tensor, "batch 3 3"], t: Time) -> Num[Tensor, "batch 3 3"]:
        return skew(self.net(x.flatten(1), t)[:, :3])


class Policy(Network):
    """A velocity of plans, given what a robot sees: `model(x, t, o)`, with an observation in the place of a label.

    An `MLP` of plan and time; its first layer also gets a linear image of the observation.

    Args:
        plan: Shape of one plan, or its length if it is flat.
        observation: Numbers in one observation.
        hidden, depth: Of the hidden layers.
        waves: 0, or for a plan of angles the multiples whose waves it sees, as in `PeriodicMLP`.

    Raises:
        ValueError: If a size is less than 1; when called, if a plan or an observation has another shape.

    Source: Chi et al., "Diffusion policy" (2023).

    Example:
        >>> networks.Policy(32, observation=4, hidden=64)(torch.zeros(5, 32), 0.5, torch.zeros(5, 4)).shape
        torch.Size([5, 32])
    """

    def __init__(
        self, plan: int | tuple[int, ...], observation: int, hidden: int = 256, depth: int = 3, waves: int = 0
    ):
        super().__init__()
        if observation < 1:
            raise ValueError(f"expected observations of at least 1 number, got {observation}")
        self.event_shape = (plan,) if isinstance(plan, int) else tuple(plan)
        self.observation = observation
        dim = math.prod(self.event_shape)
        self.net = PeriodicMLP(dim, hidden, depth, waves) if waves else MLP(dim, hidden, depth)
        self.look = nn.Linear(observation, hidden)

    def extra_repr(self) -> str:
        return f"plan={self.event_shape}, observation={self.observation}, hidden={self.look.out_features}"

    def forward(self, x: Num[Tensor, "batch *plan"], t: Time, o: Float[Tensor, "seen o"]) -> Num[Tensor, "batch *plan"]:
        x = as_states(as_floats(x), self.event_shape)
        if o.shape != (len(x), self.observation):
            raise ValueError(f"expected observations of shape ({len(x)}, {self.observation}), got {tuple(o.shape)}")
        return self.net(x.flatten(1), t, extra=self.look(o)).reshape(x.shape)


def multiples(waves: int) -> list[float]:
    """Turns per radian of the first multiples of an angle."""
    return [m / (2 * torch.pi) for m in range(1, waves + 1)]
