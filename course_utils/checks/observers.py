"""Observers: how the result of an answer is read, as objects that are data, so that the grader can send them.

This half, with `calling` and `families`, knows neither oracles nor mistakes: it runs where the student's code runs.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from course_utils.checks.families import changed, kind_of
from course_utils.checks.results import RAISED, AnswerError, broadcast, check_number, gradient, is_number, tensor

__all__ = [
    "Also",
    "Angles",
    "AnswerError",
    "DriftAndDiffusion",
    "LossAndGradient",
    "Number",
    "OBSERVERS",
    "Observer",
    "PointsAndImages",
    "Returned",
    "Several",
    "StandingStill",
    "Training",
    "WithGradients",
    "pack_observer",
    "unpack_observer",
]

SEAM = 1e-4
"""How near to pi an angle is next to it."""


@dataclass(frozen=True)
class Observer:
    """How the result of an answer is read: `observer(fn, arguments)` calls it, and names the tensors that it gave."""

    @property
    def wanted(self) -> str:
        """What it wants to see returned, in words: what the observer does that it hands on to, if it has one."""
        return self.each.wanted if hasattr(self, "each") else "a tensor"

    @property
    def changes(self) -> tuple[str, ...]:
        """Names of the arguments that an answer is meant to change."""
        return ()

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        """Named results of `fn`; an `AnswerError` if it returned something else than is wanted."""
        raise NotImplementedError("each kind of observer has its own")

    @property
    def parts(self) -> tuple:
        """What the observer is made of: `type(self)(*self.parts) == self`."""
        values = [getattr(self, each.name) for each in fields(self)]
        return tuple(part for value in values for part in (value if isinstance(value, tuple) else (value,)))


@dataclass(frozen=True)
class Returned(Observer):
    """The tensor that the answer returns."""

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        return {"result": tensor(fn(*arguments.values()), "result")}


@dataclass(frozen=True)
class Number(Observer):
    """A number, as such or as a tensor of shape ()."""

    wanted = "a number, or a tensor of shape ()"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        value = fn(*arguments.values())
        as_such = not isinstance(value, Tensor) and is_number(value)
        return {"result": torch.tensor(float(value), dtype=torch.float64) if as_such else tensor(value, "result")}


@dataclass(frozen=True)
class LossAndGradient(Observer):
    """A loss, and its gradient in the parameters of the argument `model`."""

    wanted = "a loss of shape ()"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        loss = tensor(fn(*arguments.values()), "loss")
        if not loss.requires_grad:  # a lost gradient says more than a type
            loss = loss.to(next(arguments["model"].parameters()))
        if loss.ndim:
            raise AnswerError(f"expected a loss of shape (), got shape {tuple(loss.shape)}: average over the batch")
        return {"loss": loss, "gradient": gradient(loss, list(arguments["model"].parameters()))}


@dataclass(frozen=True)
class DriftAndDiffusion(Observer):
    """A pair of drift and diffusion, each broadcast against the states `x`."""

    wanted = "the pair (drift, diffusion)"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        pair = fn(*arguments.values())
        check_number(pair, 2, self.wanted)
        x = arguments["x"]
        return {name: broadcast(x, value, name) for name, value in zip(("drift", "diffusion"), pair, strict=True)}


@dataclass(frozen=True, init=False)
class Several(Observer):
    """A tuple of tensors: `Several("alpha", "beta")`."""

    names: tuple[str, ...]

    def __init__(self, *names: str):
        object.__setattr__(self, "names", names)

    @property
    def wanted(self) -> str:
        return f"the tuple ({', '.join(self.names)})"

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = fn(*arguments.values())
        check_number(values, len(self.names), self.wanted)
        return {name: tensor(value, name) for name, value in zip(self.names, values, strict=True)}


@dataclass(frozen=True)
class Angles(Observer):
    """Angles, read by another observer: where a circle closes, -pi and pi are one."""

    each: Observer = Returned()

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        return {name: _off_the_seam(value) for name, value in self.each(fn, arguments).items()}


def _off_the_seam(value: Tensor) -> Tensor:
    """Angles next to pi become those next to -pi: rounding decides between the two."""
    return torch.where((value - math.pi).abs() < SEAM, value - 2 * math.pi, value).to(value.dtype)


@dataclass(frozen=True, init=False)
class Also(Observer):
    """The call of the case, and one more for each change of its arguments, all read by another observer.

        Also(Returned(), "t=0", "t_next=1, schedule=linear", "mean_b=mean_a")

    A change gives an argument a number, its own first entry, what stands in `families.NAMED`, or another argument.
    """

    each: Observer
    changes_made: tuple[str, ...]

    def __init__(self, each: Observer, *changes_made: str):
        object.__setattr__(self, "each", each)
        object.__setattr__(self, "changes_made", changes_made)

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = self.each(fn, arguments)
        for change in self.changes_made:
            also = self.each(fn, changed(arguments, change))
            values |= {f"{name} for {change.replace('=', ' = ')}": value for name, value in also.items()}
        return values


@dataclass(frozen=True, init=False)
class WithGradients(Observer):
    """The tensor that the answer returns, and gradients of a weighted sum of it.

    Args:
        names: The arguments that the gradients are taken in: tensors, or modules with parameters.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str):
        object.__setattr__(self, "names", names)

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = Returned()(fn, arguments)
        copies = {k: arguments[k].clone().requires_grad_() for k in self.names if isinstance(arguments[k], Tensor)}
        tracked = arguments | copies
        result = tensor(fn(*tracked.values()), "result")
        weights = torch.linspace(1, 2, result.numel(), dtype=result.dtype).view_as(result)
        for name in self.names:
            leaves = [tracked[name]] if name in copies else list(tracked[name].parameters())
            values[f"gradient in {name}"] = gradient((weights * result).sum(), leaves)
        return values


