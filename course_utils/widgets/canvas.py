"""Places to draw: a shape that becomes training data, a digit that becomes an image."""

import hashlib
import json
from pathlib import Path

import anywidget
import torch
import traitlets
from IPython.display import HTML, display
from jaxtyping import Float
from torch import Tensor

from course_utils.plotting.page import figure_html
from course_utils.plotting.stage import Stage, bundle
from course_utils.plotting.theme import DATA, figure
from course_utils.widgets import strokes as drawings
from course_utils.widgets.core import Choice
from course_utils.widgets.prepared import beforehand, prepared_html

__all__ = ["Canvas", "DigitCanvas", "ShapeCanvas"]


class Canvas(anywidget.AnyWidget):
    """A canvas to draw on with mouse, pen or finger, and a list of prepared drawings for the keyboard.

    Attributes:
        strokes: What is drawn: lists of points (x, y), coordinates from 0 to 1, y downwards.
        choice: Name of the prepared drawing shown, or "" for one's own.
    """

    _esm = Path(__file__).parents[1] / "assets" / "canvas.js"
    strokes: traitlets.List[list] = traitlets.List().tag(sync=True)
    choice = traitlets.Unicode().tag(sync=True)
    prepared: traitlets.List[str] = traitlets.List().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    pen = traitlets.Float(0.02).tag(sync=True)
    stands_in = traitlets.Unicode().tag(sync=True)

    def __init__(self, prepared: dict[str, drawings.Strokes], choice: str, **options):
        if choice not in prepared:
            raise ValueError(f"expected one of {', '.join(prepared)}, got {choice!r}")
        self._prepared = prepared
        name = "static-" + hashlib.sha256(json.dumps([choice, list(prepared)]).encode()).hexdigest()[:12]
        super().__init__(prepared=list(prepared), choice=choice, stands_in=name, **options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.choice or 'your own'}, {len(self.strokes)} strokes)"

    @traitlets.observe("choice")
    def _choose(self, change) -> None:
        if change["new"] in self._prepared:
            self.strokes = self._prepared[change["new"]]

    def _static(self) -> str:
        """The drawing as a picture, or the prepared ones to choose from, for pages without a kernel."""
        fig, ax = figure(size=(2.6, 2.6))
        ax.set(xlim=(0, 1), ylim=(1, 0), aspect="equal", xticks=[], yticks=[])
        drawn = bundle(ax, color=DATA, lw=self.pen * 187, capstyle="round", joinstyle="round")
        if not beforehand():
            drawn.set_segments(self.strokes)
            return figure_html(fig, f"{self.label} Drawn: {self.choice or 'your own'}.")
        stage, choice = Stage(fig, {"strokes": drawn}), Choice("drawing", {name: name for name in self._prepared})
        return prepared_html(
            {"name": choice}, lambda chosen: stage.picture({"strokes": self._prepared[chosen["name"]]}), alt=self.label
        )

    def _ipython_display_(self) -> None:
        display(HTML(f'<div id="{self.stands_in}">{self._static()}</div>'))
        data, metadata = super()._repr_mimebundle_() or ({}, {})
        display(data, metadata=metadata, raw=True)  # the metadata tell Colab where its widget manager is


class ShapeCanvas(Canvas):
    """A canvas for a shape in the plane.

    Args:
        choice: The prepared shape to begin with.

    Example:
        >>> widgets.ShapeCanvas("two rings")
        ShapeCanvas(two rings, 2 strokes)
    """

    def __init__(self, choice: str = "heart"):
        super().__init__(drawings.shapes(), choice, label="A place to draw a shape.")

    def points(self, n: int = 2000, *, generator: torch.Generator | None = None) -> Float[Tensor, "n 2"]:
        """n data points along the drawing, in [-2.5, 2.5]².

        Raises:
            ValueError: If nothing is drawn.
        """
        return drawings.scattered(self.strokes, n, generator=generator)


class DigitCanvas(Canvas):
    """A canvas for a digit.

    Args:
        choice: The prepared digit to begin with.

    Example:
        >>> widgets.DigitCanvas("4").image.shape
        torch.Size([1, 28, 28])
    """

    def __init__(self, choice: str = "3"):
        super().__init__(drawings.digits(), choice, label="A place to draw a digit.", pen=0.09)

    @property
    def image(self) -> Float[Tensor, "1 28 28"]:
        """The digit as an image like those of MNIST, pixels in [-1, 1]. ValueError if nothing is drawn."""
        return drawings.digit_image(self.strokes)
