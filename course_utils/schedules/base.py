"""What all schedules share: derivatives by autodiff, the span of times, the grid to sample on."""

import sys
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.shapes import as_floats, lies_within, range_of, short_repr

__all__ = ["CLOSE", "Schedule", "derivative"]

CLOSE = 1e-3
"""How far before t = 1 the fields of a path that ends in pure data stop being evaluated."""

LARGEST = sys.float_info.max
"""The largest number: what lies within it is finite."""


def derivative(f: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """df/dt of an elementwise function by automatic differentiation, shape of `t`; also under `torch.no_grad`.

    Example:
        >>> schedules.derivative(torch.square, torch.tensor([1.0, 2.0]))
        tensor([2., 4.])
    """
    t = as_floats(t)
    with torch.enable_grad():
        at = t if t.requires_grad else t.detach().requires_grad_()
        value = f(at)
        if not value.requires_grad:
            return torch.zeros_like(t)
        (dot,) = torch.autograd.grad(value.sum(), at, create_graph=t.requires_grad)
    return dot


class Schedule:
    """Base of all schedules: give `alpha` and `beta`, the derivatives follow.

    Attributes:
        span: First and last time at which the conditional fields of the path are finite.
        prior_std: Standard deviation of the noise that sampling starts from.

    Example:
        >>> class Squared(schedules.Schedule):
        ...     def alpha(self, t):
        ...         return t**2
        ...     def beta(self, t):
        ...         return 1 - t**2
        >>> Squared().alpha_dot(torch.tensor(0.5))
        tensor(1.)
    """

    span: tuple[float, float] = (0.0, 1.0 - CLOSE)
    prior_std: float = 1.0

    def __repr__(self) -> str:
        return short_repr(self)

    def alpha(self, t: Tensor) -> Tensor:
        """Factor of the data, elementwise in `t`."""
        raise NotImplementedError

    def beta(self, t: Tensor) -> Tensor:
        """Factor of the noise, elementwise in `t`."""
        raise NotImplementedError

    def alpha_dot(self, t: Tensor) -> Tensor:
        """Time derivative of `alpha`. ValueError where it is infinite."""
        return self.check_finite(derivative(self.alpha, t), t)

    def beta_dot(self, t: Tensor) -> Tensor:
        """Time derivative of `beta`. ValueError where it is infinite."""
        return self.check_finite(derivative(self.beta, t), t)

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both derivatives.

        Raises:
            ValueError: At times at which one of them is not finite.
        """
        alpha_dot = self.alpha_dot(t)
        beta_dot = self.beta_dot(t)
        self.check_finite(alpha_dot + beta_dot, t)  # a sum is finite only where both are
        return alpha_dot, beta_dot

    def check_finite(self, rate: Tensor, t: Tensor) -> Tensor:
        """`rate`, a derivative at the times `t`. ValueError where it is not finite."""
        if not lies_within(rate, -LARGEST, LARGEST):
            when = t[~rate.isfinite()][0].item()
            raise ValueError(f"{type(self).__name__} has an infinite derivative at t = {when:g}")
        return rate

    def grid(self, steps: int, **options) -> Tensor:
        """Evenly spaced times over `span` to sample on, shape (steps+1,); `options` go to `torch.linspace`.

        Raises:
            ValueError: If `steps` is less than 1.
        """
        if steps < 1:
            raise ValueError(f"expected at least 1 step, got {steps}")
        return torch.linspace(*self.span, steps + 1, **options)

    def check_span(self, t: Tensor) -> None:
        """Refuse times at which the fields of the path are not finite.

        Raises:
            ValueError: If a time lies outside `span`.
        """
        first, last = self.span
        if not lies_within(t, first, last):
            raise ValueError(
                f"expected times in the span [{first:g}, {last:g}] of {type(self).__name__}, "
                f"got {range_of(t)}; sample on schedule.grid(steps)"
            )
