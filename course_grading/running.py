"""Runs a submission in the sandbox: starts it again after a cell that ended it, and collects what came back."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from course_grading import plan, wire
from course_grading.channel import Broken
from course_grading.model import Limits
from course_grading.notebook import Cell
from course_grading.plan import Plan, Released, Step
from course_grading.sandbox import Sandbox, Session

GRACE = 2.0
"""Seconds from the bell inside, which honest cells hear, to the end of patience outside."""

PAUSE = 10.0
"""Seconds for orders that run nothing of a student."""


class SetupFailed(RuntimeError):
    """The course's own set-up cell does not run on this machine."""


def told(error: dict) -> dict:
    """What is kept of an error as the student's process tells it."""
    kind, text, line = (error.get(name) for name in ("type", "text", "line"))
    kind, text = (word if isinstance(word, str) else "" for word in (kind, text))
    return {"type": kind[:100], "text": text[:500], "line": line if type(line) is int else None}


@dataclass
class Seen:
    """What a submission showed. All of it but `ended` and `not_reached` was said by the student's process.

    Attributes:
        printed: By cell id, what a cell printed.
        errors: By cell id, the error that ended a cell.
        ended: By cell id, why the whole process ended in that cell: "ended", "silent" or "garbled".
        not_reached: Cells that did not run, since there were no more restarts or no more time.
        said: By cell id, what the sources say (see `syntax`), read before any of them ran.
        defined_in: By exercise, the cell that defined it last.
        replies: By exercise, replies to its cases; a text where there are none: why not.
        tampered: Whether an assertion that must fail did not, or another canary came back changed.
        cpu_seconds: Processor time.
    """

    printed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, dict] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    not_reached: set[str] = field(default_factory=set)
    said: dict[str, dict | None] = field(default_factory=dict)
    defined_in: dict[str, str] = field(default_factory=dict)
    replies: dict[str, list[dict] | str] = field(default_factory=dict)
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

    def __init__(self, sandbox: Sandbox, known: Released, code: Sequence[Cell], questions: dict, limits: Limits):
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
            made = plan.plan(self.known, self.code, self.seen.said, list(self.questions))
            if made.answers:
                self._run_all(list(made.steps))
                self._ask_all()
        finally:
            self.seen.cpu_seconds += self.session.end()
        return self.seen, made

    def _read(self) -> None:
        """Have the sources parsed in a process that no student's code has touched; a parser can crash, too."""
        left, deadline = self.limits.restarts, time.monotonic() + self.limits.notebook_seconds
        for cell in self.code:
            if not plan.worth_reading(cell, self.known):
                continue
            order = {"do": "read", "source": cell.source, "seconds": PAUSE / 2}
            worth = left >= 0 and time.monotonic() < deadline
            try:
                self.seen.said[cell.id] = self.session.ask(order, PAUSE).get("said") if worth else None
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
                self.seen.ended[step.cell.id] = str(error)
                return step
        return None

    def _set_up(self) -> None:
        for cell in self.known.setup:
            reply = self._order("run", source=cell.source, seconds=60, keep=False)
            if reply.get("error") is not None:
                raise SetupFailed(f"the set-up cell of the lab does not run here: {reply['error']}")

    def _order(self, do: str, **order) -> dict:
        return self.session.ask({"do": do, **order}, order.get("seconds", PAUSE) + GRACE)

    def _run_cell(self, cell: Cell) -> None:
        left = self.limits.output_total - sum(map(len, self.seen.printed.values()))
        output = max(0, min(left, self.limits.output_bytes))
        reply = self._order("run", source=cell.source, seconds=self.limits.cell_seconds, output=output)
        printed, error = reply.get("printed"), reply.get("error")
        self.seen.printed[cell.id] = printed[: output + 100] if isinstance(printed, str) else ""
        self.seen.errors.pop(cell.id, None)
        for name in (name for name, replies in self.seen.replies.items() if replies == []):
            self.session.ping(self._channel(name), PAUSE)  # a cell could end those that wait
        if isinstance(error, dict):
            self.seen.errors[cell.id] = told(error)

    def _hold(self, name: str, cell: str) -> None:
        """Keep the function as it is after this cell, for the cases that come when all cells have run."""
        reply = self._order("hold", name=name, channel=self._channel(name))
        self.seen.defined_in[name] = cell
        missing = "no function" if reply.get("defined") is True else "undefined"
        self.seen.replies[name] = [] if reply.get("held") is True else missing

    def _channel(self, name: str) -> int:
        return 1 + list(self.questions).index(name)

    def _ask_all(self) -> None:
        """Ask what the functions give. No cell runs any more: nothing can print the cases that are sent now."""
        self._watch_canaries()
        deadline = time.monotonic() + self.limits.notebook_seconds
        for name, question in self.questions.items():
            if self.seen.replies.get(name) == []:
                self.seen.replies[name] = self._ask(self._channel(name), question, deadline)

    def _ask(self, channel: int, question: dict, deadline: float) -> list[dict] | str:
        seconds = min(self.limits.cell_seconds, max(deadline - time.monotonic(), 0.1))
        try:
            return self.session.ask_cases(channel, {**question, "seconds": seconds}, seconds + GRACE)
        except Broken as error:
            return str(error)

    def _watch_canaries(self) -> None:
        """See whether a failing assertion still fails, and a call still shows what it does."""
        word, factor, size = f"f_{secrets.token_hex(6)}", secrets.randbelow(1000) + 2, secrets.randbelow(5) + 2
        source = f"def {word}(x):\n    x += 1\n    return x * {factor}"
        question = {"cases": [wire.pack({"x": torch.ones(size, dtype=torch.float64)})], "observer": "returned"}
        try:
            failed = self._order("run", source=f"assert 1 == 2, '{word}'", seconds=PAUSE, keep=False)
            self._order("run", source=source, seconds=PAUSE, keep=False)
            self._order("hold", name=word, channel=len(self.questions) + 1)
            reply = self._ask(len(self.questions) + 1, question, time.monotonic() + PAUSE)[0]
            result = wire.unpack_tensor(reply["values"]["result"])
            error, expected = failed["error"], torch.full((size,), 2.0 * factor, dtype=torch.float64)
            good = error["type"] == "AssertionError" and error["text"] == word and reply["changed"] == ["x"]
            self.seen.tampered = not (good and torch.equal(result, expected))
        except (Broken, LookupError, TypeError, ValueError, RuntimeError):
            self.seen.tampered = True
