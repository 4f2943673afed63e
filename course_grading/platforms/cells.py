"""A table of a platform, cell by cell as it was written: what nobody changes is written again byte for byte."""

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from course_grading.intake.names import folded

DELIMITERS = ",;\t"
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
END = r"\r\n|\n|\r"
WORKBOOK = b"PK\x03\x04"
MOST_NAMED = 12
"""Columns that a sentence lists."""


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        number: As a spreadsheet counts: the names of the columns are row 1.
        raw: Its cells as they were written, quotes included.
        end: What ends it.
    """

    number: int
    raw: tuple[str, ...]
    end: str

    @property
    def values(self) -> list[str]:
        """What its cells say."""
        return [value(cell) for cell in self.raw]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        mark: Bytes before the first cell that tell the code.
        code: How it is written in bytes.
        delimiter: Between two cells.
        rows: All rows, first the names of the columns.
    """

    mark: bytes
    code: str
    delimiter: str
    rows: tuple[Row, ...]

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [name.strip() for name in self.rows[0].values]

    @property
    def below(self) -> list[Row]:
        """The rows below the names that say something."""
        return [row for row in self.rows[1:] if any(row.values)]

    def column(self, *names: str) -> int | None:
        """The place of the column with one of these names, in capitals or not; None if there is none.

        Raises:
            ValueError: If there are several.
        """
        wanted = {folded(name) for name in names}
        places = [i for i, name in enumerate(self.names) if folded(name) in wanted]
        if len(places) > 1:
            raise ValueError(f"expected one column {names[0]}, found {len(places)}: {listed(self.names)}")
        return places[0] if places else None

    def changed(self, new: Mapping[tuple[int, int], str]) -> "Table":
        """The same with other values.

        Args:
            new: Values by the number of the row and the place of the column.
        """
        rows = list(self.rows)
        for (number, place), text in new.items():
            raw = list(rows[number - 1].raw)
            raw[place] = self._written(text, raw[place])
            rows[number - 1] = replace(rows[number - 1], raw=tuple(raw))
        return replace(self, rows=tuple(rows))

    def _written(self, text: str, before: str) -> str:
        """A value as a cell, in quotes where the cell had some or needs some."""
        if text == value(before):
            return before
        needed = before.startswith('"') or re.search(rf'["{self.delimiter}\r\n]', text)
        return '"' + text.replace('"', '""') + '"' if needed else text

    def to_bytes(self) -> bytes:
        """What to write into a file."""
        text = "".join(self.delimiter.join(row.raw) + row.end for row in self.rows)
        return self.mark + text.encode(self.code)


def read(content: bytes) -> Table:
    """The table in a file.

    Raises:
        ValueError: If it is none, or damaged; it is said in which row.
    """
    if content.startswith(WORKBOOK):
        raise ValueError("expected a table of text as the platform writes it, got a workbook or a zip")
    mark, code = _code(content)
    try:
        text = content[len(mark) :].decode(code)
    except UnicodeDecodeError as error:
        at = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"expected a file in UTF-8 or UTF-16, got other bytes in line {at}: download it again, and keep it as it is"
        ) from error
    if not text.strip():
        raise ValueError("expected a table, got an empty file")
    table = _table(mark, code, text)
    for row in table.below:
        if len(row.raw) != len(table.names):
            raise ValueError(
                f"row {row.number}: expected {len(table.names)} cells, as there are names, got {len(row.raw)}"
            )
    return table


def value(cell: str) -> str:
    """What a cell says."""
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first of them, where there are many."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def twice(values: Sequence[str]) -> list[str]:
    """What stands there more than once, but for nothing."""
    return [one for one, count in Counter(values).items() if one and count > 1]


def _code(content: bytes) -> tuple[bytes, str]:
    """The mark at the beginning, and the code that it tells, or the first bytes do."""
    for mark, code in MARKS:
        if content.startswith(mark):
            return mark, code
    if b"\0" in content[:2]:
        return b"", "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    return b"", "utf-8"


def _table(mark: bytes, code: str, text: str) -> Table:
    """The table, by the delimiter that makes most of its first row."""
    widths = {delimiter: len(_first(text, delimiter)) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda one: widths[one])
    if widths[delimiter] < 2:
        raise ValueError(f"expected names of columns in row 1, got {text.splitlines()[0][:80]!r}")
    return Table(mark, code, delimiter, tuple(_rows(text, delimiter)))


def _first(text: str, delimiter: str) -> tuple[str, ...]:
    try:
        return next(_rows(text, delimiter)).raw
    except ValueError:  # this delimiter makes no sense of the quotes
        return ()


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    """Every row; in quotes, a delimiter or the end of a line is part of a cell.

    Raises:
        ValueError: If quotes are not closed, or something stands between them and the next cell.
    """
    plain = rf'[^"{delimiter}\r\n][^{delimiter}\r\n]*'
    cell = re.compile(rf'("[^"]*(?:""[^"]*)*"|{plain}|)({delimiter}|{END}|\Z)')
    at, number = 0, 1
    raw: list[str] = []
    while at < len(text) or raw:
        found = cell.match(text, at)
        if not found:
            raise ValueError(f"row {number}: expected a cell that ends where its quotes do, got {text[at : at + 40]!r}")
        raw.append(found[1])
        at = found.end()
        if found[2] != delimiter:
            yield Row(number, tuple(raw), found[2])
            number, raw = number + 1, []
