"""Paths along geodesics: what the linear path is where a straight line is the wrong way."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from course_utils.distributions import Empirical
from course_utils.manifolds import Manifold, Torus, wrap
from course_utils.shapes import Time, check_same_shape, expand_path_time, short_repr

__all__ = ["GeodesicPath", "GeodesicSample", "TorusMarginal"]

PART = 2**22
"""Numbers that a table of differences may hold at once."""


@dataclass(frozen=True, repr=False)
class GeodesicSample:
    """A point on the shortest way from a source point to a data point; to be used like a `PathSample`.

    Attributes:
        x: The point, shape (batch, *event).
        t: Time, shape () or (batch,).
        z: Data, shape of `x`.
        noise: The source point, shape of `x`.
        velocity: log(x0, z), the constant velocity of the way, shape of `x`.

    Example:
        >>> x0, z = torch.tensor([[3.0]]), torch.tensor([[-3.0]])
        >>> paths.GeodesicPath(manifolds.Torus(1)).sample(z, 0.5, x0).velocity
        tensor([[0.2832]])
    """

    x: Tensor
    t: Time
    z: Tensor
    noise: Tensor
    velocity: Tensor

    def __repr__(self) -> str:
        return short_repr(self, x=self.x, t=self.t, z=self.z, noise=self.noise)

    @property
    def score(self) -> Tensor:
        raise TypeError("a path along geodesics has no known score; GaussianPath has")


class GeodesicPath:
    r"""$x = \exp_{x_0}(t \log_{x_0} z)$: the shortest way at constant speed, from a uniform source or a given one.

    Args:
        manifold: Where states live, such as `Torus(2)` or `Rotations()`.

    Source: Chen and Lipman, "Flow matching on general geometries" (2024).

    Example:
        >>> path = paths.GeodesicPath(manifolds.Torus(2))
        >>> path.sample(torch.zeros(5, 2), torch.rand(5))
        GeodesicSample(x=(5, 2), t=(5,), z=(5, 2), noise=(5, 2))
    """

    def __init__(self, manifold: Manifold):
        self.manifold = manifold

    def __repr__(self) -> str:
        return short_repr(self)

    def sample(
        self, z: Tensor, t: Time, x0: Tensor | None = None, generator: Generator | None = None
    ) -> GeodesicSample:
        """The point at time t of the way from x0 to z, with its velocity.

        Args:
            z: Data, shape (batch, *event).
            t: Time from 0 to 1, shape () or (batch,).
            x0: Source points, shape of `z`; uniform ones are drawn here if not given.
            generator: Source of these.

        Raises:
            ValueError: If shapes differ, a time is not within 0 to 1, or states do not lie on the manifold.
        """
        z = self.manifold.check_event(z)
        at = expand_path_time(t, z)
        if x0 is None:
            x0 = self.manifold.draw(len(z), generator, z)
        check_same_shape(z=z, x0=x0)
        velocity = self.manifold.log(x0, z)
        return GeodesicSample(self.manifold.exp(x0, at * velocity), t, z, x0, velocity)


class TorusMarginal:
    r"""Exact fields of the path along geodesics from uniform angles to a finite data set; made by `marginal`.

    Given z, the point x at time t is uniform on the box of half width $(1-t)\pi$ around z. So the velocity is the mean
    of $\mathrm{wrap}(z_i - x)$ over the data in whose box x lies, over 1 - t: mean shift with a shrinking box. Where x
    has left all boxes, as steps can make it do, the nearest point (by the largest angle between them) is aimed at.

    Args:
        torus: Of the path.
        p_data: The data set, of wrapped angles.

    Raises:
        ValueError: If the data are no wrapped angles of that shape.

    Source: Comaniciu and Meer, "Mean shift: a robust approach toward feature space analysis" (2002), for the name.

    Example:
        >>> data = distributions.Empirical(torch.tensor([[3.0], [-3.0]]))
        >>> paths.marginal(paths.GeodesicPath(manifolds.Torus(1)), data).velocity(torch.tensor([[3.1]]), 0.5)
        tensor([[0.0832]])
    """

    def __init__(self, torus: Torus, p_data: Empirical):
        torus.check(p_data.data)
        self.torus = torus
        self.p_data = p_data

    def __repr__(self) -> str:
        return short_repr(self)

    def velocity(self, x: Tensor, t: Time) -> Tensor:
        """Marginal velocity, shape (batch, *event); t from 0 to below 1."""
        at = self._at(x, t)
        parts = []
        for part, left in self._parts(x, 1 - at):
            away, inside = self._boxes(part, left)
            weights = inside.to(x.dtype)
            mean = (weights[..., None] * away).sum(1) / weights.sum(1, keepdim=True)
            parts.append(mean / left)
        return torch.cat(parts).reshape(x.shape)

    def log_prob(self, x: Tensor, t: Time) -> Tensor:
        """log p_t(x), shape (batch,): -inf outside of all boxes."""
        at = self._at(x, t)
        angles = math.prod(self.torus.event_shape)
        volume = (2 * math.pi * (1 - at)).flatten().log() * angles
        shares = [self._inside(*self._away(part), left).double().mean(1) for part, left in self._parts(x, 1 - at)]
        return torch.cat(shares).log().to(x) - volume

    def _at(self, x: Tensor, t: Time) -> Tensor:
        self.torus.check(x)
        at = expand_path_time(t, x)
        if (at >= 1).any():
            raise ValueError("expected times t < 1: at t = 1 all boxes are points")
        return at

    def _parts(self, x: Tensor, left: Tensor):
        """States flattened to (part, d) and what is left of the time, shape () or (part, 1), a part at a time."""
        flat = x.flatten(1)
        size = max(1, PART // self.p_data.data.numel())
        times = left.reshape(-1, 1).expand(len(flat), 1)
        return zip(flat.split(size), times.split(size), strict=True)

    def _away(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Ways to all data points, shape (part, n, d), and the largest angle of each."""
        away = wrap(self.p_data.data.flatten(1).to(x) - x[:, None])
        return away, away.abs().amax(-1)

    @staticmethod
    def _inside(away: Tensor, largest: Tensor, left: Tensor) -> Tensor:
        """In which boxes each state lies, shape (part, n)."""
        return largest <= math.pi * left

    def _boxes(self, x: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """Ways to all data points, and which count: those in whose box x lies, else the nearest."""
        away, largest = self._away(x)
        inside = self._inside(away, largest, left)
        nearest = largest == largest.amin(1, keepdim=True)
        return away, torch.where(inside.any(1, keepdim=True), inside, nearest)
