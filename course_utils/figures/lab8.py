"""Figures of Lab 8: steps beside the flow, three laws of its map, where learned maps err, and what few steps cost."""

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from jaxtyping import Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.lines import Lines
from course_utils.plotting.stage import bundle, polylines
from course_utils.plotting.theme import (
    BROAD,
    EXACT,
    LOOKS,
    figure,
    legend_below,
    panels,
    plain_ticks,
    tick_at,
)

__all__ = ["map_errors", "steps_and_flow", "three_laws", "who_pays"]

EVERY = 15
"""Points of a curve for one marker on it."""

LEAST_ERROR, LARGEST_ERROR = 0.01, 1.0
"""Ends of the colours of errors; what lies beyond has the colour of the end."""


@detached
def steps_and_flow(
    ts: Float[Tensor, " times"],
    xs: Float[Tensor, "times points"],
    steps: Mapping[str, tuple[Float[Tensor, " few"], Float[Tensor, "few starts"]]],
    errors: Lines,
) -> Figure:
    """Left, the ways of many points and what few steps make of some of them; right, errors against evaluations.

    Args:
        ts: Times of the flow, shape (times,).
        xs: Places of its points, shape (times, points).
        steps: From name to the times and places of a solver's steps from a few of the starts.
        errors: From name to numbers of evaluations and distances.

    Raises:
        ValueError: If there is not one place a time.
    """
    require_shape("places", xs, len(ts), None)
    fig, (left, right) = figure(1, 2, size=(4.4, 3.6))
    ways = bundle(left, color=EXACT, lw=0.8, alpha=0.45)
    ways.set_segments(list(polylines(ts, xs).numpy()))
    for (name, (times, places)), (colour, marker, dash) in zip(steps.items(), LOOKS * len(steps), strict=False):
        require_shape(name, places, len(times), None)
        lines = left.plot(times, places, color=colour, marker=marker, ls=dash, lw=1.6, ms=5)
        lines[0].set_label(name)
    left.set(xlabel="time $t$", ylabel="$x_t$", xlim=(0, 1), ylim=(xs.min().item() - 0.2, xs.max().item() + 0.9))
    left.set_title("the flow (green) and Euler's steps")
    left.legend(loc="upper center", ncols=len(steps), columnspacing=1.2, handlelength=2.2)
    for (name, (counts, values)), (colour, marker, dash) in zip(errors.items(), LOOKS, strict=False):
        right.loglog(counts, values, color=colour, marker=marker, ls=dash, ms=5, label=name)
    right.set(xlabel="evaluations of the velocity", title="Wasserstein distance to the data")
    tick_at(right.xaxis, sorted({count for counts, _ in errors.values() for count in counts}))
    plain_ticks(right.yaxis)
    right.legend()
    return fig


@detached
def three_laws(
    ts: Float[Tensor, " times"],
    panels_of: Mapping[str, Mapping[str, Float[Tensor, " times"]]],
    *,
    ylabel: str = "$u(x, s, t)$",
) -> Figure:
    """Right-hand sides of several laws over time, a panel a title: one curve where all hold, several where not.

    Args:
        ts: Times, shape (times,).
        panels_of: From title to curves by name, shape (times,); the first of each is broad and green.
        ylabel: Of all panels.

    Raises:
        ValueError: If there is no panel, or not one value a time.
    """
    fig, axes = panels(len(panels_of), 3.5, widest=5.5)
    for ax, (title, curves) in zip(axes, panels_of.items(), strict=True):
        for k, (name, values) in enumerate(curves.items()):
            require_shape(name, values, len(ts))
            if k == 0:
                ax.plot(ts, values, label=name, **{**BROAD, "lw": 6})
            else:
                colour, marker, dash = LOOKS[(k - 1) % len(LOOKS)]
                ax.plot(
                    ts, values, color=colour, marker=marker, ls=dash, markevery=(5 * k - 5, EVERY), ms=5, label=name
                )
        ax.set(title=title, xlabel="end $t$", xlim=(ts[0].item(), ts[-1].item()))
    axes[0].set_ylabel(ylabel)
    legend_below(fig, axes)
    return fig


@detached
def map_errors(errors: Mapping[str, Float[Tensor, "k k"]], grid: Float[Tensor, " k"]) -> Figure:
    """Errors of learned flow maps for every start s and end t, a panel a name, on one logarithmic scale of colours.

    Args:
        errors: From name to errors, shape (k, k), the start first; what is not s < t is left white.
        grid: Times, shape (k,), evenly spaced.

    Raises:
        ValueError: If there is no panel, or not one error for each pair of times.
    """
    fig, axes = panels(len(errors), 3.4, widest=2.9, sharey=True)
    half = (grid[1] - grid[0]).item() / 2
    extent = (grid[0].item() - half, grid[-1].item() + half) * 2
    later = torch.ones(len(grid), len(grid)).triu(1) > 0
    for ax, (name, values) in zip(axes, errors.items(), strict=True):
        require_shape(name, values, len(grid), len(grid))
        shown = values.masked_fill(~later, math.nan).T.numpy()
        norm = LogNorm(LEAST_ERROR, LARGEST_ERROR)
        picture = ax.imshow(shown, origin="lower", extent=extent, norm=norm, cmap="magma_r", interpolation="nearest")
        ax.set(xlabel="start $s$", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        ax.set_title(fill(name, 16), size=10.5)
        ax.grid(False)
    axes[0].set_ylabel("end $t$")
    bar = fig.colorbar(picture, ax=axes, location="bottom", extend="both", shrink=0.6, aspect=40)
    bar.set_label("root mean square error of $X_{s,t}$")
    tick_at(bar.ax.xaxis, (0.01, 0.03, 0.1, 0.3, 1))
    return fig


def who_pays(costs: Mapping[str, tuple[float, float]], counts: Sequence[int], *, unit: str = "CPU-seconds") -> Figure:
    """What so many images cost in all: what is spent once, beforehand, and what each image costs.

    Args:
        costs: From name to what is spent once and what an image costs.
        counts: Numbers of images, increasing.
        unit: Of the costs.

    Raises:
        ValueError: If there are fewer than two numbers of images, or a cost is negative.
    """
    require(len(counts) > 1, "at least two numbers of images", len(counts))
    fig, ax = figure(size=(7.4, 3.9))
    for (name, (once, each)), (colour, marker, dash) in zip(costs.items(), LOOKS * len(costs), strict=False):
        require(once >= 0 and each >= 0, f"costs of {name} that are not negative", (once, each))
        totals = [once + each * count for count in counts]
        ax.loglog(counts, totals, color=colour, marker=marker, ls=dash, ms=5, label=name)
    ax.set(xlabel="images drawn", ylabel=f"{unit} in all")
    ax.legend(loc="upper left")
    return fig
