"""Notebook files as they are: a dictionary with a list of cells, or a sentence that says why there is none."""

import json
from pathlib import Path

__all__ = ["name_of", "parse", "read", "same", "shown", "source", "text"]


def read(path: str | Path) -> dict:
    """The notebook in a file.

    Raises:
        ValueError: If there is no such file, or it holds no notebook.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"expected a notebook, found no file {shown(path)}")
    return parse(path.read_bytes(), shown(path))


def parse(data: bytes, name: str) -> dict:
    """The notebook that these bytes are.

    Args:
        data: The content of a file.
        name: What the file is called, for errors.

    Raises:
        ValueError: If they are none.
    """
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError(f"expected a notebook in {name}, but it cannot be read as one") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError(f"expected a notebook in {name}, but it has no list of cells")
    return notebook


def text(notebook: dict) -> str:
    """A notebook in the form in which Jupyter saves it."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def source(cell: dict) -> str:
    """The text of a cell; empty where it has none."""
    lines = cell.get("source")
    lines = lines if isinstance(lines, list) else [lines]
    return "".join(line for line in lines if isinstance(line, str))


def name_of(cell: dict) -> str | None:
    """By what a cell of a lab is known again: nbgrader's name, which every editor keeps, else its id."""
    metadata = cell.get("metadata")
    mark = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    names = (mark.get("grade_id") if isinstance(mark, dict) else None, cell.get("id"))
    return next((name for name in names if isinstance(name, str)), None)


def same(cell: dict, other: dict) -> bool:
    """Whether two cells say the same and have the same outputs: how each editor writes them does not count."""
    kinds = cell.get("cell_type") == other.get("cell_type")
    return kinds and source(cell) == source(other) and (cell.get("outputs") or []) == (other.get("outputs") or [])


def shown(path: Path) -> str:
    """A path as people read it: relative to the working folder where it lies in there."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
