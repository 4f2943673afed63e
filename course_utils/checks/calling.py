"""Calling an answer: inputs that are data become arguments, and what comes back becomes named tensors again.

This half, with `families`, knows neither oracles nor mistakes, so that it can run where the student's code runs.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from course_utils.checks.families import build, kind_of

__all__ = [
    "AnswerError",
    "Observation",
    "called",
    "observe",
    "pack_observer",
    "unfinished",
    "unpack_observer",
    "AlsoAtTheEnd",
    "DriftAndDiffusion",
    "LossAndGradient",
    "Number",
    "Observer",
    "PointsAndImages",
    "Returned",
    "Several",
    "Training",
]

HINTS = {
    r"xor": r"in Python a power is `**`",
    r"(sqrt|exp|log)\(\): argument 'input' .* must be Tensor, not (int|\S*float)": r"for a number, use math.\1",
    r"(unsupported operand|must be Tensor).*\b(function|method|builtin_function_or_method)\b":
        r"a function is used without its brackets: call it, with its arguments",
    r"ndarray|numpy\(\)": r"all values must stay torch tensors",
    r"expected a tensor as .* got a list": r"torch.stack makes one tensor of a list of tensors",
    r"expected a tensor as .* got a tuple": r"return one tensor",
}  # fmt: skip
"""What an error of Python, or a result of the wrong type, most often comes from: patterns in its text, and hints."""


class AnswerError(Exception):
    """The answer raised an exception or returned something that is no answer; the text says what."""


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


@dataclass(frozen=True)
class Observer:
    """How the result of an answer is read: `observer(fn, arguments)` calls it, and names the tensors that it gave."""

    @property
    def wanted(self) -> str:
        """What it wants to see returned, in words."""
        return "a tensor"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        """Named results of `fn`; an `AnswerError` if it returned something else than is wanted."""
        raise NotImplementedError("each kind of observer has its own")

    @property
    def parts(self) -> tuple:
        """What the observer is made of: `type(self)(*self.parts) == self`."""
        return tuple(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True)
class Returned(Observer):
    """The tensor that the answer returns."""

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        return {"result": _tensor(fn(*arguments.values()), "result")}


@dataclass(frozen=True)
class Number(Observer):
    """A number, as such or as a tensor of shape ()."""

    wanted = "a number, or a tensor of shape ()"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        value = fn(*arguments.values())
        as_such = isinstance(value, int | float) and not isinstance(value, bool)
        return {"result": torch.tensor(float(value), dtype=torch.float64) if as_such else _tensor(value, "result")}


@dataclass(frozen=True)
class LossAndGradient(Observer):
    """A loss, and its gradient in the parameters of the argument `model`."""

    wanted = "a loss of shape ()"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        loss = _tensor(fn(*arguments.values()), "loss")
        if loss.ndim:
            raise AnswerError(f"expected a loss of shape (), got shape {tuple(loss.shape)}: average over the batch")
        parameters = list(arguments["model"].parameters())
        zeros = [torch.zeros_like(p) for p in parameters]
        found = torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else zeros
        gradient = [z if g is None else g for g, z in zip(found, zeros, strict=True)]
        return {"loss": loss, "gradient": torch.cat([g.flatten() for g in gradient])}


@dataclass(frozen=True)
class DriftAndDiffusion(Observer):
    """A pair of drift and diffusion, each broadcast against the states `x`."""

    wanted = "the pair (drift, diffusion)"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        pair = fn(*arguments.values())
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise AnswerError(f"expected {self.wanted}, got {kind_of(pair)}")
        x = arguments["x"]
        return {name: _like(x, value, name) for name, value in zip(("drift", "diffusion"), pair, strict=True)}


@dataclass(frozen=True, init=False)
class Several(Observer):
    """A tuple of tensors: `Several("alpha", "beta")`."""

    names: tuple[str, ...]

    def __init__(self, *names: str):
        object.__setattr__(self, "names", names)

    @property
    def parts(self) -> tuple:
        return self.names

    @property
    def wanted(self) -> str:
        return f"the tuple ({', '.join(self.names)})"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = fn(*arguments.values())
        if not isinstance(values, tuple | list) or len(values) != len(self.names):
            got = f"{len(values)} values" if isinstance(values, tuple | list) else kind_of(values)
            raise AnswerError(f"expected {self.wanted}, got {got}")
        return {name: _tensor(value, name) for name, value in zip(self.names, values, strict=True)}


@dataclass(frozen=True)
class AlsoAtTheEnd(Observer):
    """The states that a step leads to, and those it leads to when `t_next` is 1: nan if they are not all finite."""

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        at_the_end = {**arguments, "t_next": torch.ones_like(arguments["t_next"])}
        result = _tensor(fn(*arguments.values()), "result")
        end = _tensor(fn(*at_the_end.values()), "result")
        end = end if end.isfinite().all() else torch.full_like(end, torch.nan)
        return {"result": result, "result for t_next = 1": end}


@dataclass(frozen=True)
class PointsAndImages(Observer):
    """Two calls, each read by another observer: with flat states cut from the images of the case, and with the images.

    There are as many images as pixels in a row, so that a time that is not reshaped broadcasts, but wrongly.
    """

    each: Observer = Returned()

    @property
    def wanted(self) -> str:
        return self.each.wanted

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        n = len(arguments["z"])
        flat = {k: v.flatten(1)[:, :n] if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in arguments.items()}
        return {
            f"{name} for states of shape {tuple(call['z'].shape)}": value
            for call in (flat, arguments)
            for name, value in self.each(fn, call).items()
        }


@dataclass(frozen=True)
class Training(Observer):
    """What a training loop did: steps of its optimiser, the weights after them, the losses it returned."""

    wanted = "the list of losses, as plain numbers"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        model = arguments["model"]
        optimizer = arguments["optimizer"](model.parameters())
        losses = fn(*{**arguments, "optimizer": optimizer}.values())
        if not isinstance(losses, list | tuple):
            raise AnswerError(f"expected the list of losses, got {kind_of(losses)}")
        if any(isinstance(loss, Tensor) and loss.requires_grad for loss in losses):
            raise AnswerError(
                "expected losses that are plain numbers: these tensors keep the graphs of all batches alive"
            )
        return {
            "number of steps of the given optimizer": torch.tensor(optimizer.steps),
            "vector of trained weights": torch.cat([p.flatten() for p in model.parameters()]),
            "list of losses": torch.tensor([float(loss) for loss in losses], dtype=torch.float64),
        }


OBSERVERS: dict[str, type[Observer]] = {kind.__name__: kind for kind in Observer.__subclasses__()}


def pack_observer(observer: Observer) -> dict:
    """An observer as data: the name of its class, and what it is made of."""
    parts = [pack_observer(part) if isinstance(part, Observer) else part for part in observer.parts]
    return {"observer": type(observer).__name__, "parts": parts}


def unpack_observer(data: dict) -> Observer:
    """The observer that `pack_observer` made data of."""
    parts = [unpack_observer(part) if isinstance(part, dict) else part for part in data["parts"]]
    return OBSERVERS[data["observer"]](*parts)


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


def _like(x: Tensor, value, name: str) -> Tensor:
    """A number, or a tensor that broadcasts against the states x, in their shape."""
    value = x.new_tensor(value) if isinstance(value, int | float) else _tensor(value, name)
    value = value if value.ndim else value.to(x)
    try:
        return value.broadcast_to(x.shape)
    except RuntimeError:
        wanted = f"expected a number, or a tensor that broadcasts against x of shape {tuple(x.shape)}"
        raise AnswerError(f"{wanted}, as {name}, got shape {tuple(value.shape)}") from None


def _tensor(value, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise AnswerError(f"expected a tensor as {name}, got {kind_of(value)}")
    return value
