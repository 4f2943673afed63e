"""Angles: points on circles, and tuples of them on a torus."""

import math

import torch
from jaxtyping import Float, Real
from torch import Tensor

from course_utils.manifolds.base import Manifold
from course_utils.shapes import as_floats, lies_within, range_of

__all__ = ["Torus", "check_angles", "wrap"]


def wrap(a: Real[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    r"""The same angles in $[-\pi, \pi)$, whole turns taken off.

    `torch.remainder` has the sign of the divisor, `torch.fmod` that of the angle: only the first one wraps. Rounding
    can make a remainder of the divisor itself; that is a whole turn, too.

    Args:
        a: Angles in radians.

    Example:
        >>> manifolds.wrap(torch.tensor([0.0, 4.0, -4.0, torch.pi]))
        tensor([ 0.0000, -2.2832,  2.2832, -3.1416])
    """
    turned = torch.remainder(as_floats(a) + math.pi, 2 * math.pi) - math.pi
    return torch.where(turned >= math.pi, turned - 2 * math.pi, turned)


def check_angles(a: Tensor, name: str = "angles") -> None:
    r"""Refuse what are no wrapped angles, such as degrees.

    Raises:
        ValueError: If a value lies outside $[-\pi, \pi]$ by more than rounding, or is NaN.

    Example:
        >>> manifolds.check_angles(torch.tensor([-57.0, -47.0]))
        Traceback (most recent call last):
        ValueError: expected angles in radians within -pi to pi (wrap them), got values from -57 to -47
    """
    if not lies_within(a, -math.pi, math.pi):
        found = range_of(a).replace("times", "values").replace("t =", "the value")
        raise ValueError(f"expected {name} in radians within -pi to pi (wrap them), got {found}")


class Torus(Manifold):
    r"""Tuples of angles: the shortest way is $\mathrm{wrap}(z - x)$ in each of them.

    Args:
        event_shape: Shape of one state, such as `Torus(2)` for two angles or `Torus(12, 2)` for twelve pairs.

    Raises:
        ValueError: If the shape has no angle; in the methods, if states are no wrapped angles of that shape.

    Source: Chen and Lipman, "Flow matching on general geometries" (2024).

    Example:
        >>> torus = manifolds.Torus(2)
        >>> torus.log(torch.tensor([[3.0, 0.0]]), torch.tensor([[-3.0, 1.0]]))
        tensor([[0.2832, 1.0000]])
    """

    def __init__(self, *event_shape: int):
        if not event_shape or min(event_shape) < 1:
            raise ValueError(f"expected the shape of one state, such as Torus(2), got {event_shape}")
        self.event_shape = event_shape

    def check(self, x: Tensor) -> None:
        check_angles(self.check_event(x))

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x)
        return wrap(x + self.check_event(v))

    def log(self, x: Tensor, z: Tensor) -> Tensor:
        self.check(x)
        self.check(z)
        return wrap(z - x)

    def draw(self, n: int, generator: torch.Generator | None = None, like: Tensor | None = None) -> Tensor:
        like = torch.empty(0) if like is None else like
        device = generator.device if generator else like.device
        u = torch.rand(n, *self.event_shape, generator=generator, dtype=like.dtype, device=device)
        return wrap(2 * math.pi * u).to(like.device)
