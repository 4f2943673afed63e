"""A picture to show around: generated digits, and below them what they are."""

from collections.abc import Sequence
from textwrap import wrap

import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.plotting import digit_grid

__all__ = ["digit_card"]

LETTERS = 96
"""Of a line."""

LINE = 0.17
"""Height of a line, inches."""


def digit_card(images: Float[Tensor, "n 1 28 28"], lines: Sequence[str], command: str) -> Figure:
    """Digits in rows of ten, and words below: what is said of them, and the command that draws them again.

    Args:
        images: Digits 0, 1, ..., 9, 0, ... in [-1, 1].
        lines: Sentences; long ones are broken.
        command: Such as "python course.py generate --out card.png".

    Example:
        >>> fig = figures.card.digit_card(torch.zeros(13, 1, 28, 28), ["Nothing but grey."], "python course.py ...")
        >>> [text.get_text() for text in fig.texts]
        ['Nothing but grey.', 'python course.py ...']
    """
    rows = F.pad(images, (0, 0, 0, 0, 0, 0, 0, -len(images) % 10), value=-1.0)
    fig = digit_grid(rows, column_titles=list("0123456789"))
    told = [row for line in lines for row in wrap(line, LETTERS)]
    asked = wrap(command, LETTERS - 12, subsequent_indent="    ", break_long_words=True, break_on_hyphens=False)
    width, height = fig.get_size_inches()
    tall = height + LINE * (len(told) + len(asked) + 2)
    box = fig.axes[0].get_position()
    fig.set_size_inches(width, tall)
    fig.axes[0].set_position((box.x0, 1 - (1 - box.y0) * height / tall, box.width, box.height * height / tall))
    for number, text in enumerate([*told, *asked]):
        below = number + 1.2 + 0.6 * (number >= len(told))
        family = "monospace" if number >= len(told) else None
        fig.text(box.x0, (tall - height - LINE * below) / tall, text, fontsize=9, family=family, parse_math=False)
    return fig
