"""What mistakes are made of: with nothing replaced it is a right answer, and inputs are what they say."""

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed, mistakes
from course_utils.checks.inputs import Normal, dyadic, power_schedule, times
from course_utils.checks.mistakes import OnPath, axis_mistakes, euler_loop, given, overwritten, path_loss
from course_utils.shapes import expand_time


def velocity(path: OnPath) -> torch.Tensor:
    return path.alpha_dot * path.z + path.beta_dot * path.noise


def state(schedule, z, t, noise):
    return OnPath.at(schedule, t, z, noise).x


RIGHT = {
    "lab1.euler": euler_loop,
    "lab2.generate": lambda field, x0, n: euler_loop(field, x0, n)[-1],
    "lab2.flow_matching_loss": path_loss(velocity),
    "lab2.sample_path": lambda schedule, z, t, noise: state(schedule, z, expand_time(t, z), noise),
}


@pytest.mark.parametrize("name", RIGHT)
def test_with_nothing_replaced_it_is_right(name, capsys):
    lab, exercise = name.split(".")
    getattr(getattr(checks, lab), exercise)(RIGHT[name])
    assert "right ✓" in capsys.readouterr().out


PARTS = [
    {"steps": 3},
    {"h": 0.3},
    {"time": lambda i, n: i},
    {"kept": 0.0},
    {"stuck": True},
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: next(iter(part)))
def test_with_any_part_replaced_it_is_wrong(part):
    with pytest.raises(CheckFailed):
        checks.lab1.euler(lambda field, x0, n: euler_loop(field, x0, n, **part))


LOSS_PARTS = [
    {"state": lambda path: path.z},
    {"shape": lambda t, z: t[0]},
    {"time": lambda t: t / 2},
    {"output": lambda u: 2 * u},
    {"reduce": torch.mean},
]


@pytest.mark.parametrize("part", LOSS_PARTS, ids=lambda part: next(iter(part)))
def test_with_any_part_of_a_loss_replaced_it_is_wrong(part):
    with pytest.raises(CheckFailed):
        checks.lab2.flow_matching_loss(path_loss(velocity, **part))


def test_arguments_are_changed_by_name():
    def power(base, exponent):
        return base**exponent

    assert given(power, base=lambda b: b + 1)(2, 3) == 27
    assert given(power, exponent=lambda e: 1, base=lambda b: -b)(2, 3) == -2


def test_times_reach_a_formula_in_four_shapes():
    def shape(x, t):
        return t.shape

    images, points = torch.ones(5, 1, 3, 3), torch.ones(5, 2)
    family = axis_mistakes(shape, states="x")
    assert [m.wrong(images, torch.ones(5)) for m in family] == [(5,), (5, 1), (5, 1, 1, 1), (1, 5, 1, 1)]
    two = axis_mistakes(shape, states="x", images=False)
    assert [m.wrong(points, torch.ones(5)) for m in two] == [(5,), (5, 1), (1, 5)]
    assert "last axis of x" in two[0].message


def test_a_list_of_one_tensor_is_what_python_makes_of_it():
    def running_sum(values, *, first=True, own_start=False):
        total = torch.zeros(())
        kept = [total.clone() if own_start else total] if first else []
        for value in values:
            total += value
            kept.append(total)
        return torch.stack(kept)

    def right(values):
        return torch.cat([torch.zeros(1), values.cumsum(0)])

    values = torch.tensor([1.0, 2.0, 3.0])
    whole, after, without = (m.wrong(values) for m in overwritten(right, "sum", start="the zero"))
    assert torch.equal(whole, running_sum(values))
    assert torch.equal(after, running_sum(values, own_start=True))
    assert torch.equal(without, running_sum(values, first=False))


def test_dyadic_numbers_are_exact_in_single_precision_and_inside():
    numbers = [dyadic(Normal(seed), 0.25, 0.75) for seed in range(2000)]
    assert all(0.25 < x < 0.75 and torch.tensor(x, dtype=torch.float32).item() == x for x in numbers)
    assert len(set(numbers)) > 20


def test_times_and_schedules_stay_away_from_the_ends():
    for seed in range(200):
        normal = Normal(seed)
        t = times(normal, 5)
        assert t.shape == (5,) and 0.1 < t.min() and t.max() < 0.9
        schedule = power_schedule(normal)
        assert 1.5 < schedule["a"] < 2.5 and 1.5 < schedule["b"] < 2.5


def test_one_seed_gives_one_stream():
    one, other = Normal(3), Normal(3)
    assert torch.equal(one(2, 2), other(2, 2)) and torch.equal(one(1), other(1))
    assert one(1).dtype == torch.float64 and one.seed == 3
    assert not torch.equal(Normal(4)(2, 2), Normal(3)(2, 2))


def test_sentences_that_two_exercises_share_are_used():
    messages = {m.message for lab in checks.LABS for e in checks.exercises(lab).values() for m in e.mistakes}
    shared = {name: text for name, text in vars(mistakes).items() if name.isupper() and isinstance(text, str)}
    assert len(shared) >= 5 and set(shared.values()) <= messages
