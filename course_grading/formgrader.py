"""nbgrader's formgrader, for the answers that a person marks, set up so that it cannot run what students wrote."""

import json
import os
import sys
from pathlib import Path

from course_grading.labs import ROOT
from course_grading.marks import check_version, default_url
from course_utils.storage import write_file

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'self'"
)


def settings(folder: Path, url: str) -> dict[str, dict]:
    """nbgrader's and Jupyter's settings, by class.

    Submissions are out of sight, so that the buttons that would run them outside the sandbox find nothing to run; and
    this server starts no kernel and no terminal.
    """
    return {
        "CourseDirectory": {
            "root": str(folder),
            "db_url": url,
            "source_directory": str(ROOT / "solutions"),
            "release_directory": str(ROOT / "labs"),
            "submitted_directory": "grading/no-submissions",
        },
        "ExecutePreprocessor": {"enabled": False},
        "HTMLExporter": {"sanitize_html": True},
        "KernelSpecManager": {"allowed_kernelspecs": ["none"], "ensure_native_kernel": False},
        "ServerApp": {
            "root_dir": str(folder),
            "terminals_enabled": False,
            "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}},
        },
        "LabApp": {"default_url": "/formgrader/gradebook"},
    }


def prepare(folder: str | Path, db: str | None = None) -> tuple[list[str], dict[str, str]]:
    """Write the settings; returns the program to start and its environment.

    Raises:
        ValueError: If nothing is graded yet, or the gradebook is of another version.
    """
    folder = Path(folder).resolve()
    if not (folder / "autograded").is_dir():
        raise ValueError(f"expected graded submissions in {folder}, found none: run grade first")
    url = db or default_url(folder)
    check_version(url)
    place = folder / "grading" / "formgrader"
    _write_settings(place, settings(folder, url))
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    variables = {**os.environ, "PATH": path, "JUPYTER_CONFIG_DIR": str(place)}
    return [sys.executable, "-m", "jupyterlab", *as_root], variables


def _write_settings(place: Path, chosen: dict[str, dict]) -> None:
    lines = [f"c.{kind}.{name} = {value!r}\n" for kind, values in chosen.items() for name, value in values.items()]
    for program in ("nbgrader", "jupyter_lab"):
        write_file(place / f"{program}_config.py", "c = get_config()\n" + "".join(lines))
    shown = {"disabledExtensions": {"@jupyter/nbgrader": False}}
    write_file(place / "labconfig" / "page_config.json", json.dumps(shown))


def start(folder: str | Path, db: str | None = None, options: list[str] | None = None) -> None:
    """Become JupyterLab, with the formgrader as its first page."""
    line, variables = prepare(folder, db)
    os.chdir(folder)
    os.execve(line[0], [*line, *(options or [])], variables)
