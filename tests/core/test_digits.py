"""The generator of Lab 4 against its parts, its judgement against scipy, its file, and the commands about it."""

import json
import sys
from copy import deepcopy
from functools import cache

import numpy as np
import pytest
import scipy.linalg
import torch
from PIL import Image

from course_utils import __main__ as command
from course_utils import data, digits
from course_utils.classifier import digit_classifier
from course_utils.digits import Plan, files, model, older, runs, training
from course_utils.distributions import Checkerboard, fit_class_mixtures
from course_utils.guidance import classifier_free
from course_utils.networks import Autoencoder, Residual, ResidualScale, UNet
from course_utils.paths import GaussianPath, marginal
from course_utils.processes import FlowSDE
from course_utils.schedules import Linear
from course_utils.simulators import midpoint_step, simulate
from course_utils.storage import beside
from course_utils.training import History
from course_utils.weights import read_tensors, save_tensors, save_weights

pytestmark = pytest.mark.slow

FEW = 120


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


MNIST = data.mnist


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    """A data set of a few real digits, so that everything is quick."""
    whole = {split: data.mnist(split, source="offline") for split in ("train", "test")}

    def mnist(split="train", source="auto"):
        if source == "full":
            raise ConnectionError("the full MNIST could not be fetched.")
        found = whole[split]
        return data.Digits(found.images[:FEW], found.labels[:FEW], found.source)

    monkeypatch.setattr(data, "mnist", mnist)


@pytest.fixture(scope="module")
def untrained():
    few = data.mnist("train", source="offline")
    return digits.digit_model(few.images[:FEW], few.labels[:FEW])


def test_the_model_is_the_mixtures_plus_the_network(untrained):
    few = data.mnist("train", source="offline")
    mixtures = fit_class_mixtures(few.images, few.labels, generator=seeded())
    x, t, y = torch.randn(4, 1, 28, 28, generator=seeded(1)), torch.tensor(0.4), torch.tensor([3, 0, 9, 10])
    exact = marginal(GaussianPath(), mixtures).velocity(x, t, y)
    scale = ResidualScale(mixtures[None].spectrum)(t)
    torch.testing.assert_close(untrained(x, t, y), exact + scale * untrained.net(x, t, y))
    torch.testing.assert_close(untrained(x, t)[3], untrained(x, t, y)[3])


