"""The filter of system calls: everything that is not listed is refused, on every machine, and from inside."""

import ctypes.util
import errno
import functools
import platform
import sys
from collections.abc import Iterator
from itertools import product

import pyseccomp
import pytest

from course_grading.sandbox import syscalls
from course_grading.sandbox.box import SandboxError
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import Broken, Session
from tests.support.attacks import LIMITS
from tests.support.bpf import ALLOW, ARCHITECTURES, FAIL, KILL_PROCESS, verdict
from tests.support.honest import HONEST

pytestmark = pytest.mark.slow

FORBIDDEN = {
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_open pidfd_getfd pidfd_send_signal "
        "get_robust_list"
    ),
    "namespaces and mounts": (
        "unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick "
        "mount_setattr name_to_handle_at open_by_handle_at landlock_create_ruleset landlock_add_rule "
        "landlock_restrict_self seccomp clone3"
    ),
    "memory that no limit counts": (
        "memfd_create memfd_secret shmget shmat shmctl semget msgget mq_open remap_file_pages mbind set_mempolicy "
        "migrate_pages move_pages mlock mlockall pkey_mprotect"
    ),
    "parts of the kernel in which holes were found again and again": (
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_destroy "
        "io_getevents io_cancel splice tee vmsplice sendfile copy_file_range keyctl add_key request_key fanotify_init "
        "inotify_init1 personality modify_ldt"
    ),
    "the machine": (
        "syslog kexec_load kexec_file_load init_module finit_module delete_module quotactl reboot swapon swapoff acct "
        "sethostname setdomainname settimeofday clock_settime adjtimex iopl ioperm nfsservctl lookup_dcookie mknod "
        "mknodat chown fchown lchown fchownat setxattr vhangup ioprio_set sched_setscheduler sched_setattr"
    ),
    "other users": "setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset",
}
"""Calls that a submission must not make, by what they would open."""

NAMES = " ".join(FORBIDDEN.values()).split()
each_machine = pytest.mark.parametrize("machine", ARCHITECTURES)
ARGUMENTS = ((), (1, 1, 1, 1, 1, 1), (2**64 - 1,) * 6, (0x5401,) * 6, (15, 0x5413, 2))


@functools.cache
def filter_of(machine: str) -> bytes:
    return syscalls.compile_filter(machine=machine)


def number_of(name: str, machine: str) -> int:
    """The number of a call; negative where the machine does not have it, or the library does not know it."""
    return pyseccomp.resolve_syscall(getattr(pyseccomp.Arch, machine.upper()), name)


def open_calls(program: bytes, machine: str, names: list[str]) -> set[str]:
    """Which of these calls the filter lets through, with any of some arguments."""
    numbers = {name: number for name in names if (number := number_of(name, machine)) >= 0}
    return {
        name
        for name, number in numbers.items()
        for arguments in ARGUMENTS
        if verdict(program, ARCHITECTURES[machine], number, *arguments) != FAIL | errno.ENOSYS
    }


@each_machine
def test_every_call_that_is_not_listed_is_refused(machine: str):
    program = filter_of(machine)
    listed = {number_of(name, machine) for name in " ".join(syscalls.ALLOWED.values()).split()}
    some = {number_of(name, machine) for name in ("clone", "ioctl", "prctl", "setsockopt", "socket", "socketpair")}
    for number in set(range(1000)) - some:
        wanted = ALLOW if number in listed else FAIL | errno.ENOSYS
        for arguments in ARGUMENTS:
            assert verdict(program, ARCHITECTURES[machine], number, *arguments) == wanted, number


@each_machine
def test_what_is_forbidden_is_refused_and_a_list_that_allows_any_of_it_is_found_out(machine: str):
    assert open_calls(filter_of(machine), machine, NAMES) == set()
    for name in NAMES:
        if number_of(name, machine) >= 0:
            mutant = syscalls.compile_filter({**syscalls.ALLOWED, "mutant": name}, machine)
            assert open_calls(mutant, machine, NAMES) == {name}


@each_machine
def test_calls_of_other_machines_and_of_32_bits_end_the_process(machine: str):
    program = filter_of(machine)
    foreign = {*ARCHITECTURES.values(), 0x40000003, 0x40000028, 0} - {ARCHITECTURES[machine]}
    for other in foreign:
        assert {verdict(program, other, number) for number in range(500)} == {KILL_PROCESS}
    if machine == "x86_64":
        numbers = [0x40000000 + number for number in range(600)] + [2**31, 2**32 - 1]
        assert {verdict(program, ARCHITECTURES[machine], number) for number in numbers[:-1]} == {KILL_PROCESS}


def asked(machine: str, name: str, *arguments: int) -> int:
    program = filter_of(machine)
    return verdict(program, ARCHITECTURES[machine], number_of(name, machine), *arguments)


@each_machine
def test_a_process_and_a_thread_can_be_made_but_no_namespace(machine: str):
    threads = 0x3D0F00
    for flags in (threads, 17, 0x1200000 | 17):
        assert asked(machine, "clone", flags) == ALLOW
    namespaces = {7, 17, 25, 26, 27, 28, 29, 30}
    refused = {bit for bit in range(64) if asked(machine, "clone", threads | 1 << bit) == FAIL | errno.ENOSYS}
    assert refused == namespaces


