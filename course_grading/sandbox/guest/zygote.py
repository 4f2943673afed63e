"""The warm process inside the sandbox: has everything imported, and forks itself for each submission.

It runs no line of a student and reads nothing that a student's process writes. Its orders come on a socket, see
`messages.Control`; an end of the socket ends all.

Why warm: importing torch, matplotlib, IPython and the course takes 2 to 4 s of processor time, a fork a few
hundredths of one, and a class hands in hundreds of notebooks. What is imported before the fork is the same for all of
them, and nothing that a submission changes is seen by the next.
"""

import gc
import importlib
import os
import pkgutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from IPython.core.interactiveshell import InteractiveShell

from course_utils.checks.calling import observe

from . import apart, confine
from .memory import in_large_pages
from .messages import Control, Ended, Ready, Settings, Walls, encode
from .shell import make_shell
from .submission import Submission

CHANNELS = 64


def warm() -> InteractiveShell:
    """Import what submissions use, once."""
    import matplotlib.pyplot
    import torch

    import course_utils

    for module in pkgutil.iter_modules(course_utils.__path__):
        if module.name not in ("checks", "__main__"):
            importlib.import_module(f"course_utils.{module.name}")
    matplotlib.pyplot.figure()
    matplotlib.pyplot.close("all")
    torch.set_num_threads(1)
    shell = make_shell()
    for source in ("1", "1 +", "1 / 0"):  # what IPython imports late
        shell.run_cell(source, store_history=False)
    weight = torch.nn.Parameter(torch.ones(1))
    observe(lambda x: (x * weight).square(), {"x": torch.ones(1)})
    (weight**2).sum().backward()
    torch.optim.SGD([weight], lr=0.1).step()
    gc.collect()
    gc.freeze()
    in_large_pages()
    return shell


def start(shell: InteractiveShell, channels: list[int], settings: Settings) -> int:
    """Fork, confine and serve one submission: the process to hand to `end`."""
    how = HOW[settings.walls]
    child = how.fork()
    if child:
        for channel in channels:
            os.close(channel)
        return child
    try:
        os.setsid()
        how.begin(settings)
        _leave_open(channels)
        Submission(shell, channels, swept=settings.walls is not Walls.NONE).serve()
    except BaseException:
        traceback.print_exc()  # of the course's own code, before it closes its streams
    finally:
        os._exit(1)


def _leave_open(channels: list[int]) -> None:
    """Close every file but the channels; input ends at once, and output beyond Python's streams is lost."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    kept = [2, *sorted(channels), 1 << 16]
    for low, high in zip(kept, kept[1:], strict=False):
        os.closerange(low + 1, high)


def end_group(child: int, settings: Settings) -> Ended:
    """Kill a submission that has no walls, with those that stayed in its group, and say what it used."""
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended by itself
    used = os.wait4(child, 0)[2]
    return Ended(used.ru_utime + used.ru_stime)


class How(NamedTuple):
    """How a submission begins and ends."""

    fork: Callable[[], int]
    begin: Callable[[Settings], None]
    end: Callable[[int, Settings], Ended]


HOW = {
    Walls.NAMESPACES: How(confine.fork_alone, confine.confine, confine.end_alone),
    Walls.USER: How(os.fork, apart.begin, apart.end),
    Walls.NONE: How(os.fork, confine.limit_without_sandbox, end_group),
}


def prepare(settings: Settings) -> None:
    """What is done once, before anything is imported."""
    if settings.walls is Walls.NAMESPACES:
        confine.limit_queues()
    if settings.walls is Walls.USER:
        apart.adopt()
        apart.clean(settings)  # what a process like this one left, that was killed


def main(control: socket.socket) -> None:
    """Serve the grader until its end of the socket is closed. Settings come first: a command line could be read."""
    settings = msgspec.json.decode(control.makefile("rb").readline(), type=Settings)
    prepare(settings)
    shell = warm()
    child = None
    control.sendall(encode(Ready()))
    while True:
        order, channels, _, _ = socket.recv_fds(control, 1, CHANNELS)
        if order == Control.START.value:
            child = start(shell, list(channels), settings)
        elif child is not None:
            report = HOW[settings.walls].end(child, settings)
            child = None
            control.sendall(encode(report))
        if not order:
            return


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
