"""What a student wrote for a question is found wherever it stands; what was given with the lab is not taken for it."""

import json

import pytest

from course_grading import labs, questions
from course_grading.drawing import draw
from course_grading.marked import sources
from course_grading.marks import Book, default_url
from course_grading.notebook import Cell, read
from course_grading.pages.feedback import feedback
from course_grading.questions import MOST, answers
from tests.support.grading_class import ROOT, SOLUTION, notebook
from tests.support.pages import ASKED, judged

FIRST, SECOND, THIRD = (task.cell for task in ASKED.tasks if not task.exercise)
STUB = "*Your answer here.*"
MINE = "The noise would vanish: its variance goes like h."
TEXTS = {cell["id"]: "".join(cell["source"]) for cell in notebook(words={})["cells"]}
KEPT = [cell["id"] for cell in notebook(words={})["cells"]]


def cell(kind, source, name="own", **more):
    made = {"cell_type": kind, "id": name, "metadata": {}, "source": source} | more
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def blank(**sources):
    """A notebook without answers in words; `sources` by the cell's id with _ for -."""
    content = notebook(words={})
    for one in content["cells"]:
        one["source"] = sources.get(one["id"].replace("-", "_"), one["source"])
    return content


def put(content, place, *cells):
    """Cells put below another one."""
    at = next(i for i, one in enumerate(content["cells"]) if one["id"] == place) + 1
    content["cells"][at:at] = cells
    return content


def without(content, *names):
    return content | {"cells": [one for one in content["cells"] if one["id"] not in names]}


def from_blank(name):
    return next(one for one in blank()["cells"] if one["id"] == name)


def nameless(content):
    """As from Colab and Jupytext: no names, no marks."""
    return content | {"cells": [one | {"id": f"colab-{i}", "metadata": {}} for i, one in enumerate(content["cells"])]}


def as_kind(content, name, kind, source):
    """A cell turned into another kind: editors drop the marks of some, and give a new name."""
    return without(put(content, name, cell(kind, source)), name)


def answered(content):
    """What was written for each question, as text."""
    found = judged(content)
    names = [task.cell for task in ASKED.tasks if not task.exercise and found.answered(task)]
    return {name: "\n".join(part.source for part in found.given[name]) for name in names}


def flags(content):
    return [flag for flag in judged(content).outcome.flags if "outside" in flag]


