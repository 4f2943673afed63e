"""Paths against their definitions: conditional ones against the ODE they solve, marginal ones against integrals."""

import itertools
import math
import types

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from torch.distributions import Independent, MultivariateNormal, Normal, Uniform

from course_utils.distributions import Checkerboard, Circles, Empirical, GaussianMixture, Moons, draw
from course_utils.paths import BridgeSample, GaussianPath, LinearPath, marginal
from course_utils.schedules import (
    PREDICTIONS,
    Cosine,
    Linear,
    Schedule,
    VarianceExploding,
    VariancePreserving,
    convert,
    reparametrised,
)
from course_utils.simulators import rk4_step, simulate

F32, F64 = torch.float32, torch.float64
EVENTS = [(1,), (2,), (1, 28, 28), (3, 4, 5)]
SCHEDULES = [Linear(), Cosine()]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)


def normal(*shape, seed: int = 0, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64).to(dtype)


def factors(schedule, t: float) -> tuple[float, float, float, float]:
    """alpha, beta, alpha_dot, beta_dot, written out once more."""
    if isinstance(schedule, Linear):
        return t, 1 - t, 1.0, -1.0
    quarter = math.pi / 2
    sin, cos = math.sin(quarter * t), math.cos(quarter * t)
    return sin, cos, quarter * cos, -quarter * sin


# conditional paths


@schedules
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("dtype", [F32, F64])
def test_samples_states_and_fields_of_any_event_shape(schedule, event, dtype):
    """x, velocity, score and log density of each state against the formulas; from the sample and from the path."""
    path, z, noise = GaussianPath(schedule), normal(4, *event, dtype=dtype), normal(4, *event, seed=1, dtype=dtype)
    tol = {"rtol": 1e-10, "atol": 1e-10} if dtype == F64 else {"rtol": 1e-3, "atol": 1e-3}
    for t in (torch.tensor([0.0, 0.3, 0.6, 0.9], dtype=dtype), torch.tensor(0.4, dtype=dtype), 0.4):
        sample = path.sample(z, t, noise)
        known = path.velocity(sample.x, z, t), path.score(sample.x, z, t), path.log_prob(sample.x, z, t)
        for i in range(4):
            a, b, a_dot, b_dot = factors(schedule, float(t[i] if torch.is_tensor(t) and t.ndim else t))
            torch.testing.assert_close(sample.x[i], a * z[i] + b * noise[i], **tol)
            for velocity in (sample.velocity, known[0]):
                torch.testing.assert_close(velocity[i], a_dot * z[i] + b_dot * noise[i], **tol)
            for score in (sample.score, known[1]):
                torch.testing.assert_close(score[i], -noise[i] / b, **tol)
            torch.testing.assert_close(known[2][i], Normal(a * z[i], b).log_prob(sample.x[i]).sum(), **tol)
        assert {value.dtype for value in (sample.x, sample.velocity, sample.score, *known)} == {dtype}


@schedules
def test_conditional_score_is_the_gradient_of_the_log_density(schedule):
    path, t = GaussianPath(schedule), torch.tensor([0.0, 0.5, 0.95], dtype=F64)
    x, z = normal(3, 2).requires_grad_(), normal(3, 2, seed=1)
    (gradient,) = torch.autograd.grad(path.log_prob(x, z, t).sum(), x)
    torch.testing.assert_close(path.score(x, z, t), gradient)


@schedules
def test_conditional_velocity_carries_noise_to_data(schedule):
    """Solved by SciPy from t = 0: alpha z + beta x0 at every later time, so z itself at the end."""
    x0, z, times = np.array([1.5, -0.3, 2.0]), np.array([0.2, 3.0, -1.0]), [0.1, 0.5, 0.9, 0.999]

    def velocity(t, x):
        return GaussianPath(schedule).velocity(torch.tensor(x)[None], torch.tensor(z)[None], t)[0].numpy()

    solution = solve_ivp(velocity, (0, times[-1]), x0, t_eval=times, rtol=1e-9, atol=1e-11).y
    for x, t in zip(solution.T, times, strict=True):
        a, b, *_ = factors(schedule, t)
        np.testing.assert_allclose(x, a * z + b * x0, rtol=1e-6, atol=1e-6)


