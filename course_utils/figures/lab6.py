"""Figures of Lab 6: the bound as bars, patches as a list, seams between patches, quality against time."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from course_utils.plotting.images import image_grid, inked, tiled
from course_utils.plotting.inputs import require
from course_utils.plotting.theme import HALO, LOOKS, MODEL, figure, plain_ticks

__all__ = ["SEAMS", "bound_bars", "cost_and_quality", "cut_into_patches", "seams"]

SEAMS = Path(__file__).parents[1] / "assets" / "seams.png"
"""Three rows of ten digits, which `python course.py bench seams` draws; a card beside it says how."""


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


def cut_into_patches(
    image: Float[Tensor, "height width"], patches: Float[Tensor, "tokens side side_again"], order: Sequence[int]
) -> Figure:
    """An image with the edges of its patches, and the patches as two lists, in reading order and in another.

    Args:
        image: Pixels in [-1, 1].
        patches: In reading order, shape (tokens, side, side).
        order: The other order.

    Raises:
        ValueError: If `order` is not one of the patches.
    """
    tokens, side = patches.shape[:2]
    require(sorted(order) == list(range(tokens)), f"an order of {tokens} patches", list(order))
    fig, (left, right) = figure(1, 2, size=(4.5, 2.3), width_ratios=(1, 3.4))
    _picture(left, image)
    left.set_title("image")
    height, width = image.shape
    left.hlines(range(side, height, side), 0, width, color=MODEL, lw=1)
    left.vlines(range(side, width, side), 0, height, color=MODEL, lw=1)
    lists = torch.stack([patches, patches[list(order)]])
    right.imshow(inked(tiled(lists)), interpolation="nearest")
    right.set_xticks([])
    right.set_yticks([side / 2, 1.5 * side + 2], ["in order", "shuffled"])
    right.grid(False)
    right.set_title(f"a list of {tokens} patches, and the same list shuffled")
    return fig


def seams() -> Figure:
    """What attention buys: real digits, and those of two transformers, with attention and without, from `SEAMS`."""
    with Image.open(SEAMS) as picture:
        ink = torch.from_numpy(np.array(picture))
    rows = ink.reshape(3, 28, -1, 28).transpose(1, 2).float() / 127.5 - 1
    return image_grid(
        rows, row_titles=["real", "with attention", "without attention"], column_titles=list("0123456789")
    )


def cost_and_quality(
    generators: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    floors: Mapping[str, float],
    left: Sequence[str] = (),
) -> Figure:
    """Fréchet distance in floors against CPU-seconds, each generator a line over its guidance scales.

    Args:
        generators: From a name to CPU-seconds of all the work and distances in floors.
        floors: From a name to distances that are drawn as lines: real digits, reconstructions.
        left: Generators whose name stands to the left of its line, where the right is crowded.
    """
    fig, ax = figure(size=(8.0, 4.8))
    for i, (name, (seconds, distances)) in enumerate(generators.items()):
        colour, marker, dash = LOOKS[i % len(LOOKS)]
        ax.loglog(seconds, distances, color=colour, marker=marker, ls=dash)
        place, side = ((-7, 5), "right") if name in left else ((7, 5), "left")
        words = {"color": colour, "path_effects": HALO, "ha": side}
        ax.annotate(name, (seconds[0], distances[0]), place, textcoords="offset points", **words)
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
    height, width = image.shape
    extent = (0, width, height, 0)  # pixel edges at whole numbers
    ax.imshow(image, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest", extent=extent)
    ax.set_axis_off()
