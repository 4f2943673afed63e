"""Honest work earns what its kernel's checks say, wherever a helper stands and whatever a function is made of."""

import pytest

from course_grading.judge import close_sandbox
from tests.support.attacks import grade
from tests.support.grading_class import FULL
from tests.support.honest_class import CLASS, notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    close_sandbox()


@pytest.mark.parametrize("name", CLASS)
def test_an_honest_student_earns_all_points(name: str):
    outcome = grade(notebook(name))
    assert outcome.points == FULL, [a for a in outcome.answers if a.status != "right"]
    if name.startswith("a wrong version"):
        assert any("answer of 1.2 is right" in flag for flag in outcome.flags), outcome.flags
    assert outcome.reason is None and not any("tampered" in flag or "ended" in flag for flag in outcome.flags)
