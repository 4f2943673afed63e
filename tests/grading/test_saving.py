"""Saving solutions: what a run leaves, what stills keep, and what is refused before anything is written."""

import base64
import io
import re

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from course_grading import saving
from course_utils import plotting
from course_utils.figures import lab2
from tests.support import notebook_rules as rules

GRADIENT = np.linspace(0, 255, 300 * 200 * 3).reshape(200, 300, 3).astype(np.uint8)
SPEAKS = """import sys
from tqdm.auto import tqdm
print("one")
for _ in tqdm(range(2)):
    pass
print("a warning", file=sys.stderr)
print("two")"""
SHOWS = """import ipywidgets
from IPython.display import HTML, display
display(HTML("<p>a figure</p>"))
ipywidgets.HTML("live")"""


def code(source, name):
    return nbformat.v4.new_code_cell(source, id=name)


def lab(root, *cells, name="lab9_tiny"):
    """A course with one small solution; its path."""
    path = root / "solutions" / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True)
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python", "version": "3.0"},
    }
    text = nbformat.v4.new_markdown_cell("# Tiny", id="title")
    nbformat.write(nbformat.v4.new_notebook(cells=[text, *cells], metadata=metadata), path)
    return path


def encoded(picture: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return file.getvalue()


def notebook(*html: str):
    """A notebook that has run, with these outputs."""
    shown = [nbformat.v4.new_output("display_data", {"text/html": one, "text/plain": "HTML"}) for one in html]
    cell = code("draw()", "draw")
    cell.outputs = [*shown, nbformat.v4.new_output("stream", text="data:image/png;base64, in words")]
    return nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "P"}})


def htmls(found) -> list[str]:
    return [output.data["text/html"] for output in found.cells[0].outputs if "data" in output]


def pictures(html: str) -> list[bytes]:
    return [base64.b64decode(source) for _, source in saving.PICTURE.findall(html)]


def player() -> str:
    xs = torch.randn(5, 50, 2, generator=torch.Generator().manual_seed(0))
    return lab2.moving_points(xs, torch.linspace(0, 1, 5)).html(alt="Points > move & stop.")


# Stills


def test_a_player_becomes_the_frame_that_it_begins_with():
    html = player()
    begins = pictures(html)[0]  # before the script
    [still] = htmls(saving.stills(notebook(f"<p>before</p>{html}<p>after</p>")))
    assert still.startswith("<p>before</p><img alt=") and still.endswith("<p>after</p>")
    assert rules.descriptions(still) == ["Points > move & stop."]
    assert pictures(still) == [begins] and not re.search("script|button|course-player|frames", still)


def test_two_players_in_one_output_are_two_pictures():
    [still] = htmls(saving.stills(notebook(player() + player())))
    assert still.count("<img") == 2 and "<figure" not in still


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_large_picture_gets_few_bytes_and_looks_the_same(kind):
    raw = encoded(GRADIENT, kind)
    noisy = plotting.image_html(raw, "A <b>gradient</b>.", 300, kind)
    [still] = htmls(saving.stills(notebook(noisy)))
    [found] = pictures(still)
    assert len(found) < len(raw) and rules.descriptions(still) == ["A <b>gradient</b>."] and 'width="300"' in still
    seen = np.asarray(Image.open(io.BytesIO(found)).convert("RGB")).astype(int)
    assert seen.shape == GRADIENT.shape and np.abs(seen - GRADIENT).mean() < 4


def test_what_shows_through_is_white():
    clear = np.zeros((40, 40, 4), np.uint8)
    _, found = saving.small(encoded(clear, "png"))
    assert (np.asarray(Image.open(io.BytesIO(found)).convert("RGB")) == 255).all()


def test_lines_and_text_stay_sharp():
    fig = plotting.line_panels({"error": {"Euler": ([1, 2, 4], [0.4, 0.2, 0.1])}}, xlabel="steps", log="xy")
    html = plotting.figure_html(fig, "A line.")
    [before] = pictures(html)
    [after] = pictures(htmls(saving.stills(notebook(html)))[0])
    a, b = (np.asarray(Image.open(io.BytesIO(one)).convert("RGB")).astype(int) for one in (before, after))
    assert len(after) < 0.6 * len(before) and np.abs(a - b).max() < 60 and np.abs(a - b).mean() < 1


