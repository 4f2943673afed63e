"""The torsion angle with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.linalg import cross

from course_utils.checks.lab11.angles import HALF, from_0
from course_utils.checks.parts import Parts

__all__ = ["PARTS", "dot", "turned"]


def dot(v: Tensor, w: Tensor) -> Tensor:
    """Products of rows with rows, shape (B,)."""
    return (v * w).sum(1)


def _normals(u: Tensor, v: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """At right angles to both planes."""
    return cross(u, v), cross(v, w)


def _sine(u: Tensor, v: Tensor, w: Tensor, m: Tensor, n: Tensor) -> Tensor:
    return dot(cross(m, n), v) / v.norm(dim=1)


def _cosine(u: Tensor, v: Tensor, w: Tensor, m: Tensor, n: Tensor) -> Tensor:
    return dot(m, n)


def turned(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor,
    *,
    bonds: Callable = lambda a, b, c, d: (b - a, c - b, d - c),
    normals: Callable = _normals,
    sine: Callable = _sine,
    cosine: Callable = _cosine,
    angle: Callable = torch.atan2,
    result: Callable[[Tensor], Tensor] = lambda angle: angle,
) -> Tensor:
    """The torsion angle with parts to replace.

    Args:
        a, b, c, d: Of the exercise.
        bonds: From the atoms to three vectors u, v, w.
        normals: From these to two vectors m and n.
        sine, cosine: From u, v, w, m, n to both, up to one common factor.
        angle: From sine and cosine to the angle.
        result: From the angle to what is returned.
    """
    u, v, w = bonds(a, b, c, d)
    m, n = normals(u, v, w)
    return result(angle(sine(u, v, w, m, n), cosine(u, v, w, m, n)))


def _over_both(of: Callable) -> Callable:
    """A sine or cosine, divided by the lengths of both normals."""
    return lambda u, v, w, m, n: of(u, v, w, m, n) / (m.norm(dim=1) * n.norm(dim=1))


def _cosine_alone(inverse: Callable) -> Callable:
    """An angle of the cosine alone, where rounding may make it larger than 1."""
    return lambda sine, cosine: inverse((cosine / torch.hypot(sine, cosine)).clamp(-1, 1))


_BONDS: Parts = {
    "an outer bond reversed": (
        "off by half a turn: atoms a and d on the same side (cis) are at 0, on opposite sides (trans) at pi. Is one of "
        "the three bonds reversed?",
        {"bonds": lambda a, b, c, d: (a - b, c - b, d - c)},
    ),
    "places for bonds": (
        "the vectors are places: shift all four atoms, and your angle changes. Subtract.",
        {"bonds": lambda a, b, c, d: (a, b, c)},
    ),
    "a and b exchanged": (
        "atoms a and b have changed places.",
        {"bonds": lambda a, b, c, d: (a - b, c - a, d - c)},
    ),
    "c and d exchanged": (
        "atoms c and d have changed places.",
        {"bonds": lambda a, b, c, d: (b - a, d - b, c - d)},
    ),
    "an atom skipped": (
        "the bonds skip an atom: they lead from a to b, from b to c, from c to d.",
        {"bonds": lambda a, b, c, d: (b - a, c - a, d - b)},
    ),
    "middle bond from a": (
        "the bond in the middle starts at a: it leads from b to c.",
        {"bonds": lambda a, b, c, d: (b - a, c - a, d - c)},
    ),
}

_NORMALS: Parts = {
    "one plane twice": (
        "both normals belong to one plane: the second plane is that of b, c and d.",
        {"normals": lambda u, v, w: (cross(u, v), cross(u, w))},
    ),
    "second normal from the first bond": (
        "the outer bonds make a plane here: each plane holds the bond in the middle.",
        {"normals": lambda u, v, w: (cross(u, w), cross(v, w))},
    ),
    "products entry by entry": (
        "* multiplies entry by entry: the normal of a plane is a cross product.",
        {"normals": lambda u, v, w: (u * v, v * w)},
    ),
    "no normals": (
        "these are the bonds themselves: a torsion is the angle between planes, so take their normals.",
        {"normals": lambda u, v, w: (u, w)},
    ),
    "first plane against its normal": (
        "the first plane enters by a bond, the second by its normal: take both normals.",
        {"normals": lambda u, v, w: (u, cross(v, w))},
    ),
}

_SINE: Parts = {
    "wrong hand": (
        "the sign: seen from b to c, a turn clockwise from a to d counts as positive.",
        {"sine": lambda *vectors: -_sine(*vectors)},
    ),
    "length of the axis": (
        "sine and cosine are not on one scale: the sine still carries the length of the axis, from b to c.",
        {"sine": lambda u, v, w, m, n: dot(cross(m, n), v)},
    ),
    "length of the axis taken off twice": (
        "sine and cosine are not on one scale: the length of the axis, from b to c, is missing in the sine, or taken "
        "off twice.",
        {"sine": lambda u, v, w, m, n: dot(cross(m, n), v) / v.norm(dim=1) ** 2},
    ),
    "one length for all": (
        "one length of the axis is taken for the whole batch: each has its own.",
        {"sine": lambda u, v, w, m, n: dot(cross(m, n), v) / v.norm()},
    ),
    "sine along the first bond": (
        "the sine is measured along the first bond: the axis is the bond in the middle.",
        {"sine": lambda u, v, w, m, n: dot(cross(m, n), u) / u.norm(dim=1)},
    ),
    "sine along the last bond": (
        "the sine is measured along the last bond: the axis is the bond in the middle.",
        {"sine": lambda u, v, w, m, n: dot(cross(m, n), w) / w.norm(dim=1)},
    ),
    "the sine alone has length 1": (
        "the sine is divided by the lengths of both normals, the cosine is not: both, or neither.",
        {"sine": _over_both(_sine)},
    ),
}

_COSINE: Parts = {
    "the cosine alone has length 1": (
        "the cosine is divided by the lengths of both normals, the sine is not: both, or neither.",
        {"cosine": _over_both(_cosine)},
    ),
    "cosine with the wrong sign": (
        "the cosine has the wrong sign: where a and d are on the same side, it is positive.",
        {"cosine": lambda *vectors: -_cosine(*vectors)},
    ),
}

_ANGLE: Parts = {
    "arccos": (
        "these are angles from 0 to pi only, as of the arc cosine, or where the sine is a length: which way round is "
        "lost. atan2 of a sine and a cosine, both with their signs, keeps it.",
        {"angle": _cosine_alone(torch.acos)},
    ),
    "arccos with minus": (
        "these are angles from -pi to 0 only: which way round is lost. atan2 of sine and cosine keeps it.",
        {"angle": _cosine_alone(lambda cosine: -cosine.acos())},
    ),
    "arcsin": (
        "these are angles from -pi/2 to pi/2 only, as of the arc sine, or where the cosine is a size: cis and trans "
        "look alike. atan2 of a sine and a cosine, both with their signs, tells them apart.",
        {"angle": lambda sine, cosine: (sine / torch.hypot(sine, cosine)).asin()},
    ),
    "sign of the sine": (
        "the sign of 0 is 0: where the four atoms lie in a plane, trans comes out as cis. atan2 knows better.",
        {"angle": lambda sine, cosine: sine.sign() * _cosine_alone(torch.acos)(sine, cosine)},
    ),
    "atan of the ratio": (
        "the arc tangent of a ratio forgets the signs of both: half of the circle is missing. atan2 takes both.",
        {"angle": lambda sine, cosine: torch.atan(sine / cosine)},
    ),
    "atan2 exchanged": (
        "atan2 takes the sine first, then the cosine.",
        {"angle": lambda sine, cosine: torch.atan2(cosine, sine)},
    ),
    "cosine for the angle": (
        "this is the cosine of the angle: the angle itself is asked for.",
        {"angle": lambda sine, cosine: cosine / torch.hypot(sine, cosine)},
    ),
    "sine for the angle": (
        "this is the sine of the angle: the angle itself is asked for.",
        {"angle": lambda sine, cosine: sine / torch.hypot(sine, cosine)},
    ),
}

_RESULT: Parts = {
    "degrees": ("these are degrees: angles are in radians here.", {"result": torch.rad2deg}),
    "from 0 to 2 pi": ("these angles run from 0 to 2 pi: here they run from -pi to pi.", {"result": from_0}),
    "from 0 to pi": ("half turns are taken off: only whole turns may be.", {"result": lambda a: a.remainder(HALF)}),
    "angle taken from pi": (
        "the angle is subtracted from pi: cis is at 0, trans at pi, and the sign counts.",
        {"result": lambda angle: HALF - angle},
    ),
    "half the angle": ("half the angle: nothing divides it by 2.", {"result": lambda angle: angle / 2}),
}

PARTS = (_BONDS, _NORMALS, _SINE, _COSINE, _ANGLE, _RESULT)
"""Mistakes in the torsion angle, by the part that is wrong."""