QUESTION = TEXTS[SECOND].replace(STUB, "").strip()
COMMENTED = "\n".join(f"# {line}" for line in [*QUESTION.splitlines(), MINE])
AT_HOME = {
    "in its cell": lambda: blank(question_sqrt=f"{QUESTION}\n\n{MINE}"),
    "in place of the stub alone": lambda: blank(question_sqrt=TEXTS[SECOND].replace(STUB, MINE)),
    "below the stub": lambda: blank(question_sqrt=f"{TEXTS[SECOND]}\n{MINE}"),
    "in place of the whole text": lambda: blank(question_sqrt=MINE),
    "above its headline": lambda: blank(question_sqrt=f"{MINE}\n\n{TEXTS[SECOND]}"),
    "names and marks lost": lambda: nameless(blank(question_sqrt=f"{QUESTION}\n\n{MINE}")),
    "turned into code": lambda: as_kind(blank(), SECOND, "code", f"{QUESTION}\n{MINE}"),
    "turned into code, commented": lambda: as_kind(blank(), SECOND, "code", COMMENTED),
    "turned into raw text": lambda: as_kind(blank(), SECOND, "raw", f"{QUESTION}\n\n{MINE}"),
    "headline written anew": lambda: as_kind(blank(), SECOND, "markdown", f"## Question 2\n{MINE}"),
}
OUTSIDE = {
    "in a new cell below": lambda: put(blank(), SECOND, cell("markdown", MINE)),
    "in two new cells": lambda: put(blank(), SECOND, cell("markdown", MINE), cell("code", "x = 2", "own-2")),
    "in raw text below": lambda: put(blank(), SECOND, cell("raw", MINE)),
    "in a comment below": lambda: put(blank(), SECOND, cell("code", f"# {MINE}")),
    "as a magic": lambda: put(blank(), SECOND, cell("code", f"%%markdown\n{MINE}")),
    "in a cell with an exercise": lambda: blank(ex_1_6_code=f"{TEXTS['ex-1-6-code']}\n# Question 2: {MINE}"),
    "printed below": lambda: put(blank(), SECOND, cell("code", f"print({MINE!r})")),
    "split": lambda: put(blank(question_sqrt=QUESTION), SECOND, cell("markdown", f"{STUB}\n\n{MINE}")),
    "split, names lost": lambda: nameless(put(blank(question_sqrt=QUESTION), SECOND, cell("markdown", MINE))),
    "question copied below": lambda: put(blank(), SECOND, cell("markdown", f"{QUESTION}\n\n{MINE}")),
    "merged with the question before": lambda: without(
        blank(question_ou_langevin=f"{TEXTS[FIRST]}\n\n{QUESTION}\n\n{MINE}"), SECOND
    ),
    "at the end, by its number": lambda: blank() | {
        "cells": [*blank()["cells"], cell("markdown", f"Answer to question 2: {MINE}")]
    },
    "at the beginning, by its number": lambda: put(blank(), KEPT[0], cell("markdown", f"- Q2: {MINE}")),
    "in a cell of the text before": lambda: blank(ou_is_langevin_text=f"{TEXTS['ou-is-langevin-text']}\n\n2) {MINE}"),
    "its cell is gone": lambda: without(put(blank(), FIRST, cell("markdown", MINE)), SECOND),
    "its cell is gone, written in the one before": lambda: without(
        blank(question_ou_langevin=f"{TEXTS[FIRST]}\n\n{MINE}"), SECOND
    ),
    "all questions are gone": lambda: without(put(blank(), KEPT[0], cell("markdown", MINE)), FIRST, SECOND, THIRD),
    "reassembled from the end": lambda: nameless(
        blank() | {"cells": [*put(blank(), SECOND, cell("markdown", MINE))["cells"][90:], *blank()["cells"][:90]]}
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", AT_HOME)
def test_an_answer_in_its_cell(layout):
    content = AT_HOME[layout]()
    assert MINE in answered(content)[SECOND] and flags(content) == []


@pytest.mark.parametrize("layout", OUTSIDE)
def test_an_answer_outside_its_cell_is_found_and_flagged(layout):
    content = OUTSIDE[layout]()
    assert MINE in answered(content)[SECOND]
    assert "Question 2: answer outside its cell" in flags(content)


@pytest.mark.parametrize("layout", [*AT_HOME, *OUTSIDE])
def test_what_was_given_is_not_shown_as_the_students(layout):
    content = (AT_HOME | OUTSIDE)[layout]()
    shown = answered(content)[SECOND]
    assert STUB not in shown and "Somebody simulates" not in shown and "langevin" not in shown.lower()


@pytest.mark.parametrize("layout", ["in a new cell below", "in a comment below", "at the end, by its number"])
def test_copy_feedback_and_gradebook_agree(layout, tmp_path):
    found = judged(OUTSIDE[layout]())
    with Book(default_url(tmp_path)) as book:
        book.prepare(ASKED)
        row = book.enter(drawn := draw(found))
    assert row.marks[SECOND].waiting and row.marks[SECOND].points is None
    assert "Question 2: answer outside its cell" in row.outcome.flags
    assert "variance goes like h" in sources(drawn.copy.encode())[SECOND]
    page = feedback(drawn, row)
    assert "Question 2: – of 2 points, to be marked by hand" in page and "variance goes like h" in page


NAMED = [
    "Frage 1: {}", "Aufgabe 1\n\n{}", "#1 {}", "#1\n{}", "Question 1\n{}", "Q1 {}", "Q1: {}", "**Frage 1**\n\n{}",
    "Réponse 1 : {}", "问题1：{}", "Antwort auf Frage 1: {}", "Uppgift 1. {}", "## Frage 1\n\n{}", "Question n° 1: {}",
]  # fmt: skip
LISTED = ["1) {}", "1\n\n{}", "(1) {}", "1. {}", "1 - {}"]
OTHERS = {"nobody": (), "the first": (FIRST,), "the last": (THIRD,), "all": (FIRST, SECOND, THIRD)}
"""Which questions have an answer of their own already."""


def at_the_end(text, answered_already, kind):
    """Words far below all questions, which have other answers in their cells."""
    own = {name.replace("-", "_"): TEXTS[name].replace(STUB, "Other words.") for name in answered_already}
    source = text if kind == "markdown" else "\n".join(f"# {line}" for line in text.splitlines())
    return blank(**own) | {"cells": [*blank(**own)["cells"], cell(kind, source)]}


@pytest.mark.parametrize("kind", ["markdown", "code"])
@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("name", NAMED)
def test_words_at_the_end_belong_to_the_question_that_they_name(name, others, kind):
    content = at_the_end(name.format(MINE), OTHERS[others], kind)
    assert [question for question, text in answered(content).items() if MINE in text] == [FIRST]
    assert flags(content) == ["Question 1: answer outside its cell"]


@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("name", [*LISTED, "Zur ersten Frage: {}", "Frage I: {}", "Frage 7: {}"])
def test_words_at_the_end_that_may_name_a_question_are_lost_for_none(name, others):
    content = at_the_end(name.format(MINE), OTHERS[others], "markdown")
    shown = {question for question, text in answered(content).items() if MINE in text}
    wordless = {FIRST, SECOND, THIRD} - {*OTHERS[others]}
    named = {FIRST} if name in LISTED else wordless
    assert shown >= named & wordless and shown and len(flags(content)) == len(shown)


def test_all_answers_at_the_end_are_told_apart():
    words = [f"Frage {number}: the words of {number}.\n\n1. first\n2. second" for number in (1, 2, 3)]
    content = blank() | {"cells": [*blank()["cells"], cell("markdown", "\n\n".join(words))]}
    assert answered(content) == dict(zip((FIRST, SECOND, THIRD), words, strict=True))
    beside = blank() | {"cells": [*blank()["cells"], *(cell("markdown", text, f"own-{text[6]}") for text in words)]}
    assert answered(beside) == answered(content) and len(flags(beside)) == 3


@pytest.mark.parametrize("source", ["1. It is a drift.\n2. It is a noise.", "Step 1: a drift.\n\nStep 2: a noise."])
def test_a_list_in_an_answer_names_no_questions(source):
    others = {"question_ou_langevin": MINE, "question_sqrt": MINE}
    own = blank(**others, question_mixing=TEXTS[THIRD].replace(STUB, source))
    assert answered(own) == {FIRST: MINE, SECOND: MINE, THIRD: source} and flags(own) == []
    below = put(blank(**others), THIRD, cell("markdown", source))
    assert answered(below) == answered(own) and flags(below) == ["Question 3: answer outside its cell"]


@pytest.mark.parametrize(
    "source", ["Exercise 1.2: a try", "In 2 steps", "Figure 3 shows it", "x1 = 3", "a1 = 2\nq1 = 3"]
)
def test_numbers_of_other_things_name_no_question(source):
    content = put(blank(question_mixing=MINE), "ex-1-1-check", cell("code" if "=" in source else "markdown", source))
    assert set(answered(content)) == {THIRD} and flags(content) == []


NOTHING = {
    "as released": blank,
    "names and marks lost": lambda: nameless(blank()),
    "stub deleted": lambda: blank(question_sqrt=QUESTION),
    "lines broken anew": lambda: blank(question_sqrt=TEXTS[SECOND].replace("\n`", " `").replace(". ", ".\n")),
    "turned into raw text": lambda: as_kind(blank(), SECOND, "raw", TEXTS[SECOND]),
    "turned into comments": lambda: as_kind(blank(), SECOND, "code", "\n".join(f"# {x}" for x in QUESTION.split("\n"))),
    "merged": lambda: without(blank(question_ou_langevin=f"{TEXTS[FIRST]}\n\n{TEXTS[SECOND]}"), SECOND),
    "all cells gone": lambda: without(blank(), FIRST, SECOND, THIRD),
    "moved to the top": lambda: blank() | {
        "cells": [*map(from_blank, (FIRST, SECOND, THIRD)), *without(blank(), FIRST, SECOND, THIRD)["cells"]]
    },
    "a parameter of a figure changed": lambda: blank(picard=TEXTS["picard"].replace("1001", "2001")),
    "cells of one's own among the exercises": lambda: put(
        blank(), "ex-1-1-check", cell("markdown", "I predict a circle."), cell("code", "# a try\nx = 2", "own-2")
    ),
    "solved as in the solution": lambda: blank(**{
        one["id"].replace("-", "_"): "".join(one["source"]) for one in SOLUTION["cells"] if one["id"].startswith("ex-")
    }),
}  # fmt: skip


@pytest.mark.parametrize("layout", NOTHING)
def test_what_nobody_answered_waits_for_nobody(layout):
    content = NOTHING[layout]()
    assert answered(content) == {} and flags(content) == []


def test_notes_far_from_the_questions_are_no_answers():
    content = put(blank(question_mixing=MINE), KEPT[-1], cell("markdown", "That was fun."))
    assert set(answered(content)) == {THIRD} and flags(content) == []


def test_what_stands_at_the_end_could_be_the_last_answer():
    content = put(blank(), KEPT[-1], cell("markdown", MINE))
    assert answered(content) == {THIRD: MINE} and flags(content) == ["Question 3: answer outside its cell"]


def test_a_mark_of_two_cells_goes_to_the_first_for_home():
    content = put(blank(), SECOND, cell("markdown", MINE, SECOND))
    assert MINE in answered(content)[SECOND] and flags(content)


def test_between_two_questions_without_names_both_may_be_meant():
    found = answered(nameless(blank(question_sqrt=f"{MINE}\n\n{TEXTS[SECOND]}")))
    assert found == {FIRST: MINE, SECOND: MINE}


def test_a_quotation_of_the_lab_is_an_answer():
    quoted = TEXTS["ou-saw"]
    assert answered(blank(question_sqrt=TEXTS[SECOND].replace(STUB, quoted)))[SECOND] == quoted


def test_pictures_are_an_answer():
    content = blank()
    next(one for one in content["cells"] if one["id"] == SECOND)["attachments"] = {"a.png": {"image/png": "x"}}
    assert set(answered(content)) == {SECOND}


def test_more_than_anybody_reads_is_counted():
    content = put(blank(question_sqrt=MINE), SECOND, *(cell("markdown", "x" * 4000, f"own-{i}") for i in range(50)))
    found = answered(content)[SECOND]
    assert found.startswith(MINE) and len(found) < MOST + 1000 and found.endswith("pieces more were handed in]")


@pytest.mark.parametrize("lab", labs.released())
def test_every_lab_as_it_was_given_and_as_it_was_solved(lab):
    asked = labs.read_lab(lab)
    given, solved = (read((ROOT / top / lab / f"{lab}.ipynb").read_bytes()).cells for top in ("labs", "solutions"))
    assert not any(one.parts for one in answers(asked, given, ()).values())
    assert all(one.parts and not one.outside for one in answers(asked, solved, ()).values())


def test_lines_without_end_are_few():
    cells = list(questions._of_few_lines([Cell(str(i), "markdown", "a\n" * 40_000) for i in range(3)]))
    assert sum(one.source.count("\n") for one in cells) == questions.MOST_LINES
    content = put(blank(question_sqrt="\n" * 199_000 + MINE), SECOND, cell("markdown", "b\n" * 99_000))
    assert MINE in answered(content)[SECOND]


@pytest.mark.parametrize(
    "source", ["#" * 10**5, "# " * 10**5, "* " * 10**5, "\n" * 10**5, "Question " * 10**4, "to " * 10**5, "1 " * 10**5]
)
def test_a_text_made_to_be_slow(source):
    """Quadratic reading of it would take minutes."""
    content = put(blank(), SECOND, *(cell("markdown", source, f"own-{i}") for i in range(20)))
    answers(ASKED, read(json.dumps(content).encode()).cells, ())
