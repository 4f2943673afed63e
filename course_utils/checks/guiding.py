"""Guidance by a reward, through what a state is denoised to, with parts to replace, and what students put there.

By automatic differentiation; how the velocity, the push and its weight become the result is the exercise's own.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts
from course_utils.shapes import expand_time

__all__ = ["PARTS", "clean_point", "guided"]


def clean_point(x: Tensor, u: Tensor, t: Tensor) -> Tensor:
    """Where the velocity leads in the time that is left."""
    return x + (1 - t) * u


def _gradient(worth: Tensor, at: Tensor) -> Tensor:
    """0 where the value does not change with the point."""
    (gradient,) = torch.autograd.grad(worth, at, allow_unused=True)
    return torch.zeros_like(at) if gradient is None else gradient


def guided(
    field: Callable,
    reward: Callable,
    x: Tensor,
    t: Tensor,
    weight: float,
    *,
    whole: Callable[[Tensor, Tensor, float], Tensor],
    time: Callable[[Tensor], Tensor] = lambda t: t,
    clean: Callable = clean_point,
    worth: Callable = lambda rewards, weight: rewards.sum(),
    slope: Callable = lambda worth, x, point: _gradient(worth, x),
    strength: Callable[[Tensor], Tensor | float] = lambda t: (1 - t) / t,
) -> Tensor:
    """A guided velocity with parts to replace.

    Args:
        field, reward, x, t: Of the exercise.
        weight: What the reward is multiplied with, or divided by.
        whole: From u, the push without its weight, and the weight to the result.
        time: From t to the time that the field is told.
        clean: From x, u and t, in a shape that fits them, to the point whose reward is taken.
        worth: From rewards and the weight to the number that is differentiated.
        slope: From that number, x and the point to the gradient.
        strength: From t, in a shape that fits the states, to the factor in front of it.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        u = field(x, time(t))
        t = expand_time(t, x)
        point = clean(x, u, t)
        push = strength(t) * slope(worth(reward(point), weight), x, point)
    return whole(u, push, weight).detach()


_TIME: Parts = {
    "field at 1 - t": (
        "the field is told the time 1 - t: noise is at t = 0, data at t = 1.",
        {"time": lambda t: 1 - t},
    ),
    "field at 1": ("the field is told the time 1: t is the time of the state.", {"time": torch.ones_like}),
    "field at 0": ("the field is told the time 0: t is the time of the state.", {"time": torch.zeros_like}),
}

_CLEAN: Parts = {
    "reward at x": ("the reward is that of x itself: it knows clean points only.", {"clean": lambda x, u, t: x}),
    "denoised without the time left": (
        "x is denoised as if a whole unit of time were left: how much is left to travel?",
        {"clean": lambda x, u, t: x + u},
    ),
    "denoised with the time gone": (
        "x is carried on for a time t: how much time is left to travel?",
        {"clean": lambda x, u, t: x + t * u},
    ),
    "carried back": (
        "x is carried back to where it came from: data lie ahead of it, at t = 1.",
        {"clean": lambda x, u, t: x - t * u},
    ),
    "denoised backwards": (
        "the denoised point lies on the wrong side of x: data lie ahead of it, at t = 1.",
        {"clean": lambda x, u, t: x - (1 - t) * u},
    ),
    "denoised with brackets": (
        "brackets: the time that is left multiplies x as well, where it should multiply the velocity alone.",
        {"clean": lambda x, u, t: (1 - t) * (x + u)},
    ),
    "velocity for the denoised point": (
        "the reward is that of the velocity: it is a way, not a point. Where does it lead?",
        {"clean": lambda x, u, t: 1 * u},
    ),
    "way for the denoised point": (
        "the reward is that of the way that is left alone: the point that it starts from is missing.",
        {"clean": lambda x, u, t: (1 - t) * u},
    ),
    "through the velocity only": (
        "the denoised point moves with x only as far as the velocity does: x itself, a part of it, is detached.",
        {"clean": lambda x, u, t: clean_point(x.detach(), u, t)},
    ),
}

_WORTH: Parts = {
    "mean over the batch": (
        "each state is pushed by a share of what it should be: it is the mean over the batch that is differentiated. "
        "Sum before the gradient.",
        {"worth": lambda rewards, weight: rewards.mean()},
    ),
    "first state only": (
        "the first state alone is differentiated: each state has a reward of its own.",
        {"worth": lambda rewards, weight: rewards[0]},
    ),
    "rewards squared": (
        "the square of the reward is differentiated.",
        {"worth": lambda r, weight: r.square().sum() / 2},
    ),
}

_SLOPE: Parts = {
    "gradient in the denoised point": (
        "the gradient is taken in the denoised point, or the velocity in it is detached: how the denoised point moves "
        "with x is missing.",
        {"slope": lambda worth, x, point: _gradient(worth, point)},
    ),
    "one push for all": (
        "the sum of all gradients pushes each of the states: every state has its own.",
        {"slope": lambda worth, x, point: _gradient(worth, x).sum(0)},
    ),
    "reward for its gradient": (
        "the reward itself is added to the velocity: in which direction does it grow?",
        {"worth": lambda rewards, weight: rewards, "slope": lambda worth, x, point: worth[:, None]},
    ),
    "gradient of length 1": (
        "the gradients are brought to length 1: a steep reward has to push harder than a flat one.",
        {"slope": lambda worth, x, point: torch.nn.functional.normalize(_gradient(worth, x), dim=1)},
    ),
    "sign of the gradient": (
        "the sign of the gradient alone is used: a steep reward has to push harder than a flat one.",
        {"slope": lambda worth, x, point: _gradient(worth, x).sign()},
    ),
}

_STRENGTH: Parts = {
    "factor upside down": (
        "the factor of the gradient is upside down: late, little is left to push.",
        {"strength": lambda t: t / (1 - t)},
    ),
    "factor missing": (
        "the factor of the gradient is missing: early, a velocity feels the reward more, late hardly.",
        {"strength": lambda t: 1.0},
    ),
    "time left as factor": (
        "the factor of the gradient is the time that is left alone: the part of t in it is missing.",
        {"strength": lambda t: 1 - t},
    ),
    "inverse time as factor": (
        "the factor of the gradient is that of t alone: at t = 1 no push should be left.",
        {"strength": lambda t: 1 / t},
    ),
    "inverse of the time left": (
        "the factor of the gradient grows with time, as if it moved the denoised point: at t = 1 no push should be "
        "left, and early most of it.",
        {"strength": lambda t: 1 / (1 - t)},
    ),
    "factor of the score": (
        "the factor has the square of the time left in it: that moves the denoised point. A velocity feels it once.",
        {"strength": lambda t: (1 - t) ** 2 / t},
    ),
    "time squared in the factor": (
        "the factor has the square of t in it: by which power of t is divided?",
        {"strength": lambda t: (1 - t) / t**2},
    ),
    "factor squared": ("the factor is squared.", {"strength": lambda t: ((1 - t) / t) ** 2}),
    "factor of the noise": (
        "the factor is t alone: when does the reward push most, early or late?",
        {"strength": lambda t: t},
    ),
}

PARTS = (_TIME, _CLEAN, _WORTH, _SLOPE, _STRENGTH)
"""Mistakes in a guided velocity, by the part that is wrong."""
