"""What all processes share: drift, diffusion, and checks of what they are made from."""

import math

import torch
from torch import Tensor

from course_utils.shapes import Time, expand_time, float_type, short_repr

__all__ = ["SDE", "constant", "elapsed", "not_negative"]


class SDE:
    """A stochastic differential equation: subclasses give its drift and its diffusion coefficient.

    Example:
        >>> class Pulled(processes.SDE):
        ...     def drift(self, x, t):
        ...         return 1 - x
        ...     def diffusion(self, x, t):
        ...         return torch.tensor(0.1)
        >>> simulators.simulate(Pulled(), torch.zeros(3, 1), torch.linspace(0, 1, 11)).end.shape
        torch.Size([3, 1])
    """

    def __repr__(self) -> str:
        return short_repr(self)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        """Drift, shape (batch, *event)."""
        raise NotImplementedError

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        """Diffusion coefficient, deterministic, broadcasts against (batch, *event)."""
        raise NotImplementedError


def not_negative(name: str, value: float) -> float:
    """`value` itself; ValueError unless it is finite and not negative."""
    if not value >= 0 or math.isinf(value):
        raise ValueError(f"expected a finite {name} that is not negative, got {value}")
    return value


def constant(value: float, x: Tensor) -> Tensor:
    """A number as a tensor of shape (), in the float type of the states."""
    return torch.as_tensor(value, dtype=float_type(x), device=x.device)


def elapsed(t: float | int | Tensor, x: Tensor) -> Tensor:
    """`expand_time` of a time since the start; ValueError where it is negative."""
    t = expand_time(t, x)
    if (t < 0).any():
        raise ValueError(f"expected times that are not negative, got {t.min().item():g}")
    return t
