"""Calling an answer: inputs that are data become arguments, an observer reads what comes back, errors are explained.

This half, with `observers` and `families`, knows neither oracles nor mistakes: it runs where the student's code runs.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_utils.checks.families import build
from course_utils.checks.observers import AnswerError, Observer, Returned

__all__ = [
    "Observation",
    "called",
    "observe",
    "unfinished",
]

HINTS = {
    r"xor": r"in Python a power is `**`",
    r"(sqrt|exp|log)\(\): argument 'input' .* must be Tensor, not (int|\S*float)": r"for a number, use math.\1",
    r"(unsupported operand|must be Tensor).*\b(function|method|builtin_function_or_method)\b":
        r"a function is used without its brackets: call it, with its arguments",
    r"in-?place operation": r"a tensor that was given is changed; make a new one",
    r"ndarray|numpy\(\)": r"all values must stay torch tensors",
    r"expected a tensor as loss, got a float": r"a plain number has no gradient: no .item() may stand on its way",
    r"expected a tensor as .* got a list": r"torch.stack makes one tensor of a list of tensors",
    r"expected a tensor as .* got a tuple": r"return one tensor",
}  # fmt: skip
"""What an error of Python, or a result of the wrong type, most often comes from: patterns in its text, and hints."""


@dataclass
class Observation:
    """What one call showed.

    Attributes:
        values: Named results.
        changed: Names of the inputs that the call changed in place.
        repeatable: Whether a second call with the same inputs gave the same results.
    """

    values: dict[str, Tensor]
    changed: list[str] = field(default_factory=list)
    repeatable: bool = True


def observe(fn: Callable, case: dict, observer: Observer = Returned()) -> Observation:
    """Call the answer twice with freshly built inputs, and say what came back.

    Raises:
        NotImplementedError: If the answer is an unfinished stub.
        AnswerError: If it raised something else, or returned what the observer does not want.
    """
    arguments = build(case)
    values = called(fn, arguments, observer)
    changed = [k for k, v in case.items() if isinstance(v, Tensor) and not _same(v, arguments[k])]
    again = called(fn, build(case), observer)
    return Observation(values, changed, all(_same(values[k], again[k]) for k in values))


def called(fn: Callable, arguments: dict, observer: Observer) -> dict[str, Tensor]:
    """What one call gives, as named tensors; errors as for `observe`."""
    try:
        values = observer(fn, arguments)
    except AnswerError as error:
        raise AnswerError(f"{error}{_hint(error)}") from error.__cause__
    except (Exception, SystemExit) as error:
        if unfinished(error, fn):
            raise
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _file(fn)]
        where = f" in your line {own[-1].lineno}, `{own[-1].line}`" if own and own[-1].line else ""
        raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise AnswerError(f"your function raised {raised}{where}{_hint(error)}") from error
    return {name: value.detach().clone() for name, value in values.items()}


def unfinished(error: BaseException, fn: Callable) -> bool:
    """Whether an error is the bare `raise NotImplementedError` of a stub, in the answer's own notebook or file.

    The same error raised by the package, in a function that the answer calls, is an error like any other.
    """
    if not isinstance(error, NotImplementedError) or error.args:
        return False
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals.get("__name__") == getattr(fn, "__module__", None)


def _hint(error: BaseException) -> str:
    for pattern, hint in HINTS.items():
        found = re.search(pattern, str(error))
        if found:
            return f"; {found.expand(hint)}"
    return ""


def _file(fn: Callable) -> str | None:
    return getattr(getattr(fn, "__code__", None), "co_filename", None)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a.double()), torch.nan_to_num(b.double()))
