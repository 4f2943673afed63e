"""What the functions of a lab are asked: cases that depend on the run's secret seed alone, so that all get the same."""

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

from course_grading.sandbox.guest import wire
from course_utils.checks.exercise import Exercise
from course_utils.checks.observers import pack_observer

PERIOD = 12
"""Cases differ in kind with their seed modulo 2, 3 or 4: consecutive seeds modulo this number cover all kinds."""


@dataclass(frozen=True)
class Question:
    """What one function is asked.

    Attributes:
        cases: Arguments by name, for each call.
        packed: The same as it is sent.
        observer: What to look at, as `course_utils.checks.calling` tells it.
    """

    cases: tuple[dict[str, Any], ...]
    packed: tuple[wire.Group, ...]
    observer: Any


@functools.lru_cache(256)
def question(exercise: Exercise, seed: int, count: int) -> Question:
    """The question of one run: the same for every submission, another run has another."""
    cases = tuple(exercise.draw(_seed_of(exercise.name, seed, i)) for i in range(count))
    return Question(cases, tuple(wire.pack_group(case) for case in cases), pack_observer(exercise.sees))


def _seed_of(name: str, seed: int, i: int) -> int:
    digest = hashlib.sha256(f"{seed} {name} {i // PERIOD}".encode()).digest()
    start = int.from_bytes(digest[:7], "big")
    return start - start % PERIOD + i % PERIOD
