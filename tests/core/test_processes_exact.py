"""The Ornstein–Uhlenbeck step that is exact for a given increment of the Brownian motion."""

import math
from decimal import Decimal, localcontext

import pytest
import torch

from course_utils.processes import OrnsteinUhlenbeck


def factors(theta, sigma, h, dtype=torch.float64):
    """What multiplies x, dw and xi in a step."""
    one, zero = torch.ones(1, dtype=dtype), torch.zeros(1, dtype=dtype)
    process = OrnsteinUhlenbeck(theta, sigma)
    inputs = [(one, zero, zero), (zero, one, zero), (zero, zero, one)]
    return [process.exact_step(x, h, dw, xi).item() for x, dw, xi in inputs]


def exact_factors(theta, sigma, h):
    """The same by the formula as printed, with 80 digits."""
    with localcontext() as context:
        context.prec = 80
        theta, sigma, h = Decimal(theta), Decimal(sigma), Decimal(h)
        decay = (-theta * h).exp()
        v = (1 - decay**2) / (2 * theta) - (1 - decay) ** 2 / (theta**2 * h)
        return [float(f) for f in (decay, sigma * (1 - decay) / (theta * h), sigma * v.sqrt())]


@pytest.mark.parametrize("theta_h", [1e-12, 1e-8, 1e-4, 0.01, 0.5, 1.0, 3.9, 4.1, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("h", [0.01, 2.0])
def test_factors_are_those_of_the_formula(theta_h, h):
    theta = theta_h / h
    assert factors(theta, 1.5, h) == pytest.approx(exact_factors(theta, 1.5, h), rel=1e-13)
    assert factors(theta, 1.5, h, torch.float32) == pytest.approx(exact_factors(theta, 1.5, h), rel=2e-5, abs=1e-30)


def test_without_pull_it_is_brownian_motion():
    assert factors(0.0, 1.5, 0.25) == [1.0, 1.5, 0.0]


def test_no_time_no_change():
    assert factors(2.0, 1.5, 0.0)[0] == 1.0
    x, nothing, noise = torch.full((3, 2), 7.0), torch.zeros(3, 2), torch.ones(3, 2)
    assert torch.equal(OrnsteinUhlenbeck(2.0, 1.5).exact_step(x, 0.0, nothing, noise), x)


@pytest.mark.parametrize("theta", [0.0, 1e-6, 0.7, 40.0])
def test_law_is_that_of_the_transition(theta):
    sigma, h = 1.3, 0.4
    decay, of_dw, of_xi = factors(theta, sigma, h)
    mean, std = OrnsteinUhlenbeck(theta, sigma).transition(torch.ones(1, dtype=torch.float64), h)
    assert decay == pytest.approx(mean.item(), rel=1e-14)
    assert math.sqrt(of_dw**2 * h + of_xi**2) == pytest.approx(std.item(), rel=1e-13)


@pytest.mark.parametrize("theta_h", [1e-3, 0.5, 5.0])
def test_covariance_with_the_increment_is_that_of_the_integral(theta_h):
    """Two half steps, their increments added, have the joint covariance of one whole step."""
    h, sigma = 0.8, 1.1
    decay, a, c = factors(theta_h / h, sigma, h / 2)
    dws = torch.tensor([h / 2, h / 2], dtype=torch.float64)
    to_end = torch.tensor([decay * a, a], dtype=torch.float64)
    covariance = (to_end * dws).sum().item()
    variance = (to_end**2 * dws).sum().item() + (decay * c) ** 2 + c**2
    _, whole_a, whole_c = factors(theta_h / h, sigma, h)
    assert covariance == pytest.approx(whole_a * h, rel=1e-12)
    assert variance == pytest.approx(whole_a**2 * h + whole_c**2, rel=1e-12)


def test_one_step_length_a_path():
    x, dw, xi = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(1))
    process, hs = OrnsteinUhlenbeck(0.5, 2.0), torch.tensor([0.0, 0.1, 1.0, 9.0])
    together = process.exact_step(x, hs, dw, xi)
    alone = [process.exact_step(x[i : i + 1], hs[i], dw[i : i + 1], xi[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_bad_input_is_refused():
    process, x = OrnsteinUhlenbeck(), torch.zeros(3, 2)
    with pytest.raises(ValueError, match="not negative, got -1"):
        process.exact_step(x, -1.0, x, x)
    with pytest.raises(ValueError, match=r"equal shapes, got x \(3, 2\), dw \(3, 1\)"):
        process.exact_step(x, 1.0, x[:, :1], x)
