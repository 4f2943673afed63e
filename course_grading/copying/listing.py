"""From what a class handed in to the page `copies-<lab>.html`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from course_grading import outcomes
from course_grading.bounded import Exceeded, bounded
from course_grading.copying.alike import Answer, alike
from course_grading.copying.forms import answers, form, known_forms
from course_grading.intake.checkin import submissions
from course_grading.intake.submission import Submission
from course_grading.labs import exercises, read_lab, released
from course_grading.model import Lab, Status
from course_grading.pages.copies import Reading, copies_page
from course_grading.release import solutions
from course_grading.rights import keep, own_folder

SECONDS = 10
"""Processor time for parsing a submission."""


def copies(name: str, folder: Path) -> Reading:
    """Compare all submissions of a lab, and write the page.

    Args:
        name: Of the lab.
        folder: The class's folder; everybody in its `submitted/` is compared.

    Raises:
        ValueError: If the lab is unknown, or nothing was handed in.
    """
    lab = read_lab(name)
    folder = Path(folder).resolve()
    asked = [own for own, exercise in exercises(name).items() if exercise.draw(1)]  # of a number there is one form
    known = known_forms(lab, solutions()[name].read_bytes())
    own_folder(folder, folder / "grading" / name)
    run = outcomes.begin(folder, lab, resume=True)
    group: dict[str, dict[str, Answer]] = {}
    unread: list[str] = []
    for submission in submissions(folder, name, released()):
        try:
            group[submission.student] = dict(_answers(submission, lab, run, asked, known))
        except Exceeded:
            unread.append(submission.student)
    found = {student: read for student, read in group.items() if read}
    reading = Reading(lab, tuple(asked), found, tuple(alike(found)), tuple(unread))
    keep(folder, folder / f"copies-{name}.html", copies_page(reading))
    return reading


def _answers(
    submission: Submission, lab: Lab, run: outcomes.Run, asked: list[str], known: Mapping[str, set[str]]
) -> Iterator[tuple[str, Answer]]:
    """By exercise, what a student wrote; what is as it was handed out is left out."""
    if submission.content is None:
        return
    stubs = {task.exercise: form(lab.cells[task.cell].source, task.exercise) for task in lab.tasks if task.exercise}
    statuses = _statuses(submission, run)
    for name, (shape, source) in bounded(answers, submission.content, lab, seconds=SECONDS).items():
        if name in asked and shape != stubs[name]:
            yield name, Answer(shape, source, statuses.get(name, ""), shape in known[name])


def _statuses(submission: Submission, run: outcomes.Run) -> dict[str, str]:
    """By exercise, "right" or "wrong", where the last grading was of exactly this file."""
    outcome = run.load(submission)
    answers = outcome.answers if outcome else ()
    return {answer.exercise: "right" if answer.status is Status.RIGHT else "wrong" for answer in answers}
