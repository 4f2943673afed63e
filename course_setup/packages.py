"""What pip is asked for and with which settings: the versions of constraints.txt, or else the newest that fit."""

import ast
import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

PIP_SETTINGS = (
    "index-url", "extra-index-url", "find-links", "no-index", "constraint", "trusted-host", "proxy", "cert",
    "client-cert", "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider",
)  # fmt: skip
"""Of a person's settings of pip, those that say where packages come from; others, such as `user`, send them astray."""

HEADER = "# Tested together. `python course.py constraints` tests newer ones and writes this file anew.\n"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
HERE = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
NO_NETWORK = ("Retrying (", "ConnectionError", "ReadTimeout", "Temporary failure in name resolution", "IncompleteRead")
NO_BUILD = f"No build of a package fits {HERE}: use another Python"
PIP_FAILURES = [  # signs in what pip says, and the sentence that the user reads
    (("No space left on device", "not enough space on the disk"), "The disk is full: free some space"),
    (NO_NETWORK, "The network does not answer: connect, or set HTTPS_PROXY if you are behind a proxy"),
    (("No matching distribution found", "ResolutionImpossible"), NO_BUILD),
    (("",), "pip failed for the reason above: mend it"),
]


class PipFailed(Exception):
    """Its text is the likely cause."""


def scripts(folder: Path) -> Path:
    """Folder of an environment's programs."""
    return folder / ("Scripts" if os.name == "nt" else "bin")


def python(folder: Path) -> Path:
    return scripts(folder) / ("python.exe" if os.name == "nt" else "python")


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


def pip_variables(folder: Path) -> dict:
    """The variables for pip: of a person's own settings, in files too, only those that say where packages come from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    kept["PIP_CONFIG_FILE"] = os.devnull
    line = [str(python(folder)), "-I", "-m", "pip", "config", "list"]
    listed = subprocess.run(line, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    settings = dict(setting.split("=", 1) for setting in listed if "=" in setting)
    for section in ("global", "install", ":env:"):  # the later has the last word, as in pip
        for name in PIP_SETTINGS:
            value = settings.get(f"{section}.{name}")
            if value:
                kept["PIP_" + name.upper().replace("-", "_")] = ast.literal_eval(value)
    return kept


def pip(folder: Path, *arguments: str) -> None:
    """Run `pip install` in the environment `folder`, showing what it says.

    Raises:
        PipFailed: With the likely cause.
    """
    line = [str(python(folder)), "-I", "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    variables = pip_variables(folder)
    said = ""
    with subprocess.Popen(
        line, cwd=str(folder.parent), env=variables, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None  # it is a pipe
        for words in process.stderr:
            sys.stderr.write(words)
            said += words
    if process.returncode:
        raise PipFailed(next(cause for signs, cause in PIP_FAILURES if any(sign in said for sign in signs)))


def install(root: Path, extra: str, pinned: bool) -> None:
    """Install torch, then the project with its extra: in the versions of constraints.txt, where these can be had."""
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    torch = re.findall(r'"(torch>[^"]*)"', project)[0]
    # A student's Python compiles what is imported, when it is; many processes and sandboxes are better off with all.
    how = [] if extra else ["--no-compile"]
    steps = [[*how, *cpu_options(), torch], [*how, "-e", f".[{extra}]" if extra else "."]]
    if pinned and (root / "constraints.txt").is_file():
        try:
            for step in steps:
                pip(root / ".venv", "--only-binary=:all:", "--constraint=constraints.txt", *step)
            return
        except PipFailed as failure:
            if str(failure) != NO_BUILD:
                raise
        print(f"constraints.txt has versions with no build for {HERE}: taking the newest in pyproject.toml's ranges.")
    for step in steps:
        pip(root / ".venv", *step)


def pin(root: Path) -> Path:
    """Write the versions that are in the environment into constraints.txt."""
    folder = root / ".venv"
    line = [str(python(folder)), "-I", "-m", "pip", "freeze", "--all", "--exclude-editable", "--exclude=pip"]
    listed = subprocess.run(line, env=pip_variables(folder), stdout=subprocess.PIPE, text=True, check=True).stdout
    versions = re.sub(r"\+\S+", "", listed)  # the CPU build is no version of its own
    draft = root / "constraints.draft"
    draft.write_text(HEADER + versions, encoding="utf-8")
    os.replace(str(draft), str(root / "constraints.txt"))
    return root / "constraints.txt"
