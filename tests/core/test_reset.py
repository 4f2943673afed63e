"""Starting over puts back what was handed out, and whatever stood there is still to be found."""

import copy
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from course_utils import checks, notebooks
from course_utils.__main__ import main
from course_utils.notebooks import files, fresh

ROOT = Path(fresh.__file__).parents[2]
LAB = "lab1_simulation"
EXERCISES = [(lab, one) for lab in fresh.unpack(ROOT) for one in checks.exercises(lab.split("_")[0]).values()]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with Lab 1; the commands find it."""
    home = tmp_path / "course"
    (home / "labs" / LAB).mkdir(parents=True)
    shutil.copyfile(ROOT / fresh.ARCHIVE, home / fresh.ARCHIVE)
    shutil.copyfile(ROOT / "labs" / LAB / f"{LAB}.ipynb", home / "labs" / LAB / f"{LAB}.ipynb")
    monkeypatch.setattr(notebooks, "course_folder", lambda: home)
    monkeypatch.chdir(home)
    return home


def own(course) -> Path:
    return course / "labs" / LAB / f"{LAB}.ipynb"


def edit(course, change) -> bytes:
    """Save the lab after a change to its list of cells; what is in the file then."""
    notebook = notebooks.read(own(course))
    notebook["cells"] = change(notebook["cells"]) or notebook["cells"]
    own(course).write_text(files.text(notebook), "utf-8")
    return own(course).read_bytes()


def write_answers(cells):
    """Something in every cell that can be changed, an output in every cell of code, and a cell of one's own."""
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["source"] = [*cell["source"], "\n# mine"]
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["4\n"]}]
    cells.insert(40, {"cell_type": "markdown", "id": "my-note", "metadata": {}, "source": ["my note"]})


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text("utf-8"))["cells"]


def test_the_archive_is_what_is_released():
    released = {
        path.stem: path.read_bytes() for path in ROOT.glob("labs/*/lab*.ipynb") if path.stem == path.parent.name
    }
    assert fresh.unpack(ROOT) == released
    assert list(fresh.unpack(ROOT)) == sorted(released, key=lambda name: int(name.split("_")[0][3:]))


def test_the_archive_has_the_same_bytes_whenever_its_content_is_the_same():
    first = notebooks.pack({"lab10_b": "2", "lab2_a": "1"})
    assert first == notebooks.pack({"lab2_a": "1", "lab10_b": "2"})
    assert first.index(b"lab2_a.ipynb") < first.index(b"lab10_b.ipynb")


@pytest.mark.parametrize("name", [LAB, "lab1"])
def test_a_lab_is_put_back_and_the_old_file_kept(course, name, capsys):
    mine = edit(course, write_answers)
    assert main(["reset", name]) == 0
    assert own(course).read_bytes() == fresh.unpack(ROOT)[LAB]
    assert own(course).with_name(f"{LAB}-kept-1.ipynb").read_bytes() == mine
    said = capsys.readouterr().out
    assert said.startswith(
        f"kept: labs/{LAB}/{LAB}-kept-1.ipynb, what was saved before\nwritten: labs/{LAB}/{LAB}.ipynb"
    )
    assert "What you had not saved is in that page alone" in said and "Reload Notebook from Disk" in said


