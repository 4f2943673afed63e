"""Figures of Lab 1: paths in their exact bands, increments, orders of methods, grids carried by a flow, modes."""

from collections.abc import Mapping
from itertools import cycle
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.fields import plane
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.lines import fitted_slope
from course_utils.plotting.player import Animation
from course_utils.plotting.stage import Stage, bundle
from course_utils.plotting.theme import BROAD, DATA, EXACT, LOOKS, MODEL, figure, legend_below, panels

__all__ = [
    "PathPanel", "convergence", "increment_check", "mode_shares", "sample_paths", "warped_grids", "warping_grid",
]  # fmt: skip


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

    def __repr__(self) -> str:
        band = "no band" if self.mean is None or self.std is None else "a band"
        return f"PathPanel(xs of shape {tuple(self.xs.shape)}, {band})"


@detached
def sample_paths(named: Mapping[str, PathPanel], *, ylabel: str = "$X_t$", sharey: bool = True) -> Figure:
    """Random paths, with the band of two standard deviations around their exact mean.

    Args:
        named: From title to paths.
        ylabel, sharey: Label of the axes, and whether all have one scale.

    Raises:
        ValueError: If there is no panel, or the shapes of one do not fit.
    """
    fig, axes = panels(len(named), 3.2, sharey=sharey)
    for ax, (title, panel) in zip(axes, named.items(), strict=True):
        require_shape("paths", panel.xs, len(panel.ts), None)
        ax.plot(panel.ts, panel.xs, color=MODEL, lw=0.8, alpha=0.55, label="simulated", zorder=3)
        if panel.mean is not None and panel.std is not None:
            _band(ax, panel.ts, panel.mean, panel.std)
        ax.set(title=title, xlabel="time $t$")
    axes[0].set_ylabel(ylabel)
    legend_below(fig, axes)
    return fig


def _band(ax: Axes, ts: Tensor, mean: Tensor, std: Tensor) -> None:
    """An exact mean and two standard deviations on both sides of it."""
    require_shape("the mean", mean, len(ts))
    require_shape("the standard deviation", std, len(ts))
    low, high = mean - 2 * std, mean + 2 * std
    ax.fill_between(ts, low, high, color=EXACT, alpha=0.15, lw=0)
    ax.plot(ts, mean, color=EXACT, lw=2, ls="--", label="exact mean", zorder=4)
    ax.plot(ts, low, ts, high, color=EXACT, lw=2, label="± 2 standard deviations")


