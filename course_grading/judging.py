"""One submission from its bytes to its outcome: run in the sandbox, judged outside it."""

import atexit
import functools
import importlib
import os
import threading
import time
from dataclasses import replace

from course_grading import cells, verdicts
from course_grading.cells import Plan, Released, Unreadable
from course_grading.results import Answer, Limits, Outcome
from course_grading.running import Runner, Seen, SetupFailed
from course_grading.sandbox.guest.messages import Holding
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import Broken, Ending
from course_utils import checks
from course_utils.checks.exercise import Exercise

ENDED = {
    Ending.ENDED: "ended the process that it ran in",
    Ending.SILENT: "did not end in time",
    Ending.GARBLED: "disturbed the grader, which could not go on",
}
"""What a cell or a function did."""

OUT_OF_TIME = "OutOfTime"
"""The exception that the guest raises in a cell that takes too long."""

_warm: dict[int, Sandbox] = {}
_one_at_a_time = threading.Lock()


def judge_notebook(notebook: bytes, *, student: str, lab: str, seed: int, limits: Limits) -> Outcome:
    """Grade one submission.

    Keeps one warm sandbox a process, and makes a new one when it breaks.

    Args:
        notebook: The submitted file as it is.
        student: Name of the student, as it is to appear.
        lab: Name of the lab, such as "lab1_simulation".
        seed: Secret seed of the run: the cases depend on it alone.
        limits: What the submission may use.

    Raises:
        ValueError: If there is no such lab.
        SandboxError: If the sandbox cannot be had on this machine.
    """
    exercises = exercises_of(lab)
    known = cells.released(lab, tuple(exercises))
    started = time.process_time()
    try:
        code = cells.read(notebook, limits)
        seen, plan, warnings = _observe(code, known, exercises, seed, limits)
        reason = _nothing_of(lab, seen, plan)
    except Unreadable as error:
        return _ungraded(student, lab, exercises, str(error))
    except (SetupFailed, Broken) as error:
        return _ungraded(student, lab, exercises, f"not graded, through no fault of the student: {error}")
    answers = tuple(_answer(exercise, seen, plan, seed, limits) for exercise in exercises.values())
    cpu = seen.cpu_seconds + time.process_time() - started
    flags = (*plan.flags, *_flags(seen, known, exercises))
    return Outcome(student, lab, answers, flags, reason, _printed(seen), cpu, warnings)


def exercises_of(lab: str) -> dict[str, Exercise]:
    """The exercises of a lab by the name of their function.

    Raises:
        ValueError: If there is no such lab.
    """
    short = lab.split("_")[0]
    if short not in checks.__all__ or not short.startswith("lab"):
        raise ValueError(f"unknown lab {lab!r}")
    return importlib.import_module(f"course_utils.checks.{short}").EXERCISES


def _observe(code, known, exercises, seed: int, limits: Limits) -> tuple[Seen, Plan, tuple[str, ...]]:
    questions = {name: verdicts.question(e, seed, limits.cases) for name, e in exercises.items()}
    with _one_at_a_time:
        for attempt in (1, 2):
            sandbox = warm_sandbox(limits)
            try:
                return *Runner(sandbox, known, code, questions, limits).run(), sandbox.warnings
            except Broken:
                close_sandbox()
                if attempt == 2:
                    raise
    raise AssertionError("unreachable")


def warm_sandbox(limits: Limits) -> Sandbox:
    """This process's sandbox, started at the first call and when limits change.

    Raises:
        SandboxError: If it cannot be had on this machine; call this before a batch to know.
    """
    own = _warm.get(os.getpid())
    if own is None or own.limits != limits:
        close_sandbox()
        own = _warm[os.getpid()] = Sandbox(limits)
        atexit.register(close_sandbox)
    return own


def close_sandbox() -> None:
    """End this process's sandbox, if there is one."""
    own = _warm.pop(os.getpid(), None)
    if own is not None:
        own.close()
    atexit.unregister(close_sandbox)


