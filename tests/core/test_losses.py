"""The losses against plain NumPy, and their minimisers against closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from course_utils.losses import (
    drop_labels,
    flow_matching_loss,
    noise_prediction_loss,
    score_matching_loss,
    stratified_times,
)
from course_utils.paths import GaussianPath, LinearPath
from course_utils.schedules import Cosine, Linear

F64 = torch.float64
EVENTS = [(1,), (2,), (1, 28, 28)]
SCHEDULES = {  # alpha, beta and derivatives, in NumPy
    Linear: lambda t: (t, 1 - t, np.ones_like(t), -np.ones_like(t)),
    Cosine: lambda t: (
        np.sin(np.pi / 2 * t),
        np.cos(np.pi / 2 * t),
        np.pi / 2 * np.cos(np.pi / 2 * t),
        -np.pi / 2 * np.sin(np.pi / 2 * t),
    ),
}
TARGETS = {  # loss: what the model has to answer, from alpha_dot z + beta_dot noise, noise and beta
    flow_matching_loss: lambda velocity, noise, beta: velocity,
    score_matching_loss: lambda velocity, noise, beta: -noise / beta,
    noise_prediction_loss: lambda velocity, noise, beta: noise,
}
each_loss = pytest.mark.parametrize("loss", TARGETS, ids=lambda loss: loss.__name__)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Affine(torch.nn.Module):
    """u(x, t) = a x + b t + c, and with labels + y."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (torch.nn.Parameter(torch.tensor(v, dtype=F64)) for v in (0.7, -1.3, 0.4))

    def forward(self, x, t, y=None):
        self.y = y
        shape = [-1] + [1] * (x.ndim - 1)
        return self.a * x + self.b * t.reshape(shape) + self.c + (0 if y is None else y.reshape(shape))


def batch(event, n=6):
    z, noise = (torch.randn(n, *event, dtype=F64, generator=seeded(s)) for s in (0, 1))
    return z, noise, torch.rand(n, dtype=F64, generator=seeded(2)), torch.rand(n, dtype=F64, generator=seeded(3))


# The three losses


@each_loss
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_value_and_gradient(loss, event, schedule, weighted, labelled):
    """Mean over the batch of w ||a x + b t + c (+ y) - target||^2, and its derivatives."""
    model, (z, noise, t, weight) = Affine(), batch(event)
    y = torch.tensor([0, 3, 1, 1, 2, 5]) if labelled else None
    options = {"weight": weight} if weighted else {}
    value = loss(model, z, y, path=GaussianPath(schedule()), t=t, noise=noise, **options)
    value.backward()

    column = [-1] + [1] * len(event)
    at = t.numpy().reshape(column)
    alpha, beta, alpha_dot, beta_dot = SCHEDULES[schedule](at)
    x = alpha * z.numpy() + beta * noise.numpy()
    target = TARGETS[loss](alpha_dot * z.numpy() + beta_dot * noise.numpy(), noise.numpy(), beta)
    residual = 0.7 * x - 1.3 * at + 0.4 - target
    residual += 0 if y is None else y.numpy().reshape(column)
    w = (weight.numpy() if weighted else np.ones(6)).reshape(column)
    assert value.shape == ()
    assert value.item() == pytest.approx((w * residual**2).sum() / 6)
    assert model.a.grad.item() == pytest.approx((2 * w * residual * x).sum() / 6)
    assert model.b.grad.item() == pytest.approx((2 * w * residual * at).sum() / 6)
    assert model.c.grad.item() == pytest.approx((2 * w * residual).sum() / 6)
    assert model.y is y


@each_loss
def test_one_time_for_the_whole_batch(loss):
    z, noise, _, _ = batch((2,))
    one, each = (
        loss(Affine(), z, path=GaussianPath(), t=t, noise=noise)
        for t in (torch.tensor(0.3, dtype=F64), torch.full((6,), 0.3, dtype=F64))
    )
    assert one.item() == each.item()


@pytest.mark.parametrize("event", EVENTS)
def test_a_linear_path_takes_its_source_as_noise(event):
    """x = (1 - t) x0 + t z with the velocity z - x0, for any x0."""
    z, noise, t, _ = batch(event)
    source = 5 + noise.abs()
    loss = flow_matching_loss(Affine(), z, path=LinearPath(), t=t, noise=source)
    at = t.numpy().reshape([-1] + [1] * len(event))
    x = (1 - at) * source.numpy() + at * z.numpy()
    residual = 0.7 * x - 1.3 * at + 0.4 - (z - source).numpy()
    assert loss.item() == pytest.approx((residual**2).sum() / 6)
    with pytest.raises(ValueError, match="source points x0"):
        flow_matching_loss(Affine(), z, path=LinearPath(), t=t)


@each_loss
def test_the_generator_decides_times_and_noise(loss):
    model, (z, noise, t, _) = Affine(), batch((2,))
    state = torch.get_rng_state()

    def value(seed, **given):
        return loss(model, z, path=GaussianPath(), generator=seeded(seed), **given).item()

    assert value(0) == value(0)
    assert torch.equal(state, torch.get_rng_state())
    assert value(0) != value(1)
    assert value(0, t=t) != value(1, t=t)
    assert value(0, noise=noise) != value(1, noise=noise)
    assert value(0, t=t, noise=noise) == value(1, t=t, noise=noise)


