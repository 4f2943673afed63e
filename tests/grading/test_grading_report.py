"""What students wrote is shown and does nothing: in the feedback, in the formgrader's page and in the class report."""

import base64
import csv
import io
import json
import re
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import nbgrader
import pytest
from msgspec.structs import replace
from nbconvert.exporters import HTMLExporter

from course_grading.clean import LONGEST, TAGS, inert, markdown, plain
from course_grading.feedback import feedback
from course_grading.formulas import ATTRIBUTES, mathml
from course_grading.formulas import TAGS as DRAWN
from course_grading.labs import read_lab
from course_grading.marked import marked_copy, text
from course_grading.marks import Mark
from course_grading.model import Limits
from course_grading.notebook import read
from course_grading.report import cell, grades_csv, report, row
from tests.support.grading_class import LAB, ROOT, fake_judge, notebook

ASKED = read_lab(LAB)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(9)).decode()
TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<ScRiPt\n>alert(1)//",
    "[x](javascript:alert(1))", "[x](&#106;avascript:alert(1))", "[x](JaVa\tScript:alert(1))",
    "[x](<javascript:alert(1)>)", "[x][r]\n\n[r]: javascript:alert(1)", "<javascript:alert(1)>",
    "`[x](javascript:alert(1))`", "$$a$$ `[x](javascript:alert(1))`", "    [x](javascript:alert(1))",
    "```mermaid\n<img src=x onerror=alert(1)>\n```", "![x](http://evil.example/spy.png)",
    "![x](attachment:missing.png)", "![x][r]\n\n[r]: attachment:missing.png",
    "<iframe src='data:text/html,x'></iframe>", "<style>body{display:none}</style>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>", "<form action=//e><input>",
    "<div style='background:url(http://evil.example)'>x</div>", "</div></body><script>alert(1)</script>",
    "<!-- <script>", "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "\\begin{x}</div><script>alert(1)</script>\\end{x}", "$<script>alert(1)</script>$", "<object data=x></object>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0>", r"$\href{javascript:alert(1)}{x}$",
    r"$$\style{position:fixed}{x}\class{a}{b}$$", r"$\text{<script>alert(1)</script>}$", "![$a$](attachment:a.png)",
    r"$\unicode{60}script\unicode{62}$", "<b title='$x$'>$y$</b>", r"$\text{&lt;img src=x onerror=alert(1)&gt;}$",
    '<a href="https://e.example/$x" title="$" onclick=alert(1)>x</a>', "<math><mi xlink:href='javascript:alert(1)'>x",
    "\ue0000\ue000 $x$ \ue00099\ue000", r"$\newcommand{\a}{\a\a}\a$ $\frac{1}{$ $\hspace{-99em}x$",
]  # fmt: skip


class Seen(HTMLParser):
    """Every tag with its attributes, as a browser would build them."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, {name: value or "" for name, value in attrs}))


def dangers(html):
    """What could run or load something."""
    for tag, attributes in Seen(html).tags:
        if tag not in TAGS | DRAWN | {"html", "head", "body", "meta", "title", "style", "section", "img"}:
            yield tag
        if tag in DRAWN and not set(attributes) <= {*ATTRIBUTES, "mathvariant"}:
            yield f"{tag} {attributes}"
        for name, value in attributes.items():
            if name.startswith("on") or name in ("style", "srcset", "action"):
                yield f"{tag} {name}"
            if name in ("href", "src") and not value.startswith(("http://", "https://", "mailto:", "data:image/", "#")):
                yield f"{tag} {name}={value}"
            if name == "src" and not value.startswith("data:image/"):
                yield f"{tag} {name}={value}"


def formgraded(copy):
    """The cells as nbgrader's formgrader renders them, without the page around them."""
    exporter = HTMLExporter(template_name="formgrade", extra_template_basedirs=[str(TEMPLATES)])
    names = "assignment_id notebook_id submission_id base_url student last_name first_name notebook_path"
    resources = {**dict.fromkeys(names.split(), ""), "index": 0, "total": 1}
    page, _ = exporter.from_notebook_node(nbformat.reads(text(copy), as_version=4), resources=resources)
    return page[page.index('id="notebook-container"') : page.index('<div class="help">')]


def added(page):
    """Dangers of a page that an honest one does not have; nbconvert draws a frame around pictures without a text."""
    honest = formgraded(marked_copy(ASKED, *handed_in()[::-1]))
    return set(dangers(page)) - set(dangers(honest)) - {"img style"}


def handed_in(**changes):
    found = read(json.dumps(notebook(**changes)).encode())
    return found.cells, fake_judge(found, student="anna", lab=LAB, seed=0, limits=Limits())


