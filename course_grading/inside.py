"""Runs one submission, cell after cell, on orders from outside. Runs inside the sandbox.

Orders and replies are lines of JSON, on one channel for the cells and one for each exercise. What stands here runs in
one process with the student's code, which may change all of it: outside, nothing that comes back is believed.
"""

import contextlib
import io
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator

import numpy
import torch
from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from course_grading import confine, syntax, wire
from course_utils.checks.calling import AnswerError, Observer, observe, unfinished, unpack_observer

PLAIN = (bool, int, float, str, list, tuple, dict, torch.Tensor)
KINDS = {type(None): "None", **{kind: kind.__name__ for kind in PLAIN}}


class OutOfTime(BaseException):
    """The cell or the call took too long."""


class Bounded(io.TextIOBase):
    """A text stream that keeps what is written first and forgets the rest."""

    def __init__(self, size: int):
        self.size, self.parts, self.cut = size, [], False

    def write(self, text: str) -> int:
        kept = text[: self.size]
        self.size -= len(kept)
        self.cut |= len(kept) < len(text)
        if kept:
            self.parts.append(kept)
        return len(text)

    def text(self) -> str:
        return "".join(self.parts) + ("\n[more was printed]" if self.cut else "")


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in what takes longer (it may catch it: the clock outside does not care)."""

    def ring(*_):
        raise OutOfTime(f"longer than {seconds:g} seconds")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def make_shell() -> InteractiveShell:
    """An IPython shell that keeps no history on disk, shows no tracebacks and runs no shell commands."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    shell.showtraceback = shell.showsyntaxerror = lambda *_, **__: None
    shell._format_exception_for_storage = lambda *_, **__: {}  # slow, and nobody reads it
    shell.enable_gui = shell.enable_matplotlib = lambda gui=None: (None, "agg")
    magic = shell.run_line_magic

    def run_line_magic(name: str, line: str, _stack_depth: int = 1):
        try:
            return magic(name, line, _stack_depth + 1)
        except UsageError as error:  # a setting of a notebook that is shown to somebody
            print(error)

    shell.run_line_magic = run_line_magic
    shell.system = shell.getoutput = lambda command, **_: print("commands are not run by the grader")
    return shell


def seed() -> None:
    """The same random numbers for every submission, whatever ran before."""
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


class Submission:
    """One submission in its process: a shell, a channel for the cells, and one for each exercise."""

    def __init__(self, shell: InteractiveShell, channels: list[int]):
        self.shell, self.channels = shell, list(channels)
        self.process, self.held = os.getpid(), set()

    def serve(self) -> None:
        """Follow the orders on the first channel until it is closed."""
        sys.stdout = sys.stderr = Bounded(0)  # a thread that prints to a file could keep all others from running
        seed()
        orders = {"read": self.read, "run": self.run, "hold": self.hold}
        with open(self.channels[0], "rb", closefd=False) as lines:
            for line in lines:
                order = json.loads(line)
                reply = {"id": order.pop("id")} | orders[order.pop("do")](**order)
                if os.getpid() != self.process:
                    os._exit(0)  # a copy that the cell made by os.fork
                send(self.channels[0], reply)

    def read(self, source: str, seconds: float) -> dict:
        """What a cell says about itself; None where it is no Python."""
        try:
            with at_most(seconds):
                return {"said": syntax.describe(TransformerManager().transform_cell(source))}
        except (SyntaxError, ValueError, RecursionError, MemoryError, OutOfTime):
            return {"said": None}

    def run(self, source: str, seconds: float, output: int = 0, keep: bool = True) -> dict:
        """Run a cell: what it printed, and the error that ended it."""
        out = Bounded(output)
        error = None
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                with at_most(seconds):
                    result = self.shell.run_cell(source, store_history=keep)
                    raised = result.error_before_exec or result.error_in_exec
                    error = raised and {**where(raised), "text": f"{raised}"[:500]}
            except BaseException as outside:
                error = {**where(outside), "text": ""}
        if error and error["type"] == "MemoryError":
            os._exit(1)  # what filled the memory would be in the way of all later cells
        self.sweep()
        return {"printed": out.text(), "error": error}

    def sweep(self) -> None:
        """End processes that a cell left behind; if it makes them faster than that, end all."""
        for _ in range(100 if self.process == os.getpid() == 1 else 0):
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            others = {int(name) for name in os.listdir("/proc") if name.isdigit()} - self.held - {1}
            if not others:
                return
            for other in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGKILL)
            time.sleep(0.01)
        if self.process == os.getpid() == 1:
            os._exit(1)

    def hold(self, name: str, channel: int) -> dict:
        """Keep a function as it is now: a copy of this process waits for its cases while the cells go on."""
        fn = self.shell.user_ns.get(name)
        if not callable(fn):
            return {"held": False, "defined": name in self.shell.user_ns}
        own, self.channels[channel] = self.channels[channel], None
        copy = os.fork()
        if copy:
            os.close(own)
            self.held.add(copy)
            return {"held": True}
        try:
            for other in (c for c in self.channels if c is not None):
                os.close(other)
            answer(fn, own)
        finally:
            os._exit(0)