@schedules
def test_sample_at_the_end(schedule):
    """At t = 1 the state is z and its velocity is finite; its score is refused."""
    z, noise = normal(3, 2), normal(3, 2, seed=1)
    for t in (1.0, torch.tensor([1.0, 1.0, 1.0])):
        sample = GaussianPath(schedule).sample(z, t, noise)
        torch.testing.assert_close(sample.x, z)
        torch.testing.assert_close(sample.velocity, factors(schedule, 1)[2] * z + factors(schedule, 1)[3] * noise)
        with pytest.raises(ValueError, match="infinite where beta = 0"):
            _ = sample.score
    with pytest.raises(ValueError, match="infinite where beta = 0"):
        _ = GaussianPath(schedule).sample(z, torch.tensor([0.5, 1.0, 0.2]), noise).score


@schedules
@pytest.mark.parametrize("method", ["velocity", "score", "log_prob"])
@pytest.mark.parametrize("t", [1.0, -0.1, torch.tensor([0.5, 0.5, 1.0])])
def test_conditional_fields_are_refused_outside_the_span(schedule, method, t):
    with pytest.raises(ValueError, match=f"span .* of {type(schedule).__name__}"):
        getattr(GaussianPath(schedule), method)(normal(3, 2), normal(3, 2), t)


def test_noise_comes_from_the_generator(generator):
    z = torch.zeros(20_000, 1)
    first = GaussianPath().sample(z, 0.0, generator=generator)
    again = GaussianPath().sample(z, 0.0, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first.noise, again.noise) and torch.equal(first.x, first.noise)
    assert not torch.equal(first.noise, GaussianPath().sample(z, 0.0, generator=generator).noise)
    assert abs(first.noise.mean()) < 5 / math.sqrt(len(z))
    assert abs(first.noise.var() - 1) < 5 * math.sqrt(2 / len(z))


def test_condot_is_the_default():
    assert isinstance(GaussianPath().schedule, Linear)


@pytest.mark.parametrize("event", EVENTS)
def test_linear_path_joins_pairs(event):
    x0, z, t = normal(4, *event), normal(4, *event, seed=1), torch.tensor([0.0, 0.25, 0.5, 0.999], dtype=F64)
    sample = LinearPath().sample(z, t, x0)
    for i in range(4):
        torch.testing.assert_close(sample.x[i], (1 - t[i]) * x0[i] + t[i] * z[i])
    torch.testing.assert_close(sample.velocity, z - x0)
    torch.testing.assert_close(LinearPath().velocity(sample.x, z, t), z - x0)
    assert isinstance(sample, BridgeSample) and torch.equal(LinearPath().sample(z, 1.0, x0).x, z)
    with pytest.raises(TypeError, match="no known score"):
        _ = sample.score


def test_bad_pairs_and_times_are_refused(unchecked):
    x = normal(3, 2)
    with pytest.raises(ValueError, match="source points x0"):
        LinearPath().sample(x, 0.5)
    with pytest.raises(ValueError, match=r"z \(3, 2\), x0 \(2, 2\)"):
        LinearPath().sample(x, 0.5, x[:2])
    with pytest.raises(ValueError, match=r"x \(3, 2\), z \(3, 1\)"):
        LinearPath().velocity(x, x[:, :1], 0.5)
    with pytest.raises(ValueError, match="span"):
        LinearPath().velocity(x, x, 1.0)
    with pytest.raises(ValueError, match=r"z \(3, 2\), noise \(3,\)"):
        GaussianPath().sample(x, 0.5, x[:, 0])
    with pytest.raises(ValueError, match=r"x \(3, 2\), z \(1, 2\)"):
        GaussianPath().velocity(x, x[:1], 0.5)
    for call in (
        lambda t: GaussianPath().sample(x, t),
        lambda t: LinearPath().sample(x, t, x),
        lambda t: GaussianPath().velocity(x, x, t),
        lambda t: LinearPath().velocity(x, x, t),
        lambda t: marginal(GaussianPath(), GaussianMixture()).velocity(x, t),
        lambda t: marginal(GaussianPath(), {0: GaussianMixture()}).velocity(x, t, torch.zeros(3, dtype=torch.long)),
    ):
        with pytest.raises(ValueError, match=r"shape \(\) or \(3,\) .* got \(3, 1\)"):
            call(torch.full((3, 1), 0.5))
        with pytest.raises(ValueError, match=r"shape \(\) or \(3,\) .* got \(2,\)"):
            call(torch.full((2,), 0.5))


