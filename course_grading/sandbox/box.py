"""What the box is made of: the folder that submissions see of the course, and the command that makes the box."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from course_grading.model import MB
from course_grading.sandbox.remedies import INSTALL

GUEST = Path(__file__).resolve().parent / "guest"
GRADING = GUEST.parents[1]
PACKAGE = GRADING.parent / "course_utils"
HOME = "/course"
PYTHON = "/python"
PACKAGES = "/packages"
"""Where in the box the folder of the course, Python and its packages lie."""

TELLING = ("__editable__*", "*.dist-info/direct_url.json")
"""Files of packages that tell from where they were installed."""

SPOKEN = ("calling.py", "families.py", "layers.py", "observers.py", "plans.py", "results.py")
"""The modules of `course_utils.checks` that call an answer; the others hold oracles and mistakes, and stay outside."""

TMP = 256 * MB
"""Size of the /tmp that the warm process sees."""


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


def variables(*paths: str) -> dict[str, str]:
    """All variables of the environment that submissions see.

    Args:
        paths: Folders from which Python imports, beside its own.
    """
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(paths),
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
        raise SandboxError(f"bubblewrap (bwrap) is not installed. {INSTALL}")
    return [
        program,
        *_namespaces(root),
        *_rights(root),
        *_system(),
        *_python(),
        *("--perms", "0755", "--dir", HOME, "--ro-bind", str(tree), HOME),
        *("--remount-ro", "/", "--chdir", "/", "--"),
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
    for right in ("SYS_ADMIN", "SYS_CHROOT", "NET_ADMIN", "SETPCAP", *(("SETUID", "SETGID", "KILL") if root else ())):
        yield from ("--cap-add", f"CAP_{right}")


def _system() -> Iterator[str]:
    """The system, read-only, and a bounded /tmp."""
    yield from ("--ro-bind", "/usr", "/usr")
    yield from _links()
    yield from ("--perms", "0755", "--dir", "/etc")
    for file in ("ld.so.cache", "fonts", "localtime", "alternatives"):
        yield from ("--ro-bind-try", f"/etc/{file}", f"/etc/{file}")
    yield from ("--proc", "/proc", *_devices())
    yield from ("--perms", "1777", "--size", str(TMP), "--tmpfs", "/tmp")


def _devices() -> Iterator[str]:
    """Few of them, and no terminal: each would take memory of the kernel."""
    yield from ("--perms", "0755", "--dir", "/dev", "--dir", "/dev/shm", "--symlink", "/proc/self/fd", "/dev/fd")
    for name in ("null", "zero", "full", "random", "urandom"):
        yield from ("--dev-bind", f"/dev/{name}", f"/dev/{name}")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield from ("--symlink", f"/proc/self/fd/{number}", f"/dev/{name}")


def _links() -> Iterator[str]:
    """What a system keeps in /usr, and has links to."""
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def environment() -> dict[str, Path]:
    """By their place in the box, the folders of the Python of this process that are not part of the system.

    Their places tell nothing of this machine: who grades, where, in which folder.
    """
    found: dict[str, Path] = {}
    packages = {f"{PACKAGES}/{kind}": sysconfig.get_path(kind) for kind in ("purelib", "platlib")}
    for place, folder in {PYTHON: sys.base_prefix, **packages}.items():
        source = Path(folder).resolve()
        if not any(source.is_relative_to(known) for known in (Path("/usr"), *found.values())):
            found[place] = source
    return found


def interpreter() -> str:
    """Where Python lies in the box."""
    base = PYTHON if PYTHON in environment() else sys.base_prefix
    return f"{base}/bin/python{sys.version_info.major}.{sys.version_info.minor}"


def import_paths() -> list[str]:
    """From where Python imports in the box, beside its own folders."""
    return [HOME, *(place for place in environment() if place != PYTHON)]


def _python() -> Iterator[str]:
    """Mounts of this process's Python, in which empty folders cover the course, and nothing what tells of its place."""
    places = environment()
    for place, source in places.items():
        yield from ("--perms", "0755", "--dir", place, "--ro-bind", str(source), place)
    if PYTHON in places and sysconfig.get_config_var("Py_ENABLE_SHARED"):
        yield from ("--setenv", "LD_LIBRARY_PATH", f"{PYTHON}/lib")
    installed = {Path(place, name).resolve() for place in sys.path if place for name in (PACKAGE.name, GRADING.name)}
    hidden = {PACKAGE, GRADING, *installed}
    for place, source in {"/usr": Path("/usr"), **places}.items():
        for folder in sorted(p for p in hidden if p.is_dir() and p.is_relative_to(source)):
            covered = f"{place}/{folder.relative_to(source)}"
            yield from ("--perms", "0755", "--tmpfs", covered, "--remount-ro", covered)
        for file in sorted(path for pattern in TELLING for path in source.glob(pattern)):
            yield from ("--ro-bind", "/dev/null", f"{place}/{file.relative_to(source)}")
