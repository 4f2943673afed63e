"""Laws of the named processes against closed forms, SciPy, and the exact recursions of their moments."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch.distributions import Normal

from course_utils.processes import (
    SDE,
    BrownianMotion,
    FlowSDE,
    GeometricBrownianMotion,
    Langevin,
    OrnsteinUhlenbeck,
)
from course_utils.schedules import Cosine, Linear
from course_utils.simulators import euler_maruyama_step, simulate

N = 40_000
F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_gaussian(x: torch.Tensor, mean: float, variance: float):
    """Mean, variance and kurtosis of a sample of a Gaussian, each within 5 standard errors."""
    n, centred = x.numel(), x - mean
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / n)
    assert abs(centred.square().mean() - variance) < 5 * variance * math.sqrt(2 / n)
    assert abs(centred.pow(4).mean() / variance**2 - 3) < 5 * math.sqrt(96 / n)  # var of g^4 is 105 - 9


# Ornstein–Uhlenbeck


@pytest.mark.parametrize(("theta", "sigma"), [(0.25, 0.5), (1.0, 2.0), (3.0, 0.3)])
def test_transition_solves_the_equations_of_the_moments(theta, sigma):
    """dm/dt = -theta m, dv/dt = sigma^2 - 2 theta v, integrated by SciPy."""
    times = np.array([0.01, 0.3, 1.0, 4.0])

    def moments(_, y):
        return [-theta * y[0], sigma**2 - 2 * theta * y[1]]

    exact = solve_ivp(moments, (0, 4), [1.5, 0], t_eval=times, rtol=1e-10, atol=1e-13).y
    x0 = torch.full((len(times), 1), 1.5, dtype=F64)
    mean, std = OrnsteinUhlenbeck(theta, sigma).transition(x0, torch.from_numpy(times))
    np.testing.assert_allclose(mean[:, 0], exact[0], rtol=1e-7)
    np.testing.assert_allclose(std[:, 0] ** 2, exact[1], rtol=1e-7)


@pytest.mark.parametrize("t", [0.05, 0.5, 2.0, 8.0])
def test_transition_is_the_law_of_a_fine_simulation(t):
    """Exact law against 100 Euler–Maruyama steps; the bias of the steps is that of the exact recursion."""
    theta, sigma, steps = 0.8, 1.5, 100
    ou, h = OrnsteinUhlenbeck(theta, sigma), t / steps
    x0 = torch.full((N, 1), 2.0, dtype=F64)
    x = simulate(ou, x0, torch.linspace(0, t, steps + 1, dtype=F64), generator=seeded(), save_every=steps).end
    mean, std = (v.flatten()[0].item() for v in ou.transition(x0, torch.tensor(t)))
    decay = (1 - theta * h) ** steps
    bias_mean = 2 * decay - mean
    bias_variance = sigma**2 * h * (1 - decay**2) / (1 - (1 - theta * h) ** 2) - std**2
    assert abs(bias_variance) < 0.04 * std**2
    assert abs(x.mean() - mean - bias_mean) < 5 * std / math.sqrt(N)
    assert abs(x.var() - std**2 - bias_variance) < 5 * std**2 * math.sqrt(2 / N)


def test_a_sample_of_the_transition_is_gaussian():
    ou = OrnsteinUhlenbeck(0.7, 1.3)
    mean, std = ou.transition(torch.full((N, 1), -1.0), torch.tensor(0.9))
    x = mean + std * torch.randn(N, 1, generator=seeded(1))
    variance = 1.3**2 * (1 - math.exp(-2 * 0.7 * 0.9)) / (2 * 0.7)
    assert_gaussian(x, -math.exp(-0.63), variance)


def test_euler_maruyama_has_the_law_of_its_recursion():
    """m' = (1 - theta h) m, v' = (1 - theta h)^2 v + sigma^2 h at every step, coarse steps; exactly Gaussian."""
    theta, sigma, h, steps = 1.2, 0.9, 0.25, 12
    ts = torch.arange(steps + 1) * h
    xs = simulate(OrnsteinUhlenbeck(theta, sigma), torch.full((N, 1), 3.0), ts, generator=seeded(2)).xs[..., 0]
    m, v, a = 3.0, 0.0, 1 - theta * h
    for step in range(1, steps + 1):
        m, v = a * m, a**2 * v + sigma**2 * h
        if step in (1, 2, 4, 8, 12):
            assert_gaussian(xs[step], m, v)
    limit = sigma**2 / (2 * theta)
    assert v / limit - 1 > 5 * math.sqrt(2 / N)  # the sample would not pass with the limit's variance


def test_times_are_correlated_as_the_recursion_says():
    """Cov(X_s, X_t) = (1 - theta h)^(t-s) Var(X_s): noise that repeats between steps would show here."""
    theta, h = 1.2, 0.25
    xs = simulate(OrnsteinUhlenbeck(theta, 0.9), torch.zeros(N, 1), torch.arange(13) * h, generator=seeded(3)).xs
    for s, t in [(1, 2), (4, 6), (6, 12)]:
        correlation = np.corrcoef(xs[s, :, 0], xs[t, :, 0])[0, 1]
        variances = [1 - (1 - theta * h) ** (2 * k) for k in (s, t)]
        exact = (1 - theta * h) ** (t - s) * math.sqrt(variances[0] / variances[1])
        assert abs(correlation - exact) < 5 * (1 - exact**2) / math.sqrt(N)


@pytest.mark.parametrize("event", [(1,), (2,), (1, 28, 28)])
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_transition_for_every_event_shape(event, dtype):
    """The law after t + s is the law after s, started from the law after t."""
    ou = OrnsteinUhlenbeck(0.6, 1.1)
    x0 = torch.randn(5, *event, dtype=dtype, generator=seeded())
    t = torch.rand(5, dtype=dtype, generator=seeded(1))
    mean, std = ou.transition(x0, t)
    assert mean.shape == x0.shape and mean.dtype == std.dtype == dtype
    mean_further, std_further = ou.transition(mean, torch.tensor(0.4))
    together = ou.transition(x0, t + 0.4)
    torch.testing.assert_close(mean_further, together[0])
    torch.testing.assert_close((std * math.exp(-0.6 * 0.4)) ** 2 + std_further**2, together[1] ** 2)


def test_transition_at_time_zero():
    x0 = torch.randn(3, 2, generator=seeded())
    for process in (OrnsteinUhlenbeck(0.5, 2.0), OrnsteinUhlenbeck(0.0, 2.0), BrownianMotion(2.0)):
        mean, std = process.transition(x0, 0.0)
        assert torch.equal(mean, x0) and (std == 0).all()


def test_without_pull_it_is_brownian_motion():
    x0, t = torch.randn(3, 2, generator=seeded()), torch.tensor([0.1, 1.0, 7.0])
    mean, std = OrnsteinUhlenbeck(0.0, 1.7).transition(x0, t)
    assert torch.equal(mean, x0)
    torch.testing.assert_close(std, 1.7 * t.sqrt()[:, None])
    torch.testing.assert_close(BrownianMotion(1.7).transition(x0, t)[1], std)


def test_without_noise_it_decays():
    x0 = torch.randn(4, 1, dtype=F64, generator=seeded())
    ou = OrnsteinUhlenbeck(2.0, 0.0)
    mean, std = ou.transition(x0, torch.tensor(0.5))
    torch.testing.assert_close(mean, x0 * math.exp(-1.0))
    assert (std == 0).all()
    x = simulate(ou, x0, torch.linspace(0, 0.5, 6, dtype=F64), generator=seeded()).end
    torch.testing.assert_close(x, x0 * (1 - 2 * 0.1) ** 5)


@pytest.mark.parametrize("theta", [1e-3, 1e-5, 1e-8, 1e-12, 1e-30])
@pytest.mark.parametrize("t", [1e-3, 1.0])
def test_a_small_pull_loses_no_digits_in_float32(theta, t):
    _, std = OrnsteinUhlenbeck(theta, 1.0).transition(torch.zeros(1, 1), torch.tensor(t))
    exact = math.sqrt(-math.expm1(-2 * theta * t) / (2 * theta))
    assert std.item() == pytest.approx(exact, rel=3e-7)


def test_the_stationary_law_stays():
    theta, sigma = 0.7, 1.2
    ou = OrnsteinUhlenbeck(theta, sigma)
    law = ou.stationary()
    assert law.mean == 0
    assert law.variance.item() == pytest.approx(sigma**2 / (2 * theta), rel=1e-6)
    for t in (0.1, 1.0, 10.0):  # X_0 ~ law implies X_t ~ law
        decay, std = ou.transition(torch.ones(1, 1), torch.tensor(t))
        assert (decay**2 * law.variance + std**2).item() == pytest.approx(law.variance.item(), rel=1e-6)


@pytest.mark.parametrize(("theta", "sigma"), [(0.0, 1.0), (1.0, 0.0)])
def test_no_stationary_law(theta, sigma):
    with pytest.raises(ValueError, match="theta > 0 and sigma > 0"):
        OrnsteinUhlenbeck(theta, sigma).stationary()


# Brownian motion


def test_brownian_increments_are_independent_with_the_variance_of_their_steps():
    """An uneven grid, and enough steps that the noise comes in several blocks."""
    sigma, dts = 1.4, torch.linspace(0.01, 0.3, 30)
    ts = torch.cat([torch.zeros(1), dts.cumsum(0)])
    xs = simulate(BrownianMotion(sigma), torch.zeros(N, 1), ts, generator=seeded(4)).xs[..., 0]
    increments = xs.diff(dim=0)
    for increment, dt in zip(increments, ts.diff(), strict=True):
        assert_gaussian(increment, 0.0, sigma**2 * dt.item())
    correlations = np.corrcoef(increments.numpy()) - np.eye(30)
    assert np.abs(correlations).max() < 5 / math.sqrt(N)
    assert_gaussian(xs[-1], 0.0, BrownianMotion(sigma).transition(torch.zeros(1, 1), ts[-1])[1].item() ** 2)


def test_pixels_and_samples_move_independently():
    x = simulate(BrownianMotion(), torch.zeros(500, 1, 28, 28), torch.linspace(0, 1, 3), generator=seeded(5)).end
    assert_gaussian(x, 0.0, 1.0)
    for flat in (x.flatten(1), x.flatten(1).T):
        means = flat.mean(1)  # each of variance 1/n if its entries are independent
        assert_gaussian(means * math.sqrt(flat.shape[1]), 0.0, 1.0)


# Geometric Brownian motion


def test_geometric_brownian_motion_solves_its_equation():
    """Itô's formula on the solution f(t, w): f_w = diffusion(f), f_t + f_ww / 2 = drift(f), by autodiff."""
    gbm = GeometricBrownianMotion(0.3, 0.7)
    t = torch.tensor(0.8, dtype=F64, requires_grad=True)
    w = torch.tensor([[0.4], [-1.1]], dtype=F64, requires_grad=True)
    x = gbm.solution(torch.tensor([[1.0], [2.0]], dtype=F64), t, w)
    (f_w,) = torch.autograd.grad(x.sum(), w, create_graph=True)
    (f_ww,) = torch.autograd.grad(f_w.sum(), w, retain_graph=True)
    (f_t,) = torch.autograd.grad(x.sum(), t)
    torch.testing.assert_close(f_w, gbm.diffusion(x, t))
    torch.testing.assert_close(f_t + (f_ww / 2).sum(), gbm.drift(x, t).sum())


