"""States, times and fields: the shapes and number types that every other module agrees on.

States are real numbers. Where whole numbers are given, as in `torch.full((n, 1), 5)`, the package computes with them as
floats of torch's default type; a time is a float always, whatever type the states have.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Real
from torch import Tensor

__all__ = [
    "Field",
    "Step",
    "Time",
    "as_floats",
    "as_states",
    "check_labels",
    "check_same_shape",
    "expand_path_time",
    "expand_span",
    "expand_time",
    "float_type",
    "lies_within",
    "range_of",
    "short_repr",
]

Time = float | int | Real[Tensor, ""] | Real[Tensor, " batch"]
"""A time, as a number, a tensor of shape () for the whole batch, or one of shape (batch,)."""

Step = float | Float[Tensor, ""]
"""Length of a step, a number or a tensor of shape (), the same for the whole batch."""

Field = Callable[[Tensor, Time], Tensor]
"""A vector field `u(x, t)`, from states of shape (batch, *event) and a time to velocities of the same shape."""


def float_type(x: Tensor) -> torch.dtype:
    """The type in which the package computes with `x`: its own if it holds floats, else torch's default.

    Raises:
        ValueError: If `x` holds complex numbers.

    Example:
        >>> shapes.float_type(torch.tensor([5, 6]))
        torch.float32
    """
    if x.is_floating_point():
        return x.dtype
    if x.is_complex():
        raise ValueError(f"expected real states, got {x.dtype}")
    return torch.get_default_dtype()


def as_floats(x: Tensor) -> Tensor:
    """`x` itself if it holds floats; whole numbers become floats of torch's default type.

    Example:
        >>> shapes.as_floats(torch.tensor([5, 6]))
        tensor([5., 6.])
    """
    return x if x.is_floating_point() else x.to(float_type(x))


def as_states(x: Tensor, event_shape: tuple[int, ...]) -> Tensor:
    """States of the given event shape, as floats.

    Args:
        x: Shape (batch, *event_shape).
        event_shape: Shape of one state.

    Raises:
        ValueError: If `x` has any other shape.

    Example:
        >>> shapes.as_states(torch.tensor([[1, 2], [3, 4]]), (2,)).dtype
        torch.float32
    """
    if x.ndim == 0 or x.shape[1:] != event_shape:
        wanted = ", ".join(["batch", *map(str, event_shape)])
        raise ValueError(f"expected states of shape ({wanted}), got {tuple(x.shape)}")
    return as_floats(x)


def expand_time(t: float | int | Tensor, x: Tensor) -> Tensor:
    """A time, reshaped so that it broadcasts against a batch of states.

    This is the only place in the package that reshapes a time.

    Args:
        t: Time, a number or a tensor of shape () or (batch,).
        x: States, shape (batch, *event).

    Returns:
        `t` on the device of `x`, in its type if that is a float type and else in torch's default, never cut to whole
        numbers: shape () stays, (batch,) becomes (batch, 1, ..., 1).

    Raises:
        ValueError: If `t` has any other shape, such as (batch, 1).

    Example:
        >>> shapes.expand_time(torch.tensor([0.0, 0.5]), torch.ones(2, 1, 28, 28)).shape
        torch.Size([2, 1, 1, 1])
    """
    t = torch.as_tensor(t, dtype=float_type(x), device=x.device)
    if t.ndim == 0:
        return t
    if t.ndim != 1 or x.ndim == 0 or t.shape[0] != x.shape[0]:
        batch = x.shape[0] if x.ndim else 1
        raise ValueError(
            f"expected a time t of shape () or ({batch},) for states of shape {tuple(x.shape)}, got {tuple(t.shape)}"
        )
    return t.reshape(-1, *[1] * (x.ndim - 1))


def expand_path_time(t: float | int | Tensor, x: Tensor) -> Tensor:
    """`expand_time` for a time on a probability path, which runs from noise at t = 0 to data at t = 1.

    Raises:
        ValueError: If a time lies outside 0 to 1 (by more than rounding), or has a shape that does not fit.

    Example:
        >>> shapes.expand_path_time(500, torch.ones(2, 1))
        Traceback (most recent call last):
        ValueError: t runs from 0 (noise) to 1 (data), got t = 500
    """
    t = expand_time(t, x)
    if not lies_within(t, 0.0, 1.0):
        raise ValueError(f"t runs from 0 (noise) to 1 (data), got {range_of(t)}")
    return t


def expand_span(s: float | int | Tensor, t: float | int | Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """`expand_path_time` of both ends of a span, s <= t.

    Raises:
        ValueError: If a start is later than its end, or as `expand_path_time`.

    Example:
        >>> shapes.expand_span(0.7, 0.3, torch.ones(2, 1))
        Traceback (most recent call last):
        ValueError: expected s <= t, got s = 0.7 and t = 0.3
    """
    start = expand_path_time(s, x)
    end = expand_path_time(t, x)
    if (end < start).any():
        late, early = torch.broadcast_tensors(start, end)
        wrong = early < late
        raise ValueError(f"expected s <= t, got s = {late[wrong][0].item():g} and t = {early[wrong][0].item():g}")
    return start, end


def lies_within(t: Tensor, first: float, last: float) -> bool:
    """Whether all numbers lie from `first` to `last`, up to rounding; NaN does not. Quick for a few numbers.

    Example:
        >>> shapes.lies_within(torch.tensor([0.0, 0.5, 1.2]), 0.0, 1.0)
        False
    """
    if t.numel() == 0:
        return True
    slack = 4 * torch.finfo(t.dtype).eps
    low, high = t.aminmax()
    return first - slack <= low.item() and high.item() <= last + slack


def range_of(t: Tensor) -> str:
    """The times in words, for sentences that refuse them.

    Example:
        >>> shapes.range_of(torch.tensor([0.0, 500.0]))
        'times from 0 to 500'
    """
    low, high = t.aminmax()
    return f"t = {low.item():.6g}" if low == high else f"times from {low.item():.6g} to {high.item():.6g}"


def check_same_shape(**tensors: Tensor) -> None:
    """Refuse tensors whose shapes differ, naming each.

    Raises:
        ValueError: If two of the named tensors differ in shape.

    Example:
        >>> shapes.check_same_shape(x=torch.ones(2, 3), z=torch.ones(2))
        Traceback (most recent call last):
        ValueError: expected equal shapes, got x (2, 3), z (2,)
    """
    if len({tuple(v.shape) for v in tensors.values()}) > 1:
        shapes = ", ".join(f"{name} {tuple(v.shape)}" for name, v in tensors.items())
        raise ValueError(f"expected equal shapes, got {shapes}")


def check_labels(y: Tensor, batch: int) -> None:
    """Refuse what are no labels: one whole number a state.

    Raises:
        ValueError: If `y` has another shape than (batch,), or another type than whole numbers.

    Example:
        >>> shapes.check_labels(torch.tensor([3.0, 1.0]), batch=2)
        Traceback (most recent call last):
        ValueError: expected whole numbers as labels, such as torch.int64, got torch.float32
    """
    if y.shape != (batch,):
        raise ValueError(f"expected labels of shape ({batch},), one a state, got {tuple(y.shape)}")
    if y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        raise ValueError(f"expected whole numbers as labels, such as torch.int64, got {y.dtype}")


def short_repr(thing: object, **parameters: object) -> str:
    """The name of a thing's class and its parameters on one line: tensors by their shape, functions by their name.

    Args:
        thing: What is to be shown.
        parameters: What to show of it, by default its public attributes; those that are None are left out.

    Example:
        >>> shapes.short_repr(torch.nn.Identity(), x=torch.ones(3, 2), t=0.25, field=torch.sin)
        'Identity(x=(3, 2), t=0.25, field=sin)'
    """
    parameters = parameters or {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    shown = ", ".join(f"{name}={_shown(value)}" for name, value in parameters.items() if value is not None)
    return f"{type(thing).__name__}({shown})"


def _shown(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.item():g}" if value.ndim == 0 else str(tuple(value.shape))
    if isinstance(value, torch.Size):
        return str(tuple(value))
    if isinstance(value, float):
        return f"{value:g}"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return repr(value)
