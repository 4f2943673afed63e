"""One submission from its bytes to its outcome: run in the sandbox, judged outside it."""

import atexit
import functools
import os
import threading
import time

from msgspec.structs import replace

from course_grading import verdicts
from course_grading.channel import Broken
from course_grading.labs import exercises, numbered, read_lab
from course_grading.model import Answer, Lab, Limits, Outcome, Status
from course_grading.notebook import Notebook
from course_grading.plan import Plan, Released, released
from course_grading.running import Runner, Seen, SetupFailed
from course_grading.sandbox import Sandbox
from course_grading.taken import taken
from course_utils.checks.exercise import Exercise

ENDED = {
    "ended": "ended the process that it ran in",
    "silent": "did not end in time",
    "garbled": "disturbed the grader, which could not go on",
}
"""What a cell or a function did, by what `channel.Broken` says."""

OUT_OF_TIME = "OutOfTime"
"""The exception that `inside` raises in a cell that takes too long."""

_warm: dict[int, Sandbox] = {}
_one_at_a_time = threading.Lock()


def judge_notebook(notebook: Notebook, *, student: str, lab: str, seed: int, limits: Limits) -> Outcome:
    """Grade one submission.

    Keeps one warm sandbox a process, and makes a new one when it breaks.

    Args:
        notebook: The submission.
        student: Name of the student, as it is to appear.
        lab: Name of the lab, such as "lab1_simulation".
        seed: Secret seed of the run: the cases depend on it alone.
        limits: What the submission may use.

    Raises:
        ValueError: If there is no such lab.
        SandboxError: If the sandbox cannot be had on this machine.
    """
    asked = _lab(lab)
    known = released(asked)
    started = time.process_time()
    if notebook.reason:
        return asked.ungraded(student, notebook.reason)
    try:
        seen, plan, warnings = _observe(notebook.code, known, exercises(lab), seed, limits)
        reason = _nothing_of(lab, seen, plan)
    except (SetupFailed, Broken) as error:
        return asked.ungraded(student, f"not graded, through no fault of the student: {error}", final=False)
    answers = tuple(_answer(exercise, seen, plan, seed, limits) for exercise in exercises(lab).values())
    cpu = seen.cpu_seconds + time.process_time() - started
    flags = (*plan.flags, *_flags(seen, known, exercises(lab)))
    return Outcome(student, lab, answers, flags, reason, _printed(seen), cpu, warnings)


@functools.cache
def _lab(name: str) -> Lab:
    return read_lab(name)


def _observe(code, known, asked, seed: int, limits: Limits) -> tuple[Seen, Plan, tuple[str, ...]]:
    questions = {name: verdicts.question(e, seed, limits.cases) for name, e in asked.items()}
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
        return verdicts.unanswered(exercise, Status.MISSING, f"No cell defines `{exercise.name}`.")
    cell = next((s.cell for s in steps if s.cell.id == seen.defined_in.get(exercise.name)), steps[-1].cell)
    lines = cell.source.count("\n") + 1
    replies = seen.replies.get(exercise.name)
    if isinstance(replies, list):
        answer = verdicts.answer(exercise, verdicts.draw_cases(exercise, seed, limits.cases), replies, lines)
    else:
        answer = verdicts.unanswered(exercise, *_why_not(exercise, replies, seen, cell.id, lines))
    return replace(answer, cell=cell.id)


def _why_not(exercise: Exercise, replies: str | None, seen: Seen, cell: str, lines: int) -> tuple[Status, str]:
    """Status and sentence for an exercise whose function did not reply."""
    if replies in ENDED:
        return Status.ERROR, f"Your function {ENDED[replies]}."
    if replies == "no function":
        return Status.ERROR, f"`{exercise.name}` is no function."
    if cell in seen.ended:
        return Status.ERROR, f"The cell {ENDED.get(seen.ended[cell], ENDED['garbled'])}."
    if cell in seen.not_reached:
        return Status.NOT_REACHED, "An earlier cell kept the grader from coming this far."
    if seen.errors.get(cell, {}).get("type") == OUT_OF_TIME:
        return Status.ERROR, "The cell did not end in time."
    if cell in seen.errors:
        return Status.ERROR, f"The cell raised {verdicts.exception(seen.errors[cell], lines)}."
    return Status.MISSING, f"No cell defines `{exercise.name}`."


def _flags(seen: Seen, known: Released, asked: dict[str, Exercise]) -> list[str]:
    flags = [f"cell {cell} {ENDED.get(how, how)}" for cell, how in seen.ended.items()]
    flags += [f"cell {cell} did not end in time" for cell, e in seen.errors.items() if e["type"] == OUT_OF_TIME]
    if seen.not_reached:
        flags.append(f"{len(seen.not_reached)} cells did not run: too many restarts, or no time left")
    if seen.tampered:
        flags.append("kernel tampered: a canary of the grader came back changed")
    for name, exercise in asked.items():
        if isinstance(seen.replies.get(name), str) and seen.replies[name] in ENDED:
            flags.append(f"answer of {exercise.number} {ENDED[seen.replies[name]]}")
        used = taken(known, seen.said, name, seen.defined_in.get(name, ""))
        if used:
            flags.append(f"answer of {exercise.number} uses the package's own {', '.join(used)[:200]}")
    return flags


def _printed(seen: Seen) -> dict[str, str]:
    """By cell, what it printed, the error that it raised, or how it ended the process."""
    found = dict(seen.printed)
    for cell, error in seen.errors.items():
        found[cell] = f"{found.get(cell, '')}\n{error['type']}: {error['text']}".strip()
    for cell, how in seen.ended.items():
        found[cell] = f"[this cell {ENDED.get(how, how)}]"
    return {cell: _writable(text) for cell, text in found.items() if text}


def _writable(text: str) -> str:
    """Text that can be written to a file: half characters become their escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _nothing_of(lab: str, seen: Seen, plan: Plan) -> str | None:
    """Why a notebook without any exercise of the lab holds none."""
    if plan.answers:
        return None
    defined = {name for said in seen.said.values() if said for name in said["defines"]}
    others = {other: set(names) & defined for other, names in _all_exercises().items()}
    other = max(others, key=lambda name: len(others[name]))
    return f"this is a notebook of {other}, not of {lab}" if others[other] else f"the notebook has no exercise of {lab}"


@functools.cache
def _all_exercises() -> dict[str, list[str]]:
    return {short: list(exercises(short)) for short in numbered()}
