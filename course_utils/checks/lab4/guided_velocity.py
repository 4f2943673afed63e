"""Exercise 4.4: classifier-free guidance, where w = 1 means no guidance."""

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.inputs import affine_model, times_and_ends
from course_utils.checks.observers import Also, Returned
from course_utils.checks.sums import combination

__all__ = ["guided_velocity"]


@exercise(
    "4.4",
    "Classifier-free guidance",
    points=2,
    sees=Also(Returned(), "w=0", "w=0.5", "w=1", "t=its first"),
    single=0.0001,
)
def guided_velocity(model, x, t, y, w, null):
    times = t.expand(len(x))
    rows = [model(x[[i]], times[[i]], torch.tensor([null])) for i in range(len(x))]
    unconditional = torch.cat(rows)
    return unconditional + w * (model(x, t, y) - unconditional)


@guided_velocity.inputs
def _(normal):
    model = affine_model(normal, 4)
    y = torch.randint(0, 10, (5,), generator=torch.Generator().manual_seed(normal.seed))
    null = 11 + normal.seed % 5  # never 10, so that `null` has to be used
    return {
        "model": {**model, "labels": normal(null + 3, 1, 3, 4)},
        "x": normal(5, 1, 3, 4),
        "t": times_and_ends(normal, 5),
        "y": y,
        "w": 2.55 + 0.4 * normal(1).sigmoid().item(),
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


def _weights(weigh):
    """The two velocities with weights (unconditional, conditional) that are a function of w."""
    return lambda model, x, t, y, w, null: _weighed(model, x, t, y, null, *weigh(w))


WEIGHTS = {
    "w clamped to [0, 1]": (
        "w is clamped to numbers from 0 to 1: guidance uses larger ones.",
        lambda w: (1 - min(max(w, 0), 1), min(max(w, 0), 1)),
    ),
    "w not below 1": (
        "w is clamped from below: at w = 0 only the unconditional velocity is left.",
        lambda w: (1 - max(w, 1), max(w, 1)),
    ),
    "0 taken for no guidance": (
        "w = 0 is treated as if no guidance were asked for: it is a scale like others, at which only the unconditional "
        "velocity is left.",
        lambda w: (1 - w, w) if w else (0, 1),
    ),
    "wrong side": (
        "the difference is taken the wrong way round, or subtracted: for w > 1 the result has to lie beyond the "
        "conditional velocity.",
        lambda w: (1 + w, -w),
    ),
    "w - 1": (
        "the difference is multiplied by w - 1, and added to the unconditional velocity.",
        lambda w: (2 - w, w - 1),
    ),
    "signs of both": (
        "a sign between the two terms: the weights must sum to 1.",
        lambda w: (w - 1, w),
    ),
    "unconditional taken off": (
        "the unconditional velocity is taken off whole: the weights must sum to 1.",
        lambda w: (-1, w),
    ),
    "halved": ("the whole is halved: the weights must sum to 1.", lambda w: ((1 - w) / 2, w / 2)),
    "mean of both": ("w is not used: this is the mean of the two velocities.", lambda w: (0.5, 0.5)),
    "w squared": ("w is squared.", lambda w: (1 - w**2, w**2)),
    "root of w": ("the root of w is taken.", lambda w: (1 - w**0.5, w**0.5)),
    "w rounded": ("w is rounded: it is any number.", lambda w: (1 - round(w), round(w))),
    "w cut": ("w is cut to a whole number: it is any number.", lambda w: (1 - int(w), int(w))),
    "unconditional only": ("w is not used: this is the unconditional velocity.", lambda w: (1, 0)),
    "one or the other": (
        "one of the two velocities is picked: guidance mixes them.",
        lambda w: (0, 1) if w >= 1 else (1, 0),
    ),
    "weight of the wrong one": (
        "w multiplies the unconditional velocity, and the other one is added.",
        lambda w: (w, 1),
    ),
}
"""Wrong weights of the two velocities, by name: the sentence, and the weights as a function of w."""

guided_velocity.mistakes += [Mistake(name, _weights(weigh), message) for name, (message, weigh) in WEIGHTS.items()]


def _at(model, x, t, y, w, null, *, first=lambda t: t, second=lambda t: t, labels=lambda y: y, state=lambda x: x):
    """A right answer with times, labels and state of the two calls to be replaced; the unconditional call is first."""
    unconditional = model(state(x), first(t), torch.full_like(y, null))
    return (1 - w) * unconditional + w * model(x, second(t), labels(y))


@guided_velocity.mistake("the model is told the time 1 - t in both calls: t is the time of the state.")
def time_reversed(*arguments):
    return _at(*arguments, first=lambda t: 1 - t, second=lambda t: 1 - t)


@guided_velocity.mistake("the unconditional velocity is taken at another time, t = 0.")
def unconditional_at_0(*arguments):
    return _at(*arguments, first=torch.zeros_like)


@guided_velocity.mistake("the conditional velocity is taken at another time, t = 0.")
def conditional_at_0(*arguments):
    return _at(*arguments, second=torch.zeros_like)


@guided_velocity.mistake("all images are given the time of the first: where t has one time for each, use them all.")
def one_time_for_all(*arguments):
    return _at(*arguments, first=lambda t: t.flatten()[0], second=lambda t: t.flatten()[0])


@guided_velocity.mistake("the labels are there but in another order: label i belongs to image i.")
def labels_in_another_order(*arguments):
    return _at(*arguments, labels=lambda y: y.flip(0))


@guided_velocity.mistake("the unconditional velocity is taken with label 1, which is a digit: use the null label.")
def label_1_for_null(model, x, t, y, w, null):
    return _weighed(model, x, t, y, 1, 1 - w, w)


@guided_velocity.mistake(
    "the unconditional velocity is taken at another state, x = 0: 'no label' does not mean 'no image'."
)
def unconditional_at_the_origin(*arguments):
    return _at(*arguments, state=torch.zeros_like)


@guided_velocity.mistake("w scales the state: it weighs the two velocities.")
def state_scaled(model, x, t, y, w, null):
    return model(w * x, t, y)


@guided_velocity.mistake("this is a whole step: only the velocity is asked for; the simulator adds it to x.")
def a_step(*arguments):
    return arguments[1] + guided_velocity.oracle(*arguments)


guided_velocity.traits += combination(
    {
        "the unconditional velocity": lambda model, x, t, y, w, null: model(x, t, torch.full_like(y, null)),
        "the conditional velocity": lambda model, x, t, y, w, null: model(x, t, y),
    }
)
