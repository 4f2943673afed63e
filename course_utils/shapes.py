"""States, times and fields: the shapes that every other module agrees on."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Time = float | int | Float[Tensor, ""] | Float[Tensor, " batch"]
"""A time, as a number, a tensor of shape () for the whole batch, or one of shape (batch,)."""

Field = Callable[[Tensor, Tensor], Tensor]
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


def expand_time(t: float | int | Tensor, x: Tensor) -> Tensor:
    """A time, reshaped so that it broadcasts against a batch of states.

    This is the only place in the package that reshapes a time.

    Args:
        t: Time, a number or a tensor of shape () or (batch,).
        x: States, shape (batch, *event).

    Returns:
        `t` with the dtype and device of `x`: shape () stays, (batch,) becomes (batch, 1, ..., 1).

    Raises:
        ValueError: If `t` has any other shape, such as (batch, 1).
    """
    t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
    if t.ndim == 0:
        return t
    if t.ndim != 1 or x.ndim == 0 or t.shape[0] != x.shape[0]:
        batch = x.shape[0] if x.ndim else 1
        raise ValueError(
            f"expected a time t of shape () or ({batch},) for states of shape {tuple(x.shape)}, got {tuple(t.shape)}"
        )
    return t.reshape(-1, *[1] * (x.ndim - 1))


def check_same_shape(**tensors: Tensor) -> None:
    """Refuse tensors whose shapes differ, naming each.

    Raises:
        ValueError: If two of the named tensors differ in shape.
    """
    if len({tuple(v.shape) for v in tensors.values()}) > 1:
        shapes = ", ".join(f"{name} {tuple(v.shape)}" for name, v in tensors.items())
        raise ValueError(f"expected equal shapes, got {shapes}")
