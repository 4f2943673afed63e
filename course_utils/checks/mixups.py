"""Schedules mixed up: wrong things that students put where alpha, beta or their derivatives belong, in any formula.

`schedule_mistakes(formula)` gives the mistakes of a formula that takes a schedule, each with its sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.checks.mistakes import SCHEDULE_IGNORED, given
from course_utils.schedules import Linear, Schedule

__all__ = ["MIXUPS", "Mixed", "Mixup", "schedule_mistakes"]

Value = Callable[[Schedule, Tensor], Tensor]


class Mixed(Schedule):
    """A schedule with some of its four values replaced by functions of the right schedule and the time."""

    def __init__(self, right: Schedule, **replaced: Value):
        self.right = right
        self.replaced = replaced

    def _value(self, name: str, t: Tensor) -> Tensor:
        return self.replaced[name](self.right, t) if name in self.replaced else getattr(self.right, name)(t)

    def alpha(self, t):
        return self._value("alpha", t)

    def beta(self, t):
        return self._value("beta", t)

    def alpha_dot(self, t):
        return self._value("alpha_dot", t)

    def beta_dot(self, t):
        return self._value("beta_dot", t)


@dataclass(frozen=True)
class Mixup:
    """What a student put in the place of some of a schedule's values, and the sentence that would have helped."""

    message: str
    replaced: dict[str, Value]


def _exchanged(first: str, second: str) -> dict[str, Value]:
    return {first: lambda s, t: getattr(s, second)(t), second: lambda s, t: getattr(s, first)(t)}


def _all(of: Callable[[Schedule], Schedule], time: Callable[[Tensor], Tensor] = lambda t: t) -> dict[str, Value]:
    """All four values, of another schedule or at another time."""

    def value(name: str) -> Value:
        return lambda s, t: getattr(of(s), name)(time(t))

    return {name: value(name) for name in ("alpha", "beta", "alpha_dot", "beta_dot")}


MIXUPS = {
    "schedule ignored": Mixup(SCHEDULE_IGNORED, _all(lambda s: Linear())),
    "alpha and beta exchanged": Mixup(
        "alpha and beta are exchanged: which of the two belongs to the data, which to the noise?",
        {**_exchanged("alpha", "beta"), **_exchanged("alpha_dot", "beta_dot")},
    ),
    "schedule at 1 - t": Mixup(
        "the schedule is taken at 1 - t, as in papers that count time from the data: here t = 1 is the data.",
        _all(lambda s: s, time=lambda t: 1 - t),
    ),
    "roots as in DDPM": Mixup(
        "alpha and beta are taken under roots, as in the papers on DDPM, whose alpha (with a bar) is a square: here "
        "the schedule gives the factors of data and noise themselves.",
        {"alpha": lambda s, t: s.alpha(t).sqrt(), "beta": lambda s, t: (1 - s.alpha(t)).sqrt()},
    ),
    "root of alpha": Mixup(
        "the root of alpha is taken, as in the papers on DDPM, whose alpha (with a bar) is a square: here alpha is the "
        "factor of the data itself.",
        {"alpha": lambda s, t: s.alpha(t).sqrt()},
    ),
    "alpha squared": Mixup(
        "alpha is squared before it multiplies: what the schedule gives is the factor of the data itself.",
        {"alpha": lambda s, t: s.alpha(t) ** 2},
    ),
    "beta squared": Mixup(
        "beta is squared once too often: what the schedule gives is a standard deviation.",
        {"beta": lambda s, t: s.beta(t) ** 2},
    ),
    "root of beta": Mixup(
        "the root of beta is taken, as if it were a variance: the schedule gives a standard deviation.",
        {"beta": lambda s, t: s.beta(t).sqrt()},
    ),
    "1 - alpha for beta": Mixup(
        "1 - alpha stands where beta should: that is beta on the linear path alone. Use schedule.beta.",
        {"beta": lambda s, t: 1 - s.alpha(t)},
    ),
    "beta from the square of alpha": Mixup(
        "beta is made from the square of alpha, which holds for variance preserving schedules only. Use schedule.beta.",
        {"beta": lambda s, t: (1 - s.alpha(t) ** 2).sqrt()},
    ),
    "1 - t for beta": Mixup(
        "1 - t stands where beta should: that is beta on the linear path alone.", {"beta": lambda s, t: 1 - t}
    ),
    "t for alpha": Mixup(
        "t stands where alpha should: that is alpha on the linear path alone.", {"alpha": lambda s, t: t}
    ),
    "alpha for beta": Mixup(
        "alpha stands where beta belongs, too: the noise has a factor of its own.", {"beta": lambda s, t: s.alpha(t)}
    ),
    "beta for alpha": Mixup(
        "beta stands where alpha belongs, too: the data has a factor of its own.", {"alpha": lambda s, t: s.beta(t)}
    ),
}
"""Mixups of alpha and beta, by name."""

RATES = {
    "derivatives exchanged": Mixup(
        "the derivatives of alpha and beta are exchanged: which dot belongs to the data?",
        _exchanged("alpha_dot", "beta_dot"),
    ),
    "sign of beta dot": Mixup(
        "the sign of beta_dot: it is negative as it comes, no further minus is needed.",
        {"beta_dot": lambda s, t: -s.beta_dot(t)},
    ),
    "derivatives of the linear path": Mixup(
        "1 and -1 stand where the derivatives should: the velocity is data minus noise on the linear path only.",
        {"alpha_dot": lambda s, t: torch.ones_like(t), "beta_dot": lambda s, t: -torch.ones_like(t)},
    ),
    "beta dot for alpha dot": Mixup(
        "beta_dot stands where alpha_dot belongs, too.", {"alpha_dot": lambda s, t: s.beta_dot(t)}
    ),
    "alpha dot for beta dot": Mixup(
        "alpha_dot stands where beta_dot belongs, too.", {"beta_dot": lambda s, t: s.alpha_dot(t)}
    ),
}
"""Mixups of the derivatives, by name."""


def schedule_mistakes(formula: Callable, *, rates: bool = False, without: tuple[str, ...] = ()) -> list[Mistake]:
    """The formula with everything that it takes from its schedule mixed up.

    Args:
        formula: A right answer with an argument `schedule`.
        rates: Whether it uses the derivatives.
        without: Names of mixups that make no difference to it, or that it has sentences of its own for.
    """
    known = MIXUPS | RATES if rates else MIXUPS
    return [
        Mistake(name, given(formula, schedule=_mixed(mixup)), mixup.message)
        for name, mixup in known.items()
        if name not in without
    ]


def _mixed(mixup: Mixup) -> Callable[[Schedule], Schedule]:
    return lambda schedule: Mixed(schedule, **mixup.replaced)
