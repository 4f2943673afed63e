"""From `grades.csv` into a platform's own table: the file that came, with points and feedback in it."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_grading.labs import read_lab
from course_grading.model import Lab
from course_grading.platforms import moodle
from course_grading.platforms.blackboard import Blackboard
from course_grading.platforms.canvas import Canvas
from course_grading.platforms.cells import Table, listed, read
from course_grading.platforms.matching import Matches, match
from course_grading.platforms.platform import Line, Place, Platform, amount
from course_grading.platforms.students import OURS, Student, feedback, students
from course_grading.rights import keep
from course_utils.storage import check_writable

PLATFORMS: Mapping[str, Platform] = {one.name: one for one in (Canvas(), moodle.Moodle(), Blackboard())}
NOTHING = ("", "-")
MOMENT = (2020, 1, 1, 0, 0, 0)
SUFFIXES = (".csv", ".xls", ".txt", ".tsv")


@dataclass(frozen=True)
class Options:
    """How points are exported; each is an option of the command.

    Attributes:
        platform: Name of the platform.
        table: The file that it wrote.
        folder: The class's folder.
        column: The column for the points; by default the only one that names the lab.
        missing: What students get who handed in nothing: "keep" what stands there, or "zero".
        scale: Whether points are scaled where the platform gives others for everything.
        unfinished: Whether points are exported although answers wait to be marked by hand.
    """

    platform: str
    table: Path
    folder: Path = Path(".")
    column: str | None = None
    missing: str = "keep"
    scale: bool = False
    unfinished: bool = False


@dataclass(frozen=True)
class Job:
    """What is put where: the parts that all steps share; and whether numbers have a comma there."""

    lab: Lab
    folder: Path
    platform: Platform
    table: Table
    place: Place
    comma: bool


@dataclass(frozen=True)
class Entry:
    """What one row gets.

    Attributes:
        line: The row.
        points: As text.
        student: Whose it is; None for somebody who handed in nothing.
    """

    line: Line
    points: str
    student: Student | None = None


def export(name: str, options: Options) -> tuple[list[Path], list[str]]:
    """Write the file that a platform imports; nothing is written unless all of it can be.

    Args:
        name: Of the lab, such as "lab1_simulation".
        options: How.

    Returns:
        The files written, and what the instructor should know, in sentences.

    Raises:
        ValueError: If the table, the class or both together do not allow it; it is said why.
    """
    folder = Path(options.folder).resolve()
    job = _job(name, folder, options)
    class_ = students(folder, name)
    _refuse_unfinished(class_, options)
    lines = job.platform.lines(job.table)
    absent = {student.name for student in class_ if student.absent}
    matches = match(job.platform, class_, lines).without(absent)
    if not matches.found:
        raise ValueError(f"{options.table}: no row is of a student of {name}: {_reasons(matches)}")
    entries = [_entry(job, one, matches.found[one.name], options) for one in class_ if one.name in matches.found]
    if options.missing == "zero":
        entries += _zeros(job, lines, matches)
    open_ = [entry for entry in entries if not job.platform.locked(job.table, job.place, entry.line.row)]
    files = {_target(job, options): job.table.changed(_cells(job, open_)).to_bytes()}
    if job.platform.name == "moodle":
        files |= _pages(job, open_)
    for path in files:
        check_writable(path)
    sentences = [*_said_of(job, entries, lines), *_said_of_lost(matches, class_)]
    if absent and options.missing == "keep":
        sentences.append(f"{len(absent)} students of grades.csv handed in nothing: what stands in their rows stays")
    return [keep(folder, path, content) for path, content in files.items()], sentences


def _job(name: str, folder: Path, options: Options) -> Job:
    """The lab, the table and the column, each refused by name where it does not fit."""
    lab = read_lab(name)
    platform = PLATFORMS[options.platform]
    try:
        table = read(options.table.read_bytes())
        _refuse_others(platform, table)
        place = platform.place(table, name, options.column)
        return Job(lab, folder, platform, table, place, _has_commas(table, place))
    except OSError as error:
        raise ValueError(f"expected the file that the platform wrote, got {options.table}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{options.table}: {error}") from error


def _refuse_others(platform: Platform, table: Table) -> None:
    """Refuse a table that lacks a column of its platform, and say whose it looks like."""
    lacking = platform.lacking(table)
    if not lacking:
        return
    for other in PLATFORMS.values():
        if not other.lacking(table):
            raise ValueError(
                f"this is {other.file}: give --for {other.name}, or the file of {platform.name.capitalize()}"
            )
    raise ValueError(
        f"expected {platform.file}, with columns {_quoted(platform.needs)}; without {_quoted(lacking)}, found: "
        f"{listed(table.names)}. The names are understood in English: set the platform's language to English, download "
        f"again, and import in English, too"
    )


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _refuse_unfinished(class_: Sequence[Student], options: Options) -> None:
    answers = sum(student.waiting for student in class_)
    people = sum(student.waiting > 0 for student in class_)
    if answers and not options.unfinished:
        raise ValueError(
            f"{answers} answers of {people} students wait to be marked by hand: mark them with formgrader, run grade "
            f"with --resume, or export points as they are with --unfinished"
        )


def _entry(job: Job, student: Student, line: Line, options: Options) -> Entry:
    """A student's points as the platform counts them.

    Raises:
        ValueError: If it gives others for everything and they are not to be scaled.
    """
    most = job.platform.most(job.table, job.place, line.row)
    if not most or most == student.most:
        return Entry(line, _number(job, student.total), student)
    if not options.scale:
        raise ValueError(
            f"{job.lab.name} has {student.most:g} points for everything, and {job.place.title!r} has {most:g} there: "
            f"change it there, or give --scale to multiply points by {most / student.most:.4g}"
        )
    return Entry(line, _number(job, student.total * most / student.most), student)


def _zeros(job: Job, lines: Sequence[Line], matches: Matches) -> list[Entry]:
    """Nothing for those who handed in nothing and have no grade yet.

    Raises:
        ValueError: If one of them may be a student whose row was not found.
    """
    if matches.lost:
        raise ValueError(
            f"--missing zero could give nothing to people who handed in, since some have no row: {_reasons(matches)}"
        )
    taken = {line.row.number for line in matches.found.values()}
    free = [line for line in lines if line.row.number not in taken]
    return [Entry(line, "0") for line in free if line.row.values[job.place.column].strip() in NOTHING]


def _cells(job: Job, entries: Sequence[Entry]) -> dict[tuple[int, int], str]:
    """What to write, by row and column. A comment that a person wrote there stays."""
    at = job.table.column(*job.platform.feedback) if job.platform.feedback else None
    beside = job.platform.beside(job.table)
    cells = {}
    for entry in entries:
        row = entry.line.row
        cells[row.number, job.place.column] = entry.points
        if at is not None and entry.student and not _own_words(row.values[at]):
            cells[row.number, at] = feedback(job.lab, job.folder, entry.student)
            cells |= {(row.number, place): text for place, text in beside.items()}
    return cells


def _own_words(text: str) -> bool:
    """Whether a person wrote a comment, and not this course in an earlier export."""
    return bool(text.strip()) and not OURS.match(re.sub(r"<[^>]*>", "", text).strip())


def _number(job: Job, points: float) -> str:
    """Points with two digits at most, and with a comma where the table has them."""
    text = f"{round(points, 2):.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if job.comma else text


def _has_commas(table: Table, place: Place) -> bool:
    """Whether the numbers of a table have a comma: grades, and what everything is worth."""
    columns = {place.column, table.column(moodle.MOST) or place.column}
    return any("," in row.values[at] and amount(row.values[at]) is not None for row in table.below for at in columns)


def _target(job: Job, options: Options) -> Path:
    """Where the table is written: a file that is no .csv keeps its ending, as Blackboard reads tabs from .xls."""
    ending = options.table.suffix.lower()
    return job.folder / "export" / f"{job.platform.name}-{job.lab.name}{ending if ending in SUFFIXES else '.csv'}"


def _pages(job: Job, entries: Sequence[Entry]) -> dict[Path, bytes]:
    """The feedback pages, packed as Moodle takes them: the same bytes whenever the pages are the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in sorted(entries, key=lambda one: one.line.row.number):
            if entry.student and (page := _page(job, entry.student)).is_file():
                member = zipfile.ZipInfo(f"{moodle.folder(entry.line)}/{page.name}", MOMENT)
                member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
                archive.writestr(member, page.read_bytes())
    return {job.folder / "export" / f"moodle-{job.lab.name}-feedback.zip": out.getvalue()}


