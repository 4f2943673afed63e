"""The SDE extension keeps the marginals: Fokker–Planck equation, exact variances of its steps, time reversal."""

import pytest
import torch

from course_utils.distributions import Checkerboard, GaussianMixture
from course_utils.likelihood import divergence
from course_utils.paths import GaussianPath, marginal
from course_utils.processes import FlowSDE
from course_utils.schedules import Cosine, Linear, VarianceExploding, VariancePreserving
from course_utils.simulators import euler_maruyama_step

F64 = torch.float64
WIDTH = 0.05
NARROW = GaussianMixture(torch.zeros(1, 1, dtype=F64), torch.full((1, 1, 1), WIDTH**2, dtype=F64))
MIXTURE = GaussianMixture(
    torch.tensor([[-1.0, 0.5], [1.5, -0.5]], dtype=F64),
    torch.stack([torch.diag(torch.tensor(d, dtype=F64)) for d in ((0.3, 0.1), (0.2, 0.6))]),
)
SCHEDULES = [Linear(), Cosine(), VariancePreserving(), VarianceExploding(0.1, 5.0)]
schedules = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)


def reversal(schedule):
    """The diffusion coefficient of the noising process run backwards."""

    def sigma(t):
        alpha, beta = schedule.alpha(t), schedule.beta(t)
        return (2 * (beta**2 * schedule.alpha_dot(t) / alpha - beta * schedule.beta_dot(t))).sqrt()

    return sigma


def coefficients(schedule):
    fading = {f"{s} sqrt(beta)": lambda t, s=s: s * schedule.beta(t).sqrt() for s in (0, 0.5, 1.0, 1.4)}
    return fading | {"constant": lambda t: torch.full_like(t, 0.8), "reversal": reversal(schedule)}


@schedules
@pytest.mark.parametrize("p_data", [MIXTURE, Checkerboard()], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("kind", ["1.0 sqrt(beta)", "constant", "reversal"])
def test_the_density_solves_the_fokker_planck_equation(schedule, p_data, kind):
    exact, sigma = marginal(GaussianPath(schedule), p_data), coefficients(schedule)[kind]
    sde = FlowSDE(exact.velocity, exact.score, sigma)
    x = 2 * torch.randn(20, 2, generator=torch.Generator().manual_seed(1), dtype=F64)
    t = torch.full((20,), 0.6, dtype=F64, requires_grad=True)

    def density(x, t):
        return exact.log_prob(x, t).exp()

    def slope(x, t):
        return torch.autograd.grad(density(x, t).sum(), x, create_graph=True)[0]

    (change,) = torch.autograd.grad(density(x, t).sum(), t)
    t = t.detach()
    flow = -divergence(lambda x, t: density(x, t)[:, None] * sde.drift(x, t), x, t)
    spread = sigma(t) ** 2 / 2 * divergence(slope, x, t)
    torch.testing.assert_close(flow + spread, change, rtol=0, atol=1e-11 * change.abs().max().item())
    assert spread.abs().max() > 1e-3 * change.abs().max()


def slope_of_drift(sde, t):
    return (sde.drift(torch.ones(1, 1, dtype=F64), t) - sde.drift(torch.zeros(1, 1, dtype=F64), t)).squeeze()


def variance(schedule, t):
    return (schedule.alpha(t) * WIDTH) ** 2 + schedule.beta(t) ** 2


@schedules
def test_only_the_reversal_has_the_joint_law_of_noising(schedule):
    """For Gaussian data dX = a X dt + sigma dW: variance v' = 2 a v + sigma^2, and (log Cov(X_s, X_t))' = a.

    Noising gives Cov(X_s, X_t) = alpha_s / alpha_t Var(X_t), hence a = v'/v - alpha'/alpha.
    """
    exact, h = marginal(GaussianPath(schedule), NARROW), 1e-6
    for t in torch.tensor([0.05, 0.3, 0.5, 0.7, 0.95], dtype=F64):
        v, v_dot = variance(schedule, t), (variance(schedule, t + h) - variance(schedule, t - h)) / (2 * h)
        noising = v_dot / v - schedule.alpha_dot(t) / schedule.alpha(t)
        for name, sigma in coefficients(schedule).items():
            a = slope_of_drift(FlowSDE(exact.velocity, exact.score, sigma), t)
            torch.testing.assert_close(2 * a * v + sigma(t) ** 2, v_dot, rtol=1e-6, atol=1e-6)
            assert torch.isclose(a, noising, rtol=1e-6) == (name == "reversal")


def deviations(sigma, steps):
    """Times and standard deviations of Euler–Maruyama steps for the narrow Gaussian, without sampling."""
    exact, ts = marginal(GaussianPath(), NARROW), Linear().grid(steps, dtype=F64)
    sde, (zero, one) = FlowSDE(exact.velocity, exact.score, sigma), torch.arange(2.0, dtype=F64).reshape(2, 1, 1)
    v, found = 1.0, [1.0]
    for t, h in zip(ts[:-1], ts.diff(), strict=True):
        kept, added = (euler_maruyama_step(sde, x, t, h, dw).item() for x, dw in ((one, zero), (zero, one)))
        v = kept**2 * v + added**2 * h.item()
        found.append(v**0.5)
    return ts, torch.tensor(found, dtype=F64)


@pytest.mark.parametrize("s", [0, 0.5, 1.0, 1.4])
def test_fading_noise_keeps_the_marginals_at_five_times(s):
    """To the error of the steps, which halves with their length; no step is unstable, however narrow the data."""
    gaps = []
    for steps in (100, 200):
        ts, found = deviations(lambda t: s * Linear().beta(t).sqrt(), steps)
        exact = variance(Linear(), ts).sqrt()
        at = [0, steps // 4, steps // 2, 3 * steps // 4, steps]
        gaps.append(((found - exact) / exact)[at].abs().max().item())
    assert gaps[0] < 0.08 and gaps[1] < 0.7 * gaps[0]


def test_constant_noise_fails_near_the_data_with_few_steps():
    ends = {n: deviations(lambda t: torch.ones_like(t), n)[1][-1].item() for n in (50, 200, 2000)}
    assert ends[50] > 10 * WIDTH and ends[200] < 2 * WIDTH and ends[2000] == pytest.approx(WIDTH, rel=0.05)
