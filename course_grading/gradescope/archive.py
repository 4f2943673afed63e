"""The archive that an instructor uploads to Gradescope: what grading one lab needs of this repository, and no seed."""

import re
import tomllib
from pathlib import Path

from course_grading.gradescope.results import as_json, failed
from course_grading.handout import CODE, packed
from course_grading.labs import ROOT, read_lab, released
from course_utils.storage import check_writable, write_file

HERE = Path(__file__).parent
PROGRAMS = ("setup.sh", "run_autograder")
"""What Gradescope runs: the one when it makes the image, the other for each submission."""

FOLDERS = ("course_grading", "course_utils")
JUDGING = {"msgspec", "pyseccomp"}
"""Of the packages that grading needs, those that the judge does; gradebook, pages and workers stay at home."""

UNUSED = {"jupyterlab"}


def requirements(project: str) -> list[str]:
    """The packages that judging needs, in the ranges of pyproject.toml.

    Args:
        project: Its text.
    """
    told = tomllib.loads(project)["project"]
    wanted = [line for line in told["dependencies"] if _name(line) not in UNUSED]
    return wanted + [line for line in told["optional-dependencies"]["grade"] if _name(line) in JUDGING]


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower()


def archive(lab: str, root: Path = ROOT) -> bytes:
    """The archive of a lab, the same bytes whenever its content is the same.

    Raises:
        ValueError: If there is no such lab.
    """
    read_lab(lab, root)
    paths = [released(root)[lab], root / "constraints.txt", root / "LICENSE"]
    paths += [path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.suffix in CODE]
    content = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    content |= {name: (HERE / name).read_bytes() for name in PROGRAMS}
    lines = requirements((root / "pyproject.toml").read_text("utf-8"))
    content["requirements.txt"] = "".join(f"{line}\n" for line in lines).encode()
    content["failed.json"] = as_json(failed())
    return packed(content, PROGRAMS)


def write_archive(lab: str, out: Path | None = None, root: Path = ROOT) -> Path:
    """Write it.

    Args:
        lab: Such as "lab1_simulation".
        out: Where; `dist/gradescope-<lab>.zip` by default.
        root: The checkout.

    Raises:
        ValueError: If there is no such lab, or the file cannot be written.
    """
    out = out or root / "dist" / f"gradescope-{lab}.zip"
    check_writable(out)
    return write_file(out, archive(lab, root))
