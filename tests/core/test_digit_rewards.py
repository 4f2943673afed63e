"""Rewards of digits, and the generator on tilted mixtures, beside dense formulas and reweighted samples."""

import copy
from functools import cache

import pytest
import torch

from course_utils import data, digits
from course_utils.digits import PixelReward, mixtures_beneath
from course_utils.distributions import PCAMixture
from course_utils.networks import Residual
from course_utils.paths import GaussianPath, marginal
from course_utils.steering import effective_size

F64 = torch.float64
IMAGE = (1, 28, 28)


@cache
def some():
    return data.mnist("train", "offline")


@cache
def model():
    return digits.load(digits.FINISHED_PIXELS, "cpu")[0]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


REWARDS = pytest.mark.parametrize("make", [digits.ink, digits.slant])


@REWARDS
def test_rewards_are_standardised_over_real_digits(make):
    r = make(some().images)(some().images).double()
    assert abs(r.mean()) < 1e-4 and abs(r.std() - 1) < 1e-5


def test_what_a_pixel_counts():
    """Ink: all the same. Slant: rows above the middle times columns to the right of it."""
    blank, pixels = -torch.ones(3, *IMAGE), [(4, 22), (23, 6), (4, 5)]
    for image, (row, column) in zip(blank, pixels, strict=True):
        image[0, row, column] = 1.0
    thick, lean = digits.ink(some().images), digits.slant(some().images)
    assert thick(blank).std() < 1e-4
    gains = lean(blank) - lean(-torch.ones(1, *IMAGE))
    wanted = torch.tensor([(13.5 - row) * (column - 13.5) for row, column in pixels])
    torch.testing.assert_close(gains / gains[0], wanted / wanted[0], rtol=1e-3, atol=1e-3)
    assert gains[0] > 0


@REWARDS
def test_a_reward_is_linear(make):
    """A mean of two digits has the mean of their rewards."""
    reward, x = make(some().images), some().images[:100]
    torch.testing.assert_close(reward((x[:50] + x[50:]) / 2), (reward(x)[:50] + reward(x)[50:]) / 2, rtol=0, atol=1e-4)


def dense(mixture: PCAMixture) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and covariances of the components in all pixels."""
    basis, rank = mixture.basis.double(), mixture.rank
    outside = mixture.rest.double() * (torch.eye(len(basis), dtype=F64) - basis @ basis.T)
    rest = outside + basis[:, rank:] * mixture.variances.double() @ basis[:, rank:].T
    lead = basis[:, :rank]
    means = mixture.centre.double().flatten() + mixture.top.means.double() @ lead.T
    return means, lead @ mixture.top.covs.double() @ lead.T + rest


@REWARDS
@pytest.mark.parametrize("label", [3, None])
def test_tilted_weights_and_means_in_all_pixels(make, label):
    r"""Each component: $\mu + \Sigma b$, and its weight times $e^{b \cdot \mu + b^T \Sigma b / 2}$."""
    eta, reward = 1.5, make(some().images)
    before = mixtures_beneath(model())[label]
    after = mixtures_beneath(digits.tilted_digits(model(), reward, eta))[label]
    b = eta * reward.slope.double().flatten()
    means, covs = dense(before)
    shifts = covs @ b
    wanted = (before.top.weights.double().log() + means @ b + shifts @ b / 2).softmax(0)
    torch.testing.assert_close(after.top.weights.double(), wanted, rtol=1e-3, atol=1e-5)
    assert (wanted - before.top.weights).abs().max() > 0.02
    tilted_means, tilted_covs = dense(after)
    torch.testing.assert_close(tilted_means, means + shifts, rtol=0, atol=1e-4)
    torch.testing.assert_close(tilted_covs, covs, rtol=0, atol=1e-6)


@REWARDS
def test_tilted_means_by_reweighted_samples(make):
    """Every pixel's mean within 5 standard errors, and so far from the old mean that this says something."""
    eta, reward = 1.0, make(some().images)
    before = mixtures_beneath(model())[4]
    after = mixtures_beneath(digits.tilted_digits(model(), reward, eta))[4]
    z = before.draw(20_000, seeded(1))
    weights = (eta * reward(z)).double().softmax(0)
    flat, mean = z.double().flatten(1), after.mean.double().flatten()
    errors = (weights.square() @ (flat - mean).square()).sqrt()
    assert ((weights @ flat - mean).abs() < 5 * errors).all()
    assert ((before.mean.flatten() - mean).abs() > 5 * errors).any()
    error = (weights.square() @ (reward(z) - reward(after.mean[None])).double().square()).sqrt()
    assert abs(weights @ reward(z).double() - reward(after.mean[None]).item()) < 5 * error


def test_the_network_is_the_same_on_another_base():
    reward = digits.ink(some().images)
    thicker = digits.tilted_digits(model(), reward, 1.0)
    tilted = {label: m.tilted(reward.slope) for label, m in mixtures_beneath(model()).items()}
    exact = marginal(GaussianPath(), tilted)
    x, y = torch.randn(4, *IMAGE, generator=seeded()), torch.tensor([7, 1, 10, 3])
    early, late = torch.tensor(0.2), torch.tensor(0.6)
    torch.testing.assert_close(thicker(x, early, y), exact.velocity(x, early, y))
    added = model().scale(late) * model().net(x, late, y)
    torch.testing.assert_close(thicker(x, late, y), exact.velocity(x, late, y) + added)
    assert added.abs().max() > 1e-3 and thicker.net is model().net


