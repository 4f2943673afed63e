"""Sliders of Lab 5: what a network copies."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.plotting.images import image_grid, pixels
from course_utils.plotting.stage import Stage
from course_utils.widgets.core import Choice, Explorer

__all__ = ["Copies", "explore_memorization"]

ROWS = ("generated", "nearest in training")


class Copies(NamedTuple):
    """What a network generated after so many steps on so many images.

    Attributes:
        samples: Generated images, shape (columns, 1, height, width).
        nearest: The training image nearest to each, same shape.
        ratio: Distance to the nearest training image over that to the nearest of as many held-out ones.
    """

    samples: Float[Tensor, "columns 1 height width"]
    nearest: Float[Tensor, "columns 1 height width"]
    ratio: float


def explore_memorization(results: Mapping[tuple[int, int], Copies], *, zoom: int = 4) -> Explorer:
    """Generated images over their nearest training images, with the size of the data set and the steps to choose.

    Args:
        results: From (size of the data set, training steps) to what came out, for all combinations.
        zoom: Side of one pixel of an image on the screen.

    Raises:
        ValueError: If a combination is missing.
    """
    sizes, steps = (sorted({key[i] for key in results}) for i in (0, 1))
    if missing := [(n, k) for n in sizes for k in steps if (n, k) not in results]:
        raise ValueError(f"expected results for all sizes and steps, got none for {missing}")

    def draw(n: int, k: int):
        found = results[n, k]
        note = f"ratio of distances r = {found.ratio:.2f}   (real digits: 1, copies: 0)"
        return {"images": pixels(_rows(found)), "ratio": note}

    controls = {
        "n": Choice("training digits", {f"{n:,}": n for n in sizes}),
        "k": Choice("training steps", {f"{k:,}": k for k in steps}, first=f"{steps[-1]:,}"),
    }
    alt = (
        "Upper row, generated digits; lower row, the training digit nearest to each. With few training digits and many "
        "steps both rows are nearly equal."
    )
    return Explorer(_two_rows(results[sizes[0], steps[-1]], zoom), draw, controls, alt=alt)


def _rows(copies: Copies) -> Float[Tensor, "2 columns height width"]:
    return torch.stack([copies.samples[:, 0], copies.nearest[:, 0]])


def _two_rows(copies: Copies, zoom: int) -> Stage:
    """Samples over the images nearest to them, and a note above."""
    fig = image_grid(_rows(copies), zoom=zoom, row_titles=ROWS)
    fig.set_figheight(fig.get_figheight() + 0.7)
    note = fig.text(0.5, 0.97, "", ha="center", va="top", size=12)
    shown = fig.axes[0].images[0]
    shown.set_data(pixels(_rows(copies)))
    return Stage(fig, {"images": shown, "ratio": note})
