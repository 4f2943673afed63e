"""A field of pairs with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "between", "pushed"]


def between(x: Tensor) -> Tensor:
    """x_i - x_j, shape (B, n, n, 3)."""
    return x[:, :, None] - x[:, None]


def _squares(d: Tensor) -> Tensor:
    return d.square().sum(3, keepdim=True)


def pushed(
    weight: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    ways: Callable[[Tensor], Tensor] = between,
    size: Callable[[Tensor, Tensor], Tensor] = lambda d, x: _squares(d),
    share: Callable[[Tensor], Tensor] = lambda weights: weights,
    carried: Callable[[Tensor, Tensor], Tensor] = lambda d, x: d,
    total: Callable[[Tensor], Tensor] = lambda pushes: pushes.mean(2),
) -> Tensor:
    """A field of pairs with parts to replace.

    Args:
        weight, x: Of the exercise.
        ways: From places to differences, shape (B, n, n, 3).
        size: From differences and places to what the weight is asked about.
        share: From weights to what multiplies.
        carried: From differences and places to what is multiplied.
        total: From the pushes of all pairs, shape (B, n, n, 3), to the field.
    """
    d = ways(x)
    return total(share(weight(size(d, x))) * carried(d, x))


def _of_pairs(which: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The weights of some pairs i, j alone."""
    return lambda weights: weights * which(torch.ones_like(weights[0, ..., 0]))[..., None]


_WAYS: Parts = {
    "pulls for pushes": (
        "the difference points from i to j: here it is x_i - x_j.",
        {"ways": lambda x: -between(x)},
    ),
    "sizes of differences": (
        "the differences have lost their signs: which way is pushed?",
        {"ways": lambda x: between(x).abs()},
    ),
    "sums for differences": (
        "places are added: shift all atoms, and the velocities change.",
        {"ways": lambda x: x[:, :, None] + x[:, None]},
    ),
    "from the middle": (
        "each atom is pushed from the middle of its cloud: all atoms j push it, each by itself.",
        {"ways": lambda x: (x - x.mean(1, keepdim=True))[:, :, None]},
    ),
    "from the atom before": (
        "each atom is pushed by the one before it alone: all atoms j push it.",
        {"ways": lambda x: (x - x.roll(1, 1))[:, :, None]},
    ),
}

_SIZE: Parts = {
    "distance for its square": (
        "the weight takes the squared distance.",
        {"size": lambda d, x: _squares(d).sqrt()},
    ),
    "square squared": (
        "the squared distance is squared once more.",
        {"size": lambda d, x: _squares(d).square()},
    ),
    "a weight per coordinate": (
        "each coordinate has a weight of its own: turned by 45 degrees, the answer is another one. A pair has one "
        "weight, made of its distance.",
        {"size": lambda d, x: d.square()},
    ),
    "mean of squares": (
        "the squares of the coordinates are averaged: a squared distance is their sum.",
        {"size": lambda d, x: _squares(d) / 3},
    ),
    "sum squared": (
        "the coordinates are added, then squared: turn the cloud, and the weights change.",
        {"size": lambda d, x: d.sum(3, keepdim=True).square()},
    ),
    "sizes of coordinates": (
        "the sizes of the coordinates are added: turn the cloud, and the weights change.",
        {"size": lambda d, x: d.abs().sum(3, keepdim=True)},
    ),
    "scalar product": (
        "the weight is asked about the products of places: shift all atoms, and the velocities change.",
        {"size": lambda d, x: (x @ x.mT)[..., None]},
    ),
    "distance from the origin": (
        "the weight is asked about the distance of atom i from the origin: shift all atoms, and the velocities change.",
        {"size": lambda d, x: x.square().sum(2)[:, :, None, None]},
    ),
    "distance of the other from the origin": (
        "the weight is asked about the distance of atom j from the origin: shift all atoms, and the velocities change.",
        {"size": lambda d, x: x.square().sum(2)[:, None, :, None]},
    ),
    "weight of the nearest": (
        "each atom has one weight for all others: a pair has its own.",
        {"size": lambda d, x: _squares(d).mean(2, keepdim=True)},
    ),
}

_SHARE: Parts = {
    "weights left out": (
        "the weights do not enter: how much a pair counts depends on its distance.",
        {"share": torch.ones_like},
    ),
    "weights that sum to 1": (
        "the weights of an atom are divided by their sum: the formula takes them as they are.",
        {"share": lambda weights: weights / weights.sum(2, keepdim=True)},
    ),
    "softmax": (
        "a softmax is taken of the weights: the formula takes them as they are.",
        {"share": lambda weights: weights.softmax(2)},
    ),
    "each pair once": (
        "each pair is counted for one of its two atoms alone: i is pushed by j, and j by i.",
        {"share": _of_pairs(torch.triu)},
    ),
    "each pair once, for the later": (
        "each pair is counted for the later of its two atoms alone: i is pushed by j, and j by i.",
        {"share": _of_pairs(torch.tril)},
    ),
    "weights squared": ("the weights are squared, or enter twice.", {"share": torch.square}),
    "divided by the weight": ("the weight divides: it should multiply.", {"share": torch.reciprocal}),
}

_CARRIED: Parts = {
    "places, not differences": (
        "the weights multiply places: shift all atoms, and the velocities change. Multiply differences.",
        {"carried": lambda d, x: x[:, None]},
    ),
    "own places": (
        "the weights multiply the place of atom i itself: shift all atoms, and the velocities change. Multiply "
        "differences.",
        {"carried": lambda d, x: x[:, :, None]},
    ),
    "distance twice": (
        "the differences were brought to length 1; the formula keeps their length.",
        {"carried": lambda d, x: d / _squares(d).sqrt().clamp(min=1e-30)},
    ),
    "squares for differences": (
        "the squares of the differences are multiplied: which way is pushed?",
        {"carried": lambda d, x: d.square()},
    ),
    "differences times distance": (
        "the differences are multiplied by their length as well: the formula takes them as they are.",
        {"carried": lambda d, x: d * _squares(d).sqrt()},
    ),
    "distances for differences": (
        "the squared distance is multiplied: a velocity has a direction.",
        {"carried": lambda d, x: _squares(d).expand(-1, -1, -1, 3)},
    ),
}

_TOTAL: Parts = {
    "sum": (
        "the sum over the atoms is not divided by their number n.",
        {"total": lambda pushes: pushes.sum(2)},
    ),
    "n - 1": (
        "the sum is divided by n - 1: the formula divides by n, with the atom itself.",
        {"total": lambda pushes: pushes.sum(2) / max(pushes.shape[2] - 1, 1)},
    ),
    "divided by n twice": ("the sum is divided by n twice.", {"total": lambda p: p.mean(2) / p.shape[2]}),
    "divided by the batch": (
        "the sum is divided by the number of clouds: n is the number of atoms in each.",
        {"total": lambda pushes: pushes.sum(2) / len(pushes)},
    ),
    "divided by 3": (
        "the sum is divided by the number of coordinates: n is the number of atoms.",
        {"total": lambda pushes: pushes.sum(2) / 3},
    ),
    "the last push alone": (
        "the last push alone is left: is there = where += should be?",
        {"total": lambda pushes: pushes[:, :, -1] / pushes.shape[2]},
    ),
    "the strongest push": (
        "the largest of the pushes is taken: they are averaged.",
        {"total": lambda pushes: pushes.amax(2)},
    ),
}

PARTS = (_WAYS, _SIZE, _SHARE, _CARRIED, _TOTAL)
"""Mistakes in a field of pairs, by the part that is wrong."""
