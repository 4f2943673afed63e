"""An arm of two links in the plane: its hand gets to most places in two ways, elbow up or elbow down."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_utils.distributions.base import Noise
from course_utils.manifolds import Torus, wrap
from course_utils.shapes import check_same_shape, short_repr

__all__ = ["Arm", "Reached"]


@dataclass(frozen=True, repr=False)
class Reached:
    """What became of reaching, each of shape (n,).

    Attributes:
        miss: Distance of the hand from its goal.
        up: Whether the elbow is up.
        success: Share of the poses that come near enough.

    Example:
        >>> worlds.Reached(torch.tensor([0.01]), torch.tensor([True]), success=1.0)
        Reached(n=1, success=1, miss=0.01, up=1)
    """

    miss: Float[Tensor, " n"]
    up: Bool[Tensor, " n"]
    success: float

    def __repr__(self) -> str:
        miss, up = self.miss.median().item(), self.up.double().mean().item()
        return short_repr(self, n=len(self.up), success=self.success, miss=miss, up=up)


class Arm:
    r"""Two links, of lengths 1 and 0.8, from a shoulder at the origin; joints turn all the way round.

    A pose is $(q_1, q_2)$ in $[-\pi, \pi)$: the angle of the upper arm against the first axis, and of the forearm
    against the upper arm: a point on a torus. A state is (q1, q2, goal x, goal y); a plan is the pose to move to.

    Raises:
        ValueError: In the methods, if angles are not wrapped, or a goal is out of reach.

    Example:
        >>> arm = worlds.Arm()
        >>> pose = arm.pose(torch.tensor([[1.2, 0.4]]), torch.tensor([True]))
        >>> arm.hand(pose)
        tensor([[1.2000, 0.4000]])
    """

    links = (1.0, 0.8)
    near = 0.1
    """How near to the goal the hand has to come."""
    spread = 0.02
    """Standard deviation of the expert's angles."""
    goals = (0.5, 1.6)
    """Least and largest distance of goals from the shoulder."""

    def __repr__(self) -> str:
        return short_repr(self, links=self.links)

    @property
    def torus(self) -> Torus:
        """Where poses live."""
        return Torus(2)

    def start(self, n: int, generator: torch.Generator | None = None) -> Float[Tensor, "n 4"]:
        """States at the start: any pose, and goals in a ring, uniform by area."""
        u = Noise(generator, torch.empty(0)).uniform(n, 4)
        low, high = self.goals
        distance = (low**2 + (high**2 - low**2) * u[:, 2]).sqrt()
        direction = 2 * math.pi * u[:, 3]
        goal = distance[:, None] * torch.stack([direction.cos(), direction.sin()], 1)
        return torch.cat([wrap(2 * math.pi * u[:, :2]), goal], 1)

    def elbow(self, pose: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape 2"]:
        """Place of the elbow."""
        if pose.shape[-1:] != (2,):
            raise ValueError(f"expected poses of shape (..., 2): two angles; got {tuple(pose.shape)}")
        return self.links[0] * _direction(pose[..., 0])

    def hand(self, pose: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape 2"]:
        r"""Place of the hand, $l_1 (\cos q_1, \sin q_1) + l_2 (\cos(q_1 + q_2), \sin(q_1 + q_2))$."""
        return self.elbow(pose) + self.links[1] * _direction(pose.sum(-1))

    def pose(self, goal: Float[Tensor, "n 2"], up: Bool[Tensor, " n"]) -> Float[Tensor, "n 2"]:
        """The pose whose hand is at the goal: with the elbow up, left of the line from shoulder to hand, or down.

        Raises:
            ValueError: If a goal is out of reach, or `up` are not booleans, one a goal.
        """
        if up.shape != goal.shape[:1] or up.dtype != torch.bool:
            raise ValueError(f"expected booleans of shape {tuple(goal.shape[:1])} as up, "
                             f"got {up.dtype} of shape {tuple(up.shape)}")  # fmt: skip
        first, second = self.links
        distance = goal.norm(dim=-1)
        if not ((distance >= abs(first - second)) & (distance <= first + second)).all():
            raise ValueError(f"expected goals at distances from {abs(first - second):.3g} to {first + second:.3g}, "
                             f"got some from {distance.min():.3g} to {distance.max():.3g}")  # fmt: skip
        cosine = (distance.square() - first**2 - second**2) / (2 * first * second)
        bend = torch.where(up, -1.0, 1.0) * torch.acos(cosine.clamp(-1, 1))
        behind = torch.atan2(second * bend.sin(), first + second * bend.cos())
        return wrap(torch.stack([torch.atan2(goal[:, 1], goal[:, 0]) - behind, bend], 1))

    def observe(self, x: Float[Tensor, "n 4"]) -> Float[Tensor, "n 6"]:
        """What a network sees: cosines and sines of the pose, which have no seam, and the goal."""
        self.check(x)
        return torch.cat([x[:, :2].cos(), x[:, :2].sin(), x[:, 2:]], 1)

    def check(self, x: Tensor) -> None:
        """Refuse what are no states of this world, by a ValueError."""
        if x.ndim != 2 or x.shape[1] != 4:
            raise ValueError(f"expected states of shape (n, 4): q1, q2, goal x, goal y; got {tuple(x.shape)}")
        self.torus.check(x[:, :2])
        self.pose(x[:, 2:], torch.ones(len(x), dtype=torch.bool, device=x.device))

    def probability_up(self, x: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
        """The chance that the expert has the elbow up, the logistic function of how much shorter that way is."""
        up = torch.ones(len(x), dtype=torch.bool, device=x.device)
        ways = [self.torus.distance(x[:, :2], self.pose(x[:, 2:], side)) for side in (up, ~up)]
        return torch.sigmoid(ways[1] - ways[0])

    def demonstrations(
        self, n: int, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "n 2"], Float[Tensor, "n 6"]]:
        """Poses that the expert reaches with, whose angles tremble, and what was seen: (z, o) for `data.batches`."""
        x = self.start(n, generator)
        noise = Noise(generator, x)
        up = noise.uniform(n) < self.probability_up(x)
        return wrap(self.pose(x[:, 2:], up) + self.spread * noise.normal(n, 2)), self.observe(x)

    def movement(
        self, x: Float[Tensor, "n 4"], pose: Float[Tensor, "n 2"], steps: int = 8
    ) -> Float[Tensor, "times n 2"]:
        """Poses on the shortest way on the torus from now to that pose, at constant speed, both ends included.

        Raises:
            ValueError: If there is less than one step, not one pose a state, or angles are not wrapped.
        """
        if steps < 1:
            raise ValueError(f"expected at least 1 step, got {steps}")
        self.check(x)
        check_same_shape(pose=pose, now=x[:, :2])
        return torch.stack([self.torus.geodesic(x[:, :2], pose, i / steps) for i in range(steps + 1)])

    def judge(self, x: Float[Tensor, "n 4"], pose: Float[Tensor, "n 2"]) -> Reached:
        """How near to the goals of these states the hand comes in these poses."""
        self.check(x)
        self.torus.check(pose)
        check_same_shape(pose=pose, now=x[:, :2])
        miss = (self.hand(pose) - x[:, 2:]).norm(dim=1)
        return Reached(miss, pose[:, 1] < 0, (miss <= self.near).double().mean().item())


def _direction(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), angle.sin()], -1)
