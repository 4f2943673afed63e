"""What a submission's process gives up before a line of a student runs. Linux; runs inside the sandbox."""

import contextlib
import ctypes
import functools
import os
import resource
import signal
import struct
import sys
import time
from typing import NoReturn

from .messages import Bounds, Ended, Settings

# unshare(2)
NEW_MOUNTS = 0x00020000
NEW_IPC = 0x08000000
NEW_PIDS = 0x20000000

# mount(2)
READ_ONLY = 1
NO_SETUID = 2
NO_DEVICES = 4
NO_PROGRAMS = 8
PRIVATE = 1 << 18 | 0x4000

# prctl(2)
DROP_FROM_BOUNDING_SET = 24
SECCOMP = 22
BY_FILTER = 2
NO_NEW_PRIVILEGES = 38
AMBIENT = 47
CLEAR_ALL = 4

FILES_IN_TMP = 20_000
AWAITED = {signal.SIGTERM, signal.SIGCHLD}
TO_END_SECONDS = 0.5
TO_END_POLLS = 500
EXITING = 0x4
"""In the flags of a process: it has begun to end."""

KILLED = 9
"""Exit status that tells of a child which somebody outside has killed."""


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
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    between = os.fork()
    if between == 0:
        processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)  # the child mounts another over it
        _must(libc().unshare(NEW_PIDS | NEW_MOUNTS | NEW_IPC), "own namespaces")
        child = os.fork()
        if child:
            _wait_for_the_end(child, processes)
        os.close(processes)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    return between


def _wait_for_the_end(child: int, processes: int) -> NoReturn:
    """Who unshares a namespace cannot go back: this process stays outside of the new one, and ends it when asked.

    The kernel forgets the time of those that end with process 1; of those that ended before it knows it. So they do.
    """
    os.closerange(0, processes)
    os.closerange(processes + 1, 1 << 16)
    signal.sigwait({signal.SIGTERM})
    by_itself = _is_exiting(processes, child)
    if by_itself:
        signal.sigtimedwait({signal.SIGCHLD}, TO_END_SECONDS)
    else:
        os.kill(child, signal.SIGSTOP)
        _end_others(processes, child)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os._exit(KILLED if by_itself and os.waitstatus_to_exitcode(status) == -signal.SIGKILL else 0)


def _is_exiting(processes: int, process: int) -> bool:
    """Whether a process has begun to end."""
    stat = _told(processes, process, "stat")
    return bool(int(stat.rpartition(")")[2].split()[6]) & EXITING)


def _end_others(processes: int, first: int) -> None:
    """End all processes in the namespace of process 1 but itself, which is stopped: it leaves them as they end."""
    for _ in range(TO_END_POLLS):
        others = [int(name) for name in os.listdir(processes) if name.isdigit() and int(name) != first]
        alive = [process for process in others if _is_inside(_told(processes, process, "status"))]
        if not alive:
            return
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(TO_END_SECONDS / TO_END_POLLS)


def _told(processes: int, process: int, what: str) -> str:
    """What the kernel tells of a process; nothing of one that is gone."""
    try:
        file = os.open(f"{process}/{what}", os.O_RDONLY, dir_fd=processes)
        with open(file, "rb") as told:
            return told.read().decode(errors="replace")
    except OSError:
        return ""


def _is_inside(status: str) -> bool:
    """Whether a process lives, and has a number in a namespace below this one, too."""
    told = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return len(told.get("NSpid", "").split()) > 1 and told["State"].split()[0] not in ("Z", "X")


def end_alone(between: int, settings: Settings) -> Ended:
    """End the child of `fork_alone` with all that it started.

    Returns:
        The processor time that they used, and whether the child had been killed before: nothing in its namespace can
        send that signal to process 1.
    """
    os.kill(between, signal.SIGTERM)
    _, status, used = os.wait4(between, 0)
    return Ended(used.ru_utime + used.ru_stime, os.waitstatus_to_exitcode(status) == KILLED)


