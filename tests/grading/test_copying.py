"""Submissions that are alike: what counts as alike, how often chance alone makes a pair, and what the page shows."""

import inspect
import random
import statistics

import pytest

from course_grading.copying.alike import Answer, Pair, alike, groups
from course_grading.copying.chance import EXPECTED, Form, Urn, chance, theta
from course_grading.copying.forms import form, known_forms
from course_grading.copying.listing import copies
from course_grading.intake.checkin import check_in
from course_grading.labs import read_lab, released
from course_grading.release import solutions
from course_utils import checks
from tests.support.class_of_40 import class_of_40
from tests.support.grading_class import LAB, notebook, put

PLAIN = """def heun_step(field, x, t, h):
    first = field(x, t)
    guess = x + h * first
    return x + h * (first + field(guess, t + h)) / 2
"""
DISGUISED = '''%%time
# mine
import torch
def heun_step(f, state: Tensor, time, step: float) -> Tensor:
    """My own words."""
    a: Tensor = f(state, time)  # a slope
    b = (state +
         step * a)

    return (state + step * (a + f(b, time + step)) / 2)
checks.lab1.heun_step(heun_step)
'''


# The form of an answer


def test_names_comments_docstrings_annotations_and_layout_make_no_form():
    assert form(PLAIN, "heun_step") == form(DISGUISED, "heun_step") is not None


@pytest.mark.parametrize(("old", "new"), [
    ("/ 2", "/ 3"), ("t + h", "t"), ("first + field", "first - field"), ("field(x, t)", "x.field(t)"),
    ("x + h * first", "h * first + x"), ("heun_step", "euler"), ("    return", "    pass\n    return"),
    ("guess = x + h * first", "guess = torch.add(x, h * first)"), ("field(guess", "field(first"),
])  # fmt: skip
def test_other_code_is_another_form(old, new):
    assert PLAIN.replace(old, new) != PLAIN
    assert form(PLAIN.replace(old, new), "heun_step") != form(PLAIN, "heun_step")


def test_names_of_others_and_attributes_stay():
    assert form("def f(x):\n    return x.sin()", "f") != form("def f(x):\n    return x.cos()", "f")
    assert form("def f(x):\n    return sin(x)", "f") != form("def f(x):\n    return cos(x)", "f")


@pytest.mark.parametrize("source", ["def f(:", "x = " + "(" * 5000, "x = " + "-" * 100_000 + "1", "x = '\0'"])
def test_what_is_no_python_has_no_form(source):
    assert form(source, "f") is None


def test_the_solution_and_the_packages_own_are_known():
    lab = read_lab(LAB)
    found = known_forms(lab, solutions()[LAB].read_bytes())
    assert set(found) == {task.exercise for task in lab.tasks if task.exercise}
    package = "def " + inspect.getsource(checks.exercises("lab1")["heun_step"].oracle).partition("def ")[2]
    assert form(package, "heun_step") in found["heun_step"] and form(PLAIN, "heun_step") not in found["heun_step"]


# Chance


@pytest.mark.parametrize(("n", "kinds"), [(10, 2), (10, 5), (40, 3), (40, 39), (40, 40), (300, 7)])
def test_theta_solves_its_equation(n, kinds):
    weight = theta(n, kinds)
    assert sum(weight / (weight + i) for i in range(n)) == pytest.approx(kinds - (kinds - 1) / (2 * n - 2), rel=1e-6)
    assert theta(n, 1) < 1e-6


def test_where_no_two_are_alike_a_new_form_weighs_as_the_pairs():
    assert theta(40, 40) == pytest.approx(40 * 39, rel=0.05)


def test_a_share_is_that_of_the_others():
    """Two of 42 have the form "b"; of the other 40, thirty have "a" and the rest are all different."""
    urn = Urn([Form("a")] * 30 + [Form(str(i)) for i in range(10)] + [Form("b")] * 2)
    assert urn.share(Form("b"), Form("b")) == pytest.approx(1 / (41 + theta(40, 11)))
    assert urn.share(Form("a"), Form("b")) == pytest.approx(30 / (41 + theta(40, 12)))


def test_a_wrong_answer_in_common_is_more_telling():
    right = [Form(str(i % 20), "right") for i in range(40)]
    wrong = [Form(f"w{i}", "wrong") for i in range(9)]
    graded = Urn([*right, *wrong, Form("x", "wrong"), Form("x", "wrong")])
    as_if_right = Urn([*right, *(Form(f"w{i}", "right") for i in range(9)), Form("x", "right"), Form("x", "right")])
    assert graded.share(Form("x", "wrong"), Form("x", "wrong")) < as_if_right.share(
        Form("x", "right"), Form("x", "right")
    )


def test_few_answers_tell_nothing():
    assert Urn([Form("a")] * 2 + [Form(str(i)) for i in range(7)]).share(Form("a"), Form("a")) == 1


def test_the_chance_of_several_matches():
    """Of 1/2, 1/4 and 1/4: three bits or more are both quarters, or a half and a quarter, or more."""
    assert chance([0.5, 0.25, 0.25], 3) == pytest.approx(0.5 * (1 - 0.75**2) + 0.5 / 16)
    assert chance([1.0, 0.5], 1) == 0.5 and chance([], 0) == 1


# Pairs


