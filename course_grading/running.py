"""Runs a submission in the sandbox: its sources are read, a plan is made, its cells run, and its functions are asked.

A cell that ends the process is left out when the others run again. The warm process in the sandbox forks one for each
of these runs: that saves some 2 CPU-seconds of imports a submission.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from course_grading.budget import CELLS, WITHOUT
from course_grading.canaries import tampered
from course_grading.cases import Question
from course_grading.model import Limits
from course_grading.notebook import Cell
from course_grading.plan import Plan, Released, Step, plan, worth_reading
from course_grading.sandbox.guest.messages import Described, Holding, Raised, Shown
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import GRACE, Broken, Ending, Session

OUT_OF_TIME = "OutOfTime"
"""The exception that the guest raises in a cell that takes too long."""

SETUP_SECONDS = 60.0
LEAST_SECONDS = 0.1
"""Wall time that a cell or a function has when the others have used all of it."""


class SetupFailed(RuntimeError):
    """The course's own set-up cell does not run on this machine."""


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
        cell: Id of the cell that defined it last.
        replies: To its cases; where there are none, why not.
    """

    cell: str
    replies: Sequence[Shown] | Holding | Ending


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


class Process:
    """The process of a submission, which is started again when it has ended.

    Args:
        sandbox: A warm sandbox.
        channels: How many, beside the one for the cells.
    """

    def __init__(self, sandbox: Sandbox, channels: int):
        self.cpu_seconds = 0.0
        self._sandbox = sandbox
        self._channels = channels
        self.session = self._open()

    def _open(self) -> Session:
        return self._sandbox.open(self._channels)

    def restart(self) -> None:
        """End it, and start another."""
        self.end()
        self.session = self._open()

    def end(self) -> None:
        """End it with all that it started."""
        self.cpu_seconds += self.session.end()


def run(
    sandbox: Sandbox, known: Released, code: Sequence[Cell], questions: Mapping[str, Question], limits: Limits
) -> Seen:
    """Run one submission.

    Args:
        sandbox: A warm sandbox.
        known: The released notebook.
        code: Code cells of the submission.
        questions: By exercise.
        limits: Times and the number of restarts.

    Raises:
        SetupFailed: If the set-up cell does not run.
        Broken: If the sandbox itself is gone.
    """
    began = time.monotonic()
    first, second, last = (began + share * limits.notebook_seconds for share in (CELLS, WITHOUT, 1))
    process = Process(sandbox, len(questions) + 1)
    try:
        said = read_sources(process, [cell for cell in code if worth_reading(cell, known)], limits.restarts, first)
        seen = Seen(said, plan(known, code, said, list(questions)))
        if seen.plan.answers:
            cells = Cells(process, known.setup, list(questions), limits)
            cells.run(seen.plan.steps, first, second)
            seen.cells = cells.seen
            process.session.deadline = last + GRACE
            seen.tampered = tampered(process.session, len(questions))
            seen.functions = ask(process.session, cells.functions, questions, limits, last)
    finally:
        process.end()
    seen.cpu_seconds = process.cpu_seconds
    return seen


def read_sources(
    process: Process, cells: Sequence[Cell], restarts: int, deadline: float
) -> dict[str, Described | None]:
    """Have sources parsed in a process that no student's code has touched; a parser can crash, too."""
    said: dict[str, Described | None] = {cell.id: None for cell in cells}
    left = restarts
    for cell in cells:
        if left < 0 or time.monotonic() > deadline:
            break
        process.session.deadline = deadline + GRACE
        try:
            said[cell.id] = process.session.read(cell.source)
        except Broken:
            left -= 1
            process.restart()
    return said