def confine(settings: Settings) -> None:
    """Own mounts, limits, no rights, few system calls: for this process and all that it will start.

    Raises:
        OSError: If any of it cannot be had.
    """
    first_to_go()
    _own_mounts(settings.bounds.tmp_bytes)
    _hide_mounts()
    os.chdir("/tmp")
    set_limits(settings.bounds)
    drop_rights(settings.uid)
    filter_calls(settings.calls)


def first_to_go() -> None:
    """Where memory is short, this process goes before others."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _own_mounts(tmp_bytes: int) -> None:
    """A bounded /tmp and /dev/shm, both empty, and a /proc that shows no process but one's own."""
    _mount("none", "/", None, PRIVATE)
    size = f"size={tmp_bytes},nr_inodes={FILES_IN_TMP},mode=1777"
    for folder in ("/tmp", "/dev/shm"):
        _mount("tmpfs", folder, "tmpfs", NO_SETUID | NO_DEVICES, size)
    _mount("proc", "/proc", "proc", READ_ONLY | NO_SETUID | NO_DEVICES | NO_PROGRAMS)


def _hide_mounts() -> None:
    """Keep /proc/self/mountinfo from telling what was mounted from where.

    The kernel lists the mounts of a process's own namespace, as far as its root reaches. So this process gets another
    namespace, and as its root that of the one before, which the process between keeps alive.
    """
    root = os.open("/", os.O_PATH)
    _must(libc().unshare(NEW_MOUNTS), "another namespace of mounts")
    os.fchdir(root)
    os.chroot(".")
    os.close(root)


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    _must(libc().mount(*texts, ctypes.c_ulong(flags), data and data.encode()), f"the mount {target}")


def limit_queues() -> None:
    """Let one connection at a time wait in a local socket that nobody reads; in the whole network of the box."""
    with open("/proc/sys/net/core/somaxconn", "w") as file:
        file.write("0")  # the kernel counts one more


def set_limits(bounds: Bounds) -> None:
    """Bounds of the kernel on what one process may use, and on the number of processes."""
    _limit(resource.RLIMIT_AS, _address_space() + bounds.memory)
    _limit(resource.RLIMIT_NPROC, bounds.processes)
    _limit(resource.RLIMIT_FSIZE, bounds.file_bytes)
    _limit(resource.RLIMIT_NOFILE, bounds.open_files)
    _limit(resource.RLIMIT_SIGPENDING, bounds.processes)
    for name in ("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO", "NICE"):
        _limit(getattr(resource, f"RLIMIT_{name}"), 0)
    _limit(resource.RLIMIT_CPU, _cpu_seconds() + bounds.cpu_seconds)


def limit_without_sandbox(settings: Settings) -> None:
    """What can be bounded for a process that keeps all its rights."""
    bounds = settings.bounds
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, _address_space() + bounds.memory)
    _limit(resource.RLIMIT_CPU, _cpu_seconds() + bounds.cpu_seconds)


def limit_cpu(seconds: int) -> None:
    """Bound the processor time of this process from now on, anew at each call; it is killed when it is over."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = _cpu_seconds() + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _cpu_seconds() -> int:
    """Processor time that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Bytes of address space in use: libraries, most of it."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def drop_rights(uid: int | None) -> None:
    """Give up all that root may do, for good, and become a user unless there is none to become."""
    for capability in range(64):
        libc().prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)  # refused beyond the last one
    libc().prctl(AMBIENT, CLEAR_ALL, 0, 0, 0)
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    _must(libc().capset(header, none), "no rights")
    _must(libc().prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new rights")


def filter_calls(program: bytes) -> None:
    """Have the kernel refuse calls, of this process and of all that it will start; nothing can take it off again.

    Args:
        program: A program of the kernel's packet filter, of eight bytes an instruction.

    Raises:
        OSError: If the kernel refuses.
    """
    instructions = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    _must(libc().prctl(SECCOMP, BY_FILTER, ctypes.c_char_p(pointer), 0, 0), "the filter of system calls")
