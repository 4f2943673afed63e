"""Grading a class: check in, judge, enter, and write what students and instructor read.

Everything but the outcomes of the judge and the marks given by hand is made from these two, again in every run.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from course_grading import batch
from course_grading.intake import Submission, check_in, submissions
from course_grading.labs import read_lab, released
from course_grading.lock import alone
from course_grading.marked import work
from course_grading.marks import Book, Row, check_version, default_url, enter
from course_grading.model import Lab, Limits, Outcome
from course_grading.notebook import read
from course_grading.pages.feedback import feedback
from course_grading.pages.report import report
from course_grading.pages.table import grades_csv
from course_utils.storage import write_file


@dataclass(frozen=True)
class Options:
    """How a class is graded; each is an option of the command.

    Attributes:
        source: Folder or zip to check in first.
        folder: The class's folder.
        workers: Processes of this machine.
        scheduler: Address of a Dask scheduler, for a cluster.
        resume: Keep the outcomes of an earlier run.
        seed: Makes a run repeatable.
        db: Address of the gradebook.
        limits: What one submission may use.
    """

    source: str | None = None
    folder: Path = Path(".")
    workers: int = 2
    scheduler: str | None = None
    resume: bool = False
    seed: int | None = None
    db: str | None = None
    limits: Limits = field(default_factory=Limits)


def grade(lab: str, options: Options, judge: batch.Judge | None = None) -> list[Row]:
    """Grade a lab.

    Args:
        lab: Such as "lab1_simulation".
        options: How.
        judge: Judges one notebook; the sandbox by default.

    Returns:
        One row for each student, sorted.

    Raises:
        ValueError: If the lab is unknown, there are no submissions, or the gradebook is of another version.
    """
    asked, folder = read_lab(lab), Path(options.folder).resolve()
    url = options.db or default_url(folder)
    check_version(url)
    with alone(folder / "grading" / lab / "lock"):
        if options.source and Path(options.source).resolve() != folder / "submitted":
            replaced = check_in(options.source, folder, lab, released())
            if replaced:
                print(f"handed in again and replaced: {', '.join(replaced)}")
        submissions(folder, lab)
        run = batch.start(folder, asked, seed=options.seed, resume=options.resume)
        failed = _judge(asked, run, folder, options, judge or _sandboxed(options))
        return _write(asked, run, folder, url, failed)


def _sandboxed(options: Options) -> batch.Judge:
    """The judge; on this machine it is tried first, so that what is missing is said once."""
    from course_grading.judging import close_sandbox, judge_notebook, warm_sandbox
    from course_grading.sandbox import SandboxError

    if not options.scheduler:
        try:
            warm_sandbox(options.limits)
        except SandboxError as error:
            raise ValueError(str(error)) from error
        finally:
            close_sandbox()
    return judge_notebook


def _judge(asked: Lab, run: batch.Run, folder: Path, options: Options, judge: batch.Judge) -> dict[str, Outcome]:
    """Judge what is not judged yet; returns the outcomes of those that the grader itself failed on."""
    failed = {}
    todo = [one.student for one in _all(folder, asked) if one.notebook is not None and run.load(one) is None]
    if not todo:
        return failed
    names, window = set(todo), 2 * options.workers + 2
    fresh = (one for one in _all(folder, asked) if one.student in names)
    with batch.workers(min(options.workers, len(todo)), options.scheduler) as client:
        done = batch.judge_all(fresh, asked, run, client, judge, options.limits, window)
        for outcome in tqdm(done, total=len(todo), unit="notebook", desc=asked.name, mininterval=0.5):
            if not outcome.final:
                failed[outcome.student] = outcome
    return failed


def _all(folder: Path, asked: Lab) -> Iterable[Submission]:
    return submissions(folder, asked.name, released())


def _write(asked: Lab, run: batch.Run, folder: Path, url: str, failed: dict[str, Outcome]) -> list[Row]:
    rows = []
    with Book(url) as book:
        book.prepare(asked)
        for submission in _all(folder, asked):
            outcome = _outcome(submission, asked, run, failed)
            found = work(asked, outcome, read(submission.notebook or b"").cells)
            rows.append(enter(book, found, folder))
            page = feedback(found, rows[-1])
            write_file(folder / "feedback" / outcome.student / f"{asked.name}.html", page)
    table = folder / "grades.csv"
    write_file(table, grades_csv(asked, rows, table.read_text("utf-8") if table.is_file() else ""))
    write_file(folder / f"report-{asked.name}.html", report(asked, rows))
    return rows


def _outcome(submission: Submission, asked: Lab, run: batch.Run, failed: dict[str, Outcome]) -> Outcome:
    if submission.notebook is None:
        return asked.ungraded(submission.student, submission.reason or "no notebook").flagged(submission.flags)
    outcome = run.load(submission) or failed.get(submission.student)
    if outcome is None:
        outcome = asked.ungraded(submission.student, "handed in while the grader ran; run it again with --resume")
    return outcome.flagged(submission.flags)
