"""The system calls that a submission may make; the kernel refuses all others (seccomp).

The list holds what Python, NumPy, torch, matplotlib, IPython and all five solutions were seen to call, with the same
calls under the names that other machines and C libraries use. All else fails with ENOSYS, as on a kernel that does not
have it: libraries know what to do then, also about calls that are younger than this list. The filter is compiled here,
outside the box, so that nothing in the box needs libseccomp; `guest.confine` only hands it to the kernel.
"""

import errno
import platform
import socket
import tempfile
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from course_grading.sandbox.box import SandboxError

ALLOWED = {
    "memory of one's own": "brk mmap munmap mremap mprotect madvise msync",
    "processes and threads, without namespaces": (
        "fork vfork execve exit exit_group wait4 waitid futex set_tid_address set_robust_list rseq arch_prctl "
        "sched_yield sched_getaffinity sched_setaffinity getcpu getpriority setpriority"
    ),
    "who one is, and what one uses": (
        "getpid getppid gettid getpgid getpgrp getsid setpgid setsid getuid geteuid getgid getegid getgroups getresuid "
        "getresgid uname sysinfo times getrusage getrlimit setrlimit prlimit64 umask"
    ),
    "signals, which reach one's own processes only": (
        "kill tkill tgkill rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait "
        "sigaltstack pause alarm getitimer setitimer restart_syscall"
    ),
    "time and chance": "time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep getrandom",
    "open files": (
        "open openat close close_range read write readv writev pread64 pwrite64 preadv pwritev lseek dup dup2 dup3 "
        "fcntl flock fsync fdatasync ftruncate fallocate fadvise64"
    ),
    "files by name, where the mounts let one": (
        "stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 getdents64 getcwd chdir fchdir "
        "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat readlink "
        "readlinkat chmod fchmod fchmodat truncate utimensat getxattr lgetxattr fgetxattr listxattr llistxattr "
        "flistxattr"
    ),
    "waiting for several files": "pipe pipe2 select pselect6 poll ppoll epoll_create1 epoll_ctl epoll_wait epoll_pwait",
    "sockets, of which there are only local ones": (
        "bind connect listen accept accept4 shutdown getsockname getpeername getsockopt sendto recvfrom sendmsg recvmsg"
    ),
}
"""Names of calls by what they are for."""

NEW_NAMESPACES = 0x7E020080
"""Flags of clone: mount, cgroup, uts, ipc, user, pid, net and time."""

ON_TERMINALS = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""Requests of ioctl: is it a terminal, whose is it, how large; how much can be read; blocking; inherited or not."""

ON_THREADS = (1, 15, 16)
"""Operations of prctl: end with one's parent, name a thread, tell its name."""

KIND_OF_SOCKET = 0xF
"""Of the second argument of socket; the rest are flags."""

REUSE_ADDRESS = (socket.SOL_SOCKET, socket.SO_REUSEADDR)
"""The one option of a socket that may be set; others would make its buffers larger."""

REMEDY = (
    "The sandbox refuses system calls with libseccomp, which needs Linux: install it (`apt install libseccomp2`, "
    "`dnf install libseccomp`) and its Python binding (`pip install pyseccomp`)."
)


def compile_filter(allowed: Mapping[str, str] = ALLOWED, machine: str = platform.machine()) -> bytes:
    """A filter that allows these calls, and some others with some of their arguments.

    Args:
        allowed: Names of calls, see `ALLOWED`.
        machine: What `platform.machine()` says where the filter is used, such as "x86_64" or "aarch64".

    Returns:
        A program of the kernel's packet filter.

    Raises:
        SandboxError: If libseccomp is missing, or does not know the machine.
    """
    seccomp = _library()
    arch = getattr(seccomp.Arch, machine.upper(), None)
    if arch is None:
        raise SandboxError(f"System calls cannot be filtered on the machine {machine}. {REMEDY}")
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.ENOSYS))
    if arch != seccomp.system_arch():
        rules.add_arch(arch)
        rules.remove_arch(seccomp.system_arch())
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.KILL_PROCESS)  # the calls of other machines and of 32 bits
    for name in " ".join(allowed.values()).split():
        if seccomp.resolve_syscall(arch, name) >= 0:  # else the machine does not have it
            rules.add_rule(seccomp.ALLOW, name)
    _allow_with_arguments(seccomp, rules)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _library() -> ModuleType:
    """The binding of libseccomp; its interface is that of the library's own, which PyPI does not have.

    Raises:
        SandboxError: If it or the library is missing.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise SandboxError(f"System calls cannot be filtered here: {error}. {REMEDY}") from error
    return pyseccomp


def _allow_with_arguments(seccomp: ModuleType, rules: Any) -> None:
    """Allow what has many uses, for some of them."""
    rules.add_rule(seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, NEW_NAMESPACES, 0))
    for request in ON_TERMINALS:
        rules.add_rule(seccomp.ALLOW, "ioctl", seccomp.Arg(1, seccomp.EQ, request))
    for operation in ON_THREADS:
        rules.add_rule(seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, operation))
    level, option = (seccomp.Arg(i, seccomp.EQ, value) for i, value in enumerate(REUSE_ADDRESS, start=1))
    rules.add_rule(seccomp.ALLOW, "setsockopt", level, option)
    local = seccomp.Arg(0, seccomp.EQ, socket.AF_UNIX)
    stream = seccomp.Arg(1, seccomp.MASKED_EQ, KIND_OF_SOCKET, socket.SOCK_STREAM)
    for name in ("socket", "socketpair"):
        rules.add_rule(seccomp.ALLOW, name, local, stream)
        rules.add_rule(seccomp.ERRNO(errno.EPERM), name, seccomp.Arg(0, seccomp.NE, socket.AF_UNIX))
