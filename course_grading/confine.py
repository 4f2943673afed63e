"""What a submission's process gives up before a line of a student runs. Linux; runs inside the sandbox."""

import ctypes
import functools
import os
import resource
import signal
import sys
from typing import NoReturn

from course_grading import syscalls

NEW_MOUNTS, NEW_IPC, NEW_PIDS = 0x00020000, 0x08000000, 0x20000000
READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
BIND, PRIVATE = 0x1000 | 0x4000, 0x4000 | 1 << 18
NO_NEW_PRIVILEGES, DROP_FROM_BOUNDING_SET, AMBIENT, CLEAR_ALL = 38, 24, 47, 4
FILES_IN_TMP = 20_000


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def fork_alone() -> int:
    """`os.fork`, but the child is process 1 of a namespace of its own: when it ends, all that it started ends, too.

    Returns:
        In the child 0, in the parent the process to hand to `end_alone`.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    between = os.fork()
    if between == 0:
        _must(libc().unshare(NEW_PIDS), "a new namespace of processes")
        child = os.fork()
        if child:
            _wait_for_the_end(child)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return between


def _wait_for_the_end(child: int) -> NoReturn:
    """Who unshares a namespace cannot go back: this process stays outside of the new one, and ends it when asked."""
    os.closerange(0, 1 << 16)
    signal.sigwait({signal.SIGTERM})
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os._exit(0)


def end_alone(between: int) -> float:
    """End the child of `fork_alone` with all that it started: the processor time that they used."""
    os.kill(between, signal.SIGTERM)
    _, _, used = os.wait4(between, 0)
    return used.ru_utime + used.ru_stime


def confine(limits: dict, uid: int | None, kept: list[str]) -> None:
    """Own mounts, limits, no rights, few system calls: for this process and all that it will start.

    Args:
        limits: Attributes of `results.Limits`.
        uid: User to become; None when there is only one, in a user namespace.
        kept: Folders below /tmp that stay: Python may be installed there.

    Raises:
        OSError: If any of it cannot be had.
    """
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # where memory is short, this process goes first
    _own_mounts(limits["tmp_bytes"], kept)
    os.chdir("/tmp")
    set_limits(limits)
    _drop_rights(uid)
    syscalls.install(libc())


def _own_mounts(tmp_bytes: int, kept: list[str]) -> None:
    """A bounded /tmp and /dev/shm, both empty, and a /proc that shows no process but one's own."""
    _must(libc().unshare(NEW_MOUNTS | NEW_IPC), "own mounts")
    _mount("none", "/", None, PRIVATE)
    folders = {folder: os.open(folder, os.O_PATH) for folder in kept}
    size = f"size={tmp_bytes},nr_inodes={FILES_IN_TMP},mode=1777"
    for folder in ("/tmp", "/dev/shm"):
        _mount("tmpfs", folder, "tmpfs", NO_SETUID | NO_DEVICES, size)
    for folder, fd in folders.items():
        os.makedirs(folder)
        _mount(f"/proc/self/fd/{fd}", folder, None, BIND)
        os.close(fd)
    _mount("proc", "/proc", "proc", READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _must(libc().mount(*texts, ctypes.c_ulong(flags), data and data.encode()), f"the mount {target}")


def set_limits(limits: dict) -> None:
    """Bounds of the kernel on what one process may use, and on the number of processes."""
    bounds = {
        "AS": _address_space() + limits["memory"],
        "NPROC": limits["processes"],
        "FSIZE": limits["file_bytes"],
        "NOFILE": limits["open_files"],
        **dict.fromkeys(("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO", "NICE"), 0),
    }
    for name, value in bounds.items():
        _limit(getattr(resource, f"RLIMIT_{name}"), value)
    limit_cpu(limits["cpu_seconds"])


def limit_without_sandbox(limits: dict) -> None:
    """What can be bounded for a process that keeps all its rights."""
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, _address_space() + limits["memory"])
    limit_cpu(limits["cpu_seconds"])


def limit_cpu(seconds: int) -> None:
    """Bound the processor time of this process from now on; it is killed when it is over."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes of address space in use: libraries, most of it."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _drop_rights(uid: int | None) -> None:
    for capability in range(64):
        libc().prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)  # refused beyond the last one
    libc().prctl(AMBIENT, CLEAR_ALL, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _must(libc().capset(header, none), "no rights")
    _must(libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new rights")
