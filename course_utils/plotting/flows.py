"""Figures of Lab 2: paths as histograms, vector fields, what they carry and how it balances.

Pictures of the plane are tensors with the second coordinate first, as `grid_points` makes them.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from seaborn import light_palette
from torch import Tensor

from course_utils.plotting.core import DATA, EXACT, HALO, MODEL, NOISE, figure
from course_utils.plotting.processes import _require, _require_shape


def grid_points(limit: float, m: int) -> Float[Tensor, "points 2"]:
    """m × m points of a grid over [-limit, limit]², row by row from below; values on it reshape to (m, m)."""
    side = torch.linspace(-limit, limit, m)
    return torch.cartesian_prod(side, side).flip(1)


def _plane(ax, limit: float) -> None:
    ticks = [-int(0.9 * limit), 0, int(0.9 * limit)]
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xticks=ticks, yticks=ticks)
    ax.grid(False)


def _picture(ax, values: Tensor, limit: float, **options):
    return ax.imshow(values, origin="lower", extent=(-limit, limit, -limit, limit), interpolation="bilinear", **options)


def _rows_over_time(names: Sequence[str], ts: Tensor, height: float):
    """Axes (rows, times) of the plane, times above and names at the left."""
    _require(len(names) > 0 and len(ts) > 0, "at least one row and one time", f"{len(names)} and {len(ts)}")
    side = 8.6 / len(ts)
    fig, axes = figure(len(names), len(ts), size=(side, side * height), sharex=True, sharey=True, squeeze=False)
    for ax, t in zip(axes[0], ts.tolist(), strict=True):
        ax.set_title(f"$t = {t:.2g}$")
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name if "$" in name else fill(name, 16), size=10.5)
    return fig, axes


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
    fig, axes = _rows_over_time(list(rows), ts, 1.1)
    if marked is not None:
        _require_shape("marked", marked, len(rows), 2)
    for r, ((name, xs), line) in enumerate(zip(rows.items(), axes, strict=True)):
        _require_shape(name, xs, len(ts), None, 2)
        for ax, x in zip(line, xs, strict=True):
            cmap = light_palette(color, as_cmap=True)
            ax.hist2d(*x.T.numpy(), bins=45, range=[[-limit, limit]] * 2, cmap=cmap)
            if marked is not None:
                ax.plot(*marked[r], "x", color="black", ms=7, mew=2)
            _plane(ax, limit)
    return fig


def field_arrows(
    fields: Mapping[str, Float[Tensor, "times k k 2"]],
    densities: Float[Tensor, "times m m"],
    ts: Float[Tensor, " times"],
    *,
    limit: float = 5.0,
) -> Figure:
    """Vector fields as arrows over a density, times from left to right; the longest arrow is as long in every panel.

    Places with less than a hundredth of the largest density get no arrow: next to nothing ever comes there.

    Args:
        fields: From name to vectors on a grid, shape (times, k, k, 2).
        densities: Shape (times, m, m).
        ts: Times, shape (times,).
        limit: Both grids reach from -limit to limit.
    """
    fig, axes = _rows_over_time(list(fields), ts, 1.25)
    _require_shape("densities", densities, len(ts), None, densities.shape[1])
    for (name, vectors), line in zip(fields.items(), axes, strict=True):
        k = vectors.shape[1]
        _require_shape(name, vectors, len(ts), None, k, 2)
        places, near = grid_points(limit, k), torch.linspace(0, densities.shape[1] - 1, k).round().long()
        for ax, density, v in zip(line, densities, vectors.flatten(1, 2), strict=True):
            full = (density > 0.01 * density.max())[near][:, near].flatten()
            longest = v[full].norm(dim=1).max().item()
            _picture(ax, density, limit, cmap=light_palette(EXACT, as_cmap=True))
            options = {"angles": "xy", "scale_units": "xy", "scale": longest * k / (4 * limit)}
            ax.quiver(*places[full].T, *v[full].T, width=0.01, color="0.15", **options)
            ax.set_xlabel(f"longest {longest:.2g}", size=9.5)
            _plane(ax, limit)
    return fig


def trajectories(
    panels: Mapping[str, Float[Tensor, "saved n 2"]],
    *,
    targets: Float[Tensor, "points 2"] | None = None,
    limit: float = 4.5,
    color: str = EXACT,
) -> Figure:
    """Trajectories in the plane, from grey starts to coloured ends, one panel for each title.

    Args:
        panels: From title to states, shape (saved, n, 2).
        targets: Data points, shape (points, 2), or None.
        limit: The plane is shown from -limit to limit.
        color: Of lines and ends.
    """
    _require(len(panels) > 0, "at least one panel", "none")
    side = min(4.2, 9 / len(panels))
    fig, axes = figure(1, len(panels), size=(side, side * 1.1), squeeze=False, sharey=True)
    for ax, (title, xs) in zip(axes[0], panels.items(), strict=True):
        _require_shape(title, xs, None, None, 2)
        ax.plot(xs[..., 0], xs[..., 1], color=color, lw=0.8, alpha=0.6)
        ax.scatter(*xs[0].T, s=12, color=NOISE, zorder=3, label="start")
        ax.scatter(*xs[-1].T, s=14, color=color, zorder=4, label="end")
        if targets is not None:
            ax.scatter(*targets.T, s=70, marker="*", color=DATA, zorder=5, edgecolor="white", lw=0.6, label="data")
        ax.set(title=title, xlabel="$x_1$")
        _plane(ax, limit)
    axes[0, 0].set_ylabel("$x_2$")
    axes[0, 0].legend(loc="upper left", fontsize=9.5)
    return fig


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
    _require_shape("weights", weights, len(ts), len(data))
    _require_shape("velocities", velocities, len(ts), 2)
    fig, axes = _rows_over_time(["$x_2$"], ts, 1.35)
    arrow = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
    for ax, t, w, u in zip(axes[0], ts.tolist(), weights, velocities, strict=True):
        for z, share in zip(data.tolist(), w.tolist(), strict=True):
            ax.add_patch(Circle((t * z[0], t * z[1]), 1 - t, facecolor=NOISE, alpha=0.1 + 0.3 * share, lw=0))
            ax.plot(t * z[0], t * z[1], ".", color=NOISE, ms=4)
            if share > 0.005:
                ax.annotate("", z, x, arrowprops={**arrow, "color": DATA, "lw": 0.4 + 5 * share, "alpha": 0.75})
                label = {"ha": "center", "size": 9.5, "color": DATA, "path_effects": HALO, "zorder": 8}
                ax.annotate(f"{share:.0%}", z, (0, 8), textcoords="offset points", **label)
        ax.annotate("", x + (1 - t) * u, x, arrowprops={**arrow, "color": EXACT, "lw": 2.5}, zorder=6)
        ax.scatter(*data.T, s=34, color=DATA, zorder=4)
        ax.plot(*x, "o", color="black", ms=7, zorder=7)
        ax.set_xlabel("$x_1$")
        _plane(ax, limit)
    return fig


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
    _require_shape("outflows", outflows, 4)
    _require_shape("flux", flux, None, flux.shape[0], 2)
    fig, ax = figure(size=(6.2, 5.6))
    _picture(ax, density, limit, cmap=light_palette(EXACT, as_cmap=True))
    places = grid_points(limit, flux.shape[0])
    ax.quiver(*places.T, *flux.reshape(-1, 2).T, angles="xy", width=0.003, color="0.35")
    left, bottom, right, top = box
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=MODEL, lw=2.5))
    middle, centre, gap = (left + right) / 2, (bottom + top) / 2, 0.06 * limit
    spots = [(left - gap, centre), (middle, bottom - gap), (right + gap, centre), (middle, top + gap)]
    sides = [("right", "center"), ("center", "top"), ("left", "center"), ("center", "bottom")]
    frame = {"facecolor": "white", "edgecolor": MODEL, "alpha": 0.9, "boxstyle": "round,pad=0.25"}
    for value, spot, (ha, va) in zip(outflows.tolist(), spots, sides, strict=True):
        word = "out" if value > 0 else "in"
        ax.text(*spot, f"{word} {abs(value):.4f}", ha=ha, va=va, size=10, bbox=frame, zorder=5)
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    _plane(ax, limit)
    return fig


def balance_maps(maps: Mapping[str, Float[Tensor, "m m"]], *, limit: float = 5.0) -> Figure:
    """Signed quantities over the plane, one panel for each title, each with its own symmetric scale of colours."""
    _require(len(maps) > 0, "at least one map", "none")
    fig, axes = figure(1, len(maps), size=(9 / len(maps), 3.1), squeeze=False, sharey=True)
    for ax, (title, values) in zip(axes[0], maps.items(), strict=True):
        _require_shape(title, values, None, values.shape[0])
        top = values.abs().max().item() or 1.0
        picture = _picture(ax, values, limit, cmap="RdBu_r", vmin=-top, vmax=top)
        bar = fig.colorbar(picture, ax=ax, shrink=0.75)
        bar.ax.yaxis.set_offset_position("left")
        bar.formatter.set_powerlimits((-2, 3))
        ax.set(title=title, xlabel="$x_1$")
        _plane(ax, limit)
    axes[0, 0].set_ylabel("$x_2$")
    return fig
