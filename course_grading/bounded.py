"""Calls a function in another process, with limits on memory, time and result: whatever it costs, it ends.

For what reads and draws what students wrote. It is our code that runs there, with all our rights, and nothing but its
input is theirs: this is no box for code of students (see `sandbox`).
"""

import contextlib
import itertools
import math
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Result = TypeVar("Result")

MEMORY = 1 << 30
"""Bytes that the process may take for itself."""

LARGEST = 64 << 20
"""Bytes of a result."""

PATIENCE = 60
"""Seconds on the clock, at least, and ten for each second of processor time: others use the processor, too."""

TRIES = 3
"""How often a call is tried whose process others ended."""

CALLS = 50
"""How many calls a process answers before another takes its place: what they leave in its memory goes with it."""

FORKS = multiprocessing.get_context("forkserver")
"""A server imports what is needed once; each process is a fork of it, which costs about a hundredth of a second."""

FORKS.set_forkserver_preload(["course_grading.warm"])


class Exceeded(RuntimeError):
    """A call has no result; the text says what it was too much for.

    Args:
        why: Such as "took more than 10 seconds of processor time".
        final: Whether the call itself was the cause; false where something else ended the process.
    """

    def __init__(self, why: str, *, final: bool = True):
        super().__init__(why)
        self.final = final


def bounded(function: Callable[..., Result], *arguments: Any, seconds: int) -> Result:
    """The result of a call.

    A process answers many calls, one after another; what others may have caused is tried again in a fresh one.

    Args:
        function: A function of a module; arguments and result are pickled.
        arguments: What it is given.
        seconds: Processor time that it has.

    Raises:
        Exceeded: If it did not come to its end within the limits.
    """
    for _ in range(TRIES):
        try:
            helper = _idle.pop((os.getpid(), threading.get_ident()))
        except KeyError:
            helper = Helper()
        kind, result = helper.call(function, arguments, seconds)
        if kind == "given":
            return result
        if kind == "refused":
            raise Exceeded(result)
    raise Exceeded(result, final=False)


class Helper:
    """A process of our own that answers calls until one of them is too much for it."""

    def __init__(self):
        self._ours, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=_work, args=(theirs,), daemon=True)
        self._calls = 0
        with theirs, ctrl_c_waits():
            self._process.start()

    def call(self, function: Callable, arguments: tuple, seconds: int) -> tuple[str, Any]:
        """One call: "given" with the result, "refused" with the reason, or "lost" where others may be the cause."""
        kind, alive = "", False
        try:
            kind, result, alive = self._reply(function, arguments, seconds)
        finally:
            self._calls += 1
            if alive and self._calls < CALLS:
                _idle[os.getpid(), threading.get_ident()] = self
            else:
                self._end()
        return kind, result

    def _reply(self, function: Callable, arguments: tuple, seconds: int) -> tuple[str, Any, bool]:
        """What the call gave, and whether the process can be asked again."""
        try:
            self._ours.send((function, arguments, seconds))
            if not self._ours.poll(max(PATIENCE, 10 * seconds)):
                return "lost", "gave no answer for a long time", False
            kind, result = pickle.loads(self._ours.recv_bytes(LARGEST))
            return kind, result, kind != "lost"
        except (EOFError, BrokenPipeError, ConnectionResetError):
            self._process.join()
        except OSError:
            return "refused", f"gave more than {LARGEST >> 20} MB", False
        if self._process.exitcode == -signal.SIGXCPU:
            return "refused", f"took more than {seconds} seconds of processor time", False
        if self._process.exitcode == -signal.SIGKILL:
            return "lost", "was ended from outside, perhaps for want of memory", False
        kind = "lost" if self._calls else "refused"  # of memory, earlier calls may hold some
        return kind, f"took more than {MEMORY >> 20} MB of memory, or was too deep", False

    def _end(self) -> None:
        self._ours.close()
        self._process.kill()
        self._process.join()


_idle: dict[tuple[int, int], Helper] = {}
"""By process and thread, the helper that waits for its next call."""


def _work(theirs: Connection) -> None:
    """In the process: calls and their results as lines of bytes, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit()
    for fresh in itertools.chain([True], itertools.repeat(False)):
        try:
            function, arguments, seconds = theirs.recv()
        except EOFError:
            return
        with _at_most(seconds):
            said = _said(function, arguments, fresh)
        theirs.send_bytes(said)


def _said(function: Callable, arguments: tuple, fresh: bool) -> bytes:
    """A call, and what came of it."""
    try:
        return pickle.dumps(("given", function(*arguments)))
    except MemoryError:
        return pickle.dumps(("refused" if fresh else "lost", f"took more than {MEMORY >> 20} MB of memory"))
    except Exception as error:
        return pickle.dumps(("refused", f"ended in an error ({type(error).__name__}: {str(error)[:200]})"))


def _limit() -> None:
    """Of this process: memory, no core file; nothing that a library says reaches the terminal."""
    limit_memory(MEMORY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    for said in (1, 2):
        os.dup2(silence, said)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory is short, this process goes first


@contextlib.contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Let this process use so much processor time from now on."""
    endless = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + seconds, endless))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (endless, endless))


def limit_memory(size: int) -> None:
    """Bound the bytes that this process, and each that it starts, may take for itself."""
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C is heard at the end of this block; processes that are started in it never hear it."""
    resource_tracker.ensure_running()  # when it starts by itself, it lets the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
