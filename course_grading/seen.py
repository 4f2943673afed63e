"""What a submission showed. Most of it was said by the student's process, and is not believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from course_grading.plan import Plan
from course_grading.sandbox.guest.messages import Described, Failed, Failure, Holding, Raised, Shown
from course_grading.sandbox.protocol import Ending

OUT_OF_TIME = "OutOfTime"
"""The exception that the guest raises in a cell that takes too long."""


class Later(StrEnum):
    """Where an answer is right that was not as its check saw it last."""

    AFTER = "is right after all cells, but was not where it was checked"
    VERSION = "is right in one of its versions, but not in the one that was checked last"


@dataclass(frozen=True)
class SeenCell:
    """What a cell showed.

    Attributes:
        printed: What it printed.
        error: The error that ended it.
        ending: Why the whole process ended in it.
        reached: Whether it ran: there may be no more restarts, or no more time.
    """

    printed: str = ""
    error: Raised | None = None
    ending: Ending | None = None
    reached: bool = True

    @property
    def out_of_time(self) -> bool:
        """Whether the cell was stopped, and the process went on."""
        return self.error is not None and self.error.kind == OUT_OF_TIME


@dataclass(frozen=True)
class SeenFunction:
    """What the function of an exercise showed.

    Attributes:
        cell: Id of the cell that defined it.
        holding: Whether there was a function to be asked.
        replies: To the cases; of the hidden ones only if those of the notebook's check are right.
        ending: How its process ended before it had replied.
        right: Whether the replies to all cases are right.
        late: Where they are so, if they were not where the function was checked.
    """

    cell: str
    holding: Holding
    replies: Sequence[Shown] = ()
    ending: Ending | None = None
    right: bool = False
    late: Later | None = None


@dataclass
class Seen:
    """What a submission showed. All of it but endings and what was not reached was said by the student's process.

    Attributes:
        said: By cell id, what the sources say (see `syntax`), read before any of them ran.
        plan: What runs.
        cells: By cell id; what does not run is not here.
        functions: By exercise.
        tampered: Whether a canary came back changed.
        cpu_seconds: Processor time.
    """

    said: Mapping[str, Described | None]
    plan: Plan
    cells: Mapping[str, SeenCell] = field(default_factory=dict)
    functions: Mapping[str, SeenFunction] = field(default_factory=dict)
    tampered: bool = False
    cpu_seconds: float = 0.0

    @property
    def endings(self) -> set[Ending]:
        """How processes ended before their time."""
        functions = {function.ending for function in self.functions.values() if function.ending}
        return functions | {cell.ending for cell in self.cells.values() if cell.ending}

    @property
    def failures(self) -> list[Failed]:
        """What functions failed by; a failure is the last reply of a function."""
        last = [function.replies[-1] for function in self.functions.values() if function.replies]
        return [reply for reply in last if isinstance(reply, Failed)]

    @property
    def late(self) -> bool:
        """Whether something took too long, or was never reached."""
        cells = any(cell.out_of_time or not cell.reached for cell in self.cells.values())
        functions = any(failed.failure is Failure.OUT_OF_TIME for failed in self.failures)
        return cells or functions or Ending.SILENT in self.endings
