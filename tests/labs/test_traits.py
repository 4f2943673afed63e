"""Traits of wrong results: each holds of the results that have it, and of no others."""

import pytest
import torch

from course_utils import checks
from course_utils.checks.sums import combination
from course_utils.checks.traits import Compared, wrong_only
from tests.labs.test_telling import answers_of
from tests.support import telling

EXERCISES = [(lab, e) for lab in checks.LABS for e in checks.exercises(lab).values()]
each = pytest.mark.parametrize("lab, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])
RIGHT = torch.tensor([[1.0, -2.0, 4.0], [3.0, 0.5, -1.0]], dtype=torch.float64)
PARTS = {"a": torch.randn(2, 5, dtype=torch.float64), "b": torch.randn(2, 5, dtype=torch.float64)}
FACTORS = torch.tensor([[2.0, 3.0], [0.0, -1.0]], dtype=torch.float64)


def mixture(factors, extra=0.0):
    return {"result": factors[:, :1] * PARTS["a"] + factors[:, 1:] * PARTS["b"] + extra}


TRAITS = combination({"a": lambda: "a", "b": lambda: "b"})


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("a and b: sign", -FACTORS),
        ("factors of a and b exchanged", FACTORS.flip(1)),
        ("a and b: common factor", FACTORS * torch.tensor([[2.0], [0.3]])),
        ("a missing, b right", FACTORS * torch.tensor([0.0, 1.0])),
        ("a right, b missing", FACTORS * torch.tensor([1.0, 0.0])),
        ("a sign, b right", FACTORS * torch.tensor([-1.0, 1.0])),
        ("a right, b sign", FACTORS * torch.tensor([1.0, -1.0])),
        ("a factor, b right", FACTORS + torch.tensor([0.5, 0.0])),
        ("a right, b factor", FACTORS ** torch.tensor([1.0, 2.0])),
        ("a sign, b factor", FACTORS * torch.tensor([-1.0, 5.0])),
        ("a missing, b missing", 0 * FACTORS),
        ("a factor, b factor", FACTORS + torch.tensor([0.5, 1.0])),
    ],
)
def test_which_part_of_a_sum_is_wrong(name, factors):
    pair = Compared(mixture(factors), mixture(FACTORS), lambda part: {"result": PARTS[part()]})
    assert next(trait.name for trait in TRAITS if trait.holds(pair)) == name


def test_a_result_that_is_no_sum_and_one_that_is_right_or_not_finite():
    def names(given):
        pair = Compared(given, mixture(FACTORS), lambda part: {"result": PARTS[part()]})
        return [trait.name for trait in TRAITS if trait.holds(pair)]

    assert names(mixture(FACTORS, extra=PARTS["a"] ** 2)) == ["no sum of a and b"]
    assert names(mixture(FACTORS)) == names(mixture(FACTORS, extra=torch.nan)) == []


def test_of_several_values_these_alone_are_wrong():
    trait = wrong_only("beta", message="")
    right = {"alpha": RIGHT, "beta": RIGHT}
    for given, holds in (({"beta": -RIGHT}, True), ({"alpha": -RIGHT}, False), ({}, False)):
        assert trait.holds(Compared(right | given, right, right.get)) == holds


@each
def test_names_and_sentences_are_unique_and_tell_no_answer(lab, exercise):
    own = [*exercise.mistakes, *exercise.traits]
    assert len({one.name for one in own}) == len({one.message for one in own}) == len(own)
    answers, asked = answers_of(lab, exercise)
    for one in exercise.traits:
        assert telling.told(one.message, answers, asked) == []
