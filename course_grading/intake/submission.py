"""One student's submission: which of the files that somebody handed in is the notebook, or why none is."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from course_grading.bounded import bounded
from course_grading.intake.archives import Entry, Kind, inside, told
from course_grading.intake.modules import beside
from course_grading.intake.names import names_a_lab
from course_grading.model import natural
from course_grading.notebook import Notebook, Unreadable, read, read_code

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
        modules: Python files that the notebook may import, by name.
        attempt: When it was handed in, where the platform says it.
    """

    student: str
    content: bytes | None
    flags: tuple[str, ...] = ()
    reason: str | None = None
    modules: Mapping[str, bytes] = field(default_factory=dict)
    attempt: str = ""

    @property
    def digest(self) -> str:
        """What tells this submission from any other."""
        parts = [self.content or b"", *(part for name in sorted(self.modules) for part in self._named(name))]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def _named(self, name: str) -> tuple[bytes, bytes]:
        data = self.modules[name]
        return f"\0{name}\0{len(data)}\0".encode(), data

    def notebook(self) -> Notebook:
        """What it holds, read anew at each call."""
        return Notebook((), self.reason or "no notebook") if self.content is None else read(self.content)

    def code(self, seconds: int) -> Notebook:
        """What of it runs, with its modules, read in at most so many seconds of processor time.

        Raises:
            Exceeded: If reading it was too much.
        """
        if self.content is None:
            return self.notebook()
        return replace(bounded(read_code, self.content, seconds=seconds), modules=self.modules)


def choose(
    student: str, belongings: Collection[Entry], lab: str, labs: Collection[str], flags: tuple[str, ...] = ()
) -> Submission:
    """The notebook among what belongs to a student; where there is none, the one in the only zip."""
    own = _of_lab(belongings, lab, labs)
    zips = [entry for entry in own if entry.kind == Kind.FILE and entry.path.suffix.lower() == ".zip"]
    try:
        if len(zips) == 1 and not any(entry.is_notebook for entry in own):
            own = _of_lab(inside(zips[0]), lab, labs)
            flags += (f"taken out of {told(zips[0].path.name)}",)
        candidates = [e for e in own if e.is_notebook]
        named = [e for e in candidates if e.path.name == f"{lab}.ipynb"]
        alike = [e for e in candidates if lab in e.path.name]
        last = _last_copy(candidates, lab)
        chosen = next((group[0] for group in (named, candidates, alike, last) if len(group) == 1), None)
        if chosen is None:
            raise Unreadable(_why_none(own, candidates))
        if not named:
            flags += (f"wrong file name: {told(chosen.path.name)}",)
        content = chosen.content()
        others = [e for e in candidates if e is not chosen and _is_another(e, content, lab)]
        if others:
            taken, *names = _names([chosen, *others])
            flags += (f"several notebooks of the lab: {told(taken)} is taken, not {some(sorted(names))}",)
        modules, seen = beside(chosen, own, content)
        return Submission(student, content, (*flags, *seen), modules=modules)
    except Unreadable as error:
        return Submission(student, None, flags, str(error))


def _last_copy(candidates: Sequence[Entry], lab: str) -> list[Entry]:
    """Of notebooks that are all copies of the lab's, side by side, the one with the highest number."""
    side_by_side = len({(e.path.parent, names_a_lab(e.path.stem, {lab})) for e in candidates}) == 1
    if not side_by_side or not names_a_lab(candidates[0].path.stem, {lab}):
        return []
    return sorted(candidates, key=lambda e: natural(e.path.name))[-1:]


def _is_another(entry: Entry, taken: bytes, lab: str) -> bool:
    """Whether a notebook may be the lab's by its name, and holds something else than the one that is taken."""
    if not (names_a_lab(entry.path.stem, {lab}) or lab in entry.path.name):
        return False
    try:
        return entry.content() != taken
    except Unreadable:
        return True


def _of_lab(belongings: Collection[Entry], lab: str, labs: Collection[str]) -> list[Entry]:
    """What is not another lab's; where the lab has a folder, what lies in it."""
    others = {*labs} - {lab}
    own = [e for e in belongings if not others & {part.removesuffix(".ipynb") for part in e.path.parts}]
    inner = [e for e in own if lab in e.path.parts[:-1]]
    return inner or own


def _why_none(own: list[Entry], candidates: list[Entry]) -> str:
    if candidates:
        return f"several notebooks: {some(sorted(_names(candidates)))}"
    special = [e for e in own if e.why_not]
    if special:
        return f"{told(special[0].path.name) or 'the folder'} {special[0].why_not}"
    files = [e.path.name for e in own if e.kind == Kind.FILE]
    return f"no notebook, only {some(files)}" if files else "no notebook"


def _names(entries: Sequence[Entry]) -> list[str]:
    """What tells some notebooks apart: their names, or where two have the same, their places."""
    names = [entry.path.name for entry in entries]
    return names if len({*names}) == len(names) else [str(entry.path) for entry in entries]


def some(names: Sequence[str]) -> str:
    """The first of some names, as part of a sentence."""
    return ", ".join(map(told, names[:MOST_NAMES])) + ", ..." * (len(names) > MOST_NAMES)
