"""One's own functions run a generator: right ones give the package's row, wrong ones a worse one, others give way."""

import numpy as np
import pytest
import torch

from course_utils import checks, data, digits, metrics
from course_utils.digits import OwnParts
from course_utils.guidance import classifier_free, generate
from course_utils.simulators import euler_step

N, STEPS, SEED = 60, 4, 3
GENERATE, EULER = checks.lab2.generate, checks.lab1.euler
GUIDED, FRECHET = checks.lab4.guided_velocity, checks.lab4.gaussian_frechet_distance
ORACLES = OwnParts(GENERATE.oracle, GUIDED.oracle, FRECHET.oracle)
ALL = ("sampler", "guidance", "distance")


def mistake(exercise, name):
    return next(one.wrong for one in exercise.mistakes if one.name == name)


@pytest.fixture(scope="module")
def model():
    """The one in latent space: a third of the time."""
    return digits.load(digits.FINISHED, "cpu")[0]


@pytest.fixture(scope="module")
def judge():
    return digits.Judge(data.mnist("test", "offline"), n=N)


@pytest.fixture(scope="module")
def driven(model, judge):
    """The row of some functions, with few digits and steps."""

    def row(**own):
        return digits.drive(model, judge, OwnParts(**own), steps=STEPS, seed=SEED, progress=False)

    return row


@pytest.fixture(scope="module")
def packages(driven):
    return driven()


def stub(*_):
    raise NotImplementedError


def test_the_packages_row_is_that_of_its_own_sampler_and_judge(model, judge, packages):
    y = torch.arange(N) % 10
    options = {"event_shape": model.event_shape, "generator": torch.Generator().manual_seed(SEED)}
    x = generate(model, y, scale=1.2, steps=STEPS, step=euler_step, null=10, **options)
    found = judge(model.decode(x).clamp(-1, 1), y)
    assert packages.accuracy == found.accuracy > 0.9
    assert packages.distance == pytest.approx(found.distance, rel=1e-4)  # other chunks: sums are rounded otherwise
    assert packages.floors == packages.distance / judge.floor
    assert packages.evaluations == 2 * STEPS
    assert packages.lent == ALL and packages.said == ()


@pytest.mark.parametrize("sampler", [GENERATE.oracle, EULER.oracle], ids=["Lab 2", "Lab 1"])
def test_right_functions_give_the_packages_row(driven, packages, sampler):
    """The times i / n are rounded otherwise than those of linspace: six digits are left."""
    own = driven(**ORACLES._asdict() | {"sampler": sampler})
    assert own.lent == own.said == ()
    assert (own.accuracy, own.evaluations) == (packages.accuracy, packages.evaluations)
    assert own.distance == pytest.approx(packages.distance, rel=1e-4)
    table = digits.driven_table({"yours": own._replace(seconds=0), "the package": packages._replace(seconds=0)})
    _, yours, its = table.splitlines()
    assert yours.split()[1:-1] == its.split()[2:-1]  # to the digit, as they are printed
    assert yours.endswith("nothing") and its.endswith("all")


@pytest.mark.parametrize(
    "own",
    [
        {"sampler": mistake(GENERATE, "no step size")},
        {"sampler": mistake(GENERATE, "steps the wrong way")},
        {"sampler": mistake(GENERATE, "state forgotten")},
        {"sampler": mistake(EULER, "time stands still")},
        {"guidance": mistake(GUIDED, "exchanged")},
        {"guidance": mistake(GUIDED, "unconditional only")},
        {"distance": mistake(FRECHET, "root of the whole")},
        {"distance": mistake(FRECHET, "means ignored")},
    ],
    ids=lambda own: next(iter(own.values())).__name__,
)
def test_wrong_functions_run_and_show(driven, packages, own):
    found = driven(**own)
    [part] = own
    assert found.said == () and part not in found.lent
    if part == "distance":
        assert abs(found.distance - packages.distance) > 0.1 * packages.distance
    else:
        assert found.distance > 1.2 * packages.distance


def wrong_shape(field, x0, n):
    return x0[:, None]


def endless(field, x0, n):
    return x0 / 0


def silent(*_):
    return None


def careless(field, x0, n):
    return field(x0[:1], 0.0)


def too_far(field, x0, n):
    return field(x0 * 1e30, torch.tensor(0.5))


def in_words(*_):
    raise RuntimeError("no such thing")


