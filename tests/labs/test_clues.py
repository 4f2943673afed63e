"""What is said of a wrong answer that is no known mistake: it is true of it, and empty where nothing is known."""

import re

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed, clues, simpler
from course_utils.checks.families import build
from course_utils.checks.inputs import Normal

X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
V = torch.tensor([[0.5, -2.0], [1.0, 3.0], [-4.0, 0.1]])

MANY = (
    "There are too many axes. Were two tensors broadcast against each other whose shapes do not fit, or is a "
    "sum missing?"
)
IN_PLACES = (
    "Every number that is finite is right. Where the others stand, do you divide by something that is 0 there, "
    "or take the root of a number that is negative, if only by rounding? The right result has a value there."
)
AND_WRONG = (
    "Some numbers are infinite or nan, and others are wrong as well. Which part of what you divide by can be 0, or "
    "which root or logarithm is taken of a negative number? Should that part be there at all?"
)

ONE_NUMBER = (
    "Along axis 1 one number came back, where there should be 2: is something summed along it, or taken as a norm, or "
    "never multiplied with the states?"
)

RELATIONS = [
    (2 * V, "The result is 2 times what it should be, everywhere."),
    (-V, "The result is right but for its sign."),
    (0 * V, "The result is 0 everywhere."),
    (X, "The result is x itself."),
    (X + 3 * (V - X), "The way from x to the result is 3 times what it should be, everywhere."),
    (X - (V - X), "The way from x to the result is right but for its sign."),
    (V.flip(0), "The values are right but for their order: they are reversed along axis 0."),
    (V.flip(1), "The values are right but for their order: they are reversed along axis 1."),
    (V + X, "The difference to the right result is exactly x: is it missing somewhere, or too much?"),
    (V - X, "The difference to the right result is exactly x: is it missing somewhere, or too much?"),
    (V[:, None], "An axis of length 1 is missing or too much: is there a squeeze() or an unsqueeze()?"),
    (V.T, "The axes are in another order."),
    (V[:2], "All else is right: along axis 0, these entries (of 0 to 2) are missing: 2."),
    (V[::2], "All else is right: along axis 0, these entries (of 0 to 2) are missing: 1."),
    (torch.cat([X[:, :1], V], 1), "All else is right: along axis 1, these entries (of 0 to 2) are too much: 0."),
    (
        torch.cat([X, V, X], 0),
        "All else is right: along axis 0, these entries (of 0 to 8) are too much: 0, 1, 2, 6, ....",
    ),
    (V.norm(dim=1, keepdim=True), ONE_NUMBER),
    (
        V.sum(1),
        "One number a state came back: is something summed, or taken as a norm, over the coordinates of a state?",
    ),
    (
        V.flatten(),
        "There are as many numbers as there should be, but some axes have become one: is something joined or "
        "flattened? torch.cat joins tensors along an axis that they have, torch.stack makes a new one.",
    ),
    (V.flatten()[:1], "There are too few axes: along which is something summed, or picked?"),
    (V.expand(2, 3, 2), MANY),
    (V.flatten()[[1, 0, 2, 3, 5, 4]].view(3, 2), "These are the right values, but at other places."),
    (V.abs(), "The sizes of all values are right, the signs of some are not."),
    (V + 1, "The difference to the right result is one and the same number everywhere."),
    (V.where(V != 3, torch.nan), IN_PLACES),
    (V.where(V != 3, torch.inf), IN_PLACES),
    ((V**2).where(V != 3, torch.inf), AND_WRONG),
    (V * torch.nan, AND_WRONG),
]


@pytest.mark.parametrize("got, words", RELATIONS, ids=[words for _, words in RELATIONS])
def test_a_simple_relation_is_told(got, words):
    assert clues.relation(got, V, {"x": X, "n": 3}) == words


def test_of_letters_nothing_is_told_that_may_be_so_by_chance():
    z = torch.tensor([[3, 1, 2], [0, 2, 2]])
    for got in (z.flip(0), z.flip(1), 2 * z, z + 1, z.flatten().sort().values.view(2, 3)):
        assert clues.relation(got, z, {"z": z}) is None and clues.rows_right(got, z) is None


def test_rows_with_a_1_in_the_place_of_numbers_are_told():
    z = torch.tensor([[3, 1, 2], [0, 2, 2]])
    rows = torch.nn.functional.one_hot(z)
    for got in (rows, rows.double(), torch.nn.functional.one_hot(z, 7)):
        assert clues.relation(got, z, {}).startswith("Each entry is a row of zeros with a 1 at the right place")
    for got in (rows.flip(0), 2 * rows, rows.transpose(1, 2)):
        assert clues.relation(got, z, {}) != clues.relation(rows, z, {})


def test_of_infinite_results_no_argument_is_called_unused():
    case = {"x": torch.ones(2)}
    infinite = {"a": torch.full((2,), torch.inf)}
    assert clues.ignored(lambda c: infinite, lambda c: {"a": c["x"]}, lambda a, b: a["a"].equal(b["a"]), case) is None


def test_letters_that_are_not_used_are_named():
    case = {"z": torch.tensor([[3, 1, 2], [0, 2, 2]]), "t": torch.tensor(0.5)}

    def alike(one, other):
        return torch.equal(one["result"], other["result"])

    def right(case):
        return {"result": case["z"] + case["t"]}

    said = "Another z gives the same result: does it come in where it should?"
    assert clues.ignored(lambda c: {"result": c["t"]}, right, alike, case) == said


