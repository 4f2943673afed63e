"""A submission as a user of its own, where no namespace can be made: files and processes of others are closed to it.

It has no mounts of its own: what it leaves in the folders that everybody may write is removed when it ends.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator

from . import confine
from .messages import Ended, Settings

SUBREAPER = 36
"""For prctl(2): who loses its parent becomes a child of this process."""

WRITABLE = ("/tmp", "/dev/shm", "/var/tmp", "/dev/mqueue", "/run/lock")
"""Folders in which everybody may write, and the only ones: `setup.sh` closes others."""

TRIES = 200
PAUSE = 0.01


def adopt() -> None:
    """Make all that is started from here on, however indirectly, end as a child of this process."""
    if confine.libc().prctl(SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "children of those that end")


def begin(settings: Settings) -> None:
    """Limits, another user, few system calls: for this process and all that it will start.

    Raises:
        OSError: If any of it cannot be had.
    """
    confine.first_to_go()
    adopt()
    os.umask(0o077)
    os.chdir("/tmp")
    confine.set_limits(settings.bounds)
    confine.drop_rights(settings.uid)
    confine.filter_calls(settings.calls)


def end(child: int, settings: Settings) -> Ended:
    """End a submission with all that it started, and remove what it left.

    Raises:
        OSError: If something of it is still there.
    """
    os.kill(child, signal.SIGKILL)  # it may not be another user yet
    return clean(settings)


def clean(settings: Settings) -> Ended:
    """End all processes of a submission's user, and remove all files that it left.

    Raises:
        OSError: If something of it is still there.
    """
    assert settings.uid is not None
    kill_all(settings.uid)
    cpu_seconds = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            used = os.wait4(-1, 0)[2]
            cpu_seconds += used.ru_utime + used.ru_stime
    clear(settings.uid)
    return Ended(cpu_seconds)


def kill_all(uid: int) -> None:
    """Kill every process of a user.

    The kernel does it in one go, so that no process can start others meanwhile, if one asks with this user's number.
    Who asks has it for that alone: its other numbers are those of nobody, who cannot be stopped by the user.

    Raises:
        OSError: If some are left.
    """
    for _ in range(TRIES):
        if not any(of_user(uid)):
            return
        killer = os.fork()
        if not killer:
            try:
                os.setgroups([])
                os.setresuid(uid + 1, uid, uid + 1)
                os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(killer, 0)
        time.sleep(PAUSE)
    raise OSError("processes of a submission could not be ended")


def of_user(uid: int) -> Iterator[int]:
    """The processes of a user that have not ended."""
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            number = int(name)
            with open(f"/proc/{number}/status", "rb") as file:
                told = dict(line.split(b":", 1) for line in file.read().splitlines() if b":" in line)
            if int(told[b"Uid"].split()[0]) == uid and told[b"State"].split()[0] not in (b"Z", b"X"):
                yield number


def clear(uid: int) -> None:
    """Remove what a user left in the folders that everybody may write, however deep it lies.

    Raises:
        OSError: If that fails.
    """
    folders = [folder for folder in WRITABLE if os.path.isdir(folder)]
    command = ["find", *folders, "-xdev", "-mindepth", "1", "-depth", "-uid", f"{uid}", "-delete"]
    null = subprocess.DEVNULL
    if subprocess.run(command, stdout=null, stderr=null, env={"PATH": "/usr/bin:/bin"}).returncode:
        raise OSError("files of a submission could not be removed")
