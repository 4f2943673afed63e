"""Named lines, a panel a title; and the slope of a line of errors."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import BROAD, EXACT, LOOKS, MODEL, legend_below, panels, plain_ticks, tick_at, tints

__all__ = ["Lines", "fitted_slope", "line_panels", "running_mean"]

Lines = Mapping[str, tuple[Sequence[float] | Tensor, Sequence[float] | Tensor]]
"""From name to abscissas and values, of equal length."""

Level = tuple[float, str]
"""A value to compare with, and its name."""

FEW = 40
"""A line of at most so many points has markers at them."""


@detached
def line_panels(
    named: Mapping[str, Lines],
    *,
    xlabel: str = "time $t$",
    ylabel: str = "",
    log: str = "",
    ylim: tuple[float, float] | None = None,
    level: Level | Mapping[str, Level] | None = None,
    graded: bool = False,
) -> Figure:
    """Named lines, one panel for each title; a name has the same look in every panel.

    Args:
        named: From title to lines. Lines whose names start with "exact" are broad and green, under the others.
        xlabel: Of all panels.
        ylabel: Of all panels, which then have one scale; without it each has its own.
        log: Which axes are logarithmic: "", "x", "y" or "xy".
        ylim: Range of the values, the same for all panels.
        level: A value to compare with, drawn as a dotted line, and its name; or one for some of the titles.
        graded: Whether the lines are steps of one thing, such as ever more of them: then their colours go from light
            to dark in the model's.

    Raises:
        ValueError: If there is no panel, or a line has not one value for each abscissa.

    Example:
        >>> fig = plotting.line_panels({"error": {"Euler": ([1, 2, 4], [0.4, 0.2, 0.1])}}, xlabel="steps", log="xy")
        >>> fig.axes[0].get_title()
        'error'
    """
    fig, axes = panels(len(named), min(3.8, 1 + 9 / max(1, len(named))), widest=6.8, sharey=bool(ylabel))
    looks = _looks(list(dict.fromkeys(name for some in named.values() for name in some)), graded)
    for ax, (title, some) in zip(axes, named.items(), strict=True):
        for name, (places, values) in some.items():
            _line(ax, name, torch.as_tensor(places), torch.as_tensor(values), looks[name])
        own = level.get(title) if isinstance(level, Mapping) else level
        if own is not None:
            ax.axhline(own[0], color="0.3", ls=":", lw=1.5, label=own[1])
        ax.set(title=title, xlabel=xlabel, xscale=_scale("x", log), yscale=_scale("y", log))
        if ylim is not None:
            ax.set_ylim(ylim)
        _log_ticks(ax, some, log)
    axes[0].set_ylabel(ylabel)
    legend_below(fig, axes)
    return fig


def _looks(names: Sequence[str], graded: bool) -> dict[str, dict]:
    """Options of `Axes.plot` for each name."""
    exact = [name for name in names if name.startswith("exact")]
    others = [name for name in names if name not in exact]
    looks = {name: BROAD | {"color": shade} for name, shade in zip(exact, tints(EXACT, len(exact)), strict=True)}
    shades = tints(MODEL, len(others))
    for k, (name, (color, marker, dash)) in enumerate(zip(others, cycle(LOOKS), strict=False)):
        if graded:
            looks[name] = {"color": shades[k], "marker": marker, "lw": 2.8 - 1.6 * k / len(others)}
        else:
            looks[name] = {"color": color, "marker": marker, "ls": dash}
    return looks


def _line(ax: Axes, name: str, places: Tensor, values: Tensor, look: Mapping[str, Any]) -> None:
    require_shape(name, values, len(places))
    marker = look.get("marker", "") if len(places) <= FEW else ""
    ax.plot(places, values, label=name, **{**look, "marker": marker, "ms": 4.5})


def _scale(axis: str, log: str) -> str:
    return "log" if axis in log else "linear"


def _log_ticks(ax: Axes, some: Lines, log: str) -> None:
    """Plain numbers at the abscissas of a logarithmic axis if they are few, and at values within two decades."""
    places = sorted({float(place) for abscissas, _ in some.values() for place in abscissas})
    if "x" in log and len(places) <= 8:
        tick_at(ax.xaxis, places)
    low, high = ax.get_ylim()
    if "y" in log and high < 100 * low:
        plain_ticks(ax.yaxis)


def fitted_slope(hs: Float[Tensor, " sizes"], errors: Float[Tensor, " sizes"]) -> float:
    """Slope of the least-squares line through log error against log step size: the order of a method as measured.

    Args:
        hs: Step sizes, shape (sizes,).
        errors: Their errors, shape (sizes,).

    Raises:
        ValueError: If there are fewer than two errors, or one is not positive.

    Example:
        >>> hs = torch.tensor([0.5, 0.25, 0.125])
        >>> round(plotting.fitted_slope(hs, 3 * hs**2), 4)
        2.0
    """
    require_shape("errors", errors, len(hs))
    require(len(hs) > 1 and bool((errors > 0).all()), "at least two errors, all positive", errors.tolist())
    x = hs.log() - hs.log().mean()
    y = errors.log() - errors.log().mean()
    return ((x * y).sum() / (x * x).sum()).item()


def running_mean(values: Sequence[float], window: int = 50) -> tuple[range, Float[Tensor, " means"]]:
    """Means of so many values in a row, or of all if there are fewer, and the numbers of their last ones.

    Example:
        >>> plotting.lines.running_mean([1.0, 3.0, 5.0], window=2)
        (range(2, 4), tensor([2., 4.]))
    """
    window = min(window, len(values))
    return range(window, len(values) + 1), torch.tensor(values).unfold(0, window, 1).mean(1)