def all_marks(**given):
    marks = {task.cell: Mark(None, waiting=True) for task in ASKED.tasks}
    return {**marks, **{name.replace("_", "-"): mark for name, mark in given.items()}}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_does_nothing(hostile):
    assert list(dangers(markdown(hostile))) == []
    assert list(dangers(inert(hostile))) == []
    assert "\n" not in inert(hostile)


def test_the_detector_sees_dangers():
    unsafe = ["<script>", "<img src=http://e>", "<a href=javascript:x>", "<p onclick=x>", "<div style=x>", "<iframe>"]
    assert all(list(dangers(text)) for text in unsafe)


def test_hostile_answers_in_the_formgrader_and_the_feedback():
    everything = "\n\n".join(HOSTILE)
    extra = [*(("markdown", one) for one in HOSTILE), ("raw", everything), ("code", f"print({everything!r})")]
    found, judged = handed_in(words={"question-sqrt": everything}, extra=extra)
    printed = {one.id: everything + "\x1b[31m\x08" for one in found}
    judged = replace(judged, printed=printed, flags=tuple(HOSTILE))
    copy = marked_copy(ASKED, judged, found)
    page = formgraded(copy)
    assert added(page) == set() and "<script>alert" not in page
    marks = all_marks(question_sqrt=Mark(1.0, everything, by_hand=True))
    assert list(dangers(feedback(ASKED, judged, marks, found))) == []
    assert set(dangers(report(ASKED, [row(ASKED, judged, marks)]))) <= {"img style"}  # the figures' own


def test_formgraded_would_show_a_script():
    copy = marked_copy(ASKED, handed_in()[1], handed_in()[0])
    copy.cells.append(nbformat.v4.new_markdown_cell("[x](javascript:alert(1)) <img src=x onerror=alert(1)>", id="x"))
    assert added(formgraded(copy)) == {"a href=javascript:alert(1)", "img onerror", "img src=x"}


def test_pages_load_nothing():
    found, judged = handed_in()
    for page in (feedback(ASKED, judged, all_marks(), found), report(ASKED, [row(ASKED, judged, all_marks())])):
        assert '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';' in page
        assert not [tag for tag, _ in Seen(page).tags if tag in ("script", "link", "iframe")]


def test_an_honest_answer_is_shown_as_written():
    words = "**Bold**, `code < 1`, $a < b$, a [link](https://example.org/?a=1&b=2)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    html = markdown(words)
    assert "<strong>Bold</strong>" in html and "<code>code &lt; 1</code>" in html
    assert "<mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math>" in html
    assert 'href="https://example.org/?a=1&amp;b=2"' in html and "<td>1</td>" in html
    found, judged = handed_in(words={"question-sqrt": words})
    assert html.strip() in feedback(ASKED, judged, all_marks(), found)
    assert "<strong>Bold</strong>" in formgraded(marked_copy(ASKED, judged, found))


def drawn(latex):
    """Tags of a formula in order, and its characters."""
    page = mathml(latex)
    return [tag for tag, _ in Seen(page).tags][2:], unescape(re.sub("<[^>]*>", "", page))


def test_a_formula_is_drawn():
    assert drawn(r"\frac{x}{y_1^2}") == (["mfrac", "mrow", "mi", "mrow", "msubsup", "mi", "mn", "mn"], "xy12")
    assert drawn(r"\mathbb{E}\|x\|^2 \le \mathbb R, \mathcal{N}(0, I), \boldsymbol\theta")[1] == "𝔼‖x‖2≤ℝ,𝒩(0,I),𝜽"
    assert drawn(r"\big\| \sqrt{\bar\alpha_t} \big\|")[1] == "‖α¯t‖"
    assert 'display="block"' in markdown("$$\nx\n$$") and 'display="inline"' in markdown("a $x$ b")
    assert "<mtable" in markdown("\\begin{align}a &= b \\\\ c &= d\\end{align}")
    assert markdown("`$a$` costs \\$5 or \\$6") == "<p><code>$a$</code> costs $5 or $6</p>\n"


@pytest.mark.parametrize("latex", [
    r"\frac{1}{", r"\foo{x}", "{" * 900, r"\def\a{\a\a}\a", "x" * 5000, r"x^y^z", "\\", r"\left(",
    "{" * 300 + "}" * 300, r"\newcommand{\a}{xxxxx}\newcommand{\b}{\a\a\a\a}\b\b\b\b",
])  # fmt: skip
def test_what_is_no_formula_is_shown_as_it_is(latex):
    assert mathml(latex) == f"${escape(latex)}$"


