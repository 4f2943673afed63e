"""Figures in a notebook or a page, each with a text for those who cannot see it."""

import base64
import html
import io
from collections.abc import Callable

from matplotlib.figure import Figure

from course_utils.plotting.theme import DPI

__all__ = ["figure_html", "image_html", "live", "show"]


def image_html(picture: bytes, alt: str, width: int, kind: str = "png") -> str:
    """An `<img>` with its alternative text, the picture inside.

    Args:
        picture: An encoded picture.
        alt: What is to be seen, for readers who cannot see it.
        width: In pixels.
        kind: How the picture is encoded: png, jpeg or webp.

    Example:
        >>> plotting.image_html(b"a picture", "A dot.", 20)[:59]
        '<img src="data:image/png;base64,YSBwaWN0dXJl" alt="A dot." '
    """
    source = base64.b64encode(picture).decode()
    style = "max-width:100%;height:auto"
    return f'<img src="data:image/{kind};base64,{source}" alt="{html.escape(alt)}" width="{width}" style="{style}">'


def figure_html(fig: Figure, alt: str) -> str:
    """A figure as an `<img>` with its alternative text.

    Raises:
        ValueError: If `alt` is empty.

    Example:
        >>> 'alt="Empty axes."' in plotting.figure_html(plotting.figure()[0], "Empty axes.")
        True
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

    Example:
        >>> plotting.show(plotting.line_panels({"": {"square": ([1, 2, 3], [1, 4, 9])}}), alt="A parabola.")
        <IPython.core.display.HTML object>
    """
    from IPython.display import HTML, display

    display(HTML(figure_html(fig, alt)))


def live(*, alt: str) -> Callable[[Figure], None]:
    """A place in the notebook for a figure that changes while a cell runs.

    Args:
        alt: What is to be seen in the last one, for readers who cannot see it.

    Returns:
        A function that shows a figure in the place of the one before.

    Example:
        >>> update = plotting.live(alt="A point that moves to the right.")  # doctest: +SKIP
        >>> for k in range(10):  # doctest: +SKIP
        ...     update(plotting.point_clouds({"": torch.tensor([[k, 0.0]])}))
    """
    from IPython.display import HTML, display

    place = display(HTML(""), display_id=True)
    return lambda fig: place.update(HTML(figure_html(fig, alt)))
