"""When students handed in: what `late.csv` in the class's folder says, else the platform in the names that it gave.

A moment at which an archive or a file says that it was written is none: whoever handed it in has written that, too.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

from course_grading.intake.names import LATE, folded
from course_grading.intake.submission import Submission
from course_grading.late import UNKNOWN, Delay
from course_grading.pages.spreadsheet import Line, number, numbered
from course_grading.sheet import LabSheet, Sheet

FILE = "late.csv"
ATTEMPT = "%Y-%m-%d-%H-%M-%S"
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
MOST_DAYS = 1000


@dataclass(frozen=True)
class Arrival:
    """A line of `late.csv`.

    Attributes:
        line: Its number.
        student: As it names the student.
        days: How many days late it was, which counts more than the time.
        time: When it was handed in.
    """

    line: int
    student: str
    days: int | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class Arrivals:
    """When one lab was handed in.

    Attributes:
        file: The file `late.csv`.
        sheet: What the class says of the lab.
        told: Its lines on the lab, by the student's key.
    """

    file: Path
    sheet: LabSheet
    told: Mapping[str, Arrival] = field(default_factory=dict)

    @staticmethod
    def read(folder: str | Path, lab: str, sheet: Sheet) -> "Arrivals":
        """The arrivals of a lab; every line of the file is looked at, whatever its lab.

        Raises:
            ValueError: If anything in the file is not as it should be: line and column, what was expected, what came.
        """
        file = Path(folder) / FILE
        lines = _lines(file) if file.exists() else []
        told: dict[tuple[str, str], Arrival] = {}
        for at, line in lines:
            name, arrival = _arrival(file, at, line, sheet)
            first = told.setdefault((name, _key(arrival.student)), arrival)
            if first is not arrival:
                raise _wrong(file, at, "student", f"each student once a lab, as in line {first.line}", arrival.student)
        own = {student: arrival for (name, student), arrival in told.items() if name == lab}
        return Arrivals(file, sheet.labs[lab], own)

    def check(self, students: Collection[str]) -> None:
        """Refuse a line on somebody who is not in the class.

        Raises:
            ValueError: If there is one.
        """
        known = {_key(student): student for student in students}
        for key, arrival in self.told.items():
            if key not in known:
                near = get_close_matches(key, known, 1, 0.5)
                hint = f" such as {known[near[0]]!r}" if near else ""
                expected = f"a student of the class, a folder in submitted/{hint}"
                raise _wrong(self.file, arrival.line, "student", expected, arrival.student)

    def delay(self, one: Submission) -> Delay | None:
        """How late somebody was; None where the lab has no deadline."""
        deadline, rule = self.sheet.deadline, self.sheet.rule
        if deadline is None:
            return None
        told = self.told.get(_key(one.student))
        if told and told.days is not None:
            return rule.delay(told.days)
        time = told.time if told else _of_attempt(one.attempt)
        if time:
            return rule.delay(rule.days(deadline, time))
        return UNKNOWN if LATE in one.flags or one.attempt else rule.delay(0)


def _of_attempt(text: str) -> datetime | None:
    """The time in the names that Blackboard gives."""
    try:
        return datetime.strptime(text, ATTEMPT)
    except ValueError:
        return None


def _lines(file: Path) -> Sequence[tuple[int, Line]]:
    try:
        found = numbered(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    lines = [(at, {name.lower(): value for name, value in line.items()}) for at, line in found]
    names = {name for _, line in lines for name in line}
    if lines and not names & {"time", "days"}:
        raise ValueError(f"{file}: expected a column time or days, found only: {', '.join(sorted(names))}")
    return lines


def _arrival(file: Path, at: int, line: Line, sheet: Sheet) -> tuple[str, Arrival]:
    """The lab of a line, and what it says."""
    student, lab = line.get("student", ""), line.get("lab", "")
    if not student:
        raise _wrong(file, at, "student", "the name of a student", student)
    if lab not in sheet.labs:
        raise _wrong(file, at, "lab", f"one of {', '.join(sheet.labs)}", lab)
    days, time = line.get("days", ""), line.get("time", "")
    if not days and not time:
        raise _wrong(file, at, "time" if "time" in line else "days", "a time or a number of days", "")
    found = Arrival(at, student, _days(file, at, days), _time(file, at, time))
    if found.days and sheet.labs[lab].deadline is None:
        raise _wrong(file, at, "days", f"none for {lab}, which has no deadline in class.toml", days)
    return lab, found


def _days(file: Path, at: int, text: str) -> int | None:
    if not text:
        return None
    value = float(number(text) or "nan")
    if not (value.is_integer() and 0 <= value <= MOST_DAYS):
        raise _wrong(file, at, "days", f"a whole number of days from 0 to {MOST_DAYS}", text)
    return int(value)


def _time(file: Path, at: int, text: str) -> datetime | None:
    if not text:
        return None
    try:
        if TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise _wrong(file, at, "time", "a time such as 2027-02-13 08:00", text)


def _key(student: str) -> str:
    """The same for a folder's name and for what a spreadsheet makes of it."""
    return folded(student.removeprefix("'").strip())


def _wrong(file: Path, at: int, column: str, expected: str, got: str) -> ValueError:
    return ValueError(f"{file}, line {at}, column {column}: expected {expected}, got {got!r}")
