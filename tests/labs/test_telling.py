"""No sentence of a check tells the answer; and one that did would be seen."""

import ast
import functools
import json
from pathlib import Path

import pytest

from course_utils import checks
from tests.support import telling

SOLUTIONS = Path(__file__).parents[2] / "solutions"
EXERCISES = [(lab, e) for lab in checks.LABS for e in checks.exercises(lab).values()]
WITH_INPUTS = [(lab, e) for lab, e in EXERCISES if e.draw(1)]
each = pytest.mark.parametrize("lab, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])
each_with_inputs = pytest.mark.parametrize("lab, exercise", WITH_INPUTS, ids=[e.name for _, e in WITH_INPUTS])


@functools.cache
def cells(lab):
    notebook = next(SOLUTIONS.glob(f"{lab}_*/*.ipynb"))
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_text("utf-8"))["cells"]]


def answers_of(lab, exercise):
    """The two right answers that there are in writing, and the text of the exercise."""
    asked = next(cell for cell in cells(lab) if cell.startswith(f"### Exercise {exercise.number} "))
    return [telling.function_of(exercise.oracle), telling.solution_of(cells(lab), exercise.name)], asked


@each
def test_the_answer_is_never_told(lab, exercise):
    answers, asked = answers_of(lab, exercise)
    assert [said for m in exercise.mistakes + exercise.pairs for said in telling.told(m.message, answers, asked)] == []


@each_with_inputs  # without any, the answer is a number, and no formula
def test_a_sentence_that_tells_the_answer_is_seen(lab, exercise):
    answers, asked = answers_of(lab, exercise)
    for answer in answers:
        nodes = [node for line in answer.body for node in ast.walk(line) if isinstance(node, ast.expr)]
        code = max((ast.unparse(node) for node in nodes if not isinstance(node, ast.Constant | ast.Tuple)), key=len)
        for sentence in (f"write `{code}`.", f"it is {code.replace(' * ', ' ').replace('**', '^')}: see?"):
            assert telling.told(sentence, answers, asked), sentence


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("langevin_drift", "the drift is sigma^2 / 2 score(x)."),
        ("heun_step", "use simulators.heun_step."),
        ("euler_maruyama_step", "it is x + h drift + diffusion dw."),
        ("ornstein_uhlenbeck", "torch.full_like(x, sigma) has the right shape."),
    ],
)
def test_the_formula_on_paper_a_function_that_does_it_and_the_package_s_own_are_seen(name, sentence):
    assert telling.told(sentence, *answers_of("lab1", checks.exercises("lab1")[name]))
