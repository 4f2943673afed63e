"""One submission from its notebook to its outcome: run in the sandbox, judged outside it."""

import atexit
import functools
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping

from course_grading.cases import Question, question
from course_grading.cells import SetupFailed
from course_grading.doubts import doubt
from course_grading.flags import flags
from course_grading.labs import exercises, read_lab, short
from course_grading.model import Lab, Limits, Outcome
from course_grading.notebook import Notebook
from course_grading.plan import Released, released
from course_grading.running import run
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import Broken
from course_grading.seen import Seen
from course_grading.verdicts import ENDED, verdict
from course_utils import checks

_warm: dict[int, Sandbox] = {}
_one_at_a_time = threading.Lock()


def judge(notebook: Notebook, *, student: str, lab: str, seed: int, limits: Limits, crowded: bool = False) -> Outcome:
    """Grade one submission.

    Keeps one warm sandbox a process, and makes a new one when it breaks.

    Args:
        notebook: The submission.
        student: Name of the student, as it is to appear.
        lab: Name of the lab, such as "lab1_simulation".
        seed: Secret seed of the run: the cases depend on it alone.
        limits: What the submission may use.
        crowded: Whether others are judged beside it: then an outcome that they may have caused is not final.

    Raises:
        ValueError: If there is no such lab.
        SandboxError: If the sandbox cannot be had on this machine.
    """
    asked = _lab(lab)
    if notebook.reason:
        return asked.ungraded(student, notebook.reason)
    started = time.process_time()
    known = _released(lab)
    questions = {name: question(exercise, seed, limits.cases) for name, exercise in exercises(lab).items()}
    began = time.monotonic()
    try:
        seen, warnings, why = _seen(known, notebook, questions, limits, crowded)
    except (SetupFailed, Broken) as error:
        seen, why = None, str(error)
    if seen is None or why:
        return asked.ungraded(student, f"not graded, through no fault of the student: {why}", final=False)
    reason = _no_exercise(lab, seen)
    if reason:
        answers = asked.ungraded(student, reason).answers
    else:
        answers = tuple(verdict(exercise, questions[name], seen) for name, exercise in exercises(lab).items())
    found = flags(known, exercises(lab), seen)
    cpu = seen.cpu_seconds + time.process_time() - started
    seconds = time.monotonic() - began
    said = printed(seen)
    return Outcome(student, lab, answers, found, reason, said, cpu, warnings, seconds=seconds, short=seen.late)


@functools.cache
def _lab(name: str) -> Lab:
    return read_lab(name)


@functools.cache
def _released(name: str) -> Released:
    return released(_lab(name))


def _seen(
    known: Released, notebook: Notebook, questions: Mapping[str, Question], limits: Limits, crowded: bool
) -> tuple[Seen, tuple[str, ...], str | None]:
    """What the submission showed, what the sandbox could not promise, and a doubt; one sandbox may break on the way."""
    with _one_at_a_time:
        try:
            return _run(known, notebook, questions, limits, crowded)
        except Broken:
            close_sandbox()
            return _run(known, notebook, questions, limits, crowded)


def _run(known, notebook, questions, limits, crowded) -> tuple[Seen, tuple[str, ...], str | None]:
    sandbox = warm_sandbox(limits)
    killed, began = sandbox.killed, time.monotonic()
    seen = run(sandbox, known, notebook, questions, limits)
    why = doubt(seen, killed=sandbox.killed - killed, seconds=time.monotonic() - began, crowded=crowded)
    return seen, sandbox.warnings, why


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


def printed(seen: Seen) -> dict[str, str]:
    """By cell, what it printed and the error that it raised, or how it ended the process."""
    found = {}
    for name, cell in seen.cells.items():
        error = f"\n{cell.error.kind}: {cell.error.text}" if cell.error else ""
        text = f"[this cell {ENDED[cell.ending]}]" if cell.ending else cell.printed + error
        if text:
            found[name] = text.strip() if error else text
    return found


def _no_exercise(lab: str, seen: Seen) -> str | None:
    """Why a notebook without any exercise of the lab holds none; None where it holds one.

    A function that several labs ask for, such as `what_is_wrong`, says of no notebook which lab it is of.
    """
    answers = {name for step in seen.plan.steps for name in step.names}
    if answers & _own_exercises()[short(lab)]:
        return None
    defined = {name for said in seen.said.values() if said for name in said.defines}
    others = {other: names & defined for other, names in _own_exercises().items()}
    other = max(others, key=lambda name: len(others[name]))
    if others[other]:
        return f"this is a notebook of {other}, not of {lab}"
    return None if answers else f"the notebook has no exercise of {lab}"


@functools.cache
def _own_exercises() -> dict[str, set[str]]:
    """By lab, the names of functions that no other lab asks for."""
    named = {lab: set(exercises(lab)) for lab in checks.LABS}
    count = Counter(name for names in named.values() for name in names)
    return {lab: {name for name in names if count[name] == 1} for lab, names in named.items()}
