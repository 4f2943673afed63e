"""Every lab keeps to the rules of `notebook_rules`, and every rule complains about the notebook that breaks it.

That untouched labs run to their end is held by `test_browser`, that solutions do by nbval.
"""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from course_grading.release import read_notebook, student_version
from course_utils import checks, plotting
from course_utils.notebooks.start import START
from tests.support import notebook_rules as rules

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))


# The labs of the course


def lab_of(solution):
    return ROOT / "labs" / solution.parent.name / solution.name


def exercises_of(solution):
    name = solution.stem.split("_")[0]
    return name, checks.exercises(name)


every_lab = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def test_there_are_labs_and_nothing_else():
    assert SOLUTIONS
    assert [path.stem for path in SOLUTIONS] == [path.parent.name for path in SOLUTIONS]
    found = sorted(ROOT.glob("labs/**/*.ipynb"))
    published = [path for path in found if ".ipynb_checkpoints" not in path.parts and path != ROOT / START]
    assert published == [lab_of(path) for path in SOLUTIONS]


@every_lab
def test_lab_is_generated_and_gives_nothing_away(path):
    assert list(rules.same_as_generated(lab_of(path).read_text("utf-8"), path)) == []
    assert list(rules.nothing_given_away(read_notebook(lab_of(path)), read_notebook(path))) == []
    assert list(rules.nothing_needed_is_folded(read_notebook(lab_of(path)))) == []


@every_lab
@pytest.mark.parametrize("rule", rules.SOLUTION_RULES)
def test_solution_keeps_to(rule, path):
    assert list(rule(read_notebook(path))) == []


@every_lab
def test_exercises_are_those_of_the_checks(path):
    name, exercises = exercises_of(path)
    assert list(rules.exercises_complete(read_notebook(path), name, exercises)) == []
    assert list(rules.handed_in_at_the_end(read_notebook(path), name)) == []


@every_lab
def test_links(path):
    assert list(rules.links_resolve(read_notebook(path), lab_of(path).parent)) == []


# The rules, shown bad notebooks

EXERCISES = {
    "double": SimpleNamespace(number="9.1", title="Double"),
    "halve": SimpleNamespace(number="9.2", title="Halve"),
}
PICTURE = "data:image/png;base64,/tmp/home="


