"""Names that learning platforms and students give to files and folders, and what they tell."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

PLATFORMS = [  # how learning platforms name what they hand out, without a file's suffix
    re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?"),  # Moodle
    re.compile(r"(?P<late>LATE_)?(?P<name>anon_(?P<user>[^_]+))_(?:(?P<order>\d+)_(?P<file>.+)|text|link)"),  # Canvas
    re.compile(r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d+)_(?:(?P<order>\d+)_(?P<file>.+)|text|link)"),  # Canvas
    re.compile(r"(?P<number>.+?_(?P<name>[^_]+))_attempt_(?P<attempt>[\d-]+)(?:_(?P<file>.*))?"),  # Blackboard
    re.compile(r"(?P<name>.+)\(\d{1,2}\)"),  # none: a browser's second download
]
"""A `number` holds in one assignment, a `user` in all."""

LATE = "late"
"""The flag of what a platform calls late."""

SAKAI = re.compile(r"(?P<name>.+)\((?P<user>[^()]+)\)")
"""How Sakai names folders; files have the student's own names."""

COPY = re.compile(r"[ _-]+(?:copy\d{0,2}|\d{1,2})$|[ _-]*\(\d{1,2}\)$", re.I)
"""What browsers, file managers and platforms put after the name of a copy."""

SUFFIX = re.compile(r"(?<=.)(?:\.ipynb)?\.[a-z0-9]{1,8}$", re.I)
LONGEST_NAME = 160
"""Bytes of a student's name: no file system takes more than 255 for all that is made of it."""

LONGEST_READ = 1000
"""Letters of a name that are looked at: some of the patterns take long where a name is very long."""

LONGEST_ORDER = 20


@dataclass(frozen=True)
class Owner:
    """What the name of a folder or a file tells.

    Attributes:
        name: Of the student.
        number: What the platform calls the student, to tell two of one name apart.
        lasting: Whether it does so in every assignment.
        late: Whether the platform says so.
        attempt: When it was handed in, as text that sorts by time.
        order: The platform's number of the file, of which a later one is higher.
        file: The student's own name for it.
    """

    name: str
    number: str = ""
    lasting: bool = False
    late: bool = False
    attempt: str = ""
    order: int = 0
    file: str = ""


def owner(name: str, lab: str, labs: Collection[str] = (), *, folder: bool = True) -> Owner | None:
    """Whose a folder or a file is; None where its name is that of a lab alone.

    Args:
        name: Of a folder, or of a file without its suffix.
        lab: Name of the lab, which may stand before or after the student's.
        labs: Names of all labs.
        folder: Whether it is a folder.
    """
    name = name[:LONGEST_READ]
    if names_a_lab(name, {*labs, lab}):
        return None
    for pattern in (*PLATFORMS, SAKAI) if folder else PLATFORMS:
        if match := pattern.fullmatch(name):
            return _of_platform({key: value or "" for key, value in match.groupdict().items()})
    for part in (lab, lab.split("_")[0]):
        name = re.sub(rf"^{part}[ _-]+(?=.)|(?<=.)[ _-]+{part}$", "", name, flags=re.I)
    return Owner(tidy(name))


def _of_platform(parts: dict[str, str]) -> Owner:
    user = parts.get("user", "")
    return Owner(
        name=tidy(parts["name"]),
        number=user or parts.get("number", ""),
        lasting=bool(user),
        late=bool(parts.get("late")),
        attempt=parts.get("attempt", ""),
        order=int(parts.get("order", "")[:LONGEST_ORDER] or 0),
        file=parts.get("file", ""),
    )


def tidy(name: str, longest: int = LONGEST_NAME) -> str:
    """A name that is safe as the name of a folder on every system, and one line in every table."""
    plain = _composed(name)
    plain = re.sub(r'[/\\:*?"<>|]', "_", "".join(c if c.isprintable() else "_" for c in plain))
    short = plain.strip().lstrip(".").encode()[:longest].decode(errors="ignore")
    return short.rstrip(". ") or "unnamed"


def folded(name: str) -> str:
    """The same for all names that a file system or a reader may take for one."""
    return _composed(name).casefold()


def names_a_lab(name: str, labs: Collection[str]) -> bool:
    """Whether a name is that of a lab, long or short, or of a copy of it: "lab1_simulation (1)", "Copy of lab1"."""
    if len(name) > LONGEST_NAME:
        return False
    name = re.sub("^copy of ", "", name.strip(), flags=re.I)
    while match := COPY.search(name):
        name = name[: match.start()]
    return name.casefold() in {short for lab in labs for short in (lab.casefold(), lab.split("_")[0].casefold())}


def split(name: str) -> tuple[str, str]:
    """Stem and suffix; "a.ipynb.txt" has a suffix of two parts, and "J. Berg" has none."""
    stem = SUFFIX.sub("", name)
    return stem, name[len(stem) :]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
