"""What all manifolds share: the geodesic, which follows from exp and log."""

import torch
from torch import Tensor

from course_utils.shapes import as_floats, expand_time, short_repr

__all__ = ["Manifold"]


class Manifold:
    """A space of states in which `x + v` makes no sense; a subclass gives `exp`, `log`, `check` and `draw`.

    Attributes:
        event_shape: Shape of one state, and of one velocity.

    Example:
        >>> circle = manifolds.Torus(1)
        >>> circle.geodesic(torch.tensor([[3.0]]), torch.tensor([[-3.0]]), 0.5)
        tensor([[-3.1416]])
    """

    event_shape: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return short_repr(self)

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """Where one is after a time of 1 from x with the velocity v; shapes (*batch, *event)."""
        raise NotImplementedError

    def log(self, x: Tensor, z: Tensor) -> Tensor:
        """The velocity that leads from x to z in a time of 1 on the shortest way; shapes (*batch, *event)."""
        raise NotImplementedError

    def check(self, x: Tensor) -> None:
        """Refuse states that do not lie on the manifold, by a ValueError."""
        raise NotImplementedError

    def draw(self, n: int, generator: torch.Generator | None = None, like: Tensor | None = None) -> Tensor:
        """n independent uniform points, shape (n, *event), in the type and on the device of `like`."""
        raise NotImplementedError

    def geodesic(self, x0: Tensor, z: Tensor, t: float | Tensor) -> Tensor:
        """The point at time t of the shortest way from x0 to z, exp(x0, t log(x0, z)); t of shape () or (batch,)."""
        v = self.log(x0, z)
        return self.exp(x0, expand_time(t, v) * v)

    def distance(self, x: Tensor, z: Tensor) -> Tensor:
        """Length of log(x, z), shape (*batch,); x and z broadcast against each other."""
        return self.log(x, z).flatten(-len(self.event_shape)).norm(dim=-1)

    def check_event(self, x: Tensor) -> Tensor:
        """`x` as floats; ValueError unless its last dimensions are those of one state."""
        if x.shape[max(0, x.ndim - len(self.event_shape)) :] != self.event_shape:
            wanted = ", ".join(["...", *map(str, self.event_shape)])
            raise ValueError(f"expected states of shape ({wanted}) on {self}, got {tuple(x.shape)}")
        return as_floats(x)
