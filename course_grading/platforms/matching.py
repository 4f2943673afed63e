"""Whose row is whose: by the platform's number, else by a login, else by the name; nobody is guessed."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import partial

from course_grading.intake.names import folded, tidy
from course_grading.platforms.platform import Line, Platform
from course_grading.platforms.students import Student


@dataclass(frozen=True)
class Matches:
    """Who is where.

    Attributes:
        found: Rows by the student's name in `grades.csv`.
        lost: Why a student has no row, by that name.
    """

    found: dict[str, Line]
    lost: dict[str, str]

    def without(self, names: Set[str]) -> "Matches":
        """The same without some students, who were there to be told from others."""
        found = {name: line for name, line in self.found.items() if name not in names}
        return Matches(found, {name: reason for name, reason in self.lost.items() if name not in names})


@dataclass(frozen=True)
class Claim:
    """Something by which a row may be a student's.

    Attributes:
        value: What stands in the row.
        name: The name that came with it, which the row must not contradict; "" where there was none.
    """

    value: str
    name: str = ""


def match(platform: Platform, students: Sequence[Student], lines: Sequence[Line]) -> Matches:
    """Find the row of each student.

    Args:
        platform: Of the table.
        students: In `grades.csv`.
        lines: In the platform's table.
    """
    ways: list[tuple[str, Callable[[Student], list[Claim]], dict[str, list[Line]]]] = [
        ("number", partial(_numbers, platform), _index(lines, lambda line: (line.number,))),
        ("login", _logins, _index(lines, lambda line: line.logins)),
        ("name", _names, _index(lines, lambda line: line.names)),
    ]
    found: dict[str, Line] = {}
    lost: dict[str, str] = {}
    for kind, claims, index in ways:
        unknown = [one for one in students if one.name not in found and one.name not in lost]
        asked = {one.name: _row(kind, claims(one), index) for one in unknown}
        lost |= {name: reason for name, (_, reason) in asked.items() if reason}
        _take({name: line for name, (line, _) in asked.items() if line}, found, lost)
    rest = [one.name for one in students if one.name not in found and one.name not in lost]
    return Matches(found, lost | dict.fromkeys(rest, "no row with such a number, login or name"))


def agree(name: str, others: Iterable[str]) -> bool:
    """Whether two names can be one person's: a word of the one is in the other, or nothing is known of it."""
    others = [other for other in others if _letters(other)]
    words = [word for other in others for word in re.split(r"[\W_]+", _plain(other))]
    telling = [word for word in words if len(word) > 1 or (word and not word.isascii())]
    return not others or any(word in _letters(name) for word in telling) or _letters(name) in map(_letters, others)


def _index(lines: Iterable[Line], values: Callable[[Line], Iterable[str]]) -> dict[str, list[Line]]:
    """Rows by each value that tells them."""
    index = defaultdict(list)
    for line in lines:
        for value in {folded(tidy(value)) for value in values(line)}:
            index[value].append(line)
    return dict(index)


def _numbers(platform: Platform, student: Student) -> list[Claim]:
    told = [(one, platform.own_number(one.name, one.number, one.lasting)) for one in student.known]
    return [Claim(number, "" if number == one.name else one.name) for one, number in told if number]


def _logins(student: Student) -> list[Claim]:
    """The names by which somebody handed in may be logins, and a number that lasts is one where it is no number."""
    lasting = [Claim(one.number, one.name) for one in student.known if one.lasting]
    return [*(Claim(name) for name in _own_names(student)), *lasting]


def _names(student: Student) -> list[Claim]:
    return [Claim(name) for name in _own_names(student)]


def _own_names(student: Student) -> list[str]:
    return list(dict.fromkeys(filter(None, (student.folder or student.name, *(one.name for one in student.known)))))


def _row(kind: str, claims: Sequence[Claim], index: dict[str, list[Line]]) -> tuple[Line | None, str]:
    """The one row that fits, or why there is none; neither where another kind of claim may tell."""
    fit = [(claim, line) for claim in claims for line in index.get(folded(tidy(claim.value)), ())]
    rows = {line.row.number: line for _, line in fit}
    if len(rows) > 1:
        return None, f"the {kind} fits rows {' and '.join(str(row) for row in sorted(rows))}"
    for claim, line in fit:
        if claim.name and not agree(claim.name, line.names):
            there = f"{line.names[0]!r} in row {line.row.number}"
            return None, f"the {kind} {claim.value} is of {claim.name!r} here and of {there}"
    if not rows and kind == "number" and claims:  # another assignment's worksheet has other numbers for the same names
        return None, f"no row has the number {claims[0].value}: is the table of another assignment or course?"
    return next(iter(rows.values()), None), ""


def _take(wanted: dict[str, Line], found: dict[str, Line], lost: dict[str, str]) -> None:
    """Give rows to students: one that somebody has by better evidence, or that fits two, to nobody more."""
    owners = defaultdict(list)
    for name, line in [*found.items(), *wanted.items()]:
        owners[line.row.number].append(name)
    for name, line in wanted.items():
        others = [other for other in owners[line.row.number] if other != name]
        if others:
            lost[name] = f"row {line.row.number} fits {', '.join(map(repr, others))}, too"
    found |= {name: line for name, line in wanted.items() if name not in lost}


def _plain(text: str) -> str:
    """Without accents, which platforms drop from the names of files."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", _plain(text))
