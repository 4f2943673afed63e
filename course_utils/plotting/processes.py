"""Figures of Lab 1: curves, paths in their exact bands, orders of methods, laws, grids carried by a flow."""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from seaborn import light_palette
from torch import Tensor

from course_utils.plotting.core import ACCENT, DATA, EXACT, MODEL, NOISE, figure

LOOKS = [(MODEL, "o"), (DATA, "s"), (ACCENT, "^"), (NOISE, "D")]
"""Colours and markers of things to be told apart."""

BROAD, BELOW = {"lw": 3.5, "alpha": 0.6, "zorder": 1}, {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2)}
"""How an exact answer looks under what is compared with it; where the legend of an axes hides nothing."""


class PathPanel(NamedTuple):
    """Paths of one process, and the mean and standard deviation that it has exactly.

    Attributes:
        ts: Times, shape (times,).
        xs: One path a column, shape (times, paths).
        mean, std: Exact mean and standard deviation at `ts`, shape (times,), or None.
    """

    ts: Float[Tensor, " times"]
    xs: Float[Tensor, "times paths"]
    mean: Float[Tensor, " times"] | None = None
    std: Float[Tensor, " times"] | None = None


def _panels(count: int, height: float, *, widest: float = 5.5, **options):
    """A row of `count` axes, as a list, at most 9 inches (990 pixels) wide, and none of them wider than `widest`."""
    _require(count > 0, "at least one panel", "none")
    fig, axes = figure(1, count, size=(min(widest, 9 / count), height), squeeze=False, **options)
    return fig, list(axes[0])


def _require(holds: bool, expected: str, got: object) -> None:
    if not holds:
        raise ValueError(f"expected {expected}, got {got}")


def _require_shape(name: str, value: Tensor, *shape: int | None) -> None:
    """Refuse a tensor that has another shape; None stands for any size."""
    fits = value.ndim == len(shape) and all(s in (None, n) for s, n in zip(shape, value.shape, strict=True))
    _require(fits, f"{name} of shape ({', '.join('any' if s is None else str(s) for s in shape)})", tuple(value.shape))


def _one_legend(fig: Figure, ax, **options) -> None:
    """The entries of one axes, each name once, below the whole figure."""
    handles, labels = ax.get_legend_handles_labels()
    entries = dict(zip(labels, handles, strict=True))
    fig.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=len(entries), **options)


