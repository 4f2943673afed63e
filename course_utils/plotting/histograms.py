"""Histograms of samples on the line, a panel a title, each with the exact density."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.inputs import detached, require_shape
from course_utils.plotting.theme import EXACT, MODEL, legend_below, panels

__all__ = ["law", "law_histograms"]


def law(ax: Axes, x: Tensor, places: Tensor, density: Tensor, *, bins: int, lw: float = 2.0) -> None:
    """A histogram of samples and the exact density, on one axes.

    Args:
        ax: The axes.
        x: Samples, shape (n,).
        places: Where the density is given, shape (m,), increasing; the bins fill this range.
        density: Shape (m,).
        bins: Number of bins.
        lw: Width of the line of the density.
    """
    edges = torch.linspace(places[0].item(), places[-1].item(), bins + 1).tolist()
    ax.hist(x, edges, density=True, histtype="stepfilled", lw=0, color=MODEL, alpha=0.5, label="simulated")
    ax.plot(places, density, color=EXACT, lw=lw, label="exact")


@detached
def law_histograms(
    samples: Mapping[str, Float[Tensor, " _"]],
    places: Float[Tensor, " m"],
    densities: Float[Tensor, "panels m"],
    *,
    xlabel: str = "$x$",
) -> Figure:
    """Histograms of samples on the line, each with the exact density.

    Args:
        samples: From title to samples, shape (n,).
        places: Where the densities are given, shape (m,), increasing.
        densities: Exact densities, shape (panels, m).
        xlabel: Of all panels.

    Raises:
        ValueError: If there is no panel, or shapes do not fit.

    Example:
        >>> places = torch.linspace(0, 1, 5)
        >>> fig = plotting.law_histograms({"uniform": torch.rand(100)}, places, torch.ones(1, 5))
        >>> fig.axes[0].get_ylabel()
        'density'
    """
    require_shape("densities", densities, len(samples), len(places))
    fig, axes = panels(len(samples), 3.0, sharex=True)
    for ax, (title, x), density in zip(axes, samples.items(), densities, strict=True):
        require_shape(title, x, None)
        law(ax, x, places, density, bins=60)
        ax.set(title=title, xlabel=xlabel)
    axes[0].set_ylabel("density")
    legend_below(fig, axes)
    return fig
