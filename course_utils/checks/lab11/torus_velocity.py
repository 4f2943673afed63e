"""Exercise 11.3: the marginal velocity of a data set on the torus, a mean over the boxes that hold a state."""

import math

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import Normal
from course_utils.checks.lab11.angles import HALF, WHOLE, short
from course_utils.checks.lab11.lengths import DIRECTIONS_RIGHT, directions_right
from course_utils.checks.lab11.shifting import PARTS, inside, shifted, to_all
from course_utils.checks.mistakes import WHOLE_STEP, pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["torus_velocity"]


@exercise("11.3", "Exact field on the torus", points=2, single=1e-4)
def torus_velocity(x, t, data):
    rows = []
    for state in x:
        ways = []
        for point in data:
            # of all ways that differ by whole turns, the shortest
            turns = torch.round((point - state) / (2 * math.pi))
            way = point - state - turns * 2 * math.pi
            if way.abs().max() <= (1 - t) * math.pi:
                ways.append(way)
        rows.append(torch.stack(ways).mean(0) / (1 - t))
    return torch.stack(rows)


def _near_the_seam(normal: Normal, n: int, d: int) -> Tensor:
    """Angles of which half lie around the seam, on both sides of it, and the others anywhere."""
    anywhere = WHOLE * (1.7 * normal(n, d)).sigmoid() - HALF
    around = short(HALF + 0.5 * normal(n, d))
    return torch.where(torch.arange(n)[:, None] % 2 == 0, around, anywhere)


@torus_velocity.inputs
def _(normal):
    batch, n, d = ((4, 9, 2), (5, 12, 2), (6, 8, 1), (1, 10, 2))[normal.seed % 4]
    data = _near_the_seam(normal, n, d)
    last = normal(1).sigmoid()[0]
    t = (0.93 + 0.05 * last, 0.5 + 0.2 * last, 0.2 + 0.2 * last)[normal.seed % 3]
    t = 0 * t if normal.seed % 12 == 7 else t
    within = 0.95 * (2 * (1.5 * normal(batch, d)).sigmoid() - 1)
    return {"x": short(data[:batch] + within * (1 - t) * HALF), "t": t, "data": data}


def _chosen(x: Tensor, t: Tensor, data: Tensor) -> Tensor:
    """Which boxes hold which states, shape (B, n, 1)."""
    return inside(short(to_all(x, data)), (1 - t) * HALF).to(x)


@torus_velocity.mistake(
    "places are averaged first, and only the way to their mean is wrapped: the mean of 179 and -179 degrees is not 0. "
    "Wrap the way to each point."
)
def mean_of_the_points_wrapped_afterwards(x, t, data):
    weights = _chosen(x, t, data)
    return short((weights * data).sum(1) / weights.sum(1) - x) / (1 - t)


@torus_velocity.mistake(
    "places are averaged, and the way to their mean is not wrapped: the mean of 179 and -179 degrees is not 0."
)
def mean_of_the_points(x, t, data):
    weights = _chosen(x, t, data)
    return ((weights * data).sum(1) / weights.sum(1) - x) / (1 - t)


@torus_velocity.mistake("the data points themselves are averaged: a velocity is made of ways from x to them.")
def places_for_ways(x, t, data):
    weights = _chosen(x, t, data)
    return (weights * data).sum(1) / weights.sum(1) / (1 - t)


@torus_velocity.mistake(
    "sines and cosines of the data are averaged: their mean points another way than the mean of the ways from x."
)
def mean_direction(x, t, data):
    weights = _chosen(x, t, data)
    return short(torch.atan2((weights * data.sin()).sum(1), (weights * data.cos()).sum(1)) - x) / (1 - t)


@torus_velocity.mistake(
    "this is Lab 2's field, in the plane: the data shrink to t z there, and each point has a Gaussian. Here there are "
    "boxes around the data themselves."
)
def field_of_the_plane(x, t, data):
    weights = (-(x[:, None] - t * data).square().sum(2) / (2 * (1 - t) ** 2)).softmax(1)
    return (weights @ data - x) / (1 - t)


@torus_velocity.mistake(
    "the data shrink to t z, as in the plane: here the boxes stand around the data points themselves, and the ways "
    "lead there."
)
def field_of_shrunk_data(x, t, data):
    return shifted(x, t, t * data)


@torus_velocity.mistake("boxes stand around t z, as in the plane: here they stand around the data points themselves.")
def boxes_around_shrunk_data(x, t, data):
    chosen = inside(short(t * data - x[:, None]), (1 - t) * HALF)
    return shifted(x, t, data, weights=lambda ways, width: chosen)


@torus_velocity.mistake(
    "this is where x is led to, the mean of z: the velocity is the way there, in the time that is left."
)
def mean_point(x, t, data):
    return short(x + shifted(x, t, data) * (1 - t))


@torus_velocity.mistake(WHOLE_STEP.replace("the drift", "the velocity"))
def whole_step(x, t, data):
    return x + shifted(x, t, data)


torus_velocity.mistakes += wrong_parts(shifted, *PARTS)
torus_velocity.pairs += pairs(shifted, *PARTS)


def _of_one_box(pair: Compared) -> bool:
    """Whether all states that lie in one box alone are right, and there are such and others."""
    alone = pair.of(lambda x, t, data: _chosen(x, t, data).sum(1)[:, 0] == 1)["result"]
    given, expected = pair.given["result"], pair.expected["result"]
    return bool(alone.any() and (~alone).any()) and close(given[alone], expected[alone])


torus_velocity.traits += [
    Trait("directions right", directions_right, DIRECTIONS_RIGHT),
    Trait(
        "right in one box",
        _of_one_box,
        "states that lie in one box alone have the right velocity, others do not: look at the mean.",
        vague=True,
    ),
]