# marginal paths

MIXTURE = GaussianMixture(
    torch.tensor([[-1.0, 2.0], [0.5, -0.5]], dtype=F64),
    torch.tensor([[[1.0, 0.3], [0.3, 0.5]], [[0.2, -0.1], [-0.1, 0.4]]], dtype=F64),
    torch.tensor([0.3, 0.7], dtype=F64),
)
DATA = Empirical(normal(12, 2, seed=7), torch.arange(12) % 3)
PLANE = {"mixture": MIXTURE, "checkerboard": Checkerboard(), "data": DATA}
plane = pytest.mark.parametrize("dist", PLANE.values(), ids=PLANE)


@schedules
@plane
@pytest.mark.parametrize("t", [0.0, 0.3, 0.8])
def test_marginal_against_monte_carlo(schedule, dist, t, generator):
    """p_t(x) = E p_t(x|z) and u_t(x) p_t(x) = E u_t(x|z) p_t(x|z), over 100,000 draws of z."""
    z, exact = draw(dist, 100_000, generator).double(), marginal(GaussianPath(schedule), dist)
    a, b, a_dot, b_dot = factors(schedule, t)
    for point in [(0.2, -0.4), (1.0, 1.0), (-1.0, 2.0)]:
        x = torch.tensor([point], dtype=F64)
        noise = (x - a * z) / b
        p = (-(noise**2).sum(1) / 2).exp() / (2 * math.pi * b**2)
        density, velocity = exact.log_prob(x, t).exp(), exact.velocity(x, t)
        assert abs(p.mean() - density) <= 5 * p.std() / math.sqrt(len(z)) + 1e-12
        flux = (a_dot * z + b_dot * noise - velocity) * p[:, None]
        assert (flux.mean(0).abs() <= 5 * flux.std(0) / math.sqrt(len(z)) + 1e-12).all()


@schedules
@pytest.mark.parametrize("t", [0.0, 1e-3, 0.4, 0.9, 0.999])
def test_marginal_of_a_mixture_against_integration(schedule, t):
    """On the line, by SciPy: density, velocity and score to 1e-6."""
    means, variances, weights = [-1.0, 0.5, 2.0], [0.3, 0.05, 1.0], [0.5, 0.2, 0.3]
    column = {"dtype": F64}
    dist = GaussianMixture(
        torch.tensor(means, **column)[:, None], torch.tensor(variances, **column)[:, None, None], torch.tensor(weights)
    )
    a, b, a_dot, b_dot = factors(schedule, t)
    exact = marginal(GaussianPath(schedule), dist)

    def p_data(z):
        return sum(
            w * math.exp(-((z - m) ** 2) / 2 / v) / math.sqrt(2 * math.pi * v)
            for m, v, w in zip(means, variances, weights, strict=True)
        )

    for x in (-1.2, 0.0, 0.7, 3.0):
        low, high = max(-9.0, (x - 12 * b) / a if a else -9.0), min(10.0, (x + 12 * b) / a if a else 10.0)

        def integral(f, x=x, low=low, high=high):
            def joint(z):
                return math.exp(-(((x - a * z) / b) ** 2) / 2) / math.sqrt(2 * math.pi) / b * p_data(z)

            return quad(lambda z: f(z) * joint(z), low, high, epsabs=1e-13, epsrel=1e-11, limit=400)[0]

        p = integral(lambda z: 1.0)
        noise = integral(lambda z, x=x: (x - a * z) / b) / p
        data = integral(lambda z: z) / p
        state = torch.tensor([[x]], dtype=F64)
        assert exact.log_prob(state, t).item() == pytest.approx(math.log(p), rel=1e-6, abs=1e-6)
        assert exact.velocity(state, t).item() == pytest.approx(a_dot * data + b_dot * noise, rel=1e-6, abs=1e-6)
        assert exact.score(state, t).item() == pytest.approx(-noise / b, rel=1e-6, abs=1e-6)


