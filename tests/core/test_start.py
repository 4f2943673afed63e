"""The start page is made from the labs and from what is remembered; whatever else stands in it stays."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from course_utils import checks, notebooks, progress
from course_utils.__main__ import main
from course_utils.notebooks import files, fresh
from course_utils.notebooks.start import START
from course_utils.progress import Result
from tests.support import notebook_rules as rules

ROOT = Path(fresh.__file__).parents[2]
LABS = notebooks.all_labs(ROOT)
RIGHT, WRONG, SPOILT = Result(True, True), Result(False, False), Result(True, False)
ALL = {f"{lab}.{name}": RIGHT for lab in checks.LABS for name in checks.exercises(lab)}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course, as a folder, with progress of its own."""
    (tmp_path / "labs").mkdir()
    shutil.copyfile(ROOT / fresh.ARCHIVE, tmp_path / fresh.ARCHIVE)
    monkeypatch.setattr(notebooks, "course_folder", lambda: tmp_path)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(course) -> str:
    """The map that the start page shows before anything is run."""
    [output] = next(cell for cell in notebooks.read(course / START)["cells"] if cell["id"] == "map")["outputs"]
    return "".join(output["data"]["text/markdown"])


def first_line(results) -> str:
    return notebooks.map_of(LABS, results).markdown.split("\n")[0]


# The map


def test_it_has_every_lab_and_every_exercise_of_the_checks():
    text = notebooks.map_of(LABS, {}).markdown
    assert [lab.name.split("_")[0] for lab in LABS] == sorted(checks.LABS, key=lambda name: int(name[3:]))
    for lab in LABS:
        assert f"## [{lab.title}]({lab.name}/{lab.name}.ipynb)" in text
        assert lab.needs and f"\n{lab.needs}\n" in text and lab.time
    named = [line.split("](")[0] for line in text.splitlines() if line.startswith("- ")]
    everything = [one for lab in LABS for one in checks.exercises(lab.name.split("_")[0]).values()]
    assert named == [f"- [{one.number} {one.title}" for one in everything]


def test_it_leads_to_the_heading_of_each_exercise():
    text = notebooks.map_of(LABS, {}).markdown
    links = re.findall(r"^- \[(\S+) [^]]*\]\((\S+)#cell-id=(\S+)\)", text, re.M)
    assert len(links) == len(ALL)
    for number, path, name in links:
        [cell] = [cell for cell in notebooks.read(ROOT / "labs" / path)["cells"] if cell["id"] == name]
        assert files.source(cell).startswith(f"### Exercise {number} · ")


@pytest.mark.parametrize(
    ("results", "line"),
    [
        ({}, "0 of 7 exercises"),
        ({"lab1.euler": RIGHT}, "1 of 7 exercises"),
        ({"lab1.euler": SPOILT, "lab1.heun_step": WRONG}, "1 of 7 exercises"),
        (ALL, "7 of 7 exercises"),
    ],
)
def test_it_counts_what_was_right_once(results, line):
    drawn = notebooks.map_of(LABS, results).markdown.split("\n## ")[1].splitlines()[2]
    done = int(line.split()[0])
    full = 12 * done // 7
    assert drawn == f"{'█' * full}{'░' * (12 - full)} {line} · about two hours"


def test_it_says_how_each_exercise_stands():
    text = notebooks.map_of(
        LABS, {"lab1.euler": RIGHT, "lab1.heun_step": WRONG, "lab1.brownian_motion": SPOILT}
    ).markdown
    text = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text)
    assert "- 1.1 Euler loop · 10 min · **right**\n" in text
    assert "- 1.2 Heun step · 10 min · wrong at the last try\n" in text
    assert "- 1.3 Brownian motion from increments · 10 min · right before, wrong at the last try\n" in text
    assert "- 1.4 Euler–Maruyama step · 10 min · not tried\n" in text


def test_it_says_where_to_begin_and_where_to_go_on():
    lab1 = {key: RIGHT for key in ALL if key.startswith("lab1.")}
    assert first_line({}).startswith("**Begin here: [Lab 1 · Simulating ODEs and SDEs](lab1_simulation/lab1_simulation")
    assert first_line({"lab1.euler": RIGHT}).startswith(
        "**Go on here: [Exercise 1.2 · Heun step](lab1_simulation/lab1_simulation.ipynb#cell-id=ex-1-2)**"
    )
    assert first_line({"lab1.euler": WRONG}).startswith("**Go on here: [Exercise 1.1 · Euler loop]")
    assert first_line(lab1).startswith("**Go on here: [Exercise 2.1 · ")
    assert first_line({"lab1.euler": RIGHT, "lab3.conditional_score": WRONG}).startswith(
        "**Go on here: [Exercise 3.1 · "
    )
    assert first_line(ALL).startswith("**All exercises are right.**")
    assert notebooks.go_on(LABS, ALL) is None


def test_where_only_text_is_shown_nothing_of_its_marks_is_left():
    text = repr(notebooks.map_of(LABS, ALL))
    assert not any(mark in text for mark in ("](", "<details>", "<summary>", "**"))
    assert "Lab 1 · Simulating ODEs and SDEs" in text


def test_a_notebook_asks_the_checks_for_it(course):
    progress.remember("lab1.euler", right=True)
    assert checks.start()._repr_markdown_() == notebooks.map_of(LABS, {"lab1.euler": RIGHT}).markdown


# The page


def test_it_is_made_and_brought_up_to_date(course, capsys):
    assert main(["start"]) == 0
    assert capsys.readouterr().out == "written: labs/start.ipynb\n"
    assert shown(course) == notebooks.map_of(LABS, {}).markdown
    progress.remember("lab1.euler", right=True)
    assert main(["start"]) == 0
    assert shown(course) == notebooks.map_of(LABS, {"lab1.euler": RIGHT}).markdown


@pytest.mark.parametrize("rule", [rule for rule in rules.SOLUTION_RULES if rule is not rules.says_time_and_needs])
def test_it_keeps_to_the_rules_of_notebooks(course, rule):
    notebooks.write_start(course, ALL)
    page = nbformat.read(course / START, as_version=4)
    nbformat.validate(page)
    assert list(rule(page)) == []


def test_its_links_lead_to_the_labs(course):
    text = notebooks.map_of(LABS, {}).markdown
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    assert list(rules.links_resolve(page, ROOT / "labs")) == []


def test_what_a_student_wrote_into_it_stays(course):
    notebooks.write_start(course, {})
    page = notebooks.read(course / START)
    page["cells"].append({"cell_type": "markdown", "id": "mine", "metadata": {}, "source": ["my plan"]})
    page["metadata"]["mine"] = 1
    (course / START).write_text(files.text(page), "utf-8")
    notebooks.write_start(course, ALL)
    after = notebooks.read(course / START)
    assert after["cells"][-1] == page["cells"][-1] and after["metadata"] == page["metadata"]
    assert shown(course) == notebooks.map_of(LABS, ALL).markdown


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"cells": []}), json.dumps({"cells": [{"id": "map"}]})])
def test_a_file_of_something_else_is_left_alone_and_said(course, content, capsys):
    (course / START).write_text(content)
    assert main(["start"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: expected ") and "labs/start.ipynb" in said and said.count("\n") == 1
    assert (course / START).read_text() == content


def test_where_it_cannot_be_written_a_sentence_says_so(course, capsys, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    assert main(["start"]) == 2
    assert "Read-only file system" in capsys.readouterr().err
    assert not (course / START).exists()
