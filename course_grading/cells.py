"""The cells of a submission on their way through the sandbox: a process runs them, and functions are held in it."""

import math
import time
from collections.abc import Mapping, Sequence

from course_grading.model import Limits
from course_grading.notebook import Cell
from course_grading.plan import Step
from course_grading.sandbox.guest.messages import Held, Holding
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import GRACE, PAUSE, Broken, Ending, Session
from course_grading.seen import SeenCell, SeenFunction

SETUP_SECONDS = 60.0
LEAST_SECONDS = 0.1
"""Wall time that a cell has when the others have used all of it."""

WRITE = "__import__('pathlib').Path({name!r}).write_bytes({data!r});"
"""A cell that writes a file."""

FUNCTIONS = 60
"""How many functions one process can hold, each check of a notebook counted."""


class SetupFailed(RuntimeError):
    """The course's own set-up cell does not run on this machine."""


class Process:
    """The process of a submission, which is started again when it has ended.

    Args:
        sandbox: A warm sandbox.
    """

    def __init__(self, sandbox: Sandbox):
        self.cpu_seconds = 0.0
        self._sandbox = sandbox
        self.session = self._open()

    def _open(self) -> Session:
        return self._sandbox.open(FUNCTIONS)

    def restart(self) -> None:
        """End it, and start another."""
        self.end()
        self.session = self._open()

    def end(self) -> None:
        """End it with all that it started."""
        self.cpu_seconds += self.session.end()


class Cells:
    """The cells of a submission on their way through the sandbox.

    A function is held where its check was called last: what is asked later is what the check saw. One that no check
    was called with is held when all cells have run.

    Args:
        process: A process that has run nothing.
        setup: The lab's set-up cells.
        exercises: Names of the functions of the lab.
        limits: Times and the number of restarts.
        modules: Python files that lie where the cells run, by name.
    """

    def __init__(
        self,
        process: Process,
        setup: Sequence[Cell],
        exercises: Sequence[str],
        limits: Limits,
        modules: Mapping[str, bytes] | None = None,
    ):
        self.seen: dict[str, SeenCell] = {}
        self.functions: dict[str, SeenFunction] = {}
        self.checked: dict[str, set[str]] = {}
        """By exercise, ids of the cells that called its check."""

        self.before: dict[str, list[Cell]] = {}
        """By exercise, the cells that had run when its function was held, or should have been."""

        self._process = process
        self._setup = setup
        self._modules = dict(modules or {})
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

    def again(self, cells: Sequence[Cell], deadline: float, passing: Mapping[str, int] | None = None) -> None:
        """Run cells in a fresh process; those that raise an error run once more when the others have run.

        What they print is not kept: functions may have been asked before, and have told the cases.

        Args:
            cells: What runs, in order.
            deadline: When it has to end, on the monotonic clock.
            passing: By exercise, which of its checks alone does not fail.

        Raises:
            Broken: If the process ends, or there is no time left.
        """
        self._process.restart()
        self._set_up()
        self._process.session.deadline = deadline + GRACE
        if passing:
            self._process.session.run("", PAUSE, keep=False, passing=passing)
        failed = [cell for cell in cells if self._fails(cell, deadline)]
        for cell in failed:
            self._fails(cell, deadline)

    def hold(self, name: str, *, copied: bool = True, checked: bool = True) -> Held:
        """Keep a function as it is now, for the cases that come when all cells have run.

        Args:
            name: The exercise.
            copied: Whether in a copy of the process; else the process runs no more cells.
            checked: Whether what was checked last in its place counts; else it is what has its name.

        Raises:
            Broken: If the process ends.
        """
        return self._process.session.hold(name, copied, checked)

    def _leave_out(self, steps: Sequence[Step]) -> None:
        for step in steps:
            self.seen.setdefault(step.cell.id, SeenCell(reached=False))

    def _run_once(self, steps: Sequence[Step], deadline: float) -> Step | None:
        """Run the steps in a fresh process until the time is over; the one that ended the process."""
        self._set_up()
        self._process.session.deadline = deadline + GRACE
        self.seen = {name: cell for name, cell in self.seen.items() if cell.ending or not cell.reached}
        self.functions = {}
        done: list[Step] = []
        try:
            for step in steps:
                if time.monotonic() > deadline:
                    self._leave_out(steps[len(done) :])
                    break
                done.append(step)
                self._run_step(step, done, deadline)
            self._hold_what_was_not_checked(done)
        except Broken as error:
            self.seen[done[-1].cell.id] = SeenCell(ending=error.ending)
            return done[-1]
        return None

    def _set_up(self) -> None:
        self._process.session.deadline = math.inf  # it is the course's own
        for cell in self._setup:
            error = self._process.session.run(cell.source, SETUP_SECONDS, keep=False).error
            if error is not None:
                raise SetupFailed(f"the set-up cell of the lab does not run here: {error.kind}: {error.text}")
        for name, data in self._modules.items():
            self._process.session.run(WRITE.format(name=name, data=data), PAUSE, keep=False)

    def _run_step(self, step: Step, so_far: Sequence[Step], deadline: float) -> None:
        left = self._limits.output_total - sum(len(one.printed) for one in self.seen.values())
        output = max(0, min(left, self._limits.output_bytes)) if step.shown else 0
        seconds = min(self._limits.cell_seconds, max(deadline - time.monotonic(), LEAST_SECONDS))
        ran = self._process.session.run(step.cell.source, seconds, output)
        for name, function in self.functions.items():
            if function.holding is Holding.HELD:
                self._process.session.ping(name)  # a cell could end those that wait
        if step.shown:
            self.seen[step.cell.id] = SeenCell(ran.printed, ran.error)
        kept_back = 3 * len(self._exercises)  # for what is held when all cells have run
        for name in self._exercises:
            if name in ran.checked:
                self.checked.setdefault(name, set()).add(step.cell.id)
            if name in ran.checked and self._process.session.spare > kept_back:
                self._note(name, so_far)

    def _hold_what_was_not_checked(self, steps: Sequence[Step]) -> None:
        for name in self._exercises:
            if name not in self.functions and any(name in step.names for step in steps):
                self._note(name, steps)

    def _note(self, name: str, so_far: Sequence[Step]) -> None:
        """Hold a function, and note where it comes from."""
        defined = [step.cell.id for step in so_far if name in step.names]
        self.before[name] = [step.cell for step in so_far]
        self.functions[name] = SeenFunction(defined[-1] if defined else so_far[-1].cell.id, self.hold(name).holding)

    def _fails(self, cell: Cell, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Broken(Ending.SILENT)
        return self._process.session.run(cell.source, min(left, self._limits.cell_seconds)).error is not None
