"""What the exercises on losses, 3.2 and 3.3, share: their inputs, and the mistakes that both invite."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.checks.inputs import Normal, affine_model, power_schedule, times
from course_utils.checks.mistakes import OnPath, axis_mistakes, loss_mistakes, norm_squared, path_loss
from course_utils.shapes import expand_time

__all__ = ["both_losses_mistakes", "loss_inputs", "predictions", "weighted"]

ON_THE_PATH = "the model is evaluated at the {}: it has to learn at x, on the path."
MISSING = "the state that the model sees is not on the path: {} is missing."


def loss_inputs(normal: Normal) -> dict:
    """A model with parameters, and images with their times and noise."""
    model, schedule, z, noise = affine_model(normal, 4), power_schedule(normal), normal(4, 1, 4, 4), normal(4, 1, 4, 4)
    return {"model": model, "schedule": schedule, "z": z, "t": times(normal, 4), "noise": noise}


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
        *_states(target),
        *axis_mistakes(at_given_times, states="x", images=False),
        *loss_mistakes(target),
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


def _norms(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    return [
        Mistake(
            "mean over all",
            path_loss(target, reduce=torch.mean),
            "the mean runs over coordinates, too: a squared norm sums over all of them, of an image over all "
            "pixels; only the batch is averaged.",
        ),
        Mistake(
            "norm not squared",
            path_loss(target, reduce=lambda squares: squares.flatten(1).sum(1).sqrt().mean()),
            "the norm is not squared.",
        ),
        Mistake(
            "last axis only",
            path_loss(target, reduce=lambda squares: squares.sum(-1).mean()),
            "the squares are added over the last axis only: of a point these are all its coordinates, of an image "
            "one row of pixels.",
        ),
        Mistake(
            "absolute differences",
            path_loss(target, reduce=lambda squares: norm_squared(squares.sqrt())),
            "these are absolute differences: the squared norm adds their squares.",
        ),
        Mistake(
            "half",
            path_loss(target, reduce=lambda squares: norm_squared(squares) / 2),
            "there is a factor 1/2 that does not belong here.",
        ),
    ]


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
    ]