class Cells:
    """The cells of a submission on their way through the sandbox.

    Args:
        process: A process that has run nothing.
        setup: The lab's set-up cells.
        exercises: Names of the functions of the lab; each has the channel of its place in this list.
        limits: Times and the number of restarts.
    """

    def __init__(self, process: Process, setup: Sequence[Cell], exercises: Sequence[str], limits: Limits):
        self.seen: dict[str, SeenCell] = {}
        self.functions: dict[str, SeenFunction] = {}
        self._process = process
        self._setup = setup
        self._exercises = exercises
        self._limits = limits

    def run(self, steps: Sequence[Step], first: float, second: float) -> None:
        """Run the steps; a cell that ends the process is left out the next time.

        Args:
            steps: What runs, in order.
            first: When the last cell has ended, on the monotonic clock.
            second: The same where a cell ended the process too often or too late, and those before it run again.

        Raises:
            SetupFailed: If the set-up cell does not run.
        """
        deadline = first
        left = self._limits.restarts
        gave_up = False
        while (stopped := self._run_once(steps, deadline)) is not None:
            self._process.restart()
            at = steps.index(stopped)
            if left > 0 and time.monotonic() < deadline:
                left -= 1
                steps = [*steps[:at], *steps[at + 1 :]]
                continue
            self._leave_out(steps[at:])
            steps = [] if gave_up else steps[:at]  # what stands before that cell still counts
            deadline = second
            left = 0
            gave_up = True

    def _leave_out(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.seen.setdefault(step.cell.id, SeenCell(reached=False))

    def _run_once(self, steps: Sequence[Step], deadline: float) -> Step | None:
        """Run the steps in a fresh process until the time is over; the one that ended the process."""
        self._set_up()
        self._process.session.deadline = deadline + GRACE
        last = {name: step for step in steps for name in step.names}
        self.seen = {name: cell for name, cell in self.seen.items() if cell.ending or not cell.reached}
        self.functions = {}
        for i, step in enumerate(steps):
            if time.monotonic() > deadline:
                self._leave_out(steps[i:])
                return None
            try:
                self._run_cell(step.cell, deadline)
                for name in (name for name in step.names if last[name] is step):
                    self._hold(name, step.cell.id)
            except Broken as error:
                self.seen[step.cell.id] = SeenCell(ending=error.ending)
                return step
        return None

    def _set_up(self) -> None:
        self._process.session.deadline = math.inf  # it is the course's own
        for cell in self._setup:
            error = self._process.session.run(cell.source, SETUP_SECONDS, keep=False).error
            if error is not None:
                raise SetupFailed(f"the set-up cell of the lab does not run here: {error.kind}: {error.text}")

    def _run_cell(self, cell: Cell, deadline: float) -> None:
        left = self._limits.output_total - sum(len(one.printed) for one in self.seen.values())
        output = max(0, min(left, self._limits.output_bytes))
        seconds = min(self._limits.cell_seconds, max(deadline - time.monotonic(), LEAST_SECONDS))
        ran = self._process.session.run(cell.source, seconds, output)
        for name, function in self.functions.items():
            if function.replies is Holding.HELD:
                self._process.session.ping(self._exercises.index(name))  # a cell could end those that wait
        self.seen[cell.id] = SeenCell(ran.printed, ran.error)

    def _hold(self, name: str, cell: str) -> None:
        """Keep the function as it is after this cell, for the cases that come when all cells have run."""
        holding = self._process.session.hold(name, self._exercises.index(name))
        self.functions[name] = SeenFunction(cell, holding)


def ask(
    session: Session,
    functions: Mapping[str, SeenFunction],
    questions: Mapping[str, Question],
    limits: Limits,
    deadline: float,
) -> dict[str, SeenFunction]:
    """Ask what the functions give. No cell runs any more: nothing can print the cases that are sent now."""
    asked = dict(functions)
    held = [name for name in questions if name in functions and functions[name].replies is Holding.HELD]
    for channel, (name, question) in enumerate(questions.items()):
        if name in held:
            fair = (deadline - time.monotonic()) / (len(held) - held.index(name))
            seconds = min(limits.cell_seconds, max(fair, LEAST_SECONDS))
            asked[name] = SeenFunction(functions[name].cell, _replies(session, channel, question, seconds))
    return asked


def _replies(session: Session, channel: int, question: Question, seconds: float) -> list[Shown] | Ending:
    try:
        return session.answers(channel, list(question.packed), question.observer, seconds)
    except Broken as error:
        return error.ending
