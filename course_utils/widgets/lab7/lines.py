"""Words on a stage: each a text of its own, every letter as wide as the others."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.text import Text

from course_utils.figures.lab7 import KINDS, MONO, marked

__all__ = ["LINE", "empty", "shown_words", "word_grid"]

LINE = 0.215
"""Height of a line in inches."""


def empty(ax: Axes) -> None:
    """Make an axes a place for texts, from 0 to 1 in both directions."""
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()


def word_grid(
    ax: Axes, name: str, rows: int, lefts: Sequence[float] = (0.0,), *, step: float = 0.0, color: str = "black"
) -> dict[str, Text]:
    """Texts in columns, filled from above: `name 0` and so on, column after column.

    Args:
        ax: An empty axes.
        name: Of the texts.
        rows: In each column.
        lefts: Where each column begins.
        step: From one row to the next; by default the rows fill the axes.
        color: Until another is shown.
    """
    step = step or 1 / rows
    places = [(left, 1 - (row + 0.8) * step) for left in lefts for row in range(rows)]
    return {f"{name} {k}": ax.text(*place, "", color=color, **MONO) for k, place in enumerate(places)}


def shown_words(name: str, words: Sequence[str], places: int, kinds: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a `word_grid` of so many places shows: words in the colour and with the sign of their kind."""
    filled = [*words[:places], *[""] * (places - len(words))]
    colours = [KINDS[kinds[word]][0] if word in kinds else "black" for word in filled]
    texts = [marked(word, kinds) for word in filled]
    return {f"{name} {k}": {"text": text, "color": c} for k, (text, c) in enumerate(zip(texts, colours, strict=True))}
