"""The outcomes of a class: each is a file as soon as it is known, so that nothing is lost however a run ends."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from course_grading.intake.submission import Submission
from course_grading.model import Lab, Outcome, from_json, to_json
from course_grading.rights import OWNER_OF_FILE
from course_utils.storage import write_file

RUN = "run.json"

LONGEST_NAME = 200
"""Bytes of a student's name that is the name of a file, too."""


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file holds: an outcome, and all that it depends on."""

    submission: str
    rules: str
    seed: int
    outcome: Outcome


class Begun(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file `RUN` holds."""

    lab: str
    seed: int


@dataclass(frozen=True)
class Run:
    """One grading of a lab.

    Attributes:
        folder: Where its files are, `grading/<lab>`.
        seed: What the inputs of the exercises are drawn from; secret.
        rules: Hash of the lab's notebook and checks.
    """

    folder: Path
    seed: int
    rules: str

    def start(self, *, forget: bool) -> None:
        """Write down the seed, so that the run can be resumed; forget outcomes of the run before it."""
        write_file(self.folder / RUN, to_json(Begun(self.folder.name, self.seed)) + "\n", OWNER_OF_FILE)
        if forget:
            for old in (self.folder / "outcomes").glob("*.json"):
                old.unlink()

    def file(self, student: str) -> Path:
        """Where the outcome of a student is kept."""
        long = len(student.encode("utf-8")) > LONGEST_NAME
        name = f"{student[:50]}-{sha256(student.encode()).hexdigest()[:16]}" if long else student
        return self.folder / "outcomes" / f"{name}.json"

    def save(self, submission: Submission, outcome: Outcome) -> None:
        """Keep an outcome."""
        kept = Kept(submission.digest, self.rules, self.seed, outcome)
        write_file(self.file(submission.student), to_json(kept) + "\n", OWNER_OF_FILE)

    def load(self, submission: Submission) -> Outcome | None:
        """The outcome of exactly this submission by these rules and this seed, if it is there."""
        try:
            kept = from_json(self.file(submission.student).read_bytes(), Kept)
        except (FileNotFoundError, ValueError):
            return None
        same = (kept.submission, kept.rules, kept.seed) == (submission.digest, self.rules, self.seed)
        return kept.outcome if same else None


def begin(folder: str | Path, lab: Lab, *, seed: int | None = None, resume: bool = False) -> Run:
    """A new run, or the earlier one when it is resumed; of the earlier one nothing is lost before `Run.start`.

    Args:
        folder: The class's folder.
        lab: The lab.
        seed: Makes runs repeatable; secret and random by default.
        resume: Go on with the earlier run, if there was one.

    Raises:
        ValueError: If the earlier run cannot be told from its file.
    """
    place = Path(folder) / "grading" / lab.name
    place.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # some network shares refuse it; each file in there is private by itself
        place.parent.chmod(0o700)
    file = place / RUN
    if seed is None:
        seed = _earlier(file) if resume and file.is_file() else secrets.randbits(62)
    return Run(place, seed, lab.rules)


def _earlier(file: Path) -> int:
    try:
        return from_json(file.read_bytes(), Begun).seed
    except ValueError as error:
        raise ValueError(f"{file} was changed by hand ({error}): grade without --resume, or with --seed") from error
