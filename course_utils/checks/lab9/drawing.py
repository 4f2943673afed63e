"""Systematic resampling with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["OVERFLOW", "PARTS", "counted", "divided", "drawn", "shares_of"]


def shares_of(log_weights: Tensor) -> Tensor:
    """Weights with sum 1."""
    return log_weights.softmax(0)


def _evenly_spread(n: int, u: Tensor) -> Tensor:
    """A point for each of n particles."""
    return (torch.arange(n) + u) / n


def _clamped(ends: Tensor, points: Tensor) -> Tensor:
    """The first index whose number is not below each point; the last, if there is none."""
    return torch.searchsorted(ends, points).clamp(max=len(ends) - 1)


def drawn(
    log_weights: Tensor,
    u: Tensor,
    *,
    weights: Callable[[Tensor], Tensor] = shares_of,
    ends: Callable[[Tensor], Tensor] = lambda weights: weights.cumsum(0),
    points: Callable[[int, Tensor], Tensor] = _evenly_spread,
    find: Callable[[Tensor, Tensor], Tensor] = _clamped,
    result: Callable[[Tensor, Tensor], Tensor] = lambda indices, log_weights: indices,
) -> Tensor:
    """Systematic resampling with parts to replace.

    Args:
        log_weights, u: Of the exercise.
        weights: From log weights to weights.
        ends: From weights to where the part of each particle ends.
        points: From n and u to the points.
        find: From ends and points to indices.
        result: From indices and log weights to what is returned.
    """
    spread = points(len(log_weights), u).to(log_weights)
    return result(find(ends(weights(log_weights)).contiguous(), spread.contiguous()), log_weights)


def divided(log_weights: Tensor) -> Tensor:
    """Exponentials divided by their sum, which overflow."""
    return log_weights.exp() / log_weights.exp().sum()


def counted(ends: Tensor, points: Tensor) -> Tensor:
    """How many ends each point lies beyond."""
    return (points[:, None] > ends).sum(1)


OVERFLOW = (
    "exp of 800 is infinite, and exp of -800 is 0, so that you divide inf by inf or 0 by 0. Take off the largest "
    "logarithm first, or let a function normalise that does so."
)

_WEIGHTS: Parts = {
    "weights not exponentiated": (
        "log weights are taken for weights, divided by their sum: a weight is the exponential.",
        {"weights": lambda logs: logs / logs.sum()},
    ),
    "not normalised": (
        "the weights are not normalised: the points lie between 0 and 1, and so have the ends of all parts.",
        {"weights": torch.exp},
    ),
    "divided by the largest": (
        "the weights are divided by the largest of them: the points lie between 0 and 1, and the last part has to end "
        "at 1.",
        {"weights": lambda logs: (logs - logs.max()).exp()},
    ),
    "square root of weights": (
        "the weights are flattened: these are the square roots of the weights, or log weights that are halved.",
        {"weights": lambda logs: (logs / 2).softmax(0)},
    ),
    "weights squared": ("the weights are squared, or counted twice.", {"weights": lambda logs: (2 * logs).softmax(0)}),
    "upside down": ("the lightest are drawn most often: a sign.", {"weights": lambda logs: (-logs).softmax(0)}),
}

_ENDS: Parts = {
    "not cumulated": (
        "the points are compared with the weights one by one: where does the part of each particle end?",
        {"ends": lambda weights: weights},
    ),
    "cumulated from the end": (
        "the parts are put side by side from the last particle on: the first one's begins at 0.",
        {"ends": lambda weights: weights.flip(0).cumsum(0)},
    ),
    "sorted first": (
        "the weights are sorted first: the index is then a place in the sorted list, not the number of a particle.",
        {"ends": lambda weights: weights.sort(descending=True).values.cumsum(0)},
    ),
    "sorted upwards first": (
        "the weights are sorted first, the lightest in front: an index is then a place in the sorted list.",
        {"ends": lambda weights: weights.sort().values.cumsum(0)},
    ),
}

_POINTS: Parts = {
    "one point for all": (
        "one point is taken n times: n points are spread evenly.",
        {"points": lambda n, u: u.expand(n)},
    ),
    "u not divided": (
        "u moves all points by u of the whole: it should move them by u of one slot.",
        {"points": lambda n, u: torch.arange(n) / n + u},
    ),
    "brackets": (
        "brackets: u alone is divided by n, so that all points but the first lie beyond 1.",
        {"points": lambda n, u: torch.arange(n) + u / n},
    ),
    "nothing divided": (
        "the points lie between 0 and n: the parts end at 1.",
        {"points": lambda n, u: torch.arange(n) + u},
    ),
    "points from 1": (
        "the points start one slot too late: the first lies in the first slot.",
        {"points": lambda n, u: (torch.arange(1, n + 1) + u) / n},
    ),
    "u subtracted": (
        "u moves the points to the other side, the first below 0.",
        {"points": lambda n, u: (torch.arange(n) - u) / n},
    ),
    "u from the other side": (
        "u moves the points backwards from the ends of their slots: at u = 0 they lie at the beginnings.",
        {"points": lambda n, u: (torch.arange(1, n + 1) - u) / n},
    ),
    "no offset": ("u is not used: these are always the same points.", {"points": lambda n, u: torch.arange(n) / n}),
    "points in the middle": (
        "u is not used: the points are always in the middle of their slots.",
        {"points": lambda n, u: (torch.arange(n) + 0.5) / n},
    ),
    "points from 0 to 1": (
        "u is not used, and the points reach from 0 to 1: n slots have n beginnings, and 1 is the end of the last.",
        {"points": lambda n, u: torch.linspace(0, 1, n)},
    ),
    "n - 1 slots": ("there are n slots, not n - 1.", {"points": lambda n, u: (torch.arange(n) + u) / max(n - 1, 1)}),
}

_FIND: Parts = {
    "one too far": (
        "the indices are one too far: counting starts at 0, and a point lies before the end of its part.",
        {"find": lambda ends, points: (_clamped(ends, points) + 1).clamp(max=len(ends) - 1)},
    ),
    "one too far, beyond the last": (
        "the indices are one too far: counting starts at 0, and no particle has the number n.",
        {"find": lambda ends, points: _clamped(ends, points) + 1},
    ),
    "one too early": (
        "the indices are one too early: of two particles, the one whose part the point lies in is meant.",
        {"find": lambda ends, points: (_clamped(ends, points) - 1).clamp(min=0)},
    ),
    "one too early, below 0": (
        "the indices are one too early: -1 is none, and would mean the last particle.",
        {"find": lambda ends, points: _clamped(ends, points) - 1},
    ),
    "nearest end": (
        "the end that is nearest to a point is looked for: it may be that of the part before.",
        {"find": lambda ends, points: (points[:, None] - ends).abs().argmin(1)},
    ),
}

_RESULT: Parts = {
    "how often, not which": (
        "this is how often each is drawn: an index a particle is asked for.",
        {"result": lambda indices, logs: torch.bincount(indices, minlength=len(logs))},
    ),
    "each of them once": (
        "each particle that was drawn is there once: who is drawn three times has to be there three times.",
        {"result": lambda indices, logs: indices.unique()},
    ),
    "from the last to the first": (
        "the order is reversed: the first of the points belongs to the first of the indices.",
        {"result": lambda indices, logs: indices.flip(0)},
    ),
}

PARTS = (_WEIGHTS, _ENDS, _POINTS, _FIND, _RESULT)
"""Mistakes in systematic resampling, by the part that is wrong."""
