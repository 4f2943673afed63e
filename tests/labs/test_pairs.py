"""Two mistakes at once: each alone is wrong, and both together are told."""

import functools
import re

import pytest

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.calling import called
from course_utils.checks.comparing import agree
from course_utils.checks.exercise import CHECK_SEEDS
from course_utils.checks.families import build
from course_utils.checks.mistakes import pairs
from course_utils.checks.results import AnswerError

PAIRED = [e for lab in checks.LABS for e in checks.exercises(lab).values() if e.pairs]
each = pytest.mark.parametrize("exercise", PAIRED, ids=[e.name for e in PAIRED])


def right_in_all_cases(exercise, fn):
    for seed in CHECK_SEEDS:
        case = exercise.draw(seed)
        expected = called(exercise.oracle, build(case), exercise.sees)
        try:
            if not agree(called(fn, build(case), exercise.sees), expected, exercise.rtol, exercise.single):
                return False
        except (AnswerError, KeyError):
            return False
    return True


def halves(pair):
    """Each of the two mistakes by itself."""
    for name, replaced in pair.wrong.keywords.items():
        yield functools.partial(pair.wrong.func, **{name: replaced})


@each
def test_with_nothing_replaced_it_is_right_and_each_part_alone_is_wrong(exercise):
    formula = exercise.pairs[0].wrong.func
    assert right_in_all_cases(exercise, formula)
    parts = {(name, id(v)): v for pair in exercise.pairs for name, v in pair.wrong.keywords.items()}
    alone = [functools.partial(formula, **{name: part}) for (name, _), part in parts.items()]
    assert [part.keywords for part in alone if right_in_all_cases(exercise, part)] == []


@each
def test_two_mistakes_at_once_are_told(exercise):
    """All but a few: some pairs give what one mistake gives, or raise an error."""
    tried = exercise.pairs[:: max(1, len(exercise.pairs) // 4)]
    told = 0
    for pair in tried:
        try:
            exercise.check(pair.wrong)
        except CheckFailed as failure:
            told += bool(re.search("Two things at once, it seems: .* And ", str(failure)))
    assert told >= len(tried) / 2


def test_only_mistakes_in_different_parts_are_paired():
    def total(a, *, b=1, c=1):
        return a + b + c

    found = pairs(total, {"two": ("b is 2.", {"b": 2}), "three": ("b is 3.", {"b": 3})}, {"no c": ("no c.", {"c": 0})})
    assert [(p.name, p.message, p.wrong(0)) for p in found] == [
        ("two and no c", "b is 2. And no c.", 2),
        ("three and no c", "b is 3. And no c.", 3),
    ]
    assert [half(0) for half in halves(found[0])] == [3, 1]
