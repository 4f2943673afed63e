"""Exercise 5.3: the log-likelihood of data under a flow, by Euler steps back to t = 0."""

import math

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.inputs import turning_field
from course_utils.checks.observers import Also, Returned
from course_utils.checks.traits import Compared, Trait

__all__ = ["log_likelihood"]


@exercise(
    "5.3",
    "Log-likelihood",
    points=3,
    sees=Also(Returned(), "field=at rest", "field=drifting", "n=49, field=drifting"),
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
        "field": turning_field(normal, dim),
        "divergence": {"family": "jacobian trace"},
        "x1": normal(5, dim),
        "n": 5 + normal.seed % 3,
    }


def _falling(i, n):
    return 1 - i / n


def _integral(
    field,
    divergence,
    x1,
    n,
    *,
    steps=None,
    to=-1,
    time=_falling,
    divergence_time=None,
    at="state",
    kept=1.0,
    weight=None,
    spread=lambda field, divergence, x, t: divergence(field, x, t),
):
    """Where the steps lead, and the integral of the divergence, with parts to replace.

    Args:
        field, divergence, x1, n: As in the exercise.
        steps: Number of steps, if not n.
        to: The direction of the steps: -1 against the velocity, 1 along it.
        time: From the number of a step and n to its time.
        divergence_time: The same for the divergence alone.
        at: Where the divergence is taken: at the "state", at the "start" x1, or where the state has "moved" to.
        kept: What the integral is multiplied by before the next divergence is added.
        weight: What the divergence is multiplied by, if not the step size.
        spread: What is added up, from field, divergence, state and time.
    """
    h = 1 / n
    x = x1
    total = x1.new_zeros(len(x1))
    for i in range(n if steps is None else steps):
        t = torch.tensor(time(i, n), dtype=x1.dtype)
        moved = x + to * h * field(x, t)
        place = {"state": x, "start": x1, "moved": moved}[at]
        moment = torch.tensor((divergence_time or time)(i, n), dtype=x1.dtype)
        total = kept * total + (h if weight is None else weight) * spread(field, divergence, place, moment)
        x = moved
    return x, total


def _normal_log_density(x, *, square=1.0, constant=1.0, dimensions=None, power=2, mean=False):
    """Of standard normal numbers, with factors to replace, the power of the norm, and the mean for the sum."""
    d = x.shape[1] if dimensions is None else dimensions
    norm = (x**2).sum(1) ** (power / 2) / (x.shape[1] if mean else 1)
    return -square * norm / 2 - d * constant * math.log(2 * math.pi) / 2


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


def _divergence_at(time):
    return lambda field, divergence, x1, n: _flow_back(field, divergence, x1, n, divergence_time=time)


def _spread(spread):
    return lambda field, divergence, x1, n: _flow_back(field, divergence, x1, n, spread=spread)


def _factors(**factors):
    return lambda field, divergence, x1, n: _prior(field, divergence, x1, n, **factors)


def _column_sums(field, divergence, x, t):
    at = x.detach().requires_grad_()
    return torch.autograd.grad(field(at, t).sum(), at)[0].sum(1)


