"""Release gives what nbgrader's own command gives, without a gradebook; nothing half-done, nothing random."""

import json
import os
import shutil
import sys
import zipfile
from functools import partial
from pathlib import Path

import nbformat
import pytest
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from course_grading import handout
from course_grading import release as module
from course_grading.__main__ import main
from course_grading.release import CODE_STUB, METADATA, TEXT_STUB, release, strays
from course_utils.notebooks.fresh import unpack

ANSWER = "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
WORDS = "Why twice?\n\n<!-- BEGIN SOLUTION -->\nBecause.\n<!-- END SOLUTION -->"
HIDDEN = "double(1)\n### BEGIN HIDDEN TESTS\nassert double(3) == 6\n### END HIDDEN TESTS"
STREAM = nbformat.v4.new_output("stream", text="4\n")


def marked(cell, **marks):
    unmarked = {"grade": False, "locked": False, "solution": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = unmarked | {"grade_id": cell.id} | marks
    return cell


def solution(root: Path, lab: str = "lab9_sample", **changes):
    """Write a small solution with every kind of cell; `changes` replaces sources by cell id."""
    source = {"words": WORDS, "answer": ANSWER, "check": "print(double(2))", "hidden": HIDDEN} | changes
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    cells = [
        text("# Title", id="title"),
        marked(text(source["words"], id="words"), solution=True, grade=True, points=2),
        marked(code(source["answer"], id="answer", execution_count=1), solution=True),
        marked(code(source["check"], id="check", outputs=[STREAM], execution_count=2), locked=True),
        marked(code(source["hidden"], id="hidden", execution_count=3), grade=True, locked=True, points=1),
    ]
    cells[3].metadata["execution"] = {"iopub.status.busy": "2025-01-01T00:00:00"}
    versions = {"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA | versions)
    path = root / "solutions" / lab / f"{lab}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def cells(path: Path) -> dict:
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_round_trip(tmp_path):
    source = solution(tmp_path)
    (source.parent / "weights.pt").write_bytes(b"no part of the lab")
    written, archive = release("lab9_sample", tmp_path)
    assert written == tmp_path / "labs/lab9_sample/lab9_sample.ipynb"
    lab = cells(written)
    assert list(lab) == ["title", "words", "answer", "check", "hidden"]
    assert lab["answer"].source == f"def double(x):\n    {CODE_STUB}"
    assert lab["words"].source == f"Why twice?\n\n{TEXT_STUB}"
    assert lab["check"].source == "print(double(2))"
    assert lab["hidden"].source == "double(1)"
    assert lab["check"].metadata["editable"] is False
    assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in lab.values())
    assert "execution" not in lab["check"].metadata
    assert nbformat.read(written, as_version=4).metadata == METADATA
    assert archive == tmp_path / "labs/fresh.zip"
    with zipfile.ZipFile(archive) as copies:
        assert {name: copies.read(name) for name in copies.namelist()} == {"lab9_sample.ipynb": written.read_bytes()}
    made = {path.relative_to(tmp_path / "labs").as_posix() for path in (tmp_path / "labs").rglob("*")}
    assert made == {"fresh.zip", "lab9_sample", "lab9_sample/lab9_sample.ipynb"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labs", "solutions"]


FIGURE = 'plotting.show(\n    figures.lab9.tilts(line),\n    alt="Two humps.",\n)  # fmt: skip\n'


def folded(path: Path) -> list[str]:
    return [name for name, cell in cells(path).items() if cell.metadata.get("jupyter", {}).get("source_hidden")]


def test_cells_that_only_draw_are_folded_and_no_others(tmp_path):
    source = solution(tmp_path, check=FIGURE)  # to be read, since it is nbgrader's
    notebook = nbformat.read(source, as_version=4)
    others = {"computes": f"x = 1\n{FIGURE}", "table": "print(1)", "magic": f"%time {FIGURE}", "named": "plotting.show"}
    others |= {"empty": "", "another": "figures.show(1)", "text": "plotting.show(1)", "keeps": "plotting.show(x := 1)"}
    others |= {"two": f"{FIGURE}{FIGURE}", "prepares": f"lines = {{}}\n{FIGURE}"}
    for name, text in ({"figure": FIGURE} | others).items():
        cell = nbformat.v4.new_markdown_cell if name == "text" else nbformat.v4.new_code_cell
        notebook.cells.append(cell(text, id=name))
    nbformat.write(notebook, source)
    written, _ = release(root=tmp_path)
    assert folded(written) == ["figure"]
    assert cells(written)["figure"].metadata.tags == ["hide-input"] and cells(written)["figure"].source == FIGURE
    assert folded(source) == []


def test_same_as_nbgraders_own_command(tmp_path, monkeypatch):
    source = solution(tmp_path)
    notebook = nbformat.read(source, as_version=4)
    notebook.metadata = METADATA
    del notebook.cells[3].metadata["execution"]
    nbformat.write(notebook, source)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic
    course = CourseDirectory(root=str(tmp_path), source_directory="solutions", release_directory="peer")
    course.assignment_id, course.db_url = "lab9_sample", f"sqlite:///{tmp_path}/gradebook.db"
    peer = GenerateAssignment(coursedir=course)
    peer.config.ClearSolutions.code_stub = {"python": CODE_STUB}
    peer.config.ClearSolutions.text_stub = TEXT_STUB
    peer.start()
    written, _ = release(root=tmp_path)
    assert written.read_bytes() == (tmp_path / "peer/lab9_sample/lab9_sample.ipynb").read_bytes()


def test_repeated_runs_are_identical(tmp_path):
    solution(tmp_path)
    [first, archive], again = ([path.read_bytes() for path in release(root=tmp_path)] for _ in range(2))
    assert again == [first, archive]
    assert b"\r" not in first and first.endswith(b"}\n")


def test_one_lab_or_all(tmp_path):
    for lab in ("lab1_first", "lab2_second"):
        solution(tmp_path, lab)
    assert [path.stem for path in release("lab2_second", tmp_path)] == ["lab2_second", "fresh"]
    assert [path.stem for path in release(None, str(tmp_path))] == ["lab1_first", "lab2_second", "fresh"]


def test_the_release_of_one_lab_leaves_the_fresh_copies_of_the_others(tmp_path):
    for lab in ("lab1_first", "lab2_second", "lab3_third"):
        solution(tmp_path, lab)
    release(root=tmp_path)
    before = unpack(tmp_path)
    (tmp_path / "labs/lab1_first/lab1_first.ipynb").write_text("somebody tried it")
    solution(tmp_path, "lab2_second", check="print(double(7))")
    shutil.rmtree(tmp_path / "solutions/lab3_third")
    written, _ = release("lab2_second", tmp_path)
    assert unpack(tmp_path) == {"lab1_first": before["lab1_first"], "lab2_second": written.read_bytes()}
    assert written.read_bytes() != before["lab2_second"]


def drop_ids(notebook):
    for cell in notebook["cells"]:
        del cell["id"]


def old_format(notebook):
    drop_ids(notebook)
    notebook["nbformat_minor"] = 4


def same_ids(notebook):
    notebook["cells"][1]["id"] = notebook["cells"][0]["id"]


def same_grade_ids(notebook):
    notebook["cells"][3]["metadata"]["nbgrader"]["grade_id"] = "answer"


def unmarked_answer(notebook):
    del notebook["cells"][2]["metadata"]["nbgrader"]


def no_end(notebook):
    notebook["cells"][2]["source"] = "### BEGIN SOLUTION\nreturn 2"


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (drop_ids, "missing an id"),
        (old_format, "found 4.4"),
        (same_ids, "title"),
        (same_grade_ids, "Duplicate grade id"),
        (unmarked_answer, "non-solution cell"),
        (no_end, "no end solution"),
    ],
)
def test_a_failure_changes_nothing(tmp_path, damage, cause):
    _, bad = solution(tmp_path, "lab1_good"), solution(tmp_path, "lab2_bad")
    written = release(root=tmp_path)
    before = [path.read_bytes() for path in written]
    solution(tmp_path, "lab1_good", check="print(double(7))")
    notebook = json.loads(bad.read_text("utf-8"))
    damage(notebook)
    bad.write_text(json.dumps(notebook), "utf-8")
    with pytest.raises(ValueError, match=rf"lab2_bad\.ipynb cannot be released: .*{cause}"):
        release(root=tmp_path)
    assert [path.read_bytes() for path in written] == before


