"""What Lab 9's benchmarks of digits make by themselves: choices, overlays, climbing pixels, completed halves."""

import itertools
from functools import cache

import pytest
import torch
from torch import nn

from benchmarks import fine_tuning, hacking, half_digits, preferences, rewards, tilted_digits
from course_utils import data, digits
from course_utils.classifier import digit_classifier
from course_utils.digits import PixelReward
from course_utils.distributions import GaussianMixture, PCAMixture
from course_utils.paths import GaussianPath, marginal

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@cache
def some():
    return data.mnist("train", "offline")


@pytest.fixture
def asked():
    return tilted_digits.asked_of(some(), digits.ink(some().images), 1.0)


def test_images_are_drawn_by_weight_within_their_label(asked):
    """Mean rewards of a label at 5 standard errors; as many of each label."""
    x, y = some().images, some().labels
    images, labels = tilted_digits.chosen(x, y, asked, 3000, 0)
    assert torch.bincount(labels).tolist() == [300] * 10
    for label in (1, 8):
        r = asked.reward(images[labels == label])
        own = y == label
        wanted = asked.weights[own] @ asked.reward(x[own]) * 10
        assert abs(r.mean() - wanted) < 5 * r.std() / 300**0.5


def test_an_overlay_has_the_reward_asked_for_and_the_same_digits(asked):
    x = some().images[:200]
    over = tilted_digits.overlaid(x, asked, 0.9)
    assert asked.reward(over).mean().item() == pytest.approx(0.9, abs=1e-3)
    assert over.abs().max() <= 1
    inside = (over - x)[(over.abs() < 0.99) & (x.abs() < 1)]
    assert inside.std() < 1e-4 and inside.mean() > 0.01


def test_the_best_are_of_one_label_each():
    n = 30
    pool, y = some().images[: 8 * n], torch.arange(8 * n) % 10
    asked = tilted_digits.Asked(PixelReward(torch.ones(1, 28, 28), 0.0), 1.0, torch.ones(1))
    sums = pool.flatten(1).sum(1)
    for k in (2, 8):
        best = tilted_digits.best(pool, asked, k).flatten(1).sum(1)
        wanted = [max(sums[i], *(sums[i + j * n] for j in range(1, k))) for i in range(n)]
        torch.testing.assert_close(best, torch.stack(wanted))
        assert all(y[i] == y[i + j * n] for i in range(n) for j in range(k))


def test_pixels_of_noise_convince_a_judge():
    classifier, y = digit_classifier(), torch.arange(20) % 10
    wanted = torch.randn(20, 1, 28, 28, generator=seeded(4)) * 0.3
    still = hacking.noise_up(lambda x, y: x.sum((1, 2, 3)) * 0, y, 4, steps=1)
    torch.testing.assert_close(still, wanted.clamp(-1, 1))
    up = hacking.noise_up(lambda x, y: hacking.log_p(classifier, hacking.other, x, y), y, 4, steps=8)
    log_p = classifier(torch.stack([still, up]).flatten(0, 1)).log_softmax(1)[
        torch.arange(40), hacking.other(y).repeat(2)
    ]
    assert log_p[20:].mean() > log_p[:20].mean() + 1


def test_the_target_of_adjoint_matching_is_right_at_the_answer_for_one_noise_alone():
    """At 5 standard errors, and off by far more with 0.7 of the noise; where time is short of steps, by 1%."""
    x = torch.linspace(-2, 2, 50, dtype=F64)[:, None]
    t = torch.tensor(0.9, dtype=F64)
    change = (fine_tuning.TILTED.velocity(x, t) - rewards.EXACT.velocity(x, t)).square().mean().sqrt().item()
    right, chance = fine_tuning.target_error(1.0, 0.9, n=2000, steps=150)
    wrong, _ = fine_tuning.target_error(0.7, 0.9, n=2000, steps=150)
    assert right < 5 * chance + 0.02 * change < 0.5 * wrong


def test_adjoints_by_autograd_through_the_free_drift():
    """On one flight in two steps: -1/lambda times the slope of the end by the state, the noise held."""
    x, t, adjoint = fine_tuning.flights(rewards.EXACT.velocity, rewards.LINE.draw(3, seeded()), 2, 0.7, seeded(1))
    ts = fine_tuning.grid(2)

    def drift(x, t):
        """u + sigma^2/2 score, for the linear path by hand."""
        u = rewards.EXACT.velocity(x, t)
        return u + 0.49 * (1 - t) / t * (t * u - x) / (1 - t)

    for k in range(2):
        at = x.reshape(2, 3, 1)[k].clone().requires_grad_()
        end = at + ts.diff()[k] * drift(at, ts[k])
        if k == 0:
            between = x.reshape(2, 3, 1)[1]
            end = end + (between - end).detach()
            end = end + ts.diff()[1] * drift(end, ts[1])
        [slope] = torch.autograd.grad(end.sum(), at)
        torch.testing.assert_close(adjoint.reshape(2, 3, 1)[k], -slope / rewards.LAM)


@pytest.mark.parametrize("loss", [way[0] for way in fine_tuning.WAYS.values()], ids=list(fine_tuning.WAYS))
def test_a_field_learns_to_go_up(loss):
    model, _ = fine_tuning.tuned(loss, 64, 12, 0)
    mean, _ = rewards.ends(model, rewards.LAM, 50)
    before, _ = rewards.ends(fine_tuning.untrained(), rewards.LAM, 50)
    assert before == pytest.approx(rewards.LINE.mean.item(), abs=0.02) and mean > before + 0.02


