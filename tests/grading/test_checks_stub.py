"""What stands in place of the checks where submissions run: each can be imported, and notes its answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from course_grading.sandbox.box import GUEST, SPOKEN, copy_course

IMPORTS = """
from course_utils import checks
from course_utils.checks import lab1, lab2
import course_utils.checks.lab1
from course_utils.checks.lab2.train import train
checks.lab1.euler(print)
lab2.generate(None)
train(3)
checks.exercises("lab1")
lab1.euler.check(len)
checks.lab1.hand_in()
from guest import checked
print({name: checked.take().get(name) for name in ("euler",)}, checked.take())
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guest")
    copy_course(folder)
    return folder


def test_checks_are_imported_in_every_way_and_note_what_they_are_given(course: Path):
    line = [sys.executable, "-c", IMPORTS]
    done = subprocess.run(line, cwd=course, env={"PYTHONPATH": str(course)}, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "judged by the grader\n" * 6 + "{'euler': <built-in function len>} {}\n"


def test_no_oracle_and_no_mistake_is_copied(course: Path):
    copied = [path for path in (course / "course_utils" / "checks").rglob("*.py") if path.name not in SPOKEN]
    assert {path.read_text("utf-8") for path in copied} == {(GUEST / "checks_stub.py").read_text("utf-8")}