@dataclass(frozen=True)
class PointsAndImages(Observer):
    """Four calls, each read by another observer: with flat states cut from the images of the case, and with images.

    In the first two there are as many states as coordinates, or pixels in a row, so that a time that is not reshaped
    broadcasts, but wrongly, and in silence. In the others all sizes differ, so that no axis passes for another; an
    error there is no end: it stands for the values of that call, as `results.RAISED`.
    """

    each: Observer = Returned()

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        n = len(_states(arguments))
        equal = (_cut(arguments, lambda v: v.flatten(1)[:, :n]), arguments)
        unequal = (_cut(arguments, lambda v: v.flatten(1)[:, :4]), _cut(arguments, lambda v: v[:, :, :2]))
        values: dict[str, Tensor] = {}
        for call in equal:
            values |= _named(call, self.each(fn, call))
        given = [name.split(" for states")[0] for name in values][: len(values) // 2]
        for call in unequal:
            call = {k: v[:3] if isinstance(v, Tensor) and v.ndim else v for k, v in call.items()}
            values |= _named(call, _attempted(self.each, fn, call) or dict.fromkeys(given, RAISED))
        return values


def _states(arguments: dict) -> Tensor:
    return arguments["z" if "z" in arguments else "x"]


def _cut(arguments: dict, cut: Callable[[Tensor], Tensor]) -> dict:
    """The arguments of a call with a part of each state."""
    return {k: cut(v) if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in arguments.items()}


def _named(arguments: dict, values: dict[str, Tensor]) -> dict[str, Tensor]:
    """Values of a call, with the shape of its states in their names."""
    shape = tuple(_states(arguments).shape)
    return {f"{name} for states of shape {shape}": value for name, value in values.items()}


def _attempted(observer: Observer, fn: Callable, arguments: dict) -> dict[str, Tensor] | None:
    """What a call gives, or None if it raises; `fn.fail`, if there is such, is told the error."""
    try:
        return observer(fn, arguments)
    except Exception as error:
        if hasattr(fn, "fail"):
            fn.fail(error)
        return None


@dataclass(frozen=True)
class Training(Observer):
    """What a training loop did: steps of its optimiser, the weights after them, the losses it returned."""

    wanted = "the list of losses, as plain numbers"
    changes = ("model", "optimizer")

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        model = arguments["model"]
        optimizer = arguments["optimizer"](model.parameters())
        losses = fn(*{**arguments, "optimizer": optimizer}.values())
        if not isinstance(losses, list | tuple):
            raise AnswerError(f"expected {self.wanted}, got {kind_of(losses)}")
        other = next((loss for loss in losses if not is_number(loss)), None)
        if other is not None:
            raise AnswerError(f"expected {self.wanted}, got a {type(losses).__name__} that holds {kind_of(other)}")
        if any(isinstance(loss, Tensor) and loss.requires_grad for loss in losses):
            raise AnswerError(
                "expected losses that are plain numbers: these tensors keep the graphs of all batches alive"
            )
        return {
            "number of steps of the given optimizer": torch.tensor(optimizer.steps),
            "vector of trained weights": torch.cat([p.flatten() for p in model.parameters()]),
            "list of losses": torch.tensor([float(loss) for loss in losses], dtype=torch.float64),
        }


@dataclass(frozen=True)
class StandingStill(Observer):
    """The tensor that the answer returns, and whether it asks for gradients (1) or stands still (0)."""

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        result = tensor(fn(*arguments.values()), "result")
        return {"result": result, "requires_grad": torch.tensor(int(result.requires_grad))}


OBSERVERS: dict[str, type[Observer]] = {kind.__name__: kind for kind in Observer.__subclasses__()}


def pack_observer(observer: Observer) -> dict:
    """An observer as data: the name of its class, and what it is made of."""
    parts = [pack_observer(part) if isinstance(part, Observer) else part for part in observer.parts]
    return {"observer": type(observer).__name__, "parts": parts}


def unpack_observer(data: dict) -> Observer:
    """The observer that `pack_observer` made data of."""
    parts = [unpack_observer(part) if isinstance(part, dict) else part for part in data["parts"]]
    return OBSERVERS[data["observer"]](*parts)
