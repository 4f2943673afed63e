"""Figures of Lab 2 on learning: gradients, training against its floor, samples, errors over space and time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import torch
from jaxtyping import Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor

from course_utils.plotting.core import ACCENT, DATA, EXACT, MODEL, NOISE, figure, plain_ticks
from course_utils.plotting.flows import _picture, _plane, _rows_over_time, grid_points
from course_utils.plotting.processes import _require, _require_shape
from course_utils.shapes import check_same_shape

LOOKS = [(MODEL, "o", "-"), (ACCENT, "^", "-."), (DATA, "s", "--"), (NOISE, "D", ":")]
"""Colour, marker and dash of what is compared; what is called exact has a colour of its own."""


def _looks(names: Sequence[str]):
    others = cycle(LOOKS)
    return {name: (EXACT, "", "-") if name.startswith("exact") else next(others) for name in names}


def gradient_agreement(
    exact: Float[Tensor, "batches k"], estimate: Float[Tensor, "batches k"], *, names: tuple[str, str]
) -> Figure:
    """Two gradients entry by entry, and the length of their mean difference as more and more batches are averaged.

    What chance can do is shown by the same differences with random signs: 9 of 10 such curves lie in the band.

    Args:
        exact, estimate: The gradient of each batch, shape (batches, k).
        names: Of the two gradients, for the axes.

    Raises:
        ValueError: If the shapes differ or there are fewer than two batches.
    """
    check_same_shape(exact=exact, estimate=estimate)
    _require(len(exact) > 1, "at least two batches", len(exact))
    fig, (left, right) = figure(1, 2, size=(4.4, 3.7))
    difference, counts = estimate - exact, torch.arange(1, len(exact) + 1)
    error, x = difference.std(0) / len(exact) ** 0.5, exact.mean(0)
    ends = [x.min(), x.max()]
    left.plot(ends, ends, color=EXACT, lw=3, alpha=0.6, label="equal", zorder=1)
    left.errorbar(x, estimate.mean(0), 2 * error, fmt=".", color=MODEL, ms=4, lw=0.8, label="± 2 standard errors")
    left.set(xlabel=names[0], ylabel=names[1], title="entries of the two gradients")
    left.legend()
    signs = torch.randint(2, (100, len(exact), 1), generator=torch.Generator().manual_seed(0)) * 2 - 1
    found, *by_chance = [((sign * difference).cumsum(0) / counts[:, None]).norm(dim=1) for sign in (1, *signs)]
    band = torch.stack(by_chance).quantile(torch.tensor([0.05, 0.95]).to(found), dim=0)
    right.loglog(counts, x.norm().expand(len(counts)), color=NOISE, ls="--", label="length of the gradient")
    right.fill_between(counts, *band, color=EXACT, alpha=0.3, lw=0, label="chance: random signs")
    right.loglog(counts, found, color=MODEL, label="length of the difference")
    right.set(xlabel="batches averaged", title="difference of the two gradients")
    right.legend(loc="lower left")
    return fig


def training_progress(
    losses: Mapping[str, Sequence[float]],
    distances: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    *,
    floor: float,
    samples: Float[Tensor, "n 2"] | None = None,
    limit: float = 5.5,
) -> Figure:
    """The loss of every run with its floor, the distance to the exact field that is left above it, and samples.

    Args:
        losses: From name to the loss of every step.
        distances: From the same names to steps, and to mean squared distances at them.
        floor: The loss of the exact field.
        samples: What the last run generates, shape (n, 2), or None.
        limit: The plane is shown from -limit to limit.
    """
    _require(list(losses) == list(distances), f"distances for {list(losses)}", list(distances))
    panels = 2 if samples is None else 3
    fig, axes = figure(1, panels, size=(9 / panels, 3.4 if panels == 2 else 3.0))
    for name, (color, marker, dash) in _looks(list(losses)).items():
        values = torch.tensor(losses[name])
        window = min(50, len(values))
        steps = range(window, len(values) + 1)
        axes[0].plot(steps, values.unfold(0, window, 1).mean(1), color=color, ls=dash, label=name)
        axes[1].semilogy(*distances[name], color=color, marker=marker, ms=4, ls=dash, label=name)
    axes[0].axhline(floor, color=EXACT, lw=3, alpha=0.6, label=f"floor {floor:.2f}")
    axes[0].set(xlabel="step", title="loss (mean of 50 steps)", ylim=(floor - 0.3, floor + 1.3))
    axes[0].legend(loc="upper right", fontsize=9.5)
    axes[1].set(xlabel="step", title="distance to the exact field")
    plain_ticks(axes[1].yaxis)
    if samples is not None:
        axes[2].scatter(*samples.T, s=3, color=MODEL, alpha=0.6, lw=0)
        axes[2].set(title="samples now", xlabel="$x_1$", ylabel="$x_2$")
        _plane(axes[2], limit)
    return fig


def board_samples(
    panels: Mapping[str, Float[Tensor, "n 2"]], contains: Callable[[Tensor], Tensor], *, limit: float = 4.5
) -> Figure:
    """Samples over a support: those on it in the colour of the model, those off it black.

    Args:
        panels: From title to samples, shape (n, 2).
        contains: From points of shape (n, 2) to whether each lies on the support, such as `Checkerboard().contains`.
        limit: The plane is shown from -limit to limit.
    """
    _require(len(panels) > 0, "at least one panel", "none")
    side = min(4.2, 9 / len(panels))
    fig, axes = figure(1, len(panels), size=(side, 1.3 * side), squeeze=False, sharey=True)
    support = contains(grid_points(limit, 450)).reshape(450, 450).float()
    for ax, (title, x) in zip(axes[0], panels.items(), strict=True):
        _require_shape(title, x, None, 2)
        _picture(ax, support, limit, cmap="Blues", vmax=6)
        on = contains(x)
        for points, color in ((x[on], MODEL), (x[~on], "black")):
            ax.scatter(*points.T, s=3, color=color, alpha=0.6, lw=0)
        ax.set(title=title, xlabel="$x_1$")
        _plane(ax, limit)
    axes[0, 0].set_ylabel("$x_2$")
    return fig


def error_maps(
    rows: Mapping[str, Float[Tensor, "times m m"]],
    densities: Float[Tensor, "times m m"],
    ts: Float[Tensor, " times"],
    *,
    limit: float = 5.0,
    share: float = 1e-3,
) -> Figure:
    """Sizes of errors over the plane and time, one row a name, on one logarithmic scale of colours.

    Args:
        rows: From name to errors, shape (times, m, m).
        densities: Shape (times, m, m): white where the density is below `share` of its maximum, as nothing comes there.
        ts: Times, shape (times,).
        limit: The grids reach from -limit to limit.
        share: See `densities`.
    """
    fig, axes = _rows_over_time(list(rows), ts, 1.15)
    _require_shape("densities", densities, len(ts), None, densities.shape[1])
    empty = densities < share * densities.amax((1, 2), keepdim=True)
    scale = LogNorm(0.03, 10)
    for (name, errors), line in zip(rows.items(), axes, strict=True):
        _require_shape(name, errors, *densities.shape)
        for ax, values in zip(line, errors.masked_fill(empty, torch.nan), strict=True):
            picture = _picture(ax, values, limit, norm=scale, cmap="magma_r")
            _plane(ax, limit)
    options = {"location": "bottom", "extend": "both", "shrink": 0.6, "aspect": 40}
    fig.colorbar(picture, ax=axes, label="size of the error", **options)
    return fig


def comparisons(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]],
    *,
    xlabel: str,
    logx: bool = False,
    logy: bool = True,
    floors: Mapping[str, tuple[float, str]] | None = None,
) -> Figure:
    """Named curves, one panel for each title.

    Args:
        panels: From title to curves, each from name to its places and its values; markers where they are few.
        xlabel: Of all panels.
        logx, logy: Whether the scales are logarithmic.
        floors: From title to a value that cannot be beaten, and what it is.
    """
    _require(len(panels) > 0, "at least one panel", "none")
    fig, axes = figure(1, len(panels), size=(min(6.8, 9 / len(panels)), 3.8), squeeze=False)
    for ax, (title, named) in zip(axes[0], panels.items(), strict=True):
        for name, (color, marker, dash) in _looks(list(named)).items():
            few = {"marker": marker, "ms": 4.5} if len(named[name][0]) <= 40 else {}
            ax.plot(*named[name], color=color, ls=dash, label=name, **few)
        if floors and title in floors:
            value, label = floors[title]
            ax.axhline(value, color=NOISE, lw=1.5, label=label)
        scales = {"xscale": "log" if logx else "linear", "yscale": "log" if logy else "linear"}
        ax.set(title=title, xlabel=xlabel, **scales)
        if logx:
            places = sorted({x for xs, _ in named.values() for x in xs})
            ax.set_xticks(places, [f"{x:g}" for x in places])
            ax.xaxis.set_minor_formatter(NullFormatter())
        if logy and ax.get_ylim()[1] < 100 * ax.get_ylim()[0]:
            plain_ticks(ax.yaxis)
    entries = {label: h for ax in axes[0] for h, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    room = 12 * fig.get_figwidth() - sum(len(label) + 8 for label in entries)  # in letters; 8 for a line and its gaps
    fig.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=4 if room > 0 else 2)
    return fig