def good():
    """A notebook that keeps to every rule."""
    text, code, output = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell, nbformat.v4.new_output
    head = "# Title\n\n**Time.** An hour.\n\n**What you should know.** Sums.\n\n"
    cells = [
        text(
            head + "It costs \\$3 or `$HOME`; $a_{t}$, $\\{1$.\n\n$$x\n= \\frac{1}{2}$$",
            id="title",
        )
    ]
    for name, exercise in EXERCISES.items():
        source = f"def {name}(x):\n    ### BEGIN SOLUTION\n    return {name} of x\n    ### END SOLUTION"
        cells += [
            text(f"### Exercise {exercise.number} · {exercise.title} · ★★☆ · 5 min", id=f"{name}-heading"),
            code(source, id=f"{name}-answer"),
            code(f"checks.lab9.{name}({name})", id=f"{name}-check", outputs=[output("stream", text="right")]),
        ]
        cells[-1].metadata["nbgrader"] = {"locked": True}
    figure = output("display_data", {"text/html": f'<img alt="A line" src="{PICTURE}">', "image/png": "/tmp/"})
    cells += [code("show(figure)", id="figure", outputs=[figure]), code("", id="empty")]
    cells.append(code(rules.LAST_CELL.format(lab="lab9"), id="hand-in"))
    for count, cell in enumerate((cell for cell in cells if cell.get("source") and cell.cell_type == "code"), 1):
        cell.execution_count = count
    kernel = {"name": "python3", "display_name": "Python 3"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def complete(notebook):
    return rules.exercises_complete(notebook, "lab9", EXERCISES)


def handed_in(notebook):
    return rules.handed_in_at_the_end(notebook, "lab9")


def spoilt(cell_id, **changes):
    notebook = good()
    for cell in notebook.cells:
        if cell.id == cell_id:
            cell.update(nbformat.from_dict(changes))
    return notebook


def shown(**data):
    return {"outputs": [nbformat.v4.new_output("display_data", {k.replace("_", "/"): v for k, v in data.items()})]}


def printed(text):
    return {"outputs": [nbformat.v4.new_output("stream", text=text)]}


def widget(html):
    notebook = good()
    models = {"state": {"1": {"state": {"value": html}}}}
    notebook.metadata["widgets"] = nbformat.from_dict({"application/vnd.jupyter.widget-state+json": models})
    return notebook


def without(cell_id):
    notebook = good()
    notebook.cells = [cell for cell in notebook.cells if cell.id != cell_id]
    return notebook


@pytest.mark.parametrize("rule", [*rules.SOLUTION_RULES, complete, handed_in])
def test_good_notebook_passes(rule):
    assert list(rule(good())) == []
    assert list(rule(widget('<img alt="A line" src="x">'))) == []


HALVE = "### Exercise 9.2 · Halve · ★★☆ · 5 min"
ERROR = nbformat.v4.new_output("error", ename="E", evalue="", traceback=["/home/me/x.py"])
LIVE = nbformat.v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}})
BAR = nbformat.v4.new_output("stream", name="stderr", text="50%")
PLAYER = plotting.player_html([b"frame"], alt="A dot.", width=10)
BAD = [
    (rules.executed_top_to_bottom, spoilt("double-check", outputs=[ERROR]), "double-check: holds an error"),
    (rules.executed_top_to_bottom, spoilt("double-check", execution_count=None), "not executed"),
    (rules.executed_top_to_bottom, spoilt("double-check", execution_count=9), "not executed"),
    (rules.short_cells, spoilt("figure", source="x\n\n" * 26), "figure: 26 lines"),
    (rules.short_cells, nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x\n" * 11)]), "median of 11"),
    (rules.figures_described, spoilt("figure", **shown(image_png="")), "bare image"),
    (rules.figures_described, spoilt("figure", **shown(image_png="", text_html="<p>a figure</p>")), "bare image"),
    (rules.figures_described, spoilt("figure", **shown(text_html="<img src='x'>")), "without alt"),
    (rules.figures_described, spoilt("figure", **shown(text_html="<img alt=' ' src='x'>")), "without alt"),
    (rules.figures_described, spoilt("figure", **shown(text_html="<img alt='A'><img>")), "without alt"),
    (rules.figures_described, spoilt("title", source="![](attachment:x.png)"), "title: image without alt"),
    (rules.figures_described, spoilt("title", source="![a](x.png)\n<img src='x'>"), "title: image without alt"),
    (rules.figures_described, widget("<img src='x'>"), "a widget"),
    (rules.headings_formed, spoilt("halve-heading", source=HALVE.replace(" · ★★☆", "")), "halve-heading: expected"),
    (rules.headings_formed, spoilt("halve-heading", source=HALVE.replace("★★☆", "☆★★")), "halve-heading: expected"),
    (rules.headings_formed, spoilt("halve-heading", source=HALVE[1:]), "halve-heading: expected"),
    (rules.headings_formed, spoilt("halve-heading", source=HALVE + "utes"), "halve-heading: expected"),
    (complete, without("halve-heading"), "9.2: expected heading"),
    (complete, without("halve-answer"), "9.2: expected heading"),
    (complete, without("halve-check"), "9.2: expected heading"),
    (complete, spoilt("halve-check", metadata={}), "unlocked halve"),
    (complete, spoilt("halve-check", source="checks.lab9.halve(1)"), "9.2: expected heading"),
    (complete, spoilt("halve-check", source="checks.lab9.third(third)"), "9.2: expected heading"),
    (complete, spoilt("halve-check", source="checks.lab9.double(double)"), "9.2: expected heading"),
    (complete, spoilt("halve-heading", source=HALVE.replace("Halve", "Half")), "9.2: expected the title 'Halve'"),
    (complete, spoilt("title", source=HALVE), "heading of 9.2 occurs 2 times"),
    (complete, spoilt("title", source=HALVE.replace("9.2", "9.3")), "heading of unknown exercise 9.3"),
    (handed_in, without("hand-in"), "empty: expected a last cell `hand-in` with checks.lab9.hand_in()"),
    (handed_in, spoilt("hand-in", source=rules.LAST_CELL.format(lab="lab8")), "hand-in: expected a last cell"),
    (handed_in, spoilt("hand-in", id="the-end"), "the-end: expected a last cell"),
    (rules.says_time_and_needs, spoilt("title", source="**Time.** An hour."), "with **What you should know.**"),
    (rules.says_time_and_needs, spoilt("title", source="**What you should know.** x"), "begins with **Time.**"),
    (rules.ids_by_author, spoilt("figure", id="title"), "id title occurs 2 times"),
    (rules.ids_by_author, spoilt("figure", id="Figure_1"), "a-z, 0-9 and - only"),
    (rules.ids_by_author, spoilt("figure", id="3fa9c01b"), "random"),
    (rules.ids_by_author, spoilt("figure", id="9ee24d9f-6e1b-4d38-a2f3-1c56a1a0b9f2"), "random"),
    (rules.no_machine_paths, spoilt("figure", **printed("saved in /tmp/x")), "figure: path of one machine, /tmp"),
    (rules.no_machine_paths, spoilt("figure", **shown(text_plain="'/root'")), "figure: path of one machine, /root"),
    (rules.no_machine_paths, spoilt("figure", outputs=[ERROR]), "figure: path of one machine, /home"),
    (rules.no_machine_paths, spoilt("figure", source="open('/work/x')"), "figure: path of one machine, /work"),
    (rules.of_any_editor, nbformat.v4.new_notebook(), "expected the kernel python3"),
    (rules.of_any_editor, spoilt("figure", source="%pip install x"), "figure: not for every editor: '%pip install x'"),
    (rules.of_any_editor, spoilt("figure", source="!ls"), "figure: not for every editor: '!ls'"),
    (rules.of_any_editor, spoilt("figure", source="x = 1\nfrom google.colab import files"), "google.colab"),
    (rules.of_any_editor, spoilt("figure", **shown(application_javascript="")), "shows application/javascript"),
    (rules.of_few_bytes, spoilt("figure", **printed("x" * 1_200_000)), "1.2 MB, at most 1.2"),
    (rules.of_few_bytes, spoilt("figure", **shown(text_html=PLAYER)), "figure: holds the frames of a player"),
    (rules.of_few_bytes, spoilt("figure", **shown(text_html="<script>x</script>")), "figure: holds the frames"),
    (rules.of_few_bytes, spoilt("figure", outputs=[LIVE]), "figure: holds a live widget"),
    (rules.of_few_bytes, spoilt("figure", outputs=[BAR]), "figure: holds a bar or a warning: '50%'"),
    (
        rules.suggestions_answered,
        spoilt("title", source="### More to try\n\n- This.\n- That.\n\n  <details>"),
        "2 things",
    ),
    (rules.suggestions_answered, spoilt("title", source="**More to try**\n\n- This."), "0 folded answers"),
    (rules.trial_run_said, spoilt("figure", source="n = training.budget(9, 1)"), "expected training.announce_budget()"),
    (rules.formulas_closed, spoilt("title", source="Costs $3."), "unbalanced $"),
    (rules.formulas_closed, spoilt("title", source="$a\n\nb$"), "unbalanced $"),
    (rules.formulas_closed, spoilt("title", source="$$a$"), "unbalanced $"),
    (rules.formulas_closed, spoilt("title", source="$x^{2$"), "unbalanced braces"),
    (rules.formulas_closed, spoilt("title", source="$$\n\\frac{1}{2\n$$"), "unbalanced braces"),
    (rules.formulas_closed, spoilt("title", source="$\theta$"), "control character"),
]


@pytest.mark.parametrize(("rule", "notebook", "complaint"), BAD)
def test_bad_notebook_is_named(rule, notebook, complaint):
    assert complaint in "\n".join(rule(notebook))


def student(**changes):
    """What release would make of the good notebook, spoilt by `changes` of the first answer cell."""
    notebook = good()
    for cell in rules.code_cells(notebook):
        cell.update(execution_count=None, outputs=[])
        cell.source = cell.source.replace("### BEGIN SOLUTION\n    ", "").replace("\n    ### END SOLUTION", "")
        cell.source = cell.source.replace("return double of x", "stub").replace("return halve of x", "stub")
    notebook.cells[2].update(changes)
    return notebook


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"source": "def double(x):\n    return double of x"}, "double-answer: holds its answer"),
        ({"source": "### BEGIN SOLUTION\nstub"}, "double-answer: marks"),
        ({"source": "### END HIDDEN TESTS"}, "double-answer: marks"),
        (printed("4"), "double-answer: holds an output"),
        ({"execution_count": 1}, "double-answer: holds an output"),
    ],
)
def test_given_away(changes, complaint):
    assert complaint in "\n".join(rules.nothing_given_away(student(**changes), good()))


