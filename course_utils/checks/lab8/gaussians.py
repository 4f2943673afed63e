"""The flow map of a Gaussian with parts to replace, and what students put in their places."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.lab8.spans import column

__all__ = ["CENTRES", "STRETCHES", "WIDTHS", "Width", "carried", "ratio_of", "width"]

Width = Callable[[Tensor, Tensor], Tensor]
"""From a time, in a shape that fits the states, and the variance of the data to that of the states."""


def width(a: Tensor, var: Tensor) -> Tensor:
    """The variance of the states at time a."""
    return a**2 * var + (1 - a) ** 2


def ratio_of(width: Width) -> Callable:
    """By what a cloud is stretched from s to t, if these are its variances."""
    return lambda s, t, var: (width(t, var) / width(s, var)) ** 0.5


_ratio = ratio_of(width)


def carried(
    x: Tensor,
    s: Tensor,
    t: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    old: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda s, t, mean: s * mean,
    new: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda s, t, mean: t * mean,
    stretch: Callable[[Tensor, Tensor, Tensor], Tensor] = _ratio,
    shape: Callable[[Tensor, Tensor], Tensor] = column,
) -> Tensor:
    """The states at time t: new(t, mean) + stretch(s, t, var) (x - old(s, mean)).

    Args:
        x, s, t, mean, var: As of a right answer.
        old, new: Where the cloud's centre is at s, and at t.
        stretch: How much wider it is at t than at s.
        shape: Brings a time to a shape that fits the states.
    """
    s, t = shape(s, x), shape(t, x)
    return new(s, t, mean) + stretch(s, t, var) * (x - old(s, t, mean))


WIDTHS: dict[str, tuple[str, Width]] = {
    "noise forgotten": (
        "the cloud has two sources of width; at s = 0 yours has none.",
        lambda a, var: a**2 * var,
    ),
    "data's width forgotten": (
        "the cloud has two sources of width; at t = 1 yours has none: all of it is at the mean.",
        lambda a, var: (1 - a) ** 2 + 0 * var,
    ),
    "1 - t not squared": (
        "variances add, and that of the noise's part, (1 - t) times noise, is not 1 - t.",
        lambda a, var: a**2 * var + 1 - a,
    ),
    "t not squared": (
        "variances add, and that of the data's part, t times z, is not t times that of z.",
        lambda a, var: a * var + (1 - a) ** 2,
    ),
    "neither squared": (
        "variances add; but what does a factor, such as t or 1 - t, do to a variance?",
        lambda a, var: a * var + 1 - a,
    ),
    "square inside": (
        "1 - t**2 is not the square of 1 - t: on this path the squares of the two factors do not add up to 1.",
        lambda a, var: a**2 * var + 1 - a**2,
    ),
    "standard deviations added": (
        "independent widths add as squares.",
        lambda a, var: (a * var**0.5 + 1 - a) ** 2,
    ),
    "root of var": (
        "the variance's root has no place in a sum of variances.",
        lambda a, var: width(a, var**0.5),
    ),
    "var squared": (
        "the variance of the data is squared: it is a variance already.",
        lambda a, var: width(a, var**2),
    ),
    "var not used": (
        "the data's own variance is not used: wide data make a wide cloud.",
        lambda a, var: width(a, torch.ones_like(var)),
    ),
    "one variance for all": (
        "one variance stands for all coordinates: each has its own.",
        lambda a, var: width(a, var.mean(-1, keepdim=True)) + 0 * var,
    ),
}
"""Wrong variances of the states at some time, by name: the sentence, and the variance."""

STRETCHES: dict[str, tuple[str, dict]] = {
    "ratio upside down": (
        "the cloud shrinks where it should grow: which width is the new one?",
        {"stretch": lambda s, t, var: (width(s, var) / width(t, var)) ** 0.5},
    ),
    "variances, no root": (
        "a ratio of variances stretches twice as much as lengths do.",
        {"stretch": lambda s, t, var: width(t, var) / width(s, var)},
    ),
    "not divided by the old width": (
        "what is left of x without the centre has the width of the time s still: make it a standard score first.",
        {"stretch": lambda s, t, var: width(t, var) ** 0.5},
    ),
    "not multiplied by the new width": (
        "the standard score stays along the flow, but at time t it has to be given the width that the cloud has there.",
        {"stretch": lambda s, t, var: width(s, var) ** -0.5},
    ),
    "not stretched": (
        "the cloud is moved, but keeps its width.",
        {"stretch": lambda s, t, var: 1.0},
    ),
    **{name: (sentence, {"stretch": ratio_of(wide)}) for name, (sentence, wide) in WIDTHS.items()},
}
"""Wrong factors that the cloud is stretched by, by name: the sentence, and what is replaced in `carried`."""

CENTRES: dict[str, tuple[str, dict]] = {
    "mean not scaled by s": (
        "at time s the centre of the cloud is not the data's mean yet.",
        {"old": lambda s, t, mean: mean},
    ),
    "mean kept whole": (
        "at time t the centre is only part of the way to the mean.",
        {"new": lambda s, t, mean: mean},
    ),
    "mean not put back": (
        "the result is centred at 0: the cloud's centre at time t is missing.",
        {"new": lambda s, t, mean: 0 * mean},
    ),
    "mean not taken off": (
        "x is stretched whole: the centre that the cloud has at time s has to be taken off before.",
        {"old": lambda s, t, mean: 0 * mean},
    ),
    "old centre added": (
        "the cloud is put back where its centre was at time s: by t the centre has moved.",
        {"new": lambda s, t, mean: s * mean},
    ),
    "new centre taken off": (
        "the centre that is taken off is that of the time t: x is a state of the time s.",
        {"old": lambda s, t, mean: t * mean},
    ),
}
"""Wrong centres of the cloud."""
