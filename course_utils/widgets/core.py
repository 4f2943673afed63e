"""From a pure function and named parameters to sliders over a picture."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import ipywidgets
from IPython import get_ipython
from IPython.display import HTML, display

from course_utils.plotting.page import image_html
from course_utils.plotting.stage import Stage
from course_utils.widgets.grip import DraggedPicture, Grip
from course_utils.widgets.prepared import beforehand, prepared_html, thinned

__all__ = ["SHOWN", "Choice", "Controls", "Explorer", "Slider", "Word"]

SHOWN = 25
"""Paths that a slider draws; histograms and variances are those of all paths."""


@dataclass(frozen=True)
class Slider:
    """A number to choose: a slider, and a box to type it in.

    Attributes:
        label: What stands before the box.
        low, high: Range.
        value: At the beginning.
        step: Between two values; whole numbers if this and `low` are whole.

    Example:
        >>> widgets.Slider("time t", 0.0, 1.0, value=0.5, step=0.02)
        Slider(label='time t', low=0.0, high=1.0, value=0.5, step=0.02)
    """

    slides: ClassVar[bool] = True
    label: str
    low: float
    high: float
    value: float
    step: float

    def __post_init__(self):
        if not (self.low <= self.value <= self.high and self.step > 0):
            raise ValueError(
                f"expected {self.low:g} <= value <= {self.high:g} and a positive step, "
                f"got {self.value:g} and {self.step:g}"
            )

    def widgets(self) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The widget whose value counts, and the row that holds it.

        Slider and box are linked in the browser. The box counts: of the two, its value is sent first while the slider
        moves.
        """
        whole = isinstance(self.low, int) and isinstance(self.step, int)
        kind, box_kind = ("IntSlider", "BoundedIntText") if whole else ("FloatSlider", "BoundedFloatText")
        shared = {"min": self.low, "max": self.high, "value": self.value, "step": self.step}
        slider = getattr(ipywidgets, kind)(**shared, readout=False, layout={"flex": "1 1 auto", "max_width": "460px"})
        box = getattr(ipywidgets, box_kind)(**shared, description=self.label, **LABELLED)
        row = ipywidgets.HBox([box, slider])
        row.link = ipywidgets.jslink((slider, "value"), (box, "value"))
        return box, row

    def values(self, n: int) -> list[float]:
        """At most n >= 2 of its values, evenly from low to high, one of them moved to that of the beginning."""
        last = round((self.high - self.low) / self.step)
        begin = round((self.value - self.low) / self.step)
        return [round(self.low + k * self.step, 9) for k in thinned(last + 1, n, begin)]

    def say(self, value: object) -> str:
        """A value in words."""
        return f"{value:g}"