def test_nothing_given_away():
    assert list(rules.nothing_given_away(student(), good())) == []
    assert "holds saved widgets" in list(rules.nothing_given_away(widget("x"), good()))


@pytest.mark.parametrize(
    ("cell_id", "changes", "complaint"),
    [
        ("figure", {"source": "show(x := 1)"}, "figure: folded, and defines x"),
        ("figure", {"source": "x, y = 1, 2"}, "figure: folded, and defines y"),
        ("figure", {"source": "show([x for x in xs])"}, ""),
        ("double-check", {}, "double-check: folded, and part of an exercise"),
        ("double-answer", {"source": "double = 1"}, "double-answer: folded, and defines double"),
        ("double-answer", {"source": "show(double)"}, ""),
    ],
)
def test_folded_cells(cell_id, changes, complaint):
    notebook = spoilt(cell_id, **changes)
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    assert list(rules.nothing_needed_is_folded(notebook)) == []
    cell.metadata["jupyter"] = {"source_hidden": True}
    found = "\n".join(rules.nothing_needed_is_folded(notebook))
    assert complaint in found and bool(complaint) == bool(found)


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("Yours plugs into the next cell.", ["halve-heading: speaks of the folded cell halve-answer"]),
        ("See the cell below.", ["halve-heading: speaks of the folded cell halve-answer"]),
        ("See the cell above.", []),
        ("What you saw.", []),
    ],
)
def test_texts_that_lead_into_folded_cells(text, complaints):
    notebook = spoilt("halve-heading", source=text)
    answer = next(cell for cell in notebook.cells if cell.id == "halve-answer")
    answer.update(source="show(1)", metadata=nbformat.from_dict({"jupyter": {"source_hidden": True}}))
    assert list(rules.nothing_needed_is_folded(notebook)) == complaints


def test_lab_that_differs(tmp_path):
    solution = tmp_path / "lab9_sample.ipynb"
    notebook = good()
    for cell in rules.code_cells(notebook):
        marks = {"grade": False, "locked": True, "solution": "SOLUTION" in cell.source, "grade_id": cell.id}
        cell.metadata["nbgrader"] = marks | {"schema_version": 3, "task": False}
    nbformat.write(notebook, solution)
    text = student_version(solution)
    assert list(rules.same_as_generated(text, solution)) == []
    assert list(rules.same_as_generated(text.replace("Title", "Titel"), solution)) != []
    assert list(rules.nothing_given_away(nbformat.reads(text, as_version=4), notebook)) == []


def test_links_that_lead_nowhere(tmp_path):
    (tmp_path / "other.ipynb").touch()
    links = "[a](other.ipynb#part) [b](https://x.org) [c](#part) ![d](attachment:e.png) `[f](g)` $[h](t)$"
    assert list(rules.links_resolve(spoilt("title", source=links), tmp_path)) == []
    nowhere = spoilt("title", source="[a](none.ipynb)")
    assert list(rules.links_resolve(nowhere, tmp_path)) == ["title: no file none.ipynb"]