def _answer(exercise: Exercise, seen: Seen, plan: Plan, seed: int, limits: Limits) -> Answer:
    steps = [step for step in plan.steps if exercise.name in step.names]
    if not steps:
        return verdicts.unanswered(exercise, "missing", f"No cell defines `{exercise.name}`.")
    cell = next((s.cell for s in steps if s.cell.id == seen.defined_in.get(exercise.name)), steps[-1].cell)
    lines = cell.source.count("\n") + 1
    replies = seen.replies.get(exercise.name)
    if isinstance(replies, list):
        answer = verdicts.answer(exercise, verdicts.draw_cases(exercise, seed, limits.cases), replies, lines)
    else:
        answer = verdicts.unanswered(exercise, *_why_not(exercise, replies, seen, cell.id, lines))
    return replace(answer, cell=cell.id)


def _why_not(
    exercise: Exercise, replies: Holding | Ending | None, seen: Seen, cell: str, lines: int
) -> tuple[str, str]:
    """Status and sentence for an exercise whose function did not reply."""
    if isinstance(replies, Ending):
        return "error", f"Your function {ENDED[replies]}."
    if replies is Holding.NO_FUNCTION:
        return "error", f"`{exercise.name}` is no function."
    if cell in seen.ended:
        return "error", f"The cell {ENDED[seen.ended[cell]]}."
    if cell in seen.not_reached:
        return "not reached", "An earlier cell kept the grader from coming this far."
    if cell in seen.errors and seen.errors[cell].kind == OUT_OF_TIME:
        return "error", "The cell did not end in time."
    if cell in seen.errors:
        return "error", f"The cell raised {verdicts.exception(seen.errors[cell], lines)}."
    return "missing", f"No cell defines `{exercise.name}`."


def _flags(seen: Seen, known: Released, exercises: dict[str, Exercise]) -> list[str]:
    flags = [f"cell {cell} {ENDED[how]}" for cell, how in seen.ended.items()]
    flags += [f"cell {cell} did not end in time" for cell, e in seen.errors.items() if e.kind == OUT_OF_TIME]
    if seen.not_reached:
        flags.append(f"{len(seen.not_reached)} cells did not run: too many restarts, or no time left")
    if seen.tampered:
        flags.append("kernel tampered: a canary of the grader came back changed")
    for name, exercise in exercises.items():
        if isinstance(seen.replies.get(name), Ending):
            flags.append(f"answer of {exercise.number} {ENDED[seen.replies[name]]}")
        used = cells.uses_of_package(known, seen.said, name, seen.defined_in.get(name, ""))
        if used:
            flags.append(f"answer of {exercise.number} uses the package's own {', '.join(used)[:200]}")
    return flags


def _printed(seen: Seen) -> dict[str, str]:
    """By cell, what it printed, the error that it raised, or how it ended the process."""
    found = dict(seen.printed)
    for cell, error in seen.errors.items():
        found[cell] = f"{found.get(cell, '')}\n{error.kind}: {error.text}".strip()
    for cell, how in seen.ended.items():
        found[cell] = f"[this cell {ENDED[how]}]"
    return {cell: text for cell, text in found.items() if text}


def _nothing_of(lab: str, seen: Seen, plan: Plan) -> str | None:
    """Why a notebook without any exercise of the lab holds none."""
    if any(step.names for step in plan.steps):
        return None
    defined = {name for said in seen.said.values() if said for name in said.defines}
    others = {other: set(exercises) & defined for other, exercises in _all_exercises().items()}
    other = max(others, key=lambda name: len(others[name]))
    return f"this is a notebook of {other}, not of {lab}" if others[other] else f"the notebook has no exercise of {lab}"


@functools.cache
def _all_exercises() -> dict[str, list[str]]:
    return {short: list(exercises_of(short)) for short in checks.__all__ if short.startswith("lab")}


def _ungraded(student: str, lab: str, exercises: dict[str, Exercise], reason: str) -> Outcome:
    answers = tuple(verdicts.unanswered(e, "missing", "Nothing could be graded.") for e in exercises.values())
    return Outcome(student, lab, answers, reason=reason)
