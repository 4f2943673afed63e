"""Whose everything in a source is: the people in it, and what belongs to each of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from course_grading.intake.archives import Entry, Kind, crowded
from course_grading.intake.names import LATE, Owner, folded, names_a_lab, owner, split

WRAPPERS = {"submitted", "submissions", "bulk_download"}
NOISE = {"__MACOSX", "Thumbs.db", "desktop.ini"}
WORK = {".ipynb", ".zip"}


@dataclass(frozen=True)
class Piece:
    """An entry, and what the topmost name in its path tells."""

    who: Owner
    entry: Entry


@dataclass(frozen=True)
class Person:
    """One student in a source.

    Attributes:
        name: As the source tells it.
        key: What tells this student from any other, in this source and in the next.
        number: What the platform calls the student, where it does.
        lasting: Whether it does so in every assignment.
        entries: What belongs to the student.
        flags: What the instructor should look at.
        attempt: When it was handed in, where the platform says it.
    """

    name: str
    key: str
    number: str
    lasting: bool
    entries: tuple[Entry, ...]
    flags: tuple[str, ...] = ()
    attempt: str = ""


@dataclass(frozen=True)
class Sorted:
    """Everything that was found.

    Attributes:
        people: The students, by name.
        nameless: Files and folders whose name tells no student.
        guessed: Whether only the name of the source tells whose everything in it is.
    """

    people: tuple[Person, ...]
    nameless: tuple[str, ...] = ()
    guessed: bool = False


def by_student(found: Iterable[Entry], source: str, lab: str, labs: Collection[str]) -> Sorted:
    """Sort what lies in a source by student.

    Args:
        found: Everything in the source.
        source: Its name, which a folder around everything in it may have, too, or the only student in it.
        lab: Name of the lab.
        labs: Names of all labs.
    """
    labs = {*labs, lab}
    inside = visible(_unwrapped(list(found), lab, labs, {lab.lower(), source.lower()} | WRAPPERS))
    tops = _owners(inside, lab, labs)
    only = owner(source, lab, labs)
    if only and source.lower() not in WRAPPERS and not _of_platform(tops) and _is_of_one(inside, lab, labs):
        return Sorted((Person(only.name, _key(only, source), only.number, only.lasting, tuple(inside)),), guessed=True)
    nameless = _nameless(inside, tops)
    groups = defaultdict(list)
    for entry in inside:
        who = tops[entry.path.parts[0]]
        if who and entry.path.parts[0] not in nameless:
            groups[_key(who, _stem(entry))].append(Piece(who, entry))
    people = [_person(key, pieces, lab, labs) for key, pieces in groups.items()]
    return Sorted(tuple(sorted(people, key=lambda one: (one.name, one.key))), tuple(sorted(nameless)))


def visible(found: list[Entry]) -> list[Entry]:
    """Without what systems and programs hide; a hidden folder that holds a notebook is somebody's."""
    return [entry for entry in _of_somebody(found) if not any(_is_hidden(part) for part in entry.path.parts[1:])]


def _of_somebody(found: list[Entry]) -> list[Entry]:
    shown = {entry.path.parts[0] for entry in found if entry.is_notebook}
    return [e for e in found if e.path.parts[0] in shown or not _is_hidden(e.path.parts[0])]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in NOISE


def _unwrapped(found: list[Entry], lab: str, labs: Collection[str], wrappers: Collection[str]) -> list[Entry]:
    """Without the one folder that everything lies in, if that folder is no student."""
    found = _of_somebody(found)
    while len({entry.path.parts[0] for entry in found}) == 1 and any(len(e.path.parts) > 1 for e in found):
        inner = _of_somebody([entry.below() for entry in found if len(entry.path.parts) > 1])
        if found[0].path.parts[0].lower() not in wrappers and not _is_of_several(inner, lab, labs):
            break
        found = inner
    return found


def _is_of_several(found: list[Entry], lab: str, labs: Collection[str]) -> bool:
    """Whether what lies in a folder has the names of people, and not those that one student gives to files."""
    if _of_platform(_owners(found, lab, labs)):
        return True
    names = {e.path.parts[0] for e in found if _is_folder(e) or e.path.suffix.lower() in ("", *WORK)}
    notebooks = {entry.path.parts[0] for entry in found if entry.is_notebook}
    own = notebooks and all(names_a_lab(split(name)[0], labs) for name in notebooks)
    return len(names) > 1 and not own and not names & {lab, f"{lab}.ipynb"}


