"""Reading `grades.csv` again, in every form in which a spreadsheet may have saved it.

Programs write other codes, delimiters and ends of lines than they read, decimal commas, and columns in another order.
"""

import codecs
import csv
import io
import itertools
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_grading.rights import OWNER_OF_FILE
from course_utils.storage import write_file

Line = Mapping[str, str]
"""Values by the name of the column; "student" and "lab" are there."""

Numbered = tuple[int, list[str]]
"""The number of a line, and the values in it."""

FIRST = ("student", "lab", "total", "max")
LATE = ("late", "counted")
"""Columns that are there where a class has deadlines."""

LAST = (*LATE, "status", "flags", "reason")
TASK = re.compile(r"\d+\.\d+|Question \d+")
"""Name of a column with the points of a task."""


DELIMITERS = ",;\t|"
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
NUMBER = re.compile(r"-?\d{1,9}([.,]\d{1,9})?")
MOST_ABOVE = 20
"""Lines that may stand above the names of the columns."""


def read(raw: bytes) -> list[Line]:
    """The lines of a table; empty ones are left out.

    Raises:
        ValueError: If it is no such table; it is said why.
    """
    return [line for _, line in numbered(raw)]


def numbered(raw: bytes) -> list[tuple[int, Line]]:
    """The lines of a table, each with the number under which an editor shows it; empty ones are left out.

    Raises:
        ValueError: If it is no such table; it is said why.
    """
    try:
        text = _text(raw)
        if not text.strip():
            return []
        names, rows = _columns(text)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"expected a table of text, got: {error}") from error
    return [(at, _line(names, row)) for at, row in rows if any(value.strip() for value in row)]


def earlier(path: Path) -> list[Line]:
    """The lines of a table on the disk. One that cannot be understood is put beside, and it is said where.

    Raises:
        OSError: If it cannot be read or put beside.
    """
    if not path.exists():
        return []
    try:
        return read(path.read_bytes())
    except ValueError as error:
        kept = path.rename(_beside(path))
        print(f"{path.name} cannot be understood: it is kept as {kept.name}, and a new one is made ({error})")
        return []


def taken_over(path: Path) -> list[Line]:
    """The lines of a table that is written anew. One that has lines of no student is kept beside, too; that is said.

    Raises:
        OSError: If it cannot be read or put beside.
    """
    lines = earlier(path)
    whole = [line for line in lines if line.get("student") and line.get("lab")]
    if len(whole) < len(lines):
        kept = write_file(_beside(path), path.read_bytes(), OWNER_OF_FILE)
        odd = len(lines) - len(whole)
        print(f"{path.name}: lines without a student or a lab are left out ({odd}): it is kept as {kept.name}, too")
    return whole


def _beside(path: Path) -> Path:
    """A name beside a file that is free."""
    start = f"{path.stem}.before-{time.strftime('%Y-%m-%d-%H%M%S')}"
    places = (path.with_name(f"{start}{'-' * i}{path.suffix}") for i in itertools.count())
    return next(place for place in places if not place.exists())


def number(text: str) -> str | None:
    """A number as the course writes it: "12" for "12,0"; None if it is none."""
    text = text.strip().removeprefix("'")
    return f"{float(text.replace(',', '.')):g}" if NUMBER.fullmatch(text) else None


def _text(raw: bytes) -> str:
    for mark, code in MARKS.items():
        if raw.startswith(mark):
            return raw.decode(code)
    if b"\0" in raw[:2]:
        return raw.decode("utf-16-be" if raw[:1] == b"\0" else "utf-16-le")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        old_mac = b"\r" in raw and b"\n" not in raw
        return raw.decode("mac_roman" if old_mac else "cp1252")


def _columns(text: str) -> tuple[list[str], list[Numbered]]:
    """The names of the columns, and the rows below them.

    Raises:
        ValueError: If no row holds the names that are needed.
    """
    for delimiter in DELIMITERS:
        rows = [(at, _whole(row, delimiter)) for at, row in _rows(text, delimiter)]
        for above, (_, row) in enumerate(rows[:MOST_ABOVE], start=1):
            names = [_name(value) for value in row]
            if {"student", "lab"} <= {*names}:
                return _unlike(names), rows[above:]
    raise ValueError("expected columns named student and lab, found none")


def _rows(text: str, delimiter: str) -> list[Numbered]:
    """The rows, each with the number of the line in which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows, begins = [], 1
    for row in reader:
        rows.append((begins, row))
        begins = reader.line_num + 1
    return rows


def _whole(row: list[str], delimiter: str) -> list[str]:
    """A row; one that a spreadsheet put into a single cell is taken apart."""
    return (
        _rows(row[0], delimiter)[0][1] if len([value for value in row if value]) == 1 and delimiter in row[0] else row
    )


def _name(text: str) -> str:
    """The name of a column as the course writes it."""
    text = " ".join(text.split()).removeprefix("'")
    plain = text.lower()
    if plain in (*FIRST, *LAST):
        return plain
    return next((one for one in (text.replace(",", "."), plain.capitalize()) if TASK.fullmatch(one)), text)


def _unlike(names: Sequence[str]) -> list[str]:
    """Names, each once: a second "1.1" is "1.1 (2)", so that no column is lost."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 or not name else f"{name} ({seen[name]})")
    return found


def _line(names: Sequence[str], row: Sequence[str]) -> Line:
    return {name: value.strip() for name, value in zip(names, row, strict=False) if name}
