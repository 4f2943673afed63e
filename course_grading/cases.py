"""What the functions of a lab are asked: the cases of the notebook's check, then others, which depend on the run's
secret seed alone, so that all get the same.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_grading.sandbox.guest import wire
from course_utils.checks.exercise import CHECK_SEEDS, Exercise
from course_utils.checks.observers import pack_observer

PERIOD = 12
"""Cases differ in kind with their seed modulo 2, 3 or 4: consecutive seeds modulo this number cover all kinds."""

KNOWN = slice(None, len(CHECK_SEEDS))
"""The cases of the notebook's check, which every student knows."""

HIDDEN = slice(len(CHECK_SEEDS), None)


class Asked(Exercise):
    """An exercise whose right and mistaken values are worked out once for each case: a class is asked the same ones.

    Args:
        exercise: The exercise.
    """

    def __init__(self, exercise: Exercise):
        vars(self).update(vars(exercise))
        self._known: dict[tuple[Callable | None, int], tuple[dict, dict | None]] = {}

    def expected(self, case: dict) -> dict:
        """What the oracle shows on a case."""
        return self._once(None, case, lambda: super(Asked, self).expected(case))

    def shown(self, fn: Callable, case: dict) -> dict | None:
        """What a mistake shows on a case, or None if it raises."""
        return self._once(fn, case, lambda: super(Asked, self).shown(fn, case))

    def _once(self, fn: Callable | None, case: dict, work_out: Callable) -> Any:
        """What is known, or worked out now; the case is kept with it, so that no other has its number."""
        key = fn, id(case)
        if key not in self._known:
            self._known[key] = case, work_out()
        return self._known[key][1]


@dataclass(frozen=True)
class Question:
    """What one function is asked.

    Attributes:
        exercise: The exercise.
        cases: Arguments by name, for each call.
        packed: The same as it is sent.
        observer: What to look at, as `course_utils.checks.calling` tells it.
    """

    exercise: Exercise
    cases: tuple[dict[str, Any], ...]
    packed: tuple[wire.Group, ...]
    observer: Any


@functools.lru_cache(256)
def question(exercise: Exercise, seed: int, count: int) -> Question:
    """The question of one run, with some hidden cases: the same for every submission, another run has another."""
    hidden = [_seed_of(exercise.name, seed, i) for i in range(count)]
    cases = tuple(exercise.draw(seed) for seed in (*CHECK_SEEDS, *hidden))
    packed = tuple(wire.pack_group(case) for case in cases)
    return Question(Asked(exercise), cases, packed, pack_observer(exercise.sees))


def _seed_of(name: str, seed: int, i: int) -> int:
    digest = hashlib.sha256(f"{seed} {name} {i // PERIOD}".encode()).digest()
    start = int.from_bytes(digest[:7], "big")
    return start - start % PERIOD + i % PERIOD
