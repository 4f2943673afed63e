"""What differs between platforms: the names of columns, which rows are students, where grades may stand."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from course_grading.intake.names import folded
from course_grading.platforms.cells import Row, Table, listed, twice

NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,9})?")


@dataclass(frozen=True)
class Line:
    """The row of one student in a platform's table.

    Attributes:
        row: The row.
        number: What the platform calls the student.
        logins: Other names by which the platform tells people apart.
        names: Of the student, in each order in which they may be written.
    """

    row: Row
    number: str
    logins: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """A column for grades.

    Attributes:
        title: As people know it.
        column: Where it is.
        most: Points for everything, where the column says so for all.
    """

    title: str
    column: int
    most: float | None = None


class Platform(ABC):
    """A platform.

    Attributes:
        name: For the command.
        file: What the table is called there.
        needs: Names of columns by which its table is known.
        number: The column of what the platform calls a student.
        logins: Columns of what the student is called elsewhere, too.
        feedback: Names that the column for feedback may have; none where there is no such column.
    """

    name: ClassVar[str]
    file: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    number: ClassVar[str]
    logins: ClassVar[tuple[str, ...]]
    feedback: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def places(self, table: Table) -> list[Place]:
        """Columns into which points may be written."""

    @abstractmethod
    def names(self, table: Table, row: Row) -> tuple[str, ...]:
        """A student's name, in each order in which it may be written."""

    @abstractmethod
    def own_number(self, name: str, number: str, lasting: bool) -> str:
        """A student's number for this platform, from what a file's name told; "" where it was another platform's.

        Args:
            name: Of the student there.
            number: The number there.
            lasting: Whether it holds in every assignment.
        """

    def lacking(self, table: Table) -> list[str]:
        """The columns by which its table is known and that a table does not have."""
        return [name for name in self.needs if table.column(name) is None]

    def rows(self, table: Table) -> list[Row]:
        """The rows of students."""
        return table.below

    def told(self, row: Row, cell: str) -> str:
        """The student's number in a cell."""
        return cell

    def most(self, table: Table, place: Place, row: Row) -> float | None:
        """Points for everything; None where the table does not say."""
        return place.most

    def locked(self, table: Table, place: Place, row: Row) -> str:
        """Why a student's grade is to stay as it is; "" where it may change."""
        return ""

    def beside(self, table: Table) -> dict[int, str]:
        """What to write into other columns where feedback is written."""
        return {}

    def lines(self, table: Table) -> list[Line]:
        """The rows of students.

        Raises:
            ValueError: If there is none, one has no number, or two are of one student.
        """
        columns = [table.column(name) for name in (self.number, *self.logins)]
        found = []
        for row in self.rows(table):
            own, *logins = ["" if at is None else row.values[at].strip() for at in columns]
            if not own:
                raise ValueError(f"row {row.number}: expected a student's {self.number}, got an empty cell")
            found.append(Line(row, self.told(row, own), tuple(filter(None, logins)), self.names(table, row)))
        if not found:
            raise ValueError("expected rows of students below the names of the columns, found none")
        for name, at in zip((self.number, *self.logins), columns, strict=True):
            if at is not None:
                self._once(name, [(line.row.number, line.row.values[at].strip()) for line in found])
        return found

    def place(self, table: Table, lab: str, asked: str | None) -> Place:
        """The column for a lab's points: the one that is asked for, else the only one that names the lab.

        Raises:
            ValueError: If there is not exactly one.
        """
        there = self.places(table)
        names = [place.title for place in there]
        if asked is None:
            chosen = [place for place in there if is_of(lab, place.title)]
            if len(chosen) != 1:
                found = f"{len(chosen)} of: {listed(names)}" if names else "no column for points at all"
                raise ValueError(f"expected one column for {lab}, found {found}; name it with --column")
            return chosen[0]
        wanted = asked.strip()
        chosen = [place for place in there if wanted in (table.names[place.column], place.title)]
        if len(chosen) != 1:
            raise ValueError(f"expected a column for points with --column, got {asked!r}; there are: {listed(names)}")
        return chosen[0]

    def _once(self, column: str, cells: Sequence[tuple[int, str]]) -> None:
        """Refuse a table in which two rows are of one student."""
        for one in twice([folded(text) for _, text in cells])[:1]:
            rows = " and ".join(str(number) for number, text in cells if folded(text) == one)
            raise ValueError(f"rows {rows} are of one student, by the column {column}: expected each student once")


def is_of(lab: str, title: str) -> bool:
    """Whether the title of a column names a lab: "Lab 1", "lab1_simulation", "Lab 1: Simulation", and not "Lab 10"."""
    short, _, topic = lab.partition("_")
    digits = re.sub(r"\D", "", short)
    return bool(re.search(rf"(?<![^\W_])lab[\s_-]*0?{digits}(?!\d)", title, re.I)) if digits else lab in title


def amount(text: str) -> float | None:
    """A number, with a point or a comma; None if it is none."""
    text = text.strip()
    return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None


def both_orders(last: str, first: str) -> tuple[str, ...]:
    """A name in each order in which people write it."""
    last, first = last.strip(), first.strip()
    if not (first and last):
        return tuple(filter(None, (first or last,)))
    return f"{first} {last}", f"{last}, {first}", f"{last} {first}"
