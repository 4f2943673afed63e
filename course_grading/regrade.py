"""Regrade requests: some students are judged anew on inputs of their own, and what the judge said before is kept."""

import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from course_grading.intake.names import folded
from course_grading.model import Outcome, from_json, to_json
from course_grading.notebook import Notebook
from course_grading.outcomes import Run
from course_grading.rights import OWNER_OF_FILE
from course_grading.workers import Judge
from course_utils.storage import write_file

FILE = "regraded.json"
BEFORE = "before"


class Regraded(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file `FILE` holds: the run's seed, and those of students who were judged anew in it."""

    seed: int
    students: Mapping[str, int]


@dataclass(frozen=True)
class Runs:
    """The run of a lab, as it is for each student.

    Attributes:
        run: For everybody who was not judged anew.
        seeds: Seeds of the others.
    """

    run: Run
    seeds: Mapping[str, int]

    @staticmethod
    def of(run: Run, *, keep: bool) -> "Runs":
        """A run with what its file says; with nothing where outcomes are not kept.

        Raises:
            ValueError: If somebody changed the file.
        """
        file = run.folder / FILE
        if not keep or not file.is_file():
            return Runs(run, {})
        try:
            found = from_json(file.read_bytes(), Regraded)
        except ValueError as error:
            raise ValueError(f"{file} was changed by hand ({error}): grade without --resume and --only") from error
        return Runs(run, found.students if found.seed == run.seed else {})

    def __getitem__(self, student: str) -> Run:
        return replace(self.run, seed=self.seeds.get(student, self.run.seed))

    def start(self, *, forget: bool) -> None:
        """As `Run.start`; who is judged anew in a run that is forgotten has no seed in it any more."""
        if forget:
            (self.run.folder / FILE).unlink(missing_ok=True)
        self.run.start(forget=forget)

    def anew(self, students: Sequence[str], seed: int | None = None) -> "Runs":
        """The same with fresh seeds for some students, written down; their outcomes are put beside.

        Args:
            students: Names of their folders.
            seed: Of all of them; by default each has one that is secret and random.
        """
        stamp = time.strftime("%Y-%m-%d-%H%M%S")
        for student in students:
            file = self.run.file(student)
            if file.is_file():
                kept = self.run.folder / BEFORE / f"{file.stem}.{stamp}.json"
                write_file(kept, file.read_bytes(), OWNER_OF_FILE)
                print(f"{student}: what the judge said before is kept in {kept}")
        fresh = {student: secrets.randbits(62) if seed is None else seed for student in students}
        runs = Runs(self.run, {**self.seeds, **fresh})
        write_file(self.run.folder / FILE, to_json(Regraded(self.run.seed, runs.seeds)) + "\n", OWNER_OF_FILE)
        return runs


def named(asked: Iterable[str], students: Collection[str]) -> list[str]:
    """The folders of the students who are to be judged anew, each once.

    Args:
        asked: Their names, in any case of the letters.
        students: Names of all folders.

    Raises:
        ValueError: If there is no such student; those are named whose names are near.
    """
    known = {folded(student): student for student in students}
    found: dict[str, None] = {}
    for name in asked:
        student = name if name in students else known.get(folded(name))
        if student is None:
            near = [known[one] for one in get_close_matches(folded(name), known, 3, 0.5)]
            hint = f"; near it: {', '.join(near)}" if near else ""
            raise ValueError(f"expected a student of the class, a folder in submitted/, as --only, got {name!r}{hint}")
        found[student] = None
    return list(found)


def seeded(
    judge: Judge, seeds: Mapping[str, int], notebook: Notebook, *, student: str, seed: int, **options: Any
) -> Outcome:
    """Judge with the seed of the student, if there is one."""
    return judge(notebook, student=student, seed=seeds.get(student, seed), **options)
