"""Exercise 5.3: the log-likelihood of data under a flow, by Euler steps back to t = 0."""

import math

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import curved_field

__all__ = ["log_likelihood"]


@exercise(
    "5.3",
    "Log-likelihood",
    points=3,
    rtol=1e-6,
    why="the same recursion; times and log 2 pi that were made in single precision are right to seven digits",
)
def log_likelihood(field, divergence, x1, n):
    h = 1 / n
    points = []
    for point in x1:
        x = point[None]
        integral = 0.0
        for i in range(n):
            t = torch.tensor(1 - i * h, dtype=x1.dtype)
            jacobian = torch.autograd.functional.jacobian(lambda at, t=t: field(at, t)[0], x)[:, 0]
            x = x - h * field(x, t)
            integral = integral + h * jacobian.trace()
        points.append(-(x**2).sum() / 2 - x1.shape[1] * math.log(2 * math.pi) / 2 - integral)
    return torch.stack(points)


@log_likelihood.inputs
def _(normal):
    dim = 2 + normal.seed % 2
    return {
        "field": curved_field(normal, dim),
        "divergence": {"family": "jacobian trace"},
        "x1": normal(5, dim),
        "n": 4 + 2 * (normal.seed % 3),
    }


def _falling(i, n):
    return 1 - i / n


def _integral(field, divergence, x1, n, *, steps=None, to=-1, time=_falling, at="state", kept=1.0, weight=None):
    """Where the steps lead, and the integral of the divergence, with parts to replace.

    Args:
        field, divergence, x1, n: As in the exercise.
        steps: Number of steps, if not n.
        to: The direction of the steps: -1 against the velocity, 1 along it.
        time: From the number of a step and n to its time.
        at: Where the divergence is taken: at the "state", at the "start" x1, or where the state has "moved" to.
        kept: What the integral is multiplied by before the next divergence is added.
        weight: What the divergence is multiplied by, if not the step size.
    """
    h = 1 / n
    x = x1
    total = x1.new_zeros(len(x1))
    for i in range(n if steps is None else steps):
        t = torch.tensor(time(i, n), dtype=x1.dtype)
        moved = x + to * h * field(x, t)
        place = {"state": x, "start": x1, "moved": moved}[at]
        total = kept * total + (h if weight is None else weight) * divergence(field, place, t)
        x = moved
    return x, total


def _normal_log_density(x, *, square=1.0, constant=1.0, dimensions=None):
    """Of standard normal numbers, with factors to replace."""
    d = x.shape[1] if dimensions is None else dimensions
    return -square * (x**2).sum(1) / 2 - d * constant * math.log(2 * math.pi) / 2


def _flow_back(field, divergence, x1, n, **parts):
    """The answer with parts of the integral replaced."""
    x, total = _integral(field, divergence, x1, n, **parts)
    return _normal_log_density(x) - total


def _prior(field, divergence, x1, n, **factors):
    """The answer with factors of the normal density replaced."""
    x, total = _integral(field, divergence, x1, n)
    return _normal_log_density(x, **factors) - total


@log_likelihood.mistake(
    "the integral has the wrong sign: where the field spreads points on their way, the density falls."
)
def sign(field, divergence, x1, n):
    x, total = _integral(field, divergence, x1, n)
    return _normal_log_density(x) + total


@log_likelihood.mistake("only the change of the log-density came back: add the log-density at the start of the path.")
def no_prior(field, divergence, x1, n):
    return -_integral(field, divergence, x1, n)[1]


@log_likelihood.mistake(
    "the constant of the normal density is missing: it does not depend on x, but a log-density that is to "
    "be compared needs it."
)
def no_constant(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, constant=0.0)


@log_likelihood.mistake("the constant of the normal density is that of one dimension: every coordinate brings it once.")
def constant_counted_once(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, dimensions=1)


@log_likelihood.mistake("the constant of the normal density is twice what it should be.")
def constant_not_halved(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, constant=2.0)


@log_likelihood.mistake("the constant of the normal density has the wrong sign.")
def sign_of_the_constant(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, constant=-1.0)


@log_likelihood.mistake("the constant counts the points of the batch where it should count the coordinates of one.")
def batch_for_dimension(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, dimensions=len(x1))


@log_likelihood.mistake("the squared norm is not halved.")
def square_not_halved(field, divergence, x1, n):
    return _prior(field, divergence, x1, n, square=2.0)


@log_likelihood.mistake("the squares of all points are summed: each point has a norm of its own.")
def one_norm_for_the_batch(field, divergence, x1, n):
    x, total = _integral(field, divergence, x1, n)
    return _normal_log_density(x, square=0.0) - (x**2).sum() / 2 - total


@log_likelihood.mistake("this is the density: its logarithm is asked for, which does not underflow in many dimensions.")
def density(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n).exp()


@log_likelihood.mistake(
    "the normal density is taken at x1: it is the density at t = 0, of the point that x1 came from."
)
def prior_at_x1(field, divergence, x1, n):
    return _normal_log_density(x1) - _integral(field, divergence, x1, n)[1]


@log_likelihood.mistake(
    "the states run forwards from x1, as if it were noise: x1 belongs to t = 1, and you want to know where "
    "it came from."
)
def forwards(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, to=1, time=lambda i, n: i / n)


@log_likelihood.mistake(
    "the states run backwards, but the times 0, h, 2h, ... do not: the first step is taken at t = 1."
)
def time_inverted(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, time=lambda i, n: i / n)


@log_likelihood.mistake(
    "the steps go along the velocity while the time falls: backwards in time, a state moves against it."
)
def direction(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, to=1)


@log_likelihood.mistake("the divergences are added without the step size: their integral over time is asked for.")
def no_step_size(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, weight=1.0)


@log_likelihood.mistake("the log-density of the prior is a mean over the coordinates: independent coordinates add up.")
def average_over_the_coordinates(field, divergence, x1, n):
    x, total = _integral(field, divergence, x1, n)
    return _normal_log_density(x) / x.shape[1] - total


@log_likelihood.mistake("every step uses the time 1: the time has to fall by h as well.")
def time_stands_still(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, time=lambda i, n: 1.0)


@log_likelihood.mistake("the first step is taken at the time 1 - h: each step uses the time at which it starts.")
def one_step_late(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, time=lambda i, n: _falling(i + 1, n))


@log_likelihood.mistake("the divergence is always taken at x1: take it where the state is.")
def divergence_at_x1(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, at="start")


@log_likelihood.mistake(
    "the divergence is taken after the state has moved: state and time both belong to the start of the step."
)
def divergence_after_the_move(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, at="moved")


@log_likelihood.mistake("one step is missing: there are n of them, the last from t = h to t = 0.")
def one_step_too_few(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, steps=n - 1)


@log_likelihood.mistake(
    "the times are n numbers from 1 down to 0, the last step then starts at 0: n steps have n + 1 times, "
    "and no step starts at the last."
)
def n_times_from_1_to_0(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, time=lambda i, n: _falling(i, n - 1))


@log_likelihood.mistake("only the last divergence counts: each step adds to the integral of the steps before.")
def integral_overwritten(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, kept=0.0)
