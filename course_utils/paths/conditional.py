"""Paths to one data point: a sample, its velocity, its score."""

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Generator, Tensor

from course_utils.distributions.base import Noise
from course_utils.schedules import Linear, Schedule
from course_utils.shapes import Time, as_floats, check_same_shape, expand_path_time, expand_time, short_repr

__all__ = ["BridgeSample", "GaussianPath", "LinearPath", "PathSample", "bridge_source"]


@dataclass(frozen=True, repr=False)
class PathSample:
    """A point on a conditional path, with what it was made from.

    Attributes:
        x: alpha z + beta noise, shape (batch, *event).
        t: Time, shape () or (batch,).
        z: Data, shape of `x`.
        noise: Noise, or the point of another source; shape of `x`.
        schedule: The schedule of the path.

    Example:
        >>> z = torch.ones(3, 2)
        >>> sample = paths.GaussianPath().sample(z, 0.25, noise=torch.zeros(3, 2))
        >>> sample
        PathSample(x=(3, 2), t=0.25, z=(3, 2), noise=(3, 2), schedule=Linear())
    """

    x: Tensor
    t: Time
    z: Tensor
    noise: Tensor
    schedule: Schedule

    def __repr__(self) -> str:
        return short_repr(self)

    @property
    def velocity(self) -> Tensor:
        r"""The conditional velocity at x, $\dot\alpha_t z + \dot\beta_t \epsilon$.

        Raises:
            ValueError: Where the schedule has an infinite derivative; `Linear` and `Cosine` have none.
        """
        alpha_dot, beta_dot = self.schedule.rates(expand_path_time(self.t, self.x))
        return alpha_dot * self.z + beta_dot * self.noise

    @property
    def score(self) -> Tensor:
        r"""The conditional score at x, $-\epsilon / \beta_t$. ValueError where beta = 0."""
        beta = self.schedule.beta(expand_path_time(self.t, self.x))
        if (beta == 0).any():
            raise ValueError("the score -noise / beta is infinite where beta = 0 (t = 1)")
        return -self.noise / beta


class BridgeSample(PathSample):
    """A point between a pair of a source and a data point; the source need not be Gaussian, so it has no score.

    Example:
        >>> paths.LinearPath().sample(torch.ones(3, 2), 0.25, x0=torch.zeros(3, 2)).velocity[0]
        tensor([1., 1.])
    """

    @property
    def score(self) -> Tensor:
        raise TypeError("a path between arbitrary distributions has no known score; GaussianPath has")


class GaussianPath:
    r"""$p_t(x|z) = N(\alpha_t z, \beta_t^2 I)$.

    Args:
        schedule: Gives alpha and beta; by default `Linear`, the CondOT path.

    Source: 6.S184 lecture 3, Gaussian probability path.

    Example:
        >>> path = paths.GaussianPath(schedules.Cosine())
        >>> path.sample(torch.ones(3, 2), torch.rand(3), generator=torch.Generator().manual_seed(0)).x.shape
        torch.Size([3, 2])
    """

    def __init__(self, schedule: Schedule | None = None):
        self.schedule = schedule or Linear()

    def __repr__(self) -> str:
        return short_repr(self)

    def sample(self, z: Tensor, t: Time, noise: Tensor | None = None, generator: Generator | None = None) -> PathSample:
        """x = alpha z + beta noise.

        Args:
            z: Data, shape (batch, *event).
            t: Time from 0 to 1, shape () or (batch,).
            noise: Standard normal noise, shape of `z`; drawn here if not given.
            generator: Source of that noise.

        Raises:
            ValueError: If the shapes do not fit, or a time is not within 0 to 1.
        """
        z = as_floats(z)
        at = expand_path_time(t, z)
        if noise is None:
            noise = Noise(generator, z).normal(*z.shape)
        check_same_shape(z=z, noise=noise)
        x = self.schedule.alpha(at) * z + self.schedule.beta(at) * noise
        return PathSample(x, t, z, noise, self.schedule)

    def velocity(self, x: Tensor, z: Tensor, t: Time) -> Tensor:
        r"""Conditional vector field $(\dot\alpha_t - \alpha_t \dot\beta_t / \beta_t) z + (\dot\beta_t / \beta_t) x$.

        Args:
            x, z: States and data points, shape (batch, *event).
            t: Time within `schedule.span`.

        Raises:
            ValueError: Outside the span, or if shapes differ.

        Source: 6.S184 lecture 3, conditional vector field.
        """
        alpha, beta, at = self._at(x, z, t)
        rate = self.schedule.beta_dot(at) / beta
        return (self.schedule.alpha_dot(at) - rate * alpha) * z + rate * x

    def score(self, x: Tensor, z: Tensor, t: Time) -> Tensor:
        r"""Conditional score $-(x - \alpha_t z) / \beta_t^2$; arguments and errors as for `velocity`."""
        alpha, beta, _ = self._at(x, z, t)
        return -(x - alpha * z) / beta**2

    def log_prob(self, x: Tensor, z: Tensor, t: Time) -> Tensor:
        """log p_t(x|z), shape (batch,); arguments and errors as for `velocity`."""
        alpha, beta, _ = self._at(x, z, t)
        log_p = -0.5 * ((x - alpha * z) / beta) ** 2 - beta.log() - 0.5 * math.log(2 * math.pi)
        return log_p.flatten(1).sum(1)

    def _at(self, x: Tensor, z: Tensor, t: Time) -> tuple[Tensor, Tensor, Tensor]:
        check_same_shape(x=x, z=z)
        at = expand_time(t, x)
        self.schedule.check_span(at)
        return self.schedule.alpha(at), self.schedule.beta(at), at


