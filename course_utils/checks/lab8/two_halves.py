"""Exercise 8.3: the average velocity of two half steps."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.lab8.spans import batch, column, nothing_moves, span_of_the_first, spans, two_time_field
from course_utils.checks.mistakes import pairs
from course_utils.checks.sums import combination

__all__ = ["two_halves"]


@exercise("8.3", "Two half steps", points=2, single=1e-4)
def two_halves(u, x, s, t):
    rows = []
    for i in range(len(x)):
        here, total = x[i], 0
        for k in range(2):
            start = s[i] + (t[i] - s[i]) * k / 2
            end = start + (t[i] - s[i]) / 2
            slope = torch.sin(u.matrix @ here + u.offset) + start**2 * u.square + start * end * u.product
            here = here + (end - start) * slope
            total = total + slope
        rows.append(total / 2)
    return torch.stack(rows)


@two_halves.inputs
def _(normal):
    n, d = batch(normal)
    s, t = spans(normal, n)
    return {"u": two_time_field(normal, d), "x": normal(n, d), "s": s, "t": t}


def _halves(
    u,
    x,
    s,
    t,
    *,
    middle: Callable[[Tensor, Tensor], Tensor] = lambda s, t: (s + t) / 2,
    first: Callable = lambda u, x, s, m, t: u(x, s, m),
    second: Callable = lambda u, x, s, m, t: u(x, m, t),
    length: Callable = lambda s, m, t: m - s,
    shape: Callable[[Tensor, Tensor], Tensor] = column,
    start: Callable[[Tensor, Tensor], Tensor] = lambda x, way: x + way,
    total: Callable[[Tensor, Tensor], Tensor] = lambda one, two: (one + two) / 2,
    read: Callable = lambda average, x, span: average,
) -> Tensor:
    """The average velocity with parts to replace.

    Args:
        u, x, s, t: As of a right answer.
        middle: From the times to the one in the middle.
        first, second: The average velocities of the two halves, from the state where each begins and the three times.
        length: From the three times to how long the first half is.
        shape: Brings that to a shape that fits the states.
        start: From x and the way of the first half to where the second begins.
        total: From the two velocities to their average.
        read: From that, the states and the length of the whole span to the result.
    """
    m = middle(s, t)
    one = first(u, x, s, m, t)
    state = start(x, shape(length(s, m, t), x) * one)
    return read(total(one, second(u, state, s, m, t)), x, column(t - s, x))


MIDDLES: dict[str, tuple[str, dict]] = {
    "middle is half the span": (
        "half of t - s is a length; the middle is a time.",
        {"middle": lambda s, t: (t - s) / 2},
    ),
    "middle is a half": (
        "the middle is that of the times s and t: 1/2 only if they are 0 and 1.",
        {"middle": lambda s, t: torch.full_like(s, 0.5)},
    ),
    "middle not halved": ("s + t is not between s and t: halve it.", {"middle": lambda s, t: s + t}),
    "middle rounded down": (
        "`//` rounds down to a whole number: your middle is 0.",
        {"middle": lambda s, t: (s + t) // 2},
    ),
    "bracket in the middle": (
        "a bracket is missing: only the end is halved for the middle.",
        {"middle": lambda s, t: s + t / 2},
    ),
    "other bracket in the middle": (
        "a bracket is missing: only the start is halved for the middle.",
        {"middle": lambda s, t: s / 2 + t},
    ),
    "middle is half the end": ("half of t is the middle only if s is 0.", {"middle": lambda s, t: t / 2}),
}
"""Wrong times in the middle, by name: the sentence, and what is replaced in `_halves`."""

FIRST: dict[str, tuple[str, dict]] = {
    "whole span asked": (
        "in the first half, ask for the average to the middle.",
        {"first": lambda u, x, s, m, t: u(x, s, t)},
    ),
    "velocity at the start": (
        "in the first half you ask for the velocity at s, whose span has no length, not for the average to the middle.",
        {"first": lambda u, x, s, m, t: u(x, s, s)},
    ),
    "velocity at both times": (
        "u at one time twice is the velocity now, not the average to a later time: in both halves you ask for that.",
        {"first": lambda u, x, s, m, t: u(x, s, s), "second": lambda u, x, s, m, t: u(x, m, m)},
    ),
    "first half backwards": (
        "in the first half the times are exchanged: the start comes first.",
        {"first": lambda u, x, s, m, t: u(x, m, s)},
    ),
}
"""Wrong velocities of the first half."""

SECOND: dict[str, tuple[str, dict]] = {
    "second half at the old time": (
        "the second half begins at the middle and ends at t: yours is asked for the times of the first.",
        {"second": lambda u, x, s, m, t: u(x, s, m)},
    ),
    "second half over the whole span": (
        "the second half begins at the middle: yours is asked for the average over the whole span.",
        {"second": lambda u, x, s, m, t: u(x, s, t)},
    ),
    "velocity in the middle": (
        "in the second half you ask for the velocity in the middle, whose span has no length: that is no average to t.",
        {"second": lambda u, x, s, m, t: u(x, m, m)},
    ),
    "velocity at the end": (
        "in the second half you ask for the velocity at the end, as Heun's method does: the average from the middle to "
        "t is meant.",
        {"second": lambda u, x, s, m, t: u(x, t, t)},
    ),
    "second half backwards": (
        "in the second half the times are exchanged: the start comes first.",
        {"second": lambda u, x, s, m, t: u(x, t, m)},
    ),
}
"""Wrong velocities of the second half."""

STARTS: dict[str, tuple[str, dict]] = {
    "second half from the start": (
        "the second half begins where the first one ends.",
        {"start": lambda x, way: x},
    ),
    "state forgotten": (
        "the second half begins at the way of the first alone: the state that it is added to is missing.",
        {"start": lambda x, way: way},
    ),
    "first half against the velocity": (
        "the first half goes against its velocity.",
        {"start": lambda x, way: x - way},
    ),
    "first half too long": ("the first half lasts half of the span.", {"length": lambda s, m, t: t - s}),
    "first half too short": (
        "the first half is halved twice: it lasts half of the span.",
        {"length": lambda s, m, t: (t - s) / 4},
    ),
    "length forgotten": (
        "the whole velocity is added to x: how far does a state travel in the time to the middle?",
        {"length": lambda s, m, t: torch.ones_like(s)},
    ),
    "half of the velocity": (
        "the first half lasts half of the span, not the time 1/2.",
        {"length": lambda s, m, t: torch.full_like(s, 0.5)},
    ),
    "middle for the length": (
        "the middle is a time: how long is the first half?",
        {"length": lambda s, m, t: m},
    ),
    "length of the first": (
        "all states travel as long as the first: s and t have one entry a state.",
        {"shape": span_of_the_first},
    ),
    "length on the wrong axis": (
        "the times met the wrong axis: a time of shape (B,) lines up with the coordinates, not with the batch.",
        {"shape": lambda span, x: span},
    ),
}
"""Wrong states where the second half begins."""

TOTALS: dict[str, tuple[str, dict]] = {
    "added, not averaged": (
        "two average velocities over half the time each: their mean.",
        {"total": lambda one, two: one + two},
    ),
    "second half only": ("only the second half is left: both count.", {"total": lambda one, two: two}),
    "first half only": ("only the first half is left: both count.", {"total": lambda one, two: one}),
    "difference of the halves": (
        "the velocities of the halves are subtracted: what is the average of two?",
        {"total": lambda one, two: (two - one) / 2},
    ),
    "bracket around the halves": (
        "a bracket is missing: only the second half's velocity is halved.",
        {"total": lambda one, two: one + two / 2},
    ),
    "halved twice": ("the mean is halved once too often.", {"total": lambda one, two: (one + two) / 4}),
}
"""Wrong averages of the two velocities."""

RESULTS: dict[str, tuple[str, dict]] = {
    "a state": (
        "the average velocity is asked for, not where it leads.",
        {"read": lambda average, x, span: x + span * average},
    ),
    "displacement": (
        "this is the way that is travelled: the average velocity on it is asked for.",
        {"read": lambda average, x, span: span * average},
    ),
    "way divided by the span": (
        "0 / 0 where s = t: no way has to be made of the velocities, and divided again.",
        {"read": lambda average, x, span: span * average / span},
    ),
    "divided by the span": (
        "divided by the span as well: both velocities are averages already, ways over times.",
        {"read": lambda average, x, span: average / span},
    ),
}
"""Wrong readings of the average."""

two_halves.mistakes += [
    Mistake(name, partial(_halves, **replaced), sentence)
    for name, (sentence, replaced) in (MIDDLES | FIRST | SECOND | STARTS | TOTALS | RESULTS).items()
]


@two_halves.mistake("this is one step over the whole span: it is to be compared with two.")
def one_step(u, x, s, t):
    return u(x, s, t)


@two_halves.mistake("this is the state in the middle: the average velocity over both halves is asked for.")
def state_in_the_middle(u, x, s, t):
    m = (s + t) / 2
    return x + column(m - s, x) * u(x, s, m)


@two_halves.mistake("the whole step is taken off: that is the loss's part. The target alone is asked for.")
def whole_step_taken_off(u, x, s, t):
    return _halves(u, x, s, t) - u(x, s, t)


two_halves.pairs += pairs(_halves, MIDDLES, FIRST, SECOND, STARTS, TOTALS, RESULTS)


two_halves.traits += [
    *combination(
        {
            "the first half's velocity": lambda u, x, s, t: u(x, s, (s + t) / 2),
            "the second half's velocity": lambda u, x, s, t: _halves(u, x, s, t, total=lambda one, two: two),
        },
        total="the average velocity of each state",
    ),
    nothing_moves(
        lambda u, x, s, t: u(x, s, t),
        "where s = t (the last state here) both halves have the velocity u(x, s, s), and so should the whole.",
    ),
]
