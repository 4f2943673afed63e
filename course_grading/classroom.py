"""Grading a class. A submission goes one way, from what was handed in to the pages about it:

archive -> student -> notebook -> run -> verdict -> outcome -> marks -> pages

`intake` does the first two, `notebook` reads, `judge` runs and judges, `outcomes` keeps, `marks` enters into the
gradebook, and `pages` writes. Everything but the outcomes of the judge and the marks given by hand is
made from these two, again in every run.
"""

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec import structs
from tqdm import tqdm

from course_grading import budget, outcomes
from course_grading.arrivals import Arrivals
from course_grading.drawing import drawn
from course_grading.intake.checkin import check_in, sources, submissions
from course_grading.intake.submission import Submission, some
from course_grading.labs import read_lab, released
from course_grading.late import UNKNOWN
from course_grading.marks import Book, Row, check_version, default_url
from course_grading.model import NOTHING, Lab, Limits, Outcome
from course_grading.outcomes import Run
from course_grading.pages.feedback import feedback
from course_grading.pages.report import report
from course_grading.pages.spreadsheet import earlier, taken_over
from course_grading.pages.table import grades_csv
from course_grading.regrade import Runs, named, seeded
from course_grading.rights import keep, own_folder
from course_grading.sheet import Sheet, scaled
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
        only: Students who are judged anew on fresh inputs; the outcomes of all others are kept.
        seed: Makes a run repeatable.
        db: Address of the gradebook.
        limits: What one submission may use.
    """

    source: str | None = None
    folder: Path = Path(".")
    workers: int = 2
    scheduler: str | None = None
    resume: bool = False
    only: Sequence[str] = ()
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
        ValueError: If the lab is unknown, there are no submissions, the gradebook is of another version, or the class's
            sheet or its `late.csv` is not as it should be.
    """
    lab = read_lab(name)
    folder = Path(options.folder).resolve()
    sheet = Sheet.read(folder)
    arrivals = Arrivals.read(folder, name, sheet)
    _check(options, folder, lab)
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
        only = _of_class(options, folder, lab, arrivals)
        desk = Desk(lab, sheet.labs[name].of(lab), arrivals, folder, replace(options, only=only))
        rows = _rows(desk, _begin(options, folder, lab), url, judge)
        _summarise(desk.marked, rows, folder)
        for sentence in _odd(name, sheet, rows):
            print(sentence)
        return rows


@dataclass(frozen=True)
class Desk:
    """What lies ready while a lab is graded.

    Attributes:
        lab: The lab as it is judged.
        marked: The same with the points of the class's sheet.
        arrivals: When it was handed in.
        folder: The class's folder.
        options: How it is graded.
    """

    lab: Lab
    marked: Lab
    arrivals: Arrivals
    folder: Path
    options: Options

    @property
    def keeps(self) -> bool:
        """Whether outcomes of an earlier run are kept."""
        return self.options.resume or bool(self.options.only)


def _check(options: Options, folder: Path, lab: Lab) -> None:
    """Refuse what cannot be meant by `--only`."""
    if options.only and options.resume:
        raise ValueError("expected --only or --resume, got both: --only keeps the outcomes of all others")
    if options.only and not (folder / "grading" / lab.name / outcomes.RUN).is_file():
        raise ValueError(f"expected a grading of {lab.name} before --only, got none in {folder}: grade without it")


def _of_class(options: Options, folder: Path, lab: Lab, arrivals: Arrivals) -> list[str]:
    """Who is judged anew; whoever is named anywhere must be in the class."""
    if not options.only and not arrivals.told:
        return []
    students = [submission.student for submission in _all(folder, lab)]
    arrivals.check(students)
    return named(options.only, students)


def _begin(options: Options, folder: Path, lab: Lab) -> Runs:
    """The run: with `--only` the earlier one, in which a seed is for those who are judged anew."""
    keep = options.resume or bool(options.only)
    seed = None if options.only else options.seed
    return Runs.of(outcomes.begin(folder, lab, seed=seed, resume=keep), keep=keep)


def _rows(desk: Desk, runs: Runs, url: str, judge: Judge | None) -> list[Row]:
    """Everybody's marks, sorted by student; feedback is written on the way."""
    with Book(url) as book, closing(_judged(desk, runs, judge)) as found:
        book.prepare(desk.marked)
        rows = [_finish(desk, one, run, book) for one, run in found]
    return sorted(rows, key=lambda row: row.outcome.student)


