"""Calls a function in a process of its own, with limits on memory, time and result: whatever it costs, it ends.

For what reads and draws what students wrote. It is our code that runs there, with all our rights, and nothing but its
input is theirs: this is no box for code of students (see `sandbox`).
"""

import contextlib
import multiprocessing
import os
import pickle
import resource
import signal
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
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

FORKS = multiprocessing.get_context("forkserver")
"""A server imports what is needed once; each call is a fork of it, which costs about a hundredth of a second."""

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

    Args:
        function: A function of a module; arguments and result are pickled.
        arguments: What it is given.
        seconds: Processor time that it has.

    Raises:
        Exceeded: If it did not come to its end within the limits.
    """
    for _ in range(TRIES):
        kind, result = _once(function, arguments, seconds)
        if kind == "given":
            return result
        if kind == "refused":
            raise Exceeded(result)
    raise Exceeded(result, final=False)


def _once(function: Callable, arguments: tuple, seconds: int) -> tuple[str, Any]:
    """One try: "given" with the result, "refused" with the reason, or "lost" where others ended the process."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_work, args=(theirs, function, arguments, seconds), daemon=True)
    with ours:
        with theirs, ctrl_c_waits():
            process.start()
        try:
            return _reply(ours, process, seconds)
        finally:
            process.kill()
            process.join()


def _reply(ours: Connection, process: BaseProcess, seconds: int) -> tuple[str, Any]:
    try:
        if not ours.poll(max(PATIENCE, 10 * seconds)):
            return "lost", "gave no answer for a long time"
        return pickle.loads(ours.recv_bytes(LARGEST))
    except EOFError:
        process.join()
    except OSError:
        return "refused", f"gave more than {LARGEST >> 20} MB"
    if process.exitcode == -signal.SIGXCPU:
        return "refused", f"took more than {seconds} seconds of processor time"
    if process.exitcode == -signal.SIGKILL:
        return "lost", "was ended from outside, perhaps for want of memory"
    return "refused", f"took more than {MEMORY >> 20} MB of memory, or was too deep"


def _work(theirs: Connection, function: Callable, arguments: tuple, seconds: int) -> None:
    """In the process: limits, the call, and its result as a line of bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(seconds)
    try:
        said = pickle.dumps(("given", function(*arguments)))
    except MemoryError:
        said = pickle.dumps(("refused", f"took more than {MEMORY >> 20} MB of memory"))
    except Exception as error:
        said = pickle.dumps(("refused", f"ended in an error ({type(error).__name__}: {str(error)[:200]})"))
    theirs.send_bytes(said)


def _limit(seconds: int) -> None:
    """Of this process: memory, processor time, no core file; nothing that a library says reaches the terminal."""
    limit_memory(MEMORY)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    silence = os.open(os.devnull, os.O_WRONLY)
    for said in (1, 2):
        os.dup2(silence, said)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory is short, this process goes first


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
