"""From the replies of a student's function to points and a sentence. Nothing in a reply is believed but its numbers.

A sentence is made of words that stand here or in the exercise, so that no input of a case can slip into it: not its
numbers, and not the words of an exception that a student's code composed.
"""

import builtins
import functools
import hashlib
from typing import Any

import torch

from course_grading.results import Answer
from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered, Failed, Failure, Kind, Raised, Shown
from course_utils.checks.calling import Observation
from course_utils.checks.exercise import Exercise, not_repeatable

PERIOD = 12
"""Cases differ in kind with their seed modulo 2, 3 or 4: consecutive seeds modulo this number cover all kinds."""

WANTED = {
    "returned": "a tensor",
    "number": "a number, or a tensor of shape ()",
    "loss and gradient": "a loss of shape ()",
    "drift and diffusion": "the pair (drift, diffusion)",
    "schedule": "the tuple (alpha, beta, alpha_dot, beta_dot)",
    "alpha and beta": "the tuple (alpha, beta)",
    "state for points and images": "a tensor",
    "x and velocity for points and images": "the tuple (x, velocity)",
    "training": "the list of losses, as plain numbers",
    "data, noise and score": "the tuple (data, noise, score)",
}
"""What each observer of `calling.OBSERVERS` wants to see returned."""

GIVEN = {
    Kind.NOTHING: "nothing: is a `return` missing?",
    Kind.NDARRAY: "a NumPy array",
    Kind.LIST: "a list that does not fit",
    Kind.TUPLE: "a tuple that does not fit",
    Kind.TENSOR: "a tensor of another size or kind",
    Kind.INT: "an int",
    Kind.OTHER: "something else",
    **{kind: f"a {kind}" for kind in (Kind.BOOL, Kind.FLOAT, Kind.STR, Kind.DICT)},
}
EXCEPTIONS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)}


class Garbled(ValueError):
    """A reply that the course's own code does not give."""


@functools.lru_cache(256)
def draw_cases(exercise: Exercise, seed: int, count: int) -> tuple[dict, ...]:
    """The cases of one run: the same for every submission, another run has others."""
    return tuple(exercise.draw(_seed_of(exercise.name, seed, i)) for i in range(count))


def _seed_of(name: str, seed: int, i: int) -> int:
    digest = hashlib.sha256(f"{seed} {name} {i // PERIOD}".encode()).digest()
    start = int.from_bytes(digest[:7], "big")
    return start - start % PERIOD + i % PERIOD


def question(exercise: Exercise, seed: int, count: int) -> dict:
    """The cases as they are sent."""
    return {"cases": [wire.pack(case) for case in draw_cases(exercise, seed, count)], "observer": exercise.observer}


def answer(exercise: Exercise, cases: tuple[dict, ...], replies: list[Shown], lines: int) -> Answer:
    """Judge the replies to all cases: points for a right answer to each of them.

    Args:
        exercise: The exercise.
        cases: Its cases.
        replies: One reply a case; the first that holds no values is the last.
        lines: Lines of the cell that defined the function.
    """
    try:
        if replies and isinstance(replies[-1], Failed):
            return unanswered(exercise, *_failure(exercise, replies[-1], lines))
        seen = [_observation(exercise, *pair) for pair in zip(cases, replies, strict=True)]
        verdicts = [exercise.judge(*pair) for pair in zip(cases, seen, strict=True)]
    except Exception:  # whatever a student's process sent: it is no right answer
        return unanswered(exercise, "wrong", "What your function gave cannot be compared with the right answer.")
    wrong = [i for i, verdict in enumerate(verdicts) if not verdict.right]
    if not wrong:
        points = float(exercise.points)
        return Answer(exercise.name, exercise.number, exercise.title, points, exercise.points, "right")
    names = {verdicts[i].mistake for i in wrong}
    if len(names) == 1 and (name := names.pop()) is not None:
        message = next(m.message for m in exercise.mistakes if m.name == name)
        return unanswered(exercise, "wrong", f"Likely cause: {message}", name)
    return unanswered(exercise, "wrong", _complaint(exercise, cases[wrong[0]], seen[wrong[0]]))


def unanswered(exercise: Exercise, status: str, message: str, mistake: str | None = None) -> Answer:
    """An answer without points."""
    return Answer(
        exercise.name, exercise.number, exercise.title, 0.0, exercise.points, status, message=message, mistake=mistake
    )


def _failure(exercise: Exercise, failed: Failed, lines: int) -> tuple[str, str]:
    match failed.failure:
        case Failure.NOT_DONE:
            return "not done", "Not done yet."
        case Failure.OUT_OF_TIME:
            return "error", "Your function did not end in time."
        case Failure.RETURNED:
            return "wrong", f"Expected {WANTED.get(exercise.observer, 'a tensor')}, got {GIVEN[failed.got]}."
    what = exception(failed.error, lines) if failed.error else "an exception"
    return "error", f"Your function raised {what}."


def exception(error: Raised, lines: int) -> str:
    """Type and line of an exception, if both are what they can be."""
    known = "an exception"
    if error.kind in EXCEPTIONS:
        known = f"{'an' if error.kind[0] in 'AEIOU' else 'a'} {error.kind}"
    return f"{known} in line {error.line} of its cell" if error.line and 1 <= error.line <= lines else known


def _observation(exercise: Exercise, case: dict, reply: Answered) -> Observation:
    """The reply as an observation, with exactly the values that the oracle gives.

    Raises:
        Garbled: If it is none.
    """
    if set(reply.values) != set(_expected(exercise, case)):
        raise Garbled("expected the values that the oracle gives")
    if not set(reply.changed) <= set(case):
        raise Garbled("expected names of inputs")
    values = {name: wire.unpack_tensor(packed) for name, packed in reply.values.items()}
    return Observation(values, reply.changed, reply.repeatable)


def _expected(exercise: Exercise, case: dict) -> dict[str, torch.Tensor]:
    return exercise.observe(exercise.reference, case).values


def _complaint(exercise: Exercise, case: dict, seen: Observation) -> str:
    """What is wrong with values that no known mistake gives, without a number of the case in it."""
    if seen.changed:
        return f"Your function changed its input {seen.changed[0]} in place; make a new tensor."
    if not seen.repeatable:
        return not_repeatable(case)
    for name, expected in _expected(exercise, case).items():
        given, what = seen.values[name], _words(name)
        if given.ndim != expected.ndim:
            return f"The {what} has {_axes(given.ndim)}, expected {_axes(expected.ndim)}."
        if given.shape != expected.shape:
            axis = next(i for i, (a, b) in enumerate(zip(given.shape, expected.shape, strict=True)) if a != b)
            return f"The {what} has the wrong length along axis {axis}."
        if given.dtype != expected.dtype:
            return f"The {what} has the dtype {_plain(given.dtype)}, expected {_plain(expected.dtype)}."
        if given.is_floating_point() and not given.isfinite().all() and expected.isfinite().all():
            return f"The {what} holds numbers that are infinite or not a number (nan)."
    return "The values are not right."


def _words(name: str) -> str:
    """The name of a value without the shape of the case that some observers put into it."""
    kind = " for images" if name.count(",") > 1 else " for points"
    return name.split(" for states of shape")[0] + kind if " for states of shape" in name else name


def _axes(n: int) -> str:
    return "1 axis" if n == 1 else f"{n} axes"


def _plain(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
