"""The plane: vector fields as arrows, quantities as pictures. Pictures are tensors with the second coordinate first."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import EXACT, colormap, figure, panels

__all__ = ["balance_maps", "error_maps", "field_arrows", "grid_points", "picture", "plane", "rows_over_time"]


def grid_points(limit: float, m: int) -> Float[Tensor, "points 2"]:
    """m × m points of a grid over [-limit, limit]², row by row from below; values on it reshape to (m, m).

    Example:
        >>> plotting.grid_points(1.0, 3)[:4].tolist()
        [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0]]
    """
    side = torch.linspace(-limit, limit, m)
    return torch.cartesian_prod(side, side).flip(1)


def plane(ax: Axes, limit: float, **options) -> None:
    """Make an axes the square from -limit to limit, with the same few ticks in both directions.

    Args:
        ax: The axes.
        limit: Half of the side.
        options: Go to `Axes.set`, such as `xlabel`.

    Example:
        >>> fig, ax = plotting.figure()
        >>> plotting.plane(ax, 3.0, title="the plane")
        >>> ax.get_xlim() == ax.get_ylim() == (-3, 3)
        True
    """
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", **options)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    ax.grid(False)


def picture(ax: Axes, values: Tensor | np.ndarray, limit: float, **options) -> AxesImage:
    """Values on a grid over [-limit, limit]² as a picture, the second coordinate upwards.

    Args:
        ax: The axes.
        values: Shape (m, m), or pixels of shape (m, m, 3) or (m, m, 4).
        limit: Half of the side.
        options: Go to `Axes.imshow`, such as `cmap`.
    """
    extent = (-limit, limit, -limit, limit)
    return ax.imshow(values, origin="lower", extent=extent, **{"interpolation": "bilinear", **options})


def rows_over_time(names: Sequence[str], ts: Float[Tensor, " times"], height: float) -> tuple[Figure, np.ndarray]:
    """Axes in rows, times above from left to right and names at the left.

    Args:
        names: One a row.
        ts: Times, shape (times,).
        height: Of an axes, as a share of its width.

    Returns:
        The figure, and its axes as an array of shape (rows, times).

    Raises:
        ValueError: If there is no row or no time.
    """
    require(len(names) > 0 and len(ts) > 0, "at least one row and one time", f"{len(names)} and {len(ts)}")
    side = 8.6 / len(ts)
    fig, axes = figure(len(names), len(ts), size=(side, side * height), sharex=True, sharey=True, squeeze=False)
    for ax, t in zip(axes[0], ts.tolist(), strict=True):
        ax.set_title(f"$t = {t:.2g}$")
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name if "$" in name else fill(name, 16), size=10.5)
    return fig, axes


@detached
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

    Raises:
        ValueError: If there is no row or no time, or shapes do not fit.

    Example:
        >>> ts = torch.tensor([0.0, 0.5])
        >>> fig = plotting.field_arrows({"velocity": torch.ones(2, 3, 3, 2)}, torch.ones(2, 9, 9), ts)
        >>> [ax.get_xlabel() for ax in fig.axes]
        ['longest 1.4', 'longest 1.4']
    """
    fig, axes = rows_over_time(list(fields), ts, 1.25)
    require_shape("densities", densities, len(ts), None, densities.shape[1])
    for (name, vectors), row in zip(fields.items(), axes, strict=True):
        require_shape(name, vectors, len(ts), None, vectors.shape[1], 2)
        for ax, density, field in zip(row, densities, vectors, strict=True):
            picture(ax, density, limit, cmap=colormap(EXACT))
            _arrows(ax, field, density, limit)
            plane(ax, limit)
    return fig


def _arrows(ax: Axes, field: Float[Tensor, "k k 2"], density: Float[Tensor, "m m"], limit: float) -> None:
    """Arrows where there is density, the longest a quarter of the half side for each of k places, and its length."""
    k = len(field)
    near = torch.linspace(0, len(density) - 1, k).round().long()
    full = (density > 0.01 * density.max())[near][:, near].flatten()
    places, vectors = grid_points(limit, k)[full], field.flatten(0, 1)[full]
    longest = vectors.norm(dim=1).max().item()
    options = {"angles": "xy", "scale_units": "xy", "scale": longest * k / (4 * limit)}
    ax.quiver(*places.T, *vectors.T, width=0.01, color="0.15", **options)
    ax.set_xlabel(f"longest {longest:.2g}", size=9.5)


@detached
def balance_maps(maps: Mapping[str, Float[Tensor, "m m"]], *, limit: float = 5.0) -> Figure:
    """Signed quantities over the plane, one panel for each title, each with its own symmetric scale of colours.

    Args:
        maps: From title to values on a square grid, shape (m, m).
        limit: The grid reaches from -limit to limit.

    Raises:
        ValueError: If there is no map, or one is not square.

    Example:
        >>> fig = plotting.balance_maps({"change": torch.tensor([[1.0, -3.0], [0.0, 2.0]])})
        >>> fig.axes[0].images[0].get_clim()
        (-3.0, 3.0)
    """
    fig, axes = panels(len(maps), 3.1, widest=9.0, sharey=True)
    for ax, (title, values) in zip(axes, maps.items(), strict=True):
        require_shape(title, values, None, values.shape[0])
        top = values.abs().max().item() or 1.0
        shown = picture(ax, values, limit, cmap="RdBu_r", vmin=-top, vmax=top)
        bar = fig.colorbar(shown, ax=ax, shrink=0.75)
        bar.ax.yaxis.set_offset_position("left")
        bar.ax.ticklabel_format(axis="y", scilimits=(-2, 3))
        plane(ax, limit, title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    return fig


@detached
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

    Raises:
        ValueError: If there is no row or no time, or shapes do not fit.

    Example:
        >>> ts = torch.tensor([0.0, 0.5])
        >>> fig = plotting.error_maps({"network": torch.ones(2, 9, 9)}, torch.ones(2, 9, 9), ts)
        >>> [ax.get_title() for ax in fig.axes[:2]]
        ['$t = 0$', '$t = 0.5$']
    """
    fig, axes = rows_over_time(list(rows), ts, 1.15)
    require_shape("densities", densities, len(ts), None, densities.shape[1])
    empty = densities < share * densities.amax((1, 2), keepdim=True)
    scale = LogNorm(0.03, 10)
    for (name, errors), line in zip(rows.items(), axes, strict=True):
        require_shape(name, errors, *densities.shape)
        for ax, values in zip(line, errors.masked_fill(empty, torch.nan), strict=True):
            shown = picture(ax, values, limit, norm=scale, cmap="magma_r")
            plane(ax, limit)
    fig.colorbar(shown, ax=axes, label="size of the error", location="bottom", extend="both", shrink=0.6, aspect=40)
    return fig
