"""The sheet of a class, `class.toml` in its folder: labs that count, points, weights, deadlines, what being late costs.

Without the file everything is as the labs have it: all of them count alike, and there is no deadline.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import structs

from course_grading.labs import read_lab, released
from course_grading.late import Late
from course_grading.model import Lab, Outcome

FILE = "class.toml"
SHEET = ("name", "timezone", "late", "labs")
LAB = ("deadline", "weight", "points", "late")
RULE = tuple(f.name for f in fields(Late))
MOST_POINTS = 1000
GRACE = re.compile(r"(\d{1,4}) ?(min|h|days?)")
UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "day": timedelta(days=1), "days": timedelta(days=1)}
QUESTION = re.compile(r"Q(\d+)")


@dataclass(frozen=True)
class LabSheet:
    """What a class says of a lab.

    Attributes:
        points: Points of tasks by number, such as "1.4" or "Question 1"; those that are not named keep theirs.
        weight: Of the lab in the total of a term; 0 where it does not count.
        deadline: With its time zone; None where there is none.
        late: What being late costs; None where it costs nothing.
    """

    points: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0
    deadline: datetime | None = None
    late: Late | None = None

    @property
    def rule(self) -> Late:
        """What being late costs, which may be nothing."""
        return self.late or Late()

    def of(self, lab: Lab) -> Lab:
        """The lab with the points of this sheet."""
        tasks = (replace(task, points=self.points.get(task.number, task.points)) for task in lab.tasks)
        return replace(lab, tasks=tuple(tasks))


def scaled(lab: Lab, outcome: Outcome) -> Outcome:
    """An outcome with the points of a lab: what earned half of the judge's points earns half of these."""
    most = {task.exercise: task.points for task in lab.tasks}
    answers = tuple(
        answer
        if most[answer.exercise] == answer.max_points
        else structs.replace(
            answer,
            points=most[answer.exercise] * (answer.points / answer.max_points),
            max_points=most[answer.exercise],
        )
        for answer in outcome.answers
    )
    return structs.replace(outcome, answers=answers)


@dataclass(frozen=True)
class Sheet:
    """What a class says of its labs.

    Attributes:
        name: Of the class.
        labs: All labs of this checkout, by name.
    """

    name: str = ""
    labs: Mapping[str, LabSheet] = field(default_factory=dict)

    @staticmethod
    def read(folder: str | Path) -> "Sheet":
        """The sheet in a class's folder.

        Raises:
            ValueError: If anything in it is not as it should be: file and key, what was expected and what came.
        """
        file = Path(folder) / FILE
        labs = {name: LabSheet() for name in released()}
        return _sheet(Table(file, "", _loaded(file), SHEET), labs) if file.exists() else Sheet(labs=labs)


class Table:
    """A table of the file, in which every key is known; what is wrong with a value is said with its place."""

    def __init__(self, file: Path, place: str, values: object, keys: Collection[str] | None = None):
        self.file, self.place = file, place
        if not isinstance(values, dict):
            raise self.wrong("", "a table", values)
        self.values: dict[str, object] = values
        for key in values:
            if keys is not None and key not in keys:
                raise self.unknown("key", key, keys)

    def wrong(self, key: str, expected: str, got: object) -> ValueError:
        """The error for a value."""
        place = ".".join(part for part in (self.place, key) if part)
        return ValueError(f"{self.file}: expected {expected} as {place}, got {_shown(got)}")

    def unknown(self, what: str, name: str, known: Collection[str]) -> ValueError:
        """The error for a name that is none of those that are known."""
        where = f" in {self.place}" if self.place else ""
        near = [one for one in known if one.startswith(f"{name}_")] or get_close_matches(name, known, 1, 0.5)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return ValueError(f"{self.file}: unknown {what} {name!r}{where}, expected one of: {', '.join(known)}{hint}")

    def table(self, key: str, keys: Collection[str] | None = None) -> "Table":
        """A table in this one; an empty one where there is none."""
        place = ".".join(part for part in (self.place, key) if part)
        return Table(self.file, place, self.values.get(key, {}), keys)

    def text(self, key: str, otherwise: str = "") -> str:
        value = self.values.get(key, otherwise)
        if not isinstance(value, str):
            raise self.wrong(key, "a text", value)
        return value

    def number(self, key: str, otherwise: float, most: float) -> float:
        """A number from 0 to `most`."""
        value = self.values.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise self.wrong(key, f"a number from 0 to {most:g}", value)
        return value


