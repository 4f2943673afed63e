"""Runs a submission in the sandbox: starts it again after a cell that ended it, and collects what came back."""

import secrets
import time
from dataclasses import dataclass, field

import torch

from course_grading import cells
from course_grading.cells import Cell, Plan, Released, Step
from course_grading.results import Limits
from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Described, Holding, Raised, Shown
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import PAUSE, Broken, Ending, Session


class SetupFailed(RuntimeError):
    """The course's own set-up cell does not run on this machine."""


@dataclass
class Seen:
    """What a submission showed. All of it but `ended` and `not_reached` was said by the student's process.

    Attributes:
        printed: By cell id, what a cell printed.
        errors: By cell id, the error that ended a cell.
        ended: By cell id, why the whole process ended in that cell.
        not_reached: Cells that did not run, since there were no more restarts or no more time.
        said: By cell id, what the sources say (see `syntax`), read before any of them ran.
        defined_in: By exercise, the cell that defined it last.
        replies: By exercise, replies to its cases; where there are none, why not.
        tampered: Whether an assertion that must fail did not, or another canary came back changed.
        cpu_seconds: Processor time.
    """

    printed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, Raised] = field(default_factory=dict)
    ended: dict[str, Ending] = field(default_factory=dict)
    not_reached: set[str] = field(default_factory=set)
    said: dict[str, Described | None] = field(default_factory=dict)
    defined_in: dict[str, str] = field(default_factory=dict)
    replies: dict[str, list[Shown] | Holding | Ending] = field(default_factory=dict)
    tampered: bool = False
    cpu_seconds: float = 0.0


