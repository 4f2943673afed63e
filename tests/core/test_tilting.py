"""Tilted mixtures against integrals on a grid, importance weights, and what a tilt may not do."""

import pytest
import torch

from course_utils.distributions import GaussianMixture, PCAMixture
from tests.support.mixtures import in_principal_directions, normal

F64 = torch.float64
LINE = GaussianMixture(
    torch.tensor([[-2.0], [0.3], [1.8]], dtype=F64),
    torch.tensor([0.25, 0.4, 0.2], dtype=F64).square()[:, None, None],
    torch.tensor([0.3, 0.4, 0.3], dtype=F64),
)
PLANE = GaussianMixture(
    torch.tensor([[-1.0, 0.5], [1.0, 0.0]], dtype=F64),
    torch.tensor([[[0.5, 0.2], [0.2, 0.3]], [[0.3, -0.1], [-0.1, 0.6]]], dtype=F64),
    torch.tensor([0.3, 0.7], dtype=F64),
)


def grid(d):
    """Midpoints of cells over [-8, 8]^d, shape (cells, d), and the volume of one."""
    per_side = {1: 16_000, 2: 640}[d]
    side = (torch.arange(per_side, dtype=F64) + 0.5) * 16 / per_side - 8
    return torch.cartesian_prod(*[side] * d).reshape(-1, d), (16 / per_side) ** d


BOWL = torch.tensor([[2.0, 0.5], [0.5, 0.3]], dtype=F64)
SADDLE = torch.tensor([[0.0, 0.5], [0.5, 0.0]], dtype=F64)
REWARDS = {
    "linear": (LINE, torch.tensor([1.0], dtype=F64), None, 0.5),
    "downhill": (LINE, torch.tensor([-1.0], dtype=F64), None, 2.0),
    "observation": (LINE, torch.tensor([1.2 / 0.25], dtype=F64), torch.tensor([[4.0]], dtype=F64), 1.0),
    "convex": (LINE, torch.tensor([0.5], dtype=F64), torch.tensor([[-3.0]], dtype=F64), 1.5),
    "plane": (PLANE, torch.tensor([1.0, -0.5], dtype=F64), None, 0.7),
    "plane, quadratic": (PLANE, torch.tensor([1.0, -0.5], dtype=F64), BOWL, 0.7),
    "plane, saddle": (PLANE, torch.tensor([0.0, 0.3], dtype=F64), SADDLE, 0.7),
}


@pytest.mark.parametrize(("mixture", "a", "Q", "lam"), REWARDS.values(), ids=REWARDS)
def test_density_and_normaliser_by_integration(mixture, a, Q, lam):
    x, volume = grid(len(a))
    reward = x @ a if Q is None else x @ a - torch.einsum("bi,ij,bj->b", x, Q, x) / 2
    log_p = mixture.log_prob(x) + reward / lam
    log_z = (log_p.exp().sum() * volume).log()
    torch.testing.assert_close(mixture.log_normaliser(a, Q, lam), log_z)
    tilted = mixture.tilted(a, Q, lam)
    near = log_p > log_p.max() - 30
    torch.testing.assert_close(tilted.log_prob(x[near]), (log_p - log_z)[near])
    if Q is None:
        assert torch.equal(tilted.covs, mixture.covs)


def test_reward_and_distance_of_the_line():
    """E r and KL of Lab 9's line, from the figures that integration gives: r = x."""
    x, volume = grid(1)
    one = torch.ones(1, dtype=F64)
    for lam in (2.0, 1.0, 0.5, 0.25):
        p = (LINE.log_prob(x) + x[:, 0] / lam - LINE.log_normaliser(one, lam=lam)).exp()
        gain = (p @ x[:, 0]) * volume
        kl = (p * (x[:, 0] / lam - LINE.log_normaliser(one, lam=lam))).sum() * volume
        torch.testing.assert_close(LINE.tilted(one, lam=lam).mean[0], gain)
        torch.testing.assert_close(gain / lam - LINE.log_normaliser(one, lam=lam), kl)


