"""The built wheel, installed by a notebook in an empty environment, far from this checkout: Lab 1 runs from it."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_setup import packages
from course_utils import checks

ROOT = Path(__file__).parents[2]
SOURCES = ("course_utils", "course_grading", "course_setup", "pyproject.toml", "README.md", "LICENSE")
pytestmark = [pytest.mark.slow, pytest.mark.network]
LAB = ROOT / "labs" / "lab1_simulation" / "lab1_simulation.ipynb"
SAY_WHERE = "import sys, course_utils, torch\nprint(course_utils.__file__, sys.prefix, torch.__file__, sep='\\n')"


def run(*line: str | Path, **options) -> None:
    done = subprocess.run([str(part) for part in line], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout, nor taken from what was left there."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", target, source)
    [built] = target.glob("course_utils-*.whl")
    return built


def empty_environment(folder: Path) -> Path:
    """Python of a new environment that can run notebooks, and has nothing else."""
    run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "ipykernel", "nbconvert")
    return python


def printed(cell) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_it_holds_every_file_of_the_package(wheel):
    package = {path.relative_to(ROOT).as_posix() for path in (ROOT / "course_utils").rglob("*")
               if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == package  # and nothing else: no grader, no set-up


def test_a_notebook_installs_it_and_runs_lab_1(wheel, tmp_path):
    python, folder = empty_environment(tmp_path / "environment"), tmp_path / "downloads"
    folder.mkdir()
    options = [*packages.cpu_options(), f"-c {ROOT / 'constraints.txt'}"]
    notebook = nbformat.read(LAB, as_version=4)
    install = nbformat.v4.new_code_cell(f"%pip install {' '.join(options)} {wheel}")
    notebook.cells = [install, *notebook.cells, nbformat.v4.new_code_cell(SAY_WHERE)]
    nbformat.write(notebook, folder / LAB.name)
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    run(python, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", LAB.name, cwd=folder,
        env=variables | {"COURSE_BUDGET": "small", "IPYTHONDIR": str(tmp_path / "ipython")})  # fmt: skip
    executed = nbformat.read(folder / LAB.name, as_version=4)
    first, *middle, last = [printed(cell) for cell in executed.cells if cell.cell_type == "code"]
    assert re.search("Successfully installed .*course-utils", first)
    package, prefix, torch = last.split()
    assert Path(prefix) == tmp_path / "environment"
    assert all(Path(place).is_relative_to(prefix) for place in (package, torch))
    *each, hand_in = [text for text in middle if "not done yet" in text]
    assert len(each) == hand_in.count("not done yet") == len(checks.exercises("lab1"))
