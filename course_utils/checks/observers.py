"""Observers: how the result of an answer is read, as objects that are data, so that the grader can send them.

This half, with `calling` and `families`, knows neither oracles nor mistakes: it runs where the student's code runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from course_utils.checks.families import NAMED, kind_of

__all__ = [
    "Also",
    "AnswerError",
    "DriftAndDiffusion",
    "LossAndGradient",
    "Number",
    "OBSERVERS",
    "Observer",
    "PointsAndImages",
    "Returned",
    "Several",
    "Training",
    "WithGradients",
    "pack_observer",
    "unpack_observer",
]


class AnswerError(Exception):
    """The answer raised an exception or returned something that is no answer; the text says what."""


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
        loss = loss if loss.requires_grad else loss.double()  # a lost gradient says more than a type
        if loss.ndim:
            raise AnswerError(f"expected a loss of shape (), got shape {tuple(loss.shape)}: average over the batch")
        gradient = _gradient_in(list(arguments["model"].parameters()), loss)
        return {"loss": loss, "gradient": gradient}


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

    @property
    def parts(self) -> tuple:
        return self.each, *self.changes_made

    @property
    def wanted(self) -> str:
        return self.each.wanted

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = self.each(fn, arguments)
        for change in self.changes_made:
            also = self.each(fn, _changed(arguments, change))
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

    @property
    def parts(self) -> tuple:
        return self.names

    def __call__(self, fn: Callable, arguments: dict) -> dict[str, Tensor]:
        values = Returned()(fn, arguments)
        copies = {k: arguments[k].clone().requires_grad_() for k in self.names if isinstance(arguments[k], Tensor)}
        tracked = arguments | copies
        result = _tensor(fn(*tracked.values()), "result")
        weights = torch.linspace(1, 2, result.numel(), dtype=result.dtype).view_as(result)
        for name in self.names:
            leaves = [tracked[name]] if name in copies else list(tracked[name].parameters())
            values[f"gradient in {name}"] = _gradient_in(leaves, (weights * result).sum())
        return values


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
        n = len(arguments["z" if "z" in arguments else "x"])
        flat = {k: v.flatten(1)[:, :n] if isinstance(v, Tensor) and v.ndim > 1 else v for k, v in arguments.items()}
        return {
            f"{name} for states of shape {tuple(call['z' if 'z' in call else 'x'].shape)}": value
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


def _changed(arguments: dict, change: str) -> dict:
    """The arguments after a change such as "t_next=1, schedule=linear"."""
    pairs = [pair.split("=") for pair in change.split(", ")]
    return arguments | {name: _meant(arguments, name, text) for name, text in pairs}


def _meant(arguments: dict, name: str, text: str):
    """What a text gives an argument: another argument, a thing with a name, or a number of the kind that it is."""
    if text in arguments:
        return arguments[text]
    if text in NAMED:
        return NAMED[text]
    value = arguments[name]
    if text == "its first":
        return value[0]
    return torch.full_like(value, float(text)) if isinstance(value, Tensor) else type(value)(text)


def _gradient_in(leaves: list[Tensor], total: Tensor) -> Tensor:
    """The gradient of a number in some tensors, as one vector: 0 in those that it does not depend on."""
    zeros = [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(total, leaves, allow_unused=True, retain_graph=True) if total.requires_grad else zeros
    return torch.cat([(zero if part is None else part).flatten() for part, zero in zip(found, zeros, strict=True)])
