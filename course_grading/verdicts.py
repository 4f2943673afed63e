"""From the replies of a student's function to points and a sentence. Nothing in a reply is believed but its numbers.

A sentence is made of words that stand here or in the exercise, so that no input of a case can slip into it: not its
numbers, and not the words of an exception that a student's code composed.
"""

import builtins
import functools
import hashlib
from typing import Any

import torch

from course_grading import wire
from course_grading.model import Answer, Status
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
    "None": "nothing: is a `return` missing?",
    "ndarray": "a NumPy array",
    "list": "a list that does not fit",
    "tuple": "a tuple that does not fit",
    "Tensor": "a tensor of another size or kind",
    **{name: f"a {name}" for name in ("bool", "float", "str", "dict")},
    "int": "an int",
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


def answer(exercise: Exercise, cases: tuple[dict, ...], replies: list[dict], lines: int) -> Answer:
    """Judge the replies to all cases: points for a right answer to each of them.

    Args:
        exercise: The exercise.
        cases: Its cases.
        replies: One reply a case; the first that holds no values is the last.
        lines: Lines of the cell that defined the function.
    """
    try:
        if replies and "values" not in replies[-1]:
            return unanswered(exercise, *_failure(exercise, replies[-1], lines))
        seen = [_observation(exercise, *pair) for pair in zip(cases, replies, strict=True)]
        verdicts = [exercise.judge(*pair) for pair in zip(cases, seen, strict=True)]
    except Exception:  # whatever a student's process sent: it is no right answer
        return unanswered(exercise, Status.WRONG, "What your function gave cannot be compared with the right answer.")
    wrong = [i for i, verdict in enumerate(verdicts) if not verdict.right]
    if not wrong:
        points = float(exercise.points)
        return Answer(exercise.name, exercise.number, exercise.title, points, exercise.points, Status.RIGHT)
    names = {verdicts[i].mistake for i in wrong}
    if len(names) == 1 and (name := names.pop()) is not None:
        message = next(m.message for m in exercise.mistakes if m.name == name)
        return unanswered(exercise, Status.WRONG, f"Likely cause: {message}", name)
    return unanswered(exercise, Status.WRONG, _complaint(exercise, cases[wrong[0]], seen[wrong[0]]))


def unanswered(exercise: Exercise, status: Status, message: str, mistake: str | None = None) -> Answer:
    """An answer without points."""
    return Answer(
        exercise.name, exercise.number, exercise.title, 0.0, exercise.points, status, message=message, mistake=mistake
    )


def _failure(exercise: Exercise, reply: dict, lines: int) -> tuple[Status, str]:
    kind = reply.get("failed")
    if kind == "not done":
        return Status.NOT_DONE, "Not done yet."
    if kind == "time":
        return Status.ERROR, "Your function did not end in time."
    if kind == "returned":
        given = GIVEN.get(str(reply.get("got")), "something else")
        return Status.WRONG, f"Expected {WANTED.get(exercise.observer, 'a tensor')}, got {given}."
    return Status.ERROR, f"Your function raised {exception(reply, lines)}."


def exception(error: dict, lines: int) -> str:
    """Type and line of an exception, if both are what they can be."""
    kind, line = error.get("type"), error.get("line")
    known = "an exception"
    if isinstance(kind, str) and kind in EXCEPTIONS:
        known = f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
    return f"{known} in line {line} of its cell" if type(line) is int and 1 <= line <= lines else known


def _observation(exercise: Exercise, case: dict, reply: dict) -> Observation:
    """The reply as an observation, with exactly the values that the oracle gives.

    Raises:
        Garbled: If it is none.
    """
    values, changed, repeatable = (reply.get(name) for name in ("values", "changed", "repeatable"))
    names = set(_expected(exercise, case))
    if not isinstance(values, dict) or set(values) != names or not isinstance(repeatable, bool):
        raise Garbled("expected the values that the oracle gives")
    if not isinstance(changed, list) or not all(isinstance(n, str) and n in case for n in changed):
        raise Garbled("expected names of inputs")
    return Observation({name: wire.unpack_tensor(v) for name, v in values.items()}, changed, repeatable)


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
