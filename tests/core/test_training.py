"""Training: results against plain loops, and every way in which a training can stop."""

import inspect
import math
import re
import signal
import time
from itertools import islice

import pytest
import torch
from torch import nn

from course_utils.networks import MLP
from course_utils.training import (
    Checkpoint,
    History,
    MovingAverage,
    Recipe,
    announce_budget,
    budget,
    fit,
    trapezoid,
)


def square_loss(model, x, y):
    return (model(x) - y).square().mean()


def regression_batches(seed=0, size=16):
    generator = torch.Generator().manual_seed(seed)
    while True:
        x = torch.randn(size, 3, generator=generator)
        yield x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def quiet(*args, **options):
    return fit(*args, progress=False, **options)


def test_finds_the_least_squares_solution():
    model = linear()
    history = quiet(model, square_loss, regression_batches(), steps=400, lr=0.05, recipe=Recipe(weight_decay=0))
    torch.testing.assert_close(model.weight, torch.tensor([[1.0, -2.0, 0.5]]), atol=1e-3, rtol=0)
    torch.testing.assert_close(model.bias, torch.tensor([0.3]), atol=1e-3, rtol=0)
    assert history.steps == len(history.losses) == 400 and history.images == 400 * 16
    assert history.images_per_second == pytest.approx(6400 / history.seconds)
    assert not history.interrupted and not model.training


