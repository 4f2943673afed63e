"""Checking in: whose a submission is, which file is the notebook, and `submitted/<student>/<lab>/<lab>.ipynb`.

Whatever lies in `submitted/` afterwards is graded; each folder there is a student, even if it is empty.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from course_grading.notebook import Unreadable
from course_grading.sources import Entry, entries
from course_utils.storage import write_file

PLATFORMS = [  # how learning platforms name what they hand out
    re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)(?:_.*)?"),  # Moodle
    re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_.+"),  # Canvas
    re.compile(r".+?_(?P<name>[^_]+)_attempt_[\d-]+(?:_.*)?"),  # Blackboard
    re.compile(r"(?P<name>.+)\((?P<number>[^()]+)\)"),  # Sakai
]
WRAPPERS = {"submitted", "submissions", "bulk_download"}
LONGEST_NAME = 160
"""Bytes of a student's name: no file system takes more than 255 for all that is made of it."""


@dataclass(frozen=True)
class Submission:
    """What a student handed in.

    Attributes:
        student: Name of the student's folder.
        notebook: Bytes of the notebook; None where there is none.
        flags: What the instructor should look at.
        reason: Why there is no notebook.
    """

    student: str
    notebook: bytes | None
    flags: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.notebook or b"").hexdigest()


@dataclass(frozen=True)
class Owner:
    """Whom a folder or a file of the source belongs to."""

    name: str
    number: str = ""
    flags: tuple[str, ...] = ()


def check_in(source: str | Path, folder: str | Path, lab: str, labs: Iterable[str] = ()) -> list[str]:
    """Copy what a source holds of one lab into `folder/submitted`.

    Args:
        source: `<student>/<lab>/<lab>.ipynb`, a flat folder of notebooks, or a zip with either.
        folder: The class's folder.
        lab: Name of the lab.
        labs: Names of all labs: what lies in the folder of another one is left alone.

    Returns:
        Students whose earlier submission was replaced.

    Raises:
        ValueError: If the source cannot be read or holds nothing.
    """
    folder, labs = Path(folder), {*labs, lab}
    groups = _by_student(_unwrapped(entries(source), lab, Path(source).stem), lab)
    if not groups:
        raise ValueError(f"expected notebooks or students' folders in {source}, found neither")
    replaced, notes = [], _notes(folder, lab)
    for student, (flags, belongings) in groups.items():
        found = _submission(student, belongings, lab, labs, flags)
        place = folder / "submitted" / student / lab / f"{lab}.ipynb"
        before = place.read_bytes() if place.is_file() and not place.is_symlink() else None
        if found.notebook is None and before is not None:
            notes[student] = {"flags": [*found.flags, f"handed in again, but {found.reason}"], "reason": None}
            continue
        notes[student] = {"flags": list(found.flags), "reason": found.reason}
        place.parent.mkdir(parents=True, exist_ok=True)
        if found.notebook not in (None, before):
            replaced += [student] if before is not None else []
            write_file(place, found.notebook)
    write_file(_notes_file(folder, lab), json.dumps(notes, ensure_ascii=False, indent=1, sort_keys=True))
    return replaced


def submissions(folder: str | Path, lab: str, labs: Iterable[str] = ()) -> Iterator[Submission]:
    """Everything in `folder/submitted`, one for each student, sorted; each is read when it is asked for.

    Raises:
        ValueError: If nothing is there.
    """
    submitted = Path(folder) / "submitted"
    if not submitted.is_dir():
        raise ValueError(f"expected submissions in {submitted}, which is missing: name their place with --from")
    groups = defaultdict(list)
    for entry in entries(submitted):
        if len(entry.path.parts) > 1 or entry.kind != "file":
            groups[entry.path.parts[0]] += [_below(entry)]
    if not groups:
        raise ValueError(f"expected students' folders in {submitted}, found none: name another place with --from")
    notes, labs = _notes(Path(folder), lab), {*labs, lab}
    names = sorted(groups)
    odd = [name for name in names if not name.isprintable()]
    if odd:
        raise ValueError(f"expected names of students in {submitted}, found {odd[0]!r}: rename that folder")
    return (_noted(_submission(name, groups[name], lab, labs), notes.get(name)) for name in names)


def owner(name: str, lab: str) -> Owner:
    """Whose a folder or a notebook is, from the name that the learning platform or the student gave it."""
    for pattern in PLATFORMS:
        if match := pattern.fullmatch(name):
            parts = match.groupdict()
            return Owner(_tidy(parts["name"]), parts.get("number") or "", ("late",) if parts.get("late") else ())
    short = lab.split("_")[0]
    for part in (lab, short):
        name = re.sub(rf"^{part}[ _-]+(?=.)|(?<=.)[ _-]+{part}$", "", name, flags=re.I)
    return Owner(_tidy(name))