BOTH_AT_THE_START = "field and divergence both belong to the time at which the step starts"
PARTS = {
    "divergence a step late": (
        f"the divergence is taken at t - h, the field at t: {BOTH_AT_THE_START}.",
        _divergence_at(lambda i, n: _falling(i + 1, n)),
    ),
    "divergence at 0": (
        f"the divergence is always taken at t = 0: {BOTH_AT_THE_START}.",
        _divergence_at(lambda i, n: 0.0),
    ),
    "divergence at 1": (
        f"the divergence is always taken at t = 1: {BOTH_AT_THE_START}.",
        _divergence_at(lambda i, n: 1.0),
    ),
    "divergence at 1 - t": (
        f"the divergence is taken at 1 - t, the field at t: {BOTH_AT_THE_START}.",
        _divergence_at(lambda i, n: i / n),
    ),
    "summed over the batch": (
        "the divergences of all points are summed: each point has its own.",
        _spread(lambda field, divergence, x, t: divergence(field, x, t).sum()),
    ),
    "mean over the batch": (
        "the mean of the divergences of all points is taken: each point has its own.",
        _spread(lambda field, divergence, x, t: divergence(field, x, t).mean()),
    ),
    "times the dimension": (
        "the divergence is multiplied by the number of coordinates: it is a sum over them already.",
        _spread(lambda field, divergence, x, t: x.shape[1] * divergence(field, x, t)),
    ),
    "over the dimension": (
        "the divergence is divided by the number of coordinates: it is their sum, not their mean.",
        _spread(lambda field, divergence, x, t: divergence(field, x, t) / x.shape[1]),
    ),
    "column sums": (
        "all derivatives of all components are summed, as the gradient of field(x, t).sum() does: the divergence has "
        "those of each component by its own coordinate only. It is given as a function.",
        _spread(_column_sums),
    ),
    "norm not squared": ("the norm is not squared.", _factors(power=1)),
    "pi for 2 pi": (
        "the constant has the logarithm of pi, without its 2.",
        _factors(constant=math.log(math.pi) / math.log(2 * math.pi)),
    ),
    "decimal logarithm": (
        "the logarithm of the constant is decimal: it is the natural one.",
        _factors(constant=1 / math.log(10)),
    ),
    "mean of the squares": (
        "the mean of the squares is taken: the squared norm is their sum over the coordinates.",
        _factors(mean=True),
    ),
    "sign of the square": (
        "the square has the wrong sign: the density is largest at 0.",
        _factors(square=-1.0),
    ),
}
"""Further mistakes, by name: the sentence, and the wrong answer."""

log_likelihood.mistakes += [Mistake(name, wrong, message) for name, (message, wrong) in PARTS.items()]


@log_likelihood.mistake("the integral of the divergence is missing: where the field spreads points, the density falls.")
def no_integral(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, weight=0.0)


@log_likelihood.mistake(
    "one step is too many: does a loop count the time down, and rounding leave a little more than 0?"
)
def one_step_too_many(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, steps=n + 1)


@log_likelihood.mistake(
    "field and divergence are taken in the middle of the step: each step uses the time where it starts."
)
def times_in_the_middle(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n, time=lambda i, n: _falling(i + 0.5, n))


@log_likelihood.mistake("twice as many steps were made: there are n of them, of length 1 / n.")
def twice_the_steps(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, 2 * n)


@log_likelihood.mistake("one number came back for all points: each has a density of its own.")
def mean_of_all(field, divergence, x1, n):
    return _flow_back(field, divergence, x1, n).mean()


AT_REST, DRIFTING, STEPS = (
    f"result for {change}" for change in ("field = at rest", "field = drifting", "n = 49, field = drifting")
)


def _first_wrong(name: str):
    """Whether this is the first value that is wrong, in the order of what they need."""

    def holds(pair: Compared) -> bool:
        right = {each: torch.allclose(pair.given[each], value, rtol=1e-6) for each, value in pair.expected.items()}
        return next(each for each in (AT_REST, DRIFTING, STEPS, "result") if not right[each]) == name

    return holds


log_likelihood.traits += [
    Trait(
        "density at the start",
        _first_wrong(AT_REST),
        "with a field that is 0 everywhere, nothing moves and nothing spreads, and still your result is wrong: look at "
        "the log-density of N(0, I), and whether anything else is added to it.",
    ),
    Trait(
        "way back",
        _first_wrong(DRIFTING),
        "with a field that is 0 everywhere your result is right; with one that moves all points alike, and spreads none, "
        "it is not: look at the steps that lead the states back, and at their times.",
    ),
    Trait(
        "number of steps",
        _first_wrong(STEPS),
        "for some n your result is right, for n = 49 it is not: how many steps are made?",
    ),
    Trait(
        "integral",
        _first_wrong("result"),
        "where nothing is spread your result is right, so that the states get back to where they came from: look at the "
        "integral of the divergence.",
    ),
]
