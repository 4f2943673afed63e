"""Plug-in guidance with parts to replace, and what students put there."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from course_utils.checks import guiding
from course_utils.checks.parts import Parts

__all__ = ["PARTS", "guided"]


def guided(*arguments, whole: Callable = lambda u, push, lam: u + push / lam, **replaced: Any) -> Tensor:
    """Plug-in guidance, `guiding.guided` with the temperature lam as weight."""
    return guiding.guided(*arguments, whole=whole, **replaced)


_EXPONENTIALS: Parts = {
    "exponential of the reward": (
        "the gradient is that of exp(r/lam): the logarithm and exp cancel, r/lam itself is meant.",
        {"worth": lambda rewards, lam: lam * (rewards / lam).exp().sum()},
    ),
    "exponential with lambda twice": (
        "the gradient is that of exp(r/lam), divided by lam once more: r itself is differentiated.",
        {"worth": lambda rewards, lam: (rewards / lam).exp().sum()},
    ),
}

_WHOLE: Parts = {
    "times lambda": (
        "lam multiplies where it should divide: a large lam should change little.",
        {"whole": lambda u, push, lam: u + push * lam},
    ),
    "no lambda": ("lam is not used: a large lam should change little.", {"whole": lambda u, push, lam: u + push}),
    "lambda twice": (
        "lam divides twice: once in what is differentiated, and once after it?",
        {"whole": lambda u, push, lam: u + push / lam**2},
    ),
    "velocity divided as well": (
        "lam divides the velocity as well: that stays as it is, whatever the reward.",
        {"whole": lambda u, push, lam: (u + push) / lam},
    ),
    "minus": ("the push goes down the reward.", {"whole": lambda u, push, lam: u - push / lam}),
    "guidance alone": (
        "this is the push alone: the velocity that it is added to is missing.",
        {"whole": lambda u, push, lam: push / lam},
    ),
}

PARTS = (*guiding.PARTS, _EXPONENTIALS, _WHOLE)
"""Mistakes in plug-in guidance, by the part that is wrong."""
