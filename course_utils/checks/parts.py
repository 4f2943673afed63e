"""Formulas with parts to replace: each wrong part is a mistake."""

import functools
from collections.abc import Callable

from course_utils.checks.exercise import Mistake

__all__ = ["Parts", "wrong_parts"]

Parts = dict[str, tuple[str, dict]]
"""Mistakes in one part of a formula by name: the sentence, and what is replaced."""


def wrong_parts(formula: Callable, *parts: Parts) -> list[Mistake]:
    """Mistakes in one part of a formula each.

    Args:
        formula: A right answer with parts to replace, as keywords.
        parts: For each part what students put there.
    """
    return [
        Mistake(name, functools.partial(formula, **replaced), message)
        for known in parts
        for name, (message, replaced) in known.items()
    ]
