"""Parts of a picture that are dragged: another hand on two sliders of an explorer."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from matplotlib.axes import Axes

from course_utils.plotting.stage import Stage
from course_utils.widgets.prepared import Control

__all__ = ["DraggedPicture", "Grip"]

ASSETS = Path(__file__).parents[1] / "assets"


@dataclass(frozen=True)
class Grip:
    """What is dragged in a picture with mouse, pen or finger, or moved by the arrow keys.

    Attributes:
        part: The part of the stage that moves; this is also what it is called.
        x, y: Names of the sliders of its place, in the units of its axes, which are linear.

    Example:
        >>> widgets.Grip("goal", "x", "y")
        Grip(part='goal', x='x', y='y')
    """

    part: str
    x: str
    y: str

    @property
    def names(self) -> tuple[str, str]:
        """Of the two sliders."""
        return self.x, self.y

    def picture(self, stage: Stage, controls: Mapping[str, Control], html: str) -> "DraggedPicture":
        """The widget that shows a picture of the stage, for all values of both sliders.

        Raises:
            ValueError: If the stage has no such part on linear axes, or there are no such sliders.
        """
        self.check(stage, controls)
        values = {name: controls[name].values(sys.maxsize) for name in self.names}
        grid = self.places(stage, controls, values)
        del grid["controls"]
        return DraggedPicture(value=html, place=self.place(controls), **grid)

    def place(self, controls: Mapping[str, Any]) -> list[float]:
        """Where the part is by the two sliders, [x, y]."""
        return [controls[name].value for name in self.names]

    def check(self, stage: Stage, controls: Mapping[str, Control]) -> None:
        """Refuse a stage without the part or without linear axes, and controls that are no sliders: by a ValueError."""
        if self.part not in stage.parts:
            raise ValueError(f"expected a part among {', '.join(stage.parts)} to drag, got {self.part}")
        for name in self.names:
            if name not in controls or not controls[name].slides:
                raise ValueError(f"expected two sliders among {', '.join(controls)}, got {name}")
        axes = self._axes(stage)
        scales = axes.get_xscale(), axes.get_yscale()
        if scales != ("linear", "linear"):
            raise ValueError(f"expected a part on linear axes to drag, got {scales[0]} and {scales[1]} ones")

    def _axes(self, stage: Stage) -> Axes:
        axes = stage.parts[self.part].axes
        if not isinstance(axes, Axes):
            raise ValueError(f"expected a part on axes to drag, got {self.part}, which is on the figure itself")
        return axes

    def places(self, stage: Stage, controls: Mapping[str, Control], values: Mapping[str, Sequence]) -> dict:
        """For the script the grid of places, of each its value, its share of the way across the picture, and its words.

        Args:
            stage: Where the part is; shares go from the left and from the top.
            controls: From name to slider.
            values: Of both sliders.

        Returns:
            The label, the numbers of both sliders among the controls, columns and rows.
        """
        width, height = stage.canvas.get_width_height()
        xs, ys = values[self.x], values[self.y]
        transform = self._axes(stage).transData
        lefts = [transform.transform((x, ys[0]))[0] / width for x in xs]
        tops = [1 - transform.transform((xs[0], y))[1] / height for y in ys]
        said = [[f"{controls[name].label} {controls[name].say(v)}" for v in values[name]] for name in self.names]
        return {
            "label": self.part,
            "controls": [list(controls).index(name) for name in self.names],
            "columns": [list(place) for place in zip(xs, map(float, lefts), said[0], strict=True)],
            "rows": [list(place) for place in zip(ys, map(float, tops), said[1], strict=True)],
        }


class DraggedPicture(anywidget.AnyWidget):
    """A picture with a point to drag; what it shows is drawn elsewhere.

    Attributes:
        value: The picture as HTML.
        place: Where the point is, [x, y].
        columns, rows: Places to choose from, as `Grip.places` gives them.
        label: What the point is called.
    """

    _esm = "\n".join((ASSETS / name).read_text("utf-8") for name in ("grip.js", "dragged.js"))
    value = traitlets.Unicode().tag(sync=True)
    place: traitlets.List[Any] = traitlets.List().tag(sync=True)
    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __repr__(self) -> str:
        return f"DraggedPicture({self.label})"

    def within(self, box: Any) -> tuple[dict, dict]:
        """What shows a box that holds the picture; and its metadata, by which Colab finds its widget manager."""
        data, metadata = self._repr_mimebundle_() or ({}, {})
        view = "application/vnd.jupyter.widget-view+json"
        return data | {view: data.get(view, {}) | {"model_id": box.model_id}}, metadata
