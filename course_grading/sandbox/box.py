"""What the box is made of: the folder that submissions see of the course, and the command that makes the box."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from course_grading.model import MB

GUEST = Path(__file__).resolve().parent / "guest"
GRADING = GUEST.parents[1]
PACKAGE = GRADING.parent / "course_utils"
HOME = "/course"
"""Where the folder lies in the box."""

SPOKEN = ("calling.py", "families.py", "observers.py")
"""The modules of `course_utils.checks` that call an answer; the others hold oracles and mistakes, and stay outside."""

TMP = 256 * MB
"""Size of the /tmp that the warm process sees."""


REMEDY = (
    "Grading runs strangers' code in bubblewrap, which needs Linux: install it (`apt install bubblewrap`, "
    "`dnf install bubblewrap`), or grade in a Linux machine or container that may create namespaces. `--unsafe` runs "
    "submissions with all your rights."
)


class SandboxError(RuntimeError):
    """The sandbox cannot be had on this machine; the text says why and what to do."""


def copy_course(folder: Path) -> None:
    """Copy what submissions may see: the guest, and of the package all but its command line and what judges."""
    shutil.copytree(GUEST, folder / GUEST.name, ignore=shutil.ignore_patterns("__pycache__"))
    hidden = shutil.ignore_patterns("__pycache__", "checks", "__main__.py")
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=hidden)
    _stub_checks(PACKAGE / "checks", folder / PACKAGE.name / "checks")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _stub_checks(checks: Path, folder: Path) -> None:
    """The modules that call an answer as they are; in place of every other module one that says nothing."""
    for path in checks.rglob("*.py"):
        place = folder / path.relative_to(checks)
        place.parent.mkdir(parents=True, exist_ok=True)
        spoken = path.parent == checks and path.name in SPOKEN
        shutil.copy(path if spoken else GUEST / "checks_stub.py", place)


def variables(course: str) -> dict[str, str]:
    """All variables of the environment that submissions see."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": course,
        "PYTHONHASHSEED": "0",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        "COURSE_BUDGET": "small",
        "CUDA_VISIBLE_DEVICES": "",
        **dict.fromkeys(threads, "1"),
    }


def box(tree: Path, root: bool) -> list[str]:
    """The command that runs another one in the box.

    Args:
        tree: The folder that `copy_course` filled.
        root: Whether this process may do what root may; else the box has a namespace of users, too.

    Raises:
        SandboxError: If bubblewrap is not installed.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise SandboxError(f"bubblewrap (bwrap) is not installed. {REMEDY}")
    return [
        program,
        *_namespaces(root),
        *_rights(root),
        *_system(),
        *_environment(),
        *("--perms", "0755", "--dir", HOME, "--ro-bind", str(tree), HOME),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"),
    ]


def _namespaces(root: bool) -> Iterator[str]:
    """Processes, network, names and (for an ordinary user) rights of the box's own."""
    for space in ("pid", "ipc", "uts", "net", "cgroup-try"):
        yield f"--unshare-{space}"
    if not root:
        yield "--unshare-user"
    yield from ("--new-session", "--hostname", "sandbox")


def _rights(root: bool) -> Iterator[str]:
    """What the warm process needs to confine a submission; the submission has none of it."""
    yield from ("--cap-drop", "ALL")
    for right in ("SYS_ADMIN", "SETPCAP", *(("SETUID", "SETGID", "KILL") if root else ())):
        yield from ("--cap-add", f"CAP_{right}")


def _system() -> Iterator[str]:
    """The system, read-only, and a bounded /tmp."""
    yield from ("--ro-bind", "/usr", "/usr")
    yield from _links()
    yield from ("--perms", "0755", "--dir", "/etc")
    for file in ("ld.so.cache", "fonts", "localtime", "alternatives"):
        yield from ("--ro-bind-try", f"/etc/{file}", f"/etc/{file}")
    yield from ("--proc", "/proc", "--dev", "/dev")
    yield from ("--perms", "1777", "--size", str(TMP), "--tmpfs", "/tmp")


def _links() -> Iterator[str]:
    """What a system keeps in /usr, and has links to."""
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def environment() -> list[Path]:
    """Folders of the Python of this process, where they are not part of the system."""
    places = dict.fromkeys(Path(p) for p in (sys.base_prefix, sys.prefix))
    return [place for place in places if not place.is_relative_to("/usr")]


def _environment() -> Iterator[str]:
    """Mounts of this process's Python; where the course lies inside it, an empty folder covers the course."""
    places = environment()
    for place in places:
        yield from _folders_above(place)
        yield from ("--ro-bind", str(place), str(place))
    installed = {Path(place, name) for place in sys.path if place for name in (PACKAGE.name, GRADING.name)}
    hidden = {PACKAGE, GRADING, *installed}
    for folder in sorted(p for p in hidden if p.is_dir()):
        if any(folder.is_relative_to(place) for place in (*places, Path("/usr"))):
            yield from ("--perms", "0755", "--tmpfs", str(folder), "--remount-ro", str(folder))


def _folders_above(path: Path) -> Iterator[str]:
    """Parents of a mount, which bubblewrap would make for their owner alone."""
    for parent in reversed(path.parents):
        if str(parent) not in ("/", "/tmp", "/usr"):
            yield from ("--perms", "0755", "--dir", str(parent))
