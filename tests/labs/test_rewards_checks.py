"""Lab 9's checks: oracles agree with the package, and the inputs reach what they are drawn for."""

import pytest
import torch

from course_utils import checks, guidance, steering
from course_utils.checks.families import build
from course_utils.distributions import GaussianMixture

SEEDS = range(24)


def by_the_package(name: str, values: dict):
    """What the package gives in the place of an oracle."""
    if name == "tilted_mixture":
        tilted = GaussianMixture(values["means"], values["covs"], values["weights"]).tilted(
            values["a"], lam=values["lam"]
        )
        return tilted.weights, tilted.means
    if name == "plug_in_guidance":
        return guidance.plug_in(values["field"], values["reward"], values["lam"])(values["x"], values["t"])
    return getattr(steering, name)(**values)


def parts(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", [e.name for e in checks.exercises("lab9").values() if e.draw(1)])
def test_the_oracle_agrees_with_the_package(name):
    exercise = getattr(checks.lab9, name)
    for seed in SEEDS:
        case = exercise.draw(seed)
        pairs = zip(parts(exercise.oracle(**build(case))), parts(by_the_package(name, build(case))), strict=True)
        for wanted, given in pairs:
            close = 1e-12 if wanted.dtype in (torch.float64, torch.int64) else 1e-5
            gap = (given - wanted).abs().max()
            assert given.dtype == wanted.dtype and gap <= close * wanted.abs().max(), (seed, gap)


def test_no_point_lies_near_where_a_part_ends():
    """Else rounding would decide which particle is drawn."""
    for seed in SEEDS:
        case = build(checks.lab9.resample.draw(seed))
        weights, u = case["log_weights"].double().softmax(0), case["u"].double()
        ends = len(weights) * weights.cumsum(0)[:-1] - u  # at a whole number a point lies on an end
        assert 0 < u < 1 and ((ends - ends.round()).abs() > 1e-3).all(), seed


def test_crowds_are_far_from_normalised_and_have_members_without_weight():
    crowds = [build(checks.lab9.resample.draw(seed))["log_weights"] for seed in range(1, 7)]
    assert any(crowd.exp().sum() == 0 for crowd in crowds) and any(crowd.exp().isinf().any() for crowd in crowds)
    assert any(crowd.isneginf().any() for crowd in crowds) and any(crowd.dtype == torch.float32 for crowd in crowds)


def test_mixtures_lie_so_far_out_that_exponentials_overflow():
    rewards = []
    for seed in range(1, 7):
        _, means, _, a, lam = build(checks.lab9.tilted_mixture.draw(seed)).values()
        rewards.append((means.double() @ a.double() / lam).exp())
    assert any(reward.isinf().all() for reward in rewards) and any((reward == 0).all() for reward in rewards)


def test_guidance_is_asked_for_at_the_end_and_on_the_way():
    times = [float(build(checks.lab9.plug_in_guidance.draw(seed))["t"]) for seed in SEEDS]
    assert times.count(1.0) == 4 and all(0.2 <= t <= 1 for t in times)
