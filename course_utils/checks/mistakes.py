"""Families of mistakes that several exercises invite, each written once with its sentences.

A family is a list: `sample_path.mistakes += axis_mistakes(...)`. Its formulas have the student's signature.
"""

import functools
import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.schedules import Schedule
from course_utils.shapes import expand_time

__all__ = [
    "ADDED_TO_THE_START",
    "ALWAYS_FROM_THE_START",
    "CHANGE_ONLY",
    "SCHEDULE_IGNORED",
    "STATE_FORGOTTEN",
    "WHOLE_STEP",
    "OnPath",
    "axis_mistakes",
    "euler_loop",
    "euler_pairs",
    "given",
    "loss_mistakes",
    "norm_squared",
    "overwritten",
    "pairs",
    "path_loss",
]

# Sentences for mistakes whose code is the exercise's own.
ADDED_TO_THE_START = "the change is always added to x0: each step starts from the state that the last one reached."
ALWAYS_FROM_THE_START = "the velocity is always taken at x0: each step starts from the state that the last one reached."
CHANGE_ONLY = "this is only the change: the state x that it is added to is missing."
SCHEDULE_IGNORED = "t and 1 - t are one schedule; use the one that is given."
STATE_FORGOTTEN = "each new state is the change alone: the state that it is added to is missing."
WHOLE_STEP = "this is a whole step: only the drift is asked for; the simulator adds it to x."


def given(formula: Callable, **changes: Callable) -> Callable:
    """The formula with arguments changed on their way: `given(formula, t=lambda t: 1 - t)`."""
    names = list(inspect.signature(formula).parameters)

    def wrong(*arguments):
        values = dict(zip(names, arguments, strict=True))
        return formula(**{name: changes[name](v) if name in changes else v for name, v in values.items()})

    return wrong


def pairs(formula: Callable, *parts: dict[str, tuple[str, dict]]) -> list[Mistake]:
    """Two mistakes at once, for `Exercise.pairs`: every two of which neither replaces what the other does.

    Args:
        formula: A right answer with parts to replace, as keywords.
        parts: Mistakes in one part by name: the sentence, and what is replaced.
    """
    known = {name: mistake for group in parts for name, mistake in group.items()}
    return [
        Mistake(f"{one} and {other}", functools.partial(formula, **first, **second), f"{sentence} And {also}")
        for (one, (sentence, first)), (other, (also, second)) in itertools.combinations(known.items(), 2)
        if not first.keys() & second.keys()
    ]


def axis_mistakes(formula: Callable, *, states: str, images: bool = True) -> list[Mistake]:
    """Times of shape (B,) that are brought to the wrong shape, or to none.

    Args:
        formula: The right formula but for the time, which it combines with the states as it is given. Of a loss this is
            `path_loss(target, shape=lambda t, z: t, time=torch.flatten)`.
        states: Name of the argument that the time has to fit, "x" or "z".
        images: Whether an answer can fit images only.
    """
    family = [
        Mistake(
            "t not reshaped",
            formula,
            "the times met the wrong axis: t of shape (B,) lines up with the last axis of "
            f"{states}, not with the batch.",
        ),
        Mistake(
            "t of shape (B, 1)",
            given(formula, t=lambda t: t.reshape(-1, 1)),
            "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch.",
        ),
        Mistake(
            "images only",
            given(formula, t=lambda t: t.reshape(-1, 1, 1, 1)),
            f"t of shape (B, 1, 1, 1) fits images only: the number of axes has to follow from {states}.",
        ),
    ]
    return [*(family if images else family[:2]), _on_the_second_axis(formula, states)]


def _on_the_second_axis(formula: Callable, states: str) -> Mistake:
    names = list(inspect.signature(formula).parameters)

    def wrong(*arguments):
        values = dict(zip(names, arguments, strict=True))
        ndim = values[states if states in values else "z"].ndim
        return formula(**{**values, "t": values["t"].reshape(1, -1, *[1] * (ndim - 2))})

    return Mistake(
        "t on the second axis",
        wrong,
        "the times met the wrong axis: t of shape (1, B, ...) lines up with the second axis, the batch is the first.",
    )


