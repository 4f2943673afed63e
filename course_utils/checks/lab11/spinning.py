"""Rodrigues' formula with parts to replace, and what students put there."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "cross_matrix", "eye", "spun"]


def cross_matrix(w: Tensor) -> Tensor:
    """The matrices of w x, shape (B, 3, 3)."""
    x, y, z = w.unbind(1)
    return _matrix([[0 * x, -z, y], [z, 0 * x, -x], [-y, x, 0 * x]])


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def eye(like: Tensor) -> Tensor:
    """The identity for each of a batch, shape (B, 3, 3)."""
    return torch.eye(3).to(like).expand(len(like), 3, 3)


def _unit(w: Tensor, angle: Tensor) -> Tensor:
    return w / angle.clamp(min=torch.finfo(w.dtype).tiny)


def spun(
    w: Tensor,
    *,
    angle: Callable[[Tensor], Tensor] = lambda w: w.norm(dim=1, keepdim=True),
    axis: Callable[[Tensor, Tensor], Tensor] = _unit,
    matrix: Callable[[Tensor], Tensor] = cross_matrix,
    first: Callable[[Tensor], Tensor] = torch.sin,
    second: Callable[[Tensor], Tensor] = lambda angle: 1 - angle.cos(),
    square: Callable[[Tensor, Tensor], Tensor] = lambda K, axis: K @ K,
    start: Callable[[Tensor, Tensor], Tensor] = lambda w, angle: eye(w),
) -> Tensor:
    """Rodrigues' formula with parts to replace.

    Args:
        w: Of the exercise.
        angle: From w to the angles, shape (B, 1).
        axis: From w and the angles to the axes, shape (B, 3).
        matrix: From the axes to the matrices K.
        first, second: From the angles to the factors of K and of its square.
        square: From K and the axes to what the second factor multiplies.
        start: From w and the angles to what both terms are added to.
    """
    turn = angle(w)
    along = axis(w, turn)
    K, turn = matrix(along), turn[..., None]
    return start(w, turn) + first(turn) * K + second(turn) * square(K, along)


def _with_signs(*signs: int) -> Callable[[Tensor], Tensor]:
    """The cross-product matrix with other signs above and below its diagonal: of z, y and x."""

    def matrix(w: Tensor) -> Tensor:
        x, y, z = w.unbind(1)
        a, b, c, d, e, f = signs
        return _matrix([[0 * x, a * z, b * y], [c * z, 0 * x, d * x], [e * y, f * x, 0 * x]])

    return matrix


_ANGLE: Parts = {
    "square of the angle": (
        "the angle is not yet a length: the squares of the coordinates are added, but the root is missing.",
        {"angle": lambda w: w.square().sum(1, keepdim=True)},
    ),
    "sizes added": (
        "the sizes of the coordinates are added: the angle is the length of the vector.",
        {"angle": lambda w: w.abs().sum(1, keepdim=True)},
    ),
    "one angle for all": (
        "one length is taken for the whole batch: each vector has its own.",
        {"angle": lambda w: w.norm().expand(len(w), 1)},
    ),
}

_AXIS: Parts = {
    "axis not of length 1": (
        "the length of w counts twice, in the matrix and in its factors: the formula wants the axis with length 1, or "
        "factors that are divided by the angle, as often as the matrix stands after them.",
        {"axis": lambda w, angle: w},
    ),
    "lengths along the batch": (
        "the lengths run along the batch: each vector has its own, over its three coordinates.",
        {"axis": lambda w, angle: w / w.norm(dim=0)},
    ),
    "axis divided by the square": (
        "the axis is divided by the square of its length: it is to have length 1.",
        {"axis": lambda w, angle: w / angle.clamp(min=1e-30).square()},
    ),
}


def _scrambled(axis: Tensor) -> Tensor:
    """The nine entries, each for the whole batch, in the order of memory."""
    return cross_matrix(axis).movedim(0, 2).reshape(-1, 3, 3)


_MATRIX: Parts = {
    "entries of several vectors": (
        "each matrix mixes entries of several vectors: nine rows of numbers were stacked along the first axis, then "
        "reshaped. Stack them along another.",
        {"matrix": _scrambled},
    ),
    "inverse": (
        "these turn the other way round (the transposes): check the signs of the cross-product matrix with "
        "e_x x e_y = e_z.",
        {"matrix": lambda axis: -cross_matrix(axis)},
    ),
    "signs all alike": (
        "the cross-product matrix has no minus here: below the diagonal the signs are the opposite of those above.",
        {"matrix": _with_signs(1, 1, 1, 1, 1, 1)},
    ),
    "sign of y": (
        "in the cross-product matrix the signs of w_2 are exchanged: check all three, e_z x e_x = e_y as well.",
        {"matrix": _with_signs(-1, -1, 1, -1, 1, 1)},
    ),
    "sign of x": (
        "in the cross-product matrix the signs of w_1 are exchanged: check all three, e_y x e_z = e_x as well.",
        {"matrix": _with_signs(-1, 1, 1, 1, -1, -1)},
    ),
    "sign of z": (
        "in the cross-product matrix the signs of w_3 are exchanged: check all three, e_x x e_y = e_z as well.",
        {"matrix": _with_signs(1, 1, -1, -1, -1, 1)},
    ),
    "symmetric": (
        "the cross-product matrix is symmetric here: below the diagonal the signs are the opposite of those above.",
        {"matrix": _with_signs(-1, 1, -1, -1, 1, -1)},
    ),
    "upper half only": (
        "below the diagonal the cross-product matrix is 0: there the same numbers stand with the opposite signs.",
        {"matrix": lambda axis: cross_matrix(axis).triu()},
    ),
    "x and z exchanged": (
        "in the cross-product matrix w_1 and w_3 have changed places: w_3 stands where e_x and e_y meet.",
        {"matrix": lambda axis: cross_matrix(axis.flip(1))},
    ),
}

_FIRST: Parts = {
    "no first term": ("the term with sin is missing.", {"first": torch.zeros_like}),
    "cosine for sine": ("the first factor is the cosine: at the angle 0 it has to be 0.", {"first": torch.cos}),
    "angle for sine": (
        "the angle stands where its sine should: that holds for small angles only.",
        {"first": lambda angle: angle},
    ),
    "sine divided by the angle": (
        "the sine is divided by the angle once too often: with an axis of length 1, K is divided by it already.",
        {"first": lambda angle: torch.sinc(angle / math.pi)},
    ),
    "sine not divided": (
        "the second factor fits the matrix, the first does not: the length of w counts twice in the term with sin.",
        {"first": lambda angle: angle.sin() * angle},
    ),
}

_SECOND: Parts = {
    "no second term": (
        "the term with 1 - cos is missing: these matrices are no rotations (is R^T R the identity?).",
        {"second": torch.zeros_like},
    ),
    "second term subtracted": (
        "the second term has the wrong sign: it is added, and the square of K is K times K, not K times its transpose.",
        {"second": lambda angle: angle.cos() - 1},
    ),
    "cosine in the second term": (
        "the second factor is the cosine itself: at the angle 0 it has to be 0.",
        {"second": torch.cos},
    ),
    "sine in the second term": ("both factors are the sine.", {"second": torch.sin}),
    "plus in the second term": (
        "the second factor is 1 plus the cosine: at the angle 0 it has to be 0.",
        {"second": lambda angle: 1 + angle.cos()},
    ),
    "half a square in the second term": (
        "half the square of the angle stands where 1 - cos should: that holds for small angles only.",
        {"second": lambda angle: angle.square() / 2},
    ),
    "second factor divided by the square": (
        "1 - cos is divided by the square of the angle once too often: with an axis of length 1, K is divided already.",
        {"second": lambda angle: torch.sinc(angle / (2 * math.pi)).square() / 2},
    ),
    "second factor divided by the angle": (
        "1 - cos is divided by the angle once too often: with an axis of length 1, K is divided already.",
        {"second": lambda angle: angle * torch.sinc(angle / (2 * math.pi)).square() / 2},
    ),
    "second factor not divided": (
        "the first factor fits the matrix, the second does not: the length of w counts too much in the term with cos.",
        {"second": lambda angle: (1 - angle.cos()) * angle.square()},
    ),
    "second factor divided once": (
        "the second factor is divided by the angle once: the matrix of w is there squared, and so is its length.",
        {"second": lambda angle: (1 - angle.cos()) * angle},
    ),
}

_SQUARE: Parts = {
    "K not squared": (
        "the second term takes the square of K, as a product of matrices.",
        {"square": lambda K, axis: K},
    ),
    "elementwise square": (
        "K ** 2 squares every entry: the product of matrices is K @ K.",
        {"square": lambda K, axis: K**2},
    ),
    "axis times axis": (
        "the products of the axis with itself belong to another form of the formula, which begins with cos times the "
        "identity.",
        {"square": lambda K, axis: axis[:, :, None] * axis[:, None]},
    ),
}

_START: Parts = {
    "no identity": ("the identity is missing: no rotation changes nothing.", {"start": lambda w, angle: 0 * eye(w)}),
    "ones for the identity": (
        "1 is added to every entry: the identity has ones on its diagonal alone.",
        {"start": lambda w, angle: torch.ones_like(eye(w))},
    ),
    "cosine times the identity": (
        "cos multiplies the identity: that belongs to another form of the formula, with products of the axis.",
        {"start": lambda w, angle: angle.cos() * eye(w)},
    ),
}

PARTS = (_ANGLE, _AXIS, _MATRIX, _FIRST, _SECOND, _SQUARE, _START)
"""Mistakes in Rodrigues' formula, by the part that is wrong."""
