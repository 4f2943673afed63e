"""Figures of Lab 2: what paths and fields carry, where a point is going, gradients, training on its way."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from course_utils.plotting.fields import grid_points, picture, plane, rows_over_time
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.lines import running_mean
from course_utils.plotting.player import Animation
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import (
    BROAD,
    DATA,
    EXACT,
    HALO,
    LOOKS,
    MODEL,
    NOISE,
    colormap,
    figure,
    panels,
    plain_ticks,
)  # fmt: skip
from course_utils.shapes import check_same_shape

__all__ = [
    "box_flow", "gradient_agreement", "moving_points", "path_histograms", "training_progress",
    "trajectories", "you_are_here",
]  # fmt: skip


@detached
def path_histograms(
    rows: Mapping[str, Float[Tensor, "times n 2"]],
    ts: Float[Tensor, " times"],
    *,
    limit: float = 4.5,
    color: str = DATA,
    marked: Float[Tensor, "rows 2"] | None = None,
) -> Figure:
    """Samples in the plane as two-dimensional histograms, times from left to right.

    Args:
        rows: From name to samples at every time, shape (times, n, 2).
        ts: Times, shape (times,).
        limit: The plane is shown from -limit to limit.
        color: Of the histograms.
        marked: A point to mark in each row, shape (rows, 2); not a number for none.
    """
    fig, axes = rows_over_time(list(rows), ts, 1.1)
    if marked is not None:
        require_shape("marked", marked, len(rows), 2)
    for r, ((name, xs), line) in enumerate(zip(rows.items(), axes, strict=True)):
        require_shape(name, xs, len(ts), None, 2)
        for ax, x in zip(line, xs, strict=True):
            ax.hist2d(*x.T.numpy(), bins=45, range=[[-limit, limit]] * 2, cmap=colormap(color))
            if marked is not None:
                ax.plot(*marked[r], "x", color="black", ms=7, mew=2)
            plane(ax, limit)
    return fig


@detached
def trajectories(
    runs: Mapping[str, Float[Tensor, "saved n 2"]],
    *,
    targets: Float[Tensor, "points 2"] | None = None,
    limit: float = 4.5,
    color: str = EXACT,
) -> Figure:
    """Trajectories in the plane, from grey starts to coloured ends, one panel for each title.

    Args:
        runs: From title to states, shape (saved, n, 2).
        targets: Data points, shape (points, 2), or None.
        limit: The plane is shown from -limit to limit.
        color: Of lines and ends.
    """
    side = min(4.2, 9 / max(1, len(runs)))
    fig, axes = panels(len(runs), 1.1 * side, widest=4.2, sharey=True)
    for ax, (title, xs) in zip(axes, runs.items(), strict=True):
        require_shape(title, xs, None, None, 2)
        ax.plot(xs[..., 0], xs[..., 1], color=color, lw=0.8, alpha=0.6)
        ax.scatter(xs[0, :, 0], xs[0, :, 1], s=12, color=NOISE, zorder=3, label="start")
        ax.scatter(xs[-1, :, 0], xs[-1, :, 1], s=14, color=color, zorder=4, label="end")
        if targets is not None:
            x, y = targets.T
            ax.scatter(x, y, s=70, marker="*", color=DATA, zorder=5, edgecolor="white", lw=0.6, label="data")
        plane(ax, limit, title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    axes[0].legend(loc="upper left", fontsize=9.5)
    return fig


@detached
def moving_points(
    xs: Float[Tensor, "times points 2"], ts: Float[Tensor, " times"], *, limit: float = 4.5, color: str = MODEL
) -> Animation:
    """Points in the plane on their way; where they came from stays in grey.

    Args:
        xs: States, shape (times, points, 2).
        ts: Times, shape (times,).
        limit: The plane is shown from -limit to limit.
        color: Of the points.
    """
    fig, ax = figure(size=(4.1, 4.1))
    plane(ax, limit, title=" ")
    ax.plot(*xs[0].T, ".", ms=2, color=NOISE, alpha=0.25, mew=0)
    points = ax.plot([], [], ".", ms=4, color=color, mew=0)[0]
    changes = [{"points": tuple(x.T), "title": f"$t = {t:.2f}$"} for x, t in zip(xs, ts.tolist(), strict=True)]
    return Animation(Stage(fig, {"points": points, "title": ax.title}), changes)


ARROW = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
"""An arrow from place to place."""


@detached
def you_are_here(
    x: Float[Tensor, " 2"],
    data: Float[Tensor, "n 2"],
    weights: Float[Tensor, "times n"],
    velocities: Float[Tensor, "times 2"],
    ts: Float[Tensor, " times"],
    *,
    limit: float = 3.0,
) -> Figure:
    """A point, the data points that it may be on its way to, and where that sends it; one panel a time (t < 1).

    Args:
        x: The point, shape (2,).
        data: Data points, shape (n, 2).
        weights: Posterior weights, shape (times, n); each row sums to 1.
        velocities: Marginal velocity at x, shape (times, 2), drawn as (1 - t) u, which ends at the mean data point.
        ts: Times, shape (times,).
        limit: The plane is shown from -limit to limit.
    """
    require_shape("weights", weights, len(ts), len(data))
    require_shape("velocities", velocities, len(ts), 2)
    fig, axes = rows_over_time(["$x_2$"], ts, 1.35)
    for ax, t, shares, u in zip(axes[0], ts.tolist(), weights, velocities, strict=True):
        for z, share in zip(data, shares.tolist(), strict=True):
            _way(ax, x, z, t, share)
        ax.scatter(*data.T, s=34, color=DATA, zorder=4)
        ax.plot(*x, "o", color="black", ms=6, zorder=6)
        ax.annotate("", x + (1 - t) * u, x, arrowprops={**ARROW, "color": EXACT, "lw": 2.5}, zorder=7)
        plane(ax, limit, xlabel="$x_1$")
    return fig


def _way(ax: Axes, x: Tensor, z: Tensor, t: float, share: float) -> None:
    """What a data point has shrunk to, and an arrow to it as broad as its share, which is written beside it."""
    shrunk, start, end = ((float(a), float(b)) for a, b in (t * z, x, z))
    ax.add_patch(Circle(shrunk, 1 - t, facecolor=NOISE, alpha=0.1 + 0.3 * share, lw=0))
    ax.plot(*shrunk, ".", color=NOISE, ms=4)
    if share > 0.005:
        label: dict[str, Any] = {"ha": "center", "size": 9.5, "color": DATA, "path_effects": HALO, "zorder": 8}
        ax.annotate("", end, start, arrowprops={**ARROW, "color": DATA, "lw": 0.4 + 5 * share, "alpha": 0.75})
        ax.annotate(f"{share:.0%}", end, (0, 8), textcoords="offset points", **label)


@detached
def box_flow(
    box: tuple[float, float, float, float],
    outflows: Float[Tensor, " 4"],
    density: Float[Tensor, "m m"],
    flux: Float[Tensor, "k k 2"],
    *,
    limit: float = 4.0,
) -> Figure:
    """A box in a flowing density: arrows of the flux, and how much leaves (or enters) through each side.

    Args:
        box: Left, bottom, right and top.
        outflows: Mass a unit of time out of the left, bottom, right and top side, shape (4,); negative for inflow.
        density: Shape (m, m).
        flux: Density times velocity, shape (k, k, 2).
        limit: Both grids reach from -limit to limit.
    """
    require_shape("outflows", outflows, 4)
    require_shape("flux", flux, None, flux.shape[0], 2)
    fig, ax = figure(size=(6.2, 5.6))
    picture(ax, density, limit, cmap=colormap(EXACT))
    places = grid_points(limit, flux.shape[0])
    ax.quiver(*places.T, *flux.reshape(-1, 2).T, angles="xy", width=0.003, color="0.35")
    left, bottom, right, top = box
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=MODEL, lw=2.5))
    _label_sides(ax, box, outflows.tolist(), gap=0.06 * limit)
    plane(ax, limit, xlabel="$x_1$", ylabel="$x_2$")
    return fig


def _label_sides(ax: Axes, box: tuple[float, float, float, float], outflows: Sequence[float], gap: float) -> None:
    """Beside each side of a box, how much leaves or enters through it."""
    left, bottom, right, top = box
    middle = (left + right) / 2
    centre = (bottom + top) / 2
    places = [
        (left - gap, centre, "right", "center"),
        (middle, bottom - gap, "center", "top"),
        (right + gap, centre, "left", "center"),
        (middle, top + gap, "center", "bottom"),
    ]
    frame = {"facecolor": "white", "edgecolor": MODEL, "alpha": 0.9, "boxstyle": "round,pad=0.25"}
    for value, (x, y, ha, va) in zip(outflows, places, strict=True):
        word = "out" if value > 0 else "in"
        ax.text(x, y, f"{word} {abs(value):.4f}", ha=ha, va=va, size=10, bbox=frame, zorder=5)


@detached
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
    require(len(exact) > 1, "at least two batches", len(exact))
    fig, (left, right) = figure(1, 2, size=(4.4, 3.7))
    _entries(left, exact, estimate)
    left.set(xlabel=names[0], ylabel=names[1], title="entries of the two gradients")
    left.legend()
    _mean_difference(right, exact, estimate)
    right.set(xlabel="batches averaged", title="difference of the two gradients")
    right.legend(loc="lower left")
    return fig


def _entries(ax: Axes, exact: Tensor, estimate: Tensor) -> None:
    """Mean entries of one gradient against those of the other, with their standard errors."""
    error = (estimate - exact).std(0) / len(exact) ** 0.5
    x = exact.mean(0)
    ends = [x.min(), x.max()]
    ax.plot(ends, ends, **BROAD, label="equal")
    ax.errorbar(x, estimate.mean(0), 2 * error, fmt=".", color=MODEL, ms=4, lw=0.8, label="± 2 standard errors")


def _mean_difference(ax: Axes, exact: Tensor, estimate: Tensor) -> None:
    """Length of the mean difference over the first batches, beside what random signs make of the same differences."""
    difference = estimate - exact
    counts = torch.arange(1, len(exact) + 1)
    signs = torch.randint(2, (100, len(exact), 1), generator=torch.Generator().manual_seed(0)) * 2 - 1
    found, *by_chance = [((sign * difference).cumsum(0) / counts[:, None]).norm(dim=1) for sign in (1, *signs)]
    band = torch.stack(by_chance).quantile(torch.tensor([0.05, 0.95]).to(found), dim=0)
    ax.loglog(counts, exact.mean(0).norm().expand(len(counts)), color=NOISE, ls="--", label="length of the gradient")
    ax.fill_between(counts, *band, color=EXACT, alpha=0.3, lw=0, label="chance: random signs")
    ax.loglog(counts, found, color=MODEL, label="length of the difference")


@detached
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
    require(list(losses) == list(distances), f"distances for {list(losses)}", list(distances))
    fig, (loss, distance, *rest) = panels(*((2, 3.4) if samples is None else (3, 3.0)))
    for (name, values), (color, marker, dash) in zip(losses.items(), cycle(LOOKS), strict=False):
        loss.plot(*running_mean(values), color=color, ls=dash, label=name)
        distance.semilogy(*distances[name], color=color, marker=marker, ms=4, ls=dash, label=name)
    loss.axhline(floor, **BROAD, label=f"floor {floor:.2f}")
    loss.set(xlabel="step", title="loss (mean of 50 steps)", ylim=(floor - 0.3, floor + 1.3))
    loss.legend(loc="upper right", fontsize=9.5)
    distance.set(xlabel="step", title="distance to the exact field", xlim=loss.get_xlim())
    plain_ticks(distance.yaxis)
    if samples is not None:
        rest[0].scatter(samples[:, 0], samples[:, 1], s=3, color=MODEL, alpha=0.6, lw=0)
        plane(rest[0], limit, title="samples now", xlabel="$x_1$", ylabel="$x_2$")
    return fig
