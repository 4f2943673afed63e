"""Exercise 5.3: the log-likelihood of data under a flow, by Euler steps back to t = 0."""

import math
from functools import partial

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.inputs import curved_field
from course_utils.checks.lab5.flowing_back import column_sums, falling, flow_back, integral, normal_log_density, prior
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Also, Returned
from course_utils.checks.traits import Compared, Trait

__all__ = ["log_likelihood"]


@exercise(
    "5.3",
    "Log-likelihood",
    points=3,
    sees=Also(Returned(), "field=at rest", "field=drifting", "n=49, field=drifting"),
    rtol=1e-6,
    single=0.0001,
    why="the same recursion; times and log 2 pi that were made in single precision are right to seven digits",
)
def log_likelihood(field, divergence, x1, n):
    h = 1 / n
    x = x1
    spread = torch.zeros_like(x1[:, 0])
    for i in range(n):
        t = torch.tensor(1 - i * h, dtype=x1.dtype)
        rows = torch.autograd.functional.jacobian(lambda at, t=t: field(at, t).sum(0), x)
        x = x - h * field(x, t)
        spread = spread + h * rows.diagonal(dim1=0, dim2=2).sum(1)
    return -(x**2).sum(1) / 2 - x1.shape[1] * math.log(2 * math.pi) / 2 - spread


@log_likelihood.inputs
def _(normal):
    dim = 2 + normal.seed % 2
    return {
        "field": curved_field(normal, dim),
        "divergence": {"family": "jacobian trace"},
        "x1": normal(5, dim),
        "n": 6 + normal.seed % 3,
    }


BOTH_AT_THE_START = "field and divergence both belong to the time at which the step starts"
PARTS: dict[str, tuple[str, dict]] = {
    "forwards": (
        "the states run forwards from x1, as if it were noise: x1 belongs to t = 1, and you want to know where "
        "it came from.",
        dict(to=1, time=lambda i, n: i / n),
    ),
    "time inverted": (
        "the states run backwards, but the times 0, h, 2h, ... do not: the first step is taken at t = 1.",
        dict(time=lambda i, n: i / n),
    ),
    "direction": (
        "the steps go along the velocity while the time falls: backwards in time, a state moves against it.",
        dict(to=1),
    ),
    "no step size": (
        "the divergences are added without the step size: their integral over time is asked for.",
        dict(weight=1.0),
    ),
    "time stands still": (
        "every step uses the time 1: the time has to fall by h as well.",
        dict(time=lambda i, n: 1.0),
    ),
    "one step late": (
        "the first step is taken at the time 1 - h: each step uses the time at which it starts.",
        dict(time=lambda i, n: falling(i + 1, n)),
    ),
    "divergence at x1": ("the divergence is always taken at x1: take it where the state is.", dict(at="start")),
    "divergence after the move": (
        "the divergence is taken after the state has moved: state and time both belong to the start of the step.",
        dict(at="moved"),
    ),
    "one step too few": ("one step is missing: there are n of them, the last from t = h to t = 0.", dict(more=-1)),
    "n times from 1 to 0": (
        "the times are n numbers from 1 down to 0, the last step then starts at 0: n steps have n + 1 times, "
        "and no step starts at the last.",
        dict(time=lambda i, n: falling(i, n - 1)),
    ),
    "integral overwritten": (
        "only the last divergence counts: each step adds to the integral of the steps before.",
        dict(kept=0.0),
    ),
    "no integral": (
        "the integral of the divergence is missing: where the field spreads points, the density falls.",
        dict(weight=0.0),
    ),
    "one step too many": (
        "one step is too many: does a loop count the time down, and rounding leave a little more than 0?",
        dict(more=1),
    ),
    "times in the middle": (
        "field and divergence are taken in the middle of the step: each step uses the time where it starts.",
        dict(time=lambda i, n: falling(i + 0.5, n)),
    ),
    "divergence a step late": (
        f"the divergence is taken at t - h, the field at t: {BOTH_AT_THE_START}.",
        dict(divergence_time=lambda i, n: falling(i + 1, n)),
    ),
    "divergence at 0": (
        f"the divergence is always taken at t = 0: {BOTH_AT_THE_START}.",
        dict(divergence_time=lambda i, n: 0.0),
    ),
    "divergence at 1": (
        f"the divergence is always taken at t = 1: {BOTH_AT_THE_START}.",
        dict(divergence_time=lambda i, n: 1.0),
    ),
    "divergence at 1 - t": (
        f"the divergence is taken at 1 - t, the field at t: {BOTH_AT_THE_START}.",
        dict(divergence_time=lambda i, n: i / n),
    ),
    "summed over the batch": (
        "the divergences of all points are summed: each point has its own.",
        dict(spread=lambda field, divergence, x, t: divergence(field, x, t).sum()),
    ),
    "mean over the batch": (
        "the mean of the divergences of all points is taken: each point has its own.",
        dict(spread=lambda field, divergence, x, t: divergence(field, x, t).mean()),
    ),
    "times the dimension": (
        "the divergence is multiplied by the number of coordinates: it is a sum over them already.",
        dict(spread=lambda field, divergence, x, t: x.shape[1] * divergence(field, x, t)),
    ),
    "over the dimension": (
        "the divergence is divided by the number of coordinates: it is their sum, not their mean.",
        dict(spread=lambda field, divergence, x, t: divergence(field, x, t) / x.shape[1]),
    ),
    "column sums": (
        "all derivatives of all components are summed, as the gradient of the sum of all does: the divergence has "
        "those of each component by its own coordinate only. It is given as a function.",
        dict(spread=column_sums),
    ),
}
"""Mistakes in one part of the integral, by name: the sentence, and what is replaced."""

