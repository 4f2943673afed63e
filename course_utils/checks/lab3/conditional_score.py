"""Exercise 3.1: the score of the conditional path, the gradient in x of log p_t(x|z)."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import arch_schedule, times_and_ends
from course_utils.checks.mistakes import axis_mistakes
from course_utils.checks.mixups import schedule_mistakes
from course_utils.checks.observers import PointsAndImages
from course_utils.checks.sums import combination
from course_utils.shapes import expand_time

__all__ = ["conditional_score"]


@exercise(
    "3.1",
    "Conditional score",
    points=2,
    sees=PointsAndImages(),
    single=0.0001,
    why="float64; beta is far from 0, where digits would be lost",
)
def conditional_score(schedule, x, z, t):
    rows = [(schedule.alpha(s) * b - a) / schedule.beta(s) ** 2 for a, b, s in zip(x, z, t, strict=True)]
    return torch.stack(rows)


@conditional_score.inputs
def _(normal):
    schedule = arch_schedule(normal)
    return {"schedule": schedule, "x": normal(4, 1, 4, 4), "z": normal(4, 1, 4, 4), "t": times_and_ends(normal, 4)}


def _alpha_and_beta(schedule, x, t):
    t = expand_time(t, x)
    return schedule.alpha(t), schedule.beta(t)


@conditional_score.mistake("the sign is wrong: the score points to where the density is larger, towards alpha z.")
def sign(schedule, x, z, t):
    return -conditional_score.oracle(schedule, x, z, t)


@conditional_score.mistake("divided by the standard deviation: the exponent of a Gaussian holds its variance.")
def not_squared(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return -(x - alpha * z) / beta


@conditional_score.mistake("alpha is missing: the mean of p_t(x|z) is not z itself.")
def no_alpha(schedule, x, z, t):
    _, beta = _alpha_and_beta(schedule, x, t)
    return -(x - z) / beta**2


@conditional_score.mistake("a factor 1/2 is left over: differentiate the square in the exponent.")
def half(schedule, x, z, t):
    return conditional_score.oracle(schedule, x, z, t) / 2


@conditional_score.mistake("the variance is missing: the narrower a Gaussian, the steeper its log density.")
def no_variance(schedule, x, z, t):
    alpha, _ = _alpha_and_beta(schedule, x, t)
    return -(x - alpha * z)


@conditional_score.mistake("x and z are exchanged: x is the noisy point, z the data point.")
def x_and_z_exchanged(schedule, x, z, t):
    return conditional_score.oracle(schedule, z, x, t)


@conditional_score.mistake("the minus belongs to the whole difference, not to x alone.")
def minus_before_x_alone(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return (-x - alpha * z) / beta**2


@conditional_score.mistake("multiplied by the variance: the narrower a Gaussian, the steeper its log density.")
def multiplied(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return -(x - alpha * z) * beta**2


@conditional_score.mistake("only alpha z is divided by the variance: the whole difference has to be.")
def z_alone_divided(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return -(x - alpha * z / beta**2)


@conditional_score.mistake("brackets are missing: the minus and the variance belong to the whole difference.")
def z_alone_divided_minus_before_x(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return -x - alpha * z / beta**2


@conditional_score.mistake("z is missing: this is the score of noise around 0.")
def z_left_out(schedule, x, z, t):
    return conditional_score.oracle(schedule, x, 0 * z, t)


@conditional_score.mistake("these are terms of the log density itself: the score is its gradient in x.")
def log_density(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return -((x - alpha * z) ** 2) / (2 * beta**2)


def _at_given_times(schedule, x, z, t):
    return -(x - schedule.alpha(t) * z) / schedule.beta(t) ** 2


conditional_score.mistakes += axis_mistakes(_at_given_times, states="x")
conditional_score.mistakes += schedule_mistakes(conditional_score.oracle, without=("alpha for beta", "root of beta"))


@conditional_score.mistake("divided by alpha squared: how wide p_t(x|z) is, the noise decides.")
def variance_of_the_data(schedule, x, z, t):
    alpha, _ = _alpha_and_beta(schedule, x, t)
    return -(x - alpha * z) / alpha**2


@conditional_score.mistake(
    "the gradient of the density itself: the score is the gradient of its logarithm, in which the density drops out."
)
def gradient_of_the_density(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    density = torch.distributions.Normal(alpha * z, beta).log_prob(x).exp()
    return density * conditional_score.oracle(schedule, x, z, t)


@conditional_score.mistake(
    "this is the velocity of the path, not its score: how does p_t(x|z) change with x, at one time?"
)
def velocity(schedule, x, z, t):
    t = expand_time(t, x)
    noise = (x - schedule.alpha(t) * z) / schedule.beta(t)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * noise


@conditional_score.mistake("all states are given one and the same time: each has its own.")
def one_time_for_all(schedule, x, z, t):
    return conditional_score.oracle(schedule, x, z, t[:1].expand_as(t))


@conditional_score.mistake(
    "one number a state came back, as if coordinates were summed: a gradient has the shape of x."
)
def summed(schedule, x, z, t):
    return conditional_score.oracle(schedule, x, z, t).flatten(1).sum(1)


@conditional_score.mistake("this is the log density, one number a state: the score is its gradient in x.")
def log_density_of_a_state(schedule, x, z, t):
    alpha, beta = _alpha_and_beta(schedule, x, t)
    return torch.distributions.Normal(alpha * z, beta).log_prob(x).flatten(1).sum(1)


conditional_score.traits += combination({"x": lambda schedule, x, z, t: x, "z": lambda schedule, x, z, t: z})