@schedules
@plane
def test_marginal_score_is_the_gradient_of_the_log_density(schedule, dist):
    exact, x = marginal(GaussianPath(schedule), dist), 3 * normal(6, 2)
    for t in (torch.tensor([0.0, 1e-6, 0.1, 0.5, 0.9, 0.999], dtype=F64), 0.6):
        at = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(exact.log_prob(at, t).sum(), at)
        torch.testing.assert_close(exact.score(x, t), gradient, rtol=1e-6, atol=1e-6)


@schedules
@plane
@pytest.mark.parametrize("t", [0.02, 0.4, 0.85])
def test_marginal_solves_the_continuity_equation(schedule, dist, t):
    """d/dt log p + div u + u . grad log p = 0, every derivative by autodiff."""
    exact, x = marginal(GaussianPath(schedule), dist), (2 * normal(8, 2)).requires_grad_()
    times = torch.full((8,), t, dtype=F64, requires_grad=True)
    log_p, u = exact.log_prob(x, times), exact.velocity(x, times)
    slope, pull = torch.autograd.grad(log_p.sum(), [times, x], retain_graph=True)
    divergence = sum(torch.autograd.grad(u[:, i].sum(), x, retain_graph=True)[0][:, i] for i in range(2))
    terms = torch.stack([slope, divergence, (u * pull).sum(1)])
    assert (terms.sum(0).abs() < 1e-8 * (1 + terms.abs().sum(0))).all()


@schedules
@plane
def test_marginal_velocity_and_score_are_converted_into_each_other(schedule, dist):
    exact, x = marginal(GaussianPath(schedule), dist), 2 * normal(5, 2)
    t = torch.tensor([0.01, 0.2, 0.5, 0.8, 0.99], dtype=F64)
    velocity, score = exact.velocity(x, t), exact.score(x, t)
    torch.testing.assert_close(convert(velocity, x, t, schedule, source="velocity", target="score"), score)
    torch.testing.assert_close(convert(score, x, t, schedule, source="score", target="velocity"), velocity)
    data = convert(velocity, x, t, schedule, source="velocity", target="data")
    torch.testing.assert_close(exact.posterior(x, t).data, data)


@plane
def test_marginal_velocity_carries_noise_to_the_marginal(dist, generator):
    """Samples moved from t = 0 to 0.7 have the mean and the covariance of alpha z + beta noise."""
    n, t = 4000, 0.7
    x0 = torch.randn(n, 2, generator=generator, dtype=F64)
    x = simulate(marginal(GaussianPath(), dist).velocity, x0, torch.linspace(0, t, 16, dtype=F64), rk4_step).end
    moved = t * draw(dist, n, generator).double() + (1 - t) * torch.randn(n, 2, generator=generator, dtype=F64)
    for f in (lambda v: v, lambda v: v**2, lambda v: v.prod(1, keepdim=True), lambda v: (2 * v).sin()):
        error = ((f(x).var(0) + f(moved).var(0)) / n).sqrt()
        assert ((f(x).mean(0) - f(moved).mean(0)).abs() < 5 * error).all()


# the closed form for Gaussian data


def gaussian_velocity(mu, cov, x, t):
    """U [((1-t) U^T mu + (t lam - (1-t)) U^T x) / D] with D = t^2 lam + (1-t)^2, by NumPy."""
    lam, U = np.linalg.eigh(cov)
    return ((((1 - t) * mu @ U) + (t * lam - (1 - t)) * (x @ U)) / (t**2 * lam + (1 - t) ** 2)) @ U.T


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("dtype", "tol"), [(F32, 2e-3), (F64, 1e-9)])
def test_gaussian_data_has_the_closed_form(event, dtype, tol):
    """Velocity up to t = 1 inclusive; density N(alpha mu, alpha^2 cov + beta^2)."""
    d = math.prod(event)
    factor = normal(d, d, seed=3) / math.sqrt(d)
    mu, cov, x = normal(1, *event, seed=1), factor @ factor.T + 0.1 * torch.eye(d, dtype=F64), normal(3, *event, seed=2)
    exact = marginal(GaussianPath(), GaussianMixture(mu.to(dtype), cov[None].to(dtype)))
    for t in (0.0, 0.3, 0.9, 1.0):
        expected = gaussian_velocity(mu.flatten().numpy(), cov.numpy(), x.flatten(1).numpy(), t)
        velocity = exact.velocity(x.to(dtype), t)
        assert velocity.dtype == dtype and velocity.shape == x.shape
        np.testing.assert_allclose(velocity.double().flatten(1).numpy(), expected, rtol=tol, atol=tol)
        law = MultivariateNormal(t * mu.flatten(), t**2 * cov + (1 - t) ** 2 * torch.eye(d, dtype=F64))
        log_p = exact.log_prob(x.to(dtype), t)
        torch.testing.assert_close(log_p.double(), law.log_prob(x.flatten(1)), rtol=tol, atol=tol)


