"""The target of MeanFlow with parts to replace, and what students put in their places."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.lab8.spans import column, span_of_the_first

__all__ = ["FIRST", "SPANS", "STILL", "TANGENTS", "target", "v_itself"]


def v_itself(u, v, x, s, t):
    return v


def target(
    u,
    v,
    x,
    s,
    t,
    *,
    first: Callable = v_itself,
    along: Callable = v_itself,
    start: float = 1.0,
    end: float = 0.0,
    at: Callable = lambda s, t: (s, t),
    span: Callable[[Tensor, Tensor], Tensor] = lambda s, t: t - s,
    shape: Callable[[Tensor, Tensor], Tensor] = column,
    read: Callable[[tuple], Tensor] = lambda pair: pair[1],
    still: Callable[[Tensor], Tensor] = Tensor.detach,
) -> Tensor:
    """The target with parts to replace: first + span (the derivative of u along the three tangents).

    Args:
        u, v, x, s, t: As of a right answer.
        first: What the derivative is added to.
        along: How the state moves.
        start, end: How fast the two times move.
        at: The two times where the derivative is taken.
        span: From the times to what the derivative is multiplied by.
        shape: Brings that to a shape that fits the states.
        read: From value and derivative to what is taken of them.
        still: What is done to the result last.
    """
    tangents = (along(u, v, x, s, t), torch.full_like(s, start), torch.full_like(t, end))
    rate = read(torch.func.jvp(u, (x, *at(s, t)), tangents))
    return still(first(u, v, x, s, t) + shape(span(s, t), x) * rate)


TANGENTS: dict[str, tuple[str, dict]] = {
    "the end moves too": ("t is where the average ends; only the start rides along.", {"end": 1.0}),
    "the end moves, not the start": (
        "the end moves here, and s stays: it is the start that rides along.",
        {"start": 0.0, "end": 1.0},
    ),
    "time stands still": ("the point moves, but s stays: u depends on s as well.", {"start": 0.0}),
    "the start moves backwards": (
        "s runs backwards while the point moves on: both ride along with the path.",
        {"start": -1.0},
    ),
    "the state stands still": (
        "s moves, but the point stays: it travels with velocity v.",
        {"along": lambda u, v, x, s, t: torch.zeros_like(x)},
    ),
    "carried by u": (
        "along the path the point has the velocity v; u is its average to t.",
        {"along": lambda u, v, x, s, t: u(x, s, t)},
    ),
    "carried by the network's velocity": (
        "the point is carried by the network's own velocity, u at t = s: the path's, v, is given.",
        {"along": lambda u, v, x, s, t: u(x, s, s)},
    ),
    "v forgotten": (
        "all coordinates move by 1: the point travels with velocity v.",
        {"along": lambda u, v, x, s, t: torch.ones_like(x)},
    ),
    "carried by x": (
        "the state itself stands where its velocity should: how does x move?",
        {"along": lambda u, v, x, s, t: x},
    ),
    "carried backwards": (
        "the point moves against its velocity v.",
        {"along": lambda u, v, x, s, t: -v},
    ),
    "derivative at t = s": (
        "the derivative is taken of the velocity, at t = s: that of the average to t is asked for.",
        {"at": lambda s, t: (s, s)},
    ),
    "times exchanged": (
        "u is asked for the average from t to s: the start comes first.",
        {"at": lambda s, t: (t, s)},
    ),
    "value for derivative": (
        "a forward derivative returns two things; the first is u.",
        {"read": lambda pair: pair[0]},
    ),
}
"""Wrong derivatives, by name: the sentence, and what is replaced in `target`."""

SPANS: dict[str, tuple[str, dict]] = {
    "sign of the paper": (
        "the sign of the span: it is t - s, from the start to the end. (In the MeanFlow paper data lie at time 0 and "
        "the end moves, so that it has a minus.)",
        {"span": lambda s, t: s - t},
    ),
    "span forgotten": ("at t = s the average is v itself.", {"span": lambda s, t: torch.ones_like(s)}),
    "all the time up to 1": ("the span ends at t, not at 1.", {"span": lambda s, t: 1 - s}),
    "the time after t": ("1 - t is the time after the span: its own length is meant.", {"span": lambda s, t: 1 - t}),
    "the end for the span": ("t is where the span ends, not how long it is.", {"span": lambda s, t: t}),
    "the start for the span": ("s is where the span begins, not how long it is.", {"span": lambda s, t: s}),
    "half the span": (
        "a half: this is no Taylor series, the identity is exact.",
        {"span": lambda s, t: (t - s) / 2},
    ),
    "span squared": (
        "the length of the span comes in twice: is it in the tangents as well?",
        {"span": lambda s, t: (t - s) ** 2},
    ),
    "span of the first": (
        "all states get the span of the first: s and t have one entry a state.",
        {"shape": span_of_the_first},
    ),
    "span on the wrong axis": (
        "the times met the wrong axis: t - s of shape (B,) lines up with the coordinates, not with the batch.",
        {"shape": lambda span, x: span},
    ),
}
"""Wrong lengths of the span."""

FIRST: dict[str, tuple[str, dict]] = {
    "u for v": (
        "the network's answer stands where the path's velocity should: nothing new would be learnt.",
        {"first": lambda u, v, x, s, t: u(x, s, t)},
    ),
    "network's velocity for v": (
        "the network's own velocity, u at t = s, stands where the path's should: nothing new would be learnt.",
        {"first": lambda u, v, x, s, t: u(x, s, s)},
    ),
    "u and v": (
        "u is added to the target as well: it is what the target is for.",
        {"first": lambda u, v, x, s, t: u(x, s, t) + v},
    ),
    "derivative alone": (
        "at t = s the target has to be v: yours is 0 there.",
        {"first": lambda u, v, x, s, t: torch.zeros_like(x)},
    ),
    "state for v": (
        "this is where the state would be, x plus something: an average velocity is asked for.",
        {"first": lambda u, v, x, s, t: x},
    ),
}
"""Wrong things that the derivative is added to."""

STILL: dict[str, tuple[str, dict]] = {
    "not detached": ("the target must stand still: return it detached.", {"still": lambda result: result})
}