def independent(rng: random.Random, n: int, weights, exercises: int = 6) -> dict[str, dict[str, Answer]]:
    """A class in which everybody writes alone: of each exercise a form, 0 being the solution's."""
    group = {f"s{i}": {} for i in range(n)}
    for exercise in range(exercises):
        for found in group.values():
            kind = rng.choices(range(len(weights)), weights)[0]
            found[f"e{exercise}"] = Answer(str(kind), status="wrong" if kind % 3 == 2 else "right", known=kind == 0)
    return group


LAWS = {
    "three lines": [6, 3, 1],
    "some styles": [1 / k for k in range(1, 31)],
    "many styles": [k**-0.5 for k in range(1, 201)],
    "all different": [1] * 1000,
}


@pytest.mark.parametrize("law", LAWS)
def test_a_class_of_independent_students_has_as_few_pairs_as_is_said(law):
    """EXPECTED is a bound on the mean; 100 classes of 40 know it to five standard errors of a Poisson number."""
    rng, classes = random.Random(5), 100
    listed = sum(len(alike(independent(rng, 40, LAWS[law]))) for _ in range(classes))
    assert listed <= classes * EXPECTED + 5 * (classes * EXPECTED) ** 0.5


@pytest.mark.parametrize(("law", "copied", "found"), [
    ("many styles", 3, 1.0), ("many styles", 6, 1.0), ("all different", 2, 1.0), ("three lines", 6, 0.0),
])  # fmt: skip
def test_a_copy_stands_out_where_the_class_writes_in_many_ways(law, copied, found):
    rng, hits = random.Random(6), []
    for _ in range(10):
        group = independent(rng, 40, LAWS[law])
        group["s1"] |= {e: group["s0"][e] for e in list(group["s0"])[:copied]}
        hits.append(any(pair.students == ("s0", "s1") for pair in alike(group)))
    assert statistics.mean(hits) == found


def test_of_the_solution_nothing_is_said():
    group = {f"s{i}": {f"e{k}": Answer("0", known=True) for k in range(6)} for i in range(40)}
    assert alike(group) == []


def test_an_exercise_in_which_all_have_the_solution_changes_nothing():
    group = independent(random.Random(7), 40, LAWS["many styles"])
    group["s1"] |= {e: group["s0"][e] for e in ("e0", "e1", "e2", "e3")}
    before = alike(group)
    for i, found in enumerate(group.values()):
        found["e9"] = Answer("0", known=True) if i < 20 else Answer(f"{i}")
    assert before and [pair.expected for pair in alike(group)] == [pair.expected for pair in before]


def test_groups_hang_together():
    pairs = [Pair(students, (), 0.0) for students in [("a", "b"), ("c", "d"), ("b", "e"), ("f", "g"), ("d", "e")]]
    assert groups(pairs) == [("a", "b", "c", "d", "e")]


# From what was handed in to the page

STYLES = {
    "euler": "def euler(field, x0, n):\n    xs = [x0]\n    for i in range(n):\n"
             "        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n)) {})\n    return torch.stack(xs)",
    "heun_step": PLAIN.replace("/ 2", "{}"),
    "brownian_motion": "def brownian_motion(eps, h):\n    steps = eps {}\n    return torch.cat([eps[:1] * 0, steps])",
    "langevin_drift": "def langevin_drift(score, x, sigma):\n    half = sigma {}\n    return half * score(x)",
}  # fmt: skip


def varied(number: int, **changes: str) -> dict:
    """A notebook of a student who writes as nobody else does."""
    return notebook({name: text.format(f"/ {number + 7}") for name, text in STYLES.items()} | changes)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """The page of a class in which Bo has copied Ada's answers, with other names, and Cem's file is a bomb."""
    place = tmp_path_factory.mktemp("copies")
    for i in range(14):
        put(place / "in", f"s{i:02}", varied(i))
    put(place / "in", "ada", varied(50))
    put(place / "in", "bo", varied(50, heun_step=DISGUISED.replace("/ 2", "/ 57") + "# <script>alert(1)</script>"))
    put(place / "in", "cem", varied(60, euler="def euler(): pass\nx = " + "-" * 150_000 + "1"))
    check_in(place / "in", place / "class", LAB, released())
    reading = copies(LAB, place / "class")
    return reading, (place / "class" / f"copies-{LAB}.html").read_text("utf-8")


def test_the_copy_is_listed_and_nobody_else(listed):
    reading, page = listed
    assert [pair.students for pair in reading.pairs] == [("ada", "bo")]
    assert {match.exercise for match in reading.pairs[0].matches} == set(STYLES)
    assert "1. ada and bo" in page and "<td>ada</td><td>bo</td>" in page and "<td>s01</td>" not in page


def test_the_page_says_that_it_is_no_verdict_and_does_nothing(listed):
    _, page = listed
    assert "This is no verdict, and earns or costs no points." in page
    assert "<script" not in page and "&lt;script&gt;" in page and "default-src 'none'" in page


def test_a_file_that_costs_too_much_harms_nobody(listed):
    reading, _ = listed
    assert len(reading.group) + len(reading.unread) == 17
    assert "euler" not in reading.group.get("cem", {})


def test_a_number_is_not_compared(listed):
    assert "what_is_wrong" not in listed[0].exercises


def test_in_the_class_of_40_mistakes_that_many_make_are_no_pair(tmp_path):
    class_of_40(tmp_path / "in")
    check_in(tmp_path / "in", tmp_path / "class", LAB, released())
    reading = copies(LAB, tmp_path / "class")
    assert len(reading.group) == 35 and reading.pairs == ()


def test_nobody_handed_in(tmp_path):
    with pytest.raises(ValueError, match="expected submissions"):
        copies(LAB, tmp_path)
