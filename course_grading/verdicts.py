"""From the replies of a student's function to points and a sentence. Nothing in a reply is believed but its numbers.

A sentence is made of words that stand here or in the exercise, and follows from the cases that every student knows.
Of a hidden case a student reads one bit, whether all of them are right: whatever code does with hidden inputs, it can
choose between two sentences.
"""

import builtins
from typing import Any

from msgspec.structs import replace

from course_grading.cases import KNOWN, Question
from course_grading.model import Answer, Status
from course_grading.notebook import Cell
from course_grading.replies import observed
from course_grading.sandbox.guest.messages import Failed, Failure, Holding, Kind, Raised
from course_grading.sandbox.protocol import Ending
from course_grading.seen import Seen, SeenCell, SeenFunction
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
HIDDEN = "Right for the inputs of the notebook's check, but not for others that the lab allows."
EXCEPTIONS = {name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)}


def verdict(exercise: Exercise, question: Question, seen: Seen) -> Answer:
    """Judge one exercise of a submission.

    Args:
        exercise: The exercise.
        question: What its function was asked.
        seen: What the submission showed.
    """
    steps = [step for step in seen.plan.steps if exercise.name in step.names]
    function = seen.functions.get(exercise.name)
    if not steps and function is None:
        return unanswered(exercise, *_undefined(exercise))
    place = function.cell if function else None
    cell = next((step.cell for step in seen.plan.steps if step.cell.id == place), steps[-1].cell if steps else None)
    lines = _lines(cell) if cell else 0
    if function is not None and (function.right or function.holding is Holding.HELD):
        answer = judged(question, function, lines)
    else:
        ran = seen.cells.get(cell.id, SeenCell()) if cell else SeenCell()
        answer = unanswered(exercise, *_silence(exercise, function, ran, lines))
    return replace(answer, cell=cell.id if cell else None)


def judged(question: Question, function: SeenFunction, lines: int) -> Answer:
    """Judge the replies to all cases: points for a right answer to each of them.

    What a student reads follows from the cases of the notebook's check alone, and from whether the others are right.

    Args:
        question: What was asked.
        function: What it showed: one reply a case; the first that holds no values is the last.
        lines: Lines of the cell that defined the function.
    """
    exercise = question.exercise
    if function.right:
        points = float(exercise.points)
        return Answer(exercise.name, exercise.number, exercise.title, points, exercise.points, Status.RIGHT)
    try:
        return unanswered(exercise, *(_public(question, function, lines) or (Status.WRONG, HIDDEN)))
    except Exception:  # whatever a student's process sent
        message = "What your function gave cannot be compared with the right answer."
        return unanswered(exercise, Status.WRONG, message)


def _public(question: Question, function: SeenFunction, lines: int) -> tuple[Status, str, str | None] | None:
    """Status, sentence and mistake that the cases of the notebook's check show; None where all of them are right."""
    exercise, cases = question.exercise, question.cases[KNOWN]
    replies = function.replies[KNOWN]
    if replies and isinstance(replies[-1], Failed):
        return *_failure(exercise, replies[-1], lines), None
    if len(replies) < len(cases):
        return Status.ERROR, f"Your function {ENDED[function.ending or Ending.GARBLED]}.", None
    seen = [observed(exercise, case, reply) for case, reply in zip(cases, replies, strict=True)]
    verdicts = [exercise.judge(*pair) for pair in zip(cases, seen, strict=True)]
    wrong = [i for i, verdict in enumerate(verdicts) if not verdict.right]
    if not wrong:
        return None
    cause = exercise.cause((cases[i], seen[i]) for i in wrong)
    if cause is not None and all(verdicts[i].mistake for i in wrong):
        return Status.WRONG, f"Likely cause: {cause.message}", cause.name
    return Status.WRONG, _complaint(exercise, cases[wrong[0]], seen[wrong[0]]), None


def unanswered(exercise: Exercise, status: Status, message: str, mistake: str | None = None) -> Answer:
    """An answer without points."""
    return Answer(
        exercise.name, exercise.number, exercise.title, 0.0, exercise.points, status, message=message, mistake=mistake
    )


def _undefined(exercise: Exercise) -> tuple[Status, str]:
    return Status.MISSING, f"No cell defines `{exercise.name}`."


def _silence(exercise: Exercise, function: SeenFunction | None, ran: SeenCell, lines: int) -> tuple[Status, str]:
    """Status and sentence for an exercise whose function was not asked."""
    if function and function.holding is Holding.NO_FUNCTION:
        return Status.ERROR, f"`{exercise.name}` is no function."
    if ran.ending:
        return Status.ERROR, f"The cell {ENDED[ran.ending]}."
    if not ran.reached:
        return Status.NOT_REACHED, "An earlier cell kept the grader from coming this far."
    if ran.out_of_time:
        return Status.ERROR, "The cell did not end in time."
    if ran.error:
        return Status.ERROR, f"The cell raised {exception(ran.error, lines)}."
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


def _complaint(exercise: Exercise, case: dict, seen: Observation) -> str:
    """What is wrong with values that no known mistake gives, without a number of the case in it."""
    if seen.changed:
        return left_changed(seen.changed[0], case)
    if not seen.repeatable:
        return not_repeatable(case)
    for name, wanted in exercise.expected(case).items():
        given, what = seen.values[name], _words(name)
        if given.ndim != wanted.ndim:
            return f"The {what} has {_axes(given.ndim)}, expected {_axes(wanted.ndim)}."
        if given.shape != wanted.shape:
            axis = next(i for i, (a, b) in enumerate(zip(given.shape, wanted.shape, strict=True)) if a != b)
            return f"The {what} has the wrong length along axis {axis}."
        if given.dtype != wanted.dtype:
            return f"The {what} has the dtype {_plain(given.dtype)}, expected {_plain(wanted.dtype)}."
        if given.is_floating_point() and not given.isfinite().all() and wanted.isfinite().all():
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
