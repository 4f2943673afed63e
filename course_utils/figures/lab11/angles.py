"""Pairs of angles: Ramachandran plots, ways on the torus, boxes that shrink, an angle past the seam."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.manifolds import wrap
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import DATA, EXACT, HALO, LOOKS, MODEL, NOISE, figure, legend_below, panels, tick_at

__all__ = ["REGIONS", "boxes", "dots", "in_degrees", "outside", "past_the_seam", "ramachandran", "ways"]

REGIONS = {"helix": [(-100, -80, 70, 80)], "strand": [(-180, 90, 130, 90), (-180, -180, 130, 20)]}
"""Corner, width and height in degrees of where `metrics.in_helix` and `in_strand` look."""


def in_degrees(ax: Axes, **labels: str) -> None:
    """Make an axes the whole torus: both angles from -180 to 180 degrees."""
    ax.set(xlim=(-180, 180), ylim=(-180, 180), aspect="equal", **labels)
    for axis in (ax.xaxis, ax.yaxis):
        tick_at(axis, [-180, -90, 0, 90, 180])


def outside(x: Float[Tensor, "n 2"]) -> Tensor:
    """Which pairs of numbers are no wrapped angles: a flow of the plane can leave the square. Shape (n,)."""
    return (x.abs() > math.pi + 1e-4).any(1)


def dots(ax: Axes, points: Tensor, size: float, color: str, **options: Any) -> None:
    """The first two coordinates of points, as dots without an edge."""
    ax.scatter(points[:, 0], points[:, 1], s=size, color=color, lw=0, **options)


@detached
def ramachandran(angles: Mapping[str, Float[Tensor, "_ 2"]], colors: Sequence[str] | None = None) -> Figure:
    """Phi and psi of many residues, a panel a title; what lies outside of the square is wrapped and black.

    Args:
        angles: From title to angles in radians, shape (n, 2).
        colors: One a panel; by default that of the data, then those of models.

    Raises:
        ValueError: If there is no panel, or shapes or numbers do not fit.
    """
    colors = colors or [DATA, *[MODEL] * len(angles)][: len(angles)]
    require(len(colors) == len(angles), f"{len(angles)} colours, one a panel", len(colors))
    fig, axes = panels(len(angles), min(3.9, 0.95 + 6.6 / max(1, len(angles))), widest=3.4, sharey=True)
    for ax, (title, x), color in zip(axes, angles.items(), colors, strict=True):
        require_shape(title, x, None, 2)
        out = outside(x)
        for points, shade, size in ((x[~out], color, 3), (x[out], "black", 8)):
            dots(ax, torch.rad2deg(wrap(points)), size, shade, alpha=0.6)
        in_degrees(ax, title=title, xlabel=r"$\varphi$")
    _regions(axes[0])
    axes[0].set_ylabel(r"$\psi$")
    return fig


def _regions(ax: Axes) -> None:
    """Outlines of helix and strand, with their names."""
    for name, corners in REGIONS.items():
        for left, low, width, height in corners:
            ax.add_patch(Rectangle((left, low), width, height, fill=False, ec="0.35", lw=1, ls=(0, (3, 2))))
        left, low, width, _ = corners[0]
        ax.text(left + width + 5, low + 35, name, color="0.25", size=9, path_effects=HALO)


@detached
def ways(x0: Float[Tensor, "n 2"], z: Float[Tensor, "n 2"]) -> Figure:
    """Ways from angles to others: left, straight lines of the square; right, the shortest ways on the torus.

    Args:
        x0: Where they start, in radians, shape (n, 2).
        z: Where they end, shape (n, 2).

    Raises:
        ValueError: If a shape does not fit.
    """
    require_shape("x0", x0, None, 2)
    require_shape("z", z, len(x0), 2)
    fig, axes = panels(2, 3.9, widest=4.0, sharey=True)
    titles = {"straight lines": z - x0, "shortest ways": wrap(z - x0)}
    for ax, (title, v) in zip(axes, titles.items(), strict=True):
        for start, velocity in zip(x0, v, strict=True):
            ax.plot(*_unbroken(start, velocity), color=MODEL, lw=1.4)
        dots(ax, torch.rad2deg(x0), 24, NOISE, zorder=3, label="$x_0$", clip_on=False)
        dots(ax, torch.rad2deg(z), 24, DATA, zorder=3, label="$z$", clip_on=False)
        length = torch.rad2deg(v.norm(dim=1)).mean()
        in_degrees(ax, title=f"{title}: {length:.0f}° on average", xlabel=r"$\varphi$")
    axes[0].set_ylabel(r"$\psi$")
    legend_below(fig, axes)
    return fig


def _unbroken(start: Tensor, velocity: Tensor, points: int = 400) -> Tensor:
    """A way in degrees, shape (2, points): NaN where it passes the seam, so that no line crosses the square."""
    way = wrap(start + torch.linspace(0, 1, points)[:, None] * velocity)
    jumps = way.diff(dim=0).abs().amax(1) > math.pi
    way[1:][jumps] = torch.nan
    return torch.rad2deg(way).T


@detached
def boxes(data: Float[Tensor, "n 2"], xs: Float[Tensor, "times 2"], times: Sequence[float]) -> Figure:
    """The exact field of a finite set: at each time, the data within (1 - t) pi of the state, and their mean.

    Args:
        data: Angles in radians, shape (n, 2).
        xs: Where the state is at these times, shape (times, 2).
        times: From 0 to below 1.

    Raises:
        ValueError: If there is no time, or a shape does not fit.
    """
    require_shape("data", data, None, 2)
    require_shape("states", xs, len(times), 2)
    fig, axes = panels(len(times), min(3.9, 0.95 + 6.6 / max(1, len(times))), widest=3.4, sharey=True)
    for ax, x, t in zip(axes, xs, times, strict=True):
        away = wrap(data - x)
        near = away.abs().amax(1) <= (1 - t) * math.pi
        for points, colour in ((data[~near], NOISE), (data[near], DATA)):
            dots(ax, torch.rad2deg(points), 7, colour)
        _box(ax, torch.rad2deg(x), 180 * (1 - t))
        if near.any():
            _arrow(ax, torch.rad2deg(x), torch.rad2deg(away[near].mean(0)))
        in_degrees(ax, title=f"$t = {t:g}$: {int(near.sum())} in the box", xlabel=r"$\varphi$")
    axes[0].set_ylabel(r"$\psi$")
    return fig


COPIES = torch.cartesian_prod(*[torch.tensor([-360.0, 0.0, 360.0])] * 2)
"""Shifts by whole turns, of which one shows what has left the square at another side."""


def _box(ax: Axes, centre: Tensor, half: float) -> None:
    for left, low in (centre + COPIES - half).tolist():
        ax.add_patch(Rectangle((left, low), 2 * half, 2 * half, fc=(EXACT, 0.12), ec=EXACT, lw=1.2))


def _arrow(ax: Axes, start: Tensor, way: Tensor) -> None:
    """An arrow, and a dot where it starts; both cut off at the square's edge."""
    look: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.014, "zorder": 4}
    starts = start + COPIES
    ax.quiver(starts[:, 0], starts[:, 1], *way.tolist(), color=MODEL, **look)
    dots(ax, starts, 45, "black", zorder=5)


