"""Exercise 4.4: classifier-free guidance, where w = 1 means no guidance."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import affine_model

__all__ = ["guided_velocity"]


@exercise("4.4", "Classifier-free guidance", points=2)
def guided_velocity(model, x, t, y, w, null):
    unconditional = torch.cat([model(x[i : i + 1], t, torch.tensor([null])) for i in range(len(x))])
    return unconditional + w * (model(x, t, y) - unconditional)


@guided_velocity.inputs
def _(normal):
    model = affine_model(normal, 2)
    y = torch.randint(0, 10, (5,), generator=torch.Generator().manual_seed(normal.seed))
    null = 11 + normal.seed % 5  # never 10, so that `null` has to be used
    return {
        "model": {**model, "labels": normal(null + 1, 2)},
        "x": normal(5, 2),
        "t": normal(1).sigmoid()[0],
        "y": y,
        "w": 1.5 + normal(1).exp().item(),
        "null": null,
    }


def _weighed(model, x, t, y, null, unconditional, conditional):
    """The two velocities, each with a weight."""
    nothing = torch.full_like(y, null)
    return unconditional * model(x, t, nothing) + conditional * model(x, t, y)


@guided_velocity.mistake("the two velocities are exchanged: w = 1 must give the conditional one.")
def exchanged(model, x, t, y, w, null):
    return _weighed(model, x, t, y, null, w, 1 - w)


@guided_velocity.mistake("this is the convention in which 0 means no guidance; here w = 1 means no guidance.")
def other_scale(model, x, t, y, w, null):
    return _weighed(model, x, t, y, null, -w, 1 + w)


@guided_velocity.mistake("the unconditional velocity is missing: the two weights must sum to 1.")
def no_unconditional_part(model, x, t, y, w, null):
    return w * model(x, t, y)


@guided_velocity.mistake("the weights do not sum to 1: where both velocities agree, guidance must change nothing.")
def weights_sum_to_w_plus_1(model, x, t, y, w, null):
    return _weighed(model, x, t, y, null, 1, w)


@guided_velocity.mistake("w is not used: this is the conditional velocity without guidance.")
def conditional_only(model, x, t, y, w, null):
    return model(x, t, y)


@guided_velocity.mistake("only the difference of the two velocities is left: it has to be added to one of them.")
def difference_only(model, x, t, y, w, null):
    return _weighed(model, x, t, y, null, -w, w)


@guided_velocity.mistake(
    "one velocity is taken without any label: 'no label' is a label, too; give it once for each image."
)
def label_left_out(model, x, t, y, w, null):
    return (1 - w) * model(x, t) + w * model(x, t, y)


@guided_velocity.mistake("the unconditional velocity is taken with label 0, which is a digit: use the null label.")
def label_0_for_null(model, x, t, y, w, null):
    return _weighed(model, x, t, y, 0, 1 - w, w)


@guided_velocity.mistake("the unconditional velocity is taken with label 10, whatever the argument null is.")
def label_10_for_null(model, x, t, y, w, null):
    return _weighed(model, x, t, y, 10, 1 - w, w)
