"""Reading a notebook: whatever a file holds, there is a notebook, a reason where it cannot run, and bounded cells."""

import json

import pytest

from course_grading.notebook import LONGEST_ID, LONGEST_SOURCE, MOST_BYTES, MOST_CELLS, read
from tests.support.grading_class import LAB, ROOT


def cell(source: object = "x = 1", kind: object = "code", **more) -> dict:
    return {"cell_type": kind, "source": source, **more}


def packed(*cells: object, **more) -> bytes:
    return json.dumps({"cells": cells, **more}).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"print('hello')", "cannot be read as JSON"),
        (b'{"cells": ' + b"[" * 100_000, "cannot be read as JSON"),
        (b'{"cells": ' + b"9" * 100_000 + b"}", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read as JSON"),
        (b"[1, 2]", "no list of cells"),
        (b"null", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b" " * MOST_BYTES + b"{}", "the file has 20 MB, more than 20"),
        (b'{"cells": [' + b"{}," * 500_000 + b"{}]}", "too many parts"),
    ],
)
def test_what_is_no_notebook_says_so_and_shows_nothing(data, words):
    found = read(data)
    assert words in found.reason and found.cells == ()


@pytest.mark.parametrize(
    ("cells", "words", "shown"),
    [
        ([cell()] * (MOST_CELLS + 1), "1,001 cells, more than 1,000", MOST_CELLS),
        ([3, None, [], "x"], "no code cells", 0),
        ([cell("words", "markdown"), cell(" \n")], "no code cells", 2),
        ([cell("x" * (LONGEST_SOURCE + 1))], "longer than 200,000 characters", 1),
        ([cell(), cell(["a", 3, None, "b"], "raw"), cell({}, []), {}], None, 4),
        ([cell(), cell("x" * (LONGEST_SOURCE + 1), "markdown")], None, 2),
    ],
)
def test_what_breaks_a_bound_cannot_run_and_is_shown_within_bounds(cells, words, shown):
    found = read(packed(*cells))
    assert (words in found.reason) if words else (found.reason is None)
    assert len(found.cells) == shown and all(len(one.source) <= LONGEST_SOURCE for one in found.cells)


def test_every_cell_has_an_id_of_its_own_and_knows_what_it_was_released_as():
    given = ["a", "a", None, "", "x" * (LONGEST_ID + 1), "\ud800", {}, "a", "cell-2"]
    found = read(packed(*(cell(id=name) for name in given)))
    ids = [one.id for one in found.cells]
    assert ids == ["a", "a~2", "cell-2", "cell-3", "cell-4", "cell-5", "cell-6", "a~3", "cell-2~2"]
    assert [one.released_as for one in found.cells[:3]] == ["a", "a", None]
    marked = read(packed(cell(id="b", metadata={"nbgrader": {"grade_id": "ex", "points": 2}}))).cells[0]
    assert (marked.id, marked.released_as, marked.grade_id, marked.mark["points"]) == ("b", "ex", "ex", 2)


@pytest.mark.parametrize("given", [
    ["a~2", "a", "a"], ["a", "a", "a~2"], ["a~2", "a~3", "a", "a", "a", "a~2"], ["cell-1", None, "cell-1"],
    [None, "cell-0", "cell-0~2", "cell-0"], ["a"] * 400 + [f"a~{i}" for i in range(400)],
])  # fmt: skip
def test_no_two_cells_have_one_id(given):
    ids = [one.id for one in read(packed(*(cell(id=name) for name in given))).cells]
    assert len(set(ids)) == len(given)


@pytest.mark.parametrize("metadata", [None, [], {"nbgrader": []}, {"nbgrader": {"grade_id": 3}}])
def test_metadata_of_any_kind_is_no_trouble(metadata):
    found = read(packed(cell(id="b", metadata=metadata), cell("words", attachments=3)))
    assert (found.cells[0].released_as, found.cells[0].grade_id, found.reason) == ("b", None, None)


def test_blanks_that_nobody_sees_make_no_difference():
    [one] = read(packed(cell(["\n", "x = 1  \n", "y = 2\t\n", "\n"]))).cells
    assert one.text == "x = 1\ny = 2"


def test_a_byte_order_mark_is_no_trouble():
    assert read(b"\xef\xbb\xbf" + packed(cell())).reason is None


def test_the_released_labs_are_within_the_bounds_by_far():
    for path in ROOT.glob("labs/*/*.ipynb"):
        found = read(path.read_bytes())
        assert found.reason is None and 10 * len(found.cells) < 3 * MOST_CELLS
        assert path.stat().st_size < MOST_BYTES / 20
    code = [one.id for one in read((ROOT / f"labs/{LAB}/{LAB}.ipynb").read_bytes()).code]
    assert "setup" in code and "ex-1-1-code" in code and "question-sqrt" not in code
