"""Traits of wrong results: each holds of the results that have it, and of no others."""

import pytest
import torch

from course_utils import checks
from course_utils.checks.exercise import CHECK_SEEDS
from course_utils.checks.observers import AnswerError
from course_utils.checks.sums import combination
from course_utils.checks.traits import GENERAL, SHAPES, Compared, wrong_only
from tests.labs.test_telling import answers_of
from tests.support import telling

EXERCISES = [(lab, e) for lab in checks.LABS for e in checks.exercises(lab).values()]
each = pytest.mark.parametrize("lab, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])
RIGHT = torch.tensor([[1.0, -2.0, 4.0], [3.0, 0.5, -1.0]], dtype=torch.float64)
PARTS = {"a": torch.randn(2, 5, dtype=torch.float64), "b": torch.randn(2, 5, dtype=torch.float64)}
FACTORS = torch.tensor([[2.0, 3.0], [0.0, -1.0]], dtype=torch.float64)


def compared(given, expected, of=None):
    return Compared({"result": given}, {"result": expected}, of)


def found(given, expected=RIGHT):
    """The first general trait of a result."""
    pair = compared(given, expected)
    return next((trait.name for trait in (GENERAL if pair.alike else SHAPES) if trait.holds(pair)), None)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("wrong sign", -RIGHT),
        ("a factor", 3 * RIGHT),
        ("a factor", -RIGHT / 2),
        ("wrong order", RIGHT.flip(0)),
        ("wrong order", RIGHT.flatten()[[1, 0, 2, 3, 5, 4]].view(2, 3)),
        ("a constant", RIGHT + 1),
        ("signs lost", RIGHT.abs()),
        ("nearly right", RIGHT + torch.tensor([[0, 0, 1e-4], [0, 1e-4, 0]])),
        ("not finite in places", RIGHT.where(RIGHT != 4, torch.nan)),
        ("not finite in places", RIGHT.where(RIGHT != 4, torch.inf)),
        ("not finite, and wrong", (RIGHT**2).where(RIGHT != 4, torch.inf)),
        (None, RIGHT**2),
        (None, torch.zeros_like(RIGHT)),
        ("one number a state", RIGHT.sum(1)),
        ("one number", RIGHT.sum()),
        ("axes exchanged", RIGHT.mT),
        ("axes of length 1", RIGHT[:, None]),
        ("too few axes", RIGHT.flatten()),
        ("too many axes", RIGHT.expand(5, 2, 3)),
        (None, RIGHT[:1]),
    ],
)
def test_what_a_result_shows_of_itself(name, given):
    assert found(given) == name


def test_results_of_other_types_have_no_general_trait_but_of_their_shape():
    assert found(-RIGHT.float()) is None
    assert found(torch.tensor([3, 1, 2]), torch.tensor([1, 2, 3])) == "wrong order"


def test_every_general_trait_is_tried():
    tried = set(test_what_a_result_shows_of_itself.pytestmark[0].args[1][i][0] for i in range(20))
    assert {trait.name for trait in (*GENERAL, *SHAPES)} == tried - {None}


def mixture(factors, extra=0.0):
    return {"result": factors[:, :1] * PARTS["a"] + factors[:, 1:] * PARTS["b"] + extra}


TRAITS = combination({"a": lambda: "a", "b": lambda: "b"})


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("a and b: sign", -FACTORS),
        ("a and b exchanged", FACTORS.flip(1)),
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
        assert trait.holds(Compared(right | given, right, None)) == holds


@each
def test_names_and_sentences_are_unique_and_tell_no_answer(lab, exercise):
    own = [*exercise.mistakes, *exercise.traits]
    assert len({one.name for one in own}) == len({one.message for one in own}) == len(own)
    answers, asked = answers_of(lab, exercise)
    for one in (*exercise.traits, *GENERAL, *SHAPES):
        assert telling.told(one.message, answers, asked) == []
        assert exercise.sentence(one.name).endswith(one.message)


def changed(fn, change):
    def answer(*arguments):
        result = fn(*arguments)
        return tuple(change(part) for part in result) if isinstance(result, tuple) else change(result)

    return answer


@each
def test_a_right_answer_with_another_sign_or_factor_is_told_so(lab, exercise):
    kinds = {"wrong sign": lambda v: -v, "a factor": lambda v: 3 * v}
    for name, change in kinds.items():
        for seed in CHECK_SEEDS:
            case = exercise.draw(seed)
            if exercise.name in ("drop_labels", "train"):  # labels, and a loop that returns a list
                continue
            try:
                verdict = exercise.judge(case, exercise.observe(changed(exercise.oracle, change), case))
            except AnswerError:
                continue
            assert not verdict.right and verdict.message.count("\n") == 1
            known = {mistake.name for mistake in exercise.mistakes} | {"wrong sign", "a factor", "wrong order"}
            assert verdict.mistake in known, (name, verdict)