def test_same_steps_as_a_plain_loop_and_the_average_by_hand():
    """Weights, losses and moving average recomputed with torch's AdamW and the definition of the average."""
    steps, share = 30, 0.2
    model, seen = linear(), []
    history = quiet(
        model,
        square_loss,
        regression_batches(),
        steps=steps,
        lr=0.02,
        recipe=Recipe(weight_decay=0.1, average=share),
        callback=lambda step, model, history: seen.append(weights(model)),
    )

    twin = linear()
    average, losses = weights(twin), []
    optimizer = torch.optim.AdamW(twin.parameters(), 0.02, betas=(0.9, 0.99), weight_decay=0.1)
    factor = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: trapezoid(step, steps))
    for i, (x, y) in enumerate(islice(regression_batches(), steps)):
        loss = square_loss(twin, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        factor.step()
        losses.append(loss.item())
        k = min(1, 1 / (share * (i + 1)))
        average = [(1 - k) * a + k * w for a, w in zip(average, weights(twin), strict=True)]
        torch.testing.assert_close(seen[i], weights(twin))
    assert history.losses == pytest.approx(losses)
    torch.testing.assert_close(weights(model), average)


def test_moving_average_of_a_ramp():
    """With weight k at step k, the average over a share s of n steps tends to n / (1 + s): it lags by about s n."""
    model = nn.Linear(1, 1, bias=False)
    average = MovingAverage(model, 0.05)
    for k in range(1, 2001):
        model.weight.data.fill_(k)
        average.update(model)
    average.load_into(model)
    assert model.weight.item() == pytest.approx(2000 / 1.05, rel=2e-3)


def test_without_average_the_last_weights_stay():
    last = []
    model = linear()
    keep = lambda step, model, history: last.append(weights(model))  # noqa: E731
    quiet(model, square_loss, regression_batches(), steps=5, recipe=Recipe(average=None), callback=keep)
    torch.testing.assert_close(weights(model), last[-1], rtol=0, atol=0)


def test_trapezoid_has_three_straight_parts():
    factors = torch.tensor([trapezoid(k, 1000) for k in range(1000)]).double()
    torch.testing.assert_close(factors[:100], torch.arange(1, 101).double() / 100)
    assert (factors[100:401] == 1).all()
    torch.testing.assert_close(factors[400:], torch.linspace(1, 0.02, 601).double()[:600], atol=1e-6, rtol=0)
    assert all(0 < trapezoid(0, n) <= 1 for n in (1, 2, 5))
    assert trapezoid(1000, 1000) == pytest.approx(0.02)


def test_trapezoid_at_the_ends_of_its_arguments():
    """No warm-up, a fall from the first step to none, a fall to nothing."""
    steps = 50
    assert [trapezoid(k, steps, warmup=0, flat=1.0) for k in range(steps)] == [1.0] * steps
    triangle = [trapezoid(k, steps, warmup=0, flat=0.0, final=0.0) for k in range(steps + 1)]
    assert triangle == pytest.approx([1 - k / steps for k in range(steps + 1)])
    assert [trapezoid(k, steps, final=1.0) for k in range(10, steps)] == [1.0] * 40


@pytest.mark.parametrize(
    "arguments",
    [
        {"steps": 0}, {"steps": -5}, {"step": -1}, {"step": 11}, {"warmup": -1}, {"flat": -0.1},
        {"flat": 1.1}, {"flat": math.nan}, {"final": -0.1}, {"final": 1.1}, {"final": math.nan},
    ],
)  # fmt: skip
def test_trapezoid_refuses_what_is_out_of_range(arguments):
    with pytest.raises(ValueError, match="^expected"):
        trapezoid(**({"step": 3, "steps": 10} | arguments))


def test_callback_and_batches_of_one_tensor():
    calls = []
    model = MLP(2, 8, 1)
    loss = lambda model, z: model(z, torch.tensor(0.5)).square().mean()  # noqa: E731
    batches = ((torch.ones(4, 2),) for _ in range(3))
    quiet(model, loss, batches, steps=3, callback=lambda step, model, history: calls.append((step, history.steps)))
    assert calls == [(1, 1), (2, 2), (3, 3)]


def test_device_and_progress_bar(capsys):
    history = fit(linear(), square_loss, regression_batches(), steps=20, device="cpu")
    said = capsys.readouterr().err
    loss, speed = sum(history.losses) / 20, history.images_per_second
    assert "20/20" in said and f"loss={loss:.4g}, images/s={speed:,.0f}" in said
    assert re.search(r"\[\d\d:\d\d<\d\d:\d\d", said)  # time gone and time left


def test_the_bar_is_drawn_in_its_own_rhythm_however_fast_the_steps_are(capsys):
    began = time.perf_counter()
    fit(linear(), square_loss, regression_batches(), steps=2000)
    seconds = time.perf_counter() - began
    said = capsys.readouterr().err
    assert "2000/2000" in said and "loss=" in said
    assert said.count("\r") <= 4 + 10 * seconds  # ten a second at most; drawn with every loss it was 100 more


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite(bad):
    model, seen = linear(), []

    def loss(model, x, y):
        return square_loss(model, x, y) * (bad if len(seen) == 4 else 1)

    with pytest.raises(ValueError, match=r"loss is (nan|inf) at step 5"):
        quiet(model, loss, regression_batches(), steps=9, callback=lambda step, m, h: seen.append(weights(m)))
    torch.testing.assert_close(weights(model), seen[3], rtol=0, atol=0)
    assert not model.training


def test_a_gradient_that_is_not_finite():
    """sqrt(0) is finite, its derivative is not."""
    model = linear()
    before = weights(model)
    with pytest.raises(ValueError, match="gradient is (nan|inf) at step 1"):
        quiet(model, lambda m, x, y: (0 * m(x)).abs().sum().sqrt(), regression_batches(), steps=2)
    torch.testing.assert_close(weights(model), before, rtol=0, atol=0)


@pytest.mark.parametrize("by", ["button", "callback"])
@pytest.mark.parametrize("average", [0.05, None])
def test_an_interruption_leaves_model_and_history(average, by, ctrl_c):
    model, seen = linear(), []

    def stop(step, model, history):
        seen.append(weights(model))
        if step == 7 and by == "button":
            signal.raise_signal(signal.SIGINT)
        return step == 7 and by == "callback"

    history = quiet(model, square_loss, regression_batches(), steps=100, recipe=Recipe(average=average), callback=stop)
    assert history.interrupted and history.steps == 7 and not model.training
    twin = linear()
    expected = MovingAverage(twin, average or 1e-9)
    for values in seen:
        for p, value in zip(twin.parameters(), values, strict=True):
            p.data.copy_(value)
        expected.update(twin)
    torch.testing.assert_close(weights(model), expected.weights)


def noisy_loss(generator):
    """Draws from its own generator and from the global one, as losses with times and noise do."""
    return lambda model, x, y: square_loss(
        model, x + 0.1 * torch.randn(x.shape, generator=generator) + 0.1 * torch.randn(x.shape), y
    )


def run(path=None, stop=None, resume=False, model=None, **options):
    """A training of 40 steps, killed in the middle of step `stop`, with a checkpoint every 10."""
    generator = torch.Generator().manual_seed(5)
    model = model or linear()
    if resume:
        torch.manual_seed(99)
        generator.manual_seed(99)
    loss, done = noisy_loss(generator), []

    def killed(model, x, y):
        done.append(x)
        if len(done) == stop:
            raise SystemError("power cut")
        return loss(model, x, y)

    saving = Checkpoint(path, every=10, resume=resume, generator=generator) if path else None
    options = {"batches": regression_batches(), "steps": 40, "lr": 0.02, "checkpoint": saving} | options
    return model, quiet(model, killed, **options)


@pytest.mark.parametrize("stop", [5, 25, None])
def test_resumed_equals_uninterrupted(tmp_path, stop):
    """Killed before the first checkpoint, in the middle, and after the end."""
    model, history = run()
    path = tmp_path / "run" / "state.pt"
    if stop:
        with pytest.raises(SystemError):
            run(path, stop)
    else:
        run(path)
    if stop == 5:  # nothing was saved, so the seeds of a fresh start are needed
        again, resumed = run(path)
    else:
        again, resumed = run(path, resume=True)
    assert resumed.losses == pytest.approx(history.losses, rel=1e-6)
    torch.testing.assert_close(weights(again), weights(model))
    assert resumed.images == history.images and resumed.seconds > 0
    assert [p.name for p in path.parent.iterdir()] == ["state.pt"]


def test_resume_without_a_file_starts_anew(tmp_path):
    _, history = run(tmp_path / "state.pt", resume=True)
    assert history.steps == 40


OTHER = {
    "steps": ({"steps": 50}, "expected steps = 40, .* got 50"),
    "fewer steps": ({"steps": 30}, "expected steps = 40, .* got 30"),
    "lr": ({"lr": 0.03}, "expected lr = 0.02, .* got 0.03"),
    "weight decay": ({"recipe": Recipe(weight_decay=0.2)}, "expected weight_decay = 0.01, .* got 0.2"),
    "average": ({"recipe": Recipe(average=0.5)}, "expected average = 0.05, .* got 0.5"),
    "no average": ({"recipe": Recipe(average=None)}, "expected average = 0.05, .* got None"),
    "schedule": ({"recipe": Recipe(schedule=lambda step, steps: 1.0)}, r"expected schedule = \[.*, got \[1.0, "),
    "data": ({"batches": regression_batches(seed=1)}, "same data, seed and batch size"),
    "batch size": ({"batches": regression_batches(size=8)}, "same data, seed and batch size"),
    "too few batches": ({"batches": islice(regression_batches(), 10)}, "same data, seed and batch size"),
    "network": ({"model": nn.Linear(3, 1, bias=False)}, "not a checkpoint of this training"),
    "precision": ({"model": nn.Linear(3, 1).double()}, "not a checkpoint of this training"),
}


@pytest.mark.parametrize("options, message", OTHER.values(), ids=OTHER.keys())
def test_another_training_is_refused_before_anything_is_touched(tmp_path, options, message):
    """One rule for every option: whoever resumes repeats the call."""
    path = tmp_path / "state.pt"
    run(path)
    file, everywhere = path.read_bytes(), torch.get_rng_state()
    own = torch.Generator().manual_seed(3)
    stream = own.get_state()
    saving = Checkpoint(path, every=10, resume=True, generator=own)
    options = {"batches": regression_batches(), "steps": 40, "lr": 0.02} | options
    model = options.pop("model", None) or nn.Linear(3, 1)
    kept = weights(model)
    torch.set_rng_state(everywhere)
    with pytest.raises(ValueError, match=message):
        quiet(model, square_loss, checkpoint=saving, **options)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), kept, strict=True))
    assert torch.equal(torch.get_rng_state(), everywhere) and torch.equal(own.get_state(), stream)
    assert path.read_bytes() == file


