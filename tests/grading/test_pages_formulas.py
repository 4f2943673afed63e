"""Formulas are drawn for book and grader by one function, and a student's can do nothing and not grow."""

import json
import re
from html import escape, unescape

import pytest

from course_grading.pages.formulas import LONGEST, mathml
from course_grading.pages.text import formula, markdown
from tests.support.grading_class import ROOT
from tests.support.pages import Seen


def written():
    """Every formula of labs and documentation."""
    labs = [json.loads(path.read_text("utf-8")) for path in ROOT.glob("*s/lab*/*.ipynb")]
    texts = ["".join(c["source"]) for lab in labs for c in lab["cells"] if c["cell_type"] == "markdown"]
    texts += [re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S) for path in ROOT.glob("docs/*.md")]
    return {m[1] or m[2] for text in texts for m in re.finditer(r"\$\$(.+?)\$\$|\$(.+?)\$", text, re.S)}


def seen(html):
    """Tags with attributes, and the text."""
    return Seen(html).tags, unescape(re.sub("<[^>]*>", "", html))


def drawn(latex):
    """Tags of a formula in order, and its characters."""
    tags, text = seen(formula(latex, displayed=False))
    return [tag for tag, _ in tags][1:], text


def test_a_formula_is_drawn():
    assert drawn(r"\frac{x}{y_1^2}") == (["mfrac", "mi", "msubsup", "mi", "mn", "mn"], "xy12")
    letters = r"\mathbb{E}\|x\|^2 \le \mathbb R, \mathcal{N}(0, I), \boldsymbol\theta"
    assert drawn(letters)[1].replace("\ufe00", "") == "𝔼‖x‖2≤ℝ,𝒩(0,I),𝜽"
    assert drawn(r"\big\| \sqrt{\bar\alpha_t} \big\|")[1] == "‖α¯t‖"
    assert 'display="block"' in markdown("$$\nx\n$$") and "display" not in markdown("a $x$ b")
    assert "<mtable" in markdown("\\begin{align}a &= b \\\\ c &= d\\end{align}")
    assert markdown("`$a$` costs \\$5 or \\$6") == "<p><code>$a$</code> costs $5 or $6</p>\n"


@pytest.mark.parametrize(("latex", "same"), [
    (r"\mbox{if } x", r"\text{if } x"), (r"\widetilde{x}", r"\tilde{x}"), (r"\mathbbm{1}", r"\mathbb{1}"),
    (r"a, \dotsc, b", r"a, \ldots, b"), (r"\begin{split}a &= b\end{split}", r"\begin{aligned}a &= b\end{aligned}"),
    (r"\sum_{\substack{a\\b}} x", r"\sum_{\begin{subarray}{c}a\\b\end{subarray}} x"),
])  # fmt: skip
def test_usual_commands_that_the_library_lacks(latex, same):
    assert mathml(latex, displayed=True) == mathml(same, displayed=True)


def test_what_a_browser_stretches_stands_in_a_row():
    assert re.search(
        r"<msup><mrow><mo [^>]*>‖</mo></mrow><mn>2</mn></msup>", mathml(r"\big\|x\big\|^2", displayed=False)
    )


@pytest.mark.parametrize("latex", [
    r"\frac{1}{", r"\foo{x}", "{" * 900, r"\def\a{\a\a}\a", "x" * (LONGEST + 1), r"x^y^z", "\\", r"\left(", "\ud800",
    "{" * 9000 + "}" * 9000, r"\newcommand{\a}{xxxxx}\newcommand{\b}{\a\a\a\a}\b\b\b\b", r"\gdef\a{x}\a", r"\let\a=x\a",
    r"\renewcommand{\alpha}{x}\alpha", r"\providecommand\a{x}\a",
])  # fmt: skip
def test_what_is_no_formula_is_shown_as_it_is(latex):
    assert formula(latex, displayed=False) == f"${escape(latex)}$"
    assert formula(latex, displayed=True) == f"$${escape(latex)}$$"
    with pytest.raises(ValueError, match="expected a formula"):
        mathml(latex, displayed=False)


@pytest.mark.parametrize(
    "piece", ["{}", "^{}", r"\sqrt{}", r"\bar{}", r"\left(\right)", r"\mbox{}", r"\begin{cases}\end{cases}"]
)
def test_the_deepest_formula_is_drawn_or_shown(piece):
    """A library that ran out of stack would end the process."""
    half = len(piece) // 2 if piece.count("\\") == 2 else len(piece) - 1
    depth = LONGEST // len(piece) - 1
    shown = formula(piece[:half] * depth + "x" + piece[half:] * depth, displayed=True)
    assert shown.startswith(("<math", "$$")) and len(shown) < 50 * LONGEST


def test_a_students_formula_lays_nothing_over_its_surroundings():
    for latex in (r"\hspace{-9em}x", r"\raisebox{9em}{x}", r"\textcolor{red}{x}", r"\!x", r"\hspace{99em}x"):
        tags, text = seen(formula(latex, displayed=False))
        assert text == "x" and [attributes for _, attributes in tags if attributes] == []
    aligned = formula(r"\begin{aligned}a &= b\end{aligned}", displayed=True)
    assert "text-align:right" in aligned and "text-align:left" in aligned


def test_every_formula_of_the_course_is_drawn_and_a_student_may_write_it():
    found = written()
    assert len(found) > 500
    for latex in found:
        assert seen(formula(latex, displayed=True)) == seen(mathml(latex, displayed=True)), latex