def test_a_lab_that_is_as_it_was_is_left_so(course, capsys):
    for arguments in (["reset", LAB], ["reset", LAB, "--exercise", "1.4"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out.endswith("as it was handed out: nothing is changed\n")
    assert [path.name for path in own(course).parent.iterdir()] == [f"{LAB}.ipynb"]


def test_nothing_that_is_kept_is_ever_overwritten(course):
    kept = []
    for number in range(3):
        kept.append(edit(course, lambda cells, n=number: cells[: n + 1]))
        notebooks.reset(LAB, None, course)
    assert [own(course).with_name(f"{LAB}-kept-{i}.ipynb").read_bytes() for i in (1, 2, 3)] == kept


@pytest.mark.parametrize(("lab", "one"), EXERCISES, ids=[one.number for _, one in EXERCISES])
def test_an_exercise_is_its_heading_its_answer_and_its_check(lab, one):
    asked = {other.number: other for other in notebooks.lab_of(lab, notebooks.fresh_lab(lab, ROOT)).exercises}
    found = asked[one.number]
    assert (found.key, found.title) == (one.key, one.title)
    assert list(asked) == [other.number for other in checks.exercises(lab.split("_")[0]).values()]
    texts = [files.source(cell) for cell in found.cells]
    assert texts[0].startswith(f"### Exercise {one.number} · ") and sum("### Exercise" in text for text in texts) == 1
    assert any(f"def {one.name}(" in text for text in texts)
    assert texts[-1] == f"checks.{one.key}({one.name})"


def test_only_the_cells_of_that_exercise_are_put_back(course):
    mine = edit(course, write_answers)
    assert main(["reset", LAB, "--exercise", "1.4"]) == 0
    assert own(course).with_name(f"{LAB}-kept-1.ipynb").read_bytes() == mine
    before, after = json.loads(mine)["cells"], cells_of(own(course))
    given = {cell["id"]: cell for cell in json.loads(fresh.unpack(ROOT)[LAB])["cells"]}
    assert [cell["id"] for cell in after] == [cell["id"] for cell in before]
    changed = {a["id"] for a, b in zip(after, before, strict=True) if a != b}
    assert changed == {"ex-1-4-code", "ex-1-4-check"}
    assert all(cell == given[cell["id"]] for cell in after if cell["id"] in changed)


def test_a_cell_that_was_deleted_comes_back_to_its_place(course):
    given = [cell["id"] for cell in cells_of(own(course))]
    gone = {"ex-1-4-code", "ex-1-4-check", given[given.index("ex-1-4-code") - 1]}
    edit(course, lambda cells: [cell for cell in cells if cell["id"] not in gone])
    notebooks.reset(LAB, "1.4", course)
    assert [cell["id"] for cell in cells_of(own(course))] == given


def test_a_cell_is_known_again_where_an_editor_gave_it_another_id(course):
    def rename(cells):
        for number, cell in enumerate(cells):
            cell["id"] = f"x{number}" if "nbgrader" in cell["metadata"] else cell["id"]
            cell["source"] = "".join(cell["source"]) + "\n# mine" * (cell["id"] == "ex-1-4-code")

    edit(course, rename)
    count = len(cells_of(own(course)))
    notebooks.reset(LAB, "1.4", course)
    assert len(cells_of(own(course))) == count


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"cells": 3}', b'{"cells": [1]}', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_notebook_is_kept_and_said(course, content, capsys):
    own(course).write_bytes(content)
    assert main(["reset", LAB, "--exercise", "1.4"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: expected a notebook in labs/{LAB}/{LAB}.ipynb, but it ") and said.count("\n") == 1
    assert own(course).read_bytes() == content
    assert main(["reset", LAB]) == 0
    assert own(course).with_name(f"{LAB}-kept-1.ipynb").read_bytes() == content


def test_a_notebook_without_the_labs_cells_is_told_so(course, capsys):
    other = (ROOT / "labs/lab2_flow_matching/lab2_flow_matching.ipynb").read_bytes()
    own(course).write_bytes(other)
    assert main(["reset", LAB, "--exercise", "1.4"]) == 2 and own(course).read_bytes() == other
    mine = edit(course, lambda cells: [{"cell_type": "markdown", "id": "x", "metadata": {}, "source": "mine"}])
    assert main(["reset", LAB, "--exercise", "1.4"]) == 2
    assert "found no cell of its exercises: reset all of it" in capsys.readouterr().err
    assert own(course).read_bytes() == mine


def test_a_lab_that_was_renamed_is_named_and_left_alone(course, capsys):
    renamed = own(course).rename(own(course).with_name("mine.ipynb"))
    mine = renamed.read_bytes()
    assert main(["reset", LAB, "--exercise", "1.4"]) == 2
    assert "found none; that folder holds mine.ipynb: give one its name again" in capsys.readouterr().err
    assert main(["reset", LAB]) == 0
    assert capsys.readouterr().out.startswith(
        f"left alone, in the same folder: mine.ipynb\nwritten: labs/{LAB}/{LAB}.ipynb\n"
    )
    assert renamed.read_bytes() == mine and own(course).read_bytes() == fresh.unpack(ROOT)[LAB]
    shutil.rmtree(own(course).parent)
    assert main(["reset", LAB, "--exercise", "1.4"]) == 2
    assert capsys.readouterr().err.endswith("found none; reset all of the lab\n")


@pytest.mark.parametrize("options", [[], ["--exercise", "1.4"]])
def test_where_nothing_can_be_written_nothing_is_lost(course, options, capsys, monkeypatch):
    mine = edit(course, write_answers)

    def refuse(*arguments, **settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)  # root may write anywhere
    assert main(["reset", LAB, *options]) == 2
    said = capsys.readouterr().err
    assert "expected a file that can be written, got" in said and "Permission denied" in said and said.count("\n") == 1
    assert {path.name: path.read_bytes() for path in own(course).parent.iterdir()} == {f"{LAB}.ipynb": mine}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lab12"], "unknown lab 'lab12', expected one of: lab1_simulation, lab2_flow_matching, "),
        (["../lab1_simulation"], "unknown lab '../lab1_simulation'"),
        ([LAB, "--exercise", "2.4"], "1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7 of lab1_simulation, got '2.4'"),
    ],
)
def test_what_there_is_not_is_named(course, arguments, words, capsys):
    mine = own(course).read_bytes()
    assert main(["reset", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert own(course).read_bytes() == mine


def test_without_fresh_copies_a_sentence_says_so(course, capsys, monkeypatch):
    (course / fresh.ARCHIVE).write_bytes(b"PK\x03\x04 half of it")
    assert main(["reset", LAB]) == 2
    assert (
        capsys.readouterr().err
        == "error: expected fresh copies of the labs in labs/fresh.zip, but the file is damaged\n"
    )
    (course / fresh.ARCHIVE).unlink()
    assert main(["reset", LAB]) == 2
    assert capsys.readouterr().err == "error: expected fresh copies of the labs in labs/fresh.zip, found no such file\n"


def test_the_course_is_found_from_its_package_and_from_below(course, monkeypatch, tmp_path):
    monkeypatch.undo()
    assert notebooks.course_folder() == ROOT
    installed = tmp_path / "site-packages" / "course_utils" / "notebooks" / "fresh.py"
    monkeypatch.setattr(fresh, "__file__", str(installed))
    monkeypatch.chdir(course / "labs" / LAB)
    assert notebooks.course_folder() == course
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="expected the folder of the course, with labs/fresh.zip in it, at or above"):
        notebooks.course_folder()


def test_a_reset_changes_no_copy_of_the_archive(course):
    before = copy.deepcopy(notebooks.fresh_lab(LAB, course))
    edit(course, write_answers)
    notebooks.reset(LAB, "1.1", course)
    assert notebooks.fresh_lab(LAB, course) == before
    assert zipfile.ZipFile(course / fresh.ARCHIVE).testzip() is None
