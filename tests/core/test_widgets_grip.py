"""Parts of a picture that are dragged: the handle lies where the part is, and two hands move one state."""

import html
import json
import re

import numpy as np
import pytest

from course_utils import plotting, widgets
from course_utils.widgets import grip

VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = {
    "x": widgets.Slider("goal, x", -1.0, 2.0, 0.5, 0.25),
    "y": widgets.Slider("goal, y", 0.0, 1.0, 0.5, 0.1),
    "ink": widgets.Choice("ink", {"black": "black", "red": "red"}),
}


def stage(**axes):
    """A dot on axes that do not fill the figure."""
    fig, ax = plotting.figure(size=(3.0, 2.0))
    ax.set(xlim=(-2, 3), ylim=(-1, 2), **axes)
    ax.set_axis_off()
    return plotting.Stage(fig, {"goal": ax.plot([], [], "s", ms=6, mew=0)[0], "words": fig.text(0, 0, "")})


@pytest.fixture
def dragged():
    """An explorer, and what it has been drawn for."""
    drawn = []

    def draw(x, y, ink):
        drawn.append((x, y, ink))
        return {"goal": {"data": ([x], [y]), "color": ink}}

    explorer = widgets.Explorer(stage(), draw, CONTROLS, alt="A dot.", grip=widgets.Grip("goal", "x", "y"))
    drawn.clear()
    return explorer, drawn


def from_browser(explorer, place):
    explorer.picture.set_state({"place": place})


def test_a_drag_moves_both_sliders_and_draws_once(dragged):
    explorer, drawn = dragged
    before = explorer.picture.value
    from_browser(explorer, [1.25, 0.1])
    assert drawn == [(1.25, 0.1, "black")]
    assert (explorer.controls["x"].value, explorer.controls["y"].value) == (1.25, 0.1)
    assert explorer.picture.value == explorer.html() != before
    from_browser(explorer, [1.25, 0.1])
    assert len(drawn) == 2  # by the line before, for `html()`


def test_a_slider_moves_the_handle_and_draws_once(dragged):
    explorer, drawn = dragged
    explorer.controls["y"].value = 0.9
    assert explorer.picture.place == [0.5, 0.9] and drawn == [(0.5, 0.9, "black")]
    explorer.controls["ink"].value = "red"
    assert explorer.picture.place == [0.5, 0.9] and drawn[1:] == [(0.5, 0.9, "red")]
    from_browser(explorer, [0.75, 0.9])
    explorer.controls["x"].value = 1.0
    assert drawn[2:] == [(0.75, 0.9, "red"), (1.0, 0.9, "red")]


def test_a_place_outside_of_the_world_is_brought_back(dragged):
    explorer, drawn = dragged
    from_browser(explorer, [7.0, 0.5])
    assert explorer.picture.place == [2.0, 0.5] and drawn == [(2.0, 0.5, "black")]


def test_one_message_tells_the_browser_place_and_picture(dragged, monkeypatch):
    explorer, _ = dragged
    sent = []
    monkeypatch.setattr(explorer.picture, "send_state", lambda key=None: sent.append(set(key or ())))
    explorer.controls["x"].value = 0.0
    assert sent == [{"place", "value"}]


def test_the_handle_lies_where_the_part_is_drawn(dragged):
    explorer, _ = dragged
    columns, rows = explorer.picture.columns, explorer.picture.rows
    assert [value for value, *_ in columns] == CONTROLS["x"].values(13) and len(rows) == 11
    assert columns[0][2] == "goal, x -1" and rows[10][2] == "goal, y 1"
    width, height = explorer._stage.canvas.get_width_height()
    for (x, left, _), (y, top, _) in zip(columns, rows + rows[:2], strict=True):
        drawn = np.asarray(explorer._stage.picture({"goal": {"data": ([x], [y]), "color": "black"}}).convert("L"))
        down, right = np.nonzero(drawn < 128)
        assert abs(right.mean() + 0.5 - left * width) < 1 and abs(down.mean() + 0.5 - top * height) < 1


def test_a_page_without_a_kernel_has_the_places_that_were_drawn(dragged):
    explorer, _ = dragged
    told = json.loads(html.unescape(re.search(r'data-about="([^"]*)"', explorer.prepared())[1]))
    assert told["grip"]["label"] == "goal" and told["grip"]["controls"] == [0, 1]
    for number, places in enumerate((told["grip"]["columns"], told["grip"]["rows"])):
        assert [f"{value:g}" for value, *_ in places] == told["values"][number]
        everywhere = [explorer.picture.columns, explorer.picture.rows][number]
        assert all(place in everywhere for place in places) and len(places) > 2


@pytest.mark.parametrize(
    ("chosen", "axes", "said"),
    [
        (("star", "x", "y"), {}, "expected a part among goal, words to drag, got star"),
        (("goal", "x", "z"), {}, "expected two sliders among x, y, ink, got z"),
        (("goal", "ink", "y"), {}, "expected two sliders among x, y, ink, got ink"),
        (("goal", "x", "y"), {"yscale": "symlog"}, "linear axes to drag, got linear and symlog ones"),
        (("words", "x", "y"), {}, "expected a part on axes to drag, got words, which is on the figure itself"),
    ],
)
def test_what_cannot_be_dragged_is_refused(chosen, axes, said):
    with pytest.raises(ValueError, match=said):
        widgets.Explorer(stage(**axes), lambda **values: {}, CONTROLS, alt="A dot.", grip=widgets.Grip(*chosen))


def test_the_scripts_travel_with_the_widget():
    script = str(grip.DraggedPicture()._esm)
    assert script.index("function grip(") < script.index("export default { render }")
    assert "import " not in script and "http" not in script


def test_the_box_is_shown_and_colab_told_where_its_widget_manager_is(dragged, monkeypatch):
    explorer, _ = dragged
    view, colab = {"version_major": 2, "model_id": explorer.picture.model_id}, {VIEW: {"colab": "its manager"}}
    bundle = {"text/plain": "DraggedPicture(goal)", VIEW: view}, colab
    monkeypatch.setattr("anywidget.widget.repr_mimebundle", lambda model_id, repr_text: bundle)
    shown = []
    monkeypatch.setattr("course_utils.widgets.core.display", lambda what, **options: shown.append((what, options)))
    explorer._ipython_display_()
    data, options = shown[1]
    assert data == bundle[0] | {VIEW: view | {"model_id": explorer.box.model_id}}
    assert options == {"metadata": colab, "raw": True} and repr(explorer.picture) == "DraggedPicture(goal)"


def test_a_closed_explorer_leaves_no_handle(dragged):
    explorer, _ = dragged
    explorer.close()
    assert explorer.picture.comm is None
