"""Figures of Lab 5: log-densities as maps, and computed ones against the exact ones."""

from collections.abc import Mapping

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.fields import picture
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import EXACT, MODEL, legend_below, panels

__all__ = ["density_scatter", "log_density_maps"]


@detached
def log_density_maps(maps: Mapping[str, Float[Tensor, "m m"]], limit: float, *, floor: float = -9.0) -> Figure:
    """Log-densities in the plane, side by side on one scale.

    Args:
        maps: From title to log-densities on a square grid, shape (m, m), second coordinate first.
        limit: The grid covers [-limit, limit]².
        floor: Smaller values have the colour of this one.

    Raises:
        ValueError: If a map is not square.
    """
    fig, axes = panels(len(maps), 3.3, sharex=True, sharey=True)
    top = max(values.max().item() for values in maps.values())
    for ax, (title, values) in zip(axes, maps.items(), strict=True):
        require_shape(title, values, len(values), len(values))
        shown = picture(ax, values, limit, cmap="viridis", vmin=floor, vmax=top)
        ax.grid(False)
        ax.set(title=title, xlabel="$x_1$")
    axes[0].set_ylabel("$x_2$")
    fig.colorbar(shown, ax=axes, label="log-density", extend="min", shrink=0.85)
    return fig


@detached
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
    require(len(exact) > 0, "at least one point", "none")
    fig, axes = panels(len(found), 4.3, sharex=True, sharey=True)
    top = max(v.max().item() for v in (exact, *found.values())) + 0.5
    for ax, (title, values) in zip(axes, found.items(), strict=True):
        require_shape(title, values, len(exact))
        ax.plot([floor, top], [floor, top], color=EXACT, lw=2, label="exact")
        x, y = exact.clamp(min=floor), values.clamp(min=floor)
        ax.scatter(x, y, s=6, color=MODEL, alpha=0.5, linewidths=0, zorder=3, label="computed")
        ax.set(title=title, xlabel="exact log-density", xlim=(floor, top), ylim=(floor, top), box_aspect=1)
    axes[0].set_ylabel("computed log-density")
    legend_below(fig, axes, markerscale=2)
    return fig
