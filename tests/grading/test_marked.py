"""The copy on which a person marks: every task once, what the student wrote and nothing else, all of it harmless."""

from pathlib import Path

import nbformat
import nbgrader
import pytest
from msgspec.structs import replace
from nbconvert.exporters import HTMLExporter

from course_grading.marked import WORDS, marked_copy, sources, to_text, work
from course_grading.model import Status
from course_grading.notebook import read
from tests.support.grading_class import notebook
from tests.support.pages import ASKED, FAKES, HOSTILE, WRONG, Seen, dangers, handles, judged

TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
QUESTIONS = [task for task in ASKED.tasks if not task.exercise]


def formgraded(copy):
    """The cells as nbgrader's formgrader renders them, without the page around them."""
    exporter = HTMLExporter(template_name="formgrade", extra_template_basedirs=[str(TEMPLATES)])
    names = "assignment_id notebook_id submission_id base_url student last_name first_name notebook_path"
    resources = {**dict.fromkeys(names.split(), ""), "index": 0, "total": 1}
    page, _ = exporter.from_notebook_node(nbformat.reads(to_text(copy), as_version=4), resources=resources)
    return page[page.index('id="notebook-container"') : page.index('<div class="help">')]


def added(page):
    """Dangers of a page that an honest one does not have; nbconvert draws a frame around pictures without a text."""
    return set(dangers(page)) - set(dangers(formgraded(marked_copy(judged())))) - {"img style"}


def marks(copy):
    """nbgrader's metadata of the cells that have it, and their sources."""
    return [(cell.metadata["nbgrader"], cell.source) for cell in copy.cells if "nbgrader" in cell.metadata]


def test_hostile_answers_in_the_formgrader():
    everything = "\n\n".join(HOSTILE)
    extra = [*(("markdown", one) for one in HOSTILE), ("raw", everything), ("code", f"print({everything!r})")]
    found = judged(words={"question-sqrt": everything}, extra=extra)
    printed = {cell.id: everything + "\x1b[31m\x08" for cell in found.cells}
    outcome = replace(found.outcome, printed=printed, flags=tuple(HOSTILE))
    page = formgraded(marked_copy(work(ASKED, outcome, found.cells)))
    assert added(page) == set() and "<script>alert" not in page
    assert not [tag for tag, attributes in Seen(page).tags if tag == "div" and "comment" in attributes.get("class", "")]


@pytest.mark.parametrize("fake", FAKES)
def test_nothing_of_an_answer_is_found_by_the_formgraders_script(fake):
    """It looks for `.comment` in a cell, and for ids that are the names of tasks."""
    honest, other = (formgraded(marked_copy(judged(words={"question-sqrt": text}))) for text in ("honest", fake))
    assert handles(other) == handles(honest)
    assert handles(honest)["class", "comment tabbable"] == len(ASKED.tasks)


def test_a_fake_would_be_found():
    honest, copy = (marked_copy(judged(words={"question-sqrt": "honest"})) for _ in range(2))
    next(c for c in copy.cells if "honest" in c.source).source = FAKES[1]
    assert handles(formgraded(copy)) != handles(formgraded(honest))


def test_formgraded_would_show_a_script():
    copy = marked_copy(judged())
    copy.cells.append(nbformat.v4.new_markdown_cell("[x](javascript:alert(1)) <img src=x onerror=alert(1)>", id="x"))
    assert added(formgraded(copy)) == {"a href=javascript:alert(1)", "img onerror", "img src=x"}


def test_an_honest_answer_is_shown_as_written():
    page = formgraded(marked_copy(judged(words={"question-sqrt": "**Bold** and $a < b$"})))
    assert "<strong>Bold</strong>" in page and "<mi>a</mi><mo>&lt;</mo><mi>b</mi></math>" in page


def test_every_task_is_in_the_copy_once():
    content = notebook()
    double = next(c for c in content["cells"] if c["id"] == "ex-1-1-code")
    content["cells"] = [c for c in content["cells"] if c["id"] not in ("ex-1-2-code", "question-mixing")] + [double]
    copy = marked_copy(judged(content))
    names = [mark["grade_id"] for mark, _ in marks(copy)]
    assert sorted(names) == sorted(task.cell for task in ASKED.tasks)
    assert len({cell.id for cell in copy.cells}) == len(copy.cells)
    nbformat.validate(copy)