def _is_of_one(found: list[Entry], lab: str, labs: Collection[str]) -> bool:
    """Whether there is but one notebook of the lab, and nothing in its path has any name but the lab's."""
    others = {*labs} - {lab}
    notebooks = [e for e in found if e.is_notebook and not names_a_lab(e.path.stem, others)]
    return len(notebooks) == 1 and all(names_a_lab(split(part)[0], {lab}) for part in notebooks[0].path.parts)


def _nameless(found: list[Entry], tops: dict[str, Owner | None]) -> set[str]:
    """Names that tell no student: a lab's; and those of files, such as lists of a platform, where people are not files.

    Where notebooks or zips lie side by side under the names of people, any other file there is somebody's, too.
    """
    files = [entry for entry in found if not _is_folder(entry)]
    flat = any(entry.path.suffix.lower() in WORK and tops[entry.path.parts[0]] for entry in files)
    people_are_files = flat and not _of_platform(tops)
    nameless = set()
    for entry in found:
        who = tops[entry.path.parts[0]]
        told = who and (who.number or entry.is_notebook or _is_folder(entry) or people_are_files)
        if not told:
            nameless.add(entry.path.parts[0])
    return nameless


def _owners(found: list[Entry], lab: str, labs: Collection[str]) -> dict[str, Owner | None]:
    """What each topmost name tells."""
    return {entry.path.parts[0]: owner(_stem(entry), lab, labs, folder=_is_folder(entry)) for entry in found}


def _of_platform(tops: dict[str, Owner | None]) -> bool:
    return any(who is not None and who.number for who in tops.values())


def _stem(entry: Entry) -> str:
    """The topmost name in a path, without a file's suffix."""
    top = entry.path.parts[0]
    return top if _is_folder(entry) else split(top)[0]


def _is_folder(entry: Entry) -> bool:
    """Whether an entry is a folder, lies in one, or is a link or such in the place of one."""
    inside = len(entry.path.parts) > 1
    return inside or entry.kind == Kind.FOLDER or (entry.kind != Kind.FILE and entry.path.suffix == "")


def _key(who: Owner, place: str) -> str:
    return folded(f"{who.name} ({who.number})" if who.number else place)


def _person(key: str, pieces: list[Piece], lab: str, labs: Collection[str]) -> Person:
    """The student to whom all of this belongs."""
    flags = {LATE} if any(piece.who.late for piece in pieces) else set()
    latest = _latest(pieces, lab)
    if len(latest) < len(pieces):
        flags.add("handed in several times: the latest notebook is taken")
    own = _own(latest, lab, labs)
    if trouble := crowded(len(own)):
        own = [Entry(PurePosixPath(pieces[0].entry.path.parts[0]), Kind.FOLDER, trouble=trouble)]
    who = pieces[0].who
    return Person(who.name, key, who.number, who.lasting, tuple(own), tuple(sorted(flags)), latest[0].who.attempt)


def _latest(pieces: list[Piece], lab: str) -> list[Piece]:
    """The last attempt that holds a notebook, else the last; of files with the lab's name, the last in order."""
    attempts = {piece.who.attempt for piece in pieces}
    with_work = {piece.who.attempt for piece in pieces if piece.entry.path.suffix.lower() in WORK}
    last = max(with_work or attempts)
    kept: dict[object, Piece] = {}
    for piece in sorted(pieces, key=lambda piece: piece.who.order):
        again = piece.who.order and piece.entry.is_notebook and names_a_lab(piece.who.file, {lab})
        if piece.who.attempt == last:
            kept[lab if again else (piece.entry.path, piece.entry.kind)] = piece
    return list(kept.values())


def _own(pieces: list[Piece], lab: str, labs: Collection[str]) -> list[Entry]:
    """The entries as the student sees them; a notebook alone is the lab's, whatever the platform made of its name."""
    alone = sum(piece.entry.is_notebook for piece in pieces) == 1
    own = []
    for piece in pieces:
        entry = piece.entry
        stem, suffix = split(entry.path.name)
        if len(entry.path.parts) > 1:
            own.append(entry.below())
        elif _is_folder(entry):
            own += [entry.below()] if entry.kind != Kind.FOLDER or entry.trouble else []
        elif alone and entry.is_notebook and not names_a_lab(piece.who.file, {*labs} - {lab}):
            own.append(replace(entry, path=PurePosixPath(f"{lab}.ipynb")))
        else:
            own.append(replace(entry, path=PurePosixPath((piece.who.file or stem) + suffix)))
    return own
