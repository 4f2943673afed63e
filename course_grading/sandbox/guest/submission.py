"""Runs one submission, cell after cell, on orders from outside."""

import contextlib
import os
import signal
import sys
import time

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from . import messages, syntax
from .answers import answer
from .shell import Bounded, OutOfTime, at_most, raised, seed


class Submission:
    """One submission in its process: a shell, a channel for the cells, and one for each exercise."""

    def __init__(self, shell: InteractiveShell, channels: list[int]):
        self.shell = shell
        self.channels = dict(enumerate(channels))
        self.process = os.getpid()
        self.held: set[int] = set()

    def serve(self) -> None:
        """Follow the orders on the first channel until it is closed."""
        sys.stdout = sys.stderr = Bounded(0)  # a thread that prints to a file could keep all others from running
        seed()
        for asked in messages.orders(self.channels[0]):
            reply = self.follow(asked.body)
            if os.getpid() != self.process:
                os._exit(0)  # a copy that the cell made by os.fork
            messages.send(self.channels[0], messages.Envelope(asked.id, reply))

    def follow(self, order: messages.Order) -> messages.Message:
        """The reply to an order for the cells."""
        match order:
            case messages.Read():
                return self.read(order)
            case messages.Run():
                return self.run(order)
            case messages.Hold():
                return self.hold(order)
        raise ValueError(f"expected an order for the cells, got {order}")

    def read(self, order: messages.Read) -> messages.Said:
        """What a cell says about itself."""
        try:
            with at_most(order.seconds):
                return messages.Said(syntax.describe(TransformerManager().transform_cell(order.source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OutOfTime):
            return messages.Said(None)

    def run(self, order: messages.Run) -> messages.Ran:
        """Run a cell."""
        out = Bounded(order.output)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            error = self.error_of(order)
        if error and error.kind == "MemoryError":
            os._exit(1)  # what filled the memory would be in the way of all later cells
        self.sweep()
        return messages.Ran(messages.printable(out.text()), error)

    def error_of(self, order: messages.Run) -> messages.Raised | None:
        """Run a cell: the error that ended it."""
        try:
            with at_most(order.seconds):
                result = self.shell.run_cell(order.source, store_history=order.keep)
                error = result.error_before_exec or result.error_in_exec
                return error and raised(error, text=f"{error}")
        except BaseException as outside:
            return raised(outside)

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

    def hold(self, order: messages.Hold) -> messages.Held:
        """Keep a function as it is now: a copy of this process waits for its cases while the cells go on."""
        if order.name not in self.shell.user_ns:
            return messages.Held(messages.Holding.UNDEFINED)
        fn = self.shell.user_ns[order.name]
        if not callable(fn):
            return messages.Held(messages.Holding.NO_FUNCTION)
        own = self.channels.pop(order.channel)
        copy = os.fork()
        if copy:
            os.close(own)
            self.held.add(copy)
            return messages.Held(messages.Holding.HELD)
        try:
            for other in self.channels.values():
                os.close(other)
            answer(fn, own)
        finally:
            os._exit(0)
