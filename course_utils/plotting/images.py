"""Images in rows and columns, ink dark on light."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.inputs import detached
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import DPI, figure

__all__ = ["digit_grid", "image_grid", "inked", "pixels", "tiled", "wall"]

GAP = 2
"""Pixels between two images."""


@detached
def image_grid(
    images: Float[Tensor, "rows columns height width"],
    *,
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    zoom: int = 3,
) -> Figure:
    """Images in rows and columns, ink dark on light.

    Args:
        images: Pixels in [-1, 1], shape (rows, columns, height, width); values beyond are clipped.
        column_titles: One a column, or none.
        row_titles: One a row, or none.
        zoom: Side of one pixel of an image, in pixels of the screen.

    Raises:
        ValueError: If the number of titles is not that of the columns or rows.

    Example:
        >>> fig = plotting.image_grid(torch.zeros(2, 3, 28, 28), row_titles=["noise", "data"])
        >>> fig.axes[0].images[0].get_array().shape
        (58, 88)
    """
    rows, columns, height, width = images.shape
    for titles, count, name in ((column_titles, columns, "column"), (row_titles, rows, "row")):
        if titles and len(titles) != count:
            raise ValueError(f"expected {count} {name} titles, got {len(titles)}")
    canvas, left = tiled(images), max((18 + 8 * len(title) for title in row_titles), default=8)
    fig, ax = _exact_axes(canvas.shape[1] * zoom, canvas.shape[0] * zoom, left, top=28 if column_titles else 6)
    ax.imshow(canvas.numpy(), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_xticks([c * (width + GAP) + width / 2 for c in range(len(column_titles))], column_titles)
    ax.set_yticks([r * (height + GAP) + height / 2 for r in range(len(row_titles))], row_titles)
    return fig


def tiled(images: Float[Tensor, "rows columns height width"]) -> Float[Tensor, "y x"]:
    """Images in rows and columns as one, not a number between them.

    Example:
        >>> plotting.images.tiled(torch.zeros(2, 3, 28, 28)).shape
        torch.Size([58, 88])
    """
    rows, columns, height, width = images.shape
    framed = F.pad(images, (0, GAP, 0, GAP), value=torch.nan)
    return framed.transpose(1, 2).reshape(rows * (height + GAP), columns * (width + GAP))[:-GAP, :-GAP]


def inked(image: Float[Tensor, "y x"]) -> Tensor:
    """An image with values in [-1, 1] as pixels, ink dark on light, grey where it has no number; shape (y, x, 3).

    Example:
        >>> plotting.images.inked(torch.tensor([[1.0, -1.0, torch.nan]]))[0, :, 0].tolist()
        [0, 255, 224]
    """
    grey = 127.5 - 127.5 * image.clamp(-1, 1)
    return grey.nan_to_num(224).byte()[..., None].expand(-1, -1, 3).contiguous()


def _exact_axes(width: int, height: int, left: int, top: int) -> tuple[Figure, Axes]:
    """An axes of so many pixels without frame, with room for titles at the left and on top."""
    total = (width + left + 8, height + top + 6)
    fig, ax = figure(size=(total[0] / DPI, total[1] / DPI))
    fig.set_layout_engine("none")
    ax.set_position((left / total[0], 6 / total[1], width / total[0], height / total[1]))
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_facecolor("0.88")
    return fig, ax


@detached
def digit_grid(images: Float[Tensor, "batch 1 height width"], columns: int = 10, **options) -> Figure:
    """A batch of images as `image_grid`, filled row by row; the batch must fill its rows.

    Args:
        images: Pixels in [-1, 1], shape (batch, 1, height, width).
        columns: Images in a row.
        options: Go to `image_grid`.

    Raises:
        ValueError: If the number of images is not a multiple of `columns`.

    Example:
        >>> fig = plotting.digit_grid(torch.zeros(20, 1, 28, 28), column_titles="0123456789")
        >>> len(fig.axes[0].get_xticklabels())
        10
    """
    if len(images) % columns:
        raise ValueError(f"expected a multiple of {columns} images, got {len(images)}")
    return image_grid(images.reshape(-1, columns, *images.shape[2:]), **options)


def pixels(images: Float[Tensor, "rows columns height width"]) -> Tensor:
    """Images in rows and columns as pixels of one picture, shape (y, x, 3)."""
    return inked(tiled(images))


@detached
def wall(images: Float[Tensor, "rows columns height width"], **options) -> Stage:
    """A stage for images in rows and columns; what changes on it is "images", made by `pixels`.

    Args:
        images: Any of the size that will be shown.
        options: Titles and zoom of `image_grid`.

    Example:
        >>> plotting.images.wall(torch.zeros(1, 10, 28, 28), zoom=2)
        Stage(612×68 pixels, parts images)
    """
    fig = image_grid(images, **options)
    shown = fig.axes[0].images[0]
    shown.set_data(pixels(images))
    return Stage(fig, {"images": shown})
