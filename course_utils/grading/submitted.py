"""The cells of a submission, whatever its file holds."""

import json
from dataclasses import dataclass, field

MOST_CELLS = 1000


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        name: Its id, made up where it has none or one that was there before.
        kind: "code", or "markdown" for everything else.
        source: Its text.
        grade_id: nbgrader's name for it.
        attachments: Images that were put into it, unchecked.
    """

    name: str
    kind: str
    source: str
    grade_id: str | None = None
    attachments: object = field(default=None, repr=False)


def cells(notebook: bytes | None) -> list[Cell]:
    """Cells of a notebook; none if it is malformed."""
    try:
        found = json.loads(notebook or b"")["cells"][:MOST_CELLS]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    made: dict[str, Cell] = {}
    for number, cell in enumerate(found):
        if not isinstance(cell, dict):
            continue
        name = cell.get("id")
        name = name if isinstance(name, str) and name not in made else f"cell-{number}"
        made[name] = Cell(name, _kind(cell), _source(cell), _grade_id(cell), cell.get("attachments"))
    return list(made.values())


def _kind(cell: dict) -> str:
    return "code" if cell.get("cell_type") == "code" else "markdown"


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _grade_id(cell: dict) -> str | None:
    mark = cell.get("metadata")
    for key in ("nbgrader", "grade_id"):
        mark = mark.get(key) if isinstance(mark, dict) else None
    return mark if isinstance(mark, str) else None
