"""What a kept outcome depends on: the lab's notebook, its checks and what all checks share, but no other lab."""

import shutil
from pathlib import Path

import pytest

from course_grading.labs import read_lab
from course_utils import checks

LAB = "lab1_simulation"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the checks that may be changed; the hash is taken of it."""
    copy = shutil.copytree(Path(checks.__file__).parent, tmp_path / "checks")
    monkeypatch.setattr(checks, "__file__", str(copy / "__init__.py"))
    return copy


@pytest.mark.parametrize(
    ("changed", "valid"),
    [
        ("lab5/ddim_step.py", True),
        ("lab2/train.py", True),
        ("lab1/euler.py", False),
        ("lab1/__init__.py", False),
        ("exercise.py", False),
        ("calling.py", False),
        ("mistakes.py", False),
    ],
)
def test_a_changed_comment_makes_only_outcomes_of_that_lab_invalid(folder: Path, changed: str, valid: bool):
    before = read_lab(LAB).rules
    (folder / changed).parent.mkdir(exist_ok=True)
    with (folder / changed).open("a", encoding="utf-8") as file:
        file.write("# another comment\n")
    assert (read_lab(LAB).rules == before) is valid