def one_number(model, x, t, y, w, null):
    return x.mean()


def of_each_feature(mean_a, cov_a, mean_b, cov_b):
    return (mean_a - mean_b) ** 2


@pytest.mark.parametrize(
    ("part", "fn", "words"),
    [
        ("sampler", stub, "is not written yet"),
        ("sampler", wrong_shape, "returned shape (60, 1, 32), expected (60, 32)"),
        ("sampler", endless, "returned numbers that are not finite"),
        ("sampler", silent, "returned NoneType, expected numbers"),
        ("sampler", careless, "asks for the field at shape (1, 32), expected (60, 32)"),
        ("sampler", too_far, "leads to where the model knows no velocity"),
        ("sampler", in_words, "raised RuntimeError: no such thing"),
        (
            "sampler",
            mistake(GENERATE, "step number as time"),
            "asks the model what it cannot answer, ValueError: t runs from 0 (noise) to 1 (data), got t = 2",
        ),
        ("guidance", stub, "is not written yet"),
        ("guidance", one_number, "returned shape (), expected (60, 32)"),
        ("guidance", lambda model, x, *_: x / 0, "returned numbers that are not finite"),
        ("guidance", in_words, "raised RuntimeError: no such thing"),
        ("distance", stub, "is not written yet"),
        ("distance", of_each_feature, "returned shape (128,), expected ()"),
        ("distance", lambda *_: float("nan"), "returned numbers that are not finite"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_package_takes_its_place(driven, packages, part, fn, words):
    found = driven(**ORACLES._asdict() | {part: fn})
    [said] = found.said
    assert said == f"Your {part} {words}: the package's takes its place."
    assert found.lent == (part,)
    assert found.distance == pytest.approx(packages.distance, rel=1e-4)
    assert found.evaluations == packages.evaluations
    assert digits.driven_table({"yours": found}).splitlines()[2] == found.said[0]


def test_numbers_of_other_libraries_are_numbers(driven):
    found = driven(distance=lambda *_: np.float32(2.5))
    assert found.distance == 2.5 and found.said == ()


def test_faults_of_all_parts_at_once(driven, packages):
    found = driven(sampler=stub, guidance=stub, distance=stub)
    assert [words.split()[1] for words in found.said] == ["guidance", "sampler", "distance"] and found.lent == ALL
    assert found[:4] == packages[:4]


def test_a_function_may_change_what_it_is_given(driven, packages):
    """A label or noise that is written over spoils nothing of what comes after."""

    def sampler(field, x0, n):
        for i in range(n):
            x0 += field(x0, i / n) / n  # in place, and times as plain numbers
        return x0

    def guidance(model, x, t, y, w, null):
        labelled = model(x, t, y)
        return (1 - w) * model(x, t, y.fill_(null)) + w * labelled

    found = driven(sampler=sampler, guidance=guidance, distance=stub)
    assert found.lent == ("distance",) and found.distance == pytest.approx(packages.distance, rel=1e-4)


def test_the_generator_of_lab_4_is_driven_too():
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    few = digits.Judge(data.mnist("test", "offline"), n=20)
    rows = [digits.drive(model, few, own, steps=4, progress=False) for own in (ORACLES, OwnParts())]
    assert rows[0].accuracy == rows[1].accuracy > 0.9
    assert rows[0].distance == pytest.approx(rows[1].distance, rel=1e-4)


def test_a_model_without_velocity_is_nobodys_fault(judge):
    class Broken(torch.nn.Linear):
        def forward(self, x, t, y):
            return x / 0

    with pytest.raises(ValueError, match="knows no velocity"):
        digits.drive(Broken(1, 1), judge, progress=False)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        digits.drive(Broken(1, 1), judge, steps=0)


def test_guidance_and_distance_are_those_of_the_package():
    """The stand-ins are the functions that labs call."""
    from course_utils.digits.own import PACKAGE

    x, y = torch.randn(3, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 0, 2])
    affine = lambda x, t, y: y[:, None] * x  # noqa: E731
    expected = classifier_free(affine, y, 1.5, null=10)(x, torch.tensor(0.5))
    torch.testing.assert_close(PACKAGE["guidance"](affine, x, torch.tensor(0.5), y, 1.5, 10), expected)
    assert PACKAGE["distance"] is metrics.gaussian_frechet_distance
