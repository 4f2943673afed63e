"""The folder .venv, in which the course runs: made on first use, brought up to date, never taken from anybody else."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from course_setup import packages
from course_setup.packages import python

EXTRAS = ("", "grade", "book", "test")
"""Extras of pyproject.toml, each with all that those before it have; the empty one is what a student needs."""

TRIED = {
    "": "torch, scipy.linalg, scipy.optimize, matplotlib.pyplot, seaborn, pooch, safetensors.torch, "
    "ipywidgets, anywidget, ipykernel.kernelapp, nbconvert.exporters, jupyterlab.labapp",
    "grade": "nbgrader.preprocessors, nbgrader.api, dask.distributed, cryptography.x509",
    "book": "sphinx.cmd.build, myst_nb, furo",
    "test": "pytest, nbval, beartype, diffusers, playwright.sync_api",
}
"""What is imported before an installation counts as finished, by the extra that brings it."""

LAB_WITHOUT = ["@jupyter/nbgrader", "@jupyterlab/apputils-extension:announcements"]  # instructors' buttons, a pop-up
DISK_GB = {"cpu": 4, "cuda": 10}


# What is installed


def stamp(folder: Path) -> Path:
    """The file that marks an environment as ours; it is empty until the installation is finished."""
    return folder / "ready"


def fingerprint(root: Path) -> list:
    """Two lines: what the environment stands on (Python, place), and what says what is to be in it."""
    sources = [root / "pyproject.toml", root / "constraints.txt"]
    content = b"\n".join(path.read_bytes() for path in sources if path.is_file())
    return [f"{' '.join(sys.version.split())} in {root}", hashlib.sha256(content).hexdigest()]


def installed(root: Path) -> list:
    """The fingerprint of the finished installation and, third, its extra; empty without one."""
    folder = root / ".venv"
    if python(folder).exists() and stamp(folder).is_file():
        return stamp(folder).read_text(encoding="utf-8").split("\n")
    return []


def installed_extra(found: list) -> str:
    return found[2] if found[2:] and found[2] in EXTRAS else ""


def finished(root: Path, extra: str) -> None:
    """Set the stamp, in one step."""
    draft = root / ".venv" / "ready.draft"
    draft.write_text("\n".join(fingerprint(root) + [extra]), encoding="utf-8")
    os.replace(str(draft), str(stamp(root / ".venv")))


def ready(root: Path, extra: str) -> bool:
    """Whether the environment is as pyproject.toml and constraints.txt want it and holds that extra."""
    found = installed(root)
    holding = EXTRAS[: EXTRAS.index(installed_extra(found)) + 1]
    return found[:2] == fingerprint(root) and extra in holding


# Whether it can be installed


def check_machine(root: Path) -> None:
    """Stop, with a remedy, where no environment can be made."""
    if importlib.util.find_spec("ensurepip") is None:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        sys.exit(f"This Python cannot make environments: run `sudo apt install {package}`, then try again.")
    needed = DISK_GB[packages.torch_build()]
    free = shutil.disk_usage(str(root)).free / 1e9
    if free < needed:
        sys.exit(f"The course needs {needed} GB of disk and {root} has {free:.1f}: free some space, then try again.")


# How it is installed


def is_ours(folder: Path) -> bool:
    """Whether `folder` may be emptied: it has our mark, or nothing in it, and is no link to another place."""
    if os.path.realpath(str(folder)) != os.path.join(os.path.realpath(str(folder.parent)), folder.name):
        return False
    return folder.is_dir() and (stamp(folder).is_file() or not any(folder.iterdir()))


def create(folder: Path) -> None:
    """Make an environment with nothing in it, in the place of an earlier one of ours."""
    if os.path.lexists(str(folder)) and not is_ours(folder):
        sys.exit(f"{folder} was not made by the course and stays as it is: move it away, then run the same command.")
    folder.mkdir(exist_ok=True)
    stamp(folder).write_text("")  # first and last, so that what is broken off is still known as ours
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        elif entry != stamp(folder):
            entry.unlink()
    if subprocess.call([sys.executable, "-m", "venv", str(folder)]):
        sys.exit(f"Python could not make {folder} for the reason above.")


def try_imports(root: Path, extra: str) -> None:
    """Import what was installed; that also compiles it."""
    modules = ", ".join(TRIED[name] for name in EXTRAS[: EXTRAS.index(extra) + 1])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    line = [str(python(root / ".venv")), "-c", f"import {modules}"]
    if subprocess.call(line, cwd=str(root), env=variables):
        sys.exit("Everything is installed, but cannot be imported for the reason above: mend it, then try again.")


def tidy_lab(root: Path) -> None:
    """Leave out of JupyterLab what is not for students."""
    config = root / ".venv" / "etc" / "jupyter" / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(LAB_WITHOUT, True)}), encoding="utf-8")


def announce(fresh: bool, extra: str, had: str) -> None:
    """Say, in one line, what is about to happen."""
    more = f", with the extra `{extra}`," if extra else ""
    if fresh:
        print(f"Making the environment .venv{more} from the network: this takes minutes.", flush=True)
    elif extra != had:
        print(f"Adding the extra `{extra}` to the environment .venv: this may take minutes.", flush=True)
    else:
        print("Updating the environment .venv: this may take minutes.", flush=True)


def install(root: Path, extra: str, renew: bool = False) -> None:
    """Make the environment, or bring it up to date; only finished work that can be imported gets the stamp.

    Args:
        root: Folder of the course.
        extra: What is needed; an extra that is there already stays.
        renew: Whether to begin anew, with the newest versions instead of those of constraints.txt.
    """
    found = installed(root)
    had = installed_extra(found)
    extra = max(extra, had, key=EXTRAS.index)
    fresh = renew or found[:1] != fingerprint(root)[:1]
    check_machine(root)
    announce(fresh, extra, had)
    if fresh:
        create(root / ".venv")
    stamp(root / ".venv").write_text("")
    try:
        packages.install(root, extra, pinned=not renew)
    except packages.PipFailed as failure:
        sys.exit(f"{failure}, then run the same command again.")
    tidy_lab(root)
    if fresh:
        print("All is installed. Trying it, which takes longest this first time.", flush=True)
    try_imports(root, extra)
    finished(root, extra)


# One at a time


def try_lock(file) -> bool:
    """Lock an open file for this process, unless another holds it; the system frees it when the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        pass
    return True


@contextlib.contextmanager
def alone(root: Path):
    """Wait until no other course.py is installing here, and keep others waiting."""
    with (root / ".venv.lock").open("a") as file:
        if not try_lock(file):
            print("Another course.py is installing: waiting for it.", flush=True)
            while not try_lock(file):
                time.sleep(0.5)
        yield


def ensure(root: Path, extra: str) -> None:
    """Install what is missing."""
    if not ready(root, extra):
        with alone(root):
            if not ready(root, extra):
                install(root, extra)
