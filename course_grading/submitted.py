"""The cells of a submission, whatever its file holds."""

import json
from dataclasses import dataclass, field

from course_grading.cells import BRACKETS, LONGEST_SOURCE, cell_ids

MOST_CELLS = 1000


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        name: Its id, made up where it has none or that of an earlier cell.
        kind: "code", or "markdown" for everything else.
        source: Its text, of bounded length.
        grade_id: nbgrader's name for it.
        attachments: Images that were put into it, unchecked.
    """

    name: str
    kind: str
    source: str
    grade_id: str | None = None
    attachments: object = field(default=None, repr=False)


def cells(notebook: bytes | None) -> list[Cell]:
    """Cells of a notebook, named as the judge names them; none if it is malformed."""
    try:
        text = (notebook or b"").decode("utf-8-sig")
        if text.count("{") + text.count("[") > BRACKETS:
            return []
        found = [cell for cell in json.loads(text)["cells"] if isinstance(cell, dict)][:MOST_CELLS]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    return [
        Cell(name, _kind(cell), _source(cell), _grade_id(cell), cell.get("attachments"))
        for name, cell in zip(cell_ids(found), found, strict=True)
    ]


def _kind(cell: dict) -> str:
    return "code" if cell.get("cell_type") == "code" else "markdown"


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source[:LONGEST_SOURCE] if isinstance(source, str) else ""


def _grade_id(cell: dict) -> str | None:
    mark = cell.get("metadata")
    for key in ("nbgrader", "grade_id"):
        mark = mark.get(key) if isinstance(mark, dict) else None
    return mark if isinstance(mark, str) else None