@dataclass(frozen=True)
class Choice:
    """One of several values to choose by a button.

    Attributes:
        label: What stands before the buttons.
        options: From the name shown to the value.
        first: Name of the value at the beginning; the first option if None.

    Example:
        >>> widgets.Choice("steps", {"few": 8, "many": 512}, first="many")
        Choice(label='steps', options={'few': 8, 'many': 512}, first='many')
    """

    slides: ClassVar[bool] = False
    label: str
    options: Mapping[str, object]
    first: str | None = None

    def widgets(self) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The widget whose value counts, and the row that holds it.

        Buttons, not a list: JupyterLab takes the arrow keys of a list to go from cell to cell.
        """
        options = list(self.options.items())
        style, layout = LABELLED["style"] | {"button_width": "auto"}, {"display": "flex", "width": "auto"}
        shown = {"description": self.label, "style": style, "layout": layout}
        buttons = ipywidgets.ToggleButtons(options=options, value=self.value, **shown)
        return buttons, ipywidgets.HBox([buttons])

    @property
    def value(self) -> object:
        """The value at the beginning."""
        return self.options[self.first or next(iter(self.options))]

    def values(self, n: int) -> list[object]:
        """All options in their order; of numbers at most n >= 2, as of a slider."""
        values = list(self.options.values())
        if not all(isinstance(value, int | float) for value in values):
            return values
        return [values[k] for k in thinned(len(values), n, values.index(self.value))]

    def say(self, value: object) -> str:
        """A value in words."""
        return next(name for name, option in self.options.items() if option is value or option == value)


@dataclass(frozen=True)
class Word:
    """A word to type; what is drawn changes after Enter or Tab.

    Attributes:
        label: What stands before the box.
        value: At the beginning.
        others: What can be chosen besides on a page without a kernel, where nothing can be typed.

    Example:
        >>> widgets.Word("pattern", "_A_SON", others=("_E_E_",))
        Word(label='pattern', value='_A_SON', others=('_E_E_',))
    """

    slides: ClassVar[bool] = False
    label: str
    value: str
    others: tuple[str, ...] = ()

    def widgets(self) -> tuple[ipywidgets.Widget, ipywidgets.Widget]:
        """The widget whose value counts, and the row that holds it."""
        box = ipywidgets.Text(self.value, description=self.label, continuous_update=False, **LABELLED)
        return box, ipywidgets.HBox([box])

    def values(self, n: int) -> list[str]:
        """The word at the beginning and the others."""
        return list(dict.fromkeys([self.value, *self.others]))

    def say(self, value: object) -> str:
        """A value in words."""
        return str(value)


Controls = Mapping[str, Slider | Choice | Word]
"""From the name of a parameter to its slider, choice or word."""

LABELLED = {"style": {"description_width": "110px"}, "layout": {"width": "230px"}}


class Explorer:
    """A picture with sliders. The last line of a cell shows it; so does IPython's `display`.

    Args:
        stage: The figure with its moving parts.
        draw: Called with a value for each name in `controls`; returns what changes on the stage.
        controls: From name to slider, choice or word.
        alt: What the picture shows, for those who cannot see it; the values chosen are added.
        grip: What is dragged in the picture, and the two sliders that it moves; a ValueError if there are none such.

    Attributes:
        controls: From name to the widget that holds its value.
        picture: The widget that shows the picture.

    Example:
        >>> fig, ax = plotting.figure()
        >>> stage = plotting.Stage(fig, {"dot": ax.plot([], [], "o")[0]})
        >>> controls = {"x": widgets.Slider("place x", 0.0, 1.0, 0.5, 0.1)}
        >>> widgets.Explorer(stage, lambda x: {"dot": ([x], [0.5])}, controls, alt="A dot.")
        Explorer(x)
    """

    def __init__(
        self,
        stage: Stage,
        draw: Callable[..., Mapping[str, object]],
        controls: Controls,
        *,
        alt: str,
        grip: Grip | None = None,
    ):
        self._stage: Stage | None = stage
        self._draw: Callable[..., Mapping[str, object]] | None = draw
        self._alt = alt
        self._specs = dict(controls)
        made = {name: spec.widgets() for name, spec in controls.items()}
        self.controls = {name: widget for name, (widget, _) in made.items()}
        self._grip = grip
        self._first = self.html()
        self.picture = grip.picture(stage, self._specs, self._first) if grip else ipywidgets.HTML(self._first)
        self.picture.observe(self._dragged, "place")
        for widget in self.controls.values():
            widget.observe(self._redraw, "value")
        hide = ipywidgets.HTML(f"<style>#{self._id} {{display: none}}</style>", layout={"display": "none"})
        self.box = ipywidgets.VBox([*(row for _, row in made.values()), self.picture, hide])

    def __repr__(self) -> str:
        return f"Explorer({', '.join(self.controls)})"

    @property
    def _id(self) -> str:
        return "static-" + hashlib.sha256(self._first.encode()).hexdigest()[:12]

    def html(self) -> str:
        """The picture for the present values. ValueError if the explorer is closed."""
        stage, draw = self._open()
        values = {name: widget.value for name, widget in self.controls.items()}
        said = ", ".join(f"{self._specs[name].label} {self._specs[name].say(v)}" for name, v in values.items())
        return image_html(stage.jpeg(draw(**values)), f"{self._alt} Now: {said}.", stage.width, "jpeg")

    def prepared(self) -> str:
        """The explorer for a page without a kernel: pictures drawn beforehand; see `prepared_html`."""
        stage, draw = self._open()
        places = partial(self._grip.places, stage, self._specs) if self._grip else None
        return prepared_html(self._specs, lambda values: stage.picture(draw(**values)), alt=self._alt, places=places)

    def _open(self) -> tuple[Stage, Callable[..., Mapping[str, object]]]:
        if self._stage is None or self._draw is None:
            raise ValueError("expected an open explorer, got a closed one: run its cell again")
        return self._stage, self._draw

    def _redraw(self, _change) -> None:
        with self.picture.hold_sync():
            if self._grip:
                self.picture.place = self._grip.place(self.controls)
            self.picture.value = self.html()

    def _dragged(self, change) -> None:
        """Move both sliders, and draw once."""
        if self._grip is None or change["new"] == self._grip.place(self.controls):
            return
        for name, value in zip(self._grip.names, change["new"], strict=True):
            self.controls[name].unobserve(self._redraw, "value")
            self.controls[name].value = value
            self.controls[name].observe(self._redraw, "value")
        self._redraw(change)

    def _ipython_display_(self) -> None:
        """The first picture, for pages without a kernel, and the live one, which hides it."""
        _let_go_of_former(self)
        shown = self.prepared() if beforehand() else self._first
        display(HTML(f'<div id="{self._id}">{shown}</div>'))
        if isinstance(self.picture, DraggedPicture):
            data, metadata = self.picture.within(self.box)
            return display(data, metadata=metadata, raw=True)
        display(self.box)

    def close(self) -> None:
        """Let go of figure, data and widgets, which the kernel would keep otherwise; the picture is gone as well."""
        self._stage = None
        self._draw = None
        for widget in _with_children(self.box):
            widget.close()


SHOWN_BY: dict[str, tuple[str, list[Explorer]]] = {}
"""From the id of a cell to its last run and the explorers that it showed then."""


def _let_go_of_former(shown: Explorer) -> None:
    """Close what an earlier run of the cell that runs now has shown, unless another cell shows it too."""
    cell, run = _running()
    if cell is None:
        return
    last_run, former = SHOWN_BY.get(cell, (run, []))
    if last_run == run:
        SHOWN_BY[cell] = (run, [*former, shown])
        return
    SHOWN_BY[cell] = (run, [shown])
    kept = [explorer for _, explorers in SHOWN_BY.values() for explorer in explorers]
    for explorer in former:
        if explorer not in kept:
            explorer.close()


def _running() -> tuple[str | None, str]:
    """Id of the cell that runs now, None where the editor does not tell, and of its run."""
    shell = get_ipython()
    request = getattr(shell, "parent_header", None) or {}
    return request.get("metadata", {}).get("cellId"), request.get("header", {}).get("msg_id", "")


def _with_children(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """A widget and all that the kernel keeps for its sake: its layout, style and link, and those of its children."""
    own = [getattr(widget, name) for name in ("layout", "style", "link") if hasattr(widget, name)]
    return [widget, *own, *(found for child in getattr(widget, "children", ()) for found in _with_children(child))]
