"""Digits in few evaluations against laws and maps that are known exactly, and steps that are written out."""

import sys

import pytest
import torch
from torch import nn

from course_utils import digits
from course_utils.distributions import GaussianMixture, PCAMixture
from course_utils.networks import Residual
from course_utils.paths import GaussianPath, marginal
from course_utils.simulators import euler_step, midpoint_step, rk4_step, simulate
from course_utils.training import History
from tests.support.mixtures import F64, in_principal_directions, normal

THREE, FULL_THREE = in_principal_directions()
ONE = PCAMixture(
    THREE.centre, THREE.basis, GaussianMixture(THREE.top.means[:1], THREE.top.covs[:1]), THREE.variances, THREE.rest
)
FULL_ONE = GaussianMixture(FULL_THREE.means[:1].reshape(1, 1, 2, 3), FULL_THREE.covs[:1])
SLOPE = normal(1, 2, 3, seed=9)
MIXTURES = {0: THREE, 1: ONE, None: THREE.tilted(SLOPE)}
FULL = {0: FULL_THREE, 1: FULL_ONE, None: FULL_THREE.tilted(SLOPE)}
"""The same with full covariances."""
D = 6


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Net(nn.Module):
    """An answer that depends on state, time and label, and on weights that can be trained."""

    def __init__(self, size=1.0):
        super().__init__()
        self.linear = nn.Linear(D, D, dtype=F64)
        self.size = size
        with torch.no_grad():
            self.linear.weight.copy_(normal(D, D, seed=7) / 2)
            self.linear.bias.copy_(normal(D, seed=8))

    def forward(self, x, t, y=None):
        y = torch.full((len(x),), 2) if y is None else y
        phase = (torch.as_tensor(t).expand(len(x)) + y)[:, None]
        return self.size * torch.sin(self.linear(x.flatten(1)) + phase).reshape(x.shape)


def residual(net=None, start=0.3, mixtures=None):
    return Residual(digits.ClassMixtures(mixtures or MIXTURES), lambda t: 1 + t, net or Net(), start)


def moments(mixture, t):
    """Mean and covariance of t z + (1 - t) noise: those of the parts, added as the parts are independent."""
    means = mixture.means.flatten(1) - mixture.mean.flatten()
    covariance = torch.einsum("k,kij->ij", mixture.weights, mixture.covs + means[:, :, None] * means[:, None])
    return t * mixture.mean.flatten(), t**2 * covariance + (1 - t) ** 2 * torch.eye(D, dtype=F64)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_an_exact_draw_has_the_moments_of_the_noisy_mixture_of_its_label(t):
    """Every mean and covariance within 5 standard errors, those of the covariances from the products' spread."""
    n = 20_000
    y = torch.arange(3).repeat(n)
    x = digits.exact_draw(MIXTURES, y, t, seeded(1))
    assert x.shape == (3 * n, 1, 2, 3) and x.dtype == F64
    for label, mixture in enumerate(FULL.values()):
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
    others = (t * FULL_THREE.sample((n,)) + (1 - t) * torch.randn(n, 1, 2, 3, dtype=F64)).flatten(1)
    directions = normal(D, 8, seed=4)
    for ours, theirs in zip((drawn @ directions).T, (others @ directions).T, strict=True):
        levels = theirs.quantile(torch.linspace(0.05, 0.95, 10, dtype=F64))
        below, expected = ((values[:, None] < levels).double().mean(0) for values in (ours, theirs))
        assert ((below - expected).abs() < 5 * (2 * expected * (1 - expected) / n).sqrt()).all()


def test_each_state_of_an_exact_draw_may_have_its_own_time():
    n = 4000
    t = torch.tensor([0.0, 1.0], dtype=F64).repeat(n)
    x = digits.exact_draw(MIXTURES, torch.zeros(2 * n, dtype=torch.long), t, seeded(5)).flatten(1)
    for at in (0.0, 1.0):
        mean, covariance = moments(FULL_THREE, at)
        here = x[t == at]
        assert ((here.mean(0) - mean).abs() < 5 * (covariance.diagonal() / n).sqrt()).all()
        squares = (here - mean).square()
        assert ((squares.mean(0) - covariance.diagonal()).abs() < 5 * squares.std(0) / n**0.5).all()


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
        digits.exact_draw({0: THREE, 1: ONE}, torch.tensor([0]), 0.3)


def test_the_mixtures_of_a_generator_are_those_of_its_field():
    field, model = digits.ClassMixtures(MIXTURES), residual()
    for one in (field, model, digits.Splitting(model), marginal(GaussianPath(), MIXTURES).velocity):
        assert digits.mixtures_beneath(one) == MIXTURES
    for file in (digits.FINISHED, digits.FINISHED_PIXELS):
        assert list(digits.mixtures_beneath(digits.load(file)[0])) == [*range(10), None]
    with pytest.raises(ValueError, match="exact field of mixtures"):
        digits.mixtures_beneath(nn.Identity())


# the splitting


