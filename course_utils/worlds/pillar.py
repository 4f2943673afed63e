"""A robot in the plane that passes a pillar, left or right."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_utils.distributions.base import Noise
from course_utils.shapes import check_same_shape, short_repr
from course_utils.worlds.demonstrations import Demonstrations

__all__ = ["Disc", "Episodes", "Pillar"]


class Disc(NamedTuple):
    """A round obstacle.

    Attributes:
        x, y: Its centre.
        radius: Its radius.

    Example:
        >>> worlds.Disc(0.0, 0.5, 0.25).depth(torch.tensor([[0.0, 0.5], [1.0, 0.5]]))
        tensor([ 0.2500, -0.7500])
    """

    x: float
    y: float
    radius: float

    def depth(self, places: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape"]:
        """How deep inside each place is: radius minus distance to the centre, negative outside."""
        return self.radius - (places - places.new_tensor(self[:2])).norm(dim=-1)


@dataclass(frozen=True, repr=False)
class Episodes:
    """What became of episodes, each of shape (n,), booleans.

    Attributes:
        arrived: The goal was reached in time.
        hit: The pillar or a disc was hit before.
        hit_disc: A disc was hit before.
        up: x = 0 was passed above y = 0.

    Example:
        >>> pillar = worlds.Pillar()
        >>> demos = pillar.demonstrations(200, torch.Generator().manual_seed(0))
        >>> pillar.judge(demos.states)
        Episodes(n=200, success=1, hit=0, up=0.455)
    """

    arrived: Bool[Tensor, " n"]
    hit: Bool[Tensor, " n"]
    hit_disc: Bool[Tensor, " n"]
    up: Bool[Tensor, " n"]

    def __repr__(self) -> str:
        hit, up = (part.double().mean().item() for part in (self.hit, self.up))
        return short_repr(self, n=len(self.hit), success=self.success, hit=hit, up=up)

    @property
    def success(self) -> float:
        """Share of the episodes that arrived without a hit."""
        return (self.arrived & ~self.hit).double().mean().item()


class Pillar:
    r"""The robot starts left of a pillar at the origin, its goal lies right of it.

    A state, which is what the robot sees, is (x, y, goal x, goal y). An action is a step in units of the longest one;
    a longer one is shortened to it. An episode has 60 steps; wind moves the robot by normal noise at each.

    Args:
        wind: Standard deviation of the wind in each coordinate.
        discs: More obstacles, of which the expert knows nothing.

    Raises:
        ValueError: If `wind` is negative or infinite, or a disc has no radius; in the methods, if states are no
            (x, y, goal x, goal y), actions no pairs, one a state, or a goal lies outside of the world or within the
            pillar.

    Source: The course's own, after the pushing and driving tasks of Chi et al., "Diffusion policy" (2023).

    Example:
        >>> pillar = worlds.Pillar(wind=0.01)
        >>> x = pillar.start(3, torch.Generator().manual_seed(0))
        >>> pillar.step(x, torch.tensor([1.0, 0.0]).expand(3, 2), torch.Generator().manual_seed(0)).shape
        torch.Size([3, 4])
    """

    radius = 0.3
    longest = 0.06
    """Longest step."""
    reach = 0.1
    """How near to the goal counts as arrived."""
    steps = 60
    way_point = 0.52
    """The expert passes at this height, above or below."""
    spread = 0.008
    """Standard deviation of the expert's steps."""
    size = (1.6, 1.0)
    """The world reaches so far from the origin, in x and in y."""

    def __init__(self, wind: float = 0.0, discs: tuple[Disc, ...] = ()):
        if not 0 <= wind < math.inf:
            raise ValueError(f"expected a wind of at least 0, got {wind}")
        for disc in discs:
            if not disc.radius > 0:
                raise ValueError(f"expected discs with a positive radius, got {disc.radius}")
        self.wind = wind
        self.discs = discs

    def __repr__(self) -> str:
        return short_repr(self, wind=self.wind, discs=self.discs or None)

    def start(
        self, n: int, generator: torch.Generator | None = None, goal: tuple[float, float] | None = None
    ) -> Float[Tensor, "n 4"]:
        """States at the start: a robot about (-1, 0) and a goal about (1, 0), uniform in boxes of 0.2 × 0.5.

        Args:
            n: Number of episodes.
            generator: Source of the places.
            goal: The goal of all of them, if it is to be another.
        """
        u = Noise(generator, torch.empty(0)).uniform(n, 4)
        places = [-1.1 + 0.2 * u[:, 0], 0.5 * (u[:, 1] - 0.5), 0.9 + 0.2 * u[:, 2], 0.5 * (u[:, 3] - 0.5)]
        x = torch.stack(places, 1)
        if goal is not None:
            if len(goal) != 2:
                raise ValueError(f"expected a goal (x, y), got {len(goal)} numbers")
            x[:, 2:] = x.new_tensor(goal)
        self.check(x)
        return x

    def check(self, x: Tensor) -> None:
        """Refuse what are no states of this world, by a ValueError."""
        self._check_axes(x, 2, 3)
        goal = x[..., 2:]
        width, height = self.size
        outside = (goal.abs() > goal.new_tensor(self.size)).any(-1) | (goal.norm(dim=-1) < self.radius)
        if outside.any() or goal.isnan().any():
            worst = goal[outside | goal.isnan().any(-1)][0].tolist()
            raise ValueError(
                f"expected goals outside of the pillar with |x| <= {width:g} and |y| <= {height:g}, "
                f"got ({worst[0]:.3g}, {worst[1]:.3g})"
            )

    @staticmethod
    def _check_axes(x: Tensor, *axes: int) -> None:
        """Refuse what are no rows (x, y, goal x, goal y), in so many axes."""
        if x.ndim not in axes or x.shape[-1] != 4:
            wanted = " or ".join(("(n, 4)", "(times, n, 4)")[number - 2] for number in axes)
            raise ValueError(f"expected states of shape {wanted}: x, y, goal x, goal y; got {tuple(x.shape)}")

    def probability_up(self, x: Float[Tensor, "n 4"]) -> Float[Tensor, " n"]:
        r"""The chance that the expert goes above the pillar, $1 / (1 + e^{-3y})$ at the start height y."""
        self._check_axes(x, 2)
        return torch.sigmoid(3 * x[:, 1])

    def expert(self, x: Float[Tensor, "n 4"], up: Bool[Tensor, " n"]) -> Float[Tensor, "n 2"]:
        """Mean action of an expert who goes that way: to the way point, from there on to the goal."""
        self._check_axes(x, 2)
        check_same_shape(up=up, height=x[:, 1])
        side = torch.where(up, self.way_point, -self.way_point).to(x)
        way = torch.stack([torch.zeros_like(side), side], 1)
        past = x[:, :1] > -self.longest / 2
        return self.shortened((torch.where(past, x[:, 2:], way) - x[:, :2]) / self.longest)

    def step(self, x: Float[Tensor, "n 4"], action: Float[Tensor, "n 2"], generator: torch.Generator | None = None):
        """The states after an action, and after the wind, which the generator blows."""
        self._check_axes(x, 2)
        check_same_shape(action=action, place=x[:, :2])
        place = x[:, :2] + self.longest * self.shortened(action)
        if self.wind:
            place = place + self.wind * Noise(generator, x).normal(len(x), 2)
        return torch.cat([place, x[:, 2:]], 1)

    def shortened(self, action: Float[Tensor, "*shape 2"]) -> Float[Tensor, "*shape 2"]:
        """Actions of a length of at most 1."""
        return action / action.norm(dim=-1, keepdim=True).clamp(min=1)

    def demonstrations(self, n: int, generator: torch.Generator | None = None) -> Demonstrations:
        """n episodes of the expert, who chooses the way by chance, stays with it, and rests at the goal.

        Its action is its mean action and normal noise; no wind blows.
        """
        x = self.start(n, generator)
        noise = Noise(generator, x)
        up = noise.uniform(n) < self.probability_up(x)
        states, actions = [x], []
        for _ in range(self.steps):
            there = (x[:, 2:] - x[:, :2]).norm(dim=1, keepdim=True) < 0.02
            trembling = torch.where(there, 0.0, self.spread / self.longest) * noise.normal(n, 2)
            actions.append(self.expert(x, up) + trembling)
            x = torch.cat([x[:, :2] + self.longest * actions[-1], x[:, 2:]], 1)
            states.append(x)
        return Demonstrations(torch.stack(states), torch.stack(actions), up)

    def way(self, x: Float[Tensor, "n 4"], plans: Float[Tensor, "n plan"]) -> Float[Tensor, "n H 2"]:
        """The places that flat plans lead to from x, without wind; differentiable.

        Raises:
            ValueError: If the plans are not rows of pairs, one a state.
        """
        self._check_axes(x, 2)
        if plans.ndim != 2 or len(plans) != len(x) or plans.shape[1] % 2:
            raise ValueError(f"expected plans of shape ({len(x)}, 2 H), got {tuple(plans.shape)}")
        return x[:, None, :2] + self.longest * plans.unflatten(1, (-1, 2)).cumsum(1)

    def clearance(
        self, x: Float[Tensor, "n 4"], plans: Float[Tensor, "n plan"], margin: float = 0.06, pillar: float = 0.0
    ) -> Float[Tensor, " n"]:
        """A reward of plans, shape (n,): minus the sum of squared depths of their places in the widened discs.

        Args:
            x: States.
            plans: Flat plans.
            margin: Added to the radius of each disc.
            pillar: Weight of the pillar among the obstacles, widened by a third of the margin.
        """
        places = self.way(x, plans)
        inside = [(disc.depth(places) + margin).clamp(min=0).square() for disc in self.discs]
        if pillar:
            inside.append(pillar * (self._pillar.depth(places) + margin / 3).clamp(min=0).square())
        return -sum(inside, torch.zeros_like(places[..., 0])).sum(1)

    def judge(self, states: Float[Tensor, "steps n 4"]) -> Episodes:
        """What became of episodes: the way between two states is straight, and what comes after the arrival is nothing.

        Args:
            states: Before and after every step, shape (steps + 1, n, 4), as `receding_horizon` gives them.
        """
        self._check_axes(states, 3)
        self.check(states)
        places = states[..., :2].movedim(0, 1)
        last = places.shape[1] - 1
        at = torch.arange(last + 1, device=places.device)
        near = (places - states[0, :, None, 2:]).norm(dim=-1) < self.reach
        arrival = torch.where(near, at, last + 1).amin(1)
        between = torch.linspace(0, 1, 5).to(places)[:, None]
        ways = places[:, :-1, None] + between * places.diff(dim=1)[:, :, None]
        before = (at[:last] < arrival[:, None])[..., None]
        hit_disc = torch.zeros(len(places), dtype=torch.bool, device=places.device)
        for disc in self.discs:
            hit_disc |= ((disc.depth(ways) > 0) & before).flatten(1).any(1)
        hit = hit_disc | ((self._pillar.depth(ways) > 0) & before).flatten(1).any(1)
        crossing = torch.where(places[..., 0] > 0, at, last).amin(1)
        up = places[torch.arange(len(places), device=places.device), crossing, 1] > 0
        return Episodes(arrival <= last, hit, hit_disc, up)

    @property
    def _pillar(self) -> Disc:
        return Disc(0.0, 0.0, self.radius)