def test_every_formula_of_the_labs_is_drawn():
    labs = [json.loads(path.read_text("utf-8")) for path in ROOT.glob("labs/*/*.ipynb")]
    texts = ["".join(c["source"]) for lab in labs for c in lab["cells"] if c["cell_type"] == "markdown"]
    found = {m[1] or m[2] for text in texts for m in re.finditer(r"\$\$(.+?)\$\$|\$(.+?)\$", text, re.S)}
    assert len(found) > 300
    assert [latex for latex in found if not mathml(latex).startswith("<math")] == []


def test_an_attached_picture_is_shown_and_nothing_else():
    source = "![mine](attachment:image.png) ![no](attachment:image.svg)"
    good = {"image.png": {"image/png": PNG}, "image.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}
    assert f'src="data:image/png;base64,{PNG}"' in markdown(source, good)
    fake = base64.b64encode(b"<script>").decode()
    for bad in ({"image.png": {"image/png": fake}}, {"image.png": {"image/png": '"><script>'}}, {"image.png": 3}, []):
        assert "data:" not in markdown(source, bad)


def test_text_is_bounded_and_plain():
    assert plain("a\x00b\x1b[31mc\u202ed\ud800\n") == "abcd\n"
    assert len(plain("x" * 10**6)) < LONGEST + 100
    assert "left out" in plain("x" * 10**6)


def test_every_task_is_in_the_copy_once():
    content = notebook()
    double = next(c for c in content["cells"] if c["id"] == "ex-1-1-code")
    content["cells"] = [c for c in content["cells"] if c["id"] not in ("ex-1-2-code", "question-mixing")] + [double]
    found = read(json.dumps(content).encode())
    copy = marked_copy(ASKED, fake_judge(found, student="a", lab=LAB, seed=0, limits=Limits()), found.cells)
    ids = [c.metadata["nbgrader"]["grade_id"] for c in copy.cells if "nbgrader" in c.metadata]
    assert sorted(ids) == sorted(task.cell for task in ASKED.tasks)
    assert len({c.id for c in copy.cells}) == len(copy.cells)
    nbformat.validate(copy)


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"null", b'{"cells": 3}', b'{"cells": [3, null, {}]}', b"[" * 10**5, b"\xff\xfe",
    b'{"cells": [{"cell_type": [], "source": {}, "metadata": [], "id": {}}]}',
])  # fmt: skip
def test_malformed_notebooks_have_a_copy_too(raw):
    copy = marked_copy(ASKED, ASKED.ungraded("a", "malformed"), read(raw).cells)
    nbformat.validate(copy)
    assert "malformed" in copy.cells[0].source


def test_the_copy_leaves_out_what_the_student_did_not_write():
    found, judged = handed_in(extra=[("code", "mine = 1")])
    sources = [c.source for c in marked_copy(ASKED, judged, found).cells]
    assert "mine = 1" in sources
    assert not any("plotting.show" in source or "checks.lab1" in source for source in sources)


def test_stripped_metadata_still_finds_the_answers():
    content = notebook()
    for one in content["cells"]:
        one["metadata"] = {}
        one.pop("id")
    found = read(json.dumps(content).encode())
    copy = marked_copy(ASKED, fake_judge(found, student="a", lab=LAB, seed=0, limits=Limits()), found.cells)
    marked = {c.metadata["nbgrader"]["grade_id"]: c.source for c in copy.cells if "nbgrader" in c.metadata}
    assert "def euler(" in marked["ex-1-1-code"]
    assert "Because the drift" in marked["question-sqrt"]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "\n=1", "＝cmd()", "＋1", "＠x"])
def test_a_spreadsheet_finds_no_formula(text):
    assert cell(text)[0] == "'"
    assert cell("a;=cmd()") == "a,=cmd()"


def lines(table):
    return list(csv.DictReader(io.StringIO(table)))


def test_the_table():
    _, judged = handed_in(answers={"euler": "def euler(field, x0, n):\n    return 'wrong'"})
    marks = {task.cell: Mark(task.points) for task in ASKED.tasks}
    marks |= {"ex-1-1-code": Mark(0.0), "question-sqrt": Mark(None, waiting=True)}
    marks["question-mixing"] = Mark(2.5, by_hand=True)
    late = ASKED.ungraded("=bo", "no notebook,\nonly x").flagged(("late", "b"))
    rows = [row(ASKED, judged, marks), row(ASKED, late, {t.cell: Mark(0.0) for t in ASKED.tasks})]
    bo, anna = lines(grades_csv(ASKED, rows))
    assert (anna["student"], anna["lab"], anna["total"], anna["max"]) == ("anna", LAB, "15.5", "20")
    assert (anna["1.1"], anna["1.2"], anna["Question 2"], anna["Question 3"]) == ("0", "2", "", "2.5")
    assert (anna["status"], anna["flags"], anna["reason"]) == ("1 to mark by hand", "", "")
    assert (bo["student"], bo["status"], bo["flags"]) == ("'=bo", "not graded", "late | b")
    assert bo["reason"] == "no notebook, only x"