SPANS = [(0.3, 1.0), (0.5, 0.5), (0.0, 0.9), (torch.tensor([0.3, 0.4, 0.5, 0.9], dtype=F64), 1.0)]


@pytest.mark.parametrize(("s", "t"), SPANS)
def test_without_a_network_it_is_the_exact_flow_of_a_gaussian(s, t):
    x, y = normal(4, 1, 2, 3), torch.ones(4, dtype=torch.long)
    exact = marginal(GaussianPath(), FULL_ONE).flow_map(x, s, t)
    torch.testing.assert_close(digits.Splitting(residual(Net(size=0.0)))(x, s, t, y), exact)


@pytest.mark.parametrize(("s", "t"), SPANS)
@pytest.mark.parametrize("start", [0.3, 0.5, 0.99])
def test_its_three_parts_written_out(s, t, start):
    """With the mixtures in full, label by label; a network that has not begun at the middle says nothing."""
    x, y = normal(4, 1, 2, 3), torch.tensor([2, 0, 1, 0])
    model = residual(start=start)
    exact = marginal(GaussianPath(), FULL)
    middle = (torch.as_tensor(s, dtype=F64) + t) / 2
    at = middle.expand(4).reshape(-1, 1, 1, 1)
    inside = exact.held_map(x, s, middle, y)
    learned = (1 + at) * model.net(inside, middle, y) * (at >= start)
    expected = exact.held_map(inside + (t - torch.as_tensor(s)).expand(4).reshape(-1, 1, 1, 1) * learned, middle, t, y)
    torch.testing.assert_close(digits.Splitting(model)(x, s, t, y), expected)
    if start == 0.3:
        torch.testing.assert_close(digits.Splitting(model)(x, s, t)[0], expected[0])  # without labels, the null label


def test_it_is_right_to_first_order():
    """Half the span, a quarter of the error of a step."""
    model, x, y = residual(), normal(50, 1, 2, 3), torch.arange(50) % 3
    errors = []
    for span in (0.02, 0.01):
        end = simulate(lambda x, t: model(x, t, y), x, torch.linspace(0.5, 0.5 + span, 11, dtype=F64), rk4_step).end
        errors.append((digits.Splitting(model)(x, 0.5, 0.5 + span, y) - end).norm().item())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_a_span_that_goes_back_is_refused():
    for s, t, words in (
        (0.7, 0.3, "s <= t, got s = 0.7 and t = 0.3"),
        (0.3, 1.2, "t runs from 0"),
        (-1, 0.3, "t runs"),
    ):
        with pytest.raises(ValueError, match=words):
            digits.Splitting(residual())(normal(2, 1, 2, 3), s, t, torch.tensor([0, 1]))


# few steps


def counted(model):
    """The rows that the network is asked for, in a list that grows."""
    rows = []
    model.net.register_forward_hook(lambda net, given, answer: rows.append(len(answer)))
    return rows


@pytest.mark.parametrize(
    ("method", "evaluations"), [("euler", 1), ("euler", 4), ("midpoint", 2), ("midpoint", 4), ("splitting", 3)]
)
def test_the_network_is_asked_as_often_as_is_said(method, evaluations):
    """Once a row and evaluation, also where the rows are more than are carried at a time."""
    model = residual()
    rows = counted(model)
    y = torch.arange(501) % 3
    digits.few_steps(model, y, evaluations, method=method, generator=seeded())
    assert sum(rows) == evaluations * 501
    assert len(rows) > evaluations


