"""Figures of Lab 6: the bound as bars, patches as a list, where tokens look, quality against time."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.plotting.images import tiled
from course_utils.plotting.inputs import require, require_shape
from course_utils.plotting.theme import DATA, EXACT, HALO, LOOKS, MODEL, figure, panels, plain_ticks

__all__ = ["attention_maps", "bound_bars", "cost_and_quality", "cut_into_patches", "variances"]


def bound_bars(bounds: Mapping[str, float], exact: Mapping[str, float]) -> Figure:
    """By how much the bound falls short of the log-density: a bar of each encoder, down from the exact value.

    Args:
        bounds: From the name of an encoder to its bound, in nats.
        exact: The exact log-density for each of the same names.

    Raises:
        ValueError: If the names differ.
    """
    require(bounds.keys() == exact.keys(), f"the names {', '.join(bounds)}", ", ".join(exact))
    fig, ax = figure(size=(7.5, 0.9 + 0.5 * len(bounds)))
    gaps = [exact[name] - bounds[name] for name in bounds]
    ax.barh(range(len(gaps)), gaps, height=0.55, color=MODEL, alpha=0.8)
    for row, gap in enumerate(gaps):
        ax.annotate(f"{abs(gap):.2f} nats", (gap, row), (6, 0), textcoords="offset points", va="center", size=10)
    ax.set_yticks(range(len(gaps)), list(bounds))
    ax.set(xlabel=r"$\log p(x)$ minus the bound", xlim=(0, 1.25 * max(*gaps, 0.1)), ylim=(len(gaps) - 0.5, -0.5))
    return fig


def variances(spectra: Mapping[str, Float[Tensor, " dim"]]) -> Figure:
    """Variances of latents along their principal axes, largest first, beside those of the standard normal law.

    Args:
        spectra: From a name to variances, shape (dim,).
    """
    fig, ax = figure(size=(7.0, 3.4))
    for (name, values), (colour, marker, dash) in zip(spectra.items(), LOOKS, strict=False):
        ax.semilogy(range(1, len(values) + 1), values, color=colour, marker=marker, ls=dash, ms=4, label=name)
    ax.axhline(1, color=EXACT, lw=3, alpha=0.6, label="$N(0, I)$")
    plain_ticks(ax.yaxis)
    ax.set(xlabel="principal axis", ylabel="variance of the latents")
    ax.legend()
    return fig


def cut_into_patches(
    image: Float[Tensor, "height width"], patches: Float[Tensor, "tokens side side_again"], order: Sequence[int]
) -> Figure:
    """An image with the edges of its patches, and the patches as a list, in several orders.

    Args:
        image: Pixels in [-1, 1].
        patches: In reading order, shape (tokens, side, side).
        order: Another order of them, drawn below the first.

    Raises:
        ValueError: If `order` is not one of the patches.
    """
    tokens, side = patches.shape[:2]
    require(sorted(order) == list(range(tokens)), f"an order of {tokens} patches", list(order))
    fig, (left, right) = figure(1, 2, size=(4.5, 2.6), width_ratios=(1, 2.6))
    _picture(left, image)
    for place in range(side, max(image.shape), side):
        left.axhline(place - 0.5, color=MODEL, lw=1)
        left.axvline(place - 0.5, color=MODEL, lw=1)
    left.set_title("image")
    _picture(right, tiled(torch.stack([patches, patches[list(order)]])))
    right.set_title("as a list, and the list shuffled")
    return fig


def attention_maps(
    image: Float[Tensor, "height width"],
    weights: Mapping[str, Float[Tensor, "rows columns"]],
    query: tuple[int, int],
    margin: int = 0,
) -> Figure:
    """An image, and over it where one patch looks, one panel for each name.

    Args:
        image: Pixels in [-1, 1].
        weights: From a name to the weights of all patches, shape (rows, columns), such as those of one head.
        query: Row and column of the patch that looks.
        margin: Pixels on each side of the image that belong to no patch.
    """
    fig, axes = panels(len(weights), 2.7, widest=2.6)
    for ax, (name, values) in zip(axes, weights.items(), strict=True):
        inner = image.shape[0] - 2 * margin
        side = inner // len(values)
        require_shape(name, values, len(values), inner // side)
        _picture(ax, image)
        heat = F.pad(values.repeat_interleave(side, 0).repeat_interleave(side, 1), [margin] * 4, value=torch.nan)
        ax.imshow(heat, cmap="Oranges", alpha=0.65, vmin=0, vmax=values.max().item())
        corner = (margin + query[1] * side - 0.5, margin + query[0] * side - 0.5)
        ax.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=DATA, lw=2))
        ax.set_title(name)
    return fig


def cost_and_quality(
    generators: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, floors: Mapping[str, float]
) -> Figure:
    """Fréchet distance in floors against CPU-seconds, each generator a line over its guidance scales.

    Args:
        generators: From a name to CPU-seconds of all the work and distances in floors.
        floors: From a name to distances that are drawn as lines: real digits, reconstructions.
    """
    fig, ax = figure(size=(8.0, 4.8))
    for i, (name, (seconds, distances)) in enumerate(generators.items()):
        colour, marker, dash = LOOKS[i % len(LOOKS)]
        ax.loglog(seconds, distances, color=colour, marker=marker, ls=dash)
        ax.annotate(
            name, (seconds[0], distances[0]), (7, 5), textcoords="offset points", color=colour, path_effects=HALO
        )
    for name, value in floors.items():
        ax.axhline(value, color="0.3", ls=":", lw=1.5)
        ax.annotate(
            name, (0.99, value), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right"
        )
    ax.set_xlim(right=2.2 * ax.get_xlim()[1])
    plain_ticks(ax.xaxis, ax.yaxis)
    ax.set(xlabel="CPU-seconds: fit, training and 5,000 digits", ylabel="Fréchet distance / floor")
    return fig


def _picture(ax: Axes, image: Float[Tensor, "y x"]) -> None:
    """An image without axes, ink dark on light."""
    ax.imshow(image, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