def test_the_seed_decides_clusters_and_weights():
    few = data.mnist("train", source="offline")
    x, t = torch.randn(2, 1, 28, 28, generator=seeded()), torch.tensor(0.3)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, same, other = (digits.digit_model(few.images, few.labels, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one(x, t), same(x, t))
    assert not torch.equal(one.net.inward[1].weight, other.net.inward[1].weight)
    assert not torch.equal(one.base(x, t, torch.tensor([10, 10])), other.base(x, t, torch.tensor([10, 10])))


def test_the_loss_written_out():
    """Times, dropped labels, noise and weights recomputed from the same stream of random numbers."""
    few, stream = data.mnist("train", source="offline"), seeded(7)
    z, y = few.images[:16].double(), few.labels[:16]
    slope = lambda t: 1 + t  # noqa: E731
    answer = lambda x, t, y: x * y.reshape(-1, 1, 1, 1)  # noqa: E731
    found = digits.digit_loss(slope, seeded(7))(answer, z, y)
    t = 0.3 + 0.7 * (torch.arange(16) + torch.rand(16, generator=stream)) / 16
    y = torch.where(torch.rand(16, generator=stream) < 0.1, 10, y)
    noise = torch.empty_like(z).normal_(generator=stream)
    at = t.double().reshape(-1, 1, 1, 1)
    errors = ((at * z + (1 - at) * noise) * y.reshape(-1, 1, 1, 1) - (z - noise)).square().sum((1, 2, 3))
    torch.testing.assert_close(found, (errors / (1 + t) ** 2).mean())


def test_samples_follow_the_guided_field(untrained):
    found = digits.samples(untrained, 12, guidance=1.5, seed=3)
    x0, y = torch.randn(12, 1, 28, 28, generator=seeded(3)), torch.arange(12) % 10
    field = classifier_free(untrained, y, 1.5)
    expected = simulate(field, x0, torch.linspace(0, 1, 9), midpoint_step).end.clamp(-1, 1)
    torch.testing.assert_close(found, expected)


def test_stochastic_samples_follow_the_sde(untrained):
    found = digits.samples(untrained, 3, guidance=1.0, seed=3, stochastic=True)
    generator = seeded(3)
    x0 = torch.randn(3, 1, 28, 28, generator=generator)
    sde = FlowSDE.from_velocity(classifier_free(untrained, torch.arange(3), 1.0), Linear(), lambda t: (1 - t).sqrt())
    expected = simulate(sde, x0, torch.linspace(0, 1, 49), generator=generator).end.clamp(-1, 1)
    torch.testing.assert_close(found, expected)


def test_the_judgement_against_scipy(untrained):
    test = data.mnist("test")
    found = digits.judge(untrained, test, scales=(1.3,), n=50, progress=False)
    assert found["n"] == 50 and found["steps"] == 8
    classifier = digit_classifier()
    order = torch.randperm(FEW, generator=seeded())[:100]
    images = digits.samples(untrained, 50, guidance=1.3)
    with torch.no_grad():
        real, made = classifier.features(test.images[order]), classifier.features(images)
        right = classifier(images).argmax(1) == torch.arange(50) % 10
    (row,) = found["judgements"]
    assert row["w"] == 1.3 and row["accuracy"] == pytest.approx(right.double().mean().item())
    assert row["distance"] == pytest.approx(scipy_distance(made, real[:50]), rel=1e-3)
    assert found["floor"] == pytest.approx(scipy_distance(real[:50], real[50:]), rel=1e-3)


def test_a_judge_of_images_counts_in_floors():
    test = data.mnist("test")
    judge = digits.Judge(test, n=50)
    order = torch.randperm(FEW, generator=seeded())[:50]
    same = judge(test.images[order].double(), (test.labels[order] + 1) % 10)
    assert judge.n == 50 and same.distance == pytest.approx(0, abs=1e-3 * judge.floor) and same.accuracy < 0.1
    others = judge(test.images[:50], test.labels[:50])
    assert others.floors == pytest.approx(others.distance / judge.floor) and others.accuracy > 0.9
    with pytest.raises(ValueError, match="at least 2 samples and 4 digits"):
        digits.Judge(test, n=1)


def scipy_distance(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    covs = [np.cov(v.T) + 1e-9 * np.eye(v.shape[1]) for v in (a, b)]
    root = scipy.linalg.sqrtm(covs[0] @ covs[1]).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covs[0] + covs[1] - 2 * root)


def test_steps_within_some_minutes(monkeypatch):
    """A clock that ticks once for every step, a quarter of a second at a time, and once between steps."""
    ticks = iter(range(10_000))
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(ticks) / 4)
    monkeypatch.setattr(
        training, "fit", lambda *a, steps, callback, **_: [callback() for _ in range(steps)] and History()
    )
    assert training.steps_within(2, "offline") == 480
    for minutes in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive number of minutes"):
            training.steps_within(minutes, "offline")
    with pytest.raises(ValueError, match="at least 2 steps"):
        training.steps_within(1, "offline", probe=1)


@cache
def fitted(seed):
    few = data.mnist("train", source="offline")
    return digits.digit_model(few.images, few.labels, seed)


@pytest.fixture
def quick(monkeypatch):
    """Trainings of six steps, judged on few samples; a fit of mixtures is not done twice."""
    ready = lambda images, labels, seed, device, progress: deepcopy(fitted(seed))  # noqa: E731
    for module in (training, older):
        monkeypatch.setattr(module, "digit_model", ready)
    monkeypatch.setattr(runs, "steps_within", lambda minutes, source, latent: 6)
    monkeypatch.setattr(runs, "judge", lambda model, test: digits.judge(model, test, n=10, progress=False))


