"""The log weight of a guided step with parts to replace, and what students put there."""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Normal

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "exponents", "weighed"]


def exponents(x: Tensor, mean: Tensor, var: float) -> Tensor:
    """What stands in the exponent of a step's density, shape (n,)."""
    return -(x - mean).square().sum(1) / (2 * var)


def _times(power: float, factor: float = 1.0) -> Callable:
    """Exponents, multiplied by a power of the variance and a factor."""
    return lambda x, mean, var: factor * var**power * exponents(x, mean, var)


def weighed(
    v_old: Tensor,
    v_new: Tensor,
    x_new: Tensor,
    free: Tensor,
    guided: Tensor,
    var: float,
    *,
    values: Callable[[Tensor, Tensor], Tensor] = lambda v_old, v_new: v_new - v_old,
    law: Callable[[Tensor, Tensor, float], Tensor] = exponents,
    ratio: Callable[[Tensor, Tensor], Tensor] = lambda free, guided: free - guided,
) -> Tensor:
    """The log weight with parts to replace: values(v_old, v_new) and a ratio of two laws of the step.

    Args:
        v_old, v_new, x_new, free, guided, var: Of the exercise.
        values: From both values to what they add.
        law: From x_new, a mean and the variance to the logarithm of the step's density.
        ratio: From the logarithms of the free and the guided law to what they add.
    """
    return values(v_old, v_new) + ratio(law(x_new, free, var), law(x_new, guided, var))


_VALUES: Parts = {
    "new value only": (
        "the old value is missing: what it added in the last step has to be taken back.",
        {"values": lambda v_old, v_new: v_new},
    ),
    "old value only": ("the new value is missing.", {"values": lambda v_old, v_new: -v_old}),
    "old minus new": (
        "the values are subtracted the wrong way round: a particle whose value grew has to gain weight.",
        {"values": lambda v_old, v_new: v_old - v_new},
    ),
    "values added": (
        "both values are added: what the old one added in the last step has to be taken back.",
        {"values": lambda v_old, v_new: v_old + v_new},
    ),
    "values left out": (
        "the values are missing: this is the ratio of the two laws alone.",
        {"values": lambda v_old, v_new: 0.0},
    ),
    "values divided": (
        "one value is divided by the other: they are logarithms.",
        {"values": lambda v_old, v_new: v_new / v_old},
    ),
    "values exponentiated": (
        "exponentials of the values are subtracted: they are logarithms, and so is the weight.",
        {"values": lambda v_old, v_new: v_new.exp() - v_old.exp()},
    ),
}

_RATIO: Parts = {
    "proposal not corrected": (
        "the step was pushed: the weight has to take the push back.",
        {"ratio": lambda free, guided: 0.0},
    ),
    "ratio upside down": (
        "the ratio of the two laws is upside down: where the guided step goes more often than the free one, the weight "
        "falls.",
        {"ratio": lambda free, guided: guided - free},
    ),
    "free law only": (
        "the guided law is missing: the step was drawn from it, and more often where it is large.",
        {"ratio": lambda free, guided: free},
    ),
    "guided law only": (
        "the free law is missing: the weight has to say how likely it would have made the step.",
        {"ratio": lambda free, guided: -guided},
    ),
    "laws added": (
        "the two laws are multiplied (their logarithms added): a ratio is meant.",
        {"ratio": lambda free, guided: free + guided},
    ),
    "densities subtracted": (
        "densities are subtracted: the logarithm of a ratio is a difference of logarithms.",
        {"ratio": lambda free, guided: free.exp() - guided.exp()},
    ),
    "ratio not in logarithms": (
        "the ratio of the two laws is added to logarithms: it is none yet.",
        {"ratio": lambda free, guided: (free - guided).exp()},
    ),
    "logarithms divided": (
        "the two logarithms are divided: the logarithm of a ratio is a difference.",
        {"ratio": lambda free, guided: free / guided},
    ),
    "ratio summed over the crowd": (
        "the ratios of the whole crowd are added up for each particle: each has its own.",
        {"ratio": lambda free, guided: (free - guided).sum()},
    ),
    "ratio averaged over the crowd": (
        "each particle has the mean ratio of the crowd: each has its own.",
        {"ratio": lambda free, guided: (free - guided).mean()},
    ),
}

_LAW: Parts = {
    "no half": ("the exponent of a normal density has a factor that is missing.", {"law": _times(0, 2)}),
    "half squared": ("the factor in front of the exponent is squared, or there twice.", {"law": _times(0, 0.5)}),
    "standard deviation": (
        "the squares are divided by the standard deviation: which power of it has the exponent?",
        {"law": _times(0.5)},
    ),
    "variance squared": (
        "the variance is squared: a library asks for the standard deviation, or it was squared once too often.",
        {"law": _times(-1)},
    ),
    "no variance": ("var is not used: a push counts for more where the noise is small.", {"law": _times(1)}),
    "brackets": (
        "brackets: in Python a / 2 * b is (a / 2) * b, so that var multiplies where it should divide.",
        {"law": _times(2)},
    ),
    "distances not squared": (
        "the distances are not squared.",
        {"law": lambda x, mean, var: -(x - mean).norm(dim=1) / (2 * var)},
    ),
    "sizes of coordinates": (
        "sizes of the coordinates are added where their squares belong.",
        {"law": lambda x, mean, var: -(x - mean).abs().sum(1) / (2 * var)},
    ),
    "differences not squared": (
        "differences are added as they are: the exponent has their squares.",
        {"law": lambda x, mean, var: -(x - mean).sum(1) / (2 * var)},
    ),
    "sum squared": (
        "the coordinates are added, then squared: they are squared one by one.",
        {"law": lambda x, mean, var: -(x - mean).sum(1).square() / (2 * var)},
    ),
    "mean over coordinates": (
        "the coordinates are averaged: they are independent, so that their logarithms add.",
        {"law": lambda x, mean, var: exponents(x, mean, var) / x.shape[1]},
    ),
    "first coordinate only": (
        "the first coordinate alone counts: all are independent, so that their logarithms add.",
        {"law": lambda x, mean, var: exponents(x[:, :1], mean[:, :1], var)},
    ),
    "last coordinate only": (
        "the last coordinate alone counts: all are independent, so that their logarithms add.",
        {"law": lambda x, mean, var: exponents(x[:, -1:], mean[:, -1:], var)},
    ),
    "coordinates multiplied": (
        "logarithms of the coordinates' densities are multiplied: the densities are, the logarithms add.",
        {"law": lambda x, mean, var: Normal(mean, var**0.5).log_prob(x).prod(1)},
    ),
    "state left out": (
        "x_new is not used: both laws are asked how likely they make the step that was taken.",
        {"law": lambda x, mean, var: exponents(0 * x, mean, var)},
    ),
}

PARTS = (_VALUES, _RATIO, _LAW)
"""Mistakes in the log weight, by the part that is wrong."""
