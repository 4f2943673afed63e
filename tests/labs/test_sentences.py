"""What a call left changed is seen and told, and so is an answer that cannot be called as the exercise asks."""

import warnings

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed, sentences
from course_utils.checks.calling import observe
from course_utils.checks.exercise import Exercise
from course_utils.checks.inputs import Normal, affine_model
from course_utils.checks.observers import LossAndGradient
from course_utils.checks.sentences import LEFT, left_changed, not_repeatable, unfit

langevin = checks.lab1.langevin_drift


def right(x):
    return 2 * x


def in_place(x):
    x.zero_()


def reshaped(x):
    x.unsqueeze_(0)


def gradients_on(x):
    x.requires_grad_()


def gradients_left(x):
    x.requires_grad_()
    (x**2).sum().backward()
    x.requires_grad_(False)


def seeded(x):
    torch.manual_seed(3)
    torch.randn(2)


def other_default(x):
    torch.set_default_dtype(torch.float16)


def no_gradients(x):
    torch.set_grad_enabled(False)


CHANGES = {
    in_place: ["x"],
    reshaped: ["x"],
    gradients_on: ["x.requires_grad"],
    gradients_left: ["x.grad"],
    seeded: ["torch.seed"],
    other_default: ["torch.dtype"],
    no_gradients: ["torch.grad"],
    right: [],
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda fn: fn.__name__)
def test_what_a_call_leaves_changed_is_seen_and_nothing_else(change):
    def answer(x):
        change(x)
        return torch.ones(2)

    assert observe(answer, {"x": torch.ones(3, 2)}).changed == CHANGES[change]


def test_settings_and_random_numbers_are_as_they_were_after_a_check():
    before = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state()
    for change in CHANGES:
        observe(lambda x, change=change: (change(x), torch.randn(2))[1], {"x": torch.ones(3, 2)})
    assert before[:2] == (torch.get_default_dtype(), torch.is_grad_enabled())
    assert torch.equal(before[2], torch.get_rng_state())


def backward(model, x):
    model(x, 0.5).sum().backward()


def evaluation(model, x):
    model.eval()


def other_weights(model, x):
    model.offset.data += 1


MODELS = {backward: "model.grad", evaluation: "model.training", other_weights: "model"}


@pytest.mark.parametrize("change", MODELS, ids=lambda fn: fn.__name__)
def test_what_a_call_leaves_in_a_model_is_seen(change):
    def answer(model, x):
        loss = model(x, 0.5).square().sum()
        change(model, x)
        return loss

    case = {"model": affine_model(Normal(1), 2), "x": torch.ones(3, 2, dtype=torch.float64)}
    assert observe(answer, case, LossAndGradient()).changed == [MODELS[change]]


def test_training_may_change_its_model(capsys):
    checks.lab2.train(checks.lab2.train.oracle)
    assert "right" in capsys.readouterr().out


def test_drawing_a_number_that_is_not_used_is_no_crime(capsys):
    def answer(score, x, sigma):
        torch.rand(3)
        return langevin.oracle(score, x, sigma)

    langevin(answer)
    assert "right" in capsys.readouterr().out


def test_every_change_has_a_sentence_and_what_is_none_has_not():
    case = {"x": torch.ones(1)}
    known = [kind if kind.startswith("torch") else f"x.{kind}".rstrip(".") for kind in LEFT]
    assert len({left_changed(what, case) for what in known}) == len(LEFT)
    for what in ("y", "x.colour", "torch", "torch.x", "", "y.grad"):
        with pytest.raises(KeyError):
            left_changed(what, case)


def test_what_may_have_been_drawn_anew_is_asked():
    assert "(t and noise)" in not_repeatable({"z": torch.ones(2), "t": torch.ones(2), "noise": torch.ones(2)})
    assert not_repeatable({"x": torch.ones(2), "t": torch.tensor(0.5)}).endswith(
        "nothing may be random here. Is noise drawn, or added, that is not asked for?"
    )
    assert "are letters drawn?" in not_repeatable({"x": torch.ones(2)}, whole=True)


