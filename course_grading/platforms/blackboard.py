"""Blackboard: "Download Grades" gives a table, tabs and UTF-16 or commas; "Upload Grades" takes it back."""

import re
from typing import ClassVar

from course_grading.intake.names import folded
from course_grading.platforms.cells import Row, Table
from course_grading.platforms.platform import Place, Platform, amount, both_orders

COLUMN = re.compile(r"(?P<title>.*?)\s*\[Total Pts: (?P<most>\S+) (?P<shown>[^\]]*)\]\s*\|(?P<id>\d+)")
FORMAT = "Feedback Format"


class Blackboard(Platform):
    """Blackboard's gradebook. Its number of a student is the user name; the id of a column stands behind its name."""

    name: ClassVar[str] = "blackboard"
    file: ClassVar[str] = "Blackboard's gradebook"
    needs: ClassVar[tuple[str, ...]] = ("Last Name", "First Name", "Username")
    number: ClassVar[str] = "Username"
    logins: ClassVar[tuple[str, ...]] = ("Username", "Student ID")
    feedback: ClassVar[tuple[str, ...]] = ("Feedback to Learner", "Feedback to User")

    def places(self, table: Table) -> list[Place]:
        """Columns that show points: "up to 40 Score" is computed, and a percentage would be read as one."""
        named = [(at, COLUMN.fullmatch(name)) for at, name in enumerate(table.names)]
        scores = [(at, found) for at, found in named if found and found["shown"].strip() == "Score"]
        return [Place(found["title"], at, amount(found["most"])) for at, found in scores]

    def names(self, table: Table, row: Row) -> tuple[str, ...]:
        last, first = (table.column(name) for name in self.needs[:2])
        return () if last is None or first is None else both_orders(row.values[last], row.values[first])

    def own_number(self, name: str, number: str, lasting: bool) -> str:
        return name if not lasting and folded(number).endswith(f"_{folded(name)}") else ""

    def beside(self, table: Table) -> dict[int, str]:
        """Blackboard's name for text in which HTML is allowed."""
        at = table.column(FORMAT)
        return {} if at is None else {at: "SMART_TEXT"}
