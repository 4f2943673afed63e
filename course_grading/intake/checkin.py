"""Checking in: which file of a student is the notebook, and `submitted/<student>/<lab>/<lab>.ipynb`.

Whatever lies in `submitted/` afterwards is graded; each folder there is a student, even if it is empty.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from course_grading.intake.archives import Entry, Kind, entries
from course_grading.intake.students import by_student
from course_grading.model import from_json, to_json
from course_grading.notebook import Notebook, Unreadable, read
from course_grading.rights import keep, own_folder
from course_utils.storage import write_file

MOST_NAMES = 5
"""Names of files that a sentence tells."""


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes:
        student: Name of the student's folder.
        content: Bytes of the notebook; None where there is none.
        flags: What the instructor should look at.
        reason: Why there is no notebook.
    """

    student: str
    content: bytes | None
    flags: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def digest(self) -> str:
        """What tells this submission from any other."""
        return hashlib.sha256(self.content or b"").hexdigest()

    def notebook(self) -> Notebook:
        """What it holds, read anew at each call."""
        return Notebook((), self.reason or "no notebook") if self.content is None else read(self.content)


@dataclass(frozen=True)
class CheckedIn:
    """What a person should know of a check-in.

    Attributes:
        replaced: Students whose earlier submission was replaced.
        nameless: Files and folders that were left alone, since their names tell no student.
    """

    replaced: tuple[str, ...] = ()
    nameless: tuple[str, ...] = ()

    def sentences(self) -> Iterator[str]:
        """The same in words."""
        if self.replaced:
            yield f"handed in again and replaced: {', '.join(self.replaced)}"
        if self.nameless:
            yield _no_student(self.nameless)


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What was seen when a submission was checked in: as in `Submission`."""

    flags: tuple[str, ...] = ()
    reason: str | None = None


def check_in(source: str | Path, folder: str | Path, lab: str, labs: Iterable[str] = ()) -> CheckedIn:
    """Copy what a source holds of one lab into `folder/submitted`.

    Args:
        source: `<student>/<lab>/<lab>.ipynb`, a flat folder of notebooks, or a zip with either.
        folder: The class's folder.
        lab: Name of the lab.
        labs: Names of all labs: what lies in the folder of another one is left alone.

    Raises:
        ValueError: If the source cannot be read or holds nothing of any student.
    """
    folder = Path(folder)
    labs = {*labs, lab}
    found = by_student(entries(source), Path(source).stem, lab, labs)
    if not found.students:
        missing = f"expected notebooks or students' folders in {source}, found neither"
        raise ValueError(f"{missing}; {_no_student(found.nameless)}" if found.nameless else missing)
    notes = _notes(folder, lab)
    replaced = []
    for student, own in found.students.items():
        if _keep(choose(student, own.entries, lab, labs, tuple(sorted(own.flags))), folder, lab, notes):
            replaced.append(student)
    write_file(_notes_file(folder, lab), to_json(notes))
    return CheckedIn(tuple(replaced), found.nameless)


def submissions(folder: str | Path, lab: str, labs: Iterable[str] = ()) -> Iterator[Submission]:
    """Everything in `folder/submitted`, one for each student, sorted; each is read when it is asked for.

    Raises:
        ValueError: If nothing is there.
    """
    submitted = Path(folder) / "submitted"
    if not submitted.is_dir():
        raise ValueError(f"expected submissions in {submitted}, which is missing: name their place with --from")
    belongings = defaultdict(list)
    for entry in entries(submitted):
        if len(entry.path.parts) > 1 or entry.kind != Kind.FILE:
            belongings[entry.path.parts[0]].append(entry.below())
    if not belongings:
        raise ValueError(f"expected students' folders in {submitted}, found none: name another place with --from")
    names = sorted(belongings)
    odd = [name for name in names if not name.isprintable()]
    if odd:
        raise ValueError(f"expected names of students in {submitted}, found {odd[0]!r}: rename that folder")
    notes = _notes(Path(folder), lab)
    labs = {*labs, lab}
    return (_noted(choose(name, belongings[name], lab, labs), notes.get(name)) for name in names)


def choose(
    student: str, belongings: list[Entry], lab: str, labs: Collection[str], flags: tuple[str, ...] = ()
) -> Submission:
    """The notebook among what belongs to a student."""
    others = {*labs} - {lab}
    own = [e for e in belongings if not others & {part.removesuffix(".ipynb") for part in e.path.parts}]
    inside = [e for e in own if lab in e.path.parts[:-1]]
    candidates = [e for e in inside or own if e.path.suffix.lower() == ".ipynb"]
    named = [e for e in candidates if e.path.name == f"{lab}.ipynb"]
    alike = [e for e in candidates if lab in e.path.name]
    chosen = next((some[0] for some in (named, candidates, alike) if len(some) == 1), None)
    try:
        if chosen is None:
            raise Unreadable(_why_none(own, candidates))
        if not named:
            flags += (f"wrong file name: {chosen.path.name}",)
        return Submission(student, chosen.notebook(), flags)
    except Unreadable as error:
        return Submission(student, None, flags, str(error))


def _why_none(own: list[Entry], candidates: list[Entry]) -> str:
    if candidates:
        return f"several notebooks: {', '.join(sorted({e.path.name for e in candidates})[:MOST_NAMES])}"
    special = [e for e in own if e.kind not in (Kind.FILE, Kind.FOLDER)]
    if special:
        return f"{special[0].path.name or 'the folder'} is a {special[0].kind} and there is no notebook"
    files = [e.path.name for e in own if e.kind == Kind.FILE]
    return f"no notebook, only {', '.join(files[:MOST_NAMES])}" if files else "no notebook"


def _no_student(nameless: tuple[str, ...]) -> str:
    names = ", ".join(nameless[:MOST_NAMES]) + ", ..." * (len(nameless) > MOST_NAMES)
    return f"left alone, since the name tells no student: {names} (put it into a folder with the student's name)"


def _keep(found: Submission, folder: Path, lab: str, notes: dict[str, Note]) -> bool:
    """Write a submission into `submitted/`, and a note on it; whether an earlier one was replaced."""
    place = folder / "submitted" / found.student / lab / f"{lab}.ipynb"
    before = place.read_bytes() if place.is_file() and not place.is_symlink() else None
    if found.content is None and before is not None:
        notes[found.student] = Note((*found.flags, f"handed in again, but {found.reason}"))
        return False
    notes[found.student] = Note(found.flags, found.reason)
    own_folder(folder, place.parent)
    if found.content in (None, before):
        return False
    keep(folder, place, found.content)
    return before is not None


def _notes_file(folder: Path, lab: str) -> Path:
    return folder / "grading" / lab / "intake.json"


def _notes(folder: Path, lab: str) -> dict[str, Note]:
    file = _notes_file(folder, lab)
    if not file.is_file():
        return {}
    try:
        return from_json(file.read_bytes(), dict[str, Note])
    except ValueError as error:
        raise ValueError(f"{file} was changed by hand ({error}): delete it, and check in again") from error


def _noted(found: Submission, note: Note | None) -> Submission:
    """With what was seen when it was checked in."""
    if note is None:
        return found
    flags = tuple(dict.fromkeys((*note.flags, *found.flags)))
    reason = (note.reason or found.reason) if found.content is None else None
    return Submission(found.student, found.content, flags, reason)