def test_stills_stay_as_they_are_and_the_given_notebook_too():
    noise = np.random.default_rng(0).integers(0, 256, GRADIENT.shape, np.uint8)  # as WebP, which would shrink again
    shown = [plotting.image_html(encoded(picture, "png"), "A picture.", 300) for picture in (GRADIENT, noise)]
    live = notebook(player(), *shown)
    before = nbformat.writes(live)
    once = saving.stills(live)
    assert nbformat.writes(live) == before
    assert nbformat.writes(saving.stills(once)) == nbformat.writes(once)
    assert [cell.id for cell in once.cells] == ["draw"] and once.metadata == live.metadata


def test_texts_are_unchanged():
    [*_, printed] = saving.stills(notebook("<p>x</p>")).cells[0].outputs
    assert printed.text == "data:image/png;base64, in words"


# A run


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    path = lab(root, code(SPEAKS, "speaks"), code(SHOWS, "shows"), code("", "empty"), code("6 * 7", "counts"))
    before = path.read_text()
    return saving.run("lab9_tiny", path, root), before, path.read_text()


def test_a_run_leaves_what_was_printed_as_one_text_and_no_bar_or_warning(ran):
    [printed] = ran[0].cells[1].outputs
    assert (printed.output_type, printed.name, printed.text) == ("stream", "stdout", "one\ntwo\n")


def test_a_run_leaves_no_widget(ran):
    [shown] = ran[0].cells[2].outputs
    assert shown.data["text/html"] == "<p>a figure</p>"
    assert "widgets" not in ran[0].metadata


def test_a_run_counts_the_cells_and_keeps_ids_and_metadata(ran):
    found, before, after = ran
    assert list(rules.executed_top_to_bottom(found)) == [] and found.cells[4].outputs[0].data["text/plain"] == "42"
    assert [cell.id for cell in found.cells] == ["title", "speaks", "shows", "empty", "counts"]
    assert found.metadata == nbformat.reads(before, as_version=4).metadata
    assert all(not cell.metadata for cell in found.cells)
    assert after == before


def test_execute_saves_stills_and_does_so_twice_alike(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    path = lab(tmp_path, code(f"from IPython.display import HTML\nHTML({player()!r})", "player"))
    texts = []
    for _ in range(2):
        assert saving.execute(["lab9_tiny"], tmp_path) == [path]
        texts.append(path.read_text("utf-8"))
    assert texts[0] == texts[1] and "<img alt=" in texts[0]
    assert list(rules.of_few_bytes(nbformat.reads(texts[0], as_version=4))) == []


# What is refused


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('right')\n1 / 0", "lab9_tiny: cell wrong fails: ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)", "lab9_tiny: cell wrong fails: Kernel died"),
        ("from pathlib import Path\nprint(Path.cwd())", "lab9_tiny: cell wrong: expected no path of this machine"),
        ("from pathlib import Path\nPath.home() / 'x'", "lab9_tiny: cell wrong: expected no path of this machine"),
    ],
)
def test_what_fails_is_named_and_nothing_is_written(source, said, tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    path = lab(tmp_path, code("1", "right"), code(source, "wrong"))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(said)):
        saving.execute(root=tmp_path)
    assert path.read_bytes() == before


def test_too_large_a_notebook_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    path = lab(tmp_path, code("print('x' * 1_300_000)", "long"))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="lab9_tiny: expected at most 1.2 MB to save, got 1.3"):
        saving.execute(root=tmp_path)
    assert path.read_bytes() == before


def test_an_unknown_lab_and_a_shortened_run_are_refused_before_anything_runs(tmp_path, monkeypatch):
    lab(tmp_path, code("1 / 0", "wrong"))
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    with pytest.raises(ValueError, match="unknown lab lab8, expected some of: lab9_tiny"):
        saving.execute(["lab9_tiny", "lab8"], tmp_path)
    monkeypatch.setenv("COURSE_BUDGET", "small")
    with pytest.raises(ValueError, match="expected COURSE_BUDGET to be unset"):
        saving.execute(root=tmp_path)
