"""Python files beside the notebook are where its cells import them, and nothing but a part of the submission."""

from dataclasses import replace

import pytest

from course_grading.judge import close_sandbox, judge
from course_grading.model import Outcome
from course_grading.notebook import read
from tests.support.attacks import LAB, LIMITS, SEED
from tests.support.grading_class import FULL
from tests.support.honest_class import ANSWER, MEAN, RIGHT, SIGNATURE, USES_MEAN, Sheet

pytestmark = pytest.mark.slow
IMPORTS = f"from my_helpers import mean\n{USES_MEAN}"


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    close_sandbox()


def grade(sheet: Sheet, **modules: str) -> Outcome:
    files = {f"{name}.py": text.encode() for name, text in modules.items()}
    notebook = replace(read(sheet.packed()), modules=files)
    return judge(notebook, student="student", lab=LAB, seed=SEED, limits=LIMITS)


HONEST = {
    "a function": (IMPORTS, {"my_helpers": MEAN}),
    "a module": (f"import my_helpers\n{USES_MEAN.replace('mean(', 'my_helpers.mean(')}", {"my_helpers": MEAN}),
    "a module of a module": (IMPORTS, {"my_helpers": "from deeper import *\n" + MEAN, "deeper": "half = 0.5\n"}),
    "a whole answer": ("from my_helpers import heun_step\n", {"my_helpers": f"{SIGNATURE}return {RIGHT}\n"}),
    "run": (f"%run my_helpers.py\n{USES_MEAN}", {"my_helpers": MEAN}),
    "after a cell that ends the process": (IMPORTS, {"my_helpers": MEAN}),
    "of an odd text": (IMPORTS, {"my_helpers": MEAN + "text = '''{name!r} \\\\ \" \\' é'''\n"}),
}  # fmt: skip


@pytest.mark.parametrize("what", HONEST)
def test_what_stands_in_a_file_beside_counts(what: str):
    source, modules = HONEST[what]
    sheet = Sheet().write(source)
    if "ends" in what:
        sheet.last("import os\nos._exit(1)")
    outcome = grade(sheet, **modules)
    assert outcome.points == FULL, outcome.answers[1]
    assert not any("tampered" in flag or "package" in flag for flag in outcome.flags)


def test_without_the_file_it_does_not():
    assert grade(Sheet().write(IMPORTS)).answers[1].points == 0


def test_a_file_that_takes_the_packages_own_is_flagged():
    helpers = "from course_utils import simulators\ndef mean(a, b):\n    simulators.heun_step\n    return (a + b) / 2\n"
    flags = grade(Sheet().write(IMPORTS), my_helpers=helpers).flags
    assert "answer of 1.2 uses the package's own simulators.heun_step" in flags


HOSTILE = {
    "torch": "raise SystemExit",
    "guest": "raise SystemExit",
    "msgspec": "import os\nos._exit(1)",
    "my_helpers": "while True:\n    pass",
    "confine": "import os\nos._exit(1)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_harms_nobody_but_its_owner(name: str):
    outcome = grade(Sheet().below(ANSWER, "from importlib import reload"), **{name: HOSTILE[name]})
    assert outcome.points == FULL and outcome.reason is None


def test_the_next_submission_finds_none_of_it():
    grade(Sheet().write(IMPORTS), my_helpers=MEAN)
    look = "import glob, importlib.util\nprint(glob.glob('*.py'), importlib.util.find_spec('my_helpers'))"
    assert "[] None" in "".join(grade(Sheet().last(look)).printed.values())
