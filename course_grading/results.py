"""What passes between the parts of the grader: limits go in, one outcome for each submission comes out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

STATUSES = ("right", "wrong", "not done", "error", "missing", "not reached")
"""What an exercise can be; only the first earns points."""

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes:
        cell_seconds: Wall time of a cell, and of judging the exercise that it defines.
        notebook_seconds: Wall time of all cells, with restarts; as much again to read them, and to call answers.
        cpu_seconds: Processor time of each run of a submission.
        memory: Bytes of address space of each process, and of all processes together where cgroups can be written.
        processes: Processes and threads at a time.
        file_bytes: Size of a file that a submission writes.
        tmp_bytes: Size of its folder /tmp, with everything in it.
        open_files: Files open at a time.
        output_bytes: Printed text kept of each cell.
        output_total: Printed text kept of a notebook.
        notebook_bytes: Size of a submission.
        cells: Cells of a submission.
        cases: Inputs that an exercise is judged on.
        restarts: How often a submission that ended its process is continued after the cell that did it.
        unsafe: Run submissions without a sandbox, with all rights of the instructor.
    """

    cell_seconds: float = 20.0
    notebook_seconds: float = 120.0
    cpu_seconds: int = 60
    memory: int = 3072 * MB
    processes: int = 64
    file_bytes: int = 64 * MB
    tmp_bytes: int = 128 * MB
    open_files: int = 256
    output_bytes: int = 20_000
    output_total: int = 200_000
    notebook_bytes: int = 20 * MB
    cells: int = 1000
    cases: int = 6
    restarts: int = 4
    unsafe: bool = False

    def __post_init__(self):
        for f in fields(self):
            value, least = getattr(self, f.name), 0 if f.name in ("unsafe", "restarts") else 1
            if not isinstance(value, int | float) or not least <= value < float("inf"):
                raise ValueError(f"expected a number of at least {least} as {f.name}, got {value!r}")


@dataclass(frozen=True)
class Answer:
    """One exercise of one submission.

    Attributes:
        exercise: Name of the function that students write.
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        points: Points earned.
        max_points: Points for a right answer.
        status: One of `STATUSES`.
        message: What the student reads: never inputs, expected values or seeds.
        mistake: Name of the recognised mistake.
        cell: Id of the cell of the submission that defined the function.
    """

    exercise: str
    number: str
    title: str
    points: float
    max_points: int
    status: str
    message: str = ""
    mistake: str | None = None
    cell: str | None = None

    def __post_init__(self):
        if self.status not in STATUSES:
            raise ValueError(f"expected a status out of {STATUSES}, got {self.status!r}")


@dataclass(frozen=True)
class Outcome:
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
    """

    student: str
    lab: str
    answers: tuple[Answer, ...]
    flags: tuple[str, ...] = ()
    reason: str | None = None
    printed: Mapping[str, str] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """Points earned."""
        return sum(answer.points for answer in self.answers)

    @property
    def max_points(self) -> int:
        """Points for a submission with every answer right."""
        return sum(answer.max_points for answer in self.answers)


def to_json(outcome: Outcome) -> str:
    """An outcome as text; `from_json` gives it back."""
    return json.dumps(asdict(outcome), ensure_ascii=False, indent=1, sort_keys=True)


def from_json(text: str) -> Outcome:
    """The outcome that `to_json` wrote.

    Raises:
        ValueError: If the text is anything else; it is named what.
    """
    try:
        data = _checked(json.loads(text), Outcome)
        data["answers"] = tuple(Answer(**_checked(answer, Answer)) for answer in data["answers"])
        return Outcome(**data)
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"expected an outcome as the grader writes it, got: {error}") from error


KINDS: dict[type, dict[str, Any]] = {
    Answer: {"points": int | float, "max_points": int, "mistake": str | None, "cell": str | None},
    Outcome: {
        "answers": list, "flags": list, "warnings": list, "printed": dict, "reason": str | None,
        "cpu_seconds": int | float,
    },
}  # fmt: skip
"""Types of the attributes that are no texts."""


def _checked(data: Any, kind: type) -> dict:
    names = {f.name for f in fields(kind)}
    if not isinstance(data, dict) or set(data) != names:
        raise ValueError(f"expected the attributes {sorted(names)} of {kind.__name__}, got {data!r:.200}")
    for name, value in data.items():
        expected = KINDS[kind].get(name, str)
        if not isinstance(value, expected) or isinstance(value, bool):
            raise ValueError(f"expected {expected} as {name} of {kind.__name__}, got {value!r:.200}")
    texts = [v for name in ("flags", "warnings") for v in data.get(name, ())]
    texts += [v for pair in data.get("printed", {}).items() for v in pair]
    if not all(isinstance(v, str) for v in texts):
        raise ValueError(f"expected texts in flags, warnings and printed of {kind.__name__}")
    return {name: tuple(v) if name in ("flags", "warnings") else v for name, v in data.items()}