def _loaded(file: Path) -> dict[str, object]:
    try:
        text = file.read_text("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error).replace("at end of document", f"at the end, line {len(text.splitlines())}")
        raise ValueError(f"{file}: expected TOML, got: {said}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: expected TOML, which is UTF-8, got: {error}") from error
    except OSError as error:
        raise ValueError(f"{file}: expected a file that can be read: {error.strerror or error}") from error


def _sheet(table: Table, labs: Mapping[str, LabSheet]) -> Sheet:
    """The sheet: labs that it names count; where it names none, all do."""
    zone = _zone(table)
    shared = _rule(table.table("late", RULE), None)
    named = table.table("labs")
    for name in named.values:
        if name not in labs:
            raise named.unknown("lab", name, labs)
    silent = LabSheet(weight=0.0 if named.values else 1.0, late=shared)
    found = {n: _lab(named.table(n, LAB), n, zone, shared) if n in named.values else silent for n in labs}
    if labs and not any(sheet.weight for sheet in found.values()):
        raise ValueError(f"{table.file}: expected a weight above 0 for one of the labs, got none")
    return Sheet(table.text("name"), found)


def _lab(table: Table, name: str, zone: ZoneInfo | None, shared: Late | None) -> LabSheet:
    return LabSheet(
        points=_points(table.table("points"), name) if "points" in table.values else {},
        weight=table.number("weight", 1.0, MOST_POINTS),
        deadline=_deadline(table, zone),
        late=_rule(table.table("late", RULE), shared),
    )


def _points(table: Table, name: str) -> dict[str, float]:
    lab = read_lab(name)
    known = [task.number for task in lab.tasks]
    found: dict[str, float] = {}
    for key, value in table.values.items():
        if isinstance(value, dict):
            raise table.wrong(key, 'a number of points, with the number of the task in quotes, such as "1.4"', value)
        task = QUESTION.sub(r"Question \1", key) if QUESTION.fullmatch(key) else key
        if task not in known:
            raise table.unknown("task", key, known)
        if task in found:
            raise ValueError(f"{table.file}: expected one number for {task} in {table.place}, got two")
        found[task] = table.number(key, 0.0, MOST_POINTS)
    if not LabSheet(found).of(lab).points:
        raise table.wrong("", "points above 0 for one of the tasks", table.values)
    return found


def _zone(table: Table) -> ZoneInfo | None:
    name = table.text("timezone")
    if "timezone" not in table.values:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # of all that is no name of a zone, some name folders
        raise table.wrong("timezone", "the name of a time zone, such as Europe/Berlin,", name) from error


def _deadline(table: Table, zone: ZoneInfo | None) -> datetime | None:
    """The deadline: of an hour that the clocks show twice the second, since a deadline is in favour of students."""
    value = table.values.get("deadline")
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise table.wrong("deadline", "a date with a time and no quotes, such as 2027-02-12T23:59:00,", value)
    if value.tzinfo:
        return value.astimezone(zone) if zone else value
    if zone is None:
        raise table.wrong("deadline", 'a time with its zone (timezone = "Europe/Berlin" above all tables)', value)
    moment = value.replace(tzinfo=zone, fold=1)
    if moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
        raise table.wrong("deadline", f"a time that the clocks of {zone} show", value)
    return moment


def _rule(table: Table, shared: Late | None) -> Late | None:
    """The rule of a table; what it does not say is as in the one for all labs."""
    if not table.values:
        return shared
    base = shared or Late()
    return Late(_grace(table, base), table.number("per_day", base.per_day, 1), _at_most(table, base))


def _grace(table: Table, base: Late) -> timedelta:
    if "grace" not in table.values:
        return base.grace
    match = GRACE.fullmatch(str(table.values["grace"]))
    if not match:
        raise table.wrong("grace", "a time such as '15 min', '2 h' or '1 day'", table.values["grace"])
    return int(match[1]) * UNITS[match[2]]


def _at_most(table: Table, base: Late) -> int | None:
    value = table.values.get("at_most", base.at_most)
    if isinstance(value, bool) or not (value is None or (isinstance(value, int) and value >= 0)):
        raise table.wrong("at_most", "a whole number of days", value)
    return value


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, date | time) else repr(value)