@dataclass(frozen=True)
class OnPath:
    """A batch on a path: the schedule's values at its times, in a shape that fits the states; data and noise."""

    alpha: Tensor
    beta: Tensor
    alpha_dot: Tensor
    beta_dot: Tensor
    z: Tensor
    noise: Tensor

    @classmethod
    def at(cls, schedule: Schedule, t: Tensor, z: Tensor, noise: Tensor) -> "OnPath":
        """At times t that fit the states already."""
        return cls(schedule.alpha(t), schedule.beta(t), schedule.alpha_dot(t), schedule.beta_dot(t), z, noise)

    @property
    def x(self) -> Tensor:
        """The states."""
        return self.alpha * self.z + self.beta * self.noise


def norm_squared(squares: Tensor) -> Tensor:
    """The batch's mean of squared norms, from squared differences."""
    return squares.flatten(1).sum(1).mean()


def path_loss(
    target: Callable[[OnPath], Tensor],
    *,
    state: Callable[[OnPath], Tensor] = lambda path: path.x,
    shape: Callable[[Tensor, Tensor], Tensor] = expand_time,
    time: Callable[[Tensor], Tensor] = lambda t: t,
    output: Callable[[Tensor], Tensor] = lambda u: u,
    reduce: Callable[[Tensor], Tensor] = norm_squared,
) -> Callable:
    """A loss (model, schedule, z, t, noise), the mean of |model(x, t) - target|^2, with parts to replace.

    Args:
        target: What the model's output is compared with.
        state: What the model sees.
        shape: Brings t to a shape that fits z, for the schedule.
        time: From t to the time that the model is told.
        output: From the model's output to what is compared with the target.
        reduce: From squared differences to the loss.
    """

    def loss(model, schedule, z, t, noise):
        path = OnPath.at(schedule, shape(t, z), z, noise)
        return reduce((output(model(state(path), time(t))) - target(path)) ** 2)

    return loss


def loss_mistakes(target: Callable[[OnPath], Tensor]) -> list[Mistake]:
    """Mistakes that every loss on a path invites, whatever its target."""
    return [
        Mistake(
            "sum over the batch",
            path_loss(target, reduce=torch.sum),
            "the terms are added over the batch: an expectation is estimated by their mean.",
        ),
        Mistake(
            "time reversed",
            path_loss(target, time=lambda t: 1 - t),
            "the model is told the time 1 - t, but the state is the one at t.",
        ),
        Mistake(
            "state reversed",
            path_loss(target, state=lambda path: path.beta * path.z + path.alpha * path.noise),
            "alpha and beta are exchanged in the state that the model sees: t = 1 has to be data.",
        ),
        Mistake(
            "detached",
            path_loss(target, output=torch.detach),
            "the loss is right, but its gradient is lost: no detach, .item() or no_grad may stand on its way, and no "
            "copy of the model.",
        ),
    ]


def euler_loop(
    field: Callable,
    x0: Tensor,
    n: int,
    *,
    steps: int | None = None,
    h: float | None = None,
    time: Callable[[int, int], float] = lambda i, n: i / n,
    kept: float = 1.0,
    stuck: bool = False,
    restart: bool = False,
) -> Tensor:
    """States of an Euler loop, shape (steps + 1, *x0.shape), with parts to replace.

    Args:
        field, x0, n: As in a right loop, of n steps from t = 0 to 1.
        steps: Number of steps, if not n.
        h: What the velocity is multiplied by, if not 1 / n.
        time: From the number of a step and n to the time that the field is given.
        kept: What the state is multiplied by before the change is added.
        stuck: Whether the velocity is always taken at x0.
        restart: Whether the change is always added to x0.
    """
    h = 1 / n if h is None else h
    xs = [x0]
    for i in range(n if steps is None else steps):
        t = torch.tensor(float(time(i, n)), dtype=x0.dtype)
        velocity = field(x0 if stuck else xs[-1], t)
        xs.append(kept * (x0 if restart else xs[-1]) + h * velocity)
    return torch.stack(xs)


