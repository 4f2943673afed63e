"""A velocity guided by a reward with parts to replace, and what students put there."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from course_utils.checks import guiding
from course_utils.checks.parts import Parts

__all__ = ["PARTS", "guided"]


def guided(*arguments, whole: Callable = lambda u, push, scale: u + scale * push, **replaced: Any) -> Tensor:
    """A guided velocity, `guiding.guided` with the scale as weight."""
    return guiding.guided(*arguments, whole=whole, **replaced)


_AXES: Parts = {
    "times on the wrong axis": (
        "the times met the wrong axis: t of shape (B,) lines up with the last axis of x, not with the batch.",
        {"clean": lambda x, u, t: x + (1 - t.T) * u, "strength": lambda t: (1 - t.T) / t.T},
    ),
    "times on the wrong axis in the denoised point": (
        "in the denoised point the times met the wrong axis: t of shape (B,) lines up with the last axis of x, not "
        "with the batch.",
        {"clean": lambda x, u, t: x + (1 - t.T) * u},
    ),
    "times on the wrong axis in the factor": (
        "in the factor of the gradient the times met the wrong axis: t of shape (B,) lines up with the last axis of x, "
        "not with the batch.",
        {"strength": lambda t: (1 - t.T) / t.T},
    ),
}

_BATCH: Parts = {
    "mean time in the factor": (
        "all states are pushed by the factor of one time, the mean of them: each has a time of its own.",
        {"strength": lambda t: (1 - t.mean()) / t.mean()},
    ),
    "first time in the factor": (
        "all states are pushed by the factor of the first one's time: each has a time of its own.",
        {"strength": lambda t: (1 - t[:1]) / t[:1]},
    ),
    "rewards exponentiated": (
        "the gradient is that of exp(r): r itself is differentiated.",
        {"worth": lambda rewards, scale: rewards.exp().sum()},
    ),
    "logarithm of the rewards": (
        "the gradient is that of a logarithm: r itself is differentiated.",
        {"worth": lambda rewards, scale: rewards.abs().log().sum()},
    ),
}

_WHOLE: Parts = {
    "against the reward": (
        "the reward goes down: its gradient is added, not taken off.",
        {"whole": lambda u, push, scale: u - scale * push},
    ),
    "no scale": (
        "scale is not used: it says how strongly the reward pushes.",
        {"whole": lambda u, push, scale: u + push},
    ),
    "divided by the scale": (
        "scale divides where it should multiply: a large one should push strongly.",
        {"whole": lambda u, push, scale: u + push / scale},
    ),
    "scale squared": (
        "scale multiplies twice: once in what is differentiated, and once after it?",
        {"whole": lambda u, push, scale: u + scale**2 * push},
    ),
    "velocity scaled as well": (
        "scale multiplies the velocity as well: that stays as it is, whatever the reward.",
        {"whole": lambda u, push, scale: scale * (u + push)},
    ),
    "as in guidance by labels": (
        "velocity and push are averaged, as in guidance by labels: the velocity stays as it is, the push is added.",
        {"whole": lambda u, push, scale: (1 - scale) * u + scale * push},
    ),
    "only the reward": (
        "the field itself is missing: guidance is added to it.",
        {"whole": lambda u, push, scale: scale * push},
    ),
    "twice the velocity": (
        "the velocity is there twice: once as it is, and once in what is added to it.",
        {"whole": lambda u, push, scale: 2 * u + scale * push},
    ),
}

PARTS = (_AXES, *guiding.PARTS, _BATCH, _WHOLE)
"""Mistakes in a guided velocity, by the part that is wrong."""
