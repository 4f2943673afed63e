"""Formulas with parts to replace: each wrong part is a mistake, and two of them are a pair."""

import functools
from collections.abc import Callable

from course_utils.checks.exercise import Exercise, Mistake
from course_utils.checks.mistakes import pairs

__all__ = ["Parts", "add_wrong_parts"]

Parts = dict[str, tuple[str, dict]]
"""Mistakes in one part of a formula by name: the sentence, and what is replaced."""


def add_wrong_parts(exercise: Exercise, formula: Callable, *parts: Parts) -> None:
    """Let an exercise recognise wrong parts of a formula, one or two at a time.

    Args:
        exercise: Its `mistakes` and `pairs` grow.
        formula: A right answer with parts to replace, as keywords.
        parts: For each part what students put there.
    """
    for known in parts:
        for name, (message, replaced) in known.items():
            exercise.mistakes.append(Mistake(name, functools.partial(formula, **replaced), message))
    exercise.pairs += pairs(formula, *parts)
