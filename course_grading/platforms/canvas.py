"""Canvas: "Export Entire Gradebook" gives a table, "Import" takes it back. It has no column for feedback."""

import re
from typing import ClassVar

from course_grading.platforms.cells import Row, Table
from course_grading.platforms.platform import Place, Platform, amount, both_orders

POINTS = "Points Possible"
WITH_ID = re.compile(r"(?P<title>.*?)\s*\((?P<id>\d+)\)")
TWO = ("LastName", "FirstName")
EXCUSED = {"EX": "excused", "N/A": "not assigned to this student"}


class Canvas(Platform):
    """Canvas's gradebook. A student's name is one cell, "Berg, Jan", or two."""

    name: ClassVar[str] = "canvas"
    file: ClassVar[str] = "Canvas's gradebook"
    needs: ClassVar[tuple[str, ...]] = ("Student", "ID", "Section")
    number: ClassVar[str] = "ID"
    logins: ClassVar[tuple[str, ...]] = ("SIS Login ID", "SIS User ID", "Integration ID")

    def places(self, table: Table) -> list[Place]:
        """Columns that have a number in the row of points: those that Canvas computes say "(read only)" there."""
        found = []
        for at, (name, text) in enumerate(zip(table.names, self._points(table).values, strict=True)):
            most = amount(text)
            if most is not None:
                titled = WITH_ID.fullmatch(name)
                found.append(Place(titled["title"] if titled else name, at, most))
        return found

    def lacking(self, table: Table) -> list[str]:
        """Two columns of names do for one."""
        two = all(table.column(name) is not None for name in TWO)
        return [name for name in super().lacking(table) if not (two and name == self.needs[0])]

    def rows(self, table: Table) -> list[Row]:
        """Students stand below the row of points; above it there may be one that says which grades are not posted."""
        above = self._points(table).number
        return [row for row in table.below if row.number > above]

    def names(self, table: Table, row: Row) -> tuple[str, ...]:
        whole, last, first = (table.column(name) for name in (self.needs[0], *TWO))
        if last is not None and first is not None:
            names = both_orders(row.values[last], row.values[first])
        elif whole is not None:
            before, comma, after = row.values[whole].partition(",")
            names = both_orders(before, after) if comma else (before.strip(),)
        else:
            names = ()
        return (*names, *(re.sub(r"[\W_]", "", name) for name in names[-1:]))  # as in the names of its downloads

    def own_number(self, name: str, number: str, lasting: bool) -> str:
        return number if lasting and number.isdecimal() else ""

    def locked(self, table: Table, place: Place, row: Row) -> str:
        return EXCUSED.get(row.values[place.column].strip().upper(), "")

    def _points(self, table: Table) -> Row:
        for row in table.below:
            if row.values[0].strip() == POINTS:
                return row
        raise ValueError(f"expected a row {POINTS!r} below the names of the columns, as Canvas writes it, found none")
