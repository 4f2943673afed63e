"""The nouns of grading: a lab has tasks, limits go in, and one outcome for each submission comes out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from course_grading.notebook import Cell

Kind = TypeVar("Kind")
MB = 1 << 20

NOTHING = "no notebook"
"""The reason of somebody who handed in nothing, and has a place because of other labs."""


class Status(StrEnum):
    """What an exercise can be; only the first earns points."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_DONE = "not done"
    ERROR = "error"
    MISSING = "missing"
    NOT_REACHED = "not reached"


WORDS = {status: status.value for status in Status} | {Status.WRONG: "not right"}
"""What people read for the status of an exercise."""


class Shown(StrEnum):
    """How the answers of a submission are shown: what is too much to be drawn is shown in less."""

    DRAWN = "as written"
    PLAIN = "as plain text"
    NOT = "not at all"


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        cell_seconds: Wall time of a cell, and of judging the exercise that it defines.
        notebook_seconds: Wall time of the submission, all stages together; `budget` shares it out.
        cpu_seconds: Processor time of each run of a submission.
        memory: Bytes of address space of each process, and of all processes together where cgroups can be written.
        processes: Processes and threads at a time.
        file_bytes: Size of a file that a submission writes.
        tmp_bytes: Size of its folder /tmp, with everything in it.
        open_files: Files open at a time; half of them are the channels on which functions that were held are asked.
        output_bytes: Printed text kept of each cell.
        output_total: Printed text kept of a notebook.
        cases: Inputs that an exercise is judged on.
        restarts: How often a submission that ended its process is continued after the cell that did it.
        unsafe: Run submissions without a sandbox, with all rights of the instructor.
        apart: Run them as another user, without namespaces: the weaker sandbox, for containers that forbid these.
    """

    cell_seconds: float = 20.0
    notebook_seconds: float = 120.0
    cpu_seconds: int = 60
    memory: int = 3072 * MB
    processes: int = 64
    file_bytes: int = 64 * MB
    tmp_bytes: int = 128 * MB
    open_files: int = 128
    output_bytes: int = 20_000
    output_total: int = 200_000
    cases: int = 6
    restarts: int = 4
    unsafe: bool = False
    apart: bool = False

    def __post_init__(self):
        for f in fields(self):
            value = getattr(self, f.name)
            least = 0 if f.name in ("unsafe", "apart", "restarts") else 1
            if not isinstance(value, int | float) or not least <= value < float("inf"):
                raise ValueError(f"expected a number of at least {least} as {f.name}, got {value!r}")


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """One exercise of one submission.

    Attributes:
        exercise: Name of the function that students write.
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        points: Points earned.
        max_points: Points for a right answer.
        status: How it was found.
        message: What the student reads: never inputs, expected values or seeds.
        mistake: Name of the recognised mistake.
        cell: Id of the cell of the submission that defined the function.
    """

    exercise: str
    number: str
    title: str
    points: float
    max_points: float
    status: Status
    message: str = ""
    mistake: str | None = None
    cell: str | None = None

    def __post_init__(self):
        if not isinstance(self.status, Status):
            raise ValueError(f"expected a Status, got {self.status!r}")


class Outcome(Struct, frozen=True, forbid_unknown_fields=True):
    """One submission.

    Attributes:
        student: Name of the student's folder.
        lab: Name of the lab, such as "lab1_simulation".
        answers: All exercises of the lab, in order.
        flags: What the instructor should look at.
        reason: Why nothing could be graded.
        printed: Cell id to the bounded text that the cell printed, or the error that it raised.
        cpu_seconds: Processor time of the submission and of its judgement.
        warnings: What the sandbox could not promise on this machine.
        final: Whether it counts; false where the grader or the machine failed, not the submission.
        seconds: Wall time of the run.
        short: Whether something was out of time in it, or was not reached.
        shown: How its answers are shown.
    """

    student: str
    lab: str
    answers: tuple[Answer, ...]
    flags: tuple[str, ...] = ()
    reason: str | None = None
    printed: Mapping[str, str] = {}
    cpu_seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    final: bool = True
    seconds: float = 0.0
    short: bool = False
    shown: Shown = Shown.DRAWN

    @property
    def absent(self) -> bool:
        """Whether nothing was handed in."""
        return self.reason == NOTHING

    @property
    def points(self) -> float:
        """Points earned."""
        return sum(answer.points for answer in self.answers)

    @property
    def max_points(self) -> float:
        """Points for a submission with every answer right."""
        return sum(answer.max_points for answer in self.answers)

    def answer(self, task: "Task") -> Answer | None:
        """What the judge says of a task; None for a question in words."""
        return next((answer for answer in self.answers if answer.exercise == task.exercise), None)

    def flagged(self, flags: tuple[str, ...]) -> "Outcome":
        """The same with more flags, each once."""
        return replace(self, flags=tuple(dict.fromkeys((*flags, *self.flags))))


@dataclass(frozen=True)
class Task:
    """What earns points: an exercise, which is judged, or a question in words, which a person marks.

    Attributes:
        cell: Name of its cell, nbgrader's `grade_id`.
        number: Such as "1.4" or "Question 2"; heads its column in `grades.csv`.
        title: Such as "Euler–Maruyama step"; questions have none.
        points: Points for a right answer.
        exercise: Name of the function that is judged; None where a person marks.
    """

    cell: str
    number: str
    title: str
    points: float
    exercise: str | None = None

    @property
    def label(self) -> str:
        """Number and title."""
        return f"{self.number} {self.title}".strip()


@dataclass(frozen=True)
class Lab:
    """A lab as the grader sees it.

    Attributes:
        name: Such as "lab1_simulation".
        tasks: Exercises, then questions.
        cells: Cells of the released notebook by id.
        rules: Hash of notebook and checks: what was graded by other rules is graded again.
    """

    name: str
    tasks: tuple[Task, ...]
    cells: Mapping[str, Cell]
    rules: str

    @property
    def points(self) -> float:
        """Points for everything."""
        return sum(task.points for task in self.tasks)

    @property
    def counted(self) -> tuple[Task, ...]:
        """Tasks that a class's sheet does not leave out."""
        return tuple(task for task in self.tasks if task.points)

    def ungraded(self, student: str, reason: str, *, final: bool = True) -> Outcome:
        """The outcome of a submission that could not be run."""
        answers = (
            Answer(t.exercise, t.number, t.title, 0.0, t.points, Status.MISSING, "Nothing could be graded.")
            for t in self.tasks
            if t.exercise
        )
        return Outcome(student, self.name, tuple(answers), reason=reason, final=final)


def natural(text: str) -> list[str | int]:
    """What to sort by, so that 1.10 comes after 1.2 and lab10 after lab2."""
    parts = re.split("([0-9]+)", text)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def to_json(value: object) -> str:
    """An outcome, or what else is kept in a file, as text."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1).decode()


def from_json(text: str | bytes, kind: type[Kind]) -> Kind:
    """What `to_json` wrote.

    Raises:
        ValueError: If the text is anything else; it is named what.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ValueError(f"expected {kind.__name__} as the grader writes it, got: {error}") from error
