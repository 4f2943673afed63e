"""Figures of Lab 5: named lines with dashes of their own, log-densities as maps, and against the exact ones."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor

from course_utils.plotting.core import EXACT, MODEL, figure
from course_utils.plotting.digits import LOOKS
from course_utils.plotting.processes import _one_legend, _panels, _require, _require_shape

Lines = Mapping[str, tuple[Sequence[float] | Tensor, Sequence[float] | Tensor]]
"""From name to abscissas and values, of equal length."""


def line_panels(
    panels: Mapping[str, Lines],
    *,
    xlabel: str,
    ylabel: str,
    log: str = "",
    ylim: tuple[float, float] | None = None,
    level: tuple[float, str] | None = None,
) -> Figure:
    """Named lines, one panel for each title; a name has the same colour, dash and marker in every panel.

    Args:
        panels: From title to lines. Lines whose names start with "exact" have that colour.
        xlabel, ylabel: Of the axes.
        log: Which axes are logarithmic: "", "x", "y" or "xy".
        ylim: Range of the values, the same for all panels.
        level: A value to compare with, drawn as a dotted line, and its name.

    Raises:
        ValueError: If a line has not one value for each abscissa.
    """
    _require(len(panels) > 0, "at least one panel", "none")
    fig, axes = figure(1, len(panels), size=(min(7.5, 9 / len(panels)), 3.8), sharey=True, squeeze=False)
    axes = axes[0]
    names = dict.fromkeys(name for lines in panels.values() for name in lines)
    looks = dict(zip(names, cycle(LOOKS), strict=False))
    for ax, (title, lines) in zip(axes, panels.items(), strict=True):
        for name, (places, values) in lines.items():
            places, values = torch.as_tensor(places), torch.as_tensor(values)
            _require_shape(name, values, len(places))
            color, marker, dash = looks[name]
            few = {"marker": marker, "ms": 5} if len(places) <= 40 else {}
            ax.plot(places, values, color=EXACT if name.startswith("exact") else color, ls=dash, label=name, **few)
        if level is not None:
            ax.axhline(level[0], color="0.3", ls=":", lw=1.5, label=level[1])
        ax.set(title=title, xlabel=xlabel, xscale="log" if "x" in log else "linear")
        ticks = sorted({float(place) for places, _ in lines.values() for place in places})
        if "x" in log and len(ticks) <= 8:
            ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set(yscale="log" if "y" in log else "linear", **({"ylim": ylim} if ylim else {}))
    axes[0].set_ylabel(ylabel)
    _one_legend(fig, max(axes, key=lambda ax: len(ax.lines)))
    return fig


def log_density_maps(maps: Mapping[str, Float[Tensor, "m m"]], limit: float, *, floor: float = -9.0) -> Figure:
    """Log-densities in the plane, side by side on one scale.

    Args:
        maps: From title to log-densities on a square grid, shape (m, m), second coordinate first.
        limit: The grid covers [-limit, limit]².
        floor: Smaller values have the colour of this one.

    Raises:
        ValueError: If a map is not square.
    """
    fig, axes = _panels(len(maps), 3.3, sharex=True, sharey=True)
    top = max(values.max().item() for values in maps.values())
    for ax, (title, values) in zip(axes, maps.items(), strict=True):
        _require_shape(title, values, len(values), len(values))
        extent = (-limit, limit, -limit, limit)
        picture = ax.imshow(values.numpy(), origin="lower", extent=extent, cmap="viridis", vmin=floor, vmax=top)
        ax.grid(False)
        ax.set(title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    fig.colorbar(picture, ax=axes, label="log-density", extend="min", shrink=0.85)
    return fig


def density_scatter(
    exact: Float[Tensor, " points"], found: Mapping[str, Float[Tensor, " points"]], *, floor: float = -12.0
) -> Figure:
    """Log-densities as computed against the exact ones, one panel for each title; right ones lie on the diagonal.

    Args:
        exact: Exact log-densities, shape (points,).
        found: From title to log-densities of the same points.
        floor: The axes begin here; smaller values are drawn at their edge.

    Raises:
        ValueError: If the numbers of points differ.
    """
    _require(len(exact) > 0, "at least one point", "none")
    fig, axes = _panels(len(found), 4.3, sharex=True, sharey=True)
    top = max(v.max().item() for v in (exact, *found.values())) + 0.5
    for ax, (title, values) in zip(axes, found.items(), strict=True):
        _require_shape(title, values, len(exact))
        ax.plot([floor, top], [floor, top], color=EXACT, lw=2, label="exact")
        x, y = exact.clamp(min=floor), values.clamp(min=floor)
        ax.scatter(x, y, s=6, color=MODEL, alpha=0.5, linewidths=0, zorder=3, label="computed")
        ax.set(title=title, xlabel="exact log-density", xlim=(floor, top), ylim=(floor, top), box_aspect=1)
    axes[0].set_ylabel("computed log-density")
    _one_legend(fig, axes[0], markerscale=2)
    return fig
