"""The warm process inside the sandbox: has everything imported, and forks itself for each submission.

It runs no line of a student and reads nothing that a student's process writes. Its orders come on a socket: `s` with
the channels of a submission starts one, `k` ends it, and an end of the socket ends all.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import traceback

from course_grading import confine, inside
from course_utils.checks.calling import observe

CHANNELS = 64


def warm() -> inside.InteractiveShell:
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
    shell = inside.make_shell()
    for source in ("1", "1 +", "1 / 0"):  # what IPython imports late
        shell.run_cell(source, store_history=False)
    weight = torch.nn.Parameter(torch.ones(1))
    observe(lambda x: (x * weight).square(), {"x": torch.ones(1)})
    (weight**2).sum().backward()
    torch.optim.SGD([weight], lr=0.1).step()
    gc.collect()
    gc.freeze()
    return shell


def start(shell, channels: list[int], settings: dict) -> int:
    """Fork, confine and serve one submission."""
    child = confine.fork_alone() if settings["confined"] else os.fork()
    if child:
        for channel in channels:
            os.close(channel)
        return child
    try:
        os.setsid()
        if settings["confined"]:
            confine.confine(settings["limits"], settings["uid"], settings["kept"])
        else:
            confine.limit_without_sandbox(settings["limits"])
        _leave_open(channels)
        inside.Submission(shell, channels).serve()
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


def end(child: int, confined: bool) -> dict:
    """Kill a submission with all that it started, and say what it used."""
    if confined:
        return {"cpu_seconds": confine.end_alone(child)}
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # it has ended by itself
    used = os.wait4(child, 0)[2]
    return {"cpu_seconds": used.ru_utime + used.ru_stime}


def main() -> None:
    """Serve the grader until its end of the socket is closed."""
    settings = json.loads(sys.argv[1])
    control = socket.socket(fileno=int(sys.argv[2]))
    shell, child = warm(), None
    control.sendall(b'{"ready": true}\n')
    while True:
        order, channels, _, _ = socket.recv_fds(control, 1, CHANNELS)
        if order == b"s":
            child = start(shell, list(channels), settings)
        elif child is not None:
            report = end(child, settings["confined"])
            child = None
            control.sendall(json.dumps(report).encode() + b"\n")
        if not order:
            return


if __name__ == "__main__":
    main()