def test_geometric_brownian_motion_starts_at_x0():
    x0 = torch.tensor([[1.0, 2.0]])
    assert torch.equal(GeometricBrownianMotion(0.3, 0.7).solution(x0, 0.0, torch.zeros(1, 2)), x0)


def test_mean_of_geometric_brownian_motion():
    """E X_t = x0 e^{mu t}, E X_t^2 = x0^2 e^{(2 mu + sigma^2) t}; the standard error of the mean is exact."""
    mu, sigma, t, n = 0.4, 0.5, 1.5, 200_000
    w = math.sqrt(t) * torch.randn(n, 1, dtype=F64, generator=seeded(6))
    x = GeometricBrownianMotion(mu, sigma).solution(torch.full((n, 1), 2.0, dtype=F64), torch.tensor(t), w)
    mean = 2 * math.exp(mu * t)
    assert abs(x.mean() - mean) < 5 * mean * math.sqrt(math.expm1(sigma**2 * t) / n)


def test_solution_takes_a_time_for_each_path():
    t, w = torch.tensor([0.5, 2.0], dtype=F64), torch.tensor([[0.1], [-0.3]], dtype=F64)
    x = GeometricBrownianMotion(0.3, 0.7).solution(torch.ones(2, 1, dtype=F64), t, w)
    expected = np.exp((0.3 - 0.7**2 / 2) * t.numpy() + 0.7 * w.numpy()[:, 0])
    np.testing.assert_allclose(x[:, 0], expected)


