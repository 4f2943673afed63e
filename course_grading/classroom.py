"""Grading a class. A submission goes one way, from what was handed in to the pages about it:

archive -> student -> notebook -> run -> verdict -> outcome -> marks -> pages

`intake` does the first two, `notebook` reads, `judge` runs and judges, `outcomes` keeps, `marks` enters into the
gradebook, and `pages` writes. Everything but the outcomes of the judge and the marks given by hand is
made from these two, again in every run.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from course_grading import budget, outcomes
from course_grading.drawing import drawn
from course_grading.intake.checkin import check_in, sources, submissions
from course_grading.intake.submission import Submission
from course_grading.labs import read_lab, released
from course_grading.marks import Book, Row, check_version, default_url
from course_grading.model import Lab, Limits, Outcome
from course_grading.outcomes import Run
from course_grading.pages.feedback import feedback
from course_grading.pages.report import report
from course_grading.pages.spreadsheet import earlier, taken_over
from course_grading.pages.table import grades_csv
from course_grading.rights import keep, own_folder
from course_grading.turns import in_turn
from course_grading.workers import Judge, Judged, judge_all, without_doubt, workers
from course_utils.storage import check_writable


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


def grade(name: str, options: Options, judge: Judge | None = None) -> list[Row]:
    """Grade a lab.

    Args:
        name: Such as "lab1_simulation".
        options: How.
        judge: Judges one notebook; the sandbox by default.

    Returns:
        One row for each student, sorted.

    Raises:
        ValueError: If the lab is unknown, there are no submissions, or the gradebook is of another version.
    """
    lab = read_lab(name)
    folder = Path(options.folder).resolve()
    url = options.db or default_url(folder)
    check_version(url)
    for output in ("grades.csv", f"report-{lab.name}.html", "feedback/name", "autograded/name"):
        check_writable(folder / output)
    with _alone(own_folder(folder, folder / "grading" / lab.name)):
        for source in sources(folder, lab.name, options.source):
            if source.resolve() != folder / "submitted":
                for sentence in check_in(source, folder, lab.name, released()).sentences():
                    print(sentence)
        earlier(folder / "grades.csv")  # whatever is wrong with it is said before the work
        run = outcomes.begin(folder, lab, seed=options.seed, resume=options.resume)
        with Book(url) as book, closing(_judged(lab, run, folder, options, judge)) as found:
            book.prepare(lab)
            rows = [_finish(lab, one, run, folder, book, options.limits) for one in found]
        rows.sort(key=lambda row: row.outcome.student)
        _summarise(lab, rows, folder)
        return rows


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock that the system frees when this process ends, however it ends.

    Raises:
        ValueError: If another process holds it.
    """
    try:
        held = FileLock(folder / "lock").acquire(blocking=False)
    except Timeout as error:
        raise ValueError(f"another grading of this lab is running in {folder}: wait for it") from error
    with held:
        yield


def _judged(lab: Lab, run: Run, folder: Path, options: Options, judge: Judge | None) -> Generator[Judged, None, None]:
    """Every submission with its outcome: first those that are known, then the others as they are judged."""
    todo = set()
    for submission in _all(folder, lab):
        outcome = _known(submission, lab, run if options.resume else None)
        if outcome is None:
            todo.add(submission.student)
        else:
            yield Judged(submission, outcome)
    if not todo:
        return
    one_judge = partial(judge or _sandboxed(options), lab=lab.name, seed=run.seed)
    run.start(forget=not options.resume)
    fresh = (one for one in _all(folder, lab) if one.student in todo)
    with workers(min(options.workers, len(todo)), options.scheduler) as client:

        def judge_them(some: Iterable[Submission], crowded: bool) -> Iterator[Judged]:
            one = partial(one_judge, crowded=crowded)
            return judge_all(some, lab, client, one, options.limits, crowded)

        for one in tqdm(
            without_doubt(fresh, judge_them), total=len(todo), unit="notebook", desc=lab.name, mininterval=0.5
        ):
            if one.outcome.final:
                run.save(one.submission, one.outcome)
            yield one


def _all(folder: Path, lab: Lab) -> Iterator[Submission]:
    return submissions(folder, lab.name, released())


def _known(submission: Submission, lab: Lab, earlier: Run | None) -> Outcome | None:
    """The outcome of what need not be judged: there is nothing to judge, or an earlier run has done it."""
    if submission.content is None:
        return lab.ungraded(submission.student, submission.reason or "no notebook")
    return earlier.load(submission) if earlier else None


def _sandboxed(options: Options) -> Judge:
    """The judge; on this machine it is tried first, so that what is missing is said once."""
    from course_grading.judge import close_sandbox, judge, warm_sandbox
    from course_grading.sandbox.box import SandboxError

    if not options.scheduler:
        try:
            warm_sandbox(options.limits)
        except SandboxError as error:
            raise ValueError(str(error)) from error
        finally:
            close_sandbox()
    return judge


def _finish(lab: Lab, one: Judged, run: Run, folder: Path, book: Book, limits: Limits) -> Row:
    """Draw a submission, enter it into the gradebook, and write the student's page."""
    outcome = one.outcome.flagged(one.submission.flags)
    place = folder / "autograded" / outcome.student / lab.name / f"{lab.name}.ipynb"
    before = place.read_bytes() if place.is_file() else b""
    seconds = budget.processor_seconds(limits, budget.DRAW)
    found = drawn(lab, outcome, one.submission.content or b"", before, seconds)
    if found.outcome.shown is not one.outcome.shown and found.outcome.final:
        run.save(one.submission, found.outcome)  # so that it is not tried again
    row = book.enter(found)
    keep(folder, place, found.copy)
    keep(folder, folder / "feedback" / outcome.student / f"{lab.name}.html", feedback(found, row))
    return row


def _summarise(lab: Lab, rows: list[Row], folder: Path) -> None:
    """Write the table and the report of the class."""
    table = folder / "grades.csv"
    with in_turn(table):
        keep(folder, table, grades_csv(lab, rows, taken_over(table)))
    keep(folder, folder / f"report-{lab.name}.html", report(lab, rows))