@schedules
def test_mixture_has_a_velocity_at_the_end_but_no_score(schedule):
    exact, x = marginal(GaussianPath(schedule), MIXTURE), 3 * normal(5, 2)
    at_end, before = exact.velocity(x, 1.0), exact.velocity(x, 1 - 1e-7)
    torch.testing.assert_close(at_end, before, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(exact.log_prob(x, 1.0), MIXTURE.log_prob(x))
    for t in (1.0, torch.tensor([0.1, 0.2, 1.0, 0.3, 0.4])):
        with pytest.raises(ValueError, match="span"):
            exact.score(x, t)


@schedules
@pytest.mark.parametrize(
    "dist", [DATA, Checkerboard(), GaussianMixture(torch.zeros(1, 2), torch.diag(torch.tensor([1.0, 0.0]))[None])]
)
@pytest.mark.parametrize("method", ["velocity", "score", "log_prob", "posterior"])
def test_singular_data_is_refused_at_the_end(schedule, dist, method):
    exact, x = marginal(GaussianPath(schedule), dist), normal(3, 2)
    getattr(exact, method)(x, 0.999)
    for t in (1.0, torch.tensor([0.5, 1.0, 0.5]), -0.5):
        with pytest.raises(ValueError, match="span"):
            getattr(exact, method)(x, t)


# finite data sets


@schedules
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(("dtype", "tol"), [(F32, 2e-3), (F64, 1e-9)])
def test_velocity_of_a_data_set_against_a_loop(schedule, event, dtype, tol):
    """The mean of the conditional velocities, weighted by exp(-|x - alpha z|^2 / 2 beta^2)."""
    data, ts = normal(6, *event, seed=5), [0.0, 0.3, 0.7, 0.95]
    x = torch.stack([factors(schedule, t)[0] * data[i] for i, t in enumerate(ts)]) + 0.1 * normal(4, *event)
    exact = marginal(GaussianPath(schedule), Empirical(data.to(dtype)))
    velocity = exact.velocity(x.to(dtype), torch.tensor(ts, dtype=dtype))
    assert velocity.dtype == dtype
    for i, t in enumerate(ts):
        a, b, a_dot, b_dot = factors(schedule, t)
        squares = [((x[i] - a * z) ** 2).sum().item() for z in data]
        weights = [math.exp(-(s - min(squares)) / 2 / b**2) for s in squares]
        total = sum(w * (a_dot * z + b_dot * (x[i] - a * z) / b) for w, z in zip(weights, data, strict=True))
        torch.testing.assert_close(velocity[i].double(), total / sum(weights), rtol=tol, atol=tol)


# labels


def test_labels_choose_the_distribution_of_each_state():
    """Class by class, with a time of each state; the null label and no label mean the key None."""
    dists = {0: DATA.given(0), 1: MIXTURE, None: Checkerboard()}
    exact, x = marginal(GaussianPath(), dists), normal(6, 2)
    y = torch.tensor([1, 0, 2, 1, 2, 0])
    for t in (torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], dtype=F64), torch.tensor(0.3, dtype=F64), 0.3):
        for method in ("velocity", "score", "log_prob"):
            together = getattr(exact, method)(x, t, y)
            unlabelled = getattr(exact, method)(x, t)
            for i in range(6):
                t_i = t[i] if torch.is_tensor(t) and t.ndim else t
                alone = {k: getattr(marginal(GaussianPath(), dist), method) for k, dist in dists.items()}
                key = None if y[i] == 2 else y[i].item()
                torch.testing.assert_close(together[i], alone[key](x[i : i + 1], t_i)[0])
                torch.testing.assert_close(unlabelled[i], alone[None](x[i : i + 1], t_i)[0])


