"""System calls that a submission has no use for, refused by a filter in the kernel (seccomp)."""

import ctypes
import errno
import platform
import struct

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""Machines that the numbers below are known for, with the kernel's name of each."""

REFUSED = {
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # namespaces and mounts: a new user namespace would open the kernel's code for administrators
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # memory that no limit counts
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180),
    # parts of the kernel in which holes were found again and again
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "fanotify_init": (300, 262), "personality": (135, 92), "syslog": (103, 116),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273), "quotactl": (179, 60),
}  # fmt: skip
"""Numbers on x86_64 and aarch64."""

CLONE, CLONE3, SOCKET, SOCKETPAIR = (56, 220), (435, 435), (41, 198), (53, 199)
NEW_NAMESPACES = 0x7E020080  # mount, cgroup, uts, ipc, user, pid, net and time
LOCAL = 1  # the family AF_UNIX: every other one, the network's and a virtual machine's, is refused

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # instructions of the filter
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in what the filter sees of a call


def filter_program(machine: str) -> bytes:
    """The filter for one kind of machine, as instructions of the kernel's packet filter.

    Raises:
        ValueError: If the numbers of the system calls are not known for it.
    """
    if machine not in ARCHITECTURES:
        raise ValueError(f"expected one of the machines {', '.join(ARCHITECTURES)}, got {machine}")
    column = list(ARCHITECTURES).index(machine)
    program = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, ARCHITECTURES[machine]), (RETURN, 0, 0, KILL)]
    program += [(LOAD, 0, 0, NUMBER)]
    if machine == "x86_64":
        program += _refuse(AT_LEAST, 0x40000000)  # a second set of numbers for the same calls
    for numbers in REFUSED.values():
        program += _refuse(EQUAL, numbers[column])
    program += _refuse(EQUAL, CLONE3[column], errno.ENOSYS)  # its flags cannot be seen; the C library takes clone
    program += _examine(CLONE[column], (ANY_BIT, 0, 1, NEW_NAMESPACES))
    program += _examine(SOCKET[column], (EQUAL, 1, 0, LOCAL)) + _examine(SOCKETPAIR[column], (EQUAL, 1, 0, LOCAL))
    return b"".join(struct.pack("=HBBI", *step) for step in [*program, (RETURN, 0, 0, ALLOW)])


def _refuse(test: int, number: int, error: int = errno.EPERM) -> list[tuple]:
    return [(test, 0, 1, number), (RETURN, 0, 0, FAIL | error)]


def _examine(number: int, test: tuple) -> list[tuple]:
    """Refuse one call when the test of its first argument leads to the next step, allow it otherwise."""
    refuse, allow = (RETURN, 0, 0, FAIL | errno.EPERM), (RETURN, 0, 0, ALLOW)
    return [(EQUAL, 0, 4, number), (LOAD, 0, 0, FIRST_ARGUMENT), test, refuse, allow]


def install(libc: ctypes.CDLL) -> None:
    """Put the filter on this process and all that it will start; nothing can take it off again.

    Raises:
        OSError: If the kernel refuses.
    """
    code = filter_program(platform.machine())
    instructions = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions))
    if libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
