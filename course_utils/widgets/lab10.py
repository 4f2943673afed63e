"""Sliders of Lab 10: robots that pass the pillar by a policy, and robots led round a disc that it never saw."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.patches import Circle
from torch import Tensor

from course_utils.figures.lab10 import HIT, floor
from course_utils.plotting.stage import Stage, bundle
from course_utils.plotting.theme import DATA, MODEL, figure
from course_utils.simulators import receding_horizon
from course_utils.widgets.core import Choice, Controls, Explorer, Slider
from course_utils.widgets.grip import Grip
from course_utils.worlds import Disc, Pillar

__all__ = ["RADIUS", "explore_guidance", "explore_policy"]

Plan = Callable[[Tensor], Tensor]
"""From states (n, 4) to plans (n, H, 2), as `receding_horizon` takes it."""

RADIUS = 0.12
"""Of the disc that is put in the way."""

LIMITS = (-1.35, 1.65), (-1.0, 1.0)


def explore_policy(policies: Mapping[str, Callable[[], Plan]], *, seed: int = 9) -> Explorer:
    """Episodes of a policy: who plans, how much of a plan is carried out, wind, and goal.

    Starts and gusts are the same for all values. A robot that has arrived rests. Where many decisions are asked for,
    at small k, fewer robots drive, so that no picture takes long: 10 k, and 40 at most.

    Args:
        policies: From a name to what makes a planner, which draws the same noise each time it is made.
        seed: Of starts and gusts.

    Raises:
        ValueError: If there is no policy.
    """
    if not policies:
        raise ValueError("expected at least one policy, got none")

    def draw(policy: str, k: int, wind: float, x: float, y: float):
        world = Pillar(wind)
        states = _driven(policies[policy](), world, k, min(40, 10 * k), seed, (x, y))
        return _shown(world, states) | {"goal": ([x], [y])}

    controls: Controls = {
        "policy": Choice("policy", {name: name for name in policies}),
        "k": Choice("k", {str(k): k for k in (1, 2, 4, 8, 16)}, first="8"),
        "wind": Slider("wind", 0.0, 0.03, 0.01, 0.005),
        "x": Slider("goal, x", 0.4, 1.5, 1.0, 0.1),
        "y": Slider("goal, y", -0.9, 0.9, 0.0, 0.1),
    }
    alt = (
        "Ways of robots from the left past a grey pillar to a goal at the right, a star; those that hit the pillar are "
        "black. Above, the share that arrives. Regression with k = 16 drives into the pillar, with k = 1 it parts left "
        "and right as the flow does for any k; goals far from those of the demonstrations are missed."
    )
    return Explorer(_stage(), draw, controls, alt=alt, grip=Grip("goal", "x", "y"))


def explore_guidance(
    planners: Mapping[str, Callable[[Pillar], Plan]], *, seed: int = 9, wind: float = 0.01
) -> Explorer:
    """Episodes with a disc of which no demonstration knows, to be put anywhere, and several ways to keep clear of it.

    Twenty robots carry out 8 actions of each plan.

    Args:
        planners: From the name of a way to a planner for a world with the disc, which draws the same noise each time.
        seed: Of starts and gusts.
        wind: Of the world.

    Raises:
        ValueError: If there is no planner.
    """
    if not planners:
        raise ValueError("expected at least one planner, got none")

    def draw(way: str, x: float, y: float):
        world = Pillar(wind, (Disc(x, y, RADIUS),))
        states = _driven(planners[way](world), world, 8, 20, seed)
        return _shown(world, states) | {"disc": {"center": (x, y)}}

    controls: Controls = {
        "way": Choice("plans", {name: name for name in planners}),
        "x": Slider("disc, x", -0.6, 0.6, 0.0, 0.05),
        "y": Slider("disc, y", -0.8, 0.8, 0.5, 0.05),
    }
    alt = (
        "Ways of robots from the left past a grey pillar and a dark disc; those that hit one of them are black. Above, "
        "the share that arrives and the share that hits the disc. Without guidance, all that take the disc's side hit "
        "it; guided, they go round it or take the other side."
    )
    return Explorer(_stage(Disc(0, 0, RADIUS)), draw, controls, alt=alt, grip=Grip("disc", "x", "y"))


def _driven(
    plan: Plan, world: Pillar, k: int, robots: int, seed: int, goal: tuple[float, float] | None = None
) -> Float[Tensor, "steps n 4"]:
    """States of whole episodes, on the starts and with the gusts of a seed."""
    start = world.start(40, torch.Generator().manual_seed(seed), goal)[:robots]
    gusts = torch.Generator().manual_seed(seed + 1)
    length = plan(start[:1]).shape[1]
    those = _of_those_on_their_way(plan, length)
    return receding_horizon(those, lambda x, a: world.step(x, a, gusts), start, k, world.steps)


def _of_those_on_their_way(plan: Plan, length: int) -> Plan:
    """Plans of robots that have not arrived; the others rest, which saves their share of the work."""

    def asked(x: Tensor) -> Tensor:
        away = (x[:, :2] - x[:, 2:]).norm(dim=1) >= Pillar.reach
        if away.all():
            return plan(x)
        plans = x.new_zeros(len(x), length, 2)
        if away.any():
            plans[away] = plan(x[away])
        return plans

    return asked


def _shown(world: Pillar, states: Float[Tensor, "steps n 4"]) -> dict[str, object]:
    """What episodes change on the stage."""
    found = world.judge(states)
    ways = states[..., :2].movedim(0, 1)
    words = f"{found.success:.0%} arrive, {found.hit.double().mean():.0%} hit something"
    if world.discs:
        words += f", {found.hit_disc.double().mean():.0%} the disc"
    return {"arrive": ways[~found.hit], "hit": ways[found.hit], "words": words}


def _stage(disc: Disc | None = None) -> Stage:
    """The pillar's world with nobody on their way yet, with a goal or a disc that can move."""
    fig, ax = figure(size=(7.2, 5.0))
    floor(ax, " ", limits=LIMITS)
    parts: dict[str, Artist] = {
        "arrive": bundle(ax, color=MODEL, lw=0.9, alpha=0.8),
        "hit": bundle(ax, color=HIT, lw=0.9, alpha=0.8),
        "words": ax.title,
    }
    if disc is None:
        parts["goal"] = ax.plot([], [], "*", ms=16, color=DATA)[0]
    else:
        parts["disc"] = ax.add_patch(Circle((disc.x, disc.y), disc.radius, color="0.3", lw=0))
    return Stage(fig, parts)