def test_bad_labels_are_refused(unchecked):
    x = normal(3, 2)
    exact = marginal(GaussianPath(), {0: MIXTURE, 1: DATA})
    for y in ([0, 5, 1], [-1, 0, 0]):
        with pytest.raises(ValueError, match=rf"labels among \[0, 1\] \(null label 2\), got {'5' if 5 in y else '-1'}"):
            exact.velocity(x, 0.5, torch.tensor(y))
    with pytest.raises(ValueError, match="got 2"):  # without None in the mapping there is no null label
        exact.velocity(x, 0.5)
    for shape in [(2,), (3, 1), ()]:
        with pytest.raises(ValueError, match="one label for each of 3 states, got labels of shape"):
            exact.velocity(x, 0.5, torch.zeros(shape, dtype=torch.long))
    for labels in [(1, 2), (0, 2, None), ("a",)]:
        with pytest.raises(ValueError, match="labels 0 to n-1"):
            marginal(GaussianPath(), {label: MIXTURE for label in labels})


@pytest.mark.parametrize("dist", [Moons(), Circles(), Uniform(0.0, 1.0), Independent(Normal(torch.zeros(2), 1.0), 1)])
def test_unknown_marginals_are_refused(dist):
    for p_data in (dist, {0: MIXTURE, 1: dist}):
        with pytest.raises(TypeError, match=f"no closed form is known for {type(dist).__name__}"):
            marginal(GaussianPath(), p_data)


def test_only_gaussian_paths_have_exact_marginals(unchecked):
    with pytest.raises(TypeError, match="expected a GaussianPath, got LinearPath"):
        marginal(LinearPath(), MIXTURE)


# times


OUTSIDE = [500, -0.5, 1.01, 1000.0, math.nan, torch.tensor(2), torch.tensor([0.5, 0.5, 500])]


def asks_with_a_time():
    """Everything that takes a time on a path."""
    x, z = torch.ones(3, 2), torch.zeros(3, 2)
    exact, board = marginal(GaussianPath(), GaussianMixture()), marginal(GaussianPath(Cosine()), Checkerboard())
    data = marginal(GaussianPath(), Empirical(z))
    labelled = marginal(GaussianPath(), {0: GaussianMixture(), None: GaussianMixture()})
    path = GaussianPath()
    yield from [lambda t: path.sample(z, t), lambda t: LinearPath().sample(z, t, x), lambda t: path.velocity(x, z, t)]
    yield from [
        lambda t: path.score(x, z, t),
        lambda t: path.log_prob(x, z, t),
        lambda t: LinearPath().velocity(x, z, t),
    ]
    for fields in (exact, board, data, labelled):
        yield from [lambda t, f=fields: f.velocity(x, t), lambda t, f=fields: f.score(x, t)]
        yield lambda t, f=fields: f.log_prob(x, t)
    yield lambda t: exact.posterior(x, t)
    yield lambda t: reparametrised(exact.velocity, Cosine())(x, t)
    for source, target in itertools.product(PREDICTIONS, PREDICTIONS):
        yield lambda t, a=source, b=target: convert(x, x, t, Linear(), source=a, target=b)


@pytest.mark.parametrize("t", OUTSIDE, ids=str)
def test_times_outside_0_to_1_are_refused(t):
    """The habit of integer steps, for one."""
    for ask in asks_with_a_time():
        with pytest.raises(ValueError, match="t runs from 0 .noise. to 1 .data., got |expected times in the span"):
            ask(t)


def test_rounding_is_no_reason_to_refuse():
    for t in (1 + 1e-7, -1e-7, torch.tensor(1.0) + torch.finfo(torch.float32).eps):
        assert GaussianPath().sample(torch.zeros(3, 2), t).x.isfinite().all()


