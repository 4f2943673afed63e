"""Figures of Lab 4: grids of images, the network's feature maps, training curves, and judgements side by side."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter
from torch import Tensor

from course_utils.plotting.core import ACCENT, DATA, DPI, EXACT, HALO, MODEL, NOISE, figure, plain_ticks

LOOKS = [(MODEL, "o", "-"), (DATA, "s", "--"), (EXACT, "^", "-."), (ACCENT, "D", ":"), (NOISE, "v", "-")]
"""Colour, marker and dash of the lines of a figure."""

GAP = 2
"""Pixels between two images."""


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
    """Images in rows and columns as one, not a number between them."""
    rows, columns, height, width = images.shape
    framed = F.pad(images, (0, GAP, 0, GAP), value=torch.nan)
    return framed.transpose(1, 2).reshape(rows * (height + GAP), columns * (width + GAP))[:-GAP, :-GAP]


def _exact_axes(width: int, height: int, left: int, top: int):
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


def digit_grid(images: Float[Tensor, "batch 1 height width"], columns: int = 10, **options) -> Figure:
    """A batch of images as `image_grid`, filled row by row; the batch must fill its rows.

    Raises:
        ValueError: If the number of images is not a multiple of `columns`.
    """
    if len(images) % columns:
        raise ValueError(f"expected a multiple of {columns} images, got {len(images)}")
    return image_grid(images.reshape(-1, columns, *images.shape[2:]), **options)


def time_features(ts: Float[Tensor, " times"], features: Float[Tensor, "times features"]) -> Figure:
    """Features of the time as a picture, and how alike the features of two times are.

    Args:
        ts: Times, shape (times,), increasing.
        features: Shape (times, features).

    Raises:
        ValueError: If there is not one row a time.
    """
    if len(ts) != len(features):
        raise ValueError(f"expected {len(ts)} rows of features, one a time, got {len(features)}")
    fig, (left, right) = figure(1, 2, size=(4.3, 3.2))
    extent = (ts[0].item(), ts[-1].item(), features.shape[1] + 0.5, 0.5)
    picture = left.imshow(features.T.numpy(), aspect="auto", extent=extent, cmap="RdBu_r", vmin=-1, vmax=1)
    left.grid(False)
    left.set(xlabel="time $t$", ylabel="feature", title="features of each time")
    fig.colorbar(picture, ax=left)
    unit = features / features.norm(dim=1, keepdim=True)
    for share, (colour, _, dash) in zip((0.1, 0.5, 0.9), LOOKS, strict=False):
        i = round(share * (len(ts) - 1))
        right.plot(ts, unit @ unit[i], color=colour, ls=dash, label=f"$s = {ts[i].item():.1f}$")
    right.set(xlabel="time $t$", ylabel="cosine of the angle", title="features of $t$ and of $s$ compared")
    right.set_ylim(top=1.35)
    right.legend(ncols=3, loc="upper center", columnspacing=1, handlelength=1.5)
    return fig


def feature_maps(shapes: Mapping[str, Sequence[int]], skip: tuple[str, str] | None = None) -> Figure:
    """The feature maps of a network in the order in which they arise, each drawn as high as its image is.

    Args:
        shapes: From a name to channels, height and width.
        skip: Names of the maps that a skip connection leaves and reaches.

    Raises:
        ValueError: If a shape has not three numbers, or `skip` names no map.
    """
    if any(len(shape) != 3 for shape in shapes.values()):
        raise ValueError(f"expected shapes (channels, height, width), got {dict(shapes)}")
    if skip and not set(skip) <= set(shapes):
        raise ValueError(f"expected the skip connection between two of {', '.join(shapes)}, got {skip}")
    fig, ax = figure(size=(9.0, 3.2))
    tallest = max(height for _, height, _ in shapes.values())
    broadest = max(channels for channels, _, _ in shapes.values())
    places = {}
    for i, (name, (channels, height, width)) in enumerate(shapes.items()):
        wide, high = 0.06 + 0.7 * channels / broadest, height / tallest
        ax.add_patch(Rectangle((i - wide / 2, -high / 2), wide, high, facecolor=DATA, edgecolor="white", alpha=0.75))
        ax.text(i, -0.56, f"{name}\n{channels}×{height}×{width}", ha="center", va="top", size=9.5)
        places[name] = (i, high / 2 + 0.02)
    if skip:
        (start, low), (end, _) = places[skip[0]], places[skip[1]]
        bend = {"arrowstyle": "->", "connectionstyle": "bar,fraction=-0.06", "color": MODEL, "lw": 1.6}
        ax.annotate("", (end, low), (start, low), arrowprops=bend)
        ax.text((start + end) / 2, low + 0.2, "skip connection", color=MODEL, ha="center", va="bottom", size=10)
    ax.set(xlim=(-0.6, len(shapes) - 0.4), ylim=(-0.85, 0.6))
    ax.axis("off")
    return fig


def digits_progress(
    losses: Sequence[float], steps: int, images: Float[Tensor, "batch 1 height width"], *, level: float, level_name: str
) -> Figure:
    """A training on its way: the loss so far, beside a level to compare it with, and samples of the moment.

    Args:
        losses: The loss of every step so far.
        steps: Number of steps of the whole training.
        images: Samples, shape (batch, 1, height, width), shown in two rows.
        level: A loss to compare with, such as that of the closed form alone.
        level_name: What it is.
    """
    fig, (left, right) = figure(1, 2, size=(4.6, 3.0), width_ratios=(1.1, 1))
    values, window = torch.tensor(losses), min(50, len(losses))
    smooth = values.unfold(0, window, 1).mean(1)
    left.plot(range(window, len(values) + 1), smooth, color=MODEL, label=f"mean of {window} steps")
    left.axhline(level, color=EXACT, ls="--", label=level_name)
    low, high = min(smooth.min().item(), level), max(smooth[len(smooth) // 10 :].max().item(), level)
    room = 0.15 * (high - low) + 1e-9
    left.set(xlabel="step", ylabel="training loss", xlim=(0, steps), ylim=(low - room, high + room))
    left.legend()
    rows = torch.nn.functional.pad(images, (0, 0, 0, 0, 0, 0, 0, len(images) % 2), value=-1.0)[:, 0]
    rows = torch.nn.functional.pad(rows, (1, 1, 1, 1), value=-1.0).unflatten(0, (2, -1))
    picture = rows.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
    right.imshow(picture.numpy(), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    right.set_axis_off()
    right.set_title(f"samples after step {len(losses):,} of {steps:,}")
    return fig


def solver_errors(methods: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> Figure:
    """Errors of solvers against the number of evaluations of the network, both on logarithmic scales.

    Args:
        methods: From a name to evaluations and errors.
    """
    fig, ax = figure(size=(6.5, 3.8))
    ticks = sorted({n for counts, _ in methods.values() for n in counts})
    for (name, (counts, errors)), (colour, marker, dash) in zip(methods.items(), LOOKS, strict=False):
        ax.loglog(counts, errors, color=colour, marker=marker, ls=dash, label=name)
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel="evaluations of the network", ylabel="root mean square error of a pixel")
    ax.legend()
    return fig


def trade_off(
    generators: Mapping[str, tuple[Sequence[float | int], Sequence[float], Sequence[float]]], *, floor: float
) -> Figure:
    """Wrong labels against Fréchet distance, each generator a line over its guidance scales; best is below, left.

    Args:
        generators: From a name to guidance scales w, label accuracies (0 to 1) and Fréchet distances.
        floor: The distance of real digits to real digits.
    """
    fig, ax = figure(size=(7.5, 5.0))
    for (name, (scales, accuracies, distances)), (colour, marker, dash) in zip(generators.items(), LOOKS, strict=False):
        wrong = [max(100 * (1 - a), 0.05) for a in accuracies]
        ax.loglog(distances, wrong, color=colour, marker=marker, ls=dash, label=name)
        for w, x, y in zip(scales, distances, wrong, strict=True):
            ax.annotate(f"{w:g}", (x, y), (7, 6), textcoords="offset points", color=colour, size=10, path_effects=HALO)
    ax.axvline(floor, color="0.3", lw=1)
    ax.annotate("real digits ", (floor, 0.98), xycoords=("data", "axes fraction"), rotation=90, ha="right", va="top")
    plain_ticks(ax.xaxis, ax.yaxis)
    ax.set(xlabel="Fréchet distance", ylabel="taken for another digit, %")
    ax.legend(title="numbers: guidance scale $w$", loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)
    return fig


def judgements(
    names: Sequence[str], accuracies: Sequence[float], distances: Sequence[float], *, floor: float, ours: int = 1
) -> Figure:
    """Wrong labels and Fréchet distance of several generators side by side, on logarithmic scales.

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
    fig, (left, right) = figure(1, 2, size=(4.6, 0.8 + 0.36 * len(names)), sharey=True)
    wrong = [100 * (1 - a) for a in accuracies]
    places = range(len(names))
    for ax, values, form in ((left, wrong, "{:.1f} %"), (right, distances, "{:.2f}")):
        drawn = [max(v, 0.05) for v in values]
        ax.scatter(drawn, places, color=colours, s=50, zorder=3)
        for value, x, y in zip(values, drawn, places, strict=True):
            ax.annotate(form.format(value), (x, y), (9, 0), textcoords="offset points", va="center", size=10)
        ax.set(xscale="log", xlim=(min(drawn) / 1.7, max(drawn) * 5))
        plain_ticks(ax.xaxis)
    left.set_yticks(places, names)
    left.set(xlabel="taken for another digit", ylim=(len(names) - 0.4, -0.6))
    right.axvline(floor, color=DATA, ls="--")
    right.annotate(f"real digits {floor:.2f}", (floor, 0.5), (4, 0), textcoords="offset points", color=DATA, size=10)
    right.set(xlabel="Fréchet distance", xlim=(floor / 1.5, None))
    return fig
