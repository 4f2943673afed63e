"""Wrong answers of a second round: neighbours' formulas, algebra, wrong axes, two slips at once; each is told."""

import re

import pytest
import torch

from course_utils.checks.mistakes import euler_loop
from course_utils.shapes import expand_time
from tests.support.wrong_answers import WrongAnswers, assert_told

WRONG = WrongAnswers()
told = WRONG.told


@told("lab1.euler", "Two things at once.*against the velocity. And the times run from 1 to 0")
def backwards_in_time(field, x0, n):
    return euler_loop(field, x0, n, h=-1 / n, time=lambda i, n: 1 - i / n)


@told("lab1.heun_step", "h is missing everywhere")
def no_h(field, x, t, h):
    k1 = field(x, t)
    return x + (k1 + field(x + k1, t + h)) / 2


@told("lab1.heun_step", "k_1 enters as it should; k_2 enters with the wrong sign")
def difference_of_velocities(field, x, t, h):
    k1 = field(x, t)
    return x + h * (k1 - field(x + h * k1, t + h)) / 2


@told("lab1.euler_maruyama_step", "the drift enters with the wrong sign; look at all that the noise")
def two_slips(sde, x, t, h, dw):
    return x - sde.drift(x, t) * h + sde.diffusion(x, t) * dw / h


@told("lab2.conditional_velocity", "this is the score of the path")
def score_for_velocity(schedule, x, z, t):
    t = expand_time(t, x)
    return -(x - schedule.alpha(t) * z) / schedule.beta(t) ** 2


@told("lab2.conditional_velocity", "beta times the noise, not the noise itself")
def scaled_noise(schedule, x, z, t):
    t = expand_time(t, x)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * (x - schedule.alpha(t) * z)


@told("lab2.marginal_velocity", "the weights of a state do not sum to 1: the largest likelihood was taken off")
def not_normalised(x, t, data):
    logs = -((x[:, None] - t * data) ** 2).sum(-1) / (2 * (1 - t) ** 2)
    return ((logs - logs.max(1, keepdim=True).values).exp() @ data - x) / (1 - t)


@told("lab2.gaussian_velocity", "in one of them it still stands squared")
def half_cancelled(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t) ** 2) / (t**2 * variance + (1 - t) ** 2) * x


@told("lab2.flow_matching_loss", "Two things at once, .*linear path. And the mean runs over the coordinates")
def linear_and_mean(model, schedule, z, t, noise):
    s = t[:, None]
    x = schedule.alpha(s) * z + schedule.beta(s) * noise
    return ((model(x, t) - (z - noise)) ** 2).mean() + 0 * t.sum()


@told("lab2.generate", "Two things at once, .*1 / \\(n - 1\\)")
def longer_and_ahead(field, x0, n):
    return euler_loop(field, x0, n, h=1 / (n - 1), time=lambda i, n: (i + 1) / n)[-1]


@told("lab3.score_matching_loss", "in the target, the times met the wrong axis")
def beta_not_reshaped(model, schedule, z, t, noise):
    at = expand_time(t, z)
    x = schedule.alpha(at) * z + schedule.beta(at) * noise
    return ((model(x, t) + noise / schedule.beta(t)) ** 2).flatten(1).sum(1).mean()


@told("lab3.score_matching_loss", "the velocity of the path: the conditional score is asked for")
def velocity_for_score(model, schedule, z, t, noise):
    at = expand_time(t, z)
    x = schedule.alpha(at) * z + schedule.beta(at) * noise
    target = schedule.alpha_dot(at) * z + schedule.beta_dot(at) * noise
    return ((model(x, t) - target) ** 2).flatten(1).sum(1).mean()


@told("lab4.residual_block", "the scaled and shifted maps: x itself passes by")
def skip_too_late(block, x, embedding):
    scale, shift = block.modulation(torch.nn.functional.silu(embedding))[..., None, None].chunk(2, 1)
    h = (1 + scale) * block.norm(x) + shift
    return h + block.conv2(torch.nn.functional.silu(block.conv1(h)))


@told("lab5.ddim_step", "t and t_next are exchanged")
def times_exchanged(z_hat, x, t, t_next, schedule):
    noise = (x - schedule.alpha(t_next) * z_hat) / schedule.beta(t_next)
    return schedule.alpha(t) * z_hat + schedule.beta(t) * noise


@told("lab5.ddim_step", "as if it were the predicted noise")
def noise_for_data(z_hat, x, t, t_next, schedule):
    data = (x - schedule.beta(t) * z_hat) / schedule.alpha(t)
    return schedule.alpha(t_next) * data + schedule.beta(t_next) * z_hat


@told("lab5.ddim_step", "divided by what can be 0.*the noise keeps the size that it has at t")
def divided_and_kept(z_hat, x, t, t_next, schedule):
    noise = (x - schedule.alpha(t) * z_hat) / schedule.beta(t)
    kept = x - schedule.beta(t) * noise
    return schedule.alpha(t_next) / schedule.alpha(t) * kept + schedule.beta(t) * noise


@pytest.mark.parametrize("exercise, words, fn", WRONG)
def test_a_wrong_answer_is_told_what_it_is(exercise, words, fn):
    assert_told(exercise, words, fn, re.DOTALL)