@pytest.mark.parametrize(("method", "step", "steps"), [("euler", euler_step, 4), ("midpoint", midpoint_step, 2)])
@pytest.mark.parametrize("start", [0.0, 0.3, 0.6])
def test_steps_go_from_the_exact_draw_along_the_field(method, step, steps, start):
    model, y = residual(), torch.arange(300) % 3
    found = digits.few_steps(model, y, 4, start=start, method=method, generator=seeded(1))
    x = digits.exact_draw(MIXTURES, y, start, seeded(1))
    ts = torch.linspace(start, 1, steps + 1, dtype=F64)
    expected = simulate(lambda x, t: model(x, t, y), x, ts, step).end.clamp(-1, 1)
    assert (expected.abs() < 1).double().mean() > 0.25
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_a_splitting_is_followed_span_by_span():
    carry, y = digits.Splitting(residual()), torch.arange(30) % 3
    found = digits.few_steps(carry, y, 2, start=0.4, generator=seeded(1))
    x = digits.exact_draw(MIXTURES, y, 0.4, seeded(1))
    expected = carry(carry(x, 0.4, 0.7, y), 0.7, 1.0, y).clamp(-1, 1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    assert not found.requires_grad
    assert torch.equal(found, digits.few_steps(carry.model, y, 2, start=0.4, method="splitting", generator=seeded(1)))


def test_latents_are_decoded():
    model, _ = digits.load(digits.FINISHED, "cpu")
    y = torch.tensor([3, 10, 8])
    found = digits.few_steps(model, y, 1, start=0.5, generator=seeded(2))
    h = digits.exact_draw(model.mixtures, y, 0.5, seeded(2))
    expected = model.decode(h + 0.5 * model(h, torch.tensor(0.5), y)).clamp(-1, 1)
    torch.testing.assert_close(found, expected)


def test_what_cannot_be_followed_is_refused():
    model, y = residual(), torch.tensor([0, 1])
    latent, _ = digits.load(digits.FINISHED, "cpu")
    for wrong, options, words in (
        (model, {"evaluations": 0}, "positive multiple of 1 as evaluations, got 0"),
        (model, {"evaluations": 3, "method": "midpoint"}, "positive multiple of 2 as evaluations, got 3"),
        (model, {"evaluations": 1, "start": 1.0}, "start from 0 to below 1, got 1"),
        (model, {"evaluations": 1, "start": float("nan")}, "start from 0 to below 1"),
        (model, {"evaluations": 1, "method": "heun"}, "euler, midpoint, splitting .* got 'heun'"),
        (latent, {"evaluations": 1, "method": "splitting"}, "LatentDigits, got 'splitting'"),
        (digits.Splitting(model), {"evaluations": 1, "method": "euler"}, "splitting for Splitting, got 'euler'"),
    ):
        with pytest.raises(ValueError, match=words):
            digits.few_steps(wrong, y, **options)


# distillation


class Constant(nn.Module):
    """An answer that depends on the label alone: of one Gaussian a label, a splitting can then be the flow itself."""

    def __init__(self):
        super().__init__()
        self.answers = nn.Embedding(2, D, dtype=F64)
        with torch.no_grad():
            self.answers.weight.copy_(normal(2, D, seed=7))

    def forward(self, x, t, y):
        return self.answers(y).reshape(x.shape)


def test_the_student_learns_where_the_teacher_leads():
    """To a tenth of the distance from the ends of its three steps, on draws of its own; the teacher is left alone."""
    top = GaussianMixture(ONE.top.means, torch.eye(2, dtype=F64)[None])
    wide = PCAMixture(ONE.centre, ONE.basis, top, torch.ones(2, dtype=F64), 1.0)
    teacher = residual(Constant(), mixtures={0: wide, 1: wide.tilted(SLOPE), None: wide})
    answers = teacher.net.answers.weight.clone()
    student = digits.distil(teacher, pairs=640, steps=100, lr=3e-2, generator=seeded(1), progress=False)
    assert torch.equal(teacher.net.answers.weight, answers)
    y = torch.arange(60) % 2
    x = digits.exact_draw(digits.mixtures_beneath(teacher), y, 0.3, seeded(2))
    ends = simulate(lambda x, t: teacher(x, t, y), x, torch.linspace(0.3, 1, 4, dtype=F64), midpoint_step).end
    with torch.no_grad():
        errors = [(carry(x, 0.3, 1.0, y) - ends).norm().item() for carry in (digits.Splitting(teacher), student)]
    assert errors[1] < errors[0] / 10


def test_the_generator_decides_what_is_learned():
    once, again, other = (
        digits.distil(residual(), pairs=64, steps=2, generator=seeded(seed), progress=False).model.net.linear.weight
        for seed in (1, 1, 2)
    )
    assert torch.equal(once, again) and not torch.equal(once, other)


@pytest.mark.parametrize("guidance", [1.0, 1.2])
def test_the_pairs_and_the_loss_written_out(monkeypatch, guidance):
    given = {}

    def fit(student, loss, batches, **options):
        given.update(options, loss=loss, batch=next(iter(batches)))
        return History()

    monkeypatch.setattr(sys.modules["course_utils.digits.few_steps"], "fit", fit)
    teacher = residual()
    student = digits.distil(teacher, pairs=64, steps=5, start=0.4, guidance=guidance, lr=3e-4, generator=seeded(3))
    x, y, ends = given["batch"]
    assert (given["steps"], given["lr"], len(x)) == (5, 3e-4, 64)
    assert y.bincount().tolist() == [32, 32]

    def field(x, t):
        null = torch.full_like(y, 2)
        return (1 - guidance) * teacher(x, t, null) + guidance * teacher(x, t, y)

    expected = simulate(field, x, torch.linspace(0.4, 1, 4, dtype=F64), midpoint_step).end
    torch.testing.assert_close(ends, expected, rtol=1e-6, atol=1e-6)
    squares = (student(x, 0.4, 1.0, y) - ends).square().sum((1, 2, 3))
    torch.testing.assert_close(given["loss"](student, x, y, ends), squares.mean())


def test_what_cannot_be_distilled_is_refused():
    for options, words in (
        ({"pairs": 0}, "at least one label"),
        ({"pairs": 10}, "batch_size from 1 to 10"),
        ({"start": 1.0}, "start from 0 to below 1"),
        ({"steps": 0}, "steps of at least 1"),
    ):
        with pytest.raises(ValueError, match=words):
            digits.distil(residual(), **({"pairs": 64, "steps": 1} | options))
