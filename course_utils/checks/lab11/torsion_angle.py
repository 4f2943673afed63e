"""Exercise 11.1: the angle by which four atoms in a row are turned about the bond in the middle."""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import Normal
from course_utils.checks.lab11.angles import HALF, but_for_whole_turns, short
from course_utils.checks.lab11.turning import PARTS, dot, turned
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Angles
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["torsion_angle"]


@exercise("11.1", "Torsion angle", points=2, sees=Angles(), single=1e-4)
def torsion_angle(a, b, c, d):
    # the azimuth of d about the axis, counted from a
    angles = []
    for start, near, far, end in zip(a, b, c, d, strict=True):
        axis = (far - near) / (far - near).norm()
        ahead = start - near - (start - near) @ axis * axis
        ahead = ahead / ahead.norm()
        aside = axis.roll(-1) * ahead.roll(1) - axis.roll(1) * ahead.roll(-1)
        angles.append(torch.atan2((end - far) @ aside, (end - far) @ ahead))
    return torch.stack(angles)


def _in_a_plane(normal: Normal, atoms: Tensor) -> None:
    """Put the first four atoms into one plane, exactly: trans, and in every other case cis."""
    a, b, c = (8 * atoms[:3, 0]).round() / 8
    side = 1 if normal.seed % 2 else -1
    atoms[:, 0] = torch.stack([a, b, c, c + side * (b - a) + 2 * (c - b)])


@torsion_angle.inputs
def _(normal):
    n = (1, 5, 3, 6)[normal.seed % 4]
    atoms = 2 * normal(4, n, 3)
    if n > 1:
        _in_a_plane(normal, atoms)
    return dict(zip("abcd", atoms, strict=True))


@torsion_angle.mistake("the cross product runs along the batch: without a dim it may take the first axis of length 3.")
def cross_products_along_the_batch(a, b, c, d):
    def cross(v, w):
        return torch.linalg.cross(v, w, dim=0 if len(v) == 3 else 1)

    u, v, w = b - a, c - b, d - c
    m, n = cross(u, v), cross(v, w)
    return torch.atan2(dot(cross(m, n), v) / v.norm(dim=1), dot(m, n))


@torsion_angle.mistake(
    "this is the angle between the outer bonds: a torsion is the angle between the planes a, b, c and b, c, d."
)
def angle_between_bonds(a, b, c, d):
    return F.cosine_similarity(b - a, d - c, dim=1).clamp(-1, 1).acos()


@torsion_angle.mistake("this is the bond angle at b: it takes four atoms to make a torsion.")
def bond_angle(a, b, c, d):
    return F.cosine_similarity(a - b, c - b, dim=1).acos()


@torsion_angle.mistake("this is the bond angle at c: it takes four atoms to make a torsion.")
def bond_angle_at_c(a, b, c, d):
    return F.cosine_similarity(b - c, d - c, dim=1).acos()


torsion_angle.mistakes += wrong_parts(turned, *PARTS)
torsion_angle.pairs += pairs(turned, *PARTS)


def _nearly_right(pair: Compared) -> bool:
    """Whether all are right to the digits that an arc cosine leaves."""
    return bool((short(pair.given["result"] - pair.expected["result"]).abs() < 1e-6).all())


def _off_by_half_turns(pair: Compared) -> bool:
    """Whether all are right, or off by half a turn."""
    off = short(2 * (pair.given["result"] - pair.expected["result"]))
    return bool((off.abs() < 1e-7).all())


def _sine_right(pair: Compared) -> bool:
    return close(pair.given["result"].sin(), pair.expected["result"].sin())


def _cosine_right(pair: Compared) -> bool:
    return close(pair.given["result"].cos(), pair.expected["result"].cos())


def _out_of_range(pair: Compared) -> bool:
    return bool((pair.given["result"].abs() > HALF + 1e-6).any())


torsion_angle.traits += [
    Trait(
        "but for whole turns",
        lambda pair: but_for_whole_turns("result", pair),
        "all angles are right but for whole turns: here they run from -pi to pi.",
    ),
    Trait(
        "half of the digits",
        _nearly_right,
        "all angles are right to some digits only: near 0 and pi an arc cosine loses half of them (and is nan where "
        "rounding makes a cosine larger than 1). atan2 of sine and cosine keeps them.",
    ),
    Trait("half turns", _off_by_half_turns, "all angles are right but for half turns: a sign of both sine and cosine."),
    Trait("cosine right", _cosine_right, "all cosines are right, but not all signs: look at the sine."),
    Trait("sine right", _sine_right, "all sines are right, but not all cosines."),
    Trait("out of range", _out_of_range, "some angles lie outside of -pi to pi.", vague=True),
]
