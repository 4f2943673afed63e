"""Mixtures of which some coordinates are known, against integrals over a grid and against precision matrices."""

import pytest
import torch

from course_utils.distributions import GaussianMixture, conditioned

F64 = torch.double


def mixture(d, components=3, seed=0):
    source = torch.Generator().manual_seed(seed)
    roots = torch.randn(components, d, d, generator=source, dtype=F64)
    means = torch.randn(components, d, generator=source, dtype=F64)
    weights = torch.rand(components, generator=source, dtype=F64) + 0.1
    return GaussianMixture(means, roots @ roots.mT + 0.3 * torch.eye(d, dtype=F64), weights)


@pytest.mark.parametrize("known", [[True, False], [False, True]])
def test_a_cut_through_a_density_in_the_plane(known):
    """p(b | a) is p(a, b) along the line, divided by its integral."""
    known, value = torch.tensor(known), torch.tensor([0.7], dtype=F64)
    plane = mixture(2)
    grid = torch.linspace(-15, 15, 6001, dtype=F64)
    points = torch.empty(len(grid), 2, dtype=F64)
    points[:, known] = value
    points[:, ~known] = grid[:, None]
    cut = plane.log_prob(points).exp()
    by_hand = cut / torch.trapezoid(cut, grid)
    assert torch.allclose(conditioned(plane, known, value).log_prob(grid[:, None]).exp(), by_hand, atol=1e-9)


def test_the_precision_of_what_is_left_is_a_block_of_the_precision():
    """With P = Sigma^-1 the covariance of b given a is P_bb^-1, and its mean moves by -P_bb^-1 P_ba off."""
    known = torch.tensor([False, True, True, False, True])
    values = torch.tensor([0.3, -1.0, 2.0], dtype=F64)
    whole = mixture(5)
    found = conditioned(whole, known, values)
    for k, precision in enumerate(torch.linalg.inv(whole.covs)):
        cov = torch.linalg.inv(precision[~known][:, ~known])
        mean = whole.means[k, ~known] - cov @ precision[~known][:, known] @ (values - whole.means[k, known])
        assert torch.allclose(found.covs[k], cov, atol=1e-10)
        assert torch.allclose(found.means[k], mean, atol=1e-10)


def test_precision_of_the_numbers_is_kept():
    single = GaussianMixture(torch.zeros(2, 3))
    found = conditioned(single, torch.tensor([True, False, False]), torch.tensor([1.0]))
    assert found.means.dtype == torch.float32 and found.weights.tolist() == [0.5, 0.5]


def test_bad_input_is_refused():
    plane = mixture(2)
    some = torch.tensor([True, False])
    for known in (torch.ones(2, dtype=torch.bool), torch.zeros(2, dtype=torch.bool)):
        with pytest.raises(ValueError, match="some of 2 coordinates to be known, but not all"):
            conditioned(plane, known, torch.zeros(int(known.sum()), dtype=F64))
    with pytest.raises(ValueError, match="1 values of known coordinates"):
        conditioned(plane, some, torch.zeros(2, dtype=F64))
    flat = GaussianMixture(torch.zeros(1, 2), torch.diag(torch.tensor([0.0, 1.0]))[None])
    with pytest.raises(ValueError, match="a singular one"):
        conditioned(flat, some, torch.zeros(1))


def test_known_is_one_flag_a_coordinate(unchecked):
    with pytest.raises(ValueError, match="some of 2 coordinates"):
        conditioned(mixture(2), torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=F64))
