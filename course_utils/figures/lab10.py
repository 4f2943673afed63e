"""Figures of Lab 10: ways past the pillar, still and as a film, and an arm with its angles."""

import math
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.player import Animation
from course_utils.plotting.stage import Stage, bundle
from course_utils.plotting.theme import DATA, MODEL, NOISE, figure
from course_utils.worlds import Arm, Disc, Pillar

__all__ = ["HIT", "LIMITS", "arms", "drive", "floor", "ways"]

LIMITS = (-1.3, 1.3), (-0.85, 0.85)
"""What is shown of the pillar's world, in x and in y."""

HIT = "black"
"""Colour of what hits something."""

TAIL = 8
"""Steps that a robot of a film leaves behind it in sight."""


def floor(ax: Axes, title: str = "", discs: Sequence[Disc] = (), limits: tuple = LIMITS) -> None:
    """The pillar's world, empty: the pillar, grey, and discs, dark."""
    obstacles = [(Disc(0, 0, Pillar.radius), "0.78"), *((disc, "0.3") for disc in discs)]
    for disc, colour in obstacles:
        ax.add_patch(Circle((disc.x, disc.y), disc.radius, color=colour, lw=0, zorder=0))
    ax.set(title=title, aspect="equal", xlim=limits[0], ylim=limits[1])
    ax.grid(False)


@detached
def ways(
    places: Mapping[str, Float[Tensor, "_ _ 2"]],
    hit: Mapping[str, Bool[Tensor, " _"]] | None = None,
    *,
    discs: Mapping[str, Sequence[Disc]] | None = None,
    colors: Mapping[str, str] | None = None,
    known: Mapping[str, Float[Tensor, "_ 2"]] | None = None,
    limits: tuple = LIMITS,
) -> Figure:
    """Ways past the pillar, a panel a title, at most three in a row; those that hit something are black.

    Args:
        places: From title to ways, shape (ways, places, 2).
        hit: From title to which of them hit something; where it has no entry none does.
        discs: From title to more obstacles.
        colors: From title to the colour of the others; by default that of the model.
        known: From title to places that were given, drawn as dots.
        limits: What is shown, in x and in y.

    Raises:
        ValueError: If there is no panel, or a panel has not one `hit` a way.
    """
    require(len(places) > 0, "at least one panel", "none")
    columns = min(3, len(places)) if len(places) != 4 else 2
    height = 3.0 * (limits[1][1] - limits[1][0]) / (limits[0][1] - limits[0][0]) + 0.45
    fig, axes = figure(-(-len(places) // columns), columns, size=(3.0, height), squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[len(places) :]:
        ax.remove()
    for ax, (title, way) in zip(axes.flat, places.items(), strict=False):
        black = (hit or {}).get(title, torch.zeros(len(way), dtype=torch.bool))
        require_shape(f"hits of {title}", black, len(way))
        floor(ax, title, (discs or {}).get(title, ()), limits)
        _lines(ax, way[~black], (colors or {}).get(title, MODEL))
        _lines(ax, way[black], HIT)
        if known and title in known:
            ax.plot(*known[title].T, "o", ms=5, color=DATA, zorder=4)
    return fig


def _lines(ax: Axes, way: Float[Tensor, "ways places 2"], color: str, **options) -> None:
    ax.add_collection(LineCollection(list(way.numpy()), color=color, lw=0.8, alpha=0.75, **options))


@detached
def drive(states: Float[Tensor, "steps n 4"], demonstrations: Float[Tensor, "_ _ 2"], *, every: int = 2) -> Animation:
    """A film of robots on their way, at the right, beside what they have learned from, at the left.

    Args:
        states: Of the episodes, (x, y, goal x, goal y), shape (steps + 1, n, 4).
        demonstrations: Ways of the expert, shape (demonstrations, places, 2).
        every: Steps from frame to frame.
    """
    require_shape("states", states, None, None, 4)
    fig, (left, right) = figure(1, 2, size=(4.4, 3.3), sharey=True)
    floor(left, f"{len(demonstrations)} demonstrations")
    _lines(left, demonstrations, DATA)
    floor(right, " ")
    right.plot(*states[0, :, 2:].T, "*", ms=7, color=NOISE, mew=0)
    parts = {
        "tails": bundle(right, color=MODEL, lw=1.2, alpha=0.5),
        "robots": right.plot([], [], "o", ms=5, color=MODEL, mew=0)[0],
        "title": right.title,
    }
    changes = []
    for i in range(0, len(states), every):
        tail = states[max(0, i - TAIL) : i + 1, :, :2].movedim(0, 1)
        changes.append({"tails": tail, "robots": tuple(tail[:, -1].T), "title": f"a policy drives: step {i}"})
    return Animation(Stage(fig, parts), changes)


@detached
def arms(arm: Arm, poses: Mapping[str, Float[Tensor, "_ 2"]], goal: Float[Tensor, " 2"]) -> Figure:
    r"""Arms that reach for one goal, a column a title, and below them their angles on the torus, a square with no edge.

    Those whose hand comes near enough have the colour of the model, the others are black.

    Args:
        arm: The arm.
        poses: From title to poses, shape (n, 2), wrapped.
        goal: Where the hands are to be, shape (2,).

    Raises:
        ValueError: If there is no column, or poses are no pairs of wrapped angles.
    """
    require(len(poses) > 0, "at least one column", "none")
    fig, axes = figure(2, len(poses), size=(min(3.0, 9 / len(poses)), 2.6), squeeze=False, sharex="row", sharey="row")
    for (above, below), (title, q) in zip(axes.T, poses.items(), strict=True):
        arm.torus.check(q)
        near = (arm.hand(q) - goal).norm(dim=1) <= arm.near
        joints = torch.stack([torch.zeros_like(q), arm.elbow(q), arm.hand(q)], 1)
        for chosen, color in ((near, MODEL), (~near, HIT)):
            _lines(above, joints[chosen], color)
            above.plot(*arm.hand(q[chosen]).T, "o", ms=3, color=color, mew=0)
            below.plot(*q[chosen].T, "o", ms=3.5, color=color, alpha=0.6, mew=0)
        above.plot(0, 0, "s", ms=7, color=NOISE, zorder=4)
        above.plot(*goal, "*", ms=13, color=DATA, zorder=5)
        above.set(title=title, aspect="equal", xlim=(-2, 2), ylim=(-2, 2), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        below.set(aspect="equal", xlim=(-math.pi, math.pi), ylim=(-math.pi, math.pi), xlabel="$q_1$")
        for axis in (below.xaxis, below.yaxis):
            axis.set_ticks([-math.pi, 0, math.pi], [r"$-\pi$", "0", r"$\pi$"])
    axes[1, 0].set_ylabel("$q_2$")
    return fig
