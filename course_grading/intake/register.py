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
from course_grading.rights import keep

Notes = Mapping[str, "Note"]
NAMESAKE = "another student has the same name"
LONGEST_NUMBER = 40


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one row.

    Attributes:
        flags: What the instructor should look at.
        reason: Why there is no notebook.
        keys: The student's keys (`Person.key`) in the sources that were checked in.
        numbered: Whether a platform's number is in one of them.
        lasting: Whether one that holds in every assignment is.
        attempt: When it was handed in, where the platform says it.
    """

    flags: tuple[str, ...] = ()
    reason: str | None = None
    keys: tuple[str, ...] = ()
    numbered: bool = False
    lasting: bool = False
    attempt: str = ""

    def of(self, person: Person) -> "Note":
        """Which row it is, and nothing else."""
        keys = tuple(dict.fromkeys((*self.keys, person.key)))
        numbered = self.numbered or bool(person.number)
        lasting = self.lasting or person.lasting
        return Note(keys=keys, numbered=numbered, lasting=lasting, attempt=person.attempt)


def read(folder: Path, lab: str) -> dict[str, Note]:
    """The notes on a lab's rows.

    Raises:
        ValueError: If somebody changed the file.
    """
    return _read(_file(folder, lab))


def write(folder: Path, lab: str, notes: Notes) -> None:
    """Keep the notes on a lab's rows."""
    keep(folder, _file(folder, lab), to_json(notes))


def rows(people: Iterable[Person], folder: Path, lab: str) -> dict[str, Person]:
    """Whose each row is: first of those who had one, in this lab or another, then of the others."""
    here = read(folder, lab)
    others = [_read(file) for file in sorted(folder.glob("grading/*/intake.json")) if file != _file(folder, lab)]
    known = {key: row for notes in (*others, here) for row, note in notes.items() for key in note.keys}
    standing = {folded(name): name for name in (*here, *(path.name for path in folder.glob("submitted/*")))}
    shared = Counter(folded(person.name) for person in people)
    wishes = [(person, iter([known[person.key]]), True) for person in people if person.key in known]
    for person in people:
        alone = shared[folded(person.name)] == 1
        wishes.append((person, _names(person, alone), alone))
    found: dict[str, Person] = {}
    taken: set[str] = set()
    placed: set[str] = set()
    for person, names, alone in wishes:
        asked = (standing.get(folded(name), name) for name in names)
        free = (row for row in asked if folded(row) not in taken and _may_have(person, row, here, others, alone))
        row = None if person.key in placed else next(free, None)
        if row is not None:
            found[row] = person
            taken.add(folded(row))
            placed.add(person.key)
    return found


def namesakes(found: Mapping[str, Person]) -> dict[tuple[str, ...], bool]:
    """Rows of people of one name, each time those of one name: whether a platform's numbers tell them apart."""
    groups = defaultdict(list)
    for row in sorted(found):
        groups[folded(found[row].name)].append(row)
    same = [group for name, group in groups.items() if len(group) > 1 or folded(group[0]) != name]
    return {tuple(group): all(found[row].number for row in group) for group in same}


def _names(person: Person, alone: bool) -> Iterator[str]:
    """Names of rows in the order in which they are asked for."""
    if alone:
        yield person.name
    full = f"{person.name} {tidy(person.number, LONGEST_NUMBER)}" if person.number else person.name
    yield full
    yield from (f"{full} {number}" for number in count(2))


def _may_have(person: Person, row: str, here: Notes, others: Iterable[Notes], alone: bool) -> bool:
    """Whether a row is this person's, or may be: it is nobody's, or its owner's name is all that is known of both."""
    note = here.get(row, Note())
    if person.key in note.keys:
        return True
    elsewhere = [notes.get(row, Note()) for notes in others]
    if person.lasting and any(one.lasting and person.key not in one.keys for one in elsewhere):
        return False
    return not note.keys or (alone and not (person.number and note.numbered))


def _file(folder: Path, lab: str) -> Path:
    return folder / "grading" / lab / "intake.json"


def _read(file: Path) -> dict[str, Note]:
    if not file.is_file():
        return {}
    try:
        return from_json(file.read_bytes(), dict[str, Note])
    except ValueError as error:
        raise ValueError(f"{file} was changed by hand ({error}): delete it, and check in again") from error
