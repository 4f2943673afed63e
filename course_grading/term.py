"""A term at a glance: what is to be learnt from all graded labs together. All of it follows from a class's files."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from msgspec.structs import replace

from course_grading.model import NOTHING, Outcome, Status, from_json, natural
from course_grading.outcomes import Kept
from course_grading.pages.spreadsheet import Line, number, numbered
from course_grading.sheet import LabSheet, Sheet

STOPPED = 2
"""Labs in a row without anything handed in, after which a student has stopped."""

WAITING = re.compile(r"(\d+) to mark by hand")


@dataclass(frozen=True)
class Entry:
    """A line of `grades.csv`.

    Attributes:
        student: The student's name in the table.
        lab: The lab.
        share: The part of the lab's points that counts, from 0 to 1; more with extra points.
        handed_in: Whether anything was handed in.
        graded: Whether it could be graded.
        late: Whether it was late.
        unknown: Whether nobody knows what counts, since it was late and nobody says how late.
        waiting: Answers that somebody has to look at.
    """

    student: str
    lab: str
    share: float
    handed_in: bool = True
    graded: bool = True
    late: bool = False
    unknown: bool = False
    waiting: int = 0


@dataclass(frozen=True)
class Exercise:
    """An exercise in a term: how many answers were right, not right or not done, as `pages.report` has it."""

    lab: str
    label: str
    right: int
    wrong: int
    not_done: int

    @property
    def share(self) -> float:
        """The part that was right."""
        return self.right / (self.right + self.wrong + self.not_done)


@dataclass(frozen=True)
class Mistake:
    """A recognised mistake in a term: how many made it, of how many whose submission was judged."""

    lab: str
    label: str
    name: str
    count: int
    of: int


@dataclass(frozen=True)
class Term:
    """All graded labs of a class.

    Attributes:
        sheet: What the class says of its labs.
        entries: The lines of its table.
        outcomes: What the judge found, by lab.
    """

    sheet: Sheet
    entries: Sequence[Entry]
    outcomes: Mapping[str, Sequence[Outcome]]

    @staticmethod
    def read(folder: str | Path) -> "Term":
        """The term of the class in a folder.

        Raises:
            ValueError: If nothing is graded yet, or a file is not as it should be.
        """
        folder = Path(folder)
        sheet = Sheet.read(folder)
        entries = _entries(folder / "grades.csv")
        labs = dict.fromkeys(entry.lab for entry in entries)
        return Term(sheet, entries, {lab: _outcomes(folder / "grading" / lab) for lab in labs})

    @property
    def labs(self) -> list[str]:
        """Labs that are graded, by their deadlines if all have one, else by their numbers."""
        found = sorted({entry.lab for entry in self.entries}, key=natural)
        moments = {lab: deadline for lab in found if (deadline := self.of(lab).deadline)}
        return sorted(found, key=moments.__getitem__) if len(moments) == len(found) else found

    def of(self, lab: str) -> LabSheet:
        """What the class says of a lab; of one that this checkout does not have any more, nothing."""
        return self.sheet.labs.get(lab, LabSheet())

    def lines(self, lab: str) -> list[Entry]:
        """The table's lines on a lab."""
        return [entry for entry in self.entries if entry.lab == lab]

    def totals(self) -> dict[str, float]:
        """Everybody's total in percent: the mean of the labs by their weights; one that was not handed in is 0."""
        weights = {lab: self.of(lab).weight for lab in self.labs}
        most = sum(weights.values())
        found: dict[str, float] = {student: 0.0 for student in sorted({entry.student for entry in self.entries})}
        for entry in self.entries:
            found[entry.student] += 100 * entry.share * weights[entry.lab] / most if most else 0.0
        return found

    def stopped(self) -> dict[str, str]:
        """The last lab of everybody who handed in before, and nothing for the last two labs."""
        labs = self.labs
        last: dict[str, int] = {}
        for entry in self.entries:
            if entry.handed_in:
                last[entry.student] = max(last.get(entry.student, 0), labs.index(entry.lab))
        return {student: labs[at] for student, at in sorted(last.items()) if at < len(labs) - STOPPED}

    def exercises(self) -> list[Exercise]:
        """All exercises, hardest first."""
        found = []
        for lab in self.labs:
            answers = [answer for outcome in self.outcomes[lab] for answer in outcome.answers]
            for label in dict.fromkeys(f"{answer.number} {answer.title}" for answer in answers):
                seen = Counter(answer.status for answer in answers if f"{answer.number} {answer.title}" == label)
                idle = seen[Status.NOT_DONE] + seen[Status.MISSING]
                found.append(Exercise(lab, label, seen[Status.RIGHT], seen.total() - seen[Status.RIGHT] - idle, idle))
        return sorted(found, key=lambda one: (one.share, natural(one.label)))

    def mistakes(self) -> list[Mistake]:
        """All recognised mistakes, lab by lab, the most frequent first."""
        found = []
        for lab in self.labs:
            answers = [answer for outcome in self.outcomes[lab] for answer in outcome.answers if answer.mistake]
            seen = Counter((f"{answer.number} {answer.title}", answer.mistake) for answer in answers)
            ordered = sorted(seen.items(), key=lambda pair: (-pair[1], natural(pair[0][0]), pair[0]))
            judged = len(self.outcomes[lab])
            found += [Mistake(lab, label, name or "", count, judged) for (label, name), count in ordered]
        return found