def _odd(name: str, sheet: Sheet, rows: Sequence[Row]) -> Iterator[str]:
    """What a person should know of points that may not count."""
    if not sheet.labs[name].weight:
        yield f"{name} does not count in the total of the term: class.toml names other labs, or gives it the weight 0"
    unknown = [row.outcome.student for row in rows if row.delay == UNKNOWN]
    if unknown:
        yield f"late, and nobody says how late: {some(unknown)}; give their days or times in late.csv"


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


def _judged(desk: Desk, runs: Runs, judge: Judge | None) -> Generator[tuple[Judged, Run], None, None]:
    """Every submission with its outcome and its run: first those that are known, then the others as they are judged."""
    todo = set()
    for submission in _all(desk.folder, desk.lab):
        outcome = _known(submission, desk, runs[submission.student])
        if outcome is None:
            todo.add(submission.student)
        else:
            yield Judged(submission, outcome), runs[submission.student]
    if not todo:
        return
    judge = judge or _sandboxed(desk.options)
    runs.start(forget=not desk.keeps)
    if desk.options.only:
        runs = runs.anew(desk.options.only, desk.options.seed)
    one_judge = partial(seeded, judge, runs.seeds, lab=desk.lab.name, seed=runs.run.seed)
    with closing(_judge(desk, todo, one_judge)) as found:
        for one in found:
            if one.outcome.final:
                runs[one.submission.student].save(one.submission, one.outcome)
            yield one, runs[one.submission.student]


def _judge(desk: Desk, todo: Collection[str], one_judge: Judge) -> Generator[Judged, None, None]:
    """Judge these students' submissions; who closes it ends the workers."""
    lab, options = desk.lab, desk.options
    fresh = (one for one in _all(desk.folder, lab) if one.student in todo)
    with workers(min(options.workers, len(todo)), options.scheduler) as client:

        def judge_them(some: Iterable[Submission], crowded: bool) -> Iterator[Judged]:
            one = partial(one_judge, crowded=crowded)
            return judge_all(some, lab, client, one, options.limits, crowded)

        judged = without_doubt(fresh, judge_them)
        yield from tqdm(judged, total=len(todo), unit="notebook", desc=lab.name, mininterval=0.5)


def _all(folder: Path, lab: Lab) -> Iterator[Submission]:
    return submissions(folder, lab.name, released())


def _known(submission: Submission, desk: Desk, run: Run) -> Outcome | None:
    """The outcome of what need not be judged: there is nothing to judge, or an earlier run has done it."""
    if submission.content is None:
        return desk.lab.ungraded(submission.student, submission.reason or NOTHING)
    return run.load(submission) if desk.keeps and submission.student not in desk.options.only else None


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


def _finish(desk: Desk, one: Judged, run: Run, book: Book) -> Row:
    """Draw a submission, enter it into the gradebook, and write the student's page."""
    folder, lab = desk.folder, desk.marked
    outcome = one.outcome.flagged(one.submission.flags)
    place = folder / "autograded" / outcome.student / lab.name / f"{lab.name}.ipynb"
    before = place.read_bytes() if place.is_file() else b""
    seconds = budget.processor_seconds(desk.options.limits, budget.DRAW)
    found = drawn(lab, scaled(lab, outcome), one.submission.content or b"", before, seconds)
    if found.outcome.shown is not one.outcome.shown and found.outcome.final:
        run.save(one.submission, structs.replace(found.outcome, answers=outcome.answers))  # not to be tried again
    row = book.enter(found, desk.arrivals.delay(one.submission))
    keep(folder, place, found.copy)
    keep(
        folder,
        folder / "feedback" / outcome.student / f"{lab.name}.html",
        feedback(found, row, desk.arrivals.sheet.late),
    )
    return row


def _summarise(lab: Lab, rows: list[Row], folder: Path) -> None:
    """Write the table and the report of the class."""
    table = folder / "grades.csv"
    with in_turn(table):
        keep(folder, table, grades_csv(lab, rows, taken_over(table)))
    keep(folder, folder / f"report-{lab.name}.html", report(lab, rows))
