"""Python files that a student handed in beside the notebook: its cells may import them, as they did at home."""

import re
from collections.abc import Collection, Mapping

from course_grading.intake.archives import Entry, Kind, told
from course_grading.notebook import Unreadable

MOST_FILES = 20
MOST_BYTES = 200_000
"""Bytes of all of them together."""

NAME = re.compile(r"[A-Za-z_]\w{0,59}\.py", re.ASCII)


def beside(
    chosen: Entry, belongings: Collection[Entry], notebook: bytes
) -> tuple[Mapping[str, bytes], tuple[str, ...]]:
    """The files that a notebook speaks of, or one of themselves does, by name; and what the instructor should look at.

    Args:
        chosen: The notebook.
        belongings: What lies in the folder.
        notebook: Its bytes.
    """
    near = [e for e in belongings if e.path.parent == chosen.path.parent and e.path.suffix == ".py"]
    found: dict[str, bytes] = {}
    flags = []
    texts = [notebook]
    while texts:
        text = texts.pop()
        for entry in [e for e in near if e.path.name not in found and _speaks(text, e.path.stem)]:
            near.remove(entry)
            try:
                found[entry.path.name] = _content(entry, found)
                texts.append(found[entry.path.name])
            except Unreadable as error:
                flags.append(f"left out: {error}")
    return found, (*(f"imports a file of its own: {name}" for name in sorted(found)), *flags)


def _speaks(text: bytes, stem: str) -> bool:
    """Whether a name stands in a text, in which a line may end by the letters of JSON for it."""
    return re.search(rb"(?:(?<!\w)|(?<=\\n))" + re.escape(stem.encode(errors="replace")) + rb"(?!\w)", text) is not None


def _content(entry: Entry, found: Mapping[str, bytes]) -> bytes:
    """The bytes of a file.

    Raises:
        Unreadable: If it cannot be had, or is one too many or too large.
    """
    name = told(entry.path.name)
    if not NAME.fullmatch(entry.path.name):
        raise Unreadable(f"{name} has no name that can be imported")
    if entry.why_not or entry.kind != Kind.FILE:
        raise Unreadable(f"{name} {entry.why_not or 'is a folder'}")
    data = entry.read()
    if len(found) >= MOST_FILES or len(data) + sum(map(len, found.values())) > MOST_BYTES:
        raise Unreadable(
            f"{name} is more than {MOST_FILES} files or {MOST_BYTES // 1000} kB of Python beside the notebook"
        )
    return data