@detached
def past_the_seam(samples: Mapping[str, Float[Tensor, " _"]], low: float = 90.0, bins: int = 24) -> Figure:
    """Outlines of histograms of an angle, continued past 180 degrees as if there were no seam.

    Args:
        samples: From name to angles in radians, shape (n,); the first is data.
        low: Degrees at the left; 180 more are shown.
        bins: In these 180 degrees.

    Raises:
        ValueError: If there are no angles, or a shape does not fit.
    """
    require(len(samples) > 0, "angles of at least one kind", "none")
    fig, ax = figure(size=(7.6, 3.3))
    edges = torch.linspace(low, low + 180, bins + 1)
    looks = [LOOKS[1], LOOKS[0], *LOOKS[2:]]
    for i, ((name, x), (colour, _, dash)) in enumerate(zip(samples.items(), looks, strict=False)):
        require_shape(name, x, None)
        continued = torch.remainder(torch.rad2deg(x) - low, 360) + low
        share = torch.histogram(continued, edges).hist / len(x) / (180 / bins)
        filled = {"fill": True, "alpha": 0.25, "ec": "none"} if i == 0 else {"lw": 2, "baseline": None}
        ax.stairs(100 * share, edges, color=colour, ls=dash, label=name, **filled)
    ax.axvline(180, color="0.3", ls=":", lw=1.5)
    ticks = torch.linspace(low, low + 180, 7).tolist()
    ax.set_xticks(ticks, [f"{tick:g}" if tick <= 180 else f"{tick:g}\n= {tick - 360:g}" for tick in ticks])
    ax.set(xlabel=r"$\psi$ in degrees, continued past 180", ylabel="% of the residues a degree", xlim=(low, low + 180))
    ax.legend(loc="upper right")
    return fig
