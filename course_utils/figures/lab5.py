"""Figures of Lab 5: log-densities as maps, and how far computed ones are from the exact ones."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.fields import picture
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import EXACT, MODEL, legend_below, panels

__all__ = ["log_density_errors", "log_density_maps"]


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
def log_density_errors(
    exact: Float[Tensor, " points"], found: Mapping[str, Float[Tensor, " points"]], *, limit: float = 3.0
) -> Figure:
    """Computed log-densities minus exact ones, a histogram for each title, with their mean and root mean square.

    Args:
        exact: Exact log-densities, shape (points,).
        found: From title to log-densities of the same points.
        limit: The axis runs from -limit to limit; larger differences are drawn at its ends.

    Raises:
        ValueError: If the numbers of points differ.
    """
    require(len(exact) > 0, "at least one point", "none")
    fig, axes = panels(len(found), 3.6, sharex=True, sharey=True)
    edges = torch.linspace(-limit, limit, 49).tolist()
    for ax, (title, values) in zip(axes, found.items(), strict=True):
        require_shape(title, values, len(exact))
        error = values - exact
        mean, size = error.mean().item(), error.square().mean().sqrt().item()
        ax.hist(error.clamp(-limit, limit).numpy(), edges, color=MODEL, label="points")
        ax.axvline(0, color=EXACT, lw=2, label="exact")
        ax.axvline(mean, color="black", ls="--", lw=1.5, label="mean")
        ax.set(title=f"{title}\nmean {mean:+.2f}, r.m.s. {size:.2f}", xlabel="computed $-$ exact log-density")
    axes[0].set_ylabel("points")
    legend_below(fig, axes)
    return fig