def test_no_tilt_changes_nothing_and_the_opposite_tilt_leads_back():
    reward, x, y = digits.slant(some().images), torch.randn(3, *IMAGE, generator=seeded()), torch.tensor([0, 5, 10])
    t = torch.tensor(0.5)
    torch.testing.assert_close(digits.tilted_digits(model(), reward, 0.0)(x, t, y), model()(x, t, y))
    there = digits.tilted_digits(model(), reward, 0.8)
    assert (there(x, t, y) - model()(x, t, y)).abs().max() > 0.01
    torch.testing.assert_close(digits.tilted_digits(there, reward, -0.8)(x, t, y), model()(x, t, y), atol=1e-3, rtol=0)


def test_weights_of_real_digits():
    """Within each label the share of its sum; labels count alike, however many there are of each."""
    rewards, labels = torch.randn(50, generator=seeded(), dtype=F64), torch.arange(50) % 7 % 3
    weights = digits.tilted_weights(rewards, labels, eta=0.7)
    for label in range(3):
        own = labels == label
        total = sum(2.718281828459045 ** (0.7 * r) for r in rewards[own].tolist())
        wanted = [2.718281828459045 ** (0.7 * r) / total / 3 for r in rewards[own].tolist()]
        assert weights[own].tolist() == pytest.approx(wanted)


def test_effective_size_of_the_thickness_of_real_digits():
    """A third of them at eta = 1: within a label thickness varies less than over all digits."""
    r = digits.ink(some().images)(some().images)
    shares = [
        (effective_size(digits.tilted_weights(r, some().labels, eta).log()) / len(r)).item() for eta in (0, 0.5, 1)
    ]
    assert shares[0] == pytest.approx(1) and shares[0] > shares[1] > shares[2]
    assert 0.25 < shares[2] < 0.45


@pytest.mark.parametrize("eta", [torch.inf, torch.nan])
def test_a_tilt_must_be_finite(eta):
    with pytest.raises(ValueError, match="expected a finite eta, got"):
        digits.tilted_digits(model(), digits.ink(some().images), eta)
    with pytest.raises(ValueError, match="expected finite rewards and a finite eta"):
        digits.tilted_weights(torch.zeros(2), torch.zeros(2, dtype=torch.long), eta)


def test_what_does_not_fit_is_refused(unchecked):
    with pytest.raises(ValueError, match=r"expected a of shape \(1, 28, 28\), got \(2,\)"):
        digits.tilted_digits(model(), PixelReward(torch.zeros(2), 0.0), 1.0)
    with pytest.raises(ValueError, match="expected Lab 4's generator, .* got LatentDigits"):
        digits.tilted_digits(digits.load(digits.FINISHED, "cpu")[0], digits.ink(some().images), 1.0)
    with pytest.raises(ValueError, match="expected images that the template tells apart"):
        PixelReward.standardised(torch.zeros(IMAGE), some().images[:5])
    with pytest.raises(ValueError, match=r"expected states of shape \(batch, 1, 28, 28\)"):
        digits.ink(some().images)(torch.zeros(3, 784))
    with pytest.raises(ValueError, match="expected labels of shape"):
        digits.tilted_weights(torch.zeros(3), torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match="expected finite rewards"):
        digits.tilted_weights(torch.tensor([0.0, torch.nan]), torch.zeros(2, dtype=torch.long))


def brightness(x, y):
    return x.mean((1, 2, 3))


def test_one_step_up_a_reward_written_out():
    """AdamW from the gradient through both evaluations; the leash holds on to what the model made of the same draw."""
    leash, lr = 0.5, 1e-3
    start = model().start
    climbed = digits.climb(model(), brightness, leash=leash, steps=2, lr=lr, generator=seeded(3), progress=False)
    source, net = seeded(3), copy.deepcopy(model().net)
    mixtures, optimizer = mixtures_beneath(model()), torch.optim.AdamW(net.parameters(), lr, weight_decay=0.01)

    def image(net, x, y):
        field = lambda x, t: model().base(x, t, y) + model().scale(t) * net(x, t, y)  # noqa: E731
        middle = x + (1 - start) / 2 * field(x, torch.tensor(start))
        return x + (1 - start) * field(middle, torch.tensor((1 + start) / 2))

    for _ in range(2):
        y = torch.randint(10, (64,), generator=source)
        x = digits.exact_draw(mixtures, y, start, source)
        made, before = image(net, x, y), image(model().net, x, y).detach()
        loss = leash / 2 * (made - before).square().sum() / 64 - made.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for ours, expected in zip(climbed.net.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)


def test_climbing_raises_the_reward_leaves_the_model_alone_and_a_leash_holds_back():
    before = [p.clone() for p in model().parameters()]
    y = torch.arange(20) % 10
    gains = []
    for leash in (None, 0.0, 5.0):
        made = model()
        if leash is not None:
            made = digits.climb(model(), brightness, leash=leash, steps=6, generator=seeded(), progress=False)
        x = digits.few_steps(made, y, 2, method="midpoint", generator=seeded(1))
        gains.append(brightness(x, y).mean().item())
    assert gains[1] > gains[0] + 0.01 and gains[2] - gains[0] < 0.5 * (gains[1] - gains[0])
    assert all(torch.equal(a, b) for a, b in zip(before, model().parameters(), strict=True))


def test_what_cannot_climb_is_refused():
    with pytest.raises(ValueError, match="expected a leash of at least 0, got -1"):
        digits.climb(model(), brightness, leash=-1.0)
    with pytest.raises(ValueError, match=r"expected rewards of shape \(64,\), one a digit, got \(\)"):
        digits.climb(model(), lambda x, y: x.mean(), progress=False)
    with pytest.raises(ValueError, match="expected the exact field of mixtures"):
        digits.climb(Residual(lambda x, t, y: x, torch.ones_like, model().net), brightness, progress=False)