def middle(entries: Sequence[Entry]) -> float | None:
    """The median of what was handed in, in percent of the points; None if nothing was."""
    shares = [100 * entry.share for entry in entries if entry.handed_in]
    return median(shares) if shares else None


def table(term: Term) -> str:
    """Everybody's total and labs in percent, as a table for a spreadsheet."""
    shares = {(entry.student, entry.lab): f"{100 * entry.share:.1f}" for entry in term.entries}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", "total", *term.labs])
    for student, total in term.totals().items():
        writer.writerow([student, f"{total:.1f}", *(shares.get((student, lab), "") for lab in term.labs)])
    return out.getvalue()


def _entries(file: Path) -> list[Entry]:
    if not file.is_file():
        raise ValueError(f"expected {file}, which is missing: grade a lab first")
    try:
        lines = numbered(file.read_bytes())
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    found = [_entry(file, at, line) for at, line in lines if line.get("student") and line.get("lab")]
    if not found:
        raise ValueError(f"expected lines of students in {file}, found none: grade a lab first")
    return found


def _entry(file: Path, at: int, line: Line) -> Entry:
    most = _points(file, at, line, "max")
    late, counted = line.get("late", ""), line.get("counted", "")
    earned = _points(file, at, line, "counted" if counted else "total")
    reason, waiting = line.get("reason", ""), WAITING.fullmatch(line.get("status", ""))
    return Entry(
        student=line["student"],
        lab=line["lab"],
        share=earned / most if most else 0.0,
        handed_in=reason != NOTHING,
        graded=not reason,
        late=late not in ("", "0"),
        unknown=late == "?",
        waiting=int(waiting[1]) if waiting else 0,
    )


def _points(file: Path, at: int, line: Line, column: str) -> float:
    value = number(line.get(column, ""))
    if value is None:
        raise ValueError(f"{file}, line {at}, column {column}: expected a number, got {line.get(column, '')!r}")
    return float(value)


def _outcomes(folder: Path) -> list[Outcome]:
    """What the judge found for one lab, as it is kept; without what was printed."""
    found = []
    for file in sorted((folder / "outcomes").glob("*.json")):
        try:
            found.append(replace(from_json(file.read_bytes(), Kept).outcome, printed={}))
        except ValueError as error:
            raise ValueError(f"{file} was changed by hand ({error}): grade with --resume") from error
    return found