def test_the_cell_that_was_judged_is_shown_and_no_decoy():
    content = notebook()
    [answer] = [one for one in content["cells"] if one["id"] == "ex-1-1-code"]
    content["cells"].remove(answer)
    decoys = [answer | {"id": name, "source": "decoy = 1"} for name in ("x~2", "x")]
    found = judged(content | {"cells": [*decoys, *content["cells"], answer | {"id": "x"}]})
    [shown] = [source for mark, source in marks(marked_copy(found)) if mark["grade_id"] == "ex-1-1-code"]
    assert "def euler(" in shown


def test_a_cell_with_two_answers_is_in_the_copy_once():
    both = "def euler(f, x, n):\n    return 1\n\n\ndef heun_step(f, x, t, h):\n    return 2"
    content = notebook(answers={"euler": both})
    content["cells"] = [c for c in content["cells"] if c["id"] != "ex-1-2-code"]
    found = judged(content)
    assert found.given["ex-1-1-code"][0] is found.given["ex-1-2-code"][0]
    copy = marked_copy(found)
    assert sorted(mark["grade_id"] for mark, _ in marks(copy)) == sorted(task.cell for task in ASKED.tasks)
    assert sum("def heun_step" in cell.source for cell in copy.cells) == 1


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"null", b'{"cells": 3}', b'{"cells": [3, null, {}]}', b"[" * 10**5, b"\xff\xfe",
    b'{"cells": [{"cell_type": [], "source": {}, "metadata": [], "id": {}}]}',
])  # fmt: skip
def test_malformed_notebooks_have_a_copy_too(raw):
    copy = marked_copy(work(ASKED, ASKED.ungraded("a", "malformed"), read(raw).cells))
    nbformat.validate(copy)
    assert "malformed" in copy.cells[0].source


def test_the_copy_leaves_out_what_the_student_did_not_write():
    shown = [cell.source for cell in marked_copy(judged(extra=[("code", "mine = 1"), ("code", "  ")])).cells]
    assert "mine = 1" in shown and "  " not in shown
    assert sum("Exercise 1.1" in source for source in shown) == 1  # the headline above the answer
    assert not any("plotting.show" in source or "checks.lab1" in source for source in shown)


def test_a_released_cell_that_the_student_changed_is_shown():
    content = notebook()
    cell = next(c for c in content["cells"] if c["cell_type"] == "code" and "nbgrader" not in c["metadata"])
    assert "".join(cell["source"]) not in [c.source for c in marked_copy(judged(content)).cells]
    cell["source"] = "changed = True"
    assert "changed = True" in [c.source for c in marked_copy(judged(content)).cells]


def test_stripped_metadata_still_finds_the_answers():
    content = notebook()
    for one in content["cells"]:
        one["metadata"] = {}
        one.pop("id")
    marked = {mark["grade_id"]: source for mark, source in marks(marked_copy(judged(content)))}
    assert "def euler(" in marked["ex-1-1-code"]
    assert "Because the drift" in marked["question-sqrt"]


def test_what_is_answered_differs_from_the_released_cell():
    found = judged(words={"question-sqrt": "mine"})
    assert [task.cell for task in QUESTIONS if found.answered(task)] == ["question-sqrt"]
    content = notebook(words={})
    question = next(c for c in content["cells"] if c["id"] == "question-mixing")
    question["attachments"] = {"a.png": {"image/png": "x"}}
    assert [task.cell for task in QUESTIONS if judged(content).answered(task)] == ["question-mixing"]
    content["cells"].remove(question)
    assert [task.cell for task in QUESTIONS if judged(content).answered(task)] == []


def test_more_than_anybody_reads_is_left_out():
    """Drawing Markdown takes up to 3 s for 20,000 characters that were made for it."""
    words = {task.cell: "mine" for task in QUESTIONS}
    copy = marked_copy(judged(words=words, extra=[("markdown", f"{i} " + "x" * 19_000) for i in range(50)]))
    assert len(to_text(copy)) < 400_000 and any("cells more were handed in" in c.source for c in copy.cells)
    assert {task.cell for task in ASKED.tasks} == {mark["grade_id"] for mark, _ in marks(copy)}


def test_the_copy_as_a_file_gives_the_answers_back():
    copy = marked_copy(judged(answers=WRONG))
    assert sources(to_text(copy).encode()) == {mark["grade_id"]: source for mark, source in marks(copy)}


def test_the_verdict_stands_below_the_answer():
    outputs = next(cell.outputs for cell in marked_copy(judged(answers=WRONG)).cells if "def euler" in cell.source)
    assert [output.name for output in outputs] == ["stdout", "stderr"]
    assert outputs[1].text.startswith("1.1 Euler loop: not right, 0 of 2 points\nLikely cause: ")


def test_every_status_has_words():
    assert set(WORDS) == set(Status) and len(set(WORDS.values())) == len(Status)
