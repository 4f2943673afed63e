"""Exercise 2.3: the velocity at x of the path that leads to z."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import image_shape, power_schedule, states, times
from course_utils.checks.mistakes import axis_mistakes
from course_utils.checks.observers import PointsAndImages
from course_utils.shapes import expand_time

__all__ = ["conditional_velocity"]


@exercise(
    "2.3",
    "Conditional vector field",
    points=2,
    sees=PointsAndImages(),
    single=1e-4,
    why="float64, t < 1: where beta is small few digits are lost, as the largest value is large there",
)
def conditional_velocity(schedule, x, z, t):
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    noise = (x - schedule.alpha(t) * z) / schedule.beta(t)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * noise


@conditional_velocity.inputs
def _(normal):
    shape = image_shape(normal)
    schedule, x, z = power_schedule(normal), states(normal, *shape), states(normal, *shape)
    t = times(normal, shape[0])
    t[-1] = (0.0, 0.97, 0.999)[normal.seed % 3]
    return {"schedule": schedule, "x": x, "z": z, "t": t}


def _at_given_times(schedule, x, z, t):
    """The formula as it is usually written."""
    rate = schedule.beta_dot(t) / schedule.beta(t)
    return (schedule.alpha_dot(t) - rate * schedule.alpha(t)) * z + rate * x


def _parts(schedule, t, x):
    """alpha, its derivative, and the quotient of beta's derivative and beta."""
    t = expand_time(t, x)
    return schedule.alpha(t), schedule.alpha_dot(t), schedule.beta_dot(t) / schedule.beta(t)


@conditional_velocity.mistake("x and z are exchanged: x is where the particle is, z the data point that it travels to.")
def x_and_z_exchanged(schedule, x, z, t):
    return conditional_velocity.oracle(schedule, z, x, t)


@conditional_velocity.mistake("a factor alpha is missing in the bracket before z.")
def alpha_missing(schedule, x, z, t):
    _, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot - rate) * z + rate * x


@conditional_velocity.mistake("this is the field of the linear schedule alone; use the one that is given.")
def schedule_ignored(schedule, x, z, t):
    return (z - x) / (1 - expand_time(t, x))


@conditional_velocity.mistake("z - x is the way that is left, not the velocity: how much time is left to travel it?")
def whole_distance(schedule, x, z, t):
    return z - x


@conditional_velocity.mistake(
    "x stands where the noise should: x is a mixture of data and noise, not the noise itself."
)
def target_of_the_path(schedule, x, z, t):
    t = expand_time(t, x)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * x


@conditional_velocity.mistake("the quotient of beta_dot and beta is upside down.")
def quotient_upside_down(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot - alpha / rate) * z + x / rate


@conditional_velocity.mistake("the sign of the quotient: beta_dot is negative as it comes, no further minus is needed.")
def sign_of_the_quotient(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot + rate * alpha) * z - rate * x


@conditional_velocity.mistake(
    "the sign in the bracket before z: at x = alpha z, where there is no noise, alpha_dot z must be left."
)
def sign_in_the_bracket(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot + rate * alpha) * z + rate * x


@conditional_velocity.mistake("the sign before x: at x = alpha z, where there is no noise, alpha_dot z must be left.")
def sign_before_x(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot - rate * alpha) * z - rate * x


@conditional_velocity.mistake("alpha multiplies the whole bracket: it belongs to the quotient only, not to alpha_dot.")
def alpha_outside_the_bracket(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot - rate) * alpha * z + rate * x


@conditional_velocity.mistake(
    "(z - x) / beta is right for the linear schedule only: other schedules need the derivatives."
)
def distance_over_beta(schedule, x, z, t):
    return (z - x) / schedule.beta(expand_time(t, x))


@conditional_velocity.mistake("alpha_dot is missing in the bracket before z.")
def no_alpha_dot(schedule, x, z, t):
    alpha, _, rate = _parts(schedule, t, x)
    return -rate * alpha * z + rate * x


@conditional_velocity.mistake("x is multiplied by beta_dot alone: the quotient stands before x as well.")
def no_quotient_before_x(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot - rate * alpha) * z + schedule.beta_dot(expand_time(t, x)) * x


@conditional_velocity.mistake(
    "the whole difference of the derivatives is divided by beta: the quotient is beta_dot / beta only."
)
def bracket_around_the_difference(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return (alpha_dot / schedule.beta(expand_time(t, x)) - rate) * alpha * z + rate * x


@conditional_velocity.mistake("the term with x is missing: the velocity depends on where the particle is.")
def no_pull_of_x(schedule, x, z, t):
    return conditional_velocity.oracle(schedule, torch.zeros_like(x), z, t)


conditional_velocity.mistakes += axis_mistakes(_at_given_times, states="x", images=False)
