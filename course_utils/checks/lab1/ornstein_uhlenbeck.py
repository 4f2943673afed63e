"""Exercise 1.5: drift and diffusion coefficient of the Ornstein–Uhlenbeck process."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, dyadic, states
from course_utils.checks.observers import DriftAndDiffusion
from course_utils.checks.traits import wrong_only

__all__ = ["ornstein_uhlenbeck"]


@exercise("1.5", "Ornstein–Uhlenbeck process", points=2, sees=DriftAndDiffusion())
def ornstein_uhlenbeck(x, t, theta, sigma):
    return -theta * x, torch.full_like(x, sigma)


@ornstein_uhlenbeck.inputs
def _(normal):
    theta, sigma = dyadic(normal, 0.5, 1.0), dyadic(normal, 1.0, 3.0)
    x, t = states(normal, *batch_shape(normal)), normal(1).sigmoid()[0]
    return {"x": x, "t": t, "theta": theta, "sigma": sigma}


@ornstein_uhlenbeck.mistake("the drift pushes away from 0: with theta > 0 the process is pulled back to 0.")
def pushed_away(x, t, theta, sigma):
    return theta * x, sigma


@ornstein_uhlenbeck.mistake("the diffusion is squared: the coefficient in front of dW is asked for.")
def variance(x, t, theta, sigma):
    return -theta * x, sigma**2


@ornstein_uhlenbeck.mistake("drift and diffusion are swapped: the drift comes first.")
def swapped(x, t, theta, sigma):
    return sigma, -theta * x


@ornstein_uhlenbeck.mistake("theta is missing: it says how strong the pull is.")
def no_theta(x, t, theta, sigma):
    return -x, sigma


@ornstein_uhlenbeck.mistake("the state is missing in the drift: the pull to 0 grows with the distance from 0.")
def no_x(x, t, theta, sigma):
    return -theta, sigma


@ornstein_uhlenbeck.mistake("theta and sigma are exchanged: theta belongs to the pull, sigma to the noise.")
def theta_and_sigma_exchanged(x, t, theta, sigma):
    return ornstein_uhlenbeck.oracle(x, t, sigma, theta)


@ornstein_uhlenbeck.mistake(
    "this diffusion is the standard deviation of the limit law, not the coefficient in front of dW."
)
def stationary(x, t, theta, sigma):
    return -theta * x, sigma / (2 * theta) ** 0.5


def _law(x, t, theta, sigma):
    """Mean and variance of the exact law."""
    return x * torch.exp(-theta * t), sigma**2 / (2 * theta) * (1 - torch.exp(-2 * theta * t))


@ornstein_uhlenbeck.mistake(
    "these are mean and variance of X_t, which belong to the solution: asked for are the two coefficients of the SDE."
)
def exact_law(x, t, theta, sigma):
    return _law(x, t, theta, sigma)


@ornstein_uhlenbeck.mistake(
    "these are mean and standard deviation of X_t, which belong to the solution: asked for are the two coefficients "
    "of the SDE."
)
def exact_law_standard_deviation(x, t, theta, sigma):
    mean, variance = _law(x, t, theta, sigma)
    return mean, variance.sqrt()


@ornstein_uhlenbeck.mistake(
    "the diffusion is multiplied by x: that is geometric Brownian motion; here the noise is additive."
)
def diffusion_times_x(x, t, theta, sigma):
    return -theta * x, sigma * x


@ornstein_uhlenbeck.mistake("the drift is multiplied by t: the coefficients do not depend on t.")
def drift_times_t(x, t, theta, sigma):
    return -theta * x * t, sigma


@ornstein_uhlenbeck.mistake(
    "the diffusion is multiplied by sqrt(t), which dW brings along: the coefficients do not depend on t."
)
def diffusion_times_the_root_of_t(x, t, theta, sigma):
    return -theta * x, sigma * t.sqrt()


@ornstein_uhlenbeck.mistake("theta is divided by x: the further out a state is, the stronger it is pulled back.")
def divided_by_x(x, t, theta, sigma):
    return -theta / x, sigma


@ornstein_uhlenbeck.mistake(
    "half of the square of sigma came as diffusion: the coefficient in front of dW is asked for."
)
def half_of_the_variance(x, t, theta, sigma):
    return -theta * x, sigma**2 / 2


@ornstein_uhlenbeck.mistake("the pull leads to 1: this process is pulled back to 0.")
def pulled_to_1(x, t, theta, sigma):
    return theta * (1 - x), sigma


@ornstein_uhlenbeck.mistake(
    "x is added to the drift, as if this were the next state: the two coefficients are asked for."
)
def next_state(x, t, theta, sigma):
    return x - theta * x, sigma


ornstein_uhlenbeck.traits += [
    wrong_only("drift", message="the diffusion is right, the drift is not: what stands before dt?"),
    wrong_only("diffusion", message="the drift is right, the diffusion is not: what stands before dW?"),
]
