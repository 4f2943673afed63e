"""Runs one submission, cell after cell, on orders from outside."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell

from . import apart, checked, contest, contesting, messages, syntax
from .answers import answer
from .shell import OutOfTime, Printed, at_most, raised, seed, streams

WORKERS = 8
"""Processes that cells may leave behind, as workers of `multiprocessing`."""


class Submission:
    """One submission in its process: a shell, a channel for the cells, and some for functions that are held.

    Args:
        shell: A warm shell.
        channels: The first is that for the cells.
        swept: Whether all processes of this user are the submission's own, and end when a cell has left them behind.
    """

    def __init__(self, shell: InteractiveShell, channels: list[int], swept: bool = False):
        self.shell = shell
        self.swept = swept
        self.channels = dict(enumerate(channels))
        self.process = os.getpid()
        self.held: set[int] = set()
        """Copies that hold functions."""

        self.others: dict[str, Any] = {}
        """By exercise, what was checked in place of the function of its name."""

        self.kept: tuple[Callable, int] | None = None
        """The function that this process itself answers for, and on which channel."""

    def serve(self) -> None:
        """Follow the orders on the first channel until it is closed."""
        sys.path.insert(0, "")  # where a cell may write a module
        sys.stdout, sys.stderr = streams(
            Printed(0)
        )  # a thread that prints to a file could keep all others from running
        seed()
        for asked in messages.orders(self.channels[0]):
            reply = self.follow(asked.body)
            if os.getpid() != self.process:
                os._exit(0)  # a copy that the cell made by os.fork
            messages.send(self.channels[0], messages.Envelope(asked.id, reply))
            if self.kept:
                answer(*self.kept)
                os._exit(0)

    def follow(self, order: messages.Order) -> messages.Message:
        """The reply to an order for the cells."""
        match order:
            case messages.Read():
                return self.read(order)
            case messages.Run():
                return self.run(order)
            case messages.Hold():
                return self.hold(order)
            case contesting.Enter() | contesting.Draw() | contesting.Train():
                return contest.follow(order)
        raise ValueError(f"expected an order for the cells, got {order}")

    def read(self, order: messages.Read) -> messages.Said:
        """What a cell says about itself."""
        try:
            with at_most(order.seconds):
                sources = (syntax.without_magics_on_top(source) for source in (order.source, order.given))
                plain = map(TransformerManager().transform_cell, sources)
                return messages.Said(syntax.describe(*plain))
        except (SyntaxError, ValueError, RecursionError, MemoryError, OutOfTime):
            return messages.Said(None)

    def run(self, order: messages.Run) -> messages.Ran:
        """Run a cell."""
        printed = Printed(order.output)
        out, err = streams(printed)
        checked.let_pass(order.passing)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            error = self.error_of(order)
        if error and error.kind == "MemoryError":
            os._exit(1)  # what filled the memory would be in the way of all later cells
        self.sweep()
        return messages.Ran(messages.printable(printed.text()), error, self.checked())

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
        if not self.swept or os.getpid() != self.process:
            return
        for _ in range(100):
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            others = {*apart.of_user(os.getuid())} - self.kept_alive()
            if not others:
                return
            for other in others:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGKILL)
            time.sleep(0.01)
        os._exit(1)

    def checked(self) -> list[str]:
        """The exercises whose check the last cell called."""
        found = {name[:100]: fn for name, fn in checked.take().items()}
        for name, fn in found.items():
            self.others.pop(name, None)
            if self.shell.user_ns.get(name) is not fn:
                self.others[name] = fn
        return [messages.printable(name) for name in found][:100]

    def hold(self, order: messages.Hold) -> messages.Held:
        """Keep a function as it is now, until its cases come."""
        other = order.checked and order.name in self.others
        fn = (self.others if other else self.shell.user_ns).get(order.name)
        if fn is None:
            return messages.Held(messages.Holding.UNDEFINED, other)
        if not callable(fn):
            return messages.Held(messages.Holding.NO_FUNCTION, other)
        channel = self.channels.pop(order.channel)
        if order.copied:
            self.copy(fn, channel)
        else:
            self.kept = (fn, channel)
        lacks = order.copied and (threading.active_count() > 1 or multiprocessing.active_children())
        return messages.Held(messages.Holding.NOT_ALONE if lacks else messages.Holding.HELD, other)

    def kept_alive(self) -> set[int]:
        """This process, the copies that hold functions, and a few workers of a pool."""
        workers = [worker.pid for worker in multiprocessing.active_children()[:WORKERS]]
        return {self.process, *self.held, *filter(None, workers)}

    def copy(self, fn: Callable, channel: int) -> None:
        """Keep a function in a copy of this process, which waits for its cases while the cells go on."""
        copy = os.fork()
        if copy:
            os.close(channel)
            self.held.add(copy)
            return
        try:
            for other in self.channels.values():
                os.close(other)
            answer(fn, channel)
        finally:
            os._exit(0)
