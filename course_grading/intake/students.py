"""Whose a submission is, from the names that learning platforms and students give to files and folders."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from course_grading.intake.archives import Entry, Kind

PLATFORMS = [  # how learning platforms name what they hand out
    re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?"),  # Moodle
    re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_.+"),  # Canvas
    re.compile(r".+?_(?P<name>[^_]+)_attempt_[\d-]+(?:_.*)?"),  # Blackboard
    re.compile(r"(?P<name>.+)\((?P<number>[^()]+)\)"),  # Sakai
]
WRAPPERS = {"submitted", "submissions", "bulk_download"}
COPY = re.compile(r"[ _-]+(?:copy\d{0,2}|\d{1,2})$|[ _-]*\(\d{1,2}\)$", re.I)
"""What browsers and file managers put after the name of a copy."""

LONGEST_NAME = 160
"""Bytes of a student's name: no file system takes more than 255 for all that is made of it."""

LONGEST_NUMBER = 40


@dataclass(frozen=True, order=True)
class Owner:
    """Whom a folder or a file belongs to: a name, the platform's number for it, and what the platform says of it."""

    name: str
    number: str = ""
    flags: tuple[str, ...] = ()


@dataclass
class Belongings:
    """What belongs to one student."""

    flags: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True)
class Sorted:
    """Everything that was found.

    Attributes:
        students: Belongings by the student's name.
        nameless: Files and folders whose name is that of a lab alone, and tells no student.
    """

    students: dict[str, Belongings]
    nameless: tuple[str, ...]


def by_student(found: Iterable[Entry], source: str, lab: str, labs: Collection[str]) -> Sorted:
    """Sort what lies in a source by student; two people of one name are told apart by the platform's number.

    Args:
        found: Everything in the source.
        source: Its name, which a folder around everything in it may have, too.
        lab: Name of the lab.
        labs: Names of all labs.
    """
    groups, nameless = _by_owner(_unwrapped(list(found), lab, source), lab, labs)
    shared = Counter(who.name.casefold() for who, _ in groups)
    students = {}
    taken: set[str] = set()
    for who, place in sorted(groups):
        belongings = groups[who, place]
        name = who.name
        if shared[name.casefold()] > 1:
            belongings.flags.add("another student has the same name")
            name = f"{name} {tidy(who.number, LONGEST_NUMBER)}" if who.number else name
        name = _free(name, taken)
        taken.add(name.casefold())
        students[name] = belongings
    return Sorted(students, tuple(sorted(nameless)))


def owner(name: str, lab: str, labs: Collection[str] = ()) -> Owner | None:
    """Whose a folder or a notebook is, from its name without ".ipynb"; None where it is the name of a lab alone."""
    if _names_a_lab(name, {*labs, lab}):
        return None
    for pattern in PLATFORMS:
        if match := pattern.fullmatch(name):
            parts = match.groupdict()
            return Owner(tidy(parts["name"]), parts.get("number") or "", ("late",) if parts.get("late") else ())
    for part in (lab, lab.split("_")[0]):
        name = re.sub(rf"^{part}[ _-]+(?=.)|(?<=.)[ _-]+{part}$", "", name, flags=re.I)
    return Owner(tidy(name))


def tidy(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that is safe as the name of a folder on every system, and one line in every table."""
    plain = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    plain = re.sub(r'[/\\:*?"<>|]', "_", "".join(c if c.isprintable() else "_" for c in plain))
    short = plain.strip().lstrip(".").encode()[:longest].decode(errors="ignore")
    return short.rstrip(". ") or "unnamed"


def _names_a_lab(name: str, labs: Collection[str]) -> bool:
    """Whether a name is that of a lab, long or short, or of a copy of it: "lab1_simulation (1)", "Copy of lab1"."""
    if len(name) > LONGEST_NAME:
        return False
    name = re.sub("^copy of ", "", name.strip(), flags=re.I)
    while match := COPY.search(name):
        name = name[: match.start()]
    return name.casefold() in {short for lab in labs for short in (lab.casefold(), lab.split("_")[0].casefold())}


def _unwrapped(found: list[Entry], lab: str, source: str) -> list[Entry]:
    """Without the one folder that everything lies in, if that folder is no student."""
    while len({entry.path.parts[0] for entry in found}) == 1 and any(len(e.path.parts) > 1 for e in found):
        top = found[0].path.parts[0]
        inner = [entry.below() for entry in found if len(entry.path.parts) > 1]
        names = {e.path.parts[0] for e in inner if len(e.path.parts) > 1 or e.path.suffix.lower() in ("", ".ipynb")}
        several = len(names) > 1 and not names & {lab, f"{lab}.ipynb"}
        if not several and top.lower() not in WRAPPERS | {lab.lower(), source.lower()}:
            break
        found = inner
    return found


def _by_owner(
    found: list[Entry], lab: str, labs: Collection[str]
) -> tuple[dict[tuple[Owner, str], Belongings], set[str]]:
    """Belongings by owner and, where the platform gave no number, the folder or file; and names that tell no owner."""
    groups: dict[tuple[Owner, str], Belongings] = defaultdict(Belongings)
    flat = defaultdict(list)
    nameless = set()
    for entry in found:
        top = entry.path.parts[0]
        folder = _is_folder(entry)
        if not folder and entry.path.suffix.lower() != ".ipynb":
            continue
        who = owner(top if folder else entry.path.stem, lab, labs)
        if who is None:
            nameless.add(top)
            continue
        key = Owner(who.name, who.number), "" if who.number else top
        groups[key].flags.update(who.flags)
        if not folder:
            flat[key].append(entry)
        elif len(entry.path.parts) > 1 or entry.kind != Kind.FOLDER:
            groups[key].entries.append(entry.below())
    for key, notebooks in flat.items():
        groups[key].entries += _named(notebooks, lab, alone=len(notebooks) == 1 and not groups[key].entries)
    return groups, nameless


def _is_folder(entry: Entry) -> bool:
    """Whether an entry is a folder, lies in one, or is a link or such in the place of one."""
    inside = len(entry.path.parts) > 1
    return inside or entry.kind == Kind.FOLDER or (entry.kind != Kind.FILE and entry.path.suffix == "")


def _named(notebooks: list[Entry], lab: str, *, alone: bool) -> list[Entry]:
    """Notebooks that lie in no folder: one alone is the lab's, whatever the platform made of its name."""
    return [Entry(PurePosixPath(f"{lab}.ipynb"), e.kind, e.read) if alone else e for e in notebooks]


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the first of "name 2", "name 3", ... that nobody has; capital letters make no difference."""
    free = name
    number = 2
    while free.casefold() in taken:
        free = f"{name} {number}"
        number += 1
    return free