def answer(fn: Callable, channel: int) -> None:
    """Call a function on the cases that arrive, and send what each call showed; the first failure is the last."""
    seed()
    torch.set_num_threads(1)
    order = next_cases(channel)
    confine.limit_cpu(int(order["seconds"]) + 2)
    for case in order["cases"]:
        try:
            with at_most(order["seconds"]):
                reply = call(fn, wire.unpack(case), unpack_observer(order["observer"]))
        except OutOfTime:
            reply = {"failed": "time"}
        except BaseException as error:
            reply = {"failed": "raised", **where(error)}
        send(channel, {"id": order["id"]} | reply)
        if "values" not in reply:
            return


def next_cases(channel: int) -> dict:
    """Wait for the cases, and say until then that this process is still there."""
    with open(channel, "rb", closefd=False) as lines:
        for line in lines:
            order = json.loads(line)
            if "cases" in order:
                return order
            send(channel, {"id": order["id"]})
    os._exit(0)


def call(fn: Callable, case: dict, observer: Observer) -> dict:
    """One call; words of the exception stay here, since they could tell the inputs."""
    got, running = [], []

    def noted(*arguments):
        running.append(True)
        got.append(fn(*arguments))
        running.clear()
        return got[-1]

    try:
        seen = observe(noted, case, observer)
        values = {name: wire.pack_tensor(value) for name, value in seen.values.items()}
    except Exception as error:
        if not running:  # the function came to its end; what it returned is no answer
            value = got[-1] if got else None
            return {"failed": "returned", "got": KINDS.get(type(value), "ndarray" if _is_array(value) else "other")}
        raised = error.__cause__ if isinstance(error, AnswerError) and error.__cause__ else error
        if unfinished(raised, fn):
            return {"failed": "not done"}
        return {"failed": "raised", **where(raised, fn)}
    return {"values": values, "changed": seen.changed, "repeatable": seen.repeatable}


def _is_array(value) -> bool:
    return type(value).__module__ == "numpy"


def where(error: BaseException, fn: Callable | None = None) -> dict:
    """Type of an exception, and the line of the cell in which it was raised."""
    if isinstance(error, SyntaxError):
        return {"type": type(error).__name__, "line": error.lineno}
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    cells = [file for file, _ in frames if file.startswith("<ipython-input-")]
    own = getattr(getattr(fn, "__code__", None), "co_filename", cells[0] if cells else None)
    lines = [line for file, line in frames if file == own]
    return {"type": type(error).__name__, "line": lines[-1] if lines else None}


def send(channel: int, reply: dict) -> None:
    """One line of JSON."""
    data = memoryview(json.dumps(reply).encode() + b"\n")
    while data:
        data = data[os.write(channel, data) :]
