"""The field of a data set on the torus with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.lab11.angles import BRACKETS, HALF, WHOLE, by_brackets, from_0, short
from course_utils.checks.parts import Parts

__all__ = ["PARTS", "inside", "shifted", "to_all"]


def to_all(x: Tensor, data: Tensor) -> Tensor:
    """Differences from each state to all data points, shape (B, n, d), not wrapped."""
    return data - x[:, None]


def inside(ways: Tensor, width: Tensor) -> Tensor:
    """Which data points have each state in their boxes, shape (B, n, 1)."""
    return (ways.abs() <= width).all(2, keepdim=True)


def _mean(weights: Tensor, ways: Tensor) -> Tensor:
    return (weights * ways).sum(1) / weights.sum(1)


def shifted(
    x: Tensor,
    t: Tensor,
    data: Tensor,
    *,
    differences: Callable[[Tensor, Tensor], Tensor] = to_all,
    wrap: Callable[[Tensor], Tensor] = short,
    width: Callable[[Tensor], Tensor] = lambda t: (1 - t) * HALF,
    weights: Callable[[Tensor, Tensor], Tensor] = inside,
    mean: Callable[[Tensor, Tensor], Tensor] = _mean,
    rate: Callable[[Tensor, Tensor], Tensor] = lambda mean, t: mean / (1 - t),
) -> Tensor:
    """The exact field of a data set on the torus with parts to replace.

    Args:
        x, t, data: Of the exercise.
        differences: From x and data to differences, shape (B, n, d).
        wrap: Makes ways of them.
        width: From t to half the width of a box.
        weights: From ways and half the width to weights, shape (B, n, 1) or (B, n, d).
        mean: From weights and ways to the mean way, shape (B, d).
        rate: From the mean way and t to the velocity.
    """
    ways = wrap(differences(x, data))
    chosen = weights(ways, width(t)).to(x)
    return rate(mean(chosen, ways), t)


def _nearest(ways: Tensor, width: Tensor) -> Tensor:
    largest = ways.abs().amax(2, keepdim=True)
    return largest == largest.amin(1, keepdim=True)


def _gaussian(ways: Tensor, width: Tensor) -> Tensor:
    left = width / HALF
    return (-ways.square().sum(2, keepdim=True) / (2 * left**2)).softmax(1)


_DIFFERENCES: Parts = {
    "wrong sign": (
        "the differences lead from the data to x: the velocity leads to the data.",
        {"differences": lambda x, data: -to_all(x, data)},
    ),
}

_WRAP: Parts = {
    "not wrapped": (
        "the differences are not wrapped: across the seam, data points that are close look far.",
        {"wrap": lambda d: d},
    ),
    "from 0 to 2 pi": (
        "the differences run from 0 to 2 pi: always forwards, also where backwards is shorter.",
        {"wrap": from_0},
    ),
    "from -2 pi to 0": (
        "the differences run from -2 pi to 0: always backwards, also where forwards is shorter.",
        {"wrap": lambda d: from_0(d) - WHOLE},
    ),
    "distances for ways": (
        "distances have no sign: the mean is one of ways.",
        {"wrap": lambda d: short(d).abs()},
    ),
    "brackets in the wrapping": (
        BRACKETS,
        {"wrap": by_brackets},
    ),
    "half turns": (
        "half turns are taken off the differences: only whole turns change nothing.",
        {"wrap": lambda d: torch.remainder(d + HALF / 2, HALF) - HALF / 2},
    ),
}

_WIDTH: Parts = {
    "half as wide": (
        "the boxes are half as wide as they should be: their half width at t = 0 is pi, so that they cover the torus.",
        {"width": lambda t: (1 - t) * HALF / 2},
    ),
    "twice as wide": (
        "the boxes are twice as wide as they should be: half their width is what a way is compared with.",
        {"width": lambda t: (1 - t) * WHOLE},
    ),
    "box at t": (
        "the boxes grow with time: at t = 0 they cover all, at t = 1 they are points.",
        {"width": lambda t: t * HALF},
    ),
    "brackets in the width": (
        "brackets: pi multiplies t alone, where it should multiply all of the time that is left.",
        {"width": lambda t: 1 - t * HALF},
    ),
    "width without pi": (
        "the boxes are too small: at t = 0 they have to cover the whole torus.",
        {"width": lambda t: 1 - t},
    ),
}

_WEIGHTS: Parts = {
    "all points": (
        "all data points are averaged: those whose boxes do not hold x cannot have led to it.",
        {"weights": lambda ways, width: torch.ones_like(ways[..., :1])},
    ),
    "any coordinate": (
        "one coordinate in the box is enough here: a box holds x where all of them are.",
        {"weights": lambda ways, width: (ways.abs() <= width).any(2, keepdim=True)},
    ),
    "a box for each coordinate": (
        "each coordinate chooses its own data points: a point counts for all coordinates, or for none.",
        {"weights": lambda ways, width: ways.abs() <= width},
    ),
    "ball for the box": (
        "a ball is cut out, not a box: each coordinate by itself has to be within the width.",
        {"weights": lambda ways, width: ways.norm(dim=2, keepdim=True) <= width},
    ),
    "diamond for the box": (
        "the sizes of the coordinates are added: each by itself has to be within the width.",
        {"weights": lambda ways, width: ways.abs().sum(2, keepdim=True) <= width},
    ),
    "first coordinate only": (
        "the first coordinate alone decides: a box holds x where all of them are.",
        {"weights": lambda ways, width: ways[..., :1].abs() <= width},
    ),
    "only one side of the box": (
        "the boxes are open on one side: the size of a way is compared with the width, whatever its sign.",
        {"weights": lambda ways, width: (ways <= width).all(2, keepdim=True)},
    ),
    "outside": (
        "these are the points whose boxes do not hold x.",
        {"weights": lambda ways, width: ~inside(ways, width)},
    ),
    "Gaussian weights": (
        "these are the weights of Lab 2, of a Gaussian around each point: here every box that holds x counts alike.",
        {"weights": _gaussian},
    ),
    "the nearest alone": (
        "the nearest data point alone is aimed at: all whose boxes hold x could have led here.",
        {"weights": _nearest},
    ),
    "the near count more": (
        "the boxes weigh their points by distance: inside a box all states are equally likely.",
        {"weights": lambda ways, width: inside(ways, width) * (width - ways.abs().amax(2, keepdim=True))},
    ),
}

_MEAN: Parts = {
    "sum for mean": (
        "the ways are added up: a mean is divided by how many there are.",
        {"mean": lambda weights, ways: (weights * ways).sum(1)},
    ),
    "mean over all": (
        "the sum runs over the boxes that hold x, but is divided by the number of all data points.",
        {"mean": lambda weights, ways: (weights * ways).mean(1)},
    ),
    "one for the whole batch": (
        "one number of boxes divides all states: each state lies in a number of its own.",
        {"mean": lambda weights, ways: (weights * ways).sum(1) / weights.sum()},
    ),
}

_RATE: Parts = {
    "not divided": (
        "this is the mean way that is left: the velocity covers it in the time that is left.",
        {"rate": lambda mean, t: mean},
    ),
    "times the time left": (
        "the time that is left multiplies where it should divide: with little time left, one has to hurry.",
        {"rate": lambda mean, t: mean * (1 - t)},
    ),
    "brackets": (
        "brackets: in Python a / 1 - t is (a / 1) - t, so that t is subtracted from the way.",
        {"rate": lambda mean, t: mean - t},
    ),
    "divided by t": ("the way is divided by t, the time that is gone: how much is left?", {"rate": lambda m, t: m / t}),
    "divided by the width": (
        "the way is divided by the width of the box: the time that is left is without pi.",
        {"rate": lambda mean, t: mean / ((1 - t) * HALF)},
    ),
    "divided twice": (
        "the way is divided by the time that is left twice.",
        {"rate": lambda mean, t: mean / (1 - t) ** 2},
    ),
}

PARTS = (_DIFFERENCES, _WRAP, _WIDTH, _WEIGHTS, _MEAN, _RATE)
"""Mistakes in the field of a data set on the torus, by the part that is wrong."""
