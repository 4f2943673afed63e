"""Bug hunts of Lab 5."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab5.ddim_step import ddim_step
from course_utils.checks.lab5.log_likelihood import log_likelihood
from course_utils.checks.lab5.variance_preserving import variance_preserving

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(ddim_step, "data at full strength", "noise keeps its size", "old alpha")
def data_not_scaled(z_hat, x, t, t_next, schedule):
    noise = (x - z_hat) / schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@bug_hunt.of(variance_preserving, "sum instead of squares", "alpha squared", "rates exchanged")
def variance(t, b_min, b_max):
    left = 1 - t
    log_alpha = -(left**2) * (b_max - b_min) / 4 - left * b_min / 2
    alpha = log_alpha.exp()
    return alpha, 1 - alpha**2


@bug_hunt.of(log_likelihood, "direction", "no step size", "one step late")
def divergence_after_the_move(field, divergence, x1, n):
    x = x1
    integral = torch.zeros_like(x1[:, 0])
    for i in range(n):
        t = torch.tensor(1 - i / n)
        x = x - field(x, t) / n
        integral = integral + divergence(field, x, t) / n
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    return prior - integral


@bug_hunt.of(ddim_step, "x for the noise", "data not scaled", "divided by the variance")
def noise_of_unit_size(z_hat, x, t, t_next, schedule):
    noise = (x - schedule.alpha(t) * z_hat) / schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + noise


@bug_hunt.of(variance_preserving, "fractions exchanged", "time inverted", "b max for the difference")
def not_squared(t, b_min, b_max):
    log_alpha = -(1 - t) * (b_max - b_min) / 4 - (1 - t) * b_min / 2
    alpha = log_alpha.exp()
    return alpha, (1 - alpha**2).sqrt()


@bug_hunt.of(log_likelihood, "time inverted", "prior at x1", "summed over the batch")
def sign(field, divergence, x1, n):
    x = x1
    integral = torch.zeros_like(x1[:, 0])
    for i in range(n):
        t = torch.tensor(1 - i / n)
        integral = integral + divergence(field, x, t) / n
        x = x - field(x, t) / n
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(1)
    return prior + integral
