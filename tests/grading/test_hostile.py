"""Nobody gets points that are not deserved without being flagged, and of hidden inputs nobody reads more than a bit."""

import re

import pytest

from course_grading import verdicts
from course_grading.judge import close_sandbox
from course_grading.model import Outcome
from tests.support.attacks import SEED, grade
from tests.support.honest_class import RIGHT, Sheet
from tests.support.hostile import IN_PLACE, TELLS, TRIES, WITHIN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def closed():
    yield
    close_sandbox()


@pytest.mark.parametrize("patched", IN_PLACE)
def test_an_answer_that_changes_its_input_earns_nothing_or_is_flagged(patched: str):
    outcome = grade(IN_PLACE[patched](Sheet()).packed())
    assert outcome.answers[1].points == 0 or any("tampered" in flag for flag in outcome.flags)


@pytest.mark.parametrize(("result", "points"), [(RIGHT, 2), ("x", 0), (f"{RIGHT} + 1e-6", 0)])
def test_who_hides_what_a_call_changed_earns_nothing_by_wrong_values(result: str, points: int):
    """The limit that `docs/architecture.md` tells: only the process itself knows what became of its inputs."""
    assert grade(Sheet().write(WITHIN.replace("RESULT", result)).packed()).answers[1].points == points


def read(outcome: Outcome) -> list[tuple]:
    """What a student reads, apart from whether an answer is right."""
    parts = [(answer.status, answer.message, answer.mistake) for answer in outcome.answers]
    return [("one bit",) if part in (("right", "", None), ("wrong", verdicts.HIDDEN, None)) else part for part in parts]


@pytest.mark.parametrize("how", TELLS)
def test_of_hidden_inputs_a_student_reads_one_bit(how: str):
    one, other = (grade(TELLS[how](Sheet()).packed(), seed=SEED + i) for i in range(2))
    assert read(one) == read(other) and one.printed == other.printed
    assert "told True" not in "".join(one.printed.values())


DESERVED = {
    "one answer there, another at the end": "is right after all cells, but was not where it was checked",
    "an answer that knows which call it is": "is right after all cells, but was not where it was checked",
    "a thread that reads the channels": "ended the process|disturbed|did not end|tampered",
    "one that ends the copies": "ended the process",
    "a check that notes something else": "",
}
"""What earns points or costs others theirs, with a pattern of the flag; else 1.2 alone earns nothing."""


@pytest.mark.parametrize("how", TRIES)
def test_other_ways_to_points_lead_nowhere_or_are_flagged(how: str):
    outcome = grade(TRIES[how](Sheet()).packed())
    if how in DESERVED:
        assert not DESERVED[how] or any(re.search(DESERVED[how], flag) for flag in outcome.flags), outcome.flags
    else:
        assert [answer.points for answer in outcome.answers] == [2, 0, 2, 2, 2, 2, 1], outcome.answers
