"""What runs in Gradescope's container, as root: one submission, from its folder to `results.json`.

The seed of the hidden inputs is drawn here and lives in this process alone. Where namespaces can be made, the student's
code runs in the usual sandbox; else as another user (`sandbox.guest.apart`).
"""

import secrets
import sys
import time
from dataclasses import replace
from pathlib import Path

from course_grading import budget
from course_grading.bounded import Exceeded
from course_grading.gradescope.results import as_json, failed, results
from course_grading.intake.archives import crowded, entries
from course_grading.intake.students import visible
from course_grading.intake.submission import Submission, choose
from course_grading.judge import close_sandbox, judge, warm_sandbox
from course_grading.labs import ROOT, read_lab, released
from course_grading.model import Lab, Limits, Outcome
from course_grading.notebook import Notebook
from course_grading.rights import OWNER_OF_FILE
from course_grading.sandbox.box import SandboxError
from course_utils.storage import write_file

LIMITS = Limits(cell_seconds=40, notebook_seconds=200)
"""More time on the clock than in a class: a container has half a processor. Two runs fit into their ten minutes."""

TRIES = 2
"""How often a submission is judged whose first outcome is not final."""


def submission_in(folder: Path, lab: str) -> Submission:
    """What a student handed in, chosen as in a class."""
    try:
        found = visible(entries(folder))
    except ValueError:  # it is empty
        found = []
    if trouble := crowded(len(found)):
        return Submission(lab, None, reason=f"the submission {trouble}")
    return choose(lab, found, lab, [lab])


def notebook_of(found: Submission, seconds: int) -> Notebook:
    """The code of a notebook, read within bounds; where there is none, the reason.

    Raises:
        SandboxError: If something else than the file was too much.
    """
    try:
        return found.code(seconds)
    except Exceeded as error:
        if not error.final:
            raise SandboxError(f"reading the file {error}") from error
        return Notebook((), f"reading the file {error}")


def judged(lab: Lab, found: Submission, limits: Limits = LIMITS) -> Outcome:
    """Judge a submission on inputs that nobody knows.

    Args:
        lab: The lab.
        found: The submission.
        limits: What it may use.

    Raises:
        SandboxError: If there is no way to run it here.
    """
    notebook = notebook_of(found, budget.processor_seconds(limits, budget.READ))
    if notebook.reason:
        return lab.ungraded(found.student, notebook.reason).flagged(found.flags)
    limits = _possible(limits)
    for _ in range(TRIES):
        seed = secrets.randbits(62)
        outcome = judge(notebook, student=found.student, lab=lab.name, seed=seed, limits=limits)
        if outcome.final:
            break
        close_sandbox()
    return outcome.flagged(found.flags)


def _possible(limits: Limits) -> Limits:
    """The limits with the strongest sandbox that can be had.

    Raises:
        SandboxError: If there is none.
    """
    try:
        warm_sandbox(limits)
        return limits
    except SandboxError as error:
        print(f"no namespaces here: {error}")
    apart = replace(limits, apart=True)
    warm_sandbox(apart)
    return apart


def autograde(place: Path, root: Path = ROOT) -> dict:
    """Grade the submission of a container.

    Args:
        place: Gradescope's folder, `/autograder`.
        root: Where the archive was unpacked; it has one lab.

    Returns:
        What stands in `results/results.json` afterwards.
    """
    began = time.monotonic()
    try:
        [name] = released(root)
        lab = read_lab(name, root)
        outcome = judged(lab, submission_in(place / "submission", name))
        print(outcome.reason or "", *outcome.flags, *outcome.warnings, sep="\n")
        found = results(lab, outcome, time.monotonic() - began)
    except Exception as error:
        print(f"the grader itself failed: {type(error).__name__}: {error}")
        found = failed()
    finally:
        close_sandbox()  # with all that the student left: nobody writes beside it
    write_file(place / "results" / "results.json", as_json(found), OWNER_OF_FILE)
    return found


if __name__ == "__main__":
    autograde(Path(sys.argv[1]))