@each_loss
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_default_times_are_uniform_and_default_noise_is_standard_normal(loss, dtype):
    """Read off from what the model is given, with z = 0: x = (1 - t) noise. Kolmogorov–Smirnov below 5 sigma.

    The score needs beta > 0: its times stop at the end of the span.
    """
    seen = {}

    def model(x, t):
        seen.update(x=x, t=t)
        return x

    loss(model, torch.zeros(200_000, 1, dtype=dtype), path=GaussianPath(), generator=seeded())
    end = Linear.span[1] if loss is score_matching_loss else 1.0
    x, t = seen["x"][:, 0], seen["t"]
    assert x.dtype == t.dtype == dtype and t.shape == (200_000,)
    five_sigma = stats.norm.sf(5)
    assert stats.kstest(t.numpy(), "uniform", (0, end)).pvalue > five_sigma
    assert end - 1e-3 < t.max() <= end
    assert stats.kstest((x / (1 - t)).numpy(), "norm").pvalue > five_sigma
    assert abs(stats.pearsonr(t, x / (1 - t)).statistic) < 5 / math.sqrt(200_000)


def test_noise_prediction_is_score_matching_with_the_weight_beta_squared():
    z, noise, t, _ = batch((2,))
    beta = (1 - t)[:, None]
    given = {"path": GaussianPath(), "t": t, "noise": noise}
    as_noise = noise_prediction_loss(lambda x, t: x - 1, z, **given)
    as_score = score_matching_loss(lambda x, t: (1 - x) / beta, z, weight=(1 - t) ** 2, **given)
    torch.testing.assert_close(as_noise, as_score)


def test_the_score_is_not_matched_where_it_is_infinite(unchecked):
    z, noise, t, _ = batch((2,))
    with pytest.raises(ValueError, match="beta = 0"):
        score_matching_loss(Affine(), z, path=GaussianPath(), t=torch.ones_like(t), noise=noise)
    with pytest.raises(TypeError, match="no known score"):
        score_matching_loss(Affine(), z, path=LinearPath(), t=t, noise=noise)  # of an arbitrary source


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
def test_the_minimiser_is_the_marginal_velocity(t):
    """Least squares over affine models u = A x + b, for Gaussian data N(m, S), CondOT path, fixed t.

    E[z - noise | x] = A x + b with A = (t S - (1-t) I) V^-1, V = t^2 S + (1-t)^2 I, b = m - t A m. Given x the rest is
    Gaussian with covariance R, so the estimates have the standard errors of regression: R_ii [(X^T X)^-1]_jj.
    """
    n, mean = 20_000, np.array([1.0, -2.0])
    cov = np.array([[1.5, 0.6], [0.6, 0.5]])
    gen = seeded(4)
    root = torch.from_numpy(np.linalg.cholesky(cov))
    z = torch.from_numpy(mean) + torch.randn(n, 2, dtype=F64, generator=gen) @ root.T
    noise = torch.randn(n, 2, dtype=F64, generator=gen)

    def loss(theta):
        def model(x, t):
            return x @ theta[:, :2].T + theta[:, 2]

        return flow_matching_loss(model, z, path=GaussianPath(), t=torch.full((n,), t, dtype=F64), noise=noise)

    zero = torch.zeros(2, 3, dtype=F64)
    gradient = torch.autograd.functional.jacobian(loss, zero).flatten()
    hessian = torch.autograd.functional.hessian(loss, zero).reshape(6, 6)
    found = -torch.linalg.solve(hessian, gradient).reshape(2, 3).numpy()  # exact: the loss is quadratic

    joint = t * cov - (1 - t) * np.eye(2)
    variance = t**2 * cov + (1 - t) ** 2 * np.eye(2)
    a = joint @ np.linalg.inv(variance)
    rest = cov + np.eye(2) - a @ joint.T
    exact = np.column_stack([a, mean - t * a @ mean])
    design = np.column_stack([(t * z + (1 - t) * noise).numpy(), np.ones(n)])
    error = np.sqrt(np.outer(np.diag(rest), np.diag(np.linalg.inv(design.T @ design))))
    assert (np.abs(found - exact) < 5 * error).all()
    assert error.max() < 0.05
    floor = loss(torch.from_numpy(exact)).item()  # what no model can remove: the trace of R
    assert abs(floor - np.trace(rest)) < 5 * math.sqrt(2 * np.trace(rest @ rest) / n)


@each_loss
@pytest.mark.parametrize("answer", [lambda x, t: x[:, 0], lambda x, t: x[:, :1], lambda x, t: x[:1]])
def test_a_model_that_answers_in_another_shape(loss, answer):
    z, noise, t, _ = batch((2,))
    with pytest.raises(ValueError, match=r"prediction .*x \(6, 2\)"):
        loss(answer, z, path=GaussianPath(), t=t, noise=noise)