@pytest.mark.parametrize(("mixture", "a", "Q", "lam"), list(REWARDS.values())[-3:], ids=list(REWARDS)[-3:])
def test_importance_weights_agree(mixture, a, Q, lam):
    """Mean and second moments within 5 standard errors of the self-normalised estimate."""
    z = mixture.draw(100_000, torch.Generator().manual_seed(1))
    reward = z @ a if Q is None else z @ a - torch.einsum("bi,ij,bj->b", z, Q, z) / 2
    weights = (reward / lam).softmax(0)
    tilted = mixture.tilted(a, Q, lam)
    moments = torch.einsum("k,kij->ij", tilted.weights, tilted.covs + tilted.means[:, :, None] * tilted.means[:, None])
    for f, exact in ((z, tilted.mean), (z[:, :, None] * z[:, None], moments)):
        flat, exact = f.flatten(1), exact.flatten()
        error = ((weights.square()[:, None] * (flat - exact).square()).sum(0)).sqrt()
        assert ((weights @ flat - exact).abs() < 5 * error).all()


def test_images_in_principal_directions():
    """The same as tilting the full mixture."""
    mixture, full = in_principal_directions()
    a, x = normal(1, 2, 3, seed=4), normal(5, 1, 2, 3, seed=5)
    torch.testing.assert_close(mixture.tilted(a, 0.7).log_prob(x), full.tilted(a, lam=0.7).log_prob(x))
    torch.testing.assert_close(mixture.log_normaliser(a, 0.7), full.log_normaliser(a, lam=0.7))
    torch.testing.assert_close(mixture.tilted(a).mean, full.tilted(a).mean)


def test_a_component_without_width_stays_where_it_is():
    flat = GaussianMixture(torch.tensor([[1.0, 2.0]]), torch.tensor([[[4.0, 0.0], [0.0, 0.0]]]))
    tilted = flat.tilted(torch.tensor([1.0, 5.0]), torch.tensor([[0.75, 0.0], [0.0, 9.0]]))
    torch.testing.assert_close(tilted.means, torch.tensor([[1 + 0.25, 2.0]]))
    torch.testing.assert_close(tilted.covs, torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))


def test_one_tilt_after_another_is_their_sum():
    a, b, Q = normal(2), normal(2, seed=1), torch.tensor([[0.5, 0.2], [0.2, 0.4]], dtype=F64)
    once, twice = PLANE.tilted(a + b, Q), PLANE.tilted(a).tilted(b, Q)
    for one, two in zip((once.means, once.covs, once.weights), (twice.means, twice.covs, twice.weights), strict=True):
        torch.testing.assert_close(one, two)


def test_far_tilts_stay_finite():
    far = LINE.tilted(torch.tensor([1.0], dtype=F64), lam=1e-3)
    assert torch.equal(far.weights, torch.tensor([0.0, 1.0, 0.0], dtype=F64))  # the widest
    torch.testing.assert_close(far.means[1, 0], torch.tensor(0.3 + 160, dtype=F64))


@pytest.mark.parametrize("curvature", [-1 / 0.16, -7.0])
def test_a_reward_that_leaves_nothing_to_normalise(curvature):
    """The widest component has variance 0.16: from a curvature of -1/0.16 on, its integral is infinite."""
    Q = torch.tensor([[curvature]], dtype=F64)
    for call in (LINE.tilted, LINE.log_normaliser):
        with pytest.raises(ValueError, match="a law to normalise"):
            call(torch.zeros(1, dtype=F64), Q * (1 + 1e-9))
    assert LINE.tilted(torch.zeros(1, dtype=F64), Q, lam=2.0).covs.isfinite().all()


@pytest.mark.parametrize("lam", [0.0, -1.0, float("inf"), float("nan")])
def test_temperatures_are_positive(lam):
    basis = torch.linalg.qr(normal(2, 2))[0]
    image = PCAMixture(torch.zeros(2, dtype=F64), basis, PLANE, torch.zeros(0, dtype=F64), 1.0)
    for mixture in (PLANE, image):
        for call in (mixture.tilted, mixture.log_normaliser):
            with pytest.raises(ValueError, match="positive, finite lambda"):
                call(torch.ones(2, dtype=F64), lam=lam)


def test_shapes_of_rewards():
    basis = torch.linalg.qr(normal(2, 2))[0]
    image = PCAMixture(torch.zeros(2, dtype=F64), basis, PLANE, torch.zeros(0, dtype=F64), 1.0)
    for mixture in (PLANE, image):
        with pytest.raises(ValueError, match=r"a of shape \(2,\)"):
            mixture.tilted(torch.ones(3, dtype=F64))
    with pytest.raises(ValueError, match=r"Q of shape \(2, 2\)"):
        PLANE.tilted(torch.ones(2, dtype=F64), torch.ones(1, 1, dtype=F64))
    with pytest.raises(ValueError, match="symmetric Q"):
        PLANE.tilted(torch.ones(2, dtype=F64), torch.tensor([[1.0, 0.5], [0.2, 1.0]], dtype=F64))