FACTORS: dict[str, tuple[str, dict]] = {
    "no constant": (
        "the constant of the normal density is missing: it does not depend on x, but a log-density that is to "
        "be compared needs it.",
        dict(constant=0.0),
    ),
    "constant counted once": (
        "the constant of the normal density is that of one dimension: every coordinate brings it once.",
        dict(dimensions=1),
    ),
    "constant not halved": ("the constant of the normal density is twice what it should be.", dict(constant=2.0)),
    "sign of the constant": ("the constant of the normal density has the wrong sign.", dict(constant=-1.0)),
    "square not halved": ("the squared norm is not halved.", dict(square=2.0)),
    "norm not squared": ("the norm is not squared.", dict(power=1)),
    "pi for 2 pi": (
        "the constant has the logarithm of pi, without its 2.",
        dict(constant=math.log(math.pi) / math.log(2 * math.pi)),
    ),
    "decimal logarithm": (
        "the logarithm of the constant is decimal: it is the natural one.",
        dict(constant=1 / math.log(10)),
    ),
    "mean of the squares": (
        "the mean of the squares is taken: the squared norm is their sum over the coordinates.",
        dict(mean=True),
    ),
    "sign of the square": (
        "the square has the wrong sign: the density is largest at 0.",
        dict(square=-1.0),
    ),
}
"""Mistakes in the density at the start, by name: the sentence, and what is replaced."""

log_likelihood.mistakes += [
    *(Mistake(name, partial(flow_back, **replaced), message) for name, (message, replaced) in PARTS.items()),
    *(Mistake(name, partial(prior, **replaced), message) for name, (message, replaced) in FACTORS.items()),
]


@log_likelihood.mistake(
    "the integral has the wrong sign: where the field spreads points on their way, the density falls."
)
def sign(field, divergence, x1, n):
    x, total = integral(field, divergence, x1, n)
    return normal_log_density(x) + total


@log_likelihood.mistake("only the change of the log-density came back: add the log-density at the start of the path.")
def noprior(field, divergence, x1, n):
    return -integral(field, divergence, x1, n)[1]


@log_likelihood.mistake("the constant counts the points of the batch where it should count the coordinates of one.")
def batch_for_dimension(field, divergence, x1, n):
    return prior(field, divergence, x1, n, dimensions=len(x1))


@log_likelihood.mistake("the squares of all points are summed: each point has a norm of its own.")
def one_norm_for_the_batch(field, divergence, x1, n):
    x, total = integral(field, divergence, x1, n)
    return normal_log_density(x, square=0.0) - (x**2).sum() / 2 - total


@log_likelihood.mistake("this is the density: its logarithm is asked for, which does not underflow in many dimensions.")
def density(field, divergence, x1, n):
    return flow_back(field, divergence, x1, n).exp()


@log_likelihood.mistake(
    "the normal density is taken at x1: it is the density at t = 0, of the point that x1 came from."
)
def prior_at_x1(field, divergence, x1, n):
    return normal_log_density(x1) - integral(field, divergence, x1, n)[1]


@log_likelihood.mistake("the log-density of the prior is a mean over the coordinates: independent coordinates add up.")
def average_over_the_coordinates(field, divergence, x1, n):
    x, total = integral(field, divergence, x1, n)
    return normal_log_density(x) / x.shape[1] - total


@log_likelihood.mistake("twice as many steps were made: there are n of them, of length 1 / n.")
def twice_the_steps(field, divergence, x1, n):
    return flow_back(field, divergence, x1, 2 * n)


@log_likelihood.mistake("one number came back for all points: each has a density of its own.")
def mean_of_all(field, divergence, x1, n):
    return flow_back(field, divergence, x1, n).mean()


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
        "with a field that is 0 everywhere your result is right; with one that moves all points alike, and spreads "
        "none, it is not: look at the steps that lead the states back, at their times, and at the state whose "
        "density is taken.",
    ),
    Trait(
        "number of steps",
        _first_wrong(STEPS),
        "for some n your result is right, for n = 49 it is not: how many steps are made?",
    ),
    Trait(
        "integral",
        _first_wrong("result"),
        "where nothing is spread your result is right, so that the states get back to where they came from: look at "
        "the integral of the divergence.",
    ),
]


OFTEN = (
    "forwards",
    "time inverted",
    "direction",
    "no step size",
    "one step late",
    "divergence after the move",
    "no integral",
)


def _with(field, divergence, x1, n, *, density=None, **parts):
    x, total = integral(field, divergence, x1, n, **parts)
    return normal_log_density(x, **(density or {})) - total


log_likelihood.pairs += pairs(
    _with,
    {name: PARTS[name] for name in OFTEN},
    {name: (words, {"density": factors}) for name, (words, factors) in FACTORS.items()},
)