NO_ANSWERS = {
    "expected your function itself, got a Tensor": torch.ones(3),
    "expected your function itself, got None": None,
    r"takes \(a, b\), but the exercise calls it with \(score, x, sigma\)": lambda a, b: a,
    r"takes \(x, score, sigma\), in another order than \(score, x, sigma\)": lambda x, score, sigma: x,
}


@pytest.mark.parametrize("words", NO_ANSWERS)
def test_what_cannot_be_called_as_the_exercise_asks_is_told_and_not_called_raised(words):
    with pytest.raises(CheckFailed, match=words) as failure:
        langevin(NO_ANSWERS[words])
    assert "raised" not in str(failure.value)


@pytest.mark.parametrize("fn", [lambda score, x, sigma, more=1: x, lambda *all: all, lambda a, b, c: a, max])
def test_what_can_be_called_is_not_refused(fn):
    assert unfit(fn, ["score", "x", "sigma"]) is None


def complex_numbers(score, x, sigma):
    return langevin.oracle(score, x, sigma) * (1 + 0j)


def test_complex_results_are_named_and_nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CheckFailed, match="All numbers here are real: where do complex ones come in"):
            langevin(complex_numbers)


def test_backward_inside_of_the_loss_is_told_as_that():
    def answer(model, schedule, z, t, noise):
        loss = checks.lab2.flow_matching_loss.oracle(model, schedule, z, t, noise)
        loss.backward()
        return loss

    with pytest.raises(CheckFailed, match=r"left gradients in model \(\.grad\)") as failure:
        checks.lab2.flow_matching_loss(answer)
    assert "raised" not in str(failure.value)


def test_a_loss_that_was_overwritten_is_not_blamed_on_the_function():
    def answer(model, schedule, z, t, noise):
        u = model(z, t).exp()
        loss = u.sum()
        u.data.zero_()
        u.detach_().requires_grad_()
        w = model(z, t).exp()
        loss = (w * w).sum()
        with torch.no_grad():
            w += 1
        return loss

    with pytest.raises(CheckFailed, match="what your function returned cannot be used: RuntimeError"):
        checks.lab2.flow_matching_loss(answer)


def test_a_line_of_a_library_is_not_called_the_student_s():
    @torch.no_grad()
    def answer(score, x, sigma):
        return [][1]

    with pytest.raises(
        CheckFailed, match=r"raised IndexError: list index out of range in your line \d+, `return \[\]\[1\]`"
    ):
        langevin(answer)
    with pytest.raises(CheckFailed, match="raised") as failure:
        langevin(torch.vmap(torch.sqrt, in_dims=(None, 0, None)))
    assert "your line" not in str(failure.value)


def test_a_check_that_is_stopped_names_the_line():
    def answer(score, x, sigma):
        raise KeyboardInterrupt

    with pytest.raises(CheckFailed, match=r"1\.6 Langevin drift: stopped in your line \d+, `raise KeyboardInterrupt`"):
        langevin(answer)


def test_a_check_that_takes_long_says_how_to_stop_it(monkeypatch, capsys):
    import threading

    said = threading.Event()

    class Timer(threading.Timer):
        def run(self):
            super().run()
            said.set()

    def answer(score, x, sigma):
        assert said.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(sentences, "PATIENCE", 0.0)
    monkeypatch.setattr(threading, "Timer", Timer)
    with pytest.raises(CheckFailed, match="stopped"):
        langevin(answer)
    assert "still running. Is there a loop that never ends? To stop it, press ■, or I twice." in capsys.readouterr().out


def test_the_cause_of_several_cases_is_the_mistake_that_explains_all_of_them():
    exercise = Exercise(right, "9.9", "Twice", 1)
    exercise.inputs(lambda normal: {"x": torch.full((2,), float(normal.seed))})
    exercise.mistake("at 2 this is the same as adding 4.")(lambda x: 3 * x)
    exercise.mistake("4 is added.")(lambda x: x + 4)
    cases = [exercise.draw(seed) for seed in (2, 5)]
    pairs = [(case, exercise.observe(lambda x: x + 4, case)) for case in cases]
    assert exercise.cause(pairs[:1]).message == "at 2 this is the same as adding 4."
    assert exercise.cause(pairs).message == "4 is added."
    assert exercise.cause([(case, exercise.observe(lambda x: x - 1, case)) for case in cases]) is None
