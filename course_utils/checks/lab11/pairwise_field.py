"""Exercise 11.5: a field of pairs of atoms, which turns with its input."""

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import dyadic
from course_utils.checks.lab11.lengths import DIRECTIONS_RIGHT, directions_right
from course_utils.checks.lab11.pushing import PARTS, between, pushed
from course_utils.checks.mistakes import WHOLE_STEP, pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait

__all__ = ["pairwise_field"]


@exercise("11.5", "A field that turns with its input", points=2, single=1e-5)
def pairwise_field(weight, x):
    field = torch.zeros_like(x)
    for cloud, velocities in zip(x, field, strict=True):
        for i, place in enumerate(cloud):
            for other in cloud:
                squared = (place - other) @ (place - other)
                velocities[i] += weight(squared) * (place - other) / len(cloud)
    return field


@pairwise_field.inputs
def _(normal):
    batch, n = ((3, 4), (2, 5), (3, 3), (1, 6))[normal.seed % 4]
    weight = {"family": "bump", "height": dyadic(normal, 0.5, 2.0), "width": dyadic(normal, 1.0, 4.0)}
    return {"weight": weight, "x": normal(batch, n, 3) + normal(batch, 1, 3)}


@pairwise_field.mistake("atoms of other clouds push as well: each cloud is alone in the world.")
def across_clouds(weight, x):
    batch, n, _ = x.shape
    return pushed(weight, x.reshape(1, -1, 3)).reshape(x.shape) * batch


@pairwise_field.mistake("atoms of other clouds push as well, and n counts them all: each cloud is alone in the world.")
def mean_across_clouds(weight, x):
    return pushed(weight, x.reshape(1, -1, 3)).reshape(x.shape)


@pairwise_field.mistake("the clouds of the batch push each other, atom by atom: i and j are atoms of one cloud.")
def along_the_batch(weight, x):
    return pushed(weight, x.transpose(0, 1)).transpose(0, 1)


@pairwise_field.mistake(WHOLE_STEP.replace("the drift", "the velocity"))
def whole_step(weight, x):
    return x + pushed(weight, x)


@pairwise_field.mistake(
    "all weights of an atom multiply one and the same way, from the middle of the cloud: each pair has a product of "
    "its own."
)
def means_multiplied(weight, x):
    d = between(x)
    return weight(d.square().sum(3, keepdim=True)).mean(2) * d.mean(2)


pairwise_field.mistakes += wrong_parts(pushed, *PARTS)
pairwise_field.pairs += pairs(pushed, *PARTS)


def _total(moments: Tensor) -> bool:
    """Whether what all atoms of a cloud have sums to 0, up to rounding."""
    return bool((moments.sum(1).abs() <= 1e-7 * moments.abs().max()).all())


def _cancel(pair: Compared) -> bool:
    return _total(pair.given["result"])


def _central(pair: Compared) -> bool:
    """Whether no cloud begins to turn: each pair pushes along the line between its atoms."""
    places = pair.of(lambda weight, x: x)["result"]
    return _total(torch.linalg.cross(places, pair.given["result"]))


pairwise_field.traits += [
    Trait("directions right", directions_right, DIRECTIONS_RIGHT),
    Trait(
        "pushes do not cancel",
        lambda pair: not _cancel(pair),
        "the velocities of a cloud do not sum to 0: the push of j on i is the opposite of that of i on j.",
        vague=True,
    ),
    Trait(
        "clouds begin to turn",
        lambda pair: not _central(pair),
        "the clouds begin to turn: the push of j on i points along the line between both. Has a pair one weight?",
        vague=True,
    ),
    Trait(
        "another weight",
        lambda pair: bool(pair.given["result"].any()),
        "every pair pushes along the line between its atoms, and both alike, as it should: look at the weight, at what "
        "it is asked about, and at what it multiplies.",
        vague=True,
    ),
]