# Langevin


def test_langevin_of_a_gaussian_is_ornstein_uhlenbeck():
    """Score -x / s^2 gives theta = sigma^2 / 2 s^2, and then the stationary law has standard deviation s."""
    s, sigma = 1.3, 0.8
    langevin = Langevin(lambda x: -x / s**2, sigma)
    ou = OrnsteinUhlenbeck(sigma**2 / (2 * s**2), sigma)
    x, t = torch.randn(6, 2, dtype=F64, generator=seeded()), torch.tensor(0.3)
    torch.testing.assert_close(langevin.drift(x, t), ou.drift(x, t))
    torch.testing.assert_close(langevin.diffusion(x, t), ou.diffusion(x, t))
    assert ou.stationary().stddev.item() == pytest.approx(s, rel=1e-6)


def test_langevin_keeps_its_density():
    """Stationary Fokker–Planck equation of a bimodal density: drift p - sigma^2/2 p' = 0, p' by autodiff."""

    def log_p(x):
        return torch.logaddexp(Normal(-1.0, 0.6).log_prob(x), Normal(1.5, 0.9).log_prob(x) + 0.4)

    x = torch.linspace(-4, 4, 33, dtype=F64)[:, None].requires_grad_()
    p = log_p(x).exp()
    (slope,) = torch.autograd.grad(p.sum(), x)

    def score(x):
        x = x.detach().requires_grad_()
        return torch.autograd.grad(log_p(x).sum(), x)[0]

    langevin = Langevin(score, 0.9)
    flux = langevin.drift(x, 0.0) * p - langevin.diffusion(x, 0.0) ** 2 / 2 * slope
    torch.testing.assert_close(flux, torch.zeros_like(flux), atol=1e-12, rtol=0)


