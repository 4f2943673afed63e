"""What students get holds no solution, no grader and no seed."""

import io
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from course_grading.handout import FILES, FOLDERS, WORKFLOW, student_zip, write_student_zip
from course_grading.intake.checkin import check_in
from course_grading.labs import released
from course_utils.notebooks.fresh import ARCHIVE
from tests.support.grading_class import LAB, ROOT

OTHER = "lab2_flow_matching"


@pytest.fixture(scope="module")
def handed_out():
    with zipfile.ZipFile(io.BytesIO(student_zip())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_archive_is_the_same_twice(tmp_path):
    assert student_zip() == student_zip()
    for path in ("labs", "solutions", "docs/classroom", *FOLDERS):
        shutil.copytree(ROOT / path, tmp_path / path, copy_function=shutil.copyfile)
    for path in FILES:
        shutil.copyfile(ROOT / path, tmp_path / path)
    assert write_student_zip(tmp_path).read_bytes() == student_zip()


def test_it_holds_what_students_need(handed_out):
    needed = ["README.md", "course.py", "pyproject.toml", "constraints.txt", "environment.yml"]
    package = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    needed += [path.relative_to(ROOT).as_posix() for path in package if "__pycache__" not in path.parts]
    needed += [path.relative_to(ROOT).as_posix() for path in (ROOT / "labs").glob("*/*.ipynb")]
    assert {f"course/{name}" for name in needed} <= set(handed_out)


def test_on_github_it_checks_itself_with_no_right_but_to_read(handed_out):
    assert handed_out["course/.github/workflows/check.yml"] == (ROOT / WORKFLOW).read_bytes()
    workflow = yaml.safe_load(handed_out["course/.github/workflows/check.yml"])
    assert workflow["permissions"] == {"contents": "read"} and workflow[True] == "push"  # YAML reads `on` as True
    assert [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step] == ["python course.py check"]
    assert "secrets" not in str(workflow)


def test_repositories_of_a_class_can_be_graded(handed_out, tmp_path):
    """As `gh classroom clone` leaves them: a folder a student, with the whole archive in it."""
    for student in ("lab1-ada", "lab1-bo"):
        for name in ("README.md", ARCHIVE, *(f"labs/{lab}/{lab}.ipynb" for lab in (LAB, OTHER))):
            path = tmp_path / "clones" / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(handed_out[f"course/{name}"] + b" " * (student == "lab1-bo"))
        (tmp_path / "clones" / student / ".git").mkdir()
        (tmp_path / "clones" / student / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    found = check_in(tmp_path / "clones", tmp_path / "class", LAB, released())
    assert (found.rows, found.empty, found.nameless) == (("ada", "bo"), (), ())
    kept = tmp_path / "class" / "submitted" / "bo" / LAB / f"{LAB}.ipynb"
    assert kept.read_bytes() == handed_out[f"course/labs/{LAB}/{LAB}.ipynb"] + b" "


def test_it_holds_no_solution_and_nothing_of_a_class(handed_out):
    parts = {part for name in handed_out for part in name.split("/")}
    absent = {"solutions", "tests", "course_grading", "benchmarks", "submitted", "autograded", "gradebook.db"}
    assert not parts & {*absent, "run.json", "dist", ".git"}
    notebooks = [data for name, data in handed_out.items() if name.endswith(".ipynb")]
    assert notebooks and not any(b"BEGIN SOLUTION" in data for data in notebooks)


def test_it_runs_where_it_is_unpacked(handed_out, tmp_path):
    for name, data in handed_out.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for line, said in {
        ("course.py", "--help"): "python course.py lab",
        ("-c", "import course_utils; print(course_utils.__file__)"): str(tmp_path),
    }.items():
        options = {"cwd": tmp_path / "course", "capture_output": True, "text": True, "check": True}
        assert said in subprocess.run([sys.executable, *line], **options).stdout


def test_without_labs_nothing_is_handed_out(tmp_path):
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions", copy_function=shutil.copyfile)
    with pytest.raises(ValueError, match="found none: run release"):
        student_zip(tmp_path)
