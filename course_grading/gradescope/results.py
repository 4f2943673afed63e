"""What Gradescope reads of a submission, `results.json`: an entry for each exercise, and what the instructor looks at.

Their format: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

import msgspec

from course_grading.model import WORDS, Answer, Lab, Outcome, Status

FAILED = (
    "The grader itself failed. That is not your fault, and says nothing about your work: hand it in once more, and "
    "tell your teachers if you read this again."
)


def results(lab: Lab, outcome: Outcome, seconds: float) -> dict:
    """What Gradescope shows of an outcome; where the grader failed, that.

    Args:
        lab: The lab.
        outcome: The submission, judged.
        seconds: Wall time of all of it.
    """
    if not outcome.final:
        return failed()
    return {
        "score": outcome.points,
        "output": _said(lab, outcome),
        "execution_time": round(seconds, 1),
        "stdout_visibility": "hidden",
        "tests": [*map(_exercise, outcome.answers), _for_instructors(outcome)],
    }


def failed() -> dict:
    """What says that the grader failed: it has no points, not even none, so Gradescope reports an error."""
    return {"output": FAILED, "stdout_visibility": "hidden"}


def as_json(found: dict) -> bytes:
    """The bytes of the file."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1)


def _exercise(answer: Answer) -> dict:
    """An exercise: what the student reads is the judge's sentence, which no hidden input is in."""
    words = WORDS[answer.status]
    return {
        "number": answer.number,
        "name": answer.title,
        "score": answer.points,
        "max_score": answer.max_points,
        "status": "passed" if answer.status is Status.RIGHT else "failed",
        "output": f"{words[0].upper()}{words[1:]}. {answer.message}".strip(),
        "visibility": "visible",
    }


def _for_instructors(outcome: Outcome) -> dict:
    """What no student sees: flags, and what the sandbox could not promise."""
    seen = outcome.flags or ("nothing to look at",)
    return {"name": "For instructors", "output": "\n".join((*seen, *outcome.warnings)), "visibility": "hidden"}


def _said(lab: Lab, outcome: Outcome) -> str:
    """What concerns the whole submission."""
    if outcome.reason:
        return f"Nothing could be graded: {outcome.reason}."
    words = [task for task in lab.tasks if task.exercise is None]
    points = sum(task.points for task in words)
    return f"{len(words)} questions in words, {points:g} points, are marked by hand." if words else ""
