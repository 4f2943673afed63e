"""Choosing, resampling and steering against laws that are known exactly."""

import math

import pytest
import torch
from scipy import stats

from course_utils.processes import SDE, BrownianMotion
from course_utils.steering import Particles, best_of, effective_size, log_weight, resample, steer

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=generator(seed))


# best of k


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_best_of_k_normal_numbers(k):
    """Its law is Phi^k: a Kolmogorov-Smirnov test, whose statistic exceeds 2.7 / sqrt(n) less often than 5 sigma."""
    x = normal(20_000 * k, 1)
    best = best_of(x, x[:, 0], k)
    assert best.shape == (20_000, 1)
    distance = stats.kstest(best[:, 0].numpy(), lambda v: stats.norm.cdf(v) ** k).statistic
    assert distance < 2.7 / math.sqrt(20_000)


def test_the_best_by_a_reward_of_images():
    x = normal(6, 1, 2, 2)
    rewards = torch.tensor([1.0, 3.0, 2.0, -1.0, -2.0, -torch.inf])
    assert torch.equal(best_of(x, rewards, 3), x[[1, 3]])


def test_best_of_bad_input(unchecked):
    x = normal(6, 1)
    for rewards, k in ((x[:, 0], 4), (x[:, 0], 0), (x, 2), (x[:5, 0], 2)):
        with pytest.raises(ValueError, match="groups of k"):
            best_of(x, rewards, k)
    with pytest.raises(ValueError, match="NaN"):
        best_of(x, x[:, 0] * torch.nan, 2)


# weights


def test_effective_size():
    weights = torch.tensor([0.5, 0.25, 0.25], dtype=F64)
    torch.testing.assert_close(effective_size(weights.log() - 900), 1 / weights.square().sum())
    assert effective_size(torch.zeros(7)) == pytest.approx(7)


@pytest.mark.parametrize("shift", [0.0, 800.0, -800.0])
def test_resampling_against_a_loop(shift):
    """The i-th of the points (i + u) / n lies in the part of its particle, by a running sum."""
    for seed in range(20):
        log_weights, u = normal(9, seed=seed), torch.rand((), dtype=F64, generator=generator(seed)).item()
        weights = log_weights.exp() / log_weights.exp().sum()
        expected = []
        for i in range(9):
            total, index = weights[0].item(), 0
            while total <= (i + u) / 9:
                index += 1
                total += weights[index].item()
            expected.append(index)
        assert resample(log_weights + shift, u).tolist() == expected


def test_resampling_draws_each_as_often_as_its_weight_says():
    """On average over u exactly n w, and each time its floor or its ceiling."""
    log_weights = normal(12)
    wanted = 12 * log_weights.softmax(0)
    us = (torch.arange(4000, dtype=F64) + 0.5) / 4000
    counts = torch.stack([torch.bincount(resample(log_weights, u), minlength=12) for u in us]).double()
    torch.testing.assert_close(counts.mean(0), wanted, rtol=0, atol=2 / 4000)
    assert ((counts == wanted.floor()) | (counts == wanted.ceil())).all()


def test_a_weight_of_nothing_is_never_drawn():
    """Also at both ends, at both ends of u, and where (n - 1 + u) / n is rounded to 1."""
    empty = -math.inf
    log_weights = torch.tensor([empty, 0.0, empty, 0.1, 0.2, empty, empty])
    for u in (0.0, 0.5, 1 - 2.0**-53):
        assert set(resample(log_weights, u).tolist()) <= {1, 3, 4}
        assert set(resample(torch.cat([log_weights] * 5000), u).remainder(7).tolist()) == {1, 3, 4}


@pytest.mark.parametrize("bad", [[], [-math.inf] * 3, [0.0, math.nan], [0.0, math.inf]])
def test_bad_weights(bad):
    for call in (effective_size, lambda weights: resample(weights, 0.5)):
        with pytest.raises(ValueError, match="expected (finite log weights|a weight above 0)"):
            call(torch.tensor(bad))


@pytest.mark.parametrize("u", [-0.1, 1.0, math.nan])
def test_bad_offsets(u):
    with pytest.raises(ValueError, match=r"u in \[0, 1\)"):
        resample(torch.zeros(3), u)


@pytest.mark.parametrize("var", [0.3, torch.tensor([[0.2, 0.7]], dtype=F64)])
def test_the_weight_of_a_step_by_multivariate_normals(var):
    v_old, v_new = normal(2, 5)
    x, free, pushed = normal(3, 5, 2, seed=1)
    cov = (torch.as_tensor(var, dtype=F64) * torch.ones(1, 2, dtype=F64))[0].diag()
    densities = [torch.distributions.MultivariateNormal(mean, cov).log_prob(x) for mean in (free, pushed)]
    expected = v_new - v_old + densities[0] - densities[1]
    torch.testing.assert_close(log_weight(v_old, v_new, x, free, pushed, var), expected)


def test_the_weight_of_a_step_bad_input(unchecked):
    v, x = torch.zeros(3), torch.zeros(3, 2)
    for var in (0.0, -1.0, torch.tensor([0.5, 0.0])):
        with pytest.raises(ValueError, match="positive variance"):
            log_weight(v, v, x, x, x, var)
    with pytest.raises(ValueError, match="three states"):
        log_weight(v, v, x, x[:2], x, 1.0)
    with pytest.raises(ValueError, match="values of shape"):
        log_weight(v, v[:, None], x, x, x, 1.0)


# steering


class Pulled(SDE):
    """Linear, with a noise that changes: Euler–Maruyama's chain is Gaussian, its law known step by step."""

    def drift(self, x, t):
        return 1.0 - 0.8 * x

    def diffusion(self, x, t):
        return 0.5 + t


