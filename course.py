#!/usr/bin/env python3
"""Set the course up, once, in the folder .venv, and run it.

usage:
  python course.py lab [option of JupyterLab ...]   open the labs
  python course.py test [option of pytest ...]      run every test, or only what the options name
  python course.py VERB ...                         anything else goes to: python -m course_utils VERB ...

Needs Python 3.11 or newer, 4 GB of disk and, the first time, a network.
"""

# Standard library only, and no syntax newer than Python 3.6: an old Python must get far enough to say that it is old.
import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PYTHON_FLOOR = (3, 11)
EXTRAS = "test,teach"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LAB_WITHOUT = ["@jupyter/nbgrader", "@jupyterlab/apputils-extension:announcements"]  # instructors' buttons, a pop-up
DISK_GB = {"cpu": 4, "cuda": 10}
NO_NETWORK = ("Retrying (", "ConnectionError", "ReadTimeout", "Temporary failure in name resolution", "IncompleteRead")
HERE = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
PIP_FAILURES = [  # signs in what pip says, and the sentence that the user reads
    (("No space left on device", "not enough space on the disk"), "The disk is full: free some space"),
    (NO_NETWORK, "The network does not answer: connect, or set HTTPS_PROXY if you are behind a proxy"),
    (("No matching distribution found",), f"No build of a package fits {HERE}: use another Python"),
    (("",), "pip failed for the reason above: mend it"),
]


def scripts(root: Path) -> Path:
    """Folder of the environment's programs."""
    return root / ".venv" / ("Scripts" if os.name == "nt" else "bin")


def venv_python(root: Path) -> Path:
    return scripts(root) / ("python.exe" if os.name == "nt" else "python")


def stamp(root: Path) -> Path:
    """The file that is there only while a finished installation is."""
    return root / ".venv" / "ready"


def fingerprint(root: Path) -> str:
    """Two lines: what the environment stands on (Python, place) and what is installed in it (pyproject.toml)."""
    project = (root / "pyproject.toml").read_bytes()
    return f"{' '.join(sys.version.split())} in {root}\n{hashlib.sha256(project).hexdigest()}"


def installed(root: Path) -> str:
    """The fingerprint of the finished installation, empty without one."""
    if venv_python(root).exists() and stamp(root).exists():
        return stamp(root).read_text(encoding="utf-8")
    return ""


def reachable(url: str, seconds: float = 4) -> bool:
    """Whether `url` answers within so many seconds, name lookup included."""
    answers = []

    def ask() -> None:
        with contextlib.suppress(Exception), urllib.request.urlopen(url, timeout=seconds) as reply:
            answers.append(reply.status)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers)


def torch_build() -> str:
    """The build of torch that is wanted; only on Linux does the usual one bring several GB of CUDA."""
    return "cuda" if sys.platform.startswith("linux") and shutil.which("nvidia-smi") else "cpu"


def cpu_options() -> list:
    """Options that make pip take the CPU build of torch: it sorts above the usual one of the same version."""
    if torch_build() == "cuda" or not sys.platform.startswith("linux"):
        return []
    if reachable(CPU_INDEX + "/torch/"):
        return ["--extra-index-url", CPU_INDEX]
    print("The index of CPU builds does not answer: torch may come with several GB of CUDA.", flush=True)
    return []


def check_machine(root: Path) -> None:
    """Stop, with a remedy, where no environment can be made."""
    if importlib.util.find_spec("ensurepip") is None:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        sys.exit(f"This Python cannot make environments: run `sudo apt install {package}`, then try again.")
    needed, free = DISK_GB[torch_build()], shutil.disk_usage(str(root)).free / 1e9
    if free < needed:
        sys.exit(f"The course needs {needed} GB of disk and {root} has {free:.1f}: free some space, then try again.")