def run(*arguments):
    return command.main([str(argument) for argument in arguments])


def test_several_devices_without_their_package_are_refused_before_the_work(tmp_path, quick, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    assert run("train", "--minutes", 1, "--devices", 2, "--out", tmp_path / "d.safetensors") == 2
    assert "lightning-fabric" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_train_and_generate(tmp_path, quick, capsys):
    file = tmp_path / "made" / "d.safetensors"
    assert run("train", "--minutes", 1, "--seed", 4, "--out", file) == 0
    assert sorted(p.name for p in file.parent.iterdir()) == ["d.md", "d.safetensors"]
    card = file.with_suffix(".md").read_text("utf-8")
    assert "6 steps of 64 digits" in card and "seed 4" in card and "offline train split" in card and "n = 10" in card
    assert card in capsys.readouterr().out

    loaded, found = digits.load(file)
    expected, history = digits.train(Plan("offline", 4, 6), progress=False)
    assert (
        found["plan"] == {"source": "offline", "seed": 4, "steps": 6, "devices": 1, "latent": False}
        and found["steps"] == 6
    )
    x, t = torch.randn(2, 1, 28, 28, generator=seeded()), torch.tensor(0.5)
    rounded = {"atol": 5e-3, "rtol": 5e-3}  # half precision
    torch.testing.assert_close(loaded(x, t, torch.tensor([1, 2])), expected(x, t, torch.tensor([1, 2])), **rounded)

    assert run("generate", "--model", file, "--n", 23, "--guidance", 1.4, "--seed", 2, "--out", tmp_path / "a.npz") == 0
    with np.load(tmp_path / "a.npz") as made:
        assert made["images"].dtype == np.uint8 and made["images"].shape == (23, 28, 28)
        assert made["labels"].tolist() == [i % 10 for i in range(23)]
        pixels = (digits.samples(loaded, 23, guidance=1.4, seed=2)[:, 0] + 1) * 127.5
        assert np.abs(made["images"].astype(float) - pixels.numpy()).max() <= 0.51
    assert run("generate", "--model", file, "--n", 3, "--stochastic", "--out", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as picture:
        said = picture.text["Description"].splitlines()
        assert picture.format == "PNG" and picture.width > 800
    assert said[:-1] == digits.caption(found, guidance=1.2, stochastic=True, seed=0)
    again = [
        "--n",
        "3",
        "--guidance",
        "1.2",
        "--seed",
        "0",
        "--stochastic",
        "--model",
        "d.safetensors",
        "--out",
        "a.png",
    ]
    assert said[-1] == " ".join(["python", "course.py", "generate", *again])


def test_a_training_that_was_stopped_goes_on(tmp_path, quick, monkeypatch, capsys):
    """The weights of the resumed training are those of one that was not stopped; meanwhile there is a model."""
    file, fit, wanted = tmp_path / "d.safetensors", training.fit, [3]

    def stopping(*args, **options):
        def stop(step, *_):
            if step in wanted:
                wanted.clear()
                return True

        if options["checkpoint"]:
            options["checkpoint"].every = 2
        return fit(*args, callback=stop, **options)

    monkeypatch.setattr(training, "fit", stopping)
    assert run("train", "--minutes", 1, "--out", file) == 0
    said = capsys.readouterr().out
    assert "stopped before step 6" in said and f"--resume --out {file}` goes on" in said
    assert digits.load(file)[1]["steps"] == 3
    assert run("train", "--resume", "--seed", 1, "--out", file) == 2
    assert run("train", "--resume", "--out", file) == 0
    whole, _ = digits.train(Plan("offline", 0, 6), progress=False)
    for ours, expected in zip(digits.load(file)[0].net.parameters(), whole.net.parameters(), strict=True):
        torch.testing.assert_close(ours, expected.half().float())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.md", "d.safetensors"]


def interrupt(*args, **options):
    """Ctrl-C."""
    raise KeyboardInterrupt


def test_what_is_trained_is_never_lost_while_it_is_judged(tmp_path, quick, monkeypatch, capsys):
    """The message says what is kept; the same command refuses to throw it away; --resume only judges."""
    file, judge = tmp_path / "d.safetensors", runs.judge
    whole, _ = digits.train(Plan("offline", 0, 6), progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "judge", interrupt)
        assert run("train", "--minutes", 1, "--out", file) == 130
    said = capsys.readouterr().err
    assert f"finished and kept in {file}; `python course.py train --resume --out {file}` judges it" in said
    assert "Not judged yet." in file.with_suffix(".md").read_text("utf-8")
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert kept.keys() == {"d.safetensors", "d.md", "d.plan.json", "d.checkpoint"}

    assert run("train", "--minutes", 1, "--out", file) == 2
    assert "finished and kept" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept

    monkeypatch.setattr(model, "flow_matching_loss", interrupt)  # no further step
    monkeypatch.setattr(runs, "judge", judge)
    assert run("train", "--resume", "--out", file) == 0
    found = digits.load(file)[0].net.parameters()
    for ours, expected in zip(found, whole.net.parameters(), strict=True):
        torch.testing.assert_close(ours, expected.half().float())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.md", "d.safetensors"]
    assert "n = 10" in file.with_suffix(".md").read_text("utf-8")
    assert run("train", "--resume", "--out", file) == 2  # nothing is left to go on with


def test_a_stop_while_the_speed_is_measured_begins_no_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(model, "flow_matching_loss", interrupt)
    assert run("train", "--minutes", 1, "--out", tmp_path / "d.safetensors") == 130
    assert "no training was begun" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("files_left, words", [([], "nothing is saved yet"), (["d.checkpoint"], "last saved"),
                                               (["d.checkpoint.0", "d.checkpoint.1"], "last saved")])  # fmt: skip
def test_how_a_stopped_training_stands(tmp_path, files_left, words):
    digits.prepare(tmp_path / "d.safetensors", source="offline", resume=False)
    for name in files_left:
        (tmp_path / name).write_text("state")
    assert words in digits.standing(tmp_path / "d.safetensors")


NAMES = ("lr0.1", "lr0.2", "lr0.2.safetensors1", "a.md", "a[1].safetensors", "a[12].safetensors", "a*.safetensors")


def test_every_name_has_its_own_files(tmp_path, quick, monkeypatch):
    """A dot is part of a name, and so are the characters that mean something in a pattern."""
    for seed, name in enumerate(NAMES):
        digits.prepare(tmp_path / name, source="offline", seed=seed, resume=False)
        beside(tmp_path / name, ".checkpoint").write_text(name)
    for seed, name in enumerate(NAMES):
        assert digits.prepare(tmp_path / name, resume=True).seed == seed
        assert beside(tmp_path / name, ".checkpoint").read_text() == name
    for left, name in reversed(list(enumerate(NAMES, 1))):
        digits.prepare(tmp_path / name, source="offline", seed=50, resume=False)
        assert not beside(tmp_path / name, ".checkpoint").exists(), name
        assert len(list(tmp_path.glob("*.checkpoint"))) == left - 1
    plan = Plan("offline", steps=2)
    for name in ("lr0.1", "lr0.2", "a[1].safetensors"):
        digits.train_to_file(plan, tmp_path / name)
        assert (tmp_path / name).is_file() and "2 steps" in beside(tmp_path / name, ".md").read_text("utf-8")
        assert not beside(tmp_path / name, ".checkpoint").exists()
    assert beside(tmp_path / "d.safetensors", ".md").name == "d.md"


@pytest.mark.parametrize(
    "options, words",
    [
        ({"minutes": 0.0}, "positive number of minutes, got 0"),
        ({"minutes": -1.0}, "positive number of minutes"),
        ({"minutes": float("nan")}, "positive number of minutes"),
        ({"minutes": float("inf")}, "positive number of minutes"),
        ({"seed": -1}, "expected seed .* got -1"),
        ({"seed": 2**32}, "expected seed .* got 4294967296"),
        ({"devices": 0}, "expected devices .* at least 1, got 0"),
        ({"devices": -3}, "expected devices .* at least 1, got -3"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path, options, words):
    path = tmp_path / "d.safetensors"
    digits.prepare(path, source="offline", resume=False)
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=words):
        digits.prepare(path, **({"source": "offline"} | options), resume=False)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept


@pytest.mark.parametrize("numbers", [{"steps": 0}, {"steps": -1}, {"steps": 2.5}, {"seed": 0.5}, {"devices": True}])
def test_a_plan_is_made_of_whole_numbers(numbers, unchecked):
    (name,) = numbers
    with pytest.raises(ValueError, match=f"expected {name} to be a whole number of at least"):
        Plan("offline", **numbers)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"source": "web"}', '{"source": "offline", "x": 1}'])
def test_a_plan_that_cannot_be_read(tmp_path, content):
    (tmp_path / "d.plan.json").write_text(content)
    with pytest.raises(ValueError, match="d.plan.json is not the plan of a training"):
        digits.prepare(tmp_path / "d.safetensors", resume=True)


def never(*args, **options):
    raise AssertionError("the work began")


@pytest.mark.parametrize("place", ["folder", "below a file"])
@pytest.mark.parametrize("verb", ["train", "train --resume", "generate", "classifier"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(verb, place, tmp_path, monkeypatch, capsys):
    for module, name in ((runs, "train"), (runs, "steps_within"), (data, "mnist"), (digits, "load")):
        monkeypatch.setattr(module, name, never)
    out = tmp_path / "out.npz"
    if place == "folder":
        out.mkdir()
    else:
        out.write_text("")
        out = out / "new" / "a.npz"
    assert run(*verb.split(), "--out", out) == 2
    assert f"expected a file that can be written, got {out}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


@pytest.mark.parametrize("own", [True, False])
def test_without_a_model_of_ones_own_the_finished_one_draws(own, tmp_path, untrained, monkeypatch, capsys):
    mine, used = tmp_path / "models" / "digits.safetensors", []
    if own:
        mine.parent.mkdir()
        mine.write_text("")
    monkeypatch.setattr(files, "default_file", lambda latent: mine)
    monkeypatch.setattr(digits, "load", lambda path, progress: (untrained, used.append(path)))
    assert run("generate", "--n", 1, "--out", tmp_path / "a.npz") == 0
    assert used == [mine if own else digits.FINISHED]
    said = capsys.readouterr().out
    assert (f"no model of your own at {mine}" in said) != own


def test_a_model_in_double_precision(untrained):
    """Moved as PyTorch moves: the mixtures go along; drawn, and judged by a classifier in single precision."""
    x, y = torch.randn(4, 1, 28, 28, generator=seeded(1)), torch.tensor([3, 0, 9, 10])
    expected = [untrained(x, torch.tensor(t), y) for t in (0.1, 0.6)]
    double = deepcopy(untrained).double()
    found = [double(x.double(), torch.tensor(t), y) for t in (0.1, 0.6)]
    for ours, single in zip(found, expected, strict=True):
        assert ours.dtype == torch.double
        torch.testing.assert_close(ours.float(), single, atol=2e-3, rtol=2e-3)
    for stochastic in (False, True):
        images = digits.samples(double, 2, stochastic=stochastic)
        assert images.dtype == torch.double and images.isfinite().all()
    assert digits.judge(double, data.mnist("test"), scales=(1.0,), n=4, progress=False)["n"] == 4
    torch.testing.assert_close(untrained(x, torch.tensor(0.6), y), expected[1])


def test_what_cannot_be_drawn_or_judged(untrained):
    for guidance in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite guidance scale"):
            digits.samples(untrained, 1, guidance=guidance)
    with pytest.raises(ValueError, match="at least 2 samples and 4 digits"):
        digits.judge(untrained, data.mnist("test"), n=1)


def test_mixtures_say_how_many_they_are(untrained):
    assert repr(untrained.base) == "ClassMixtures(11 mixtures)"


@pytest.mark.parametrize("file, source", [(digits.FINISHED, "full"), (digits.FINISHED_PIXELS, "offline")])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.filterwarnings("error:the mixtures fitted here differ")
def test_a_finished_generator_draws_what_it_is_asked_for(file, source, precision, monkeypatch):
    """At least the accuracy that its card states at w = 1.2, less five standard errors."""
    monkeypatch.setattr(data, "mnist", MNIST)
    before = torch.get_default_dtype()
    torch.set_default_dtype(precision)
    try:
        finished, card = digits.load(file)
        images, y = digits.samples(finished, 60), torch.arange(60) % 10
    finally:
        torch.set_default_dtype(before)
    assert card["plan"]["source"] == source and images.dtype == precision
    stated = next(row["accuracy"] for row in card["found"]["judgements"] if row["w"] == 1.2)
    assert stated > 0.95
    found = (digit_classifier()(images.float()).argmax(1) == y).double().mean().item()
    assert found > stated - 5 * (stated * (1 - stated) / 60) ** 0.5


def test_a_new_training_forgets_the_one_that_was_stopped(tmp_path, quick):
    """Else `--resume` would go on from the state of another plan."""
    file, state = tmp_path / "d.safetensors", tmp_path / "d.checkpoint"
    digits.prepare(file, source="offline", seed=1, resume=False)
    state.write_text("of seed 1")
    assert digits.prepare(file, resume=True).seed == 1 and state.exists()
    digits.prepare(file, source="offline", seed=2, resume=False)
    assert not state.exists() and digits.prepare(file, resume=True).seed == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate", "--out", "a.jpg"], "expected --out to end in .npz or .png"),
        (["generate", "--model", "nothing", "--out", "a.npz"], "`python course.py train` makes one"),
        (["train", "--resume", "--out", "nothing"], "no training to resume"),
        (["train", "--data", "full", "--out", "nothing"], "full MNIST could not be fetched"),
        (["train", "--minutes", "0", "--out", "nothing"], "positive number of minutes"),
    ],
)
def test_one_line_says_what_is_wrong(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_no_models(tmp_path, untrained, quick):
    file = tmp_path / "d.safetensors"
    found = {"n": 1, "steps": 8, "floor": 1.0, "judgements": []}
    card = {"plan": vars(Plan("offline")), "data": "some", "steps": 1, "seconds": 1.0, "found": found}
    digits.save(untrained, file, card)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        digits.samples(untrained, 0)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match="does not hold the weights"):
        digits.load(file)
    save_weights(UNet(10), file, {"words": json.dumps("none")})
    with pytest.raises(ValueError, match="without a card"):
        digits.load(file)


def test_an_older_file_is_read_where_its_digits_are(tmp_path, untrained, quick, monkeypatch):
    """It holds the network alone; a fit that differs from the one it was trained on is told."""
    tensors, words = read_tensors(digits.FINISHED_PIXELS)
    assert set(tensors) == set(untrained.net.state_dict()) and "base" in words
    monkeypatch.setattr(older, "_probe", lambda model: json.loads(words["base"]))
    loaded, _ = digits.load(digits.FINISHED_PIXELS)
    for name, weight in loaded.net.state_dict().items():
        assert torch.equal(weight, tensors[name].float())
    monkeypatch.setattr(older, "_probe", lambda model: [1 + v for v in json.loads(words["base"])])
    with pytest.warns(UserWarning, match="mixtures fitted here differ"):
        digits.load(digits.FINISHED_PIXELS)
    card = json.loads(words["card"])
    card["plan"]["source"] = "full"
    save_tensors(tensors, tmp_path / "d.safetensors", words | {"card": json.dumps(card)})
    with pytest.raises(ConnectionError):
        digits.load(tmp_path / "d.safetensors")
    save_tensors({"one": torch.zeros(1)}, tmp_path / "d.safetensors", words)
    with pytest.raises(ValueError, match="does not hold the weights"):
        digits.load(tmp_path / "d.safetensors")


def test_a_model_as_the_lab_makes_it_is_saved_with_its_mixtures(tmp_path, untrained):
    """Its base is the velocity of `paths.marginal` itself."""
    exact = marginal(GaussianPath(), untrained.base.mixtures).velocity
    model, card = Residual(exact, untrained.scale, untrained.net, untrained.start), {"plan": vars(Plan("full"))}
    card |= {"data": "", "steps": 1, "seconds": 1, "found": None}
    digits.save(model, tmp_path / "d.safetensors", card)
    loaded, _ = digits.load(tmp_path / "d.safetensors")
    x, y = torch.randn(3, 1, 28, 28, generator=seeded()), torch.tensor([0, 5, 10])
    torch.testing.assert_close(
        loaded(x, torch.tensor(0.5), y), untrained(x, torch.tensor(0.5), y), atol=0.02, rtol=0.02
    )
    for other in (lambda x, t, y: x, marginal(GaussianPath(), Checkerboard()).velocity):
        with pytest.raises(ValueError, match="exact field of mixtures"):
            digits.save(Residual(other, untrained.scale, untrained.net), tmp_path / "other.safetensors", card)
    assert not (tmp_path / "other.safetensors").exists()


def test_a_card_names_the_command_and_has_room_for_notes():
    card = {"plan": vars(Plan("full", latent=True)), "data": "a few", "steps": 8, "seconds": 1746.0, "found": None}
    plain = digits.card_text(card)
    assert "1,746 s" in plain and "Made by" not in plain
    full = digits.card_text(card | {"command": "train()", "notes": "Seen once."})
    added = [line for line in full.splitlines() if line not in plain.splitlines()]
    assert added == ["Made by `train()`.", "Seen once."]


def test_the_finished_card_is_that_of_its_file_and_names_no_folder():
    _, card = digits.load(digits.FINISHED)
    assert digits.FINISHED.with_suffix(".md").read_text("utf-8") == digits.card_text(card)
    assert "MNIST's train set" in card["data"] and "COURSE_DATA" not in card["data"]
    judged = {row["w"]: row for row in card["found"]["judgements"]}
    assert judged[1.0]["distance"] <= 1.75 * card["found"]["floor"] and judged[1.0]["accuracy"] >= 0.989
    assert min(row["distance"] for row in judged.values()) <= 1.5 * card["found"]["floor"]


@pytest.mark.parametrize("latent", [False, True])
def test_a_saved_model_is_whole(latent, tmp_path, untrained, monkeypatch):
    """It is read without any data, and draws what was drawn before, but for half precision."""
    few = data.mnist("train", source="offline")
    made = digits.latent_digits(Autoencoder(dim=8), few.images, few.labels) if latent else untrained
    plan = vars(Plan("full", latent=latent))
    digits.save(made, tmp_path / "d.safetensors", {"plan": plan, "data": "", "steps": 1, "seconds": 1, "found": None})
    monkeypatch.setattr(data, "mnist", never)
    loaded, card = digits.load(tmp_path / "d.safetensors")
    assert type(loaded) is type(made) and card["plan"] == plan
    for guidance in (1.0, 1.2):
        before, after = (digits.samples(model, 20, guidance=guidance) for model in (made, loaded))
        assert (before - after).abs().mean() < 0.01 and not torch.equal(before, torch.zeros_like(before))


def test_latent_samples_are_decoded_latents():
    few = data.mnist("train", source="offline")
    made = digits.latent_digits(Autoencoder(dim=8), few.images, few.labels, seed=3)
    h0 = torch.randn(12, 8, generator=seeded(5))
    field = classifier_free(made, torch.arange(12) % 10, 1.5)
    h = simulate(field, h0, torch.linspace(0, 1, 9), midpoint_step).end
    torch.testing.assert_close(digits.samples(made, 12, guidance=1.5, seed=5), made.latents.decode(h))
    mixtures = fit_class_mixtures(made.latents.encode(few.images, seeded(3)), few.labels, rank=8, generator=seeded(3))
    assert mixtures[None].top.means.shape == made.mixtures[None].top.means.shape


def test_train_and_generate_in_latent_space(tmp_path, quick, monkeypatch, capsys):
    monkeypatch.setattr(files, "default_file", lambda latent: tmp_path / f"{latent}.safetensors")
    monkeypatch.setattr(digits, "default_file", files.default_file)
    monkeypatch.setattr(training, "LATENT_BATCH_SIZE", 32)
    assert run("train", "--latent", "--minutes", 1, "--data", "offline") == 0
    assert "autoencoder" in (tmp_path / "True.md").read_text("utf-8") and not (tmp_path / "False.md").exists()
    loaded, card = digits.load(tmp_path / "True.safetensors")
    assert card["plan"]["latent"] and card["steps"] == 6
    expected, _ = digits.train(Plan(**card["plan"]), progress=False)
    for ours, whole in zip(loaded.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, whole.half().float())
    assert run("generate", "--latent", "--n", 3, "--out", tmp_path / "a.npz") == 0
    assert "no model of your own" not in capsys.readouterr().out


@pytest.mark.parametrize("part", ["3.roots", "null.means", "autoencoder.encoder.1.weight", "mean"])
def test_a_file_without_a_part_is_refused(part, tmp_path):
    tensors, words = read_tensors(digits.FINISHED)
    (name,) = (name for name in tensors if name in (part, files.MIXTURES + part))
    file = tmp_path / "d.safetensors"
    save_tensors({key: value for key, value in tensors.items() if key != name}, file, words)
    with pytest.raises(ValueError, match=f"{part}|does not hold"):
        digits.load(file)
    sizes = json.loads(words["sizes"]) | {"dim": 31}
    save_tensors(tensors, file, words | {"sizes": json.dumps(sizes)})
    with pytest.raises(ValueError, match=r"expected .* of shape .*(31|62)"):
        digits.load(file)


def test_the_default_file_lies_in_the_courses_folder(tmp_path, monkeypatch):
    assert digits.default_file().relative_to(files.Path(__file__).parents[2]).as_posix() == "models/digits.safetensors"
    monkeypatch.setattr(files, "__file__", str(tmp_path / "course_utils" / "digits" / "files.py"))
    monkeypatch.chdir(tmp_path)
    assert digits.default_file() == tmp_path / "models" / "digits.safetensors"


def test_a_model_can_move(untrained):
    """To double precision, as to a GPU: mixtures and network go along."""
    few = data.mnist("train", source="offline")
    mixtures = {
        k: m.to(torch.double) for k, m in fit_class_mixtures(few.images, few.labels, generator=seeded()).items()
    }
    assert all(m.top.means.dtype == m.basis.dtype == torch.double for m in mixtures.values())
    moved = Residual(marginal(GaussianPath(), mixtures).velocity, untrained.scale, untrained.net)
    x, t, y = torch.randn(2, 1, 28, 28, generator=seeded(1)), torch.tensor(0.4), torch.tensor([3, 10])
    torch.testing.assert_close(moved.base(x.double(), t, y).float(), untrained.base(x, t, y), atol=1e-4, rtol=1e-4)
