"""What is said of one call: observers as data, and which error is an unfinished stub."""

import ast
import json
from pathlib import Path

import pytest
import torch

from course_grading.sandbox.guest import answers
from course_grading.sandbox.guest.messages import Failed, Failure
from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.calling import observe
from course_utils.checks.observers import (
    OBSERVERS,
    Also,
    Angles,
    AnswerError,
    DriftAndDiffusion,
    LossAndGradient,
    Number,
    PointsAndImages,
    Returned,
    Several,
    StandingStill,
    Training,
    WithGradients,
    pack_observer,
    unpack_observer,
)
from course_utils.distributions import Empirical

EXAMPLES = [
    Returned(),
    Number(),
    LossAndGradient(),
    DriftAndDiffusion(),
    Several("alpha", "beta"),
    Also(Returned(), "t=0", "t_next=1, schedule=linear"),
    Also(PointsAndImages(LossAndGradient()), "t=1"),
    PointsAndImages(),
    PointsAndImages(Several("x", "velocity")),
    Training(),
    WithGradients("x", "block"),
    StandingStill(),
    Angles(),
    Angles(Several("x", "velocity")),
]
X = {"x": torch.ones(3, 2)}


def test_every_kind_of_observer_has_an_example():
    assert {type(example).__name__ for example in EXAMPLES} == set(OBSERVERS)


@pytest.mark.parametrize("observer", EXAMPLES, ids=repr)
def test_an_observer_is_the_same_after_a_journey_as_text(observer):
    found = unpack_observer(json.loads(json.dumps(pack_observer(observer))))
    assert found == observer and hash(found) == hash(observer) and found.wanted == observer.wanted
    assert sum(found == other for other in EXAMPLES) == 1


def test_an_unknown_observer_is_no_observer():
    with pytest.raises(KeyError):
        unpack_observer({"observer": "Observer", "parts": []})


def test_what_is_wanted_is_told_in_words():
    wanted = {str(observer): observer.wanted for observer in EXAMPLES}
    assert wanted[str(Several("alpha", "beta"))] == "the tuple (alpha, beta)"
    assert wanted[str(PointsAndImages(Several("x", "velocity")))] == "the tuple (x, velocity)"
    assert len(set(wanted.values())) == 7  # one tensor is wanted by five of them, a loss by two


@pytest.mark.parametrize("lab", checks.LABS)
def test_every_exercise_reads_its_results_in_a_way_that_can_be_sent(lab):
    for exercise in checks.exercises(lab).values():
        assert unpack_observer(pack_observer(exercise.sees)) == exercise.sees


# an unfinished stub, and the same error from elsewhere


def stub(*arguments):
    raise NotImplementedError


def helped(*arguments):
    return stub(*arguments)


def through_the_package(x):
    return Empirical(torch.zeros(2, 2)).log_prob(x)


def with_words(*arguments):
    raise NotImplementedError("no power")


def in_a_notebook(source: str):
    """The function `answer` of a cell."""
    space = {"__name__": "__main__", "torch": torch, "Empirical": Empirical}
    exec(compile(source, "<ipython-input-3>", "exec"), space)
    return space["answer"]


UNFINISHED = [
    stub,
    helped,  # by another function of the student's that is not written yet
    in_a_notebook("def answer(*arguments):\n    raise NotImplementedError"),
    in_a_notebook("def answer(*arguments):\n    raise NotImplementedError()"),
]
NOT_UNFINISHED = [
    through_the_package,
    with_words,
    in_a_notebook("def answer(x):\n    return Empirical(torch.zeros(2, 2)).log_prob(x)"),
    in_a_notebook("def answer(x):\n    return torch.distributions.Distribution(validate_args=False).log_prob(x)"),
]


@pytest.mark.parametrize("fn", UNFINISHED)
def test_a_stub_is_not_done_yet(fn, capsys):
    with pytest.raises(NotImplementedError):
        observe(fn, X)
    assert answers.call(fn, X, Returned()) == Failed(Failure.NOT_DONE)
    checks.lab1.langevin_drift(fn)
    assert "not done yet" in capsys.readouterr().out


@pytest.mark.parametrize("fn", NOT_UNFINISHED)
def test_the_same_error_from_the_package_is_an_error(fn):
    with pytest.raises(AnswerError, match="your function raised NotImplementedError"):
        observe(fn, X)
    reply = answers.call(fn, X, Returned())
    assert (reply.failure, reply.error.kind) == (Failure.RAISED, "NotImplementedError")


def test_an_answer_that_meets_the_package_s_own_stub_fails_the_check(capsys):
    with pytest.raises(CheckFailed, match="raised NotImplementedError.*in your line"):
        checks.lab1.langevin_drift(lambda score, x, sigma: through_the_package(x))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["calling", "families", "layers", "observers", "plans", "results"])
def test_what_runs_beside_answers_imports_neither_oracles_nor_mistakes(name):
    source = (Path(checks.__file__).parent / f"{name}.py").read_text("utf-8")
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    taken = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and "checks" in node.module}
    assert taken <= {f"course_utils.checks.{name}" for name in ("families", "layers", "observers", "plans", "results")}
    assert not any("checks" in ast.unparse(node) for node in nodes if isinstance(node, ast.Import))


# calls with changed arguments, and gradients


def test_a_call_is_repeated_with_every_change_of_its_arguments():
    def answer(a, b, t, w):
        return t * a + w * b(torch.tensor([2.0, 2.0]), t)

    arguments = {"a": torch.ones(2), "b": lambda x, t: x, "t": torch.tensor([3.0, 4.0]), "w": 2.5}
    seen = Also(Returned(), "t=0", "w=0, t=its first", "t=a", "b=at rest")(answer, arguments)
    assert {name: value.tolist() for name, value in seen.items()} == {
        "result": [8.0, 9.0],
        "result for t = 0": [5.0, 5.0],
        "result for w = 0, t = its first": [3.0, 3.0],
        "result for t = a": [6.0, 6.0],
        "result for b = at rest": [3.0, 4.0],
    }
    assert arguments["t"].tolist() == [3.0, 4.0]


@pytest.mark.parametrize("lost", [None, "x", "layer"])
def test_gradients_are_read_and_are_0_where_they_are_lost(lost):
    layer = torch.nn.Linear(2, 1).double()

    def answer(x, layer):
        factor = layer.weight.detach() if lost == "layer" else layer.weight
        return (x.detach() if lost == "x" else x) * factor

    x = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    seen = WithGradients("x", "layer")(answer, {"x": x, "layer": layer})
    weights = torch.tensor([1.0, 2.0], dtype=torch.float64)
    zero = torch.zeros(2, dtype=torch.float64)
    assert torch.equal(seen["gradient in x"], zero if lost == "x" else weights * layer.weight[0])
    wanted = zero if lost == "layer" else weights * x[0]
    assert torch.equal(seen["gradient in layer"], torch.cat([wanted, zero[:1]]))  # the bias is not used
    assert not x.requires_grad
