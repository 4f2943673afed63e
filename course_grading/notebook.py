"""Reading what was handed in as a notebook: once, within bounds, whatever the file holds. Nothing in it is believed.

A file that breaks a bound is never an error here: its notebook has a reason, and the cells that can still be shown.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

MOST_BYTES = 20 << 20
"""Size of the file."""

MOST_PARTS = 500_000
"""Opening brackets in the text: what bounds the memory that its parsed form takes."""

MOST_CELLS = 1000
LONGEST_SOURCE = 200_000
"""Characters of a cell."""

MOST_CODE = 2_000_000
"""Characters of all code cells."""

LONGEST_ID = 64


class Unreadable(ValueError):
    """There is no notebook to be had; the text says why, for student and instructor."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        id: Its own, or one made up where it has none or that of an earlier cell.
        kind: "code", or "markdown" for everything else.
        source: Its text.
        released_as: nbgrader's name for it, else the id that it came with.
        mark: nbgrader's metadata, unchecked.
        attachments: Images that were put into it, unchecked.
    """

    id: str
    kind: str
    source: str
    released_as: str | None = None
    mark: Mapping[str, object] = field(default_factory=dict, repr=False)
    attachments: object = field(default=None, repr=False)

    @property
    def grade_id(self) -> str | None:
        """nbgrader's name for it."""
        name = self.mark.get("grade_id")
        return name if isinstance(name, str) else None

    @property
    def text(self) -> str:
        """The source without blanks that nobody sees."""
        return "\n".join(line.rstrip() for line in self.source.strip().splitlines())


@dataclass(frozen=True)
class Notebook:
    """What a file holds.

    Attributes:
        cells: Its cells, as many and as long as the bounds allow.
        reason: Why it cannot be run; the cells may be shown all the same.
        modules: Python files that its cells may import, by name.
    """

    cells: tuple[Cell, ...]
    reason: str | None = None
    modules: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def code(self) -> tuple[Cell, ...]:
        """Code cells in which something stands."""
        return tuple(cell for cell in self.cells if cell.kind == "code" and cell.text)


def read(data: bytes) -> Notebook:
    """The notebook that a file holds."""
    try:
        raw = _raw_cells(data)
    except Unreadable as error:
        return Notebook((), str(error))
    found = [cell for cell in raw[:MOST_CELLS] if isinstance(cell, dict)]
    cells = tuple(_cell(*pair) for pair in zip(_ids(found), found, strict=True))
    few = Notebook(tuple(_cut(cell) for cell in cells))
    if len(raw) > MOST_CELLS:
        return Notebook(few.cells, f"the notebook has {len(raw):,} cells, more than {MOST_CELLS:,}")
    if not few.code:
        return Notebook(few.cells, "the notebook has no code cells")
    if any(cell.kind == "code" and len(cell.source) > LONGEST_SOURCE for cell in cells):
        return Notebook(few.cells, f"a cell is longer than {LONGEST_SOURCE:,} characters")
    if sum(len(cell.source) for cell in few.code) > MOST_CODE:
        return Notebook(few.cells, f"the code is longer than {MOST_CODE:,} characters")
    return few


def read_code(data: bytes) -> Notebook:
    """The same with nothing but what runs: its code cells, unless there is a reason against it."""
    found = read(data)
    return replace(found, cells=() if found.reason else found.code)


def _raw_cells(data: bytes) -> list:
    """The list of cells as it stands in the file.

    Raises:
        Unreadable: If there is none, or the file is too large to look.
    """
    if not data.strip():
        raise Unreadable("the file is empty")
    if len(data) > MOST_BYTES:
        raise Unreadable(f"the file has {len(data) / (1 << 20):.0f} MB, more than {MOST_BYTES >> 20}")
    if data.count(b"{") + data.count(b"[") > MOST_PARTS:
        raise Unreadable("the file has too many parts for a notebook")
    try:
        parsed = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("the file is not a notebook: it cannot be read as JSON") from None
    found = parsed.get("cells") if isinstance(parsed, dict) else None
    if not isinstance(found, list):
        raise Unreadable("the file is not a notebook of format 4: it has no list of cells")
    return found


def _ids(raw: Sequence[dict]) -> list[str]:
    """An id for each cell, that no other has: its own, "cell-3" for the fourth cell without one; a copy gets "~2"."""
    found: dict[str, None] = {}
    copies: Counter[str] = Counter()
    for i, cell in enumerate(raw):
        own = cell.get("id")
        if not isinstance(own, str) or not 0 < len(own) <= LONGEST_ID or not own.isprintable():
            own = f"cell-{i}"
        name = own
        while name in found:
            copies[own] += 1
            name = f"{own}~{copies[own] + 1}"
        found[name] = None
    return list(found)


def _cell(name: str, raw: dict) -> Cell:
    metadata = raw.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    mark = mark if isinstance(mark, dict) else {}
    names = [given for given in (mark.get("grade_id"), raw.get("id")) if isinstance(given, str)]
    kind = "code" if raw.get("cell_type") == "code" else "markdown"
    return Cell(name, kind, _joined(raw.get("source")), next(iter(names), None), mark, raw.get("attachments"))


def _joined(source: object) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _cut(cell: Cell) -> Cell:
    if len(cell.source) <= LONGEST_SOURCE:
        return cell
    return Cell(cell.id, cell.kind, cell.source[:LONGEST_SOURCE], cell.released_as, cell.mark, cell.attachments)