# The SDE extension of a flow


def velocity(x, t):
    return x * torch.sin(5 * t.reshape(-1, *[1] * (x.ndim - 1))) - 0.3


def score(x, t):
    return -(x**3) + t.reshape(-1, *[1] * (x.ndim - 1))


@pytest.mark.parametrize("event", [(1,), (2,), (1, 28, 28)])
def test_flow_sde_is_velocity_plus_half_sigma_squared_score(event):
    x, t = torch.randn(3, *event, dtype=F64, generator=seeded()), torch.tensor([0.2, 0.5, 0.9], dtype=F64)
    at = t.reshape(3, *[1] * len(event))
    sde = FlowSDE(velocity, score, lambda t: 2 + t)
    torch.testing.assert_close(sde.drift(x, t), velocity(x, t) + (2 + at) ** 2 / 2 * score(x, t))
    torch.testing.assert_close(sde.diffusion(x, t).expand_as(x), (2 + at).expand_as(x))
    constant = FlowSDE(velocity, score, 0.7)
    torch.testing.assert_close(constant.drift(x, t), velocity(x, t) + 0.245 * score(x, t))
    assert constant.diffusion(x, t).item() == 0.7


@pytest.mark.parametrize("sigma", [0.8, lambda t: (1 - t).sqrt()], ids=["constant", "function"])
def test_from_velocity_is_the_same_sde(sigma):
    """Gaussian data N(2, 0.5^2) on x_t = alpha z + beta eps: score -(x - 2 alpha)/V, velocity m' + V'/2V (x - m)."""

    def fields(schedule):
        def law(t):
            a, b, da, db = (f(t) for f in (schedule.alpha, schedule.beta, schedule.alpha_dot, schedule.beta_dot))
            return 2 * a, 2 * da, 0.25 * a**2 + b**2, 0.5 * a * da + 2 * b * db

        def velocity(x, t):
            m, dm, v, dv = law(t)
            return dm + dv / (2 * v) * (x - m)

        def score(x, t):
            m, _, v, _ = law(t)
            return -(x - m) / v

        return velocity, score

    x = torch.randn(5, 1, dtype=F64, generator=seeded())
    for schedule in (Linear(), Cosine()):
        velocity, score = fields(schedule)
        given, derived = FlowSDE(velocity, score, sigma), FlowSDE.from_velocity(velocity, schedule, sigma)
        assert isinstance(derived, FlowSDE)
        for t in (0.0, 0.2, 0.7, 0.99):
            t = torch.tensor(t, dtype=F64)
            torch.testing.assert_close(derived.drift(x, t), given.drift(x, t))
            torch.testing.assert_close(derived.diffusion(x, t), given.diffusion(x, t))