def pip(root: Path, *arguments: str) -> None:
    """Run `pip install`, showing what it says; if it fails, stop with the likely cause."""
    line = [str(venv_python(root)), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    said = ""
    with subprocess.Popen(line, cwd=str(root), stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for words in process.stderr:
            sys.stderr.write(words)
            said += words
    if process.returncode:
        cause = next(cause for signs, cause in PIP_FAILURES if any(sign in said for sign in signs))
        sys.exit(cause + ", then run the same command again.")


def tidy_lab(root: Path) -> None:
    """Leave out of JupyterLab what is not for students."""
    config = root / ".venv" / "etc" / "jupyter" / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(LAB_WITHOUT, True)}), encoding="utf-8")


def install(root: Path) -> None:
    """Make the environment, or bring it up to date with pyproject.toml; only finished work gets the stamp."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    torch = next(line for line in project["dependencies"] if line.startswith("torch>"))
    target = fingerprint(root)
    fresh = installed(root).split("\n")[0] != target.split("\n")[0]
    check_machine(root)
    print(f"{'Making' if fresh else 'Updating'} the environment .venv: this takes minutes.", flush=True)
    with contextlib.suppress(FileNotFoundError):
        stamp(root).unlink()
    if fresh and subprocess.call([sys.executable, "-m", "venv", "--clear", str(root / ".venv")]):
        sys.exit("Python could not make .venv for the reason above: delete the folder .venv, then try again.")
    pip(root, *cpu_options(), torch)
    pip(root, "-e", f".[{EXTRAS}]")
    tidy_lab(root)
    draft = root / ".venv" / "ready.draft"
    draft.write_text(target, encoding="utf-8")
    os.replace(str(draft), str(stamp(root)))


def try_lock(file) -> bool:
    """Lock an open file for this process, unless another holds it; the system frees it when the process ends."""
    try:
        if os.name == "nt":
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


def ensure(root: Path) -> None:
    """Install unless that is done."""
    if installed(root) != fingerprint(root):
        with alone(root):
            if installed(root) != fingerprint(root):
                install(root)


def command(root: Path, verb: str, rest: list) -> list:
    """The program line that `course.py verb rest` stands for."""
    python = [str(venv_python(root)), "-m"]
    if verb == "lab":
        as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        given = {option.split("=")[0] for option in rest}
        usual = {"--ServerApp.root_dir": root, "--LabApp.default_url": "/lab/tree/labs"}  # labs show pictures in docs
        folder = [f"{n}={value}" for n, value in usual.items() if not given & {n, "--ServerApp.root_dir"}]
        return [*python, "jupyterlab", *folder, *as_root, *rest]
    if verb == "test":
        return [*python, "pytest", *(rest or ["-n", str(min(4, os.cpu_count() or 1))])]
    return [*python, "course_utils", verb, *rest]


def environment(root: Path, verb: str, rest: list) -> dict:
    """Its environment variables: .venv's programs first; a single thread each when tests run side by side."""
    variables = dict(os.environ, VIRTUAL_ENV=str(root / ".venv"))
    variables["PATH"] = os.pathsep.join([str(scripts(root)), variables.get("PATH", os.defpath)])
    variables.pop("PYTHONHOME", None)
    if verb == "test" and not rest:
        variables.setdefault("OMP_NUM_THREADS", "1")
    return variables


def become(line: list, variables: dict) -> None:
    """Run that program in the place of this one: its exit code is ours."""
    if os.name == "posix":
        os.execve(line[0], line, variables)
    with subprocess.Popen(line, env=variables) as process:
        while process.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()
    sys.exit(process.returncode)


def main(arguments: list) -> None:
    if sys.version_info < PYTHON_FLOOR:
        floor = ".".join(map(str, PYTHON_FLOOR))
        sys.exit(
            f"The course needs Python {floor} or newer and this is {platform.python_version()}: install one "
            f"from python.org and run course.py with it."
        )
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return
    verb, rest = arguments[0], arguments[1:]
    try:
        ensure(ROOT)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: run the same command again to install the rest.")
    except OSError as error:
        sys.exit(f"Cannot install in {ROOT} ({error}): make the folder writable or the disk less full, then try again.")
    if verb in ("lab", "test"):
        os.chdir(str(ROOT))
    become(command(ROOT, verb, rest), environment(ROOT, verb, rest))


if __name__ == "__main__":
    main(sys.argv[1:])
