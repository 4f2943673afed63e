"""Checking in: from a source to `submitted/<student>/<lab>/<lab>.ipynb`.

Whatever lies in `submitted/` afterwards is graded; each folder there is a student, even if it is empty. A check-in that
was interrupted is known by a file with its source, which lies there until all of it is on the disk.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path

from msgspec import structs

from course_grading.intake import register
from course_grading.intake.archives import Kind, entries
from course_grading.intake.register import NAMESAKE, Note
from course_grading.intake.students import Person, by_student, visible
from course_grading.intake.submission import Submission, choose, some
from course_grading.rights import keep, own_folder


@dataclass(frozen=True)
class CheckedIn:
    """What a person should know of a check-in.

    Attributes:
        rows: Rows of the people in the source, sorted.
        empty: Those of them without a notebook.
        replaced: Those whose earlier submission was replaced.
        namesakes: Those of one name, and whether a platform's numbers tell them apart.
        nameless: Files and folders that were left alone, since their names tell no student.
        guessed: Whether the name of the source alone tells whose everything in it is.
        lost: Another source, of which an interrupted check-in has taken a part.
    """

    rows: tuple[str, ...]
    empty: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    namesakes: Mapping[tuple[str, ...], bool] = field(default_factory=dict)
    nameless: tuple[str, ...] = ()
    guessed: bool = False
    lost: Path | None = None

    def sentences(self) -> Iterator[str]:
        """The same in words."""
        without = f", without a notebook: {some(self.empty)}" if self.empty else ""
        yield f"{_counted(self.rows, 'person', 'people')} in the source, {_counted(self.rows, 'row', 'rows')}{without}"
        if self.guessed:
            yield f"taken as the work of one student, by the name of the source: {self.rows[0]}"
        if self.replaced:
            yield f"handed in again and replaced: {', '.join(self.replaced)}"
        for same, numbered in self.namesakes.items():
            how = "by the platform's numbers" if numbered else "by the names of their files alone"
            yield f"of one name, told apart {how}: {', '.join(same)}"
        if self.nameless:
            yield _no_student(self.nameless)
        if self.lost:
            yield f"not checked in whole, since that was interrupted: {self.lost}"


def check_in(source: str | Path, folder: str | Path, lab: str, labs: Iterable[str] = ()) -> CheckedIn:
    """Copy what a source holds of one lab into `folder/submitted`.

    Args:
        source: `<student>/<lab>/<lab>.ipynb`, a flat folder of what people handed in, or a zip with either.
        folder: The class's folder.
        lab: Name of the lab.
        labs: Names of all labs: what lies in the folder of another one is left alone.

    Raises:
        ValueError: If the source cannot be read or holds nothing of any student.
        OSError: If something cannot be written; `sources` asks for it from then on.
    """
    source = Path(os.path.abspath(source))
    name = source.stem if source.suffix.lower() == ".zip" else source.name
    folder = Path(folder)
    labs = {*labs, lab}
    found = by_student(entries(source), name, lab, labs)
    if not found.people:
        missing = f"expected notebooks or students' folders in {source}, found neither"
        raise ValueError(f"{missing}; {_no_student(found.nameless)}" if found.nameless else missing)
    rows = register.rows(found.people, folder, lab)
    begun = _begun(folder, lab)
    keep(folder, _marker(folder, lab), os.fsencode(source))
    seen = _copy(rows, folder, lab, labs)
    _finish(folder, lab, rows)
    lost = begun if begun != source else None
    return replace(seen, nameless=found.nameless, guessed=found.guessed, lost=lost)


def sources(folder: str | Path, lab: str, given: str | Path | None = None) -> list[Path]:
    """What is to be checked in: first what was interrupted, then what is given.

    Raises:
        ValueError: If the source of a check-in that was interrupted is gone, and none is given.
    """
    begun = _begun(Path(folder), lab)
    wanted = [Path(os.path.abspath(given))] if given else []
    if begun is None or begun in wanted:
        return wanted
    if begun.exists():
        return [begun, *wanted]
    if not wanted:
        what = f"checking in {begun} was interrupted, and it is gone"
        raise ValueError(f"{what}: name it, or another place, with --from")
    return wanted


def submissions(folder: str | Path, lab: str, labs: Iterable[str] = ()) -> Iterator[Submission]:
    """Everything in `folder/submitted`, one for each student, sorted; each is read when it is asked for.

    Raises:
        ValueError: If nothing is there.
    """
    submitted = Path(folder) / "submitted"
    if not submitted.is_dir():
        raise ValueError(f"expected submissions in {submitted}, which is missing: name their place with --from")
    belongings = defaultdict(list)
    for entry in visible(entries(submitted)):
        if len(entry.path.parts) > 1 or entry.kind != Kind.FILE:
            belongings[entry.path.parts[0]].append(entry.below())
    if not belongings:
        raise ValueError(f"expected students' folders in {submitted}, found none: name another place with --from")
    names = sorted(belongings)
    odd = [name for name in names if not name.isprintable()]
    if odd:
        raise ValueError(f"expected names of students in {submitted}, found {odd[0]!r}: rename that folder")
    notes = register.read(Path(folder), lab)
    labs = {*labs, lab}
    return (_noted(choose(name, belongings[name], lab, labs), notes.get(name)) for name in names)


def _copy(rows: Mapping[str, Person], folder: Path, lab: str, labs: Collection[str]) -> CheckedIn:
    """Write down everybody's submission, then what was seen."""
    notes = register.read(folder, lab)
    namesakes = register.namesakes(rows)
    shared = {row for same in namesakes for row in same}
    empty = []
    replaced = []
    for row in sorted(rows):
        person = rows[row]
        flags = {*person.flags, NAMESAKE} if row in shared else {*person.flags}
        submission = choose(row, person.entries, lab, labs, tuple(sorted(flags)))
        before = notes.get(row, Note())
        notes[row] = before.of(person)
        if submission.content is None:
            empty.append(row)
            notes[row] = structs.replace(notes[row], attempt=before.attempt)  # of the notebook that stays, if any
        if _keep(submission, folder, lab, notes):
            replaced.append(row)
    register.write(folder, lab, notes)
    return CheckedIn(tuple(sorted(rows)), tuple(empty), tuple(replaced), namesakes)