def test_the_table_keeps_other_labs():
    other = read_lab("lab5_family")
    mine = [row(ASKED, ASKED.ungraded("anna", "x"), {t.cell: Mark(1.0) for t in ASKED.tasks})]
    theirs = [row(other, other.ungraded("anna", "x"), {t.cell: Mark(2.0) for t in other.tasks})]
    first = grades_csv(ASKED, mine)
    both = grades_csv(other, theirs, first)
    assert [(line["lab"], line["1.1"], line["5.1"]) for line in lines(both)] == [(LAB, "1", ""), (other.name, "", "2")]
    assert grades_csv(ASKED, mine, both) == both == grades_csv(other, theirs, grades_csv(ASKED, mine, ""))


def test_a_table_that_somebody_edited_is_no_trouble():
    rows = [row(ASKED, ASKED.ungraded("anna", "x"), {t.cell: Mark(1.0) for t in ASKED.tasks})]
    new = grades_csv(ASKED, rows)
    for before in ("lab,student\nlab5_family,bo,more,and more\n", "student;lab\nbo;lab5_family\n", "\n", "x"):
        assert set(new.splitlines()) - {"student"} <= {*grades_csv(ASKED, rows, before).splitlines()}
    assert "bo,lab5_family" in grades_csv(ASKED, rows, "lab,student\nlab5_family,bo,more\n")


def test_more_than_anybody_reads_is_left_out():
    """Drawing Markdown takes up to 3 s for 20,000 characters that were made for it."""
    words = {task.cell: "mine" for task in ASKED.tasks if not task.exercise}
    found, judged = handed_in(words=words, extra=[("markdown", f"{i} " + "x" * 19_000) for i in range(50)])
    copy = marked_copy(ASKED, judged, found)
    assert len(text(copy)) < 400_000 and any("cells more were handed in" in c.source for c in copy.cells)
    assert {t.cell for t in ASKED.tasks} == {c.metadata["nbgrader"]["grade_id"] for c in copy.cells if c.metadata}


def test_the_report_counts():
    wrong = {"euler": "def euler(field, x0, n):\n    return 'wrong'"}
    three = [handed_in(answers=wrong)[1], handed_in(answers=wrong)[1], handed_in()[1]]
    rows = [row(ASKED, one.flagged(("<odd>",)), all_marks()) for one in three]
    rows.append(row(ASKED, ASKED.ungraded("<b>bo</b>", "no notebook"), {t.cell: Mark(0.0) for t in ASKED.tasks}))
    page = report(ASKED, rows)
    assert "4 submissions, 3 graded, 1 not" in page
    assert "<td>1.1 Euler loop</td><td>1</td><td>2</td><td>0</td>" in page
    assert page.index("<td>1.1 Euler loop</td>") < page.index("<td>1.2 Heun step</td>")
    assert "<td>1.1 Euler loop</td><td>one step too few</td><td>2</td>" in page
    assert page.count("&lt;odd&gt;") == 3
    assert "<td>&lt;b&gt;bo&lt;/b&gt;</td><td>no notebook</td>" in page
    assert all(attributes.get("alt") for tag, attributes in Seen(page).tags if tag == "img")
    assert len([tag for tag, _ in Seen(page).tags if tag == "img"]) == 2


def test_warnings_are_in_the_report():
    _, judged = handed_in()
    unsafe = replace(judged, warnings=("graded without a sandbox",))
    assert "<strong>Warning.</strong> graded without a sandbox" in report(ASKED, [row(ASKED, unsafe, all_marks())])


def test_a_report_of_nobody_graded():
    page = report(ASKED, [row(ASKED, ASKED.ungraded("bo", "x"), {t.cell: Mark(0.0) for t in ASKED.tasks})])
    assert "1 submissions, 0 graded, 1 not" in page


def test_the_feedback_says_points_mistakes_and_comments():
    found, judged = handed_in(answers={"euler": "def euler(field, x0, n):\n    return 'wrong'"})
    marks = all_marks(ex_1_1_code=Mark(1.0, "I gave you **one**.", by_hand=True), ex_1_2_code=Mark(2.0))
    page = feedback(ASKED, judged, marks, found)
    assert "3 of 20 points" in page and "7 answers still to be marked by hand" in page
    assert "Likely cause: &lt;b&gt;one step&lt;/b&gt; is missing." in page
    assert "I gave you <strong>one</strong>." in page
    assert "1.1 Euler loop: 1 of 2 points, not right, marked by hand" in page
    assert "1.2 Heun step: 2 of 2 points, right" in page
