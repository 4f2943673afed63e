"""Figures of Lab 3: paths on the line over the density of their law, laws at several times, converted predictions."""

import torch
from jaxtyping import Float
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.core import EXACT, MODEL, figure
from course_utils.plotting.processes import BROAD, _one_legend, _panels, _require, _require_shape


def paths_over_density(
    paths: dict[str, Float[Tensor, "times paths"]],
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
    _require_shape("density", density, len(ts), len(places))
    fig, axes = _panels(len(paths), 3.2, sharey=True)
    for ax, (title, xs) in zip(axes, paths.items(), strict=True):
        _require_shape(title, xs, len(ts), None)
        shades = {"cmap": "Greens", "norm": PowerNorm(0.4), "shading": "gouraud"}
        ax.pcolormesh(ts.numpy(), places.numpy(), density.T.numpy(), **shades)
        ax.plot(ts, xs, color=MODEL, lw=0.9, alpha=0.8)
        ax.set(title=title, xlabel="time $t$", ylim=(places[0].item(), places[-1].item()))
        ax.grid(False)
    axes[0].set_ylabel("$X_t$")
    return fig


def law_grid(
    samples: dict[str, Float[Tensor, "times n"]],
    titles: list[str],
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
    _require_shape("densities", densities, len(titles), len(places))
    _require(len(samples) > 0, "at least one row", "none")
    size = (9 / len(titles), 1.35 if len(samples) > 2 else 1.8)
    fig, axes = figure(len(samples), len(titles), size=size, squeeze=False, sharex=True, sharey="col")
    bins = torch.linspace(places[0].item(), places[-1].item(), 121).tolist()
    for row, (name, xs) in zip(axes, samples.items(), strict=True):
        _require_shape(name, xs, len(titles), None)
        for ax, x, density in zip(row, xs, densities, strict=True):
            ax.hist(x, bins, density=True, histtype="stepfilled", lw=0, color=MODEL, alpha=0.5, label="simulated")
            ax.plot(places, density, color=EXACT, lw=1.4, label="exact")
            ax.set(ylim=(0, 1.25 * density.max().item()), yticks=[])
        row[0].set_ylabel(name)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel("$x$")
    _one_legend(fig, axes[0, 0])
    return fig


def predictions(
    x: Float[Tensor, " places"], exact: dict[str, Float[Tensor, " places"]], found: dict[str, Float[Tensor, " places"]]
) -> Figure:
    """Functions of one coordinate side by side, each with a scale of its own: the exact ones and what was found.

    Args:
        x: Places, shape (places,).
        exact: From title to exact values, shape (places,).
        found: From some of these titles to values to compare with them.

    Raises:
        ValueError: If shapes or titles do not fit.
    """
    _require(set(found) <= set(exact), f"titles among {list(exact)}", list(found))
    fig, axes = _panels(len(exact), 2.9)
    for ax, (title, values) in zip(axes, exact.items(), strict=True):
        _require_shape(title, values, len(x))
        ax.plot(x, values, color=EXACT, **BROAD, label="exact")
        if title in found:
            _require_shape(title, found[title], len(x))
            ax.plot(x, found[title], color=MODEL, lw=1.5, label="converted")
        ax.set(title=title, xlabel="$x$")
    _one_legend(fig, axes[-1])
    return fig