def test_from_velocity_evaluates_the_network_once_a_step():
    calls = []

    def network(x, t):
        calls.append(t.item())
        return -x

    sde = FlowSDE.from_velocity(network, Linear(), lambda t: (1 - t).sqrt())
    simulate(sde, torch.randn(4, 2, generator=seeded()), Linear().grid(7), generator=seeded())
    assert calls == pytest.approx(Linear().grid(7)[:-1].tolist())


# Diffusion is a coefficient, and bad input is refused


@pytest.mark.parametrize(
    "sde",
    [
        BrownianMotion(0.3),
        OrnsteinUhlenbeck(0.5, 0.3),
        GeometricBrownianMotion(0.1, 0.3),
        Langevin(lambda x: -x, 0.3),
        FlowSDE(velocity, score, 0.3),
    ],
    ids=lambda sde: type(sde).__name__,
)
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_diffusion_is_deterministic_and_keeps_the_dtype(sde, dtype):
    x, t = torch.rand(4, 2, dtype=dtype, generator=seeded()), torch.tensor(0.5, dtype=dtype)
    first = sde.diffusion(x, t)
    assert torch.equal(first, sde.diffusion(x, t))
    assert first.dtype == sde.drift(x, t).dtype == dtype
    assert first.broadcast_to(x.shape).shape == sde.drift(x, t).shape == x.shape
    expected = 0.3 * x if isinstance(sde, GeometricBrownianMotion) else torch.full_like(x, 0.3)
    torch.testing.assert_close(first.expand_as(x), expected)


def test_drift_and_diffusion_of_an_sde_must_be_given():
    x = torch.zeros(1, 1)
    for method in (SDE().drift, SDE().diffusion):
        with pytest.raises(NotImplementedError):
            method(x, 0.0)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_parameters_that_make_no_sense(bad):
    with pytest.raises(ValueError, match="finite theta that is not negative, got"):
        OrnsteinUhlenbeck(theta=bad)
    for make in (
        lambda: BrownianMotion(bad),
        lambda: OrnsteinUhlenbeck(1.0, bad),
        lambda: GeometricBrownianMotion(0.1, bad),
        lambda: Langevin(lambda x: -x, bad),
        lambda: FlowSDE(velocity, score, bad),
        lambda: FlowSDE.from_velocity(velocity, Linear(), bad),
    ):
        with pytest.raises(ValueError, match="finite sigma that is not negative, got"):
            make()


@pytest.mark.parametrize("t", [torch.tensor(-0.5), torch.tensor([0.1, -0.5])], ids=["one", "each"])
def test_negative_times(t):
    x0 = torch.ones(2, 1)
    for law in (
        lambda: BrownianMotion().transition(x0, t),
        lambda: OrnsteinUhlenbeck().transition(x0, t),
        lambda: GeometricBrownianMotion().solution(x0, t, x0),
    ):
        with pytest.raises(ValueError, match="not negative, got -0.5"):
            law()


def test_time_of_shape_batch_by_one(unchecked):
    with pytest.raises(ValueError, match=r"shape \(\) or \(2,\).*got \(2, 1\)"):
        OrnsteinUhlenbeck().transition(torch.ones(2, 1), torch.ones(2, 1))


@pytest.mark.parametrize("sigma", [lambda t: 0.5 - t, lambda t: (0.5 - t).sqrt()], ids=["negative", "nan"])
def test_diffusion_that_turns_negative(sigma):
    sde = FlowSDE(velocity, score, sigma)
    x = torch.ones(2, 1)
    sde.diffusion(x, torch.tensor(0.4))
    with pytest.raises(ValueError, match="diffusion coefficient that is not negative, got"):
        sde.diffusion(x, torch.tensor([0.4, 0.6]))
    with pytest.raises(ValueError, match="diffusion coefficient that is not negative, got"):
        euler_maruyama_step(sde, x, torch.tensor(0.6), 0.1, torch.zeros(2, 1))
