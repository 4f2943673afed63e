"""Figures of Lab 4: grids of images, training curves, and judgements side by side."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting.core import DATA, EXACT, MODEL, NOISE, figure


def image_grid(
    images: Float[Tensor, "rows columns height width"],
    *,
    column_titles: Sequence[str] = (),
    row_titles: Sequence[str] = (),
    size: float = 0.75,
) -> Figure:
    """Images in rows and columns, ink dark on light.

    Args:
        images: Pixels in [-1, 1], shape (rows, columns, height, width); values beyond are clipped.
        column_titles: One a column, or none.
        row_titles: One a row, or none.
        size: Side of one image in inches.

    Raises:
        ValueError: If the number of titles is not that of the columns or rows.
    """
    rows, columns, height, width = images.shape
    for titles, count, name in ((column_titles, columns, "column"), (row_titles, rows, "row")):
        if titles and len(titles) != count:
            raise ValueError(f"expected {count} {name} titles, got {len(titles)}")
    left = 0.1 + 0.085 * max((len(title) for title in row_titles), default=0)
    fig, ax = figure(size=(columns * size + left, rows * size + 0.3))
    gap = 2
    canvas = torch.full((rows * (height + gap) - gap, columns * (width + gap) - gap), -1.0)
    for r in range(rows):
        for c in range(columns):
            top, start = r * (height + gap), c * (width + gap)
            canvas[top : top + height, start : start + width] = images[r, c]
    ax.imshow(canvas.numpy(), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_xticks([c * (width + gap) + width / 2 for c in range(len(column_titles))], column_titles)
    ax.set_yticks([r * (height + gap) + height / 2 for r in range(len(row_titles))], row_titles)
    ax.xaxis.tick_top()
    return fig


def digit_grid(images: Float[Tensor, "batch 1 height width"], columns: int = 10, **options) -> Figure:
    """A batch of images as `image_grid`, filled row by row; the batch must fill its rows.

    Raises:
        ValueError: If the number of images is not a multiple of `columns`.
    """
    if len(images) % columns:
        raise ValueError(f"expected a multiple of {columns} images, got {len(images)}")
    return image_grid(images.reshape(-1, columns, *images.shape[2:]), **options)


def loss_curve(losses: Sequence[float], *, window: int = 50, label: str = "training loss") -> Figure:
    """The loss of every step, with its mean over a moving window.

    Raises:
        ValueError: If there is no loss.
    """
    if not losses:
        raise ValueError("expected at least one loss, got none")
    fig, ax = figure(size=(6.5, 3.0))
    values = torch.tensor(losses)
    ax.plot(range(1, len(values) + 1), values, color=NOISE, lw=0.6, alpha=0.6, label="each step")
    if len(values) >= window:
        smooth = values.unfold(0, window, 1).mean(1)
        ax.plot(range(window, len(values) + 1), smooth, color=MODEL, lw=2, label=f"mean of {window} steps")
        ax.set_ylim(0.95 * smooth.min(), 1.05 * smooth.max())
    ax.set(xlabel="step", ylabel=label)
    ax.legend()
    return fig


def judgements(
    names: Sequence[str], accuracies: Sequence[float], distances: Sequence[float], *, floor: float, ours: int = 1
) -> Figure:
    """Label accuracy and Fréchet distance of several generators as two bar charts.

    Args:
        names: One a generator.
        accuracies: Label accuracies, 0 to 1.
        distances: Fréchet distances.
        floor: The distance of real digits to real digits, drawn as a line.
        ours: How many of the last entries are drawn in the colour of the model.

    Raises:
        ValueError: If the numbers of names, accuracies and distances differ.
    """
    if not len(names) == len(accuracies) == len(distances):
        raise ValueError(f"expected equal numbers, got {len(names)}, {len(accuracies)} and {len(distances)}")
    colours = [EXACT] * (len(names) - ours) + [MODEL] * ours
    fig, (left, right) = figure(1, 2, size=(4.6, 0.6 + 0.4 * len(names)), sharey=True)
    for ax, values, form in ((left, [100 * a for a in accuracies], "{:.1f} %"), (right, distances, "{:.2f}")):
        bars = ax.barh(names, values, color=colours, height=0.6)
        ax.bar_label(bars, [form.format(v) for v in values], padding=3)
        ax.margins(x=0.18)
        ax.grid(axis="y", visible=False)
    left.set(xlabel="label accuracy, higher is better", xlim=(0, 118))
    left.invert_yaxis()
    right.axvline(floor, color=DATA, ls="--", label=f"real digits: {floor:.2f}")
    right.set_xlabel("Fréchet distance, lower is better")
    right.legend(loc="lower right")
    return fig
