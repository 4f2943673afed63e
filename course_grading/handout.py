"""`dist/student.zip`: everything that students need, and nothing of what they are to find out."""

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from course_grading.labs import ROOT, released
from course_grading.release import solutions
from course_utils.notebooks.fresh import ARCHIVE
from course_utils.storage import write_file

TOP = "course"
FILES = ("course.py", "pyproject.toml", "constraints.txt", "environment.yml", "LICENSE", ARCHIVE)
CHECKED_ON_PUSH = ".github/workflows/check.yml"
WORKFLOW = "docs/classroom/check.yml"
"""What GitHub runs where the archive is pushed as it is; see docs/platforms.md."""

FOLDERS = ("course_setup", "course_utils")
CODE = (".py", ".js", ".md", ".png", ".safetensors", ".npz", ".gz")
MOMENT = (2020, 1, 1, 0, 0, 0)
README = """# Flow matching and diffusion from scratch

You need Python 3.11 or newer, 4 GB of free disk and, the first time, a network. In this folder, run

    python course.py lab

It makes the environment `.venv` (a minute or two, once) and opens the labs in JupyterLab. On Linux and macOS the
command may be called `python3`, on Windows `py`.

Each exercise is one function. The check below it says whether yours is right and, if not, what the likely cause is.
The last cell of a lab says what is missing, and writes the file to hand in, `hand_in/labN_topic.ipynb`. Your functions
are judged again on other inputs; what a notebook prints earns no points, so it does not matter which cells you ran.
"""


def student_zip(root: str | Path = ROOT) -> bytes:
    """The archive, the same bytes whenever its content is the same.

    Raises:
        ValueError: If there is no released lab.
    """
    root = Path(root)
    paths = [path for name, path in released(root).items() if name in solutions(root)]
    if not paths:
        raise ValueError(f"expected released labs in {root / 'labs'}, found none: run release")
    paths += [root / name for name in FILES]
    paths += [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in CODE]
    places = {path.relative_to(root).as_posix(): path for path in paths} | {CHECKED_ON_PUSH: root / WORKFLOW}
    content = {name: path.read_bytes() for name, path in places.items() if path.is_file()}
    content["README.md"] = README.encode("utf-8")
    return packed({f"{TOP}/{name}": data for name, data in content.items()})


def packed(content: Mapping[str, bytes], programs: Collection[str] = ()) -> bytes:
    """A zip, the same bytes whenever its content is the same.

    Args:
        content: Of each file, by its name.
        programs: Names of those that can be run.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(content):
            member = zipfile.ZipInfo(name, MOMENT)
            member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, 3
            member.external_attr = (0o100755 if name in programs else 0o100644) << 16
            archive.writestr(member, content[name])
    return out.getvalue()


def write_student_zip(root: str | Path = ROOT) -> Path:
    """Write it to `dist/`."""
    return write_file(Path(root) / "dist" / "student.zip", student_zip(root))
