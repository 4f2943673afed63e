"""Families of mistakes that several exercises invite, each written once with its sentences.

A family is a list: `sample_path.mistakes += axis_mistakes(...)`. Its formulas have the student's signature.
"""

import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake

__all__ = ["axis_mistakes", "euler_loop", "given", "overwritten"]


def given(formula: Callable, **changes: Callable) -> Callable:
    """The formula with arguments changed on their way: `given(formula, t=lambda t: 1 - t)`."""
    names = list(inspect.signature(formula).parameters)

    def wrong(*arguments):
        values = dict(zip(names, arguments, strict=True))
        return formula(**{name: changes[name](v) if name in changes else v for name, v in values.items()})

    return wrong


def axis_mistakes(formula: Callable, *, states: str, images: bool = True) -> list[Mistake]:
    """Times of shape (B,) that are brought to the wrong shape, or to none.

    Args:
        formula: The right formula but for the time, which it combines with the states as it is given.
        states: Name of the argument that the time has to fit, "x" or "z".
        images: Whether an answer can fit images only.
    """
    times = {
        "t not reshaped": lambda t: t,
        "t of shape (B, 1)": lambda t: t.reshape(-1, 1),
        "images only": lambda t: t.reshape(-1, 1, 1, 1),
    }
    messages = (
        f"the times met the wrong axis: t of shape (B,) lines up with the last axis of {states}, not with the batch.",
        "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch.",
        f"t of shape (B, 1, 1, 1) fits images only: the number of axes has to follow from {states}.",
    )
    family = [
        Mistake(name, given(formula, t=reshape), message)
        for (name, reshape), message in zip(times.items(), messages, strict=True)
    ]
    return family if images else family[:2]


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
) -> Tensor:
    """States of an Euler loop, shape (steps + 1, *x0.shape), with parts to replace.

    Args:
        field, x0, n: As in a right loop, of n steps from t = 0 to 1.
        steps: Number of steps, if not n.
        h: What the velocity is multiplied by, if not 1 / n.
        time: From the number of a step and n to the time that the field is given.
        kept: What the state is multiplied by before the change is added.
        stuck: Whether the velocity is always taken at x0.
    """
    h = 1 / n if h is None else h
    xs = [x0]
    for i in range(n if steps is None else steps):
        t = torch.tensor(float(time(i, n)), dtype=x0.dtype)
        xs.append(kept * xs[-1] + h * field(x0 if stuck else xs[-1], t))
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

    def whole(*arguments):
        xs = right(*arguments)
        return xs[-1:].expand_as(xs)

    def without_start(*arguments):
        return whole(*arguments)[1:]

    def after_the_start(*arguments):
        xs = right(*arguments)
        return torch.cat([xs[:1], xs[-1:].expand_as(xs[1:])])

    family = [
        Mistake("overwritten", whole, f"all {what}s are the last one: {cause}"),
        Mistake(
            "overwritten after the start", after_the_start, f"all {what}s after the first are the last one: {cause}"
        ),
    ]
    if start:
        message = f"all {what}s are the last one, and {start} is missing: {cause}"
        family.append(Mistake("overwritten, start missing", without_start, message))
    return family
