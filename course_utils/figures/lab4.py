"""Figures of Lab 4: features of time and of the network, a training on its way, judgements, appearing digits."""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.plotting.images import pixels, wall
from course_utils.plotting.inputs import detached, require
from course_utils.plotting.lines import running_mean
from course_utils.plotting.player import Animation
from course_utils.plotting.theme import DATA, EXACT, HALO, LOOKS, MODEL, figure, legend_below, plain_ticks

__all__ = [
    "appearing_images", "brought_back", "digits_progress", "feature_maps", "judgements", "time_features", "trade_off",
]  # fmt: skip


@detached
def time_features(ts: Float[Tensor, " times"], features: Float[Tensor, "times features"]) -> Figure:
    """Features of the time as a picture, and how alike the features of two times are.

    Args:
        ts: Times, shape (times,), increasing.
        features: Shape (times, features).

    Raises:
        ValueError: If there is not one row a time.
    """
    require(len(ts) == len(features), f"{len(ts)} rows of features, one a time", len(features))
    fig, (left, right) = figure(1, 2, size=(4.3, 3.2))
    extent = (ts[0].item(), ts[-1].item(), features.shape[1] + 0.5, 0.5)
    shown = left.imshow(features.T.numpy(), aspect="auto", extent=extent, cmap="RdBu_r", vmin=-1, vmax=1)
    left.grid(False)
    left.set(xlabel="time $t$", ylabel="feature", title="features of each time")
    fig.colorbar(shown, ax=left)
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
    require(all(len(shape) == 3 for shape in shapes.values()), "shapes (channels, height, width)", dict(shapes))
    if skip is not None:
        require(set(skip) <= set(shapes), f"the skip connection between two of {', '.join(shapes)}", skip)
    fig, ax = figure(size=(9.0, 3.2))
    tallest = max(height for _, height, _ in shapes.values())
    broadest = max(channels for channels, _, _ in shapes.values())
    tops = {}
    for i, (name, (channels, height, width)) in enumerate(shapes.items()):
        wide, high = 0.06 + 0.7 * channels / broadest, height / tallest
        ax.add_patch(Rectangle((i - wide / 2, -high / 2), wide, high, facecolor=DATA, edgecolor="white", alpha=0.75))
        ax.text(i, -0.56, f"{name}\n{channels}×{height}×{width}", ha="center", va="top", size=9.5)
        tops[name] = (i, high / 2 + 0.02)
    if skip is not None:
        _skip_connection(ax, tops[skip[0]], tops[skip[1]])
    ax.set(xlim=(-0.6, len(shapes) - 0.4), ylim=(-0.85, 0.6))
    ax.axis("off")
    return fig


def _skip_connection(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    bend = {"arrowstyle": "->", "connectionstyle": "bar,fraction=-0.06", "color": MODEL, "lw": 1.6}
    ax.annotate("", (end[0], start[1]), start, arrowprops=bend)
    middle = (start[0] + end[0]) / 2
    ax.text(middle, start[1] + 0.2, "skip connection", color=MODEL, ha="center", va="bottom", size=10)


@detached
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
    steps_so_far, means = running_mean(losses)
    left.plot(steps_so_far, means, color=MODEL, label=f"mean of {steps_so_far[0]} steps")
    left.axhline(level, color=EXACT, ls="--", label=level_name)
    low = min(means.min().item(), level)
    high = max(means[len(means) // 10 :].max().item(), level)
    room = 0.15 * (high - low) + 1e-9
    left.set(xlabel="step", ylabel="training loss", xlim=(0, steps), ylim=(low - room, high + room))
    left.legend()
    right.imshow(_two_rows(images).numpy(), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    right.set_axis_off()
    right.set_title(f"samples after step {len(losses):,} of {steps:,}")
    return fig


def _two_rows(images: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "y x"]:
    """Images in two rows as one, white between them and where one is missing."""
    even = F.pad(images, (0, 0, 0, 0, 0, 0, 0, len(images) % 2), value=-1.0)[:, 0]
    framed = F.pad(even, (1, 1, 1, 1), value=-1.0).unflatten(0, (2, -1))
    return framed.permute(0, 2, 1, 3).flatten(2).flatten(0, 1)


@detached
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


@detached
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
    numbers = f"{len(names)}, {len(accuracies)} and {len(distances)}"
    require(len(names) == len(accuracies) == len(distances), "equal numbers", numbers)
    colours = [EXACT] * (len(names) - ours) + [MODEL] * ours
    fig, (left, right) = figure(1, 2, size=(4.6, 0.8 + 0.36 * len(names)), sharey=True)
    _dots(left, [100 * (1 - a) for a in accuracies], colours, "{:.1f} %")
    _dots(right, distances, colours, "{:.2f}")
    left.set_yticks(range(len(names)), names)
    left.set(xlabel="taken for another digit", ylim=(len(names) - 0.4, -0.6))
    right.axvline(floor, color=DATA, ls="--")
    right.annotate(f"real digits {floor:.2f}", (floor, 0.5), (4, 0), textcoords="offset points", color=DATA, size=10)
    right.set(xlabel="Fréchet distance", xlim=(floor / 1.5, None))
    return fig


def _dots(ax: Axes, values: Sequence[float], colours: Sequence[str], form: str) -> None:
    """Values on a logarithmic scale, one a row, each written beside its dot."""
    drawn = [max(value, 0.05) for value in values]
    ax.scatter(drawn, range(len(drawn)), color=colours, s=50, zorder=3)
    for row, (value, x) in enumerate(zip(values, drawn, strict=True)):
        ax.annotate(form.format(value), (x, row), (9, 0), textcoords="offset points", va="center", size=10)
    ax.set(xscale="log", xlim=(min(drawn) / 1.7, max(drawn) * 5))
    plain_ticks(ax.xaxis)


def brought_back(
    ts: Sequence[float], accuracies: Sequence[float], sizes: Sequence[int], *, level: tuple[float, str]
) -> Figure:
    """Label accuracy of digits that were noised to a time and brought back, with bars of one standard error.

    Args:
        ts: Times.
        accuracies: Shares of right labels, 0 to 1, one a time.
        sizes: How many digits each share is of.
        level: A share to compare with, and its name.

    Raises:
        ValueError: If there is not one share and one size for each time.
    """
    numbers = f"{len(ts)}, {len(accuracies)} and {len(sizes)}"
    require(len(ts) == len(accuracies) == len(sizes), "equal numbers of times, accuracies and sizes", numbers)
    errors = [100 * (p * (1 - p) / n) ** 0.5 for p, n in zip(accuracies, sizes, strict=True)]
    fig, ax = figure(size=(6.8, 3.8))
    ax.errorbar(ts, [100 * p for p in accuracies], errors, color=MODEL, marker="o", capsize=4, label="flow from $t$ on")
    ax.axhline(100 * level[0], color="0.3", ls=":", lw=1.5, label=level[1])
    ax.set(xlabel="time $t$ from which the model takes over", ylabel="label accuracy, %")
    ax.set_title("real digits, noised to $t$ and brought back")
    legend_below(fig, [ax])
    return fig


@detached
def appearing_images(frames: Float[Tensor, "times rows columns height width"], *, zoom: int = 2) -> Animation:
    """Images that appear from noise.

    Args:
        frames: Images at every time, shape (times, rows, columns, height, width).
        zoom: Side of one pixel of an image, in pixels of the screen.
    """
    return Animation(wall(frames[-1], zoom=zoom), [{"images": pixels(images)} for images in frames])
