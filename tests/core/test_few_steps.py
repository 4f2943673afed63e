"""Digits in few evaluations against what is known exactly: one Gaussian a label, mixtures written out."""

import pytest
import torch

from course_utils import digits
from course_utils.distributions import GaussianMixture, PCAMixture

EVENT = (1, 2, 3)
D, RANK = 6, 3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.double)


def a_mixture(seed, components=3):
    """A mixture of images of six pixels, with five directions of its own."""
    basis = torch.linalg.qr(normal(D, D, seed=seed))[0][:, :5]
    factors = normal(components, RANK, RANK, seed=seed + 1)
    weights = torch.arange(1.0, components + 1).double()
    top = GaussianMixture(normal(components, RANK, seed=seed + 2), factors @ factors.mT, weights)
    return PCAMixture(normal(*EVENT, seed=seed + 3), basis, top, torch.tensor([0.3, 0.1]).double(), 0.02)


MIXTURES = {0: a_mixture(10), 1: a_mixture(20), None: a_mixture(30)}


def moments(mixture, t):
    """Mean and covariance of t z + (1 - t) noise: those of the parts, added as the parts are independent."""
    top, k = mixture.top, RANK
    means = top.means - top.mean
    inside = torch.einsum("k,kij->ij", top.weights, top.covs + means[:, :, None] * means[:, None])
    covariance = mixture.rest * torch.eye(D).double()
    leading, others = mixture.basis[:, :k], mixture.basis[:, k:]
    covariance += leading @ (inside - mixture.rest * torch.eye(k)) @ leading.T
    covariance += others @ (mixture.variances - mixture.rest).diag() @ others.T
    return t * mixture.mean.flatten(), t**2 * covariance + (1 - t) ** 2 * torch.eye(D).double()


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_an_exact_draw_has_the_moments_of_the_noisy_mixture_of_its_label(t):
    """Every mean and covariance within 5 standard errors, those of the covariances from the products' spread."""
    n = 20_000
    y = torch.arange(3).repeat(n)
    x = digits.exact_draw(MIXTURES, y, t, seeded(1))
    assert x.shape == (3 * n, *EVENT) and x.dtype == torch.double
    for label, mixture in enumerate(MIXTURES.values()):
        mean, covariance = moments(mixture, t)
        centred = x[y == label].flatten(1) - mean
        assert (centred.mean(0).abs() < 5 * (covariance.diagonal() / n).sqrt()).all()
        products = centred[:, :, None] * centred[:, None]
        assert ((products.mean(0) - covariance).abs() < 5 * products.std(0) / n**0.5).all()


def test_an_exact_draw_has_the_law_of_sampled_data_and_noise():
    """Along random directions, the shares below ten levels of the draw and of `mixture.sample` with noise: 5 sigma."""
    n, t = 20_000, 0.6
    drawn = digits.exact_draw(MIXTURES, torch.zeros(n, dtype=torch.long), t, seeded(2)).flatten(1)
    torch.manual_seed(3)
    others = (t * MIXTURES[0].sample((n,)) + (1 - t) * torch.randn(n, *EVENT, dtype=torch.double)).flatten(1)
    directions = normal(D, 8, seed=4)
    for ours, theirs in zip((drawn @ directions).T, (others @ directions).T, strict=True):
        levels = theirs.quantile(torch.linspace(0.05, 0.95, 10).double())
        below = (ours[:, None] < levels).double().mean(0)
        expected = (theirs[:, None] < levels).double().mean(0)
        assert ((below - expected).abs() < 5 * (2 * expected * (1 - expected) / n).sqrt()).all()


def test_each_state_of_an_exact_draw_may_have_its_own_time():
    n = 4000
    t = torch.tensor([0.0, 1.0]).double().repeat(n)
    x = digits.exact_draw(MIXTURES, torch.zeros(2 * n, dtype=torch.long), t, seeded(5)).flatten(1)
    for at in (0.0, 1.0):
        mean, covariance = moments(MIXTURES[0], at)
        here = x[t == at]
        assert ((here.mean(0) - mean).abs() < 5 * (covariance.diagonal() / n).sqrt()).all()
        variances = (here - mean).square()
        assert ((variances.mean(0) - covariance.diagonal()).abs() < 5 * variances.std(0) / n**0.5).all()


def test_the_generator_decides_an_exact_draw_and_nothing_else_is_touched():
    y = torch.tensor([1, 0, 2, 1])
    state = torch.get_rng_state()
    first, same, other = (digits.exact_draw(MIXTURES, y, 0.3, seeded(seed)) for seed in (6, 6, 7))
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_cannot_be_drawn_is_refused(unchecked):
    for y, words in (
        (torch.tensor([0, 3]), "from 0 to 2 .the null label., got labels from 0 to 3"),
        (torch.tensor([-1]), "got labels from -1 to -1"),
        (torch.tensor([], dtype=torch.long), "at least one label, .* got none"),
        (torch.tensor([0.0]), "whole numbers as labels"),
        (torch.tensor([[0]]), "labels of shape"),
        (torch.tensor(0), "labels of shape"),
    ):
        with pytest.raises(ValueError, match=words):
            digits.exact_draw(MIXTURES, y, 0.3)
    for t in (-0.1, 1.5, float("nan"), torch.tensor([0.1, 0.2])):
        with pytest.raises(ValueError, match="t runs from 0|time t of shape"):
            digits.exact_draw(MIXTURES, torch.tensor([0]), t)
    with pytest.raises(ValueError, match="labels 0 to n-1 and None"):
        digits.exact_draw({0: MIXTURES[0], 1: MIXTURES[1]}, torch.tensor([0]), 0.3)


def test_the_mixtures_of_a_generator_are_those_of_its_field():
    field = digits.ClassMixtures(MIXTURES)
    assert digits.mixtures_beneath(field) == MIXTURES
    assert list(digits.mixtures_beneath(digits.load(digits.FINISHED)[0])) == [*range(10), None]
    assert list(digits.mixtures_beneath(digits.load(digits.FINISHED_PIXELS)[0])) == [*range(10), None]
    with pytest.raises(ValueError, match="exact field of mixtures"):
        digits.mixtures_beneath(torch.nn.Identity())