def _tidy(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that is safe as the name of a folder on every system, and one line in every table."""
    plain = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    plain = re.sub(r'[/\\:*?"<>|]', "_", "".join(c if c.isprintable() else "_" for c in plain))
    short = plain.strip().lstrip(".").encode()[:longest].decode(errors="ignore")
    return short.rstrip(". ") or "unnamed"


def _below(entry: Entry) -> Entry:
    return Entry(PurePosixPath(*entry.path.parts[1:]), entry.kind, entry.read)


def _unwrapped(found: list[Entry], lab: str, stem: str) -> list[Entry]:
    """Without the one folder that everything lies in, if that folder is no student."""
    while len({entry.path.parts[0] for entry in found}) == 1 and any(len(e.path.parts) > 1 for e in found):
        top, inner = found[0].path.parts[0], [_below(e) for e in found if len(e.path.parts) > 1]
        names = {e.path.parts[0] for e in inner if len(e.path.parts) > 1 or e.path.suffix.lower() in ("", ".ipynb")}
        several = len(names) > 1 and not names & {lab, f"{lab}.ipynb"}
        if not several and top.lower() not in WRAPPERS | {lab.lower(), stem.lower()}:
            break
        found = inner
    return found


def _by_student(found: list[Entry], lab: str) -> dict[str, tuple[tuple[str, ...], list[Entry]]]:
    """Flags and belongings of each student; two people of one name are told apart by the platform's number."""
    groups = _by_owner(found, lab)
    shared = Counter(name.casefold() for name, _, _ in groups)
    students = {}
    for (name, number, _), (flags, belongings) in sorted(groups.items()):
        again = shared[name.casefold()] > 1
        name = f"{name} {_tidy(number, 40)}" if again and number else name
        taken = {student.casefold() for student in students}
        name = next(n for n in (name, *(f"{name} {i}" for i in range(2, len(groups) + 2))) if n.casefold() not in taken)
        students[name] = (*sorted(flags), *["another student has the same name"] * again), belongings
    return students


def _by_owner(found: list[Entry], lab: str) -> dict[tuple[str, str, str], tuple[set[str], list[Entry]]]:
    """The same by name, the platform's number and, where there is none, the folder or file that it was taken from."""
    groups, flat = defaultdict(lambda: (set(), [])), defaultdict(list)
    for entry in found:
        top, inside = entry.path.parts[0], len(entry.path.parts) > 1
        folder = inside or entry.kind == "folder" or (entry.kind != "file" and entry.path.suffix == "")
        if not folder and entry.path.suffix.lower() != ".ipynb":
            continue
        who = owner(top if folder else entry.path.stem, lab)
        key = who.name, who.number, "" if who.number else top
        groups[key][0].update(who.flags)
        if folder:
            groups[key][1].extend([_below(entry)] if inside or entry.kind != "folder" else [])
        else:
            flat[key].append(entry)
    for key, notebooks in flat.items():
        for entry in notebooks:  # one alone is the notebook, whatever the platform made of its name
            path = entry.path if len(notebooks) > 1 or groups[key][1] else PurePosixPath(f"{lab}.ipynb")
            groups[key][1].append(Entry(path, entry.kind, entry.read))
    return groups


def _submission(
    student: str, belongings: list[Entry], lab: str, labs: set[str], flags: tuple[str, ...] = ()
) -> Submission:
    """The notebook among what belongs to a student."""
    others = labs - {lab}
    own = [e for e in belongings if not others & {part.removesuffix(".ipynb") for part in e.path.parts}]
    inside = [e for e in own if lab in e.path.parts[:-1]]
    candidates = [e for e in inside or own if e.path.suffix.lower() == ".ipynb"]
    named = [e for e in candidates if e.path.name == f"{lab}.ipynb"]
    alike = [e for e in candidates if lab in e.path.name]
    chosen = next((some for some in (named, candidates, alike) if len(some) == 1), [])
    try:
        if not chosen:
            raise Unreadable(_why_none(own, candidates))
        if not named:
            flags += (f"wrong file name: {chosen[0].path.name}",)
        return Submission(student, chosen[0].notebook(), flags)
    except Unreadable as error:
        return Submission(student, None, flags, str(error))


def _why_none(own: list[Entry], candidates: list[Entry]) -> str:
    if candidates:
        return f"several notebooks: {', '.join(sorted({e.path.name for e in candidates})[:5])}"
    special = [e for e in own if e.kind not in ("file", "folder")]
    if special:
        return f"{special[0].path.name or 'the folder'} is a {special[0].kind} and there is no notebook"
    files = [e.path.name for e in own if e.kind == "file"]
    return f"no notebook, only {', '.join(files[:5])}" if files else "no notebook"


def _notes_file(folder: Path, lab: str) -> Path:
    return folder / "grading" / lab / "intake.json"


def _notes(folder: Path, lab: str) -> dict[str, dict]:
    file = _notes_file(folder, lab)
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def _noted(found: Submission, note: dict | None) -> Submission:
    """With what was seen when it was checked in."""
    if note is None:
        return found
    flags = tuple(dict.fromkeys((*note["flags"], *found.flags)))
    reason = (note["reason"] or found.reason) if found.notebook is None else None
    return Submission(found.student, found.notebook, flags, reason)