def test_unreadable_solution(tmp_path):
    solution(tmp_path).write_text("{", "utf-8")
    with pytest.raises(ValueError, match="lab9_sample.ipynb cannot be released"):
        release(root=tmp_path)
    assert not (tmp_path / "labs").exists()


@pytest.mark.parametrize("name", ["lab3_none", "", "../lab1_first"])
def test_unknown_lab(tmp_path, name):
    solution(tmp_path, "lab1_first")
    solution(tmp_path, "lab2_second")
    with pytest.raises(ValueError, match="expected one of: lab1_first, lab2_second"):
        release(name, tmp_path)


def test_no_solutions_at_all(tmp_path):
    with pytest.raises(ValueError, match="found none"):
        release(root=tmp_path)


def test_strays_are_reported(tmp_path):
    text = solution(tmp_path).read_bytes()
    release(root=tmp_path)
    assert strays(tmp_path) == []
    names = "labs/x/x.ipynb", "labs/lab9_sample/copy.ipynb", "solutions/lab9_sample/other.ipynb"
    for name in (*names, "labs/lab9_sample/.ipynb_checkpoints/lab9_sample-checkpoint.ipynb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text)
    assert strays(tmp_path) == sorted(names)


def test_command_line(tmp_path, monkeypatch, capsys):
    solution(tmp_path)
    (tmp_path / "labs/x").mkdir(parents=True)
    (tmp_path / "labs/x/x.ipynb").write_text("{}", "utf-8")
    for function in (release, strays):
        monkeypatch.setattr(module, function.__name__, partial(function, root=tmp_path))
    monkeypatch.setattr(handout, "write_student_zip", partial(handout.write_student_zip, tmp_path))
    assert main(["release"]) == 0
    out, err = capsys.readouterr()
    names = ["labs/lab9_sample/lab9_sample.ipynb", "labs/fresh.zip", "dist/student.zip"]
    written = [tmp_path / name for name in names]
    assert out == "".join(f"written: {path}\n" for path in written)
    assert zipfile.ZipFile(written[2]).namelist() == ["course/README.md", *(f"course/{n}" for n in sorted(names[:2]))]
    assert main(["release", "--no-zip"]) == 0
    assert capsys.readouterr().out == "".join(f"written: {path}\n" for path in written[:2])
    assert err == "no lab, left alone: labs/x/x.ipynb\n"
    assert main(["release", "lab7"]) == 2
    assert capsys.readouterr().err == "error: unknown lab 'lab7', expected one of: lab9_sample\n"
    assert module.ROOT == Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [[], ["fly"], ["release", "a", "b"]])
def test_command_line_refuses(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m course_grading" in capsys.readouterr().err
