"""What is said of an answer whose values are not even looked at: it cannot be called, it left something changed, ..."""

import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from course_utils.checks.families import kind_of

__all__ = ["NOT_DONE", "left_changed", "not_repeatable", "patience", "unfit"]

DRAWN = ("eps", "dw", "noise", "dws", "e", "u")
"""Names of arguments that a student may draw anew instead of using them; times of a batch are others."""

PATIENCE = 15.0
"""Seconds after which a check says how it can be stopped."""

NOT_DONE = "not done yet (your function reaches `raise NotImplementedError`)"

LEFT = {
    "": "changed its input {name} in place; make a new tensor.",
    "requires_grad": "switched gradients on (requires_grad) for its input {name} itself, and left them on: that tensor "
    "is the caller's. Make one of your own from it.",
    "grad": "left gradients in {name} (.grad): is backward() called in it? What it returns is enough.",
    "training": "switched {name} between training and evaluation: leave it as it was.",
    "torch.seed": "set the seed of torch's random numbers: all that is drawn later, anywhere, would be the same again.",
    "torch.dtype": "changed torch's default dtype, for everything that comes later.",
    "torch.grad": "switched gradients off, or on, for everything that comes later.",
}
"""What a call left changed, by what follows the dot in `Observation.changed`, or by the whole."""


def left_changed(what: str, case: dict) -> str:
    """What to say of an answer that left something changed.

    Args:
        what: One of `Observation.changed`.
        case: The inputs of the call.

    Raises:
        KeyError: If there is no such thing.
    """
    name, _, kind = what.partition(".")
    if name == "torch" and kind:
        return f"Your function {LEFT[what]}"
    if name not in case:
        raise KeyError(what)
    return f"Your function {LEFT[kind].format(name=name)}"


def not_repeatable(case: dict, *, whole: bool = False) -> str:
    """What to say of an answer that gives different results for the same inputs.

    Args:
        case: The inputs of the call.
        whole: Whether they are whole numbers where probabilities are asked for.
    """
    if whole:
        return (
            "Two calls with the same inputs gave different results: are letters drawn? Their law itself is asked for."
        )
    times = isinstance(case.get("t"), Tensor) and case["t"].ndim > 0
    given = " and ".join(name for name in case if name in DRAWN or (name == "t" and times))
    asked = f"Is something drawn anew that is given ({given})? Or is" if given else "Is"
    return (
        f"Two calls with the same inputs gave different results; nothing may be random here. {asked} noise drawn, or "
        "added, that is not asked for?"
    )


def unfit(fn: Any, names: list[str]) -> str | None:
    """Why something cannot be called as the exercise asks, in words; None if it can."""
    if not callable(fn):
        return f"expected your function itself, got {kind_of(fn)}. Write its name alone, without brackets after it."
    try:
        parameters = inspect.signature(fn).parameters
        inspect.signature(fn).bind(*names)
    except ValueError:  # some functions of C have no signature
        return None
    except TypeError:
        return f"your function takes ({', '.join(parameters)}), but the exercise calls it with ({', '.join(names)})."
    if list(parameters) != names and sorted(parameters) == sorted(names):
        return f"your function takes ({', '.join(parameters)}), in another order than ({', '.join(names)})."
    return None


@contextmanager
def patience(heading: str) -> Iterator[None]:
    """Say after a while how a check can be stopped."""
    text = f"{heading}: still running. Is there a loop that never ends? To stop it, press ■, or I twice."
    timer = threading.Timer(PATIENCE, print, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