def test_an_empty_batch_has_no_time_to_refuse():
    assert GaussianPath().sample(torch.zeros(0, 2), torch.zeros(0)).velocity.shape == (0, 2)
    assert marginal(GaussianPath(), GaussianMixture()).velocity(torch.zeros(0, 2), torch.zeros(0)).shape == (0, 2)


# both ends of every schedule


class Root(Schedule):
    """An infinite derivative of alpha at t = 0, and of beta at t = 1; both by autodiff."""

    def alpha(self, t):
        return t.sqrt()

    def beta(self, t):
        return (1 - t).sqrt()


ENDS = [Linear(), Cosine(), VariancePreserving(), VarianceExploding(), Root()]


def quantities(schedule, t):
    """Everything that a schedule and its paths give at a time."""
    z, noise = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    path, at = GaussianPath(schedule), torch.as_tensor(t)
    sample = path.sample(z, t, noise)
    yield from [lambda: sample.x, lambda: sample.velocity, lambda: sample.score]
    yield from [lambda: schedule.alpha(at), lambda: schedule.beta(at), lambda: schedule.alpha_dot(at)]
    yield from [lambda: schedule.beta_dot(at), lambda: torch.stack(schedule.rates(at))]
    yield from [lambda: path.velocity(sample.x, z, t), lambda: path.score(sample.x, z, t)]
    yield lambda: path.log_prob(sample.x, z, t)
    for dist in (GaussianMixture(), Checkerboard(), Empirical(z), GaussianMixture(z, torch.zeros(3, 2, 2))):
        exact = marginal(path, dist)
        yield from [lambda e=exact: e.velocity(sample.x, t), lambda e=exact: e.score(sample.x, t)]
        yield from [lambda e=exact: e.log_prob(sample.x, t), lambda e=exact: torch.stack(e.posterior(sample.x, t))]
        yield lambda e=exact: reparametrised(marginal(GaussianPath(), GaussianMixture()).velocity, schedule)(
            sample.x, t
        )
    for source, target in itertools.permutations(PREDICTIONS, 2):
        yield lambda a=source, b=target: convert(noise, sample.x, t, schedule, source=a, target=b)


@pytest.mark.parametrize("t", [0.0, 1.0, torch.tensor([0.0, 0.5, 1.0])], ids=str)
@pytest.mark.parametrize("schedule", ENDS, ids=repr)
def test_everything_is_finite_or_refused_at_both_ends(schedule, t):
    finite = 0
    for ask in quantities(schedule, t):
        try:
            value = ask()
        except ValueError as error:
            assert "inf" in str(error) or "cannot be turned" in str(error) or "span" in str(error)
            continue
        assert value.isfinite().all()
        finite += 1
    assert finite >= 5


def test_an_infinite_velocity_of_a_sample_is_refused():
    ones = torch.ones(3)
    with pytest.raises(ValueError, match="VariancePreserving has an infinite derivative at t = 1"):
        GaussianPath(VariancePreserving()).sample(torch.ones(3, 2), ones).velocity  # noqa: B018
    for schedule in (Linear(), Cosine(), VarianceExploding()):
        assert GaussianPath(schedule).sample(torch.ones(3, 2), ones).velocity.isfinite().all()


# what a marginal asks of a distribution


@pytest.mark.parametrize("lacking", ["posterior", "noisy_log_prob", "singular"])
def test_a_distribution_with_half_a_closed_form_is_refused_at_once(lacking, unchecked):
    has = {"posterior": None, "noisy_log_prob": None, "singular": False}
    dist = types.SimpleNamespace(**{name: value for name, value in has.items() if name != lacking})
    for p_data in (dist, {0: GaussianMixture(), None: dist}):
        with pytest.raises(TypeError, match=f"no closed form is known for SimpleNamespace; it has no .*{lacking}"):
            marginal(GaussianPath(), p_data)


@pytest.mark.parametrize("shape", [(3,), (2,), (3, 3), (3, 2, 1), ()])
def test_states_of_another_shape_are_refused(shape):
    exact = marginal(GaussianPath(), GaussianMixture())
    for ask in (exact.velocity, exact.score, exact.log_prob, exact.posterior):
        with pytest.raises(ValueError) as refused:
            ask(torch.ones(shape), 0.5)
        assert str(refused.value) == f"expected states of shape (batch, 2), got {shape}"