def overwritten(right: Callable, what: str, *, start: str = "") -> list[Mistake]:
    """A list of one and the same tensor, which is changed in place at every step.

    Args:
        right: Gives the right list, stacked.
        what: What it lists, in the singular.
        start: What the first is called, where an answer can forget to list it.
    """
    cause = (
        "the list holds one and the same tensor, changed in place (by +=) at every step. "
        f"Make a new tensor for each {what}."
    )
    whole = f"all {what}s are the last one: {cause}"
    rest = f"all {what}s after the first are the last one: {cause}"
    family = [
        Mistake("overwritten", _then(right, _the_last_for_all), whole),
        Mistake("overwritten after the start", _then(right, _the_last_for_the_rest), rest),
    ]
    if start:
        message = f"all {what}s are the last one, and {start} is missing: {cause}"
        family.append(
            Mistake("overwritten, start missing", _then(right, lambda xs: _the_last_for_all(xs[1:])), message)
        )
    return family


def _the_last_for_all(xs: Tensor) -> Tensor:
    return xs[-1:].expand_as(xs)


def _the_last_for_the_rest(xs: Tensor) -> Tensor:
    return torch.cat([xs[:1], _the_last_for_all(xs[1:])])


def _then(right: Callable, change: Callable) -> Callable:
    """The answer with its result changed."""
    return lambda *arguments: change(right(*arguments))


EULER_PARTS: dict[str, tuple[str, dict]] = {
    "one step too few": ("one step is missing.", {"steps": lambda n: n - 1}),
    "one step too many": ("there is one step too many.", {"steps": lambda n: n + 1}),
    "whole velocity": ("each step adds the whole velocity.", {"h": lambda n: 1.0}),
    "backwards": ("the steps go against the velocity.", {"h": lambda n: -1 / n}),
    "longer steps": ("the steps have the length 1 / (n - 1).", {"h": lambda n: 1 / (n - 1)}),
    "shorter steps": ("the steps have the length 1 / (n + 1).", {"h": lambda n: 1 / (n + 1)}),
    "times ahead": ("the times are one step ahead.", {"time": lambda i, n: (i + 1) / n}),
    "times in the middle": ("the times are those in the middle of the steps.", {"time": lambda i, n: (i + 0.5) / n}),
    "no time": ("the time stands still at 0.", {"time": lambda i, n: 0}),
    "numbers as times": ("the number of the step is taken for its time.", {"time": lambda i, n: i}),
    "times too far apart": ("the times lie 1 / (n - 1) apart.", {"time": lambda i, n: i / (n - 1)}),
    "times too close": ("the times lie 1 / (n + 1) apart.", {"time": lambda i, n: i / (n + 1)}),
    "times reversed": ("the times run from 1 to 0.", {"time": lambda i, n: 1 - i / n}),
    "stuck": ("the velocity is always taken at x0.", {"stuck": True}),
    "restart": ("the change is always added to x0.", {"restart": True}),
    "state forgotten": ("the state that the change is added to is missing.", {"kept": 0.0}),
}
"""Mistakes in one part of an Euler loop, where steps and h follow from n."""


def euler_pairs(read: Callable[[Tensor], Tensor], **misread: tuple[str, Callable[[Tensor], Tensor]]) -> list[Mistake]:
    """Two mistakes at once in an Euler loop, of whose states `read` makes the answer; `misread` says how else."""

    def formula(field, x0, n, read=read, **parts):
        of_n = {name: parts.pop(name)(n) for name in ("steps", "h") if name in parts}
        return read(euler_loop(field, x0, n, **of_n, **parts))

    other = {name: (words, {"read": replaced}) for name, (words, replaced) in misread.items()}
    return pairs(formula, EULER_PARTS, other)
