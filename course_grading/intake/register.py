"""The register of a class: which row each student has, whatever the next source looks like, and what was seen.

A row is a folder in `submitted/`. Who has which is remembered by the platform's number of the student: of two people of
one name, each stays the same when the other hands in nothing any more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

from msgspec import Struct

from course_grading.intake.names import folded, tidy
from course_grading.intake.students import Person
from course_grading.model import from_json, to_json
from course_utils.storage import write_file

NAMESAKE = "another student has the same name"
LONGEST_NUMBER = 40
PRIVATE = 0o600


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one row.

    Attributes:
        flags: What the instructor should look at.
        reason: Why there is no notebook.
        keys: The student's keys (`Person.key`) in the sources that were checked in.
        numbered: Whether a platform's number is in one of them.
    """

    flags: tuple[str, ...] = ()
    reason: str | None = None
    keys: tuple[str, ...] = ()
    numbered: bool = False

    def of(self, person: Person) -> "Note":
        """Which row it is, and nothing else."""
        keys = tuple(dict.fromkeys((*self.keys, person.key)))
        return Note(keys=keys, numbered=self.numbered or bool(person.number))


def read(folder: Path, lab: str) -> dict[str, Note]:
    """The notes on a lab's rows.

    Raises:
        ValueError: If somebody changed the file.
    """
    return _read(_file(folder, lab))


def write(folder: Path, lab: str, notes: Mapping[str, Note]) -> None:
    """Keep the notes on a lab's rows."""
    write_file(_file(folder, lab), to_json(notes), PRIVATE)


def rows(people: Iterable[Person], folder: Path, lab: str) -> dict[str, Person]:
    """Whose each row is: first of those who had one, in this lab or another, then of the others."""
    notes = read(folder, lab)
    known = _known(folder, notes)
    standing = {folded(name): name for name in (*notes, *(path.name for path in folder.glob("submitted/*")))}
    found: dict[str, Person] = {}
    new = []
    for person in people:
        row = known.get(person.key)
        if row is None or row in found:
            new.append(person)
        else:
            found[row] = person
    shared = Counter(folded(person.name) for person in people)
    taken = {folded(row) for row in found}
    for person in new:
        alone = shared[folded(person.name)] == 1
        asked = (standing.get(folded(name), name) for name in _names(person, alone))
        row = next(row for row in asked if folded(row) not in taken and _may_have(person, notes.get(row), alone))
        found[row] = person
        taken.add(folded(row))
    return found


def namesakes(found: Mapping[str, Person]) -> dict[tuple[str, ...], bool]:
    """Rows of people of one name, each time those of one name: whether a platform's numbers tell them apart."""
    groups = defaultdict(list)
    for row in sorted(found):
        groups[folded(found[row].name)].append(row)
    same = [group for name, group in groups.items() if len(group) > 1 or folded(group[0]) != name]
    return {tuple(group): all(found[row].number for row in group) for group in same}


def _known(folder: Path, notes: Mapping[str, Note]) -> dict[str, str]:
    """The rows of those who were there before, by the student's key; this lab's notes are believed most."""
    every = [*map(_read, sorted(folder.glob("grading/*/intake.json"))), notes]
    return {key: row for seen in every for row, note in seen.items() for key in note.keys}


def _names(person: Person, alone: bool) -> Iterator[str]:
    """Names of rows in the order in which they are asked for."""
    if alone:
        yield person.name
    full = f"{person.name} {tidy(person.number, LONGEST_NUMBER)}" if person.number else person.name
    yield full
    yield from (f"{full} {number}" for number in count(2))


def _may_have(person: Person, note: Note | None, alone: bool) -> bool:
    """Whether a row is nobody's, or its owner's name is all that is known of both."""
    if note is None or not note.keys:
        return True
    return alone and not (person.number and note.numbered)


def _file(folder: Path, lab: str) -> Path:
    return folder / "grading" / lab / "intake.json"


def _read(file: Path) -> dict[str, Note]:
    if not file.is_file():
        return {}
    try:
        return from_json(file.read_bytes(), dict[str, Note])
    except ValueError as error:
        raise ValueError(f"{file} was changed by hand ({error}): delete it, and check in again") from error
