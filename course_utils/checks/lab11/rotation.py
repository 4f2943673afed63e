"""Exercise 11.4: the rotation matrix of a vector, axis times angle."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.lab11.spinning import PARTS, cross_matrix, eye, spun
from course_utils.checks.mistakes import pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.sums import combination
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["rotation"]


@exercise("11.4", "Rotation from a vector", points=2, single=1e-4, why="float64; the exponential is a series")
def rotation(w):
    axes = torch.eye(3).to(w)
    # column j of the matrix of the cross product is w x e_j
    crosses = torch.stack([torch.linalg.cross(w, axis.expand_as(w)) for axis in axes], 2)
    return torch.linalg.matrix_exp(crosses)


@rotation.inputs
def _(normal):
    n = (2, 5, 3, 4)[normal.seed % 4]
    w = 1.2 * normal(n, 3)
    w[0] = 0.0
    w[-1] *= (3.4 + 2 * normal(1).sigmoid()) / w[-1].norm()  # more than half a turn
    return {"w": w}


@rotation.mistake("for the vector 0 this is 0 / 0: no rotation is the identity.")
def nan_at_no_rotation(w):
    return spun(w, axis=lambda w, angle: w / angle)


@rotation.mistake("for the vector 0 your matrix is 0 everywhere: no rotation is the identity.")
def zeros_at_no_rotation(w):
    return spun(w) * w.any(1)[:, None, None]


@rotation.mistake("this holds for small angles only: these matrices are no rotations (is R^T R the identity?).")
def small_angles(w):
    return eye(w) + cross_matrix(w)


@rotation.mistake("brackets: 1 is added to every entry, where it belongs to the factor of the last term.")
def brackets(w):
    return spun(w, second=lambda angle: -angle.cos()) + 1


@rotation.mistake("three terms of a series: that holds for small angles only.")
def three_terms_of_a_series(w):
    K = cross_matrix(w)
    return eye(w) + K + K @ K / 2


@rotation.mistake("exp acts entry by entry here: the exponential of a matrix is another thing.")
def exponential_of_entries(w):
    return cross_matrix(w).exp()


@rotation.mistake("half the angle: that belongs to quaternions.")
def half_the_angle(w):
    return spun(w / 2)


@rotation.mistake("half the angle in sine and cosine: that belongs to quaternions.")
def half_the_angle_in_the_second_term(w):
    return spun(w, second=lambda angle: 1 - (angle / 2).cos())


@rotation.mistake("half the angle in the first term: that belongs to quaternions.")
def half_the_angle_in_the_first_term(w):
    return spun(w, first=lambda angle: (angle / 2).sin())


@rotation.mistake("twice the angle: is it a quaternion, in which half of it stands?")
def twice_the_angle(w):
    return spun(2 * w)


@rotation.mistake("the length of w is the angle in radians: nothing has to be made of degrees.")
def degrees(w):
    return spun(w * math.pi / 180)


@rotation.mistake("the length of w is the angle in radians: it is not to be turned into degrees.")
def into_degrees(w):
    return spun(w * 180 / math.pi)


@rotation.mistake("the angle is always 1: it is the length of w.")
def angle_of_1(w):
    return spun(w, angle=lambda w: torch.ones_like(w[:, :1]), axis=lambda w, angle: w / w.norm(dim=1)[:, None])


def _about_the_axes(w: Tensor, order: tuple[int, ...]) -> Tensor:
    one = torch.eye(3).to(w)
    whole = eye(w)
    for i in order:
        whole = whole @ spun(w[:, i, None] * one[i])
    return whole


@rotation.mistake("these are three turns about the axes, one after the other: w is one turn about one axis.")
def three_turns(w):
    return _about_the_axes(w, (0, 1, 2))


@rotation.mistake("these are three turns about the axes, the one about z last: w is one turn about one axis.")
def three_turns_from_the_other_side(w):
    return _about_the_axes(w, (2, 1, 0))


@rotation.mistake("this is the matrix of the cross product alone: the rotation is made of it.")
def cross_product_alone(w):
    return cross_matrix(w)


rotation.mistakes += wrong_parts(spun, *PARTS)
rotation.pairs += pairs(spun, *PARTS)


def _terms(w: Tensor, first: Callable = torch.zeros_like, second: Callable = torch.zeros_like) -> Tensor:
    """The terms with K and its square alone, with other factors."""
    return spun(w, first=first, second=second, start=lambda w, angle: 0 * eye(w))


def _gram(R: Tensor) -> Tensor:
    return R.mT @ R


def _no_rotations(pair: Compared) -> bool:
    given = pair.given["result"]
    return bool(given.isfinite().all()) and not close(_gram(given), eye(given))


def _other_rotations(pair: Compared) -> bool:
    """Whether these are rotations, and other ones by more than a small number that was added somewhere."""
    return not _no_rotations(pair) and bool((pair.given["result"] - pair.expected["result"]).abs().max() > 1e-4)


def _mirrors(pair: Compared) -> bool:
    given = pair.given["result"]
    return bool(given.isfinite().all() and (torch.linalg.det(given) < 0).any())


def _angles_right(pair: Compared) -> bool:
    traces = [value["result"].diagonal(dim1=1, dim2=2).sum(1) for value in (pair.given, pair.expected)]
    return _other_rotations(pair) and close(*traces)


def _axes_right(pair: Compared) -> bool:
    w = pair.of(lambda w: w)["result"]
    turned = (pair.given["result"] @ w[..., None])[..., 0]
    return _other_rotations(pair) and close(turned, w)


rotation.traits += [
    Trait("mirrors", _mirrors, "some of these matrices are mirrors, with a determinant below 0, or no rotations."),
    Trait("angles right", _angles_right, "these are rotations by the right angles, but about other axes."),
    Trait("axes right", _axes_right, "these are rotations about the right axes, but by other angles."),
    *combination(
        {
            "the identity": eye,
            "K": lambda w: _terms(w, first=torch.ones_like),
            "its square": lambda w: _terms(w, second=torch.ones_like),
        },
        total=None,
    ),
    Trait("no rotations", _no_rotations, "these matrices are no rotations (is R^T R the identity?)."),
]