class Runner:
    """One submission on its way through the sandbox.

    Args:
        sandbox: A warm sandbox.
        known: The released notebook.
        code: Code cells of the submission.
        questions: By exercise, {"cases": packed inputs, "observer": how results are read}.
        limits: Times and the number of restarts.
    """

    def __init__(self, sandbox: Sandbox, known: Released, code: list[Cell], questions: dict, limits: Limits):
        self.sandbox, self.known, self.code, self.questions, self.limits = sandbox, known, code, questions, limits
        self.seen, self.session = Seen(), self._open()

    def _open(self) -> Session:
        return self.sandbox.open(len(self.questions) + 1)

    def _reopen(self) -> None:
        self.seen.cpu_seconds += self.session.end()
        self.session = self._open()

    def run(self) -> tuple[Seen, Plan]:
        """Read, run, ask.

        Raises:
            SetupFailed: If the set-up cell does not run.
            Broken: If the sandbox itself is gone.
        """
        try:
            self._read()
            plan = cells.plan(self.known, self.code, self.seen.said, list(self.questions))
            if any(step.names for step in plan.steps):  # else it is the notebook of another lab, or of none
                self._run_all(plan.steps)
                self._ask_all()
        finally:
            self.seen.cpu_seconds += self.session.end()
        return self.seen, plan

    def _read(self) -> None:
        """Have the sources parsed in a process that no student's code has touched; a parser can crash, too."""
        left, deadline = self.limits.restarts, time.monotonic() + self.limits.notebook_seconds
        for cell in self.code:
            if not cells.worth_reading(cell, self.known):
                continue
            worth = left >= 0 and time.monotonic() < deadline
            try:
                self.seen.said[cell.id] = self.session.read(cell.source) if worth else None
            except Broken:
                self.seen.said[cell.id] = None
                left -= 1
                self._reopen()

    def _run_all(self, steps: list[Step]) -> None:
        """Run the cells; a cell that ends the process is left out the next time."""
        deadline, left, gave_up = time.monotonic() + self.limits.notebook_seconds, self.limits.restarts, False
        while (stopped := self._run_once(steps, deadline)) is not None:
            self._reopen()
            at = steps.index(stopped)
            if left > 0 and time.monotonic() < deadline:
                left, steps = left - 1, steps[:at] + steps[at + 1 :]
                continue
            self.seen.not_reached |= {step.cell.id for step in steps[at:]} - set(self.seen.ended)
            steps = [] if gave_up else steps[:at]  # what stands before that cell still counts
            deadline, left, gave_up = time.monotonic() + self.limits.notebook_seconds, 0, True

    def _run_once(self, steps: list[Step], deadline: float) -> Step | None:
        """Run the cells in a fresh process; the cell at which it could not go on."""
        self._set_up()
        last = {name: step for step in steps for name in step.names}
        self.seen.replies, self.seen.defined_in, self.seen.printed = {}, {}, {}
        for step in steps:
            if time.monotonic() > deadline:
                return step
            try:
                self._run_cell(step.cell)
                for name in (name for name in step.names if last[name] is step):
                    self._hold(name, step.cell.id)
            except Broken as error:
                self.seen.ended[step.cell.id] = error.ending
                return step
        return None

    def _set_up(self) -> None:
        for cell in self.known.setup:
            error = self.session.run(cell.source, 60, keep=False).error
            if error is not None:
                raise SetupFailed(f"the set-up cell of the lab does not run here: {error.kind}: {error.text}")

    def _run_cell(self, cell: Cell) -> None:
        left = self.limits.output_total - sum(map(len, self.seen.printed.values()))
        output = max(0, min(left, self.limits.output_bytes))
        ran = self.session.run(cell.source, self.limits.cell_seconds, output)
        self.seen.printed[cell.id] = ran.printed
        self.seen.errors.pop(cell.id, None)
        for name in (name for name, replies in self.seen.replies.items() if replies == []):
            self.session.ping(self._channel(name))  # a cell could end those that wait
        if ran.error is not None:
            self.seen.errors[cell.id] = ran.error

    def _hold(self, name: str, cell: str) -> None:
        """Keep the function as it is after this cell, for the cases that come when all cells have run."""
        holding = self.session.hold(name, self._channel(name))
        self.seen.defined_in[name] = cell
        self.seen.replies[name] = [] if holding is Holding.HELD else holding

    def _channel(self, name: str) -> int:
        return list(self.questions).index(name)

    def _ask_all(self) -> None:
        """Ask what the functions give. No cell runs any more: nothing can print the cases that are sent now."""
        self._watch_canaries()
        deadline = time.monotonic() + self.limits.notebook_seconds
        for name, question in self.questions.items():
            if self.seen.replies.get(name) == []:
                self.seen.replies[name] = self._ask(self._channel(name), question, deadline)

    def _ask(self, channel: int, question: dict, deadline: float) -> list[Shown] | Ending:
        seconds = min(self.limits.cell_seconds, max(deadline - time.monotonic(), 0.1))
        try:
            return self.session.answers(channel, **question, seconds=seconds)
        except Broken as error:
            return error.ending

    def _watch_canaries(self) -> None:
        """See whether a failing assertion still fails, and a call still shows what it does."""
        word, factor, size = f"f_{secrets.token_hex(6)}", secrets.randbelow(1000) + 2, secrets.randbelow(5) + 2
        source = f"def {word}(x):\n    x += 1\n    return x * {factor}"
        question = {"cases": [wire.pack({"x": torch.ones(size, dtype=torch.float64)})], "observer": "returned"}
        try:
            error = self.session.run(f"assert 1 == 2, '{word}'", PAUSE).error
            self.session.run(source, PAUSE)
            self.session.hold(word, len(self.questions))
            reply = self.session.answers(len(self.questions), **question, seconds=PAUSE)[0]
            result = wire.unpack_tensor(reply.values["result"])
            expected = torch.full((size,), 2.0 * factor, dtype=torch.float64)
            good = error == Raised("AssertionError", word, error.line) and reply.changed == ["x"]
            self.seen.tampered = not (good and torch.equal(result, expected))
        except (Broken, LookupError, TypeError, ValueError, RuntimeError, AttributeError):
            self.seen.tampered = True
