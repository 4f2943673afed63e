"""From the replies of a student's function to points and a sentence. Nothing in a reply is believed but its numbers.

A sentence is made of words that stand here or in the exercise, so that no input of a case can slip into it: not its
numbers, and not the words of an exception that a student's code composed.
"""

import builtins
from collections.abc import Sequence
from typing import Any

import torch
from msgspec.structs import replace

from course_grading.cases import Question
from course_grading.model import Answer, Status
from course_grading.notebook import Cell
from course_grading.running import Seen, SeenCell
from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered, Failed, Failure, Holding, Kind, Raised, Shown
from course_grading.sandbox.protocol import Ending
from course_utils.checks.calling import Observation
from course_utils.checks.exercise import Exercise
from course_utils.checks.sentences import left_changed, not_repeatable

ENDED = {
    Ending.ENDED: "ended the process that it ran in",
    Ending.SILENT: "did not end in time",
    Ending.GARBLED: "disturbed the grader, which could not go on",
}
"""What a cell or a function did."""

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


def verdict(exercise: Exercise, question: Question, seen: Seen) -> Answer:
    """Judge one exercise of a submission.

    Args:
        exercise: The exercise.
        question: What its function was asked.
        seen: What the submission showed.
    """
    steps = [step for step in seen.plan.steps if exercise.name in step.names]
    if not steps:
        return unanswered(exercise, *_undefined(exercise))
    function = seen.functions.get(exercise.name)
    place = function.cell if function else None
    cell = next((step.cell for step in steps if step.cell.id == place), steps[-1].cell)
    replies = function.replies if function else Holding.UNDEFINED
    if isinstance(replies, Holding | Ending):
        answer = unanswered(exercise, *_silence(exercise, replies, cell, seen.cells.get(cell.id, SeenCell())))
    else:
        answer = judged(exercise, question.cases, replies, _lines(cell))
    return replace(answer, cell=cell.id)


def judged(exercise: Exercise, cases: Sequence[dict], replies: Sequence[Shown], lines: int) -> Answer:
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
        seen = [_observation(exercise, case, reply) for case, reply in zip(cases, replies, strict=True)]
        verdicts = [exercise.judge(*pair) for pair in zip(cases, seen, strict=True)]
    except Exception:  # whatever a student's process sent: it is no right answer
        message = "What your function gave cannot be compared with the right answer."
        return unanswered(exercise, Status.WRONG, message)
    wrong = [i for i, verdict in enumerate(verdicts) if not verdict.right]
    if not wrong:
        points = float(exercise.points)
        return Answer(exercise.name, exercise.number, exercise.title, points, exercise.points, Status.RIGHT)
    cause = exercise.cause((cases[i], seen[i]) for i in wrong)
    if cause is not None and all(verdicts[i].mistake for i in wrong):
        return unanswered(exercise, Status.WRONG, f"Likely cause: {cause.message}", cause.name)
    return unanswered(exercise, Status.WRONG, _complaint(exercise, cases[wrong[0]], seen[wrong[0]]))


def unanswered(exercise: Exercise, status: Status, message: str, mistake: str | None = None) -> Answer:
    """An answer without points."""
    return Answer(
        exercise.name, exercise.number, exercise.title, 0.0, exercise.points, status, message=message, mistake=mistake
    )


def _undefined(exercise: Exercise) -> tuple[Status, str]:
    return Status.MISSING, f"No cell defines `{exercise.name}`."


def _silence(exercise: Exercise, why: Holding | Ending, cell: Cell, seen: SeenCell) -> tuple[Status, str]:
    """Status and sentence for an exercise whose function did not reply."""
    if isinstance(why, Ending):
        return Status.ERROR, f"Your function {ENDED[why]}."
    if why is Holding.NO_FUNCTION:
        return Status.ERROR, f"`{exercise.name}` is no function."
    if seen.ending:
        return Status.ERROR, f"The cell {ENDED[seen.ending]}."
    if not seen.reached:
        return Status.NOT_REACHED, "An earlier cell kept the grader from coming this far."
    if seen.out_of_time:
        return Status.ERROR, "The cell did not end in time."
    if seen.error:
        return Status.ERROR, f"The cell raised {exception(seen.error, _lines(cell))}."
    return _undefined(exercise)


def _lines(cell: Cell) -> int:
    return cell.source.count("\n") + 1


def _failure(exercise: Exercise, failed: Failed, lines: int) -> tuple[Status, str]:
    match failed.failure:
        case Failure.NOT_DONE:
            return Status.NOT_DONE, "Not done yet."
        case Failure.OUT_OF_TIME:
            return Status.ERROR, "Your function did not end in time."
        case Failure.RETURNED:
            return Status.WRONG, f"Expected {exercise.sees.wanted}, got {GIVEN[failed.got]}."
    what = exception(failed.error, lines) if failed.error else "an exception"
    return Status.ERROR, f"Your function raised {what}."


def exception(error: Raised, lines: int) -> str:
    """Type and line of an exception, if both are what they can be."""
    known = "an exception"
    if error.kind in EXCEPTIONS:
        known = f"{'an' if error.kind[0] in 'AEIOU' else 'a'} {error.kind}"
    return f"{known} in line {error.line} of its cell" if error.line and 1 <= error.line <= lines else known


def _observation(exercise: Exercise, case: dict, reply: Shown) -> Observation:
    """The reply as an observation, with exactly the values that the oracle gives.

    Raises:
        Garbled: If it is none.
        KeyError: If it says that something was changed which the case does not have.
    """
    if not isinstance(reply, Answered) or set(reply.values) != set(_expected(exercise, case)):
        raise Garbled("expected the values that the oracle gives")
    for what in reply.changed:
        left_changed(what, case)
    values = {name: wire.unpack_tensor(packed) for name, packed in reply.values.items()}
    return Observation(values, reply.changed, reply.repeatable)


def _expected(exercise: Exercise, case: dict) -> dict[str, torch.Tensor]:
    return exercise.observe(exercise.oracle, case).values


def _complaint(exercise: Exercise, case: dict, seen: Observation) -> str:
    """What is wrong with values that no known mistake gives, without a number of the case in it."""
    if seen.changed:
        return left_changed(seen.changed[0], case)
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