def test_where_there_is_no_right_result_none_is_called_right():
    case = {"q": torch.tensor([0.25, 0.75])}
    divided = clues.on_simpler(
        lambda c: {"a": c["q"] ** 2 / c["q"].sum()},
        lambda c: {"a": c["q"] / c["q"].sum()},
        lambda a, b: torch.allclose(a["a"], b["a"], equal_nan=True),
        case,
    )
    assert divided == (None, None)


NO_RELATION = [V.sin(), V**2, V.double(), V.sin()[:2], V * (1 + 2e-7)]  # the last is nearly right, as is said elsewhere


@pytest.mark.parametrize("got", NO_RELATION, ids=range(len(NO_RELATION)))
def test_where_there_is_no_simple_relation_nothing_is_told(got):
    assert clues.relation(got, V, {"x": X, "n": 3}) is None


def test_a_single_number_is_a_multiple_of_every_other_and_that_is_not_told():
    assert clues.relation(torch.tensor(2.0), torch.tensor(1.0), {}) is None


def test_entries_that_were_never_filled_are_listed():
    wrong = V.clone()
    wrong[1] = 0
    words = "All is right, but along the first axis these entries (of 0 to 2) are 0 everywhere: 1."
    assert clues.rows_left_empty(wrong, V) == words
    for other in (V, 0 * V, wrong + 1, V[:2]):
        assert clues.rows_left_empty(other, V) is None


def test_beside_what_is_no_number_a_mistake_is_looked_for():
    def alike(given, wrong):
        return all(torch.equal(given[name], value) for name, value in wrong.items())

    right, given = {"a": V, "b": V}, {"a": V * torch.nan, "b": 2 * V}
    known = [("thrice.", {"a": 3 * V, "b": 3 * V}), ("broken.", None), ("twice.", {"a": 2 * V, "b": 2 * V})]
    found = clues.beside_what_is_none(given, right, known, alike)
    assert found is not None and found.endswith("the likely cause is: twice.")
    assert clues.beside_what_is_none(given, right, known[:2], alike) is None
    assert clues.beside_what_is_none({**given, "b": V}, right, known, alike) is None  # said elsewhere
    assert clues.beside_what_is_none({"a": 2 * V, "b": 2 * V}, right, known, alike) is None


def test_rows_that_are_right_are_listed():
    wrong = V.clone()
    wrong[1] += 1
    assert clues.rows_right(wrong, V) == "Along the first axis, these entries are right: 0, 2 (of 0 to 2)."
    assert clues.rows_right(V + 1, V) is None and clues.rows_right(V[:2], V) is None
    many = torch.arange(9.0) + 1
    assert "1, 2, 3, 4, ... (of 0 to 8)" in clues.rows_right(torch.where(many > 1, many, 0.0), many)


ANSWERS = {
    "With a diffusion of 0 your result is right": (
        "lab1.euler_maruyama_step",
        lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw.abs(),
    ),
    "With a drift of 0 your result is right": (
        "lab1.euler_maruyama_step",
        lambda sde, x, t, h, dw: x + h * sde.drift(x, t).sin() + sde.diffusion(x, t) * dw,
    ),
    "Another t gives the same result": (
        "lab1.heun_step",
        lambda field, x, t, h: x + h / 2 * (field(x, 0 * t) + field(x + h * field(x, 0 * t), h)),
    ),
    "With a field that is linear in the state and does not change with time your result is right": (
        "lab1.heun_step",
        lambda field, x, t, h: x + h / 2 * (field(x, t) + field(x + h * field(x, t), t + h**2)),
    ),
    "With a field that is the same for all states your result is right": (
        "lab1.heun_step",
        lambda field, x, t, h: x + h / 2 * (field(x, t) + field(x + h**2 * field(x, t).sin(), t + h)),
    ),
    "The result is 3 times what it should be": (
        "lab1.langevin_drift",
        lambda score, x, sigma: 3 * sigma**2 / 2 * score(x),
    ),
    "With t = 0 your result is right": (
        "lab2.conditional_velocity",
        lambda schedule, x, z, t: checks.lab2.conditional_velocity.oracle(schedule, x, z, t**2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", ANSWERS)
def test_the_check_says_what_was_found_by_trying(words):
    name, answer = ANSWERS[words]
    lab, exercise = name.split(".")
    with pytest.raises(CheckFailed, match=re.escape(words)):
        getattr(getattr(checks, lab), exercise)(answer)


@pytest.mark.parametrize("lab", checks.LABS)
def test_simpler_inputs_can_be_built_and_are_others(lab):
    for exercise in checks.exercises(lab).values():
        case = exercise.draw(1)
        for words, other in simpler.simpler(case):
            assert list(build(other)) == list(case) and words
            assert any(other[name] is not case[name] for name in case)


def test_a_right_result_of_0_says_nothing():
    case = {"x": Normal(1)(3, 2)}
    nothing = clues.on_simpler(lambda c: {"a": 2 * c["x"]}, lambda c: {"a": c["x"]}, lambda a, b: False, case)
    assert nothing == (None, None)


def test_simpler_inputs_on_which_an_answer_is_wrong_are_listed():
    case = {"x": Normal(1)(3, 2), "a": 2.0, "b": 3.0}

    def alike(one, other):
        return torch.equal(one["result"], other["result"])

    def asked(answer):
        return clues.on_simpler(answer, lambda c: {"result": c["a"] * c["x"] + c["b"]}, alike, case)

    fine, wrong = asked(lambda c: {"result": c["a"] * c["x"] + c["b"] ** 2})
    assert fine == "With b = 1 your result is right: look at what this leaves out."
    assert wrong == "Your result is wrong also with a = 0 and with x = 0: look at what is left."
