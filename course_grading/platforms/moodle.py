"""Moodle: "Download grading worksheet" of one assignment gives a table, "Upload grading worksheet" takes it back.

Feedback pages go beside it, in a zip of a folder for each student: "Upload multiple feedback files in a zip".
"""

import re
from typing import ClassVar

from course_grading.intake.names import folded, tidy
from course_grading.platforms.cells import Row, Table
from course_grading.platforms.platform import Line, Place, Platform, amount

GRADE = "Grade"
MOST = "Maximum Grade"
CHANGED = "Last modified (grade)"


class Moodle(Platform):
    """The worksheet of one of Moodle's assignments: a single column of grades."""

    name: ClassVar[str] = "moodle"
    file: ClassVar[str] = "Moodle's grading worksheet"
    needs: ClassVar[tuple[str, ...]] = ("Identifier", GRADE, MOST, CHANGED)
    number: ClassVar[str] = "Identifier"
    logins: ClassVar[tuple[str, ...]] = ("Email address", "Username", "ID number")
    feedback: ClassVar[tuple[str, ...]] = ("Feedback comments",)

    def places(self, table: Table) -> list[Place]:
        at = table.column(GRADE)
        return [] if at is None else [Place(GRADE, at)]

    def place(self, table: Table, lab: str, asked: str | None) -> Place:
        """The one column of grades, whatever the lab is called there."""
        return super().place(table, lab, asked or GRADE)

    def names(self, table: Table, row: Row) -> tuple[str, ...]:
        at = table.column("Full name")
        return () if at is None else tuple(filter(None, (row.values[at].strip(),)))

    def told(self, row: Row, cell: str) -> str:
        """The number in "Participant 123"."""
        found = re.search(r"\d+$", cell)
        if not found:
            raise ValueError(
                f"row {row.number}: expected an {self.number} such as 'Participant 123', got {cell[:40]!r}"
            )
        return found[0]

    def own_number(self, name: str, number: str, lasting: bool) -> str:
        return number if number.isdecimal() and not lasting else ""

    def most(self, table: Table, place: Place, row: Row) -> float | None:
        at = table.column(MOST)
        return None if at is None else amount(row.values[at])

    def locked(self, table: Table, place: Place, row: Row) -> str:
        at = table.column("Grade can be changed")
        return (
            ""
            if at is None or folded(row.values[at].strip()) in ("yes", "")
            else "Moodle says that it cannot be changed"
        )


def folder(line: Line) -> str:
    """A student's folder in the zip of feedback: Moodle reads the number behind the first underscore of its name."""
    name = tidy(line.names[0] if line.names else "Participant", 80).replace("_", " ")
    return f"{name}_{line.number}_assignsubmission_file_"