def test_the_better_one_is_preferred_as_often_as_the_model_says():
    rewards_of_pairs = torch.tensor([1.0, -0.5]).expand(4000, 2)
    chosen = preferences.choices(rewards_of_pairs, seeded())
    assert torch.equal(chosen.sum(1), torch.ones(4000).long())
    p = torch.tensor(1.5).sigmoid().item()
    assert abs((chosen[:, 0] == 0).double().mean().item() - p) < 5 * (p * (1 - p) / 4000) ** 0.5


def test_a_reward_is_found_in_choices():
    """One number, r = 2x: the slope within 5 standard errors of the fit, whose information is E p(1 - p) d^2."""
    x = torch.randn(3000, 1, generator=seeded())
    net = nn.Sequential(nn.Linear(1, 1), nn.Flatten(0))
    preferences.learned(net, x, 2 * x[:, 0], 3000, 400, 1, 5e-2)
    d = torch.randn(100_000, generator=seeded(2)) * 2**0.5
    p = (2 * d).sigmoid()
    error = (3000 * (p * (1 - p) * d.square()).mean()) ** -0.5
    assert abs(net[0].weight.item() - 2) < 5 * error < 0.6


@cache
def small():
    """A mixture of two Gaussians in three directions of the pixels."""
    basis = torch.linalg.qr(torch.randn(784, 5, generator=seeded(1), dtype=F64))[0]
    factors = torch.randn(2, 3, 3, generator=seeded(2), dtype=F64)
    top = GaussianMixture(torch.randn(2, 3, generator=seeded(3), dtype=F64), factors @ factors.mT)
    centre = torch.randn(1, 28, 28, generator=seeded(4), dtype=F64)
    return PCAMixture(centre, basis, top, torch.tensor([0.5, 0.2], dtype=F64), 0.05)


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(F64)
    yield
    torch.set_default_dtype(before)


def test_conditioning_without_a_look_is_the_field_of_the_mixture(double, monkeypatch):
    monkeypatch.setattr(half_digits, "SEEN", torch.zeros(784))
    x, t = torch.randn(4, 784, generator=seeded()), torch.tensor(0.4)
    found = half_digits.conditioned_velocity(half_digits.dense(small()), torch.zeros(4, 784), x, t)
    wanted = marginal(GaussianPath(), small()).velocity(x.reshape(-1, 1, 28, 28), t).flatten(1)
    torch.testing.assert_close(found, wanted)


def test_conditioning_by_the_joint_law_of_both_looks(double):
    """E[z | x_t, seen] from the covariance of all numbers that are seen, a component at a time."""
    mixture, t, seen = half_digits.dense(small()), 0.6, half_digits.SEEN > 0
    x, y = torch.randn(3, 784, generator=seeded()), torch.randn(3, 784, generator=seeded(1)) * half_digits.SEEN
    eye = torch.eye(784)
    H = torch.cat([t * eye, eye[seen]])
    noise = torch.cat([torch.full((784,), (1 - t) ** 2), torch.full((int(seen.sum()),), half_digits.VAR)])
    looks = torch.cat([x, y[:, seen]], 1)
    logs, means = [], []
    for weight, mean, cov in zip(*mixture, strict=True):
        law = torch.distributions.MultivariateNormal(H @ mean, H @ cov @ H.T + noise.diag())
        logs.append(law.log_prob(looks) + weight.log())
        means.append(mean + (cov @ H.T @ torch.linalg.solve(law.covariance_matrix, (looks - H @ mean).T)).T)
    weights = torch.stack(logs).softmax(0)
    wanted = ((weights[..., None] * torch.stack(means)).sum(0) - x) / (1 - t)
    torch.testing.assert_close(half_digits.conditioned_velocity(mixture, y, x, torch.tensor(t)), wanted)


def test_draws_have_the_posterior_mean_and_keep_to_what_is_seen(double):
    """At 5 standard errors in every pixel that is not seen; 100 draws of one look."""
    mixture = half_digits.dense(small())
    z = small().draw(1, seeded(5)).flatten(1)
    seen = half_digits.SEEN * (z + half_digits.VAR**0.5 * torch.randn(1, 784, generator=seeded(6)))
    draws = half_digits.draws(mixture, seen.expand(100, -1), seeded(7))
    weights, means = half_digits.posterior(mixture, seen, half_digits.SEEN / half_digits.VAR + half_digits.BLIND)
    mean = (weights[..., None] * means).sum(1)[0]
    assert ((draws.mean(0) - mean).abs() < 5 * draws.std(0) / 100**0.5).all()
    assert half_digits.seen_error(draws, seen) < 1.1 * half_digits.VAR**0.5
    spread = draws.std(0)
    assert spread[half_digits.SEEN == 0].mean() > 1.2 * spread[half_digits.SEEN > 0].mean()


def test_completed_digits_keep_their_half():
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    tasks = half_digits.tasks(model, data.mnist("test", "offline"), 2)
    assert [task.label for task in tasks] == list(range(10))
    for complete in itertools.islice(half_digits.WAYS.values(), 2):
        images = complete(model, tasks[3], 0)
        assert images.shape == (2, 1, 28, 28) and half_digits.seen_error(images, tasks[3].seen) < 0.15
