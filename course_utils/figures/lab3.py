"""Figures of Lab 3: paths on the line over the density of their law, laws at several times."""

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.histograms import law
from course_utils.plotting.inputs import detached, require, require_shape
from course_utils.plotting.theme import MODEL, figure, legend_below, panels

__all__ = ["law_grid", "paths_over_density"]


@detached
def paths_over_density(
    paths: Mapping[str, Float[Tensor, "times paths"]],
    ts: Float[Tensor, " times"],
    places: Float[Tensor, " m"],
    density: Float[Tensor, "times m"],
) -> Figure:
    """Paths on the line over the exact density of their law, time to the right, one panel for each title.

    Args:
        paths: From title to paths, shape (times, paths).
        ts: Times, shape (times,).
        places: Where the density is given, shape (m,).
        density: Exact density at every time and place, shape (times, m).

    Raises:
        ValueError: If shapes do not fit.
    """
    require_shape("density", density, len(ts), len(places))
    fig, axes = panels(len(paths), 3.2, sharey=True)
    for ax, (title, xs) in zip(axes, paths.items(), strict=True):
        require_shape(title, xs, len(ts), None)
        shades = PowerNorm(0.4)
        ax.pcolormesh(ts.numpy(), places.numpy(), density.T.numpy(), cmap="Greens", norm=shades, shading="gouraud")
        ax.plot(ts, xs, color=MODEL, lw=0.9, alpha=0.8)
        ax.set(title=title, xlabel="time $t$", ylim=(places[0].item(), places[-1].item()))
        ax.grid(False)
    axes[0].set_ylabel("$X_t$")
    return fig


@detached
def law_grid(
    samples: Mapping[str, Float[Tensor, "times n"]],
    titles: Sequence[str],
    places: Float[Tensor, " m"],
    densities: Float[Tensor, "times m"],
) -> Figure:
    """Histograms of simulated laws, a row a method and a column a time, each with the exact density.

    Args:
        samples: From row title to samples, shape (times, n).
        titles: One a column.
        places: Where the densities are given, shape (m,).
        densities: Exact densities, shape (times, m); they set the height of each column.

    Raises:
        ValueError: If shapes do not fit.
    """
    require_shape("densities", densities, len(titles), len(places))
    require(len(samples) > 0, "at least one row", "none")
    size = (9 / len(titles), 1.35 if len(samples) > 2 else 1.8)
    fig, axes = figure(len(samples), len(titles), size=size, squeeze=False, sharex=True, sharey="col")
    for row, (name, xs) in zip(axes, samples.items(), strict=True):
        require_shape(name, xs, len(titles), None)
        for ax, x, density in zip(row, xs, densities, strict=True):
            law(ax, x, places, density, bins=120, lw=1.4)
            ax.set(ylim=(0, 1.25 * density.max().item()), yticks=[])
        row[0].set_ylabel(name)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("$x$")
    legend_below(fig, axes[0])
    return fig
