"""Exercise 8.1: where the flow carries the states of a Gaussian from one time to another, exactly."""

import math
from functools import partial

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.inputs import states
from course_utils.checks.lab8.gaussians import CENTRES, STRETCHES, carried, ratio_of, width
from course_utils.checks.lab8.spans import batch, column, nearly_right, nothing_moves, span_of_the_first, spans
from course_utils.checks.mistakes import pairs
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["flow_map"]


@exercise("8.1", "Flow map of a Gaussian", points=2, single=1e-4)
def flow_map(x, s, t, mean, var):
    out = torch.zeros_like(x)
    for i, (start, end) in enumerate(zip(s.tolist(), t.tolist(), strict=True)):
        for j, (m, v) in enumerate(zip(mean.tolist(), var.tolist(), strict=True)):
            score = (x[i, j] - start * m) / math.hypot(start * v**0.5, 1 - start)
            out[i, j] = end * m + math.hypot(end * v**0.5, 1 - end) * score
    return out


@flow_map.inputs
def _(normal):
    n, d = batch(normal)
    s, t = spans(normal, n)
    x, mean = states(normal, n, d), normal(d)
    if n > 2:
        x[1] = s[1] * mean  # the centre of the cloud, whatever its width
    return {"x": x, "s": s, "t": t, "mean": mean, "var": 0.2 + normal(d).exp()}


flow_map.mistakes += [
    Mistake(name, partial(carried, **replaced), sentence)
    for name, (sentence, replaced) in (STRETCHES | CENTRES).items()
]


@flow_map.mistake("the mean is not used: it lies on the way of the cloud.")
def no_mean(x, s, t, mean, var):
    return carried(x, s, t, 0 * mean, var)


@flow_map.mistake("neither centre is scaled: at time a the data's mean is only the part a of the way.")
def means_not_scaled(x, s, t, mean, var):
    return carried(x, s, t, mean, var, old=lambda s, t, mean: mean, new=lambda s, t, mean: mean)


@flow_map.mistake("s and t are exchanged: x is a state of the time s, and t is where it goes.")
def s_and_t_exchanged(x, s, t, mean, var):
    return carried(x, t, s, mean, var)


@flow_map.mistake("the times run backwards: noise is at 0, data at 1.")
def time_reversed(x, s, t, mean, var):
    return carried(x, 1 - s, 1 - t, mean, var)


@flow_map.mistake(
    "only the time that passes, t - s, comes in: where the cloud is at s, and how wide, depends on s itself."
)
def only_the_span(x, s, t, mean, var):
    return carried(x, 0 * s, t - s, mean, var)


def _velocity(x, s, mean, var):
    """Of the path of the Gaussian at time s, in a shape that fits x."""
    return mean + (s * var - (1 - s)) / width(s, var) * (x - s * mean)


@flow_map.mistake("this is one step along the velocity at the start: right for t near s only.")
def an_Euler_step(x, s, t, mean, var):
    s, t = column(s, x), column(t, x)
    return x + (t - s) * _velocity(x, s, mean, var)


@flow_map.mistake("this is one midpoint step along the velocity: nearer than Euler's, but not exact.")
def a_midpoint_step(x, s, t, mean, var):
    s, t = column(s, x), column(t, x)
    middle = (s + t) / 2
    return x + (t - s) * _velocity(x + (middle - s) * _velocity(x, s, mean, var), middle, mean, var)


@flow_map.mistake("the new centre is stretched as well: only what is left of x without its old centre is.")
def new_centre_stretched(x, s, t, mean, var):
    return carried(x + column(t, x) * mean, s, t, mean, var, new=lambda s, t, mean: 0 * mean)


@flow_map.mistake("this is the velocity at the start: the place is asked for where the state is at time t.")
def velocity(x, s, t, mean, var):
    return _velocity(x, column(s, x), mean, var)


@flow_map.mistake("this is the way from x to the end: the end itself is asked for.")
def displacement(x, s, t, mean, var):
    return carried(x, s, t, mean, var) - x


@flow_map.mistake("this is the average velocity on the way (where s = t it is 0 / 0): its end is asked for.")
def average_velocity(x, s, t, mean, var):
    return (carried(x, s, t, mean, var) - x) / column(t - s, x)


@flow_map.mistake("this is the standard score of x, which the flow keeps: at time t it has to become a state again.")
def standard_score(x, s, t, mean, var):
    s = column(s, x)
    return (x - s * mean) / width(s, var) ** 0.5


@flow_map.mistake("this is the mean of the data given x, where the flow would end at t = 1 if it did not turn.")
def mean_of_the_data(x, s, t, mean, var):
    s = column(s, x)
    return x + (1 - s) * _velocity(x, s, mean, var)


@flow_map.mistake("nothing moves: this is x.")
def stays(x, s, t, mean, var):
    return x.clone()


@flow_map.mistake(
    "the times met the wrong axis: s and t of shape (B,) line up with the coordinates of a state, not with the batch."
)
def times_on_the_wrong_axis(x, s, t, mean, var):
    return carried(x, s, t, mean, var, shape=lambda time, x: time)


@flow_map.mistake("all states get the times of the first: s and t have one entry a state.")
def times_of_the_first(x, s, t, mean, var):
    return carried(x, s, t, mean, var, shape=span_of_the_first)


@flow_map.mistake("all states get the mean of the times: s and t have one entry a state.")
def mean_of_the_times(x, s, t, mean, var):
    return carried(x, s, t, mean, var, shape=lambda time, x: time.mean())


@flow_map.mistake(
    "a small number is added to the width of the cloud: it is never 0 at the start, since var is not, so that nothing "
    "has to be made safe."
)
def small_number_added(x, s, t, mean, var):
    return carried(x, s, t, mean, var, stretch=ratio_of(lambda a, var: width(a, var) + 1e-6))


flow_map.pairs += pairs(carried, STRETCHES, CENTRES)


def _centre(pair: Compared) -> bool:
    """Whether the cloud's centre arrives where it should, of which one state of a larger batch is an example."""
    given, expected = pair.given["result"], pair.expected["result"]
    return len(given) > 2 and close(given[1], expected[1])


flow_map.traits += [
    nearly_right("are these many small steps along the velocity? The end is known without any."),
    Trait(
        "right at the centre",
        _centre,
        "a state at the centre of the cloud goes where it should (it has index 1 here): how far the others are from "
        "the centre is wrong.",
        vague=True,
    ),
    nothing_moves(
        lambda x, s, t, mean, var: x, "where s = t (the last state here) nothing should move, but yours does."
    ),
]