@pytest.mark.parametrize("damage", ["cut", "other content", "a list", "a part missing"])
def test_files_that_are_no_checkpoints(tmp_path, damage):
    path = tmp_path / "state.pt"
    run(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "a part missing":
        state = torch.load(path, weights_only=True)
        del state["average"]
        torch.save(state, path)
    else:
        torch.save([1, 2] if damage == "a list" else {"weights": 3}, path)
    model = linear(7)
    kept = weights(model)
    with pytest.raises(ValueError, match="not a checkpoint of this training"):
        run(path, resume=True, model=model)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), kept, strict=True))


@pytest.mark.parametrize("place", ["folder", "below a file"])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_the_first_step(tmp_path, place):
    (tmp_path / "file").write_text("")
    path = tmp_path if place == "folder" else tmp_path / "file" / "state.pt"
    model = linear()
    kept = weights(model)
    with pytest.raises(ValueError, match="expected a file that can be written"):
        run(path, model=model)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), kept, strict=True))


def test_a_stop_at_the_last_step_is_no_interruption():
    history = quiet(linear(), square_loss, regression_batches(), steps=5, callback=lambda step, *_: step == 5)
    assert history.steps == 5 and not history.interrupted


def test_a_stop_at_a_saved_step_can_be_resumed(tmp_path):
    path = tmp_path / "state.pt"
    _, history = run(path, callback=lambda step, *_: step == 20)
    assert history.steps == 20 and history.interrupted
    model, resumed = run(path, resume=True)
    whole, expected = run()
    assert resumed.losses == pytest.approx(expected.losses, rel=1e-6) and not resumed.interrupted
    torch.testing.assert_close(weights(model), weights(whole))