def point_clouds(
    points: dict[str, Float[Tensor, "_ 2"]],
    colors: Sequence[str] | None = None,
    *,
    density: tuple[Float[Tensor, " m"], Float[Tensor, "m m"]] | None = None,
) -> Figure:
    """Points in the plane, one panel for each title.

    Args:
        points: From title to points, shape (n, 2).
        colors: One a panel; by default that of the model.
        density: Places along both axes, shape (m,), and the exact density there, shape (m, m), second coordinate
            first; drawn as contours.

    Raises:
        ValueError: If shapes or numbers do not fit.
    """
    colors = colors or [MODEL] * len(points)
    _require(len(colors) == len(points), f"{len(points)} colours, one a panel", len(colors))
    fig, axes = _panels(len(points), 2.9, widest=3.0, sharex=True, sharey=True)
    for ax, (title, x), color in zip(axes, points.items(), colors, strict=True):
        _require_shape(title, x, None, 2)
        if density is not None:
            places, values = density
            _require_shape("a density", values, len(places), len(places))
            ax.contour(places, places, values, levels=6, colors=EXACT, linewidths=0.8)
        size, alpha = (5, 0.5) if len(x) > 100 else (20, 0.9)
        ax.scatter(*x.T, s=size, color=color, alpha=alpha, linewidths=0, zorder=3)
        ax.set(title=title, aspect="equal", xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig


def curves(
    panels: dict[str, dict[str, tuple[Tensor, Tensor]]], *, xlabel: str = "time $t$", ylabel: str = "$X_t$"
) -> Figure:
    """Named curves over time, one panel for each title.

    Args:
        panels: From title to curves, each from name to times and values, both of shape (times,). Curves whose names
            start with "exact" are broad and have that colour, the others go from light to dark in the model's.
        xlabel, ylabel: Of the axes.

    Raises:
        ValueError: If times and values differ in shape.
    """
    fig, axes = _panels(len(panels), 3.8)
    for ax, (title, named) in zip(axes, panels.items(), strict=True):
        exact = [name for name in named if name.startswith("exact")]
        shades = dict(zip(exact, light_palette(EXACT, len(exact) + 2)[2:], strict=True))
        others = [name for name in named if name not in shades]
        shades |= zip(others, light_palette(MODEL, len(others) + 2)[2:], strict=True)
        for (name, (ts, values)), (_, marker) in zip(named.items(), cycle(LOOKS), strict=False):
            _require_shape(name, values, len(ts))
            thin = {"lw": 2.8 - 1.6 * others.index(name) / len(others)} if name in others else BROAD
            few = {"marker": marker, "ms": 4.5} if name in others and len(ts) <= 40 else {}
            ax.plot(ts, values, color=shades[name], label=name, **thin, **few)
        ax.set(title=title, xlabel=xlabel, ylabel=ylabel if ax is axes[0] else "")
        ax.legend(ncols=2, **BELOW)
    return fig


def sample_paths(panels: dict[str, PathPanel], *, ylabel: str = "$X_t$", sharey: bool = True) -> Figure:
    """Random paths, with the band of two standard deviations around their exact mean.

    Args:
        panels: From title to paths.
        ylabel, sharey: Label of the axes, and whether all have one scale.

    Raises:
        ValueError: If the shapes of a panel do not fit.
    """
    fig, axes = _panels(len(panels), 3.2, sharey=sharey)
    for ax, (title, (ts, xs, mean, std)) in zip(axes, panels.items(), strict=True):
        _require_shape("paths", xs, len(ts), None)
        ax.plot(ts, xs, color=MODEL, lw=0.8, alpha=0.55, label="simulated", zorder=3)
        if mean is not None and std is not None:
            _require_shape("the mean", mean, len(ts))
            _require_shape("the standard deviation", std, len(ts))
            ax.fill_between(ts, mean - 2 * std, mean + 2 * std, color=EXACT, alpha=0.15, lw=0)
            ax.plot(ts, mean, color=EXACT, lw=2, ls="--", label="exact mean", zorder=4)
            ax.plot(ts, mean - 2 * std, ts, mean + 2 * std, color=EXACT, lw=2, label="± 2 standard deviations")
        ax.set(title=title, xlabel="time $t$")
    axes[0].set_ylabel(ylabel)
    _one_legend(fig, axes[0])
    return fig


def increment_check(
    ts: Float[Tensor, " times"],
    variances: dict[str, Float[Tensor, " times"]],
    pairs: dict[str, Float[Tensor, "_ 2"]],
    *,
    exact: Float[Tensor, " times"],
) -> Figure:
    """Variance over time of several processes, and for each a cloud of two increments with its correlation.

    Args:
        ts: Times, shape (times,).
        variances: From name to variances at `ts`, shape (times,).
        pairs: From the same names to an earlier and a later increment of every path, shape (n, 2).
        exact: The variance to expect, shape (times,).

    Raises:
        ValueError: If names or shapes do not fit.
    """
    _require(list(pairs) == list(variances), f"pairs for {list(variances)}", list(pairs))
    fig, axes = _panels(1 + len(pairs), 3.5, gridspec_kw={"wspace": 0.12})
    axes[0].plot(ts, exact, color=EXACT, **BROAD, label="exact")
    limit = 1.05 * max(pair.abs().max().item() for pair in pairs.values())
    for ax, name, (color, marker) in zip(axes[1:], variances, LOOKS, strict=False):
        _require_shape(name, variances[name], len(ts))
        _require_shape(name, pairs[name], None, 2)
        axes[0].plot(ts, variances[name], marker, color=color, ms=6, fillstyle="none", label=name)
        ax.scatter(*pairs[name].T, s=4, color=color, alpha=0.4, linewidths=0)
        correlation = f"{torch.corrcoef(pairs[name].T)[0, 1]:.2f}".replace("-", "−")
        ax.set(title=f"{name}\ncorrelation {correlation}", xlim=(-limit, limit), ylim=(-limit, limit), box_aspect=1)
        ax.set(xlabel="first increment", ylabel="second increment")
    axes[0].set(xlabel="time $t$", ylabel="variance", ylim=(0, 1.5 * exact.max().item()), box_aspect=1)
    axes[0].legend(loc="upper left")
    return fig


def fitted_slope(hs: Float[Tensor, " sizes"], errors: Float[Tensor, " sizes"]) -> float:
    """Slope of the least-squares line through log error against log step size: the order of a method as measured.

    Raises:
        ValueError: If there are fewer than two errors, or one is not positive.
    """
    _require_shape("errors", errors, len(hs))
    _require(len(hs) > 1 and bool((errors > 0).all()), "at least two errors, all positive", errors.tolist())
    x, y = hs.log() - hs.log().mean(), errors.log() - errors.log().mean()
    return ((x * y).sum() / (x * x).sum()).item()


def convergence(
    hs: Float[Tensor, " sizes"], panels: dict[str, dict[str, tuple]], *, ylabel: str = "error at $t = 1$"
) -> Figure:
    """Errors against step size in logarithmic scales, with their fitted slopes and lines of the expected slopes.

    Args:
        hs: Step sizes, shape (sizes,).
        panels: From title to methods, each from name to its errors, shape (sizes,), and the slope to expect.
        ylabel: Of the axes.

    Raises:
        ValueError: If shapes do not fit or an error is not positive.
    """
    fig, axes = _panels(len(panels), 4.0)
    for ax, (title, methods) in zip(axes, panels.items(), strict=True):
        for (name, (errors, order)), (color, marker) in zip(methods.items(), LOOKS, strict=False):
            label = f"{name}: fitted slope {fitted_slope(hs, errors):.2f}, line of slope {order:g}"
            scale = (errors.log() - order * hs.log()).mean().exp()
            ax.loglog(hs, scale * hs**order, color=EXACT, **BROAD)
            ax.loglog(hs, errors, color=color, marker=marker, ms=5, ls="", label=label)
        ax.set_xscale("log", base=2)
        ax.set(title=title, xlabel="step size $h$")
        ax.legend(**BELOW)
    axes[0].set_ylabel(ylabel)
    return fig


def law_histograms(
    samples: dict[str, Float[Tensor, " _"]], grid: Float[Tensor, " m"], densities: Float[Tensor, "panels m"]
) -> Figure:
    """Histograms of samples on the line, each with the exact density.

    Args:
        samples: From title to samples, shape (n,).
        grid: Places at which the densities are given, shape (m,).
        densities: Exact densities, shape (panels, m).

    Raises:
        ValueError: If shapes do not fit.
    """
    _require_shape("densities", densities, len(samples), len(grid))
    fig, axes = _panels(len(samples), 3.0, sharex=True)
    bins = torch.linspace(grid.min().item(), grid.max().item(), 61).tolist()
    for ax, (title, x), density in zip(axes, samples.items(), densities, strict=True):
        _require_shape(title, x, None)
        ax.hist(x, bins, density=True, histtype="stepfilled", lw=0, color=MODEL, alpha=0.5, label="simulated")
        ax.plot(grid, density, color=EXACT, lw=2, label="exact")
        ax.set(title=title, xlabel="$x$")
    axes[0].set_ylabel("density")
    _one_legend(fig, axes[0])
    return fig


def warped_grids(
    grids: dict[str, Float[Tensor, "lines points 2"]],
    arrows: tuple[Float[Tensor, "k 2"], Float[Tensor, "k 2"]] | None = None,
) -> Figure:
    """Lines of a grid, carried along by a flow, one panel for each title.

    Args:
        grids: From title to lines, shape (lines, points, 2); the first half in one colour, the rest in another.
        arrows: Places and velocities, both of shape (k, 2), drawn in every panel.

    Raises:
        ValueError: If shapes do not fit.
    """
    fig, axes = _panels(len(grids), 2.9, sharex=True, sharey=True)
    for ax, (title, lines) in zip(axes, grids.items(), strict=True):
        _require_shape(title, lines, None, None, 2)
        for i, line in enumerate(lines):
            ax.plot(*line.T, color=MODEL if i < len(lines) / 2 else DATA, lw=1)
        if arrows is not None:
            places, velocities = arrows
            _require_shape("velocities", velocities, len(places), 2)
            ax.quiver(*places.T, *velocities.T, color=".3", width=0.01, scale=16, zorder=3)
        ax.set(title=title, aspect="equal", xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig


def mode_shares(
    panels: dict[str, Float[Tensor, "times modes"]], ts: Float[Tensor, " times"], weights: dict[str, float]
) -> Figure:
    """Share of the points in each mode over time, with the exact weights as dashed lines.

    Args:
        panels: From title to shares, shape (times, modes).
        ts: Times, shape (times,).
        weights: From the name of each mode to its exact weight.

    Raises:
        ValueError: If shapes do not fit.
    """
    fig, axes = _panels(len(panels), 3.4, sharey=True)
    every = max(1, len(ts) // 10)
    for ax, (title, share) in zip(axes, panels.items(), strict=True):
        _require_shape(title, share, len(ts), len(weights))
        for (name, weight), mode, (color, marker) in zip(weights.items(), share.T, cycle(LOOKS), strict=False):
            ax.plot(ts, mode, color=color, marker=marker, markevery=every, ms=5, label=name)
            ax.axhline(weight, color=color, ls="--", lw=1.2)
        ax.set(title=title, xlabel="time $t$", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of the points")
    _one_legend(fig, axes[0], title="dashed: exact weight")
    return fig
