"""The nouns of grading: an outcome survives its file, and nothing else is taken for one."""

import json

import pytest

from course_grading.labs import read_lab
from course_grading.model import Answer, Limits, Outcome, Status, from_json, natural, to_json
from tests.support.grading_class import LAB

ANSWER = Answer("euler", "1.1", "Euler – é", 1.5, 2, Status.RIGHT, mistake=None, cell="c")
OUTCOME = Outcome("Zoë", LAB, (ANSWER,), ("f",), "why", {"c": "\x00 <b>"}, 0.25, ("w",), False)


def test_an_outcome_survives_json_and_nothing_else_is_taken_for_one():
    text = to_json(OUTCOME)
    assert from_json(text, Outcome) == OUTCOME
    data = json.loads(text)
    answer = data["answers"][0]
    broken = [
        data | {"more": 1}, {k: v for k, v in data.items() if k != "lab"}, data | {"answers": {}},
        data | {"flags": "f"}, data | {"answers": [answer | {"status": "fine"}]}, data | {"student": 3},
        data | {"flags": [1]}, data | {"answers": [answer | {"points": "2"}]}, data | {"printed": {"a": 1}}, [], None,
        3, data | {"answers": [answer | {"max_points": True}]}, data | {"answers": [3]}, data | {"final": "no"},
        data | {"answers": [answer | {"more": 1}]}, data | {"answers": [{}]},
    ]  # fmt: skip
    for one_of_them in [*map(json.dumps, broken), "", "{", "[" * 100_000, b"\xff"]:
        with pytest.raises(ValueError, match="expected Outcome as the grader writes it"):
            from_json(one_of_them, Outcome)


def test_points_are_summed_and_flags_stand_once():
    two = Outcome("Zoë", LAB, (ANSWER, ANSWER), ("f", "g"))
    assert (two.points, two.max_points) == (3.0, 4)
    assert two.flagged(("late", "g")).flags == ("late", "g", "f")


@pytest.mark.parametrize("status", ["right", "fine", None, 1])
def test_a_status_is_no_text(status):
    with pytest.raises(ValueError, match="expected a Status"):
        Answer("euler", "1.1", "Euler", 0.0, 2, status)


def test_what_could_not_be_run_has_every_exercise_and_no_points():
    lab = read_lab(LAB)
    judged = [task for task in lab.tasks if task.exercise]
    outcome = lab.ungraded("bo", "no notebook")
    assert [a.exercise for a in outcome.answers] == [task.exercise for task in judged]
    assert [f"{a.number} {a.title}" for a in outcome.answers] == [task.label for task in judged]
    assert {a.status for a in outcome.answers} == {Status.MISSING} and outcome.points == 0 and outcome.final
    assert outcome.max_points == sum(task.points for task in judged) < lab.points


@pytest.mark.parametrize("field", ["cell_seconds", "memory", "cases", "processes"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "3", None])
def test_limits_are_numbers_that_allow_something(field, value):
    with pytest.raises(ValueError, match=field):
        Limits(**{field: value})


def test_numbers_of_exercises_and_labs_are_in_the_order_of_people():
    names = ["1.1", "1.2", "1.9", "1.10", "1.11", "2.1", "10.1", "Question 2", "Question 10", "lab2_x", "lab10_x", "²"]
    assert sorted(reversed(names), key=natural) == names
    assert sorted(["lab1", "", "1", "a1b", "a"], key=natural) == ["", "1", "a", "a1b", "lab1"]
