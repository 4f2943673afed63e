"""Calling an answer: inputs that are data become arguments, an observer reads what comes back, errors are explained.

This half, with `observers` and `families`, knows neither oracles nor mistakes: it runs where the student's code runs.
"""

import functools
import linecache
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.checks.families import build
from course_utils.checks.observers import Observer, Returned
from course_utils.checks.results import AnswerError

__all__ = [
    "Observation",
    "Watched",
    "called",
    "compared",
    "observe",
    "own_line",
    "unfinished",
]

HINTS = {
    r"(same dtype|scalar type).*\b([Ll]ong|[Ii]nt)\b":
        r"whole numbers meet numbers with a point: bring both to one type, as in a.to(b)",
    r"'\w*(Schedule|SDE)' object is not callable": r"call one of its methods",
    r"xor": r"in Python a power is `**`",
    r"(sqrt|exp|log|sin|cos)\(\): argument 'input' .* must be Tensor, not (int|\S*float)": r"for a number, use math.\1",
    r"(unsupported operand|must be Tensor|^expected a).*\b(function|method|builtin_function_or_method)\b":
        r"a function is used without its brackets: call it, with its arguments",
    r"same dtype|dtype .*(do not match|!=)|(Double|Float|Half) (and|but found) (Double|Float|Half)":
        r"is a tensor converted, by .float(), .double() or dtype=...? Leave tensors in the precision they have",
    r"in-?place operation": r"a tensor that was given is changed; make a new one",
    r"does not require grad and does not have a grad_fn":
        r"nothing on its way asks for gradients: is there a no_grad, a detach or an .item(), or no requires_grad?",
    r"expected a tensor as loss, got a float": r"a plain number has no gradient: no .item() may stand on its way",
    r"ndarray|numpy\(\)": r"all values must stay torch tensors",
    r"expected a tensor as \w+, got a list": r"torch.stack makes one tensor of a list of tensors",
    r"expected a tensor as (result|loss), got a tuple": r"return one tensor",
    r"Expected target size": r"a cross entropy wants the scores along the second axis, right after the batch",
    r"Expected floating point type for target": r"the target of a cross entropy is the letters, as whole numbers",
    r"stack expects each tensor to be equal size":
        r"the tensors of the list differ in shape: does one of them reach beyond the end of what it is cut from?",
    r"must have at least 2 dimensions|indexing tensors could not be broadcast together":
        r"two masks in one pair of brackets pick single entries: for a block, take rows first, then columns",
    r"Boolean value of Tensor with more than one": r"an `if` asks one question, but this tensor holds many numbers",
    r"can be converted to an index": r"is a tuple multiplied by a tensor? Take the part of it that you need",
    r"grad can be implicitly created only for scalar":
        r"one number is differentiated: what is the sum of these, if each depends on a state of its own?",
    r"appears to not have been used in the graph":
        r"what is differentiated was not made from this: is there a detach, or another copy of it, on the way?",
    r"Class values must be smaller than num_classes": r"with the mask there is one token more than letters",
    r"must match the size of tensor":
        r"shapes are lined up from their last axes: is an axis of length 1 missing, as a[:, None] makes one?",
}  # fmt: skip
"""What an error of Python, or a result of the wrong type, most often comes from: patterns in its text, and hints."""

PRECISIONS = (torch.float32, torch.float64)
"""Those that inputs are drawn in."""


@dataclass
class Observation:
    """What one call showed.

    Attributes:
        values: Named results.
        changed: What the call left changed: `x` for the values of an input, `x.requires_grad`, `x.grad` and
            `model.training` for what else an input has, `torch.seed`, `torch.dtype` and `torch.grad` for settings.
        repeatable: Whether a second call with the same inputs gave the same results.
        again: Results of the second call.
        inputs: The tensors among the inputs, as the first call left them.
        failure: Of an error that was no end of the call, see `observers.PointsAndImages`: what it was, in words.
    """

    values: dict[str, Tensor]
    changed: list[str] = field(default_factory=list)
    repeatable: bool = True
    again: dict[str, Tensor] = field(default_factory=dict)
    inputs: dict[str, Tensor] = field(default_factory=dict)
    failure: str = ""


class Watched:
    """An answer of which is known whether it is running, and what its calls have left changed.

    Attributes:
        failure: The first error of a call that may fail, if there was one.

    Args:
        fn: The answer.
        names: Names of its arguments.
        meant: Those that it is meant to change.
    """

    def __init__(self, fn: Callable, names: Iterable[str], meant: Iterable[str] = ()):
        self.fn = fn
        self.names = list(names)
        self.meant = set(meant)
        self.running = False
        self.failure: Exception | None = None
        self.changed: list[str] = []

    def __call__(self, *arguments):
        watched = {name: value for name, value in zip(self.names, arguments, strict=True) if name not in self.meant}
        before = _traits(watched)
        self.running = True
        result = self.fn(*arguments)
        self.running = False
        after = _traits(watched)
        self.changed += [what for what in before if not _same(before[what], after[what])]
        return result

    def fail(self, error: Exception) -> None:
        """Keep the first error of a call that may fail."""
        self.failure = self.failure or error
        self.running = False