@each_machine
@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_sockets_are_local(machine: str, name: str):
    for flags in (0, 0o4000, 0o2000000):
        assert asked(machine, name, 1, 1 | flags) == ALLOW
    for family in [0, *range(2, 50), 1 | 1 << 32, 2**64 - 1]:
        assert asked(machine, name, family, 1) == FAIL | errno.EPERM


@each_machine
@pytest.mark.parametrize("name", ["socket", "socketpair"])
def test_sockets_are_streams_since_datagrams_wait_in_any_number(machine: str, name: str):
    kinds = [kind for kind in range(64) if asked(machine, name, 1, kind) == ALLOW]
    assert kinds == [1, 17, 33, 49]


@each_machine
def test_of_a_socket_only_the_use_of_an_address_can_be_set(machine: str):
    allowed = [pair for pair in product(range(80), range(80)) if asked(machine, "setsockopt", 3, *pair) == ALLOW]
    assert allowed == [(1, 2)]


REQUESTS = {
    "ioctl": {0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451},
    "prctl": {1, 15, 16},
}


@each_machine
@pytest.mark.parametrize("name", REQUESTS)
def test_of_calls_with_many_uses_few_are_allowed(machine: str, name: str):
    """Not among them: a word typed into a terminal, another filter, the right to be traced, ambient rights."""
    before = {"ioctl": (0,), "prctl": ()}[name]
    tried = [*range(100), *range(0x5400, 0x5500), 0x8901, 0x53564D41]
    tried += [request | 1 << 32 for request in REQUESTS[name]]
    allowed = {request for request in tried if asked(machine, name, *before, request) == ALLOW}
    refused = {request for request in tried if asked(machine, name, *before, request) == FAIL | errno.ENOSYS}
    assert allowed == REQUESTS[name] and allowed | refused == set(tried)


TRY = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in {numbers}:
    ctypes.set_errno(0)
    print(libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6), ctypes.get_errno())
"""


def tried_inside(names: list[str]) -> set[str]:
    """Which of these calls the kernel lets through to a submission in a sandbox."""
    numbers = [number_of(name, "NATIVE") for name in names]
    sandbox = Sandbox(LIMITS)
    try:
        session = sandbox.open(0)
        ran = session.run(TRY.format(numbers=[number for number in numbers if number >= 0]), 20, 10_000)
        session.end()
    finally:
        sandbox.close()
    assert ran.error is None
    lines = iter(ran.printed.splitlines())
    return {
        name for name, number in zip(names, numbers, strict=True) if number >= 0 and next(lines) != f"-1 {errno.ENOSYS}"
    }


def test_from_inside_each_forbidden_call_fails():
    assert tried_inside(NAMES) == set()


def test_from_inside_an_allowed_call_is_seen(monkeypatch: pytest.MonkeyPatch):
    """Else the test above would pass for a kernel that has none of the calls."""
    opened = ["pidfd_open", "name_to_handle_at", "unshare", "splice", "mount", "setuid", "chown"]
    mutant = syscalls.compile_filter({**syscalls.ALLOWED, "mutant": " ".join(opened)}, platform.machine())
    monkeypatch.setattr(syscalls, "compile_filter", lambda: mutant)
    assert tried_inside(NAMES) == {name for name in opened if number_of(name, "NATIVE") >= 0}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    sandbox = Sandbox(LIMITS)
    made = sandbox.open(0)
    yield made
    made.end()
    sandbox.close()


@pytest.mark.parametrize("what", HONEST)
def test_from_inside_what_is_honest_works(session: Session, what: str):
    ran = session.run(HONEST[what], 60, 1000)
    assert (ran.printed.strip(), ran.error) == ("here", None)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other machines have one set of numbers")
def test_from_inside_a_call_of_32_bits_ends_the_process():
    sandbox = Sandbox(LIMITS)
    try:
        session = sandbox.open(0)
        with pytest.raises(Broken, match="ended"):
            session.run(f"import ctypes\nctypes.CDLL(None).syscall({0x40000000 + number_of('getpid', 'x86_64')})", 20)
        session.end()
    finally:
        sandbox.close()


def test_calls_are_listed_once_and_known():
    names = " ".join(syscalls.ALLOWED.values()).split()
    assert len(names) == len(set(names)) and not set(names) & set(NAMES)
    for name in (*names, *NAMES):
        assert number_of(name, "x86_64") != -1, f"{name} is no system call"


def test_without_libseccomp_grading_refuses_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    words = "System calls cannot be filtered here.*apt install libseccomp2.*pip install pyseccomp"
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "pyseccomp", None)
        with pytest.raises(SandboxError, match=words):
            Sandbox(LIMITS)
    with monkeypatch.context() as missing:
        missing.delitem(sys.modules, "pyseccomp")
        missing.setattr(ctypes.util, "find_library", lambda name: None if name == "seccomp" else "libc.so.6")
        with pytest.raises(SandboxError, match=f"Unable to find libseccomp.*{words[-20:]}"):
            Sandbox(LIMITS)


def test_a_machine_that_is_not_known_is_refused():
    with pytest.raises(SandboxError, match="on the machine vax"):
        syscalls.compile_filter(machine="vax")
