"""What the exercises on losses, 3.2 and 3.3, share: their inputs, and the mistakes that both invite."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.checks.inputs import Normal, affine_model
from course_utils.checks.mistakes import OnPath, axis_mistakes, given, loss_mistakes, norm_squared, path_loss
from course_utils.checks.mixups import MIXUPS, Mixed, Mixup
from course_utils.shapes import expand_time

__all__ = [
    "WRONG_AXIS",
    "both_losses_mistakes",
    "loss_inputs",
    "not_reshaped",
    "predictions",
    "seen_mixed_up",
    "weighted",
]

ON_THE_PATH = "the model is evaluated at the {}: it has to learn at x, on the path."
WRONG_AXIS = (
    "in the state, {} met the wrong axis: t of shape (B,) lines up with the last axis of x, not with the batch."
)
MISSING = "the state that the model sees is not on the path: {} is missing."


def loss_inputs(normal: Normal, schedule: dict, t: Tensor) -> dict:
    """A model with parameters, and images with their times and noise, on a schedule."""
    model, z, noise = affine_model(normal, 4), normal(4, 1, 4, 4), normal(4, 1, 4, 4)
    return {"model": model, "schedule": schedule, "z": z, "t": t, "noise": noise}


def predictions(model, schedule, z: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    """What the model says of each state of the path, one state after another."""
    rows = []
    for i in range(len(z)):
        x = schedule.alpha(t[i]) * z[i] + schedule.beta(t[i]) * noise[i]
        rows.append(x @ model.matrix.T + model.offset + t[i] * model.rate)
    return torch.stack(rows)


def weighted(target: Callable[[OnPath], Tensor], power: int) -> Callable:
    """A loss (model, schedule, z, t, noise) whose difference is multiplied by a power of beta."""

    def loss(model, schedule, z, t, noise):
        path = OnPath.at(schedule, expand_time(t, z), z, noise)
        difference = path.beta**power * (model(path.x, t) - target(path))
        return norm_squared(difference**2)

    return loss


def both_losses_mistakes(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    """Mistakes in the norm, in what the model sees and in the target, of a loss with this target."""
    at_given_times = path_loss(target, shape=lambda t, z: t, time=torch.flatten)
    return [
        *_targets(),
        *_norms(target),
        *_added_before_squared(target),
        *_states(target),
        *_times(target),
        *axis_mistakes(at_given_times, states="x"),
        *_times_in_the_state(target),
        *loss_mistakes(target),
    ]


def not_reshaped(target: Callable[[OnPath], Tensor], *which: str) -> Callable:
    """A loss in whose state alpha, beta or both are taken at times that are not reshaped; its target is right."""

    def loss(model, schedule, z, t, noise):
        at = expand_time(t, z)
        alpha, beta = (getattr(schedule, name)(t if name in which else at) for name in ("alpha", "beta"))
        x = alpha * z + beta * noise
        return norm_squared((model(x, t) - target(OnPath.at(schedule, at, z, noise))) ** 2)

    return loss


def _times_in_the_state(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    """Times that are reshaped, but not everywhere."""
    return [
        Mistake(
            "t not reshaped for images",
            path_loss(target, shape=lambda t, z: t[:, None] if z.ndim == 2 else t),
            "for images, the times met the wrong axis: t of shape (B,) lines up with the pixels of a row.",
        ),
        *(
            Mistake(f"t not reshaped in {name}", not_reshaped(target, name), WRONG_AXIS.format(f"the time of {name}"))
            for name in ("alpha", "beta")
        ),
    ]


def _targets() -> list[Mistake]:
    return [
        Mistake(
            "data as target",
            path_loss(lambda path: path.z),
            "the target is the data point: that trains a model that predicts z.",
        ),
        Mistake(
            "minus velocity as target",
            path_loss(lambda path: path.noise - path.z),
            "this target is minus the velocity of the linear path.",
        ),
        Mistake(
            "state as target",
            path_loss(lambda path: path.x),
            "the target is the state that the model sees: it would learn to give back its input.",
        ),
    ]


NORMS: list[tuple[str, Callable[[Tensor], Tensor], str]] = [
    (
        "mean over all",
        torch.mean,
        "the mean runs over coordinates, too: a squared norm sums over all of them, of an image over all pixels; only "
        "the batch is averaged.",
    ),
    (
        "norm not squared",
        lambda squares: squares.flatten(1).sum(1).sqrt().mean(),
        "the norm is not squared.",
    ),
    (
        "last axis only",
        lambda squares: squares.sum(-1).mean(),
        "the squares are added over the last axis only: of a point these are all its coordinates, of an image one row "
        "of pixels.",
    ),
    (
        "divided by the last size",
        lambda squares: squares.sum() / squares.shape[-1],
        "the sum of all squares is divided by the length of the last axis: an average over the batch is asked for.",
    ),
    (
        "absolute differences",
        lambda squares: norm_squared(squares.sqrt()),
        "these are absolute differences: the squared norm adds their squares.",
    ),
    (
        "root of the loss",
        lambda squares: norm_squared(squares).sqrt(),
        "the root is taken of the mean of the squared norms: it is the mean itself that is asked for.",
    ),
]
"""Names of mistakes, how the squares are made one number, and what is said of it."""


def _norms(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    return [Mistake(name, path_loss(target, reduce=reduce), message) for name, reduce, message in NORMS]


def _added_before_squared(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    return [
        Mistake(
            "sum squared",
            _reduced(target, lambda differences: differences.flatten(1).sum(1).square().mean()),
            "the differences are added first and then squared: those of opposite signs cancel.",
        ),
        Mistake(
            "mean squared",
            _reduced(target, lambda differences: differences.mean().square()),
            "the mean is taken before the square: differences of opposite signs cancel.",
        ),
        Mistake(
            "half",
            path_loss(target, reduce=lambda squares: norm_squared(squares) / 2),
            "there is a factor 1/2 that does not belong here.",
        ),
    ]


def _reduced(target: Callable[[OnPath], Tensor], reduce: Callable[[Tensor], Tensor]) -> Callable:
    """A loss made from the differences themselves, not from their squares."""

    def loss(model, schedule, z, t, noise):
        path = OnPath.at(schedule, expand_time(t, z), z, noise)
        return reduce(model(path.x, t) - target(path))

    return loss


def _states(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    return [
        Mistake("model sees the noise", path_loss(target, state=lambda path: path.noise), ON_THE_PATH.format("noise")),
        Mistake(
            "model sees the data",
            path_loss(target, state=lambda path: path.z),
            ON_THE_PATH.format("clean data point"),
        ),
        Mistake(
            "data not scaled",
            path_loss(target, state=lambda path: path.z + path.beta * path.noise),
            MISSING.format("alpha"),
        ),
        Mistake(
            "noise not scaled",
            path_loss(target, state=lambda path: path.alpha * path.z + path.noise),
            MISSING.format("beta"),
        ),
        Mistake(
            "neither scaled",
            path_loss(target, state=lambda path: path.z + path.noise),
            "the state that the model sees is not on the path: neither data nor noise has its factor.",
        ),
        Mistake(
            "noise taken off",
            path_loss(target, state=lambda path: path.alpha * path.z - path.beta * path.noise),
            "the state that the model sees is not on the path: there the noise is added.",
        ),
    ]


def _times(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    message = "the model is told {}: it has to know the time of each state."
    told: dict[str, Callable[[Tensor], Tensor]] = {
        "the time of the first state, for all": lambda t: t[:1].expand_as(t),
        "the mean of all times": lambda t: t.mean().expand_as(t),
        "the time 0": torch.zeros_like,
        "the time 1": torch.ones_like,
    }
    reversed_everywhere = Mistake(
        "all at 1 - t",
        given(path_loss(target), t=lambda t: 1 - t),
        "schedule and model are both given the time 1 - t: the times that are drawn are the times to use.",
    )
    found = [Mistake(name, path_loss(target, time=time), message.format(name)) for name, time in told.items()]
    return [*found, reversed_everywhere]


def seen_mixed_up(target: Callable[[OnPath], Tensor], without: tuple[str, ...] = ()) -> list[Mistake]:
    """Mixups of the schedule in the state that the model sees, where the target is right."""
    return [
        Mistake(f"state: {name}", _seen(target, mixup), f"in the state that the model sees, {mixup.message}")
        for name, mixup in MIXUPS.items()
        if name not in without
    ]


def _seen(target: Callable[[OnPath], Tensor], mixup: Mixup) -> Callable:
    """The loss of a model that sees states of another schedule."""

    def loss(model, schedule, z, t, noise):
        at = expand_time(t, z)
        seen = OnPath.at(Mixed(schedule, **mixup.replaced), at, z, noise).x
        return norm_squared((model(seen, t) - target(OnPath.at(schedule, at, z, noise))) ** 2)

    return loss