TS = torch.linspace(0, 1, 11, dtype=F64)


def end_of_chain():
    """Mean and variance of the last state of the chain, from N(0, 1)."""
    mean, var = 0.0, 1.0
    for t, h in zip(TS[:-1].tolist(), TS.diff().tolist(), strict=True):
        mean, var = mean + h * (1 - 0.8 * mean), (1 - 0.8 * h) ** 2 * var + h * (0.5 + t) ** 2
    return mean, var


def crude(x, t):
    """A value that is the reward 1.5 x - x^2 / 4 at the last time, and wrong before."""
    return t * (1.5 * x - x**2 / 4)[:, 0] + (1 - t) * torch.sin(3 * x[:, 0])


def tilted_end():
    """Mean and variance of the end, tilted, and the logarithm of its normaliser."""
    mean, var = end_of_chain()
    narrowed = 1 / (1 / var + 0.5)
    shifted = narrowed * (mean / var + 1.5)
    log_z = math.log(narrowed / var) / 2 + shifted**2 / (2 * narrowed) - mean**2 / (2 * var)
    return shifted, narrowed, log_z


WAYS = {
    "weights alone": {"push": False, "threshold": 0.0},
    "chosen": {"push": False, "threshold": 0.5},
    "pushed": {"push": True, "threshold": 0.0},
    "pushed and chosen": {"push": True, "threshold": 0.5},
    "chosen at every step": {"push": True, "threshold": 1.0},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_steering_is_unbiased(way):
    """Small crowds, many of them: the means of Z, and of Z times weighted means, are exact within 5 sigma.

    The functions are x, its square and its place below the median; of a crowd drawn anew at the end, too. All hold
    whatever the value says on the way; a crowd of 8 would not forgive a wrong weight.
    """
    shifted, narrowed, log_z = tilted_end()
    found = []
    for seed in range(600):
        x0 = normal(8, 1, seed=seed)
        crowd = steer(Pulled(), crude, x0, TS, generator=generator(10_000 + seed), **way)
        z = (crowd.log_normaliser - log_z).exp()
        x = crowd.x[:, 0]
        anew = crowd.resampled(generator(20_000 + seed)).mean()
        means = [crowd.weights @ x, crowd.weights @ x.square(), crowd.weights @ (x < shifted).double(), anew]
        found.append(z * torch.stack([torch.ones_like(z), *means]))
    found = torch.stack(found)
    exact = torch.tensor([1.0, shifted, narrowed + shifted**2, 0.5, shifted], dtype=F64)
    errors = found.std(0) / math.sqrt(len(found))
    assert ((found.mean(0) - exact).abs() < 5 * errors).all()
    assert (errors < 0.2 * exact).all()


def test_the_exact_value_leaves_no_noise_in_the_weights():
    """Brownian motion and r = a x: V = a x + a^2 (1 - t) / 2 is exact, and every weight the same."""
    crowd = steer(
        BrownianMotion(0.7), lambda x, t: 2 * x[:, 0] + 2 * 0.49 * (1 - t), normal(50, 1) * 0, TS, generator=generator()
    )
    torch.testing.assert_close(crowd.log_weights, torch.full((50,), 2 * 0.49, dtype=F64))
    assert crowd.log_normaliser.item() == pytest.approx(2 * 0.49)
    assert crowd.resamplings == 0


def test_images_are_steered_too():
    def value(x, t):
        return x.flatten(1).sum(1)

    crowd = steer(BrownianMotion(), value, torch.zeros(500, 1, 2, 2), TS.float(), generator=generator())
    assert crowd.x.shape == (500, 1, 2, 2) and crowd.log_normaliser.item() == pytest.approx(2.0, abs=1e-4)
    assert ((crowd.x.mean(0) - 1).abs() < 5 / math.sqrt(500)).all()


def test_one_seed_one_crowd_and_no_gradients():
    x0 = normal(20, 1)
    crowds = [steer(Pulled(), crude, x0, TS, generator=generator(3)) for _ in range(2)]
    assert torch.equal(crowds[0].x, crowds[1].x) and torch.equal(crowds[0].log_weights, crowds[1].log_weights)
    assert not crowds[0].x.requires_grad and not crowds[0].log_weights.requires_grad


def test_a_value_without_a_gradient_can_still_choose():
    def steps(x, t):
        return (x[:, 0] > 0).double()

    crowd = steer(Pulled(), steps, normal(50, 1), TS, push=False, generator=generator())
    assert crowd.x.shape == (50, 1)
    with pytest.raises(ValueError, match="with a gradient"):
        steer(Pulled(), steps, normal(50, 1), TS)


def test_particles_resampled():
    crowd = Particles(normal(4, 2), torch.tensor([0.0, -math.inf, -math.inf, 0.0]), torch.tensor(0.0), 0)
    rows = crowd.resampled(generator())
    assert torch.equal(rows, crowd.x[[0, 0, 3, 3]])
    torch.testing.assert_close(crowd.weights, torch.tensor([0.5, 0.0, 0.0, 0.5]))


def test_steering_bad_input():
    x0 = normal(5, 1)
    for ts in (TS[:1], TS.flip(0), TS * 0):
        with pytest.raises(ValueError, match="increasing times"):
            steer(Pulled(), crude, x0, ts)
    for threshold in (-0.1, 1.5, math.nan):
        with pytest.raises(ValueError, match="threshold from 0 to 1"):
            steer(Pulled(), crude, x0, TS, threshold=threshold)
    with pytest.raises(ValueError, match="all -inf"):
        steer(Pulled(), lambda x, t: -math.inf * x[:, 0].abs(), x0, TS, push=False)
    with pytest.raises(ValueError, match="positive variance"):
        steer(BrownianMotion(0.0), crude, x0, TS)
