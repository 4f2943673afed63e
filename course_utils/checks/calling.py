"""Calling an answer: inputs that are data become arguments, and what comes back becomes named tensors again.

This half knows neither oracles nor mistakes, so that it can run where the student's code runs.
An input is a tensor, a number, a text, or a family: a dictionary with the key "family" and the parameters of a
field, process, schedule or model, built into an object just before the call.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from course_utils.processes import SDE
from course_utils.schedules import Cosine, Linear
from course_utils.shapes import expand_time


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


def affine_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = x matrix^T + offset + t rate."""
    return lambda x, t: x @ matrix.T + offset + expand_time(t, x) * rate


def curved_field(matrix: Tensor, offset: Tensor, rate: Tensor) -> Callable:
    """u(x, t) = sin(x matrix^T + offset) + t^2 rate: on affine fields, methods of equal order could not be told apart."""
    return lambda x, t: torch.sin(x @ matrix.T + offset) + expand_time(t, x) ** 2 * rate


def affine_score(matrix: Tensor, mean: Tensor) -> Callable:
    """The score of a Gaussian with precision `matrix`: -(x - mean) matrix^T."""
    return lambda x: -(x - mean) @ matrix.T


class AffineSDE(SDE):
    """Affine drift; a diffusion coefficient that depends on state and time."""

    def __init__(self, matrix: Tensor, offset: Tensor, rate: Tensor, scale: Tensor):
        self._drift, self._scale = affine_field(matrix, offset, rate), scale

    def drift(self, x, t):
        return self._drift(x, t)

    def diffusion(self, x, t):
        return self._scale * (1 + expand_time(t, x)) * (1 + x**2).sqrt()


class AffineModel(nn.Module):
    """A model that is affine in state, time and label, with parameters to take gradients in."""

    def __init__(self, matrix: Tensor, offset: Tensor, rate: Tensor, labels: Tensor | None = None):
        super().__init__()
        self.matrix, self.offset, self.rate = map(nn.Parameter, (matrix.clone(), offset.clone(), rate.clone()))
        self.labels = None if labels is None else nn.Parameter(labels.clone())

    def forward(self, x, t, y=None):
        shift = 0 if y is None or self.labels is None else self.labels[y]
        return x @ self.matrix.T + self.offset + expand_time(t, x) * self.rate + shift


FAMILIES: dict[str, Callable] = {
    "affine field": affine_field,
    "curved field": curved_field,
    "affine score": affine_score,
    "affine SDE": AffineSDE,
    "affine model": AffineModel,
    "schedule": lambda name: {"linear": Linear, "cosine": Cosine}[name](),
}


def build(case: dict) -> dict:
    """The arguments of one call: families are built, tensors copied."""
    return {name: _build(value) for name, value in case.items()}


def _build(value):
    if isinstance(value, dict) and "family" in value:
        parameters = {k: v for k, v in value.items() if k != "family"}
        return FAMILIES[value["family"]](**parameters)
    return value.clone() if isinstance(value, Tensor) else value


def returned(fn: Callable, arguments: dict) -> dict[str, Tensor]:
    """The tensor that the answer returns."""
    return {"result": _tensor(fn(*arguments.values()), "result")}


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
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise AnswerError(f"expected the pair (drift, diffusion), got {_kind(pair)}")
    x = arguments["x"]
    out = {}
    for name, value in zip(("drift", "diffusion"), pair, strict=True):
        value = torch.as_tensor(value, dtype=x.dtype) if isinstance(value, int | float) else _tensor(value, name)
        try:
            out[name] = value.broadcast_to(x.shape)
        except RuntimeError:
            raise AnswerError(f"the {name} has shape {tuple(value.shape)}; expected {tuple(x.shape)}") from None
    return out


OBSERVERS: dict[str, Callable[[Callable, dict], dict[str, Tensor]]] = {
    "returned": returned,
    "loss and gradient": loss_and_gradient,
    "drift and diffusion": drift_and_diffusion,
}


def observe(fn: Callable, case: dict, observer: str = "returned") -> Observation:
    """Call the answer twice with freshly built inputs, and say what came back.

    Raises:
        NotImplementedError: If the answer is an unfinished stub.
        AnswerError: If it raised something else or returned no tensor.
    """
    arguments = build(case)
    values = _call(fn, arguments, observer)
    changed = [k for k, v in case.items() if isinstance(v, Tensor) and not _same(v, arguments[k])]
    again = _call(fn, build(case), observer)
    return Observation(values, changed, all(_same(values[k], again[k]) for k in values))


def _call(fn: Callable, arguments: dict, observer: str) -> dict[str, Tensor]:
    try:
        values = OBSERVERS[observer](fn, arguments)
    except (NotImplementedError, AnswerError):
        raise
    except (Exception, SystemExit) as error:
        own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == _file(fn)]
        where = f" in your line {own[-1].lineno}, `{own[-1].line}`" if own and own[-1].line else ""
        raise AnswerError(f"your function raised {type(error).__name__}: {error}{where}") from error
    return {name: value.detach().clone() for name, value in values.items()}


def _file(fn: Callable) -> str | None:
    return getattr(getattr(fn, "__code__", None), "co_filename", None)


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(torch.nan_to_num(a.double()), torch.nan_to_num(b.double()))


def _tensor(value, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise AnswerError(f"expected a tensor as {name}, got {_kind(value)}")
    return value


def _kind(value) -> str:
    if value is None:
        return "None: is a `return` missing?"
    return f"a {type(value).__name__}"
