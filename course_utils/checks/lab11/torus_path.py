"""Exercise 11.2: the shortest way on a torus, and its velocity."""

import math

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import Normal, times_with_ends
from course_utils.checks.lab11.angles import BRACKETS, HALF, WHOLE, but_for_whole_turns, by_brackets, short
from course_utils.checks.lab11.winding import PARTS, wound
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Angles, Several
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait, close, wrong_only

__all__ = ["torus_path"]


@exercise("11.2", "Path on the torus", points=2, sees=Angles(Several("x", "velocity")), single=1e-5)
def torus_path(x0, z, t):
    points, velocities = [], []
    for start, data, time in zip(x0, z, t, strict=True):
        # of all ways that differ by whole turns, the shortest
        ways = torch.stack([data - start + turns * 2 * math.pi for turns in (-1, 0, 1)])
        way = ways.gather(0, ways.abs().argmin(0, keepdim=True))[0]
        there = torch.polar(torch.ones_like(way), start) * torch.polar(torch.ones_like(way), time * way)
        points.append(there.angle())
        velocities.append(way)
    return torch.stack(points), torch.stack(velocities)


def _uniform_angles(normal: Normal, *shape: int) -> Tensor:
    """Angles from -pi to pi, of which all are about as likely."""
    return WHOLE * (1.7 * normal(*shape)).sigmoid() - HALF


def _across_the_seam(normal: Normal, x0: Tensor, z: Tensor) -> None:
    """Put the first start close to the seam, and where it leads beyond it: upwards for every other angle."""
    upwards = torch.where((torch.arange(x0.shape[1]) + normal.seed) % 2 == 0, 1.0, -1.0)
    x0[0] = upwards * (HALF - 0.06 * normal(x0.shape[1]).sigmoid())
    z[0] = -upwards * (HALF - 0.8 - normal(x0.shape[1]).sigmoid())


@torus_path.inputs
def _(normal):
    batch, d = ((1, 3), (4, 4), (6, 1), (5, 2))[normal.seed % 4]
    x0, z = _uniform_angles(normal, batch, d), _uniform_angles(normal, batch, d)
    _across_the_seam(normal, x0, z)
    return {"x0": x0, "z": z, "t": times_with_ends(normal, batch)}


@torus_path.mistake("the two results are exchanged: first the point, then the velocity.")
def exchanged(x0, z, t):
    return wound(x0, z, t)[::-1]


@torus_path.mistake(
    "the point is right, but the velocity is the difference as it is: from 170 to -170 degrees it is 20 degrees."
)
def velocity_straight_through(x0, z, t):
    return wound(x0, z, t)[0], z - x0


@torus_path.mistake(
    "the difference is multiplied by t first, and wrapped then: a part of the long way is no part of the short one."
)
def wrapped_too_late(x0, z, t):
    gone = short(t[:, None] * (z - x0))
    return short(x0 + gone), gone


@torus_path.mistake(BRACKETS)
def brackets(x0, z, t):
    return wound(x0, z, t, way=by_brackets, end=by_brackets)


@torus_path.mistake("this is the velocity of a straight line from 0 to z: it starts at x0.")
def start_forgotten(x0, z, t):
    return wound(torch.zeros_like(x0), z, t)


torus_path.mistakes += wrong_parts(wound, *PARTS)
torus_path.pairs += pairs(wound, *PARTS)


def _half_turns(pair: Compared) -> bool:
    """Whether the velocities are wrong, but right up to half turns."""
    off = short(2 * (pair.given["velocity"] - pair.expected["velocity"]))
    return not pair.right("velocity") and bool((off.abs() < 1e-7).all())


def _sizes_right(pair: Compared) -> bool:
    return not pair.right("velocity") and close(pair.given["velocity"].abs(), pair.expected["velocity"].abs())


torus_path.traits += [
    Trait(
        "point but for whole turns",
        lambda pair: pair.right("velocity") and but_for_whole_turns("x", pair),
        "the velocity is right, and the point but for whole turns: here angles run from -pi to pi.",
    ),
    Trait(
        "velocity but for whole turns",
        lambda pair: pair.right("x") and but_for_whole_turns("velocity", pair),
        "the point is right, and the velocity but for whole turns: that is a way round, but not the shortest.",
    ),
    Trait(
        "not the shortest",
        lambda pair: but_for_whole_turns("velocity", pair),
        "all velocities lead from x0 to z, but some not the shortest way round: whole turns too many, or too few.",
    ),
    Trait(
        "half turns",
        _half_turns,
        "some velocities are off by half a turn: whole turns change nothing, half turns do.",
    ),
    Trait(
        "sizes right",
        _sizes_right,
        "all velocities have the right size, but some point the wrong way round.",
    ),
    wrong_only("x", message="all velocities are right, the points are not."),
    wrong_only("velocity", message="all points are right, the velocities are not."),
]
