"""The path on the torus with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.lab11.angles import HALF, WHOLE, by_fmod, from_0, short
from course_utils.checks.parts import Parts

__all__ = ["PARTS", "wound"]

Way = tuple[Tensor, Tensor]


def wound(
    x0: Tensor,
    z: Tensor,
    t: Tensor,
    *,
    shape: Callable[[Tensor], Tensor] = lambda t: t[:, None],
    time: Callable[[Tensor], Tensor] = lambda t: t,
    difference: Callable[[Tensor, Tensor], Tensor] = lambda x0, z: z - x0,
    way: Callable[[Tensor], Tensor] = short,
    point: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda x0, z, t, way: x0 + t * way,
    end: Callable[[Tensor], Tensor] = short,
    velocity: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda way, t, x: way,
) -> Way:
    """The path on the torus with parts to replace.

    Args:
        x0, z, t: Of the exercise.
        shape: Brings t to a shape that fits the angles.
        time: From t to the time of the point.
        difference: From x0 and z to the way that is wrapped.
        way: Wraps the difference.
        point: From x0, z, t and the way to the point.
        end: Wraps the point.
        velocity: From the way, t and the point to the velocity.
    """
    at = shape(t)
    whole = way(difference(x0, z))
    x = end(point(x0, z, time(at), whole))
    return x, velocity(whole, at, x)


def _chord(x0: Tensor, z: Tensor, t: Tensor, way: Tensor) -> Tensor:
    sine, cosine = torch.lerp(x0.sin(), z.sin(), t), torch.lerp(x0.cos(), z.cos(), t)
    return torch.atan2(sine, cosine)


_TIME: Parts = {
    "times not reshaped": (
        "the times met the wrong axis: t of shape (B,) lines up with the angles of a state, not with the batch.",
        {"shape": lambda t: t},
    ),
    "time reversed": ("time runs backwards: at t = 0 the point is x0.", {"time": lambda t: 1 - t}),
    "time left out": ("this is the end of the way, z: how far has one come at time t?", {"time": torch.ones_like}),
    "time squared": ("t is squared: the speed is constant.", {"time": torch.square}),
}

_WAY: Parts = {
    "straight through": (
        "the difference is not wrapped: from 170 to -170 degrees it is 20 degrees, not 340.",
        {"way": lambda d: d},
    ),
    "from 0 to 2 pi": (
        "the difference runs from 0 to 2 pi: always forwards, also where backwards is shorter.",
        {"way": from_0},
    ),
    "fmod": (
        "differences below -pi stay what they are. fmod keeps the sign of what it divides, which the remainder of "
        "Python and torch does not; and who takes whole turns off has to add them as well.",
        {"way": by_fmod},
    ),
    "half turns taken off": (
        "half turns are taken off the difference: only whole turns change nothing.",
        {"way": lambda d: torch.remainder(d + HALF / 2, HALF) - HALF / 2},
    ),
    "half a turn not added before": (
        "the remainder is right, but the difference is off by half a turn: what is taken off after it is to be added "
        "before.",
        {"way": lambda d: torch.remainder(d, WHOLE) - HALF},
    ),
    "half a turn not taken off after": (
        "the remainder is right, but the difference is off by half a turn: what is added before it is to be taken off "
        "after.",
        {"way": lambda d: torch.remainder(d + HALF, WHOLE)},
    ),
    "difference cut off": (
        "the difference is cut off at pi: an angle beyond pi is one from the other side.",
        {"way": lambda d: d.clamp(-HALF, HALF)},
    ),
    "shortest distance": (
        "a distance has no sign: the way leads forwards or backwards.",
        {"way": lambda d: short(d).abs()},
    ),
    "arc sine of the sine": (
        "an arc sine lies between -pi/2 and pi/2: longer ways come out as others.",
        {"way": lambda d: d.sin().asin()},
    ),
    "sine of the difference": (
        "this is the sine of the difference, not the way itself.",
        {"way": torch.sin},
    ),
    "2 pi added on one side": (
        "differences above pi stay what they are: whole turns are to be added, and taken off as well.",
        {"way": lambda d: torch.where(d < -HALF, d + WHOLE, d)},
    ),
}

_DIFFERENCE: Parts = {
    "wrong way for both": (
        "the way leads from z to x0, and the point is carried along it the wrong way.",
        {"difference": lambda x0, z: x0 - z},
    ),
    "sum for difference": ("angles are added: a way is a difference.", {"difference": lambda x0, z: x0 + z}),
    "only the data": ("the way to z begins at x0, not at 0.", {"difference": lambda x0, z: z}),
}

_POINT: Parts = {
    "chord": (
        "the point moves along the chord, not along the circle: its speed is not constant.",
        {"point": _chord},
    ),
    "straight for the point": (
        "the velocity is right, but the point goes the other way round: (1 - t) x0 + t z does not know the seam.",
        {"point": lambda x0, z, t, way: (1 - t) * x0 + t * z},
    ),
    "way alone": (
        "the start x0 of the way is missing in the point.",
        {"point": lambda x0, z, t, way: t * way},
    ),
    "counted from the data": (
        "the point starts from z: at t = 0 it is x0.",
        {"point": lambda x0, z, t, way: z + t * way},
    ),
    "backwards from the start": (
        "the point moves away from z: the way leads forwards.",
        {"point": lambda x0, z, t, way: x0 - t * way},
    ),
    "both ends weighted": (
        "the start is multiplied by 1 - t as well as the way: it is the whole way that is added to x0.",
        {"point": lambda x0, z, t, way: (1 - t) * x0 + t * way},
    ),
    "start for the point": (
        "this is the start x0: how far has one come at time t?",
        {"point": lambda x0, z, t, way: 1 * x0},
    ),
}

_END: Parts = {
    "point not wrapped": ("the point leaves the interval: wrap it, too.", {"end": lambda x: x}),
    "point from 0 to 2 pi": (
        "the point lies between 0 and 2 pi: here angles run from -pi to pi.",
        {"end": from_0},
    ),
    "fmod for the point": (
        "points below -pi stay what they are: fmod keeps the sign of what it divides, the remainder of Python and "
        "torch does not; and who takes whole turns off has to add them as well.",
        {"end": by_fmod},
    ),
    "point cut off": (
        "the point stops at the seam: beyond pi it comes in again at -pi.",
        {"end": lambda x: x.clamp(-HALF, HALF)},
    ),
    "half a turn too much for the point": (
        "the point is off by half a turn: what is added before a remainder is taken off after it.",
        {"end": lambda x: torch.remainder(x + HALF, WHOLE)},
    ),
    "half a turn too little for the point": (
        "the point is off by half a turn: what is taken off after a remainder is added before it.",
        {"end": lambda x: torch.remainder(x, WHOLE) - HALF},
    ),
}

_VELOCITY: Parts = {
    "wrong way": ("the velocity points from data to noise.", {"velocity": lambda way, t, x: -way}),
    "way that is left": (
        "this is the way that is left at time t; the velocity is the whole way in a time of 1.",
        {"velocity": lambda way, t, x: (1 - t) * way},
    ),
    "way that is gone": (
        "this is the way that is gone at time t; the velocity is the whole way in a time of 1.",
        {"velocity": lambda way, t, x: t * way},
    ),
    "way divided by the time": (
        "the whole way is divided by t: it takes a time of 1.",
        {"velocity": lambda way, t, x: way / t},
    ),
    "way divided by the time left": (
        "the whole way is divided by 1 - t: it takes a time of 1.",
        {"velocity": lambda way, t, x: way / (1 - t)},
    ),
    "velocity of length 1": (
        "the velocity is brought to length 1: it leads to z in a time of 1.",
        {"velocity": lambda way, t, x: way / way.norm(dim=1, keepdim=True)},
    ),
    "velocity from 0 to 2 pi": (
        "the point is right, but the velocity is counted from 0 to 2 pi: where backwards is shorter, it is negative.",
        {"velocity": lambda way, t, x: from_0(way)},
    ),
    "speed for the velocity": (
        "the velocity has lost its sign: it leads forwards or backwards.",
        {"velocity": lambda way, t, x: way.abs()},
    ),
    "point for the velocity": ("the point is returned twice.", {"velocity": lambda way, t, x: x}),
}

PARTS = (_TIME, _WAY, _DIFFERENCE, _POINT, _END, _VELOCITY)
"""Mistakes in the path on the torus, by the part that is wrong."""