def observe(fn: Callable, case: dict, observer: Observer = Returned()) -> Observation:
    """Call the answer twice with freshly built inputs, and say what came back.

    The two calls start from different states of torch's random numbers: where they end in the same, a seed was set.

    Raises:
        NotImplementedError: If the answer is an unfinished stub.
        AnswerError: If it raised something else, or returned what the observer does not want.
    """
    watched = Watched(fn, case, observer.changes)
    first, second = build(case), build(case)
    results, states = [], []
    with _settings_kept():
        for seed, arguments in enumerate((first, second)):
            torch.default_generator.manual_seed(seed)
            results.append(called(watched, arguments, observer))
            states.append(torch.get_rng_state())
    first_end, second_end = (state.numpy().tobytes() for state in states)
    if first_end == second_end:  # bytes: a patched torch.equal accuses nobody
        watched.changed.append("torch.seed")
    inputs = {name: value.detach() for name, value in first.items() if isinstance(value, Tensor)}
    values, again = results
    seen = compared(case, values, again, inputs)
    seen.changed += [what for what in dict.fromkeys(watched.changed) if what not in seen.changed]
    seen.failure = _told(watched.failure, "your function raised", fn) if watched.failure else ""
    return seen


def compared(case: dict, values: dict[str, Tensor], again: dict[str, Tensor], inputs: dict[str, Tensor]) -> Observation:
    """What two calls showed, from the bytes of tensors alone.

    Args:
        case: The inputs before.
        values: Results of the first call.
        again: Results of the second call.
        inputs: The tensors among the inputs, as the first call left them.
    """
    changed = [name for name, value in case.items() if isinstance(value, Tensor) and not _same(value, inputs[name])]
    repeatable = values.keys() == again.keys() and all(_same(values[name], again[name]) for name in values)
    return Observation(values, changed, repeatable, again, inputs)


def called(fn: Callable, arguments: dict, observer: Observer) -> dict[str, Tensor]:
    """What one call gives, as named tensors; errors as for `observe`.

    Torch's default precision is then that of the inputs, as it is in a notebook: an answer that makes tensors of its
    own, by `torch.zeros(n)` say, is judged by its formula.
    """
    watched = fn if isinstance(fn, Watched) else Watched(fn, arguments, arguments)
    try:
        with _precision_of(arguments):
            values = observer(watched, arguments)
    except (Exception, SystemExit) as error:
        if unfinished(error, watched.fn):
            raise
        what = "your function raised" if watched.running else "what your function returned cannot be used:"
        cause = error.__cause__ if isinstance(error, AnswerError) else error
        raise AnswerError(_told(error, what, watched.fn)) from cause
    return {name: value.detach().clone() for name, value in values.items()}


def _told(error: BaseException, what: str, fn: Callable) -> str:
    """An error in words: with the student's own line, and with what it most often comes from."""
    if isinstance(error, AnswerError):
        return f"{error}{_hint(error)}"
    raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{what} {raised}{own_line(error, fn)}{_hint(error)}"


@contextmanager
def _precision_of(arguments: dict) -> Iterator[None]:
    """Make the precision of the inputs torch's default."""
    before = torch.get_default_dtype()
    given = [tensor.dtype for value in arguments.values() for tensor in _tensors(value)]
    torch.set_default_dtype(next((dtype for dtype in given if dtype in PRECISIONS), before))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _tensors(value: Any) -> Iterable[Tensor]:
    """The tensors that an argument is, or holds as parameters."""
    if isinstance(value, nn.Module):
        return value.parameters()
    return [value] if isinstance(value, Tensor) else []


def unfinished(error: BaseException, fn: Callable) -> bool:
    """Whether an error is the bare `raise NotImplementedError` of a stub, in the answer's own notebook or file.

    The same error raised by the package, in a function that the answer calls, is an error like any other.
    """
    if not isinstance(error, NotImplementedError) or error.args:
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and _is_own(frames[-1], fn)


def own_line(error: BaseException, fn: Callable) -> str:
    """Where in the student's own code an error was raised, in words; empty if not there."""
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        line = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
        if line and _is_own(frame, fn):
            return f" in your line {number}, `{line}`"
    return ""


def _is_own(frame: Any, fn: Callable) -> bool:
    """Whether a frame runs code of the notebook or module in which the answer was written."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return frame.f_globals.get("__name__") == getattr(fn, "__module__", None)


def _hint(error: BaseException) -> str:
    for pattern, hint in HINTS.items():
        found = re.search(pattern, str(error))
        if found:
            return f"; {found.expand(hint)}"
    return ""


def _traits(arguments: dict) -> dict[str, Any]:
    """What a call has to leave as it was: in its arguments, and in torch's settings."""
    found: dict[str, Any] = {"torch.grad": torch.is_grad_enabled(), "torch.dtype": torch.get_default_dtype()}
    for name, value in arguments.items():
        if isinstance(value, Tensor):
            found[name] = value.detach().clone()
            found[f"{name}.requires_grad"] = value.requires_grad
            found[f"{name}.grad"] = value.is_leaf and value.grad is not None
        if isinstance(value, nn.Module):
            found[name] = [p.detach().clone() for p in value.state_dict().values()]
            found[f"{name}.grad"] = [p.grad is not None for p in value.parameters()]
            found[f"{name}.training"] = [part.training for part in value.modules()]
    return found


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Give torch's settings and random numbers back as they were."""
    dtype, state = torch.get_default_dtype(), torch.get_rng_state()
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_rng_state(state)


def _same(a: Any, b: Any) -> bool:
    """Equality, of tensors with nan equal to nan."""
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if not isinstance(a, Tensor):
        return a == b
    return a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | ((a != a) & (b != b))).all())
