"""Lab 8's checks: oracles agree with the package, fields of two times are what they say, spans reach the ends."""

import pytest
import torch

from course_utils import checks, losses, paths
from course_utils.checks.calling import observe
from course_utils.checks.families import build
from course_utils.checks.inputs import Normal
from course_utils.checks.lab8.spans import batch, spans, two_time_field
from course_utils.checks.observers import StandingStill
from course_utils.distributions import GaussianMixture

SEEDS = range(12)


def mixture(weights, means, variances):
    return paths.marginal(paths.GaussianPath(), GaussianMixture(means, torch.diag_embed(variances), weights))


def by_the_package(name, case):
    """What the package gives in the place of an oracle."""
    values = build(case)
    if name == "flow_map":
        x, s, t, mean, var = values.values()
        return mixture(torch.ones(1).to(x), mean[None], var[None]).flow_map(x, s, t)
    if name == "held_flow_map":
        x, s, t, weights, means, variances = values.values()
        return mixture(weights, means, variances).held_map(x, s, t)
    return getattr(losses, name)(*values.values())


@pytest.mark.parametrize("name", [e.name for e in checks.exercises("lab8").values() if e.draw(1)])
def test_the_oracle_agrees_with_the_package(name):
    exercise = getattr(checks.lab8, name)
    for seed in SEEDS:
        case = exercise.draw(seed)
        wanted = exercise.oracle(**build(case))
        close = 1e-12 if wanted.dtype == torch.float64 else 1e-5
        gap = (by_the_package(name, case) - wanted).abs().max()
        assert gap <= close * wanted.abs().max(), (seed, gap)


def test_a_field_of_two_times_changes_as_its_formula_says():
    case = build({"u": two_time_field(Normal(1), 3)})
    u, x, v, s, t = case["u"], *Normal(2)(2, 4, 3), *Normal(3)(2, 4)
    inputs, rates = (x, s, t), (v, torch.ones_like(s), torch.ones_like(t))
    forward = torch.func.jvp(u, inputs, rates)[1]
    twice_backward = torch.autograd.functional.jvp(u, inputs, rates)[1]
    h = 1e-6
    differences = (u(x + h * v, s + h, t + h) - u(x - h * v, s - h, t - h)) / (2 * h)
    assert torch.allclose(forward, twice_backward, rtol=1e-12, atol=1e-12)
    assert torch.allclose(forward, differences, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("order", [lambda u, x, s, t: u(s, x, t), lambda u, x, s, t: u(s, t, x)])
def test_a_field_of_two_times_wants_the_states_first(order):
    u = build({"u": two_time_field(Normal(1), 3)})["u"]
    with pytest.raises(ValueError, match=r"the states come first, then the two times: u\(x, s, t\)"):
        order(u, torch.ones(4, 3), torch.ones(4), torch.ones(4))


def test_spans_are_ordered_reach_the_ends_and_have_no_length_once():
    for seed in SEEDS:
        s, t = spans(Normal(seed), 5)
        assert (s <= t).all() and (s[:-1] < t[:-1]).all() and s[-1] == t[-1] and (0 <= s).all() and (t <= 1).all()
        assert ((s[0], t[0]) == (0, 1)) == (seed % 3 == 0)
        alone = spans(Normal(seed), 1)
        assert alone[0] < alone[1]


def test_sizes_are_equal_once_and_differ_once_in_six_cases():
    sizes = {batch(Normal(seed)) for seed in range(1, 7)}
    assert (1, 2) in sizes and any(n == d > 1 for n, d in sizes) and any(n != d > 1 for n, d in sizes if n > 1)


@pytest.mark.parametrize(("still", "asks"), [(torch.detach, 0), (lambda target: target, 1)])
def test_a_target_that_asks_for_gradients_is_seen(still, asks):
    case = {"u": two_time_field(Normal(1), 2), "x": torch.ones(3, 2), "s": torch.zeros(3), "t": torch.ones(3)}
    case = {name: value if isinstance(value, dict) else value.double() for name, value in case.items()}
    values = observe(lambda u, x, s, t: still(u(x, s, t)), case, StandingStill()).values
    assert values["requires_grad"].item() == asks and not values["result"].requires_grad
