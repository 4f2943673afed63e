"""Exercise 2.3: the velocity at x of the path that leads to z."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import image_shape, power_schedule, states, times
from course_utils.checks.mistakes import OnPath, axis_mistakes
from course_utils.checks.observers import PointsAndImages
from course_utils.checks.sums import combination
from course_utils.schedules import Cosine
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


@conditional_velocity.mistake("a factor alpha is missing beside one z: how much of the data point is in x?")
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


def _with(schedule, x, z, t, **changes):
    """The formula with values of the schedule replaced."""
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    names = ("alpha", "beta", "alpha_dot", "beta_dot")
    alpha, beta, alpha_dot, beta_dot = (getattr(path, changes.get(name, name)) for name in names)
    return (alpha_dot - beta_dot / beta * alpha) * z + beta_dot / beta * x


@conditional_velocity.mistake("brackets are missing: the whole difference is multiplied by z.")
def brackets_missing(schedule, x, z, t):
    alpha, alpha_dot, rate = _parts(schedule, t, x)
    return alpha_dot - rate * alpha * z + rate * x


@conditional_velocity.mistake("this is the cosine schedule of Exercise 2.1; use the one that is given.")
def cosine_schedule(schedule, x, z, t):
    return conditional_velocity.oracle(Cosine(), x, z, t)


@conditional_velocity.mistake("alpha and beta are exchanged; their derivatives are not.")
def alpha_and_beta_exchanged(schedule, x, z, t):
    return _with(schedule, x, z, t, alpha="beta", beta="alpha")


@conditional_velocity.mistake("alpha_dot and beta_dot are exchanged.")
def derivatives_exchanged(schedule, x, z, t):
    return _with(schedule, x, z, t, alpha_dot="beta_dot", beta_dot="alpha_dot")


@conditional_velocity.mistake(
    "alpha and beta are exchanged, and their derivatives with them: alpha belongs to the data."
)
def all_exchanged(schedule, x, z, t):
    return _with(schedule, x, z, t, alpha="beta", beta="alpha", alpha_dot="beta_dot", beta_dot="alpha_dot")


@conditional_velocity.mistake("the schedule is asked at 1 - t: it has noise at t = 0 by itself.")
def time_reversed(schedule, x, z, t):
    return conditional_velocity.oracle(schedule, x, z, 1 - t)


@conditional_velocity.mistake("the sign of the whole: the flow leads to the data.")
def sign_of_the_whole(schedule, x, z, t):
    return -conditional_velocity.oracle(schedule, x, z, t)


@conditional_velocity.mistake("this is the noise that x holds: the velocity is made of it and z by two derivatives.")
def noise_alone(schedule, x, z, t):
    return _noise(schedule, x, z, t)


@conditional_velocity.mistake("this is a state of the path made of z and x: its velocity is asked for.")
def a_state(schedule, x, z, t):
    return OnPath.at(schedule, expand_time(t, x), z, x).x


def _noise(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return (x - path.alpha * z) / path.beta


@conditional_velocity.mistake("beta_dot is missing: the noise changes its share, too, at a rate of its own.")
def noise_without_its_rate(schedule, x, z, t):
    return schedule.alpha_dot(expand_time(t, x)) * z + _noise(schedule, x, z, t)


@conditional_velocity.mistake("the noise is multiplied by beta: in the velocity it is the derivative that counts.")
def beta_for_its_derivative(schedule, x, z, t):
    t = expand_time(t, x)
    return schedule.alpha_dot(t) * z + x - schedule.alpha(t) * z


@conditional_velocity.mistake(
    "what is left of x without the data is beta times the noise, not the noise itself: a division is missing."
)
def noise_still_scaled(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return path.alpha_dot * z + path.beta_dot * (x - path.alpha * z)


@conditional_velocity.mistake("the data's own part, with the derivative of alpha, is missing, and a division as well.")
def scaled_noise_alone(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return path.beta_dot * (x - path.alpha * z)


@conditional_velocity.mistake("the noise is divided by beta once too often.")
def noise_over_the_variance(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return path.alpha_dot * z + path.beta_dot * (x - path.alpha * z) / path.beta**2


@conditional_velocity.mistake("this is the score of the path, which Lab 3 needs: its velocity is asked for.")
def score(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return -(x - path.alpha * z) / path.beta**2


@conditional_velocity.mistake(
    "the bracket before z divides its first term by beta, not its second: which of the two is a quotient?"
)
def quotient_of_the_wrong_term(schedule, x, z, t):
    path = OnPath.at(schedule, expand_time(t, x), z, x)
    return (path.alpha_dot / path.beta - path.beta_dot * path.alpha) * z + path.beta_dot / path.beta * x


conditional_velocity.traits += combination({"x": lambda schedule, x, z, t: x, "z": lambda schedule, x, z, t: z})
