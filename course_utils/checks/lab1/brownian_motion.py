"""Exercise 1.3: paths of Brownian motion, from n standard normal numbers each and the step h."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import batch_shape, dyadic
from course_utils.checks.mistakes import overwritten, pairs

__all__ = ["brownian_motion"]


@exercise("1.3", "Brownian motion from increments", points=2)
def brownian_motion(eps, h):
    w = [torch.zeros_like(eps[0])]
    for e in eps:
        w.append(w[-1] + h**0.5 * e)
    return torch.stack(w)


@brownian_motion.inputs
def _(normal):
    n, h = 5 + normal.seed % 4, dyadic(normal, 0.25, 0.75) ** 2
    if normal.seed % 3 == 0:
        n, h = 12, 0.1  # arange(0, 12 * 0.1, 0.1) has 13 entries
    return {"eps": normal(n, *batch_shape(normal)), "h": h}


def _from_zero(rest):
    """A zero before what else there is, along time."""
    return torch.cat([torch.zeros_like(rest[:1]), rest])


@brownian_motion.mistake("the increments are scaled by h: their variance, not their standard deviation, has to be h.")
def h_for_the_root_of_h(eps, h):
    return brownian_motion.oracle(eps, h**2)


@brownian_motion.mistake("the increments are not scaled at all: over a time h the variance grows by h.")
def no_scale(eps, h):
    return brownian_motion.oracle(eps, 1.0)


@brownian_motion.mistake("the start is missing: the first entry is W_0 = 0, so n increments give n + 1 values.")
def start_missing(eps, h):
    return brownian_motion.oracle(eps, h)[1:]


@brownian_motion.mistake("the last value is missing: n increments lead from the first value to n more.")
def end_missing(eps, h):
    return brownian_motion.oracle(eps, h)[:-1]


@brownian_motion.mistake("the steps have the length 1 / n: h is given, and n steps need not end at t = 1.")
def one_over_n_for_h(eps, h):
    return brownian_motion.oracle(eps, 1 / len(eps))


@brownian_motion.mistake("the path starts at the first normal number: W_0 is 0.")
def first_number_as_start(eps, h):
    return torch.cat([eps[:1], h**0.5 * eps.cumsum(0)])


@brownian_motion.mistake("these are the increments themselves: W_t is the sum of all increments up to t.")
def not_summed(eps, h):
    return _from_zero(h**0.5 * eps)


@brownian_motion.mistake("the sum runs over the batch: paths are independent, the sum runs along time, the first axis.")
def summed_over_the_batch(eps, h):
    return _from_zero(h**0.5 * eps.cumsum(1))


@brownian_motion.mistake("the sum runs along the last axis, over the coordinates: it runs along time, the first axis.")
def summed_over_the_last_axis(eps, h):
    return _from_zero(h**0.5 * eps.cumsum(-1))


@brownian_motion.mistake(
    "each W_t is drawn afresh as sqrt(t) eps: the variance is right, but a path must keep its past."
)
def scaled_by_time(eps, h):
    t = h * torch.arange(1, len(eps) + 1, dtype=eps.dtype).reshape(-1, *[1] * (eps.ndim - 1))
    return _from_zero(t.sqrt() * eps)


@brownian_motion.mistake("the last value is never filled: the loop over the increments ends one short.")
def last_not_filled(eps, h):
    return torch.cat([brownian_motion.oracle(eps, h)[:-1], torch.zeros_like(eps[:1])])


@brownian_motion.mistake("the first increment eps[0] is missing: does the loop start at 1?")
def loop_from_1(eps, h):
    return brownian_motion.oracle(eps[1:], h)


@brownian_motion.mistake(
    "the first increment eps[0] is missing, and the second value is still 0: does the loop start at 1?"
)
def loop_from_1_value_left_0(eps, h):
    return _from_zero(brownian_motion.oracle(eps[1:], h))


@brownian_motion.mistake("the root is taken of eps, too: eps is scaled by the root of h alone.")
def root_of_eps(eps, h):
    return brownian_motion.oracle((h * eps).sqrt(), 1.0)


brownian_motion.mistakes += overwritten(brownian_motion.oracle, "value", start="W_0")


@brownian_motion.mistake("the increments are scaled by half of h: in Python a power comes before a division.")
def power_before_division(eps, h):
    return brownian_motion.oracle(eps, (h / 2) ** 2)


@brownian_motion.mistake("all is divided by the root of h: over a longer time h the path has to spread further.")
def divided_by_the_root(eps, h):
    return brownian_motion.oracle(eps, 1 / h)


@brownian_motion.mistake("the sums are divided by the number of increments: a path adds them up.")
def divided_by_n(eps, h):
    return brownian_motion.oracle(eps, h) / len(eps)


@brownian_motion.mistake("the value 0 stands at the end: the path starts there.")
def zero_at_the_end(eps, h):
    return brownian_motion.oracle(eps, h).roll(-1, 0)


def _path(eps, h, *, scale=lambda h, n: h**0.5, summed=lambda steps: steps.cumsum(0), start=_from_zero):
    """A right path with the scale of the increments, their sum, and the start to replace."""
    return start(summed(scale(h, len(eps)) * eps))


brownian_motion.pairs += pairs(
    _path,
    {
        "h": ("the increments are scaled by h itself.", {"scale": lambda h, n: h}),
        "no scale": ("the increments are not scaled.", {"scale": lambda h, n: 1.0}),
        "one over n": ("the steps have the length 1 / n.", {"scale": lambda h, n: n**-0.5}),
        "upside down": ("all is divided by the root of h.", {"scale": lambda h, n: h**-0.5}),
        "not summed": ("the increments are not summed.", {"summed": lambda steps: steps}),
        "over the batch": ("the sum runs over the batch.", {"summed": lambda steps: steps.cumsum(1)}),
        "over the last axis": ("the sum runs along the last axis.", {"summed": lambda steps: steps.cumsum(-1)}),
        "loop from 1": ("the first increment is missing.", {"summed": lambda steps: steps[1:].cumsum(0)}),
        "last missing": ("the last increment is missing.", {"summed": lambda steps: steps[:-1].cumsum(0)}),
        "start missing": ("the start is missing.", {"start": lambda rest: rest}),
        "zero at the end": ("the value 0 stands at the end.", {"start": lambda rest: _from_zero(rest).roll(-1, 0)}),
        "end missing": ("the last value is missing.", {"start": lambda rest: _from_zero(rest)[:-1]}),
    },
)


@brownian_motion.mistake("the increments are multiplied with one another: they are to be added.")
def product(eps, h):
    return _from_zero(h**0.5 * eps.cumprod(0))


@brownian_motion.mistake("the increments are added from the last to the first: time runs the other way.")
def time_reversed(eps, h):
    return brownian_motion.oracle(eps.flip(0), h)


@brownian_motion.mistake("the sizes of the increments are added: a path goes up and down.")
def sizes(eps, h):
    return brownian_motion.oracle(eps.abs(), h)
