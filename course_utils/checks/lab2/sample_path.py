"""Exercise 2.2: states alpha_t z + beta_t noise of the conditional path, each at its own time."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import image_shape, power_schedule, states, times_with_ends
from course_utils.checks.mistakes import SCHEDULE_IGNORED, OnPath, axis_mistakes
from course_utils.checks.observers import PointsAndImages
from course_utils.checks.sums import combination
from course_utils.schedules import Cosine, Linear
from course_utils.shapes import expand_time

__all__ = ["sample_path"]


@exercise("2.2", "Sample from the path", points=2, sees=PointsAndImages(), single=1e-5)
def sample_path(schedule, z, t, noise):
    rows = [schedule.alpha(t[i]) * z[i] + schedule.beta(t[i]) * noise[i] for i in range(len(z))]
    return torch.stack(rows)


@sample_path.inputs
def _(normal):
    shape = image_shape(normal)
    schedule, z, t = power_schedule(normal), states(normal, *shape), times_with_ends(normal, shape[0])
    return {"schedule": schedule, "z": z, "t": t, "noise": normal(*shape)}


def _at_given_times(schedule, z, t, noise):
    return schedule.alpha(t) * z + schedule.beta(t) * noise


def _path(schedule, z, t, noise):
    return OnPath.at(schedule, expand_time(t, z), z, noise)


sample_path.mistakes += axis_mistakes(_at_given_times, states="z")


@sample_path.mistake("alpha and beta are exchanged: alpha belongs to the data.")
def alpha_and_beta_exchanged(schedule, z, t, noise):
    return sample_path.oracle(schedule, noise, t, z)


@sample_path.mistake(SCHEDULE_IGNORED)
def schedule_ignored(schedule, z, t, noise):
    return sample_path.oracle(Linear(), z, t, noise)


@sample_path.mistake("1 - alpha is the beta of the linear schedule only: ask the schedule for its beta.")
def one_minus_alpha(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * z + (1 - path.alpha) * noise


@sample_path.mistake(
    "the noise is multiplied by the root of 1 - alpha^2, but not every schedule keeps the variance: ask it "
    "for its beta."
)
def variance_preserved(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * z + (1 - path.alpha**2).sqrt() * noise


@sample_path.mistake(
    "these are the roots of alpha and beta: in other texts the symbols are squares, here they are the factors "
    "themselves."
)
def roots_of_both(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha.sqrt() * z + path.beta.sqrt() * noise


@sample_path.mistake("the schedule is asked at 1 - t: it has noise at t = 0 by itself.")
def time_reversed(schedule, z, t, noise):
    return sample_path.oracle(schedule, z, 1 - t, noise)


@sample_path.mistake("the noise is subtracted: the path adds it.")
def noise_taken_away(schedule, z, t, noise):
    return sample_path.oracle(schedule, z, t, -noise)


@sample_path.mistake("this is the cosine schedule of Exercise 2.1; use the one that is given.")
def cosine_schedule(schedule, z, t, noise):
    return sample_path.oracle(Cosine(), z, t, noise)


@sample_path.mistake("all states are at the time of the first: each has its own.")
def one_time_for_all(schedule, z, t, noise):
    return _at_given_times(schedule, z, t[0], noise)


@sample_path.mistake("the noise is missing: at t = 0 nothing else may be there.")
def clean_data_only(schedule, z, t, noise):
    return sample_path.oracle(schedule, z, t, 0 * noise)


@sample_path.mistake("the noise is multiplied by beta^2: that is its variance; a sample needs the standard deviation.")
def variance(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * z + path.beta**2 * noise


@sample_path.mistake("the noise is multiplied by the root of beta: beta itself is the standard deviation.")
def root(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * z + path.beta.sqrt() * noise


@sample_path.mistake("the data point is not scaled: at small t its share has to be small.")
def data_not_scaled(schedule, z, t, noise):
    return z + _path(schedule, z, t, noise).beta * noise


@sample_path.mistake("the noise is not scaled: at t = 1 none of it may be left.")
def noise_not_scaled(schedule, z, t, noise):
    return _path(schedule, z, t, noise).alpha * z + noise


@sample_path.mistake("these are the derivatives of alpha and beta: a state is asked for, not its velocity.")
def derivatives(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha_dot * z + path.beta_dot * noise


@sample_path.mistake("alpha is outside of a bracket around both: it belongs to the data alone.")
def alpha_on_both(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * (z + path.beta * noise)


@sample_path.mistake("beta is added: it says how much of the noise there is.")
def beta_added(schedule, z, t, noise):
    path = _path(schedule, z, t, noise)
    return path.alpha * z + path.beta + noise


sample_path.traits += combination(
    {"the data": lambda schedule, z, t, noise: z, "the noise": lambda schedule, z, t, noise: noise}
)