@detached
def increment_check(
    ts: Float[Tensor, " times"],
    variances: Mapping[str, Float[Tensor, " times"]],
    pairs: Mapping[str, Float[Tensor, "_ 2"]],
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
    require(list(pairs) == list(variances), f"pairs for {list(variances)}", list(pairs))
    fig, (left, *clouds) = panels(1 + len(pairs), 3.5, gridspec_kw={"wspace": 0.12})
    left.plot(ts, exact, **BROAD, label="exact")
    limit = 1.05 * max(pair.abs().max().item() for pair in pairs.values())
    for ax, name, (color, marker, _) in zip(clouds, variances, LOOKS, strict=False):
        require_shape(name, variances[name], len(ts))
        require_shape(name, pairs[name], None, 2)
        left.plot(ts, variances[name], marker, color=color, ms=6, fillstyle="none", label=name)
        first, second = pairs[name].T
        ax.scatter(first, second, s=4, color=color, alpha=0.4, linewidths=0)
        correlation = f"{torch.corrcoef(pairs[name].T)[0, 1]:.2f}".replace("-", "−")
        ax.set(title=f"{name}\ncorrelation {correlation}", xlim=(-limit, limit), ylim=(-limit, limit), box_aspect=1)
        ax.set(xlabel="first increment", ylabel="second increment")
    left.set(xlabel="time $t$", ylabel="variance", ylim=(0, 1.5 * exact.max().item()), box_aspect=1)
    left.legend(loc="upper left")
    return fig


@detached
def convergence(
    hs: Float[Tensor, " sizes"], methods: Mapping[str, Mapping[str, tuple]], *, ylabel: str = "error at $t = 1$"
) -> Figure:
    """Errors against step size in logarithmic scales, with their fitted slopes and lines of the expected slopes.

    Args:
        hs: Step sizes, shape (sizes,).
        methods: From title to methods, each from name to its errors, shape (sizes,), and the slope to expect.
        ylabel: Of the axes.

    Raises:
        ValueError: If there is no panel, shapes do not fit or an error is not positive.
    """
    fig, axes = panels(len(methods), 4.0)
    for ax, (title, named) in zip(axes, methods.items(), strict=True):
        for (name, (errors, order)), (color, marker, _) in zip(named.items(), LOOKS, strict=False):
            label = f"{name}: fitted slope {fitted_slope(hs, errors):.2f}, line of slope {order:g}"
            scale = (errors.log() - order * hs.log()).mean().exp()
            ax.loglog(hs, scale * hs**order, **BROAD)
            ax.loglog(hs, errors, color=color, marker=marker, ms=5, ls="", label=label)
        ax.set_xscale("log", base=2)
        ax.set(title=title, xlabel="step size $h$")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    axes[0].set_ylabel(ylabel)
    return fig


@detached
def warped_grids(
    grids: Mapping[str, Float[Tensor, "lines points 2"]],
    arrows: tuple[Float[Tensor, "k 2"], Float[Tensor, "k 2"]] | None = None,
) -> Figure:
    """Lines of a grid, carried along by a flow, one panel for each title.

    Args:
        grids: From title to lines, shape (lines, points, 2); the first half in one colour, the rest in another.
        arrows: Places and velocities, both of shape (k, 2), drawn in every panel.

    Raises:
        ValueError: If there is no panel, or shapes do not fit.
    """
    fig, axes = panels(len(grids), 2.9, sharex=True, sharey=True)
    for ax, (title, lines) in zip(axes, grids.items(), strict=True):
        require_shape(title, lines, None, None, 2)
        for i, line in enumerate(lines):
            ax.plot(*line.T, color=MODEL if i < len(lines) / 2 else DATA, lw=1)
        if arrows is not None:
            places, velocities = arrows
            require_shape("velocities", velocities, len(places), 2)
            ax.quiver(*places.T, *velocities.T, color=".3", width=0.01, scale=16, zorder=3)
        ax.set(title=title, aspect="equal", xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig


@detached
def warping_grid(frames: Float[Tensor, "times lines points 2"], ts: Float[Tensor, " times"]) -> Animation:
    """Lines of a grid, carried along by a flow; the first half in one colour, the rest in another.

    Args:
        frames: Lines at every time, shape (times, lines, points, 2).
        ts: Times, shape (times,).
    """
    half = frames.shape[1] // 2
    fig, ax = figure(size=(4.1, 4.1))
    plane(ax, 1.05 * frames.abs().max().item(), title=" ")
    parts = {name: bundle(ax, color=color, lw=1.2) for name, color in (("one", MODEL), ("other", DATA))}
    changes = [
        {"one": lines[:half], "other": lines[half:], "title": f"$t = {t:.2f}$"}
        for lines, t in zip(frames, ts.tolist(), strict=True)
    ]
    return Animation(Stage(fig, parts | {"title": ax.title}), changes)


@detached
def mode_shares(
    shares: Mapping[str, Float[Tensor, "times modes"]], ts: Float[Tensor, " times"], weights: Mapping[str, float]
) -> Figure:
    """Share of the points in each mode over time, with the exact weights as dashed lines.

    Args:
        shares: From title to shares, shape (times, modes).
        ts: Times, shape (times,).
        weights: From the name of each mode to its exact weight.

    Raises:
        ValueError: If there is no panel, or shapes do not fit.
    """
    fig, axes = panels(len(shares), 3.4, sharey=True)
    every = max(1, len(ts) // 10)
    for ax, (title, share) in zip(axes, shares.items(), strict=True):
        require_shape(title, share, len(ts), len(weights))
        for (name, weight), mode, (color, marker, _) in zip(weights.items(), share.T, cycle(LOOKS), strict=False):
            ax.plot(ts, mode, color=color, marker=marker, markevery=every, ms=5, label=name)
            ax.axhline(weight, color=color, ls="--", lw=1.2)
        ax.set(title=title, xlabel="time $t$", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of the points")
    legend_below(fig, axes, title="dashed: exact weight")
    return fig
