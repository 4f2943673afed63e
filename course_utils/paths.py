r"""Probability paths from noise to data: conditional (one data point) and marginal (the whole distribution)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution

from course_utils.distributions import Posterior
from course_utils.schedules import Linear, Schedule
from course_utils.shapes import Time, check_same_shape, expand_time


@dataclass(frozen=True)
class PathSample:
    """A point on a conditional path, with what it was made from.

    Attributes:
        x: alpha z + beta noise, shape (batch, *event).
        t: Time, shape () or (batch,).
        z: Data, shape of `x`.
        noise: Noise, or the point of another source; shape of `x`.
        schedule: The schedule of the path.
    """

    x: Tensor
    t: Time
    z: Tensor
    noise: Tensor
    schedule: Schedule

    @property
    def velocity(self) -> Tensor:
        r"""The conditional velocity at x, $\dot\alpha_t z + \dot\beta_t \epsilon$, finite at t = 1 as well."""
        t = expand_time(self.t, self.x)
        return self.schedule.alpha_dot(t) * self.z + self.schedule.beta_dot(t) * self.noise

    @property
    def score(self) -> Tensor:
        r"""The conditional score at x, $-\epsilon / \beta_t$. ValueError where beta = 0."""
        beta = self.schedule.beta(expand_time(self.t, self.x))
        if (beta == 0).any():
            raise ValueError("the score -noise / beta is infinite where beta = 0 (t = 1)")
        return -self.noise / beta


class BridgeSample(PathSample):
    """A point between a pair of a source and a data point; the source need not be Gaussian, so it has no score."""

    @property
    def score(self) -> Tensor:
        raise TypeError("a path between arbitrary distributions has no known score; GaussianPath has")


class GaussianPath:
    r"""$p_t(x|z) = N(\alpha_t z, \beta_t^2 I)$.

    Args:
        schedule: Gives alpha and beta; by default `Linear`, the CondOT path.

    Source: 6.S184 lecture 3, Gaussian probability path.
    """

    def __init__(self, schedule: Schedule | None = None):
        self.schedule = schedule or Linear()

    def sample(
        self, z: Tensor, t: Time, noise: Tensor | None = None, generator: torch.Generator | None = None
    ) -> PathSample:
        """x = alpha z + beta noise.

        Args:
            z: Data, shape (batch, *event).
            t: Time, shape () or (batch,).
            noise: Standard normal noise, shape of `z`; drawn here if not given.
            generator: Source of that noise.

        Raises:
            ValueError: If the shapes do not fit.
        """
        if noise is None:
            noise = torch.empty_like(z).normal_(generator=generator)
        check_same_shape(z=z, noise=noise)
        at = expand_time(t, z)
        return PathSample(self.schedule.alpha(at) * z + self.schedule.beta(at) * noise, t, z, noise, self.schedule)

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
    """

    schedule = Linear()

    def sample(
        self, z: Tensor, t: Time, x0: Tensor | None = None, generator: torch.Generator | None = None
    ) -> BridgeSample:
        """The point at time t between x0 and z, both of shape (batch, *event).

        Raises:
            ValueError: If x0 is missing (there is no default source) or has another shape than z.
        """
        if x0 is None:
            raise ValueError("expected source points x0: a linear path has no default source")
        check_same_shape(z=z, x0=x0)
        at = expand_time(t, z)
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
    """
    check_same_shape(z=z, noise=noise)
    if z.ndim != 4 or z.shape[2] % factor or z.shape[3] % factor:
        raise ValueError(f"expected images that divide into blocks of {factor}×{factor}, got shape {tuple(z.shape)}")
    return F.interpolate(F.avg_pool2d(z, factor), scale_factor=factor) + s * noise


def marginal(path: GaussianPath, p_data: Distribution | Mapping) -> "Marginal | LabelledMarginal":
    r"""Exact density, velocity and score of $p_t(x) = \int p_t(x|z) p_{data}(z) dz$.

    Args:
        path: A Gaussian path.
        p_data: A distribution with a closed form (`GaussianMixture`, `Empirical`, ...), or a mapping from
            labels 0..n-1 to such distributions, with None for the null label n; then the methods take (x, t, y).

    Raises:
        TypeError: If `path` is not Gaussian or a distribution has no closed form.
        ValueError: If the labels are not 0..n-1.

    Source: 6.S184 lecture 3, marginalization trick.
    """
    if not isinstance(path, GaussianPath):
        raise TypeError(f"expected a GaussianPath, got {type(path).__name__}")
    if isinstance(p_data, Mapping):
        return LabelledMarginal({label: marginal(path, dist) for label, dist in p_data.items()})
    if not hasattr(p_data, "posterior"):
        raise TypeError(f"no closed form is known for {type(p_data).__name__}; it has no posterior(x, alpha, beta)")
    return Marginal(path.schedule, p_data)


class Marginal:
    """Exact fields of a Gaussian path to one distribution; made by `marginal`.

    Where the posterior is singular (a data set, or a Gaussian without width, at beta = 0) or the schedule has no finite
    derivative, a ValueError is raised.
    """

    def __init__(self, schedule: Schedule, p_data: Distribution):
        self.schedule, self.p_data = schedule, p_data

    def posterior(self, x: Tensor, t: Time) -> Posterior:
        """E[z | x] and E[noise | x]."""
        return self.p_data.posterior(x, *self._factors(x, t))

    def velocity(self, x: Tensor, t: Time) -> Tensor:
        """Marginal velocity alpha_dot E[z | x] + beta_dot E[noise | x], shape (batch, *event)."""
        at = expand_time(t, x)
        known, (alpha_dot, beta_dot) = self.posterior(x, t), self.schedule.rates(at)
        return alpha_dot * known.data + beta_dot * known.noise

    def score(self, x: Tensor, t: Time) -> Tensor:
        """Marginal score -E[noise | x] / beta, shape (batch, *event); t within the span."""
        at = expand_time(t, x)
        self.schedule.check_span(at)
        return -self.posterior(x, t).noise / self.schedule.beta(at)

    def log_prob(self, x: Tensor, t: Time) -> Tensor:
        """log p_t(x), shape (batch,)."""
        return self.p_data.noisy_log_prob(x, *self._factors(x, t))

    def _factors(self, x: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        at = expand_time(t, x)
        if self.p_data.singular:
            self.schedule.check_span(at)
        return self.schedule.alpha(at), self.schedule.beta(at)


class LabelledMarginal:
    """Exact fields for each label; made by `marginal`. Without labels, the null label's are meant."""

    def __init__(self, marginals: dict):
        labels = [label for label in marginals if label is not None]
        self.marginals, self.null = dict(marginals), len(labels)
        if set(labels) != set(range(self.null)):
            raise ValueError(f"expected the labels 0 to n-1 and None for the null label, got {list(marginals)}")

    def velocity(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal velocity given the label of each state, shape (batch, *event)."""
        return self._each("velocity", x, t, y)

    def score(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal score given the label of each state, shape (batch, *event)."""
        return self._each("score", x, t, y)

    def log_prob(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """log p_t(x | y), shape (batch,)."""
        return self._each("log_prob", x, t, y)

    def _each(self, method: str, x: Tensor, t: Time, y: Tensor | None) -> Tensor:
        y = torch.full((len(x),), self.null) if y is None else y
        if y.shape != (len(x),):
            raise ValueError(f"expected one label for each of {len(x)} states, got labels of shape {tuple(y.shape)}")
        t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
        expand_time(t, x)
        out = x.new_empty(len(x) if method == "log_prob" else x.shape)
        order = y.argsort()
        labels, counts = y[order].unique_consecutive(return_counts=True)
        for label, rows in zip(labels.tolist(), order.split(counts.tolist()), strict=True):
            key = None if label == self.null else label
            if key not in self.marginals:
                known = [k for k in self.marginals if k is not None]
                raise ValueError(f"expected labels among {known} (null label {self.null}), got {label}")
            out[rows] = getattr(self.marginals[key], method)(x[rows], t[rows] if t.ndim else t)
        return out
