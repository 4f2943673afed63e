"""What Lab 9's benchmarks compute beside the package, against closed forms and integrals."""

import math

import pytest
import torch

from benchmarks import rewards
from course_utils.guidance import guided, plug_in
from course_utils.steering import best_of

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_plug_in_overshoots_and_the_exact_value_does_not():
    wanted = rewards.LINE.tilted(rewards.ONE, lam=0.5).mean.item()
    got, distance = rewards.ends(plug_in(rewards.EXACT.velocity, rewards.reward, 0.5), 0.5, 200)
    assert got > wanted + 0.3 and distance >= got - wanted - 0.01
    got, distance = rewards.ends(guided(rewards.EXACT.velocity, rewards.exact_value(0.5)), 0.5, 200)
    assert got == pytest.approx(wanted, abs=0.01) and distance < 0.01


@pytest.mark.parametrize("law", [rewards.NORMAL, rewards.LINE])
def test_quantiles_hold_their_shares(law):
    x = rewards.quantiles(rewards.shares(50), law)
    widths = law.covs[:, 0, 0].sqrt()
    held = (law.weights / law.weights.sum() * torch.special.ndtr((x - law.means[:, 0]) / widths)).sum(1)
    torch.testing.assert_close(held, rewards.shares(50), rtol=0, atol=1e-12)


def test_the_mean_of_the_best():
    """Of two normal numbers 1/sqrt(pi), of three 3/(2 sqrt(pi)); of the mixture as draws say, at 5 sigma."""
    assert rewards.best_of_mean(2, rewards.NORMAL) == pytest.approx(1 / math.sqrt(math.pi), abs=1e-4)
    assert rewards.best_of_mean(3, rewards.NORMAL) == pytest.approx(1.5 / math.sqrt(math.pi), abs=1e-4)
    drawn = rewards.LINE.draw(80_000, seeded())
    best = best_of(drawn, drawn[:, 0], 4)
    error = best.std().item() / len(best) ** 0.5
    assert abs(rewards.best_of_mean(4, rewards.LINE) - best.mean().item()) < 5 * error


def test_the_most_that_is_possible_at_a_distance():
    """Of a normal number sqrt(2 KL), as it is only shifted; and never less than the best of k has."""
    for kl in (0.19, 1.0, 3.2):
        assert rewards.tilted_mean(kl, rewards.NORMAL) == pytest.approx(math.sqrt(2 * kl), abs=1e-9)
    for k in (2, 8, 64):
        kl = math.log(k) - (k - 1) / k
        assert rewards.tilted_mean(kl, rewards.LINE) > rewards.best_of_mean(k, rewards.LINE)


def test_a_crowd_of_weighted_samples():
    """One number of two: its mean and normaliser at 5 standard errors, their share of effective samples."""
    crowd = rewards.importance(1, 4000, 3)
    x = rewards.LINE.draw(4000, seeded(3))[:, 0]
    weights = (x / rewards.LAM).softmax(0)
    wanted = rewards.LINE.tilted(rewards.ONE, lam=rewards.LAM).mean.item()
    error = (weights.square() @ (x - wanted).square()).sqrt().item()
    assert abs(crowd.mean - wanted) < 5 * error
    assert crowd.share == pytest.approx(1 / weights.square().sum().item() / 4000)
    z = (x / rewards.LAM).exp()
    log_z = rewards.LINE.log_normaliser(rewards.ONE, lam=rewards.LAM).item()
    assert abs(crowd.log_z - log_z) < 5 * (z.std() / z.mean()).item() / 4000**0.5