class LinearPath:
    """x = (1 - t) x0 + t z, from any source x0, paired with z or not.

    Source: CS280, "A very simple way"; 6.S184 lecture 3, bridging arbitrary distributions.

    Example:
        >>> paths.LinearPath().sample(torch.ones(3, 2), 0.25, x0=torch.zeros(3, 2)).x[0]
        tensor([0.2500, 0.2500])
    """

    schedule = Linear()

    def __repr__(self) -> str:
        return short_repr(self)

    def sample(self, z: Tensor, t: Time, x0: Tensor | None = None, generator: Generator | None = None) -> BridgeSample:
        """The point at time t between x0 and z, both of shape (batch, *event).

        Raises:
            ValueError: If x0 is missing (there is no default source) or has another shape than z, or a time is not
                within 0 to 1.
        """
        if x0 is None:
            raise ValueError("expected source points x0: a linear path has no default source")
        check_same_shape(z=z, x0=x0)
        z = as_floats(z)
        x0 = as_floats(x0)
        at = expand_path_time(t, z)
        return BridgeSample((1 - at) * x0 + at * z, t, z, x0, self.schedule)

    def velocity(self, x: Tensor, z: Tensor, t: Time) -> Tensor:
        """(z - x) / (1 - t), which is z - x0 on the path; t within the span of `Linear`."""
        check_same_shape(x=x, z=z)
        at = expand_time(t, x)
        self.schedule.check_span(at)
        return (z - x) / (1 - at)


def bridge_source(z: Tensor, noise: Tensor, s: float, factor: int = 4) -> Tensor:
    """A source for `LinearPath` that knows z at low resolution: up(down(z)) + s noise, paired with its own z.

    Args:
        z: Images, shape (batch, channels, height, width).
        noise: Standard normal noise, same shape: without it one small image could lead to one large one only.
        s: Standard deviation of the noise.
        factor: Side of the blocks of pixels that are averaged; height and width are multiples of it.

    Raises:
        ValueError: If the shapes differ or do not divide into blocks.

    Source: 6.S184 lecture 3, bridging arbitrary distributions.

    Example:
        >>> paths.bridge_source(torch.ones(1, 1, 8, 8), torch.zeros(1, 1, 8, 8), s=0.5).mean()
        tensor(1.)
    """
    check_same_shape(z=z, noise=noise)
    z = as_floats(z)
    if z.ndim != 4 or z.shape[2] % factor or z.shape[3] % factor:
        raise ValueError(f"expected images that divide into blocks of {factor}×{factor}, got shape {tuple(z.shape)}")
    return F.interpolate(F.avg_pool2d(z, factor), scale_factor=factor) + s * noise
