"""The DDIM step against the law it comes from, the Euler step, and bad input."""

import math

import pytest
import torch

from course_utils.schedules import Cosine, Linear, VarianceExploding, VariancePreserving
from course_utils.simulators import ddim_step, euler_step

F64 = torch.float64
FAMILY = [Linear(), Cosine(), VariancePreserving(), VarianceExploding(0.1, 5.0)]
each = pytest.mark.parametrize("schedule", FAMILY, ids=lambda s: type(s).__name__)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_on_the_linear_path_it_is_the_euler_step():
    x, z_hat = normal(6, 2), normal(6, 2, seed=1)
    t, t_next = torch.tensor([0.3, 0.55], dtype=F64)
    field = lambda x, t: (z_hat - x) / (1 - t)  # noqa: E731
    torch.testing.assert_close(ddim_step(z_hat, x, t, t_next, Linear()), euler_step(field, x, t, t_next - t))


@each
def test_it_is_euler_in_the_scaled_variables_of_data_and_of_noise(schedule):
    x, z_hat = normal(6, 2), normal(6, 2, seed=1)
    t, t_next = torch.tensor([0.3, 0.55], dtype=F64)
    a, b, a_next, b_next = schedule.alpha(t), schedule.beta(t), schedule.alpha(t_next), schedule.beta(t_next)
    noise_hat = (x - a * z_hat) / b
    by_data = b_next * (x / b + z_hat * (a_next / b_next - a / b))
    by_noise = a_next * (x / a + noise_hat * (b_next / a_next - b / a))
    step = ddim_step(z_hat, x, t, t_next, schedule)
    torch.testing.assert_close(step, by_data)
    torch.testing.assert_close(step, by_noise)


@each
def test_one_step_is_exact_for_one_data_point_and_reaches_beta_zero(schedule):
    z, noise = normal(6, 3), normal(6, 3, seed=1)
    mixed = lambda t: schedule.alpha(t) * z + schedule.beta(t) * noise  # noqa: E731
    t, t_next = torch.tensor(0.02, dtype=F64), torch.tensor(1.0, dtype=F64)
    torch.testing.assert_close(ddim_step(z, mixed(t), t, t_next, schedule), mixed(t_next))


@each
@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_with_noise_it_keeps_the_law_of_the_state_given_the_data(schedule, eta):
    """x ~ N(alpha z, beta^2) has to become N(alpha' z, beta'^2), for any eta: checked on both sources of noise."""
    t, t_next, z = torch.tensor(0.3, dtype=F64), torch.tensor(0.6, dtype=F64), torch.tensor([[2.0]], dtype=F64)
    at = lambda noise_hat, noise: ddim_step(  # noqa: E731
        z, schedule.alpha(t) * z + schedule.beta(t) * noise_hat, t, t_next, schedule, eta, noise
    )
    zero, one = torch.zeros(1, 1, dtype=F64), torch.ones(1, 1, dtype=F64)
    mean = at(zero, zero)
    torch.testing.assert_close(mean, schedule.alpha(t_next) * z)
    kept, fresh = at(one, zero) - mean, at(zero, one) - mean
    torch.testing.assert_close((kept**2 + fresh**2).squeeze(), schedule.beta(t_next) ** 2)
    assert fresh.item() > 0


def test_eta_one_is_the_posterior_of_gaussians():
    """Given z and x_t = r x_s + noise, Bayes' rule for two Gaussians gives the mean and variance of x_s."""
    schedule, z = VariancePreserving(), 0.7
    t, s = torch.tensor(0.4, dtype=F64), torch.tensor(0.5, dtype=F64)
    r = (schedule.alpha(t) / schedule.alpha(s)).item()
    prior_mean, prior_var = schedule.alpha(s).item() * z, schedule.beta(s).item() ** 2
    noise_var = schedule.beta(t).item() ** 2 - r**2 * prior_var
    x = 0.3
    variance = 1 / (1 / prior_var + r**2 / noise_var)
    mean = variance * (prior_mean / prior_var + r * x / noise_var)
    for noise in (0.0, 1.3):
        arguments = [torch.full((1, 1), v, dtype=F64) for v in (z, x)]
        step = ddim_step(*arguments, t, s, schedule, 1.0, torch.full((1, 1), noise, dtype=F64))
        assert step.item() == pytest.approx(mean + math.sqrt(variance) * noise, rel=1e-10)


def test_bad_input_is_refused(unchecked):
    x = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="expected noise for eta = 1, got none"):
        ddim_step(x, x, 0.2, 0.3, Linear(), 1.0)
    with pytest.raises(ValueError, match="expected beta > 0 at t"):
        ddim_step(x, x, 1.0, 1.0, Linear())
    with pytest.raises(ValueError, match="expected equal shapes"):
        ddim_step(x[:, :1], x, 0.2, 0.3, Linear())


@pytest.mark.parametrize("eta", [-0.1, 1.5, float("nan")])
def test_a_share_of_noise_outside_0_to_1_is_refused(eta):
    x = torch.ones(2, 1)
    with pytest.raises(ValueError, match=f"expected eta from 0 to 1, got {eta:g}"):
        ddim_step(x, x, 0.2, 0.3, Linear(), eta, x)


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("later", [0.4, 0.39, torch.tensor([0.5, 0.4]), torch.tensor([0.3, 0.5])])
def test_a_step_that_does_not_go_on_is_refused(later, eta):
    x = torch.ones(2, 1)
    with pytest.raises(ValueError, match="expected t_next later than t, got a step of (0|-0)"):
        ddim_step(x, x, 0.4, later, Linear(), eta, x)


@pytest.mark.parametrize(("t", "t_next"), [(-0.5, 0.5), (0.5, 1.5), (10, 20), (500, 1000)])
def test_times_run_from_0_to_1(t, t_next):
    x = torch.ones(2, 1)
    with pytest.raises(ValueError, match=r"t runs from 0 \(noise\) to 1 \(data\), got t = "):
        ddim_step(x, x, t, t_next, Linear())


def test_noise_of_another_shape_is_refused(unchecked):
    x = torch.ones(2, 3)
    with pytest.raises(ValueError, match=r"expected equal shapes, got noise \(2, 1\), x \(2, 3\)"):
        ddim_step(x, x, 0.2, 0.3, Linear(), 1.0, x[:, :1])