def test_a_failed_save_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    run(path)
    before = path.read_bytes()

    def half(state, file):
        file.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        run(path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"steps": 0}, "steps of at least 1, got 0"),
        ({"steps": 5, "lr": 0.0}, "positive learning rate"),
        ({"steps": 5, "lr": math.nan}, "positive learning rate"),
        ({"steps": 5, "lr": math.inf}, "positive learning rate"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        quiet(linear(), square_loss, regression_batches(), **options)


@pytest.mark.parametrize("average", [0.0, -0.1, 1.5, math.nan])
def test_an_average_is_over_a_share_of_the_steps(average):
    with pytest.raises(ValueError, match="share of the steps"):
        Recipe(average=average)


@pytest.mark.parametrize("decay", [-0.1, math.nan, math.inf])
def test_a_weight_decay_is_not_negative(decay):
    with pytest.raises(ValueError, match="weight_decay of at least 0"):
        Recipe(weight_decay=decay)


def test_savings_are_at_least_a_step_apart(tmp_path):
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        Checkpoint(tmp_path / "state.pt", every=0)


def test_fit_has_ten_parameters():
    assert len(inspect.signature(fit).parameters) <= 10


def test_what_training_shows_of_itself_is_one_short_line(tmp_path):
    long = History(losses=[0.5] * 10_000, images=640_000, seconds=12.34, interrupted=True)
    assert repr(long) == "History(10,000 steps, last loss 0.5, 640,000 images in 12.3 s, interrupted)"
    assert repr(History()) == "History(0 steps, 0 images in 0.0 s)"
    assert repr(Recipe()) == "Recipe(schedule=trapezoid, weight_decay=0.01, average=0.05)"
    own = Checkpoint("a.pt", generator=torch.Generator())
    assert repr(own) == "Checkpoint(path='a.pt', every=500, resume=False)"
    assert repr(MovingAverage(linear(), 0.1)) == "MovingAverage(share=0.1, after 0 steps)"


def test_a_loss_is_one_number():
    with pytest.raises(ValueError, match=r"one number a batch, got shape \(16, 1\)"):
        quiet(linear(), lambda m, x, y: (m(x) - y).square(), regression_batches(), steps=1)


def test_batches_that_run_out():
    with pytest.raises(ValueError, match="expected 5 batches, one a step, but they ran out after 3"):
        quiet(linear(), square_loss, islice(regression_batches(), 3), steps=5)


def test_a_batch_that_is_no_tuple():
    with pytest.raises(TypeError, match=r"tuples \(z,\)"):
        quiet(linear(), square_loss, iter([torch.randn(16, 3)]), steps=1)


def test_budget(monkeypatch):
    monkeypatch.delenv("COURSE_BUDGET", raising=False)
    assert budget(100, 5) == 100
    for name, expected in (("full", 100), ("small", 5)):
        monkeypatch.setenv("COURSE_BUDGET", name)
        assert budget(100, 5) == expected
    monkeypatch.setenv("COURSE_BUDGET", "tiny")
    with pytest.raises(ValueError, match="'tiny'"):
        budget(100, 5)


def test_a_trial_run_says_that_the_text_is_of_another(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_BUDGET", "full")
    announce_budget()
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("COURSE_BUDGET", "small")
    announce_budget()
    assert "in the text are those of a full run" in capsys.readouterr().out


def test_an_empty_history():
    assert History().steps == 0 and History().images_per_second == 0.0
