"""Calling an answer: inputs that are data become arguments, and what comes back becomes named tensors again.

This half, with `families`, knows neither oracles nor mistakes, so that it can run where the student's code runs.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from course_utils.checks.families import build, kind_of

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


def returned(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """The tensor that the answer returns."""
    return {"result": _tensor(fn(*arguments.values()), "result")}


def number(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A number, as such or as a tensor of shape ()."""
    value = fn(*arguments.values())
    as_such = isinstance(value, int | float) and not isinstance(value, bool)
    return {"result": torch.tensor(float(value), dtype=torch.float64) if as_such else _tensor(value, "result")}


def loss_and_gradient(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A loss, and its gradient in the parameters of the argument `model`."""
    loss = _tensor(fn(*arguments.values()), "loss")
    if loss.ndim:
        raise AnswerError(f"expected a loss of shape (), got shape {tuple(loss.shape)}: average over the batch")
    parameters = list(arguments["model"].parameters())
    zeros = [torch.zeros_like(p) for p in parameters]
    found = torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else zeros
    gradient = [z if g is None else g for g, z in zip(found, zeros, strict=True)]
    return {"loss": loss, "gradient": torch.cat([g.flatten() for g in gradient])}


def drift_and_diffusion(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """A pair of drift and diffusion, each broadcast against the states `x`."""
    pair = fn(*arguments.values())
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise AnswerError(f"expected the pair (drift, diffusion), got {kind_of(pair)}")
    x = arguments["x"]
    out = {}
    for name, value in zip(("drift", "diffusion"), pair, strict=True):
        value = x.new_tensor(value) if isinstance(value, int | float) else _tensor(value, name)
        value = value if value.ndim else value.to(x)
        try:
            out[name] = value.broadcast_to(x.shape)
        except RuntimeError:
            wanted = f"expected a number, or a tensor that broadcasts against x of shape {tuple(x.shape)}"
            raise AnswerError(f"{wanted}, as {name}, got shape {tuple(value.shape)}") from None
    return out


def several(*names: str) -> Callable:
    """An observer of an answer that returns a tuple of tensors."""

    def observer(fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = fn(*arguments.values())
        if not isinstance(values, tuple | list) or len(values) != len(names):
            got = f"{len(values)} values" if isinstance(values, tuple | list) else kind_of(values)
            raise AnswerError(f"expected the tuple ({', '.join(names)}), got {got}")
        return {name: _tensor(value, name) for name, value in zip(names, values, strict=True)}

    return observer


def also_at_the_end(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """The states that a step leads to, and those it leads to when `t_next` is 1: nan if they are not all finite."""
    at_the_end = {**arguments, "t_next": torch.ones_like(arguments["t_next"])}
    result, end = (_tensor(fn(*each.values()), "result") for each in (arguments, at_the_end))
    return {"result": result, "result for t_next = 1": end if end.isfinite().all() else torch.full_like(end, torch.nan)}


def points_and_images(observer: Callable) -> Callable:
    """An observer of two calls: with flat states cut from the images of the case, and with the images.

    There are as many images as pixels in a row, so that a time that is not reshaped broadcasts, but wrongly.
    """

    def both(fn: Callable, arguments: dict) -> dict[str, Tensor]:
        n = len(arguments["z"])
        flat = {k: v.flatten(1)[:, :n] if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in arguments.items()}
        return {
            f"{name} for states of shape {tuple(call['z'].shape)}": value
            for call in (flat, arguments)
            for name, value in observer(fn, call).items()
        }

    return both


def training(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """What a training loop did: steps of its optimiser, the weights after them, the losses it returned."""
    model = arguments["model"]
    optimizer = arguments["optimizer"](model.parameters())
    losses = fn(*{**arguments, "optimizer": optimizer}.values())
    if not isinstance(losses, list | tuple):
        raise AnswerError(f"expected the list of losses, got {kind_of(losses)}")
    if any(isinstance(loss, Tensor) and loss.requires_grad for loss in losses):
        raise AnswerError("expected losses that are plain numbers: these tensors keep the graphs of all batches alive")
    return {
        "number of steps of the given optimizer": torch.tensor(optimizer.steps),
        "vector of trained weights": torch.cat([p.flatten() for p in model.parameters()]),
        "list of losses": torch.tensor([float(loss) for loss in losses], dtype=torch.float64),
    }


OBSERVERS: dict[str, Callable[[Callable, dict], dict[str, Tensor]]] = {
    "returned": returned,
    "number": number,
    "loss and gradient": loss_and_gradient,
    "drift and diffusion": drift_and_diffusion,
    "schedule": several("alpha", "beta", "alpha_dot", "beta_dot"),
    "alpha and beta": several("alpha", "beta"),
    "state for points and images": points_and_images(returned),
    "x and velocity for points and images": points_and_images(several("x", "velocity")),
    "training": training,
    "state also at t_next = 1": also_at_the_end,
    "data, noise and score": several("data", "noise", "score"),
}


def observe(fn: Callable, case: dict, observer: str = "returned") -> Observation:
    """Call the answer twice with freshly built inputs, and say what came back.

    Raises:
        NotImplementedError: If the answer is an unfinished stub.
        AnswerError: If it raised something else or returned no tensor.
    """
    arguments = build(case)
    values = called(fn, arguments, observer)
    changed = [k for k, v in case.items() if isinstance(v, Tensor) and not _same(v, arguments[k])]
    again = called(fn, build(case), observer)
    return Observation(values, changed, all(_same(values[k], again[k]) for k in values))


def called(fn: Callable, arguments: dict, observer: str) -> dict[str, Tensor]:
    """What one call gives, as named tensors; errors as for `observe`."""
    try:
        values = OBSERVERS[observer](fn, arguments)
    except AnswerError as error:
        raise AnswerError(f"{error}{_hint(error)}") from error.__cause__
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and not error.args:
            raise
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _file(fn)]
        where = f" in your line {own[-1].lineno}, `{own[-1].line}`" if own and own[-1].line else ""
        raise AnswerError(f"your function raised {type(error).__name__}: {error}{where}{_hint(error)}") from error
    return {name: value.detach().clone() for name, value in values.items()}


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


def _tensor(value, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise AnswerError(f"expected a tensor as {name}, got {kind_of(value)}")
    return value
