"""What every figure shares: theme, colours, a table of looks, rows of axes, one legend for all."""

from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.rcsetup import cycler
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

__all__ = [
    "ACCENT", "BROAD", "DATA", "DPI", "EXACT", "HALO", "LOOKS", "MODEL", "NOISE", "colormap", "figure", "legend_below",
    "panels", "plain_ticks", "tick_at", "tints",
]  # fmt: skip

NOISE = "#949494"
"""Grey. All colours are fixed and safe for colour-blind readers."""

DATA = "#0173b2"
"""Blue."""

MODEL = "#d55e00"
"""Orange-red, for what a model makes or a simulation gives."""

EXACT = "#029e73"
"""Green, for exact answers."""

ACCENT = "#cc78bc"
"""Pink, for whatever else."""

LOOKS = [(MODEL, "o", "-"), (DATA, "s", "--"), (ACCENT, "^", "-."), (NOISE, "D", ":"), ("0.3", "v", (0, (6, 2, 1, 2)))]
"""Colour, marker and dash of things to be told apart, in this order; what is exact looks `BROAD` and green."""

BROAD: dict[str, Any] = {"color": EXACT, "lw": 3.5, "alpha": 0.6, "zorder": 1}
"""How an exact answer looks under what is compared with it."""

HALO = [withStroke(linewidth=3, foreground="white")]
"""Path effects of a text that has to be read where lines cross it."""

DPI = 110
"""Pixels an inch of every figure in a notebook."""

WIDTH = 9.0
"""Inches of the widest figure."""


def figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (3.4, 3.2), **options):
    """An empty figure with a grid of axes in the course's theme.

    Args:
        rows, columns: Of the grid.
        size: Width and height of one axes in inches.
        options: Go to `Figure.subplots`.

    Returns:
        The figure, and its axes as `Figure.subplots` gives them.

    Example:
        >>> fig, (left, right) = plotting.figure(1, 2, size=(3, 2))
        >>> fig.get_size_inches().tolist()
        [6.0, 2.0]
    """
    import seaborn  # a second to import: not before a figure is made

    style = seaborn.axes_style("whitegrid", {"grid.color": ".92", "axes.edgecolor": ".6"})
    context = seaborn.plotting_context("notebook", font_scale=0.9)
    colors = [DATA, MODEL, EXACT, ACCENT, NOISE]
    with matplotlib.rc_context({**style, **context, "axes.prop_cycle": cycler(color=colors)}):
        fig = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
        axes = fig.subplots(rows, columns, **options)
    return fig, axes


def panels(count: int, height: float, *, widest: float = 5.5, **options) -> tuple[Figure, list[Axes]]:
    """A row of axes, together at most 9 inches (990 pixels) wide.

    Args:
        count: Number of axes.
        height: Of each, in inches.
        widest: Width in inches that none of them exceeds.
        options: Go to `Figure.subplots`.

    Returns:
        The figure and its axes.

    Raises:
        ValueError: If `count` is 0.

    Example:
        >>> fig, axes = plotting.panels(3, 2.5)
        >>> fig.get_size_inches().tolist()
        [9.0, 2.5]
    """
    if count < 1:
        raise ValueError("expected at least one panel, got none")
    fig, axes = figure(1, count, size=(min(widest, WIDTH / count), height), squeeze=False, **options)
    return fig, list(axes[0])


def tints(color: str, count: int) -> list[str]:
    """So many shades of a colour, from light to the colour itself.

    Example:
        >>> plotting.theme.tints(plotting.MODEL, 1)
        ['#d55e00']
    """
    from seaborn import light_palette

    return [to_hex(shade) for shade in light_palette(color, count + 2)[2:]]


def colormap(color: str) -> Colormap:
    """Colours of a picture, from nearly white to the given colour."""
    from seaborn import light_palette

    return light_palette(color, as_cmap=True)


def plain_ticks(*axes: Axis) -> None:
    """Ticks 1, 2, 5, 10, ... on logarithmic scales, or 1, 3, 10, ... on long ones, as plain numbers.

    Where the lowest value lies below all ticks, the axis is made longer until one more is on it.

    Example:
        >>> fig, ax = plotting.figure()
        >>> lines = ax.loglog([1, 90], [1, 1])
        >>> plotting.plain_ticks(ax.xaxis)
        >>> [text.get_text() for text in ax.get_xticklabels() if 1 <= text.get_position()[0] <= 90]
        ['1', '2', '5', '10', '20', '50']
    """
    for axis in axes:
        low, high = axis.get_view_interval()
        locator = LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1, 3))
        lowest = 1.1 * axis.get_data_interval()[0]
        below = [tick for tick in locator.tick_values(low, high) if tick <= lowest]
        set_limits = axis.axes.set_xlim if axis is axis.axes.xaxis else axis.axes.set_ylim
        set_limits(min([low, *below[-1:]]), high)
        axis.set_major_locator(locator)
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def tick_at(axis: Axis, places: Sequence[float]) -> None:
    """Ticks at these places and nowhere else, as plain numbers."""
    axis.set_ticks(places, [f"{place:g}" for place in places])
    axis.set_minor_formatter(NullFormatter())


def legend_below(fig: Figure, axes: Iterable[Axes], **options) -> None:
    """The entries of all axes, each name once, below the figure: in as few rows as its width allows.

    Args:
        fig: The figure.
        axes: Those with the entries.
        options: Go to `Figure.legend`.

    Example:
        >>> fig, axes = plotting.panels(2, 2.5)
        >>> lines = [ax.plot([0, 1], [0, 1], label="growth") for ax in axes]
        >>> plotting.legend_below(fig, axes)
        >>> [text.get_text() for text in fig.legends[0].get_texts()]
        ['growth']
    """
    pairs = [pair for ax in axes for pair in zip(*ax.get_legend_handles_labels(), strict=True)]
    entries = {label: handle for handle, label in reversed(pairs)}
    names = list(dict.fromkeys(label for _, label in pairs))
    handles = [entries[name] for name in names]
    for rows in range(1, len(names) + 1):
        columns = -(-len(names) // rows)
        legend = fig.legend(handles, names, loc="outside lower center", ncols=columns, **options)
        if legend.get_window_extent().width <= fig.bbox.width:
            break
        if rows < len(names):
            legend.remove()