def _counted(things: Sized, one: str, several: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else several}"


def _no_student(nameless: tuple[str, ...]) -> str:
    remedy = "put it into a folder with the student's name"
    return f"left alone, since the name tells no student: {some(nameless)} ({remedy})"


def _keep(found: Submission, folder: Path, lab: str, notes: dict[str, Note]) -> bool:
    """Write a submission into `submitted/`, and a note on it; whether an earlier one was replaced."""
    place = folder / "submitted" / found.student / lab / f"{lab}.ipynb"
    before = place.read_bytes() if place.is_file() and not place.is_symlink() else None
    row = notes[found.student]
    if found.content is None and before is not None:
        notes[found.student] = structs.replace(row, flags=(*found.flags, f"handed in again, but {found.reason}"))
        return False
    notes[found.student] = structs.replace(row, flags=found.flags, reason=found.reason)
    own_folder(folder, place.parent)
    if found.content is None:
        return False
    changed = _keep_modules(found, folder, place.parent)
    if found.content != before:
        keep(folder, place, found.content)
    return before is not None and (changed or found.content != before)


def _keep_modules(found: Submission, folder: Path, place: Path) -> bool:
    """Write the Python files of a submission, and none but these; whether anything is other than before."""
    before = {path.name: path.read_bytes() for path in place.glob("*.py") if path.is_file() and not path.is_symlink()}
    for name in before.keys() - found.modules.keys():
        (place / name).unlink()
    for name, data in found.modules.items():
        if before.get(name) != data:
            keep(folder, place / name, data)
    return before != found.modules


def _marker(folder: Path, lab: str) -> Path:
    return folder / "grading" / lab / "checking-in"


def _begun(folder: Path, lab: str) -> Path | None:
    """The source of a check-in that was not finished."""
    marker = _marker(folder, lab)
    return Path(os.fsdecode(marker.read_bytes())) if marker.is_file() else None


def _finish(folder: Path, lab: str, rows: Collection[str]) -> None:
    """Forget that a check-in has begun, once all of it is on the disk.

    Raises:
        ValueError: If somebody's row is not there.
    """
    submitted = folder / "submitted"
    missing = [row for row in sorted(rows) if not (submitted / row / lab).is_dir()]
    if missing:
        raise ValueError(f"expected a folder for each of {len(rows)} people in {submitted}, none for {some(missing)}")
    for row in rows:
        for file in (f for kind in ("ipynb", "py") for f in (submitted / row / lab).glob(f"*.{kind}")):
            with file.open("rb") as written:
                os.fsync(written.fileno())
    for place in (f"submitted/*/{lab}", f"grading/{lab}"):
        for left in folder.glob(f"{place}/.*.part"):  # by a process that was killed while it wrote
            left.unlink()
    _marker(folder, lab).unlink()


def _noted(found: Submission, note: Note | None) -> Submission:
    """With what was seen when it was checked in."""
    if note is None:
        return found
    flags = tuple(dict.fromkeys((*note.flags, *found.flags)))
    reason = (note.reason or found.reason) if found.content is None else None
    return replace(found, flags=flags, reason=reason, attempt=note.attempt)
