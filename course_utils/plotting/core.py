"""What every figure shares: theme, colours, and a way to show it with a text for those who cannot see it."""

import base64
import html
import io
from collections.abc import Callable

import matplotlib
import seaborn as sns
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

NOISE, DATA, MODEL = "#949494", "#0173b2", "#d55e00"
"""Fixed colours, safe for colour-blind readers. Noise is grey, data blue, what a model makes orange-red."""

EXACT, ACCENT = "#029e73", "#cc78bc"
"""Exact answers green, whatever else pink."""

PALETTE = [DATA, MODEL, EXACT, ACCENT, NOISE]
DPI = 110

HALO = [withStroke(linewidth=3, foreground="white")]
"""Path effects of a text that has to be read where lines cross it."""


def figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (3.4, 3.2), **options):
    """An empty figure with a grid of axes in the course's theme.

    Args:
        rows, columns: Of the grid.
        size: Width and height of one axes in inches.
        options: Go to `Figure.subplots`.

    Returns:
        The figure, and its axes as `Figure.subplots` gives them.
    """
    style = sns.axes_style("whitegrid", {"grid.color": ".92", "axes.edgecolor": ".6"})
    context = sns.plotting_context("notebook", font_scale=0.9)
    with matplotlib.rc_context({**style, **context, "axes.prop_cycle": matplotlib.cycler(color=PALETTE)}):
        fig = Figure(figsize=(columns * size[0], rows * size[1]), layout="constrained")
        axes = fig.subplots(rows, columns, **options)
    return fig, axes


def plain_ticks(*axes: Axis) -> None:
    """Ticks 1, 2, 5, 10, ... on logarithmic scales, or 1, 3, 10, ... on long ones, as plain numbers."""
    for axis in axes:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1, 3)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def image_html(png: bytes, alt: str, width: int, kind: str = "png") -> str:
    """An `<img>` with its alternative text, the picture inside."""
    source = base64.b64encode(png).decode()
    style = "max-width:100%;height:auto"
    return f'<img src="data:image/{kind};base64,{source}" alt="{html.escape(alt)}" width="{width}" style="{style}">'


def figure_html(fig: Figure, alt: str) -> str:
    """A figure as an `<img>` with its alternative text.

    Raises:
        ValueError: If `alt` is empty.
    """
    if not alt.strip():
        raise ValueError("expected a text that says what the figure shows, got an empty one")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI)
    return image_html(buffer.getvalue(), alt, round(fig.get_figwidth() * DPI))


def show(fig: Figure, *, alt: str) -> None:
    """Display a figure in a notebook.

    Args:
        fig: The figure.
        alt: What is to be seen, in a sentence or two, for readers who cannot see it.

    Raises:
        ValueError: If `alt` is empty.
    """
    from IPython.display import HTML, display

    display(HTML(figure_html(fig, alt)))


def live(*, alt: str) -> Callable[[Figure], None]:
    """A place in the notebook for a figure that changes while a cell runs: `update = live(alt=...); update(fig)`."""
    from IPython.display import HTML, display

    place = display(HTML(""), display_id=True)
    return lambda fig: place.update(HTML(figure_html(fig, alt)))