@each_loss
def test_wrong_shapes(loss, unchecked):
    z, noise, t, weight = batch((2,))
    for given, message in [
        ({"t": t[:, None]}, r"\(6, 1\)"),
        ({"t": t[:5]}, r"\(5,\)"),
        ({"noise": noise[:, :1]}, r"noise \(6, 1\)"),
        ({"weight": weight[:, None]}, r"weight \(6, 1\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            loss(Affine(), z, path=GaussianPath(), **{"t": t, "noise": noise} | given)


@each_loss
def test_whole_numbers_as_data_are_computed_as_floats(loss):
    """And their times stay between 0 and 1."""
    z = torch.tensor([[3, 4], [5, 6], [0, 1]])

    def value(z):
        return loss(lambda x, t: 0 * x + t[:, None], z, path=GaussianPath(), generator=seeded())

    assert torch.equal(value(z), value(z.float())) and value(z) > 0


# Times


@pytest.mark.parametrize("start", [0.0, 0.25])
@pytest.mark.parametrize("n", [1, 2, 7, 250])
def test_one_time_in_each_stratum(n, start):
    t = stratified_times(n, seeded(), start)
    assert t.shape == (n,)
    assert sorted(((t - start) / (1 - start) * n).floor().tolist()) == list(range(n))


@pytest.mark.parametrize("n", [0, -1])
def test_at_least_one_time(n):
    with pytest.raises(ValueError, match=f"at least 1 time, got n = {n}"):
        stratified_times(n)


@pytest.mark.parametrize("start", [-0.1, 1.0])
def test_times_start_within_the_path(start):
    with pytest.raises(ValueError, match=r"start in \[0, 1\)"):
        stratified_times(4, seeded(), start)


def test_stratified_times_are_uniform_with_a_quieter_mean():
    """Within its stratum each is uniform and independent: the mean of n has the variance 1/(12 n^3), not 1/(12 n)."""
    n, repeats, gen = 16, 2000, seeded()
    t = torch.stack([stratified_times(n, gen) for _ in range(repeats)]).double()
    within = t * n - torch.arange(n)
    assert stats.kstest(within.flatten().numpy(), "uniform").pvalue > stats.norm.sf(5)
    means, error = t.mean(1), math.sqrt(1 / (12 * n**3))
    assert abs(means.mean() - 0.5) < 5 * error / math.sqrt(repeats)
    assert abs(means.std() / error - 1) < 5 / math.sqrt(2 * repeats)
    assert np.abs(np.corrcoef(within.T.numpy()) - np.eye(n)).max() < 5 / math.sqrt(repeats)


def test_stratified_times_come_from_the_generator():
    state = torch.get_rng_state()
    assert torch.equal(stratified_times(5, seeded(1)), stratified_times(5, seeded(1)))
    assert not torch.equal(stratified_times(5, seeded(1)), stratified_times(5, seeded(2)))
    assert torch.equal(state, torch.get_rng_state())


# Labels


def test_labels_are_dropped_where_u_is_below_p():
    y, u = torch.tensor([4, 1, 7, 0, 9]), torch.tensor([0.0, 0.3, 0.29, 0.9, 0.1])
    dropped = drop_labels(y, 0.3, 10, u=u)
    assert dropped.tolist() == [10, 1, 10, 0, 10]
    assert dropped.dtype == y.dtype
    assert y.tolist() == [4, 1, 7, 0, 9]


def test_all_or_none_are_dropped():
    y = torch.arange(1000) % 10
    assert torch.equal(drop_labels(y, 0.0, 10, generator=seeded()), y)
    assert (drop_labels(y, 1.0, 10, generator=seeded()) == 10).all()
    assert drop_labels(y, 0.0, 10, u=torch.zeros(1000)).equal(y)


def test_the_share_that_is_dropped():
    """Binomial standard error sqrt(p (1-p) / n); the others keep their labels, and no class is dropped more."""
    n, p = 50_000, 0.1
    y = torch.arange(n) % 10
    dropped = drop_labels(y, p, 10, generator=seeded())
    null = dropped == 10
    assert torch.equal(dropped[~null], y[~null])
    assert abs(null.double().mean() - p) < 5 * math.sqrt(p * (1 - p) / n)
    for label in range(10):
        assert abs(null[y == label].double().mean() - p) < 5 * math.sqrt(10 * p * (1 - p) / n)
    assert torch.equal(dropped, drop_labels(y, p, 10, generator=seeded()))
    assert not torch.equal(dropped, drop_labels(y, p, 10, generator=seeded(1)))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_what_is_no_probability(p):
    with pytest.raises(ValueError, match=f"probability from 0 to 1, got {p}"):
        drop_labels(torch.tensor([1, 2]), p, 10)


def test_labels_and_numbers_that_do_not_fit(unchecked):
    with pytest.raises(ValueError, match="whole numbers as labels, .* got torch.float32"):
        drop_labels(torch.tensor([1.0, 2.0]), 0.1, 10)
    with pytest.raises(ValueError, match=r"u \(1,\), y \(2,\)"):
        drop_labels(torch.tensor([1, 2]), 0.1, 10, u=torch.tensor([0.5]))