def _page(job: Job, student: Student) -> Path:
    return job.folder / "feedback" / (student.folder or student.name) / f"{job.lab.name}.html"


def _said_of(job: Job, entries: Sequence[Entry], lines: Sequence[Line]) -> Iterator[str]:
    """What was done, in sentences."""
    at = job.place.column
    why = {one.line.row.number: job.platform.locked(job.table, job.place, one.line.row) for one in entries}
    done = [entry for entry in entries if not why[entry.line.row.number]]
    before = [(one, one.line.row.values[at].strip()) for one in done]
    other = [one for one, text in before if text not in NOTHING and amount(text) != amount(one.points)]
    yield f"{len(done)} of {len(lines)} rows have points in {job.table.names[at]!r}, {len(other)} of them others before"
    zeros = sum(entry.student is None for entry in done)
    if zeros:
        yield f"{zeros} rows of students who handed in nothing have 0"
    for entry in entries:
        if why[entry.line.row.number]:
            yield f"left as it is: row {entry.line.row.number}, {_who(entry)}: {why[entry.line.row.number]}"
    for entry in done:
        most = job.platform.most(job.table, job.place, entry.line.row)
        if most and (amount(entry.points) or 0) > most:
            yield f"above the maximum of {most:g}: {_who(entry)} has {entry.points}; some platforms leave that out"
    first = next((entry for entry in done if entry.student), None)
    most = job.platform.most(job.table, job.place, first.line.row) if first else None
    if first and first.student and most and most != first.student.most:
        yield f"points are scaled from {first.student.most:g} to {most:g} for everything, with two digits"


def _said_of_lost(matches: Matches, class_: Sequence[Student]) -> Iterator[str]:
    """Whom the instructor has to look at, in sentences."""
    if matches.lost:
        yield f"not in the file, as no row is theirs: {len(matches.lost)} students of grades.csv: {_reasons(matches)}"
    ungraded = [student.name for student in class_ if student.reason and student.name in matches.found]
    if ungraded:
        yield f"not graded, with the points of grades.csv: {listed(ungraded)}"


def _reasons(matches: Matches) -> str:
    return "; ".join(f"{name} ({reason})" for name, reason in sorted(matches.lost.items()))


def _who(entry: Entry) -> str:
    return entry.student.name if entry.student else (*entry.line.names, entry.line.number)[0]
