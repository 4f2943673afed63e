r"""Schedules $\alpha_t, \beta_t$ of Gaussian probability paths $p_t(x|z) = N(\alpha_t z, \beta_t^2 I)$.

A schedule says how much data and how much noise a path mixes at time t. `convert` turns the four things
that a network may predict into one another; it is algebra on

    x = alpha z + beta noise,        velocity = alpha_dot z + beta_dot noise,        score = -noise / beta.

Source: 6.S184 lectures 2 and 3.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.shapes import Time, check_same_shape, expand_time

CLOSE = 1e-3
"""How far before t = 1 the fields of a path that ends in pure data stop being evaluated."""


def derivative(f: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """df/dt of an elementwise function by automatic differentiation, shape of `t`; also under `torch.no_grad`."""
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
    """

    span: tuple[float, float] = (0.0, 1.0 - CLOSE)
    prior_std: float = 1.0

    def alpha(self, t: Tensor) -> Tensor:
        """Factor of the data, elementwise in `t`."""
        raise NotImplementedError

    def beta(self, t: Tensor) -> Tensor:
        """Factor of the noise, elementwise in `t`."""
        raise NotImplementedError

    def alpha_dot(self, t: Tensor) -> Tensor:
        """Time derivative of `alpha`."""
        return derivative(self.alpha, t)

    def beta_dot(self, t: Tensor) -> Tensor:
        """Time derivative of `beta`."""
        return derivative(self.beta, t)

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Both derivatives.

        Raises:
            ValueError: At times at which one of them is not finite.
        """
        alpha_dot, beta_dot = self.alpha_dot(t), self.beta_dot(t)
        infinite = ~(alpha_dot + beta_dot).isfinite()  # a sum is finite only where both are
        if infinite.any():
            raise ValueError(f"{type(self).__name__} has an infinite derivative at t = {t[infinite][0].item():g}")
        return alpha_dot, beta_dot

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
        slack = 4 * torch.finfo(t.dtype).eps
        if not ((t >= first - slack) & (t <= last + slack)).all():
            raise ValueError(
                f"expected times in the span [{first:g}, {last:g}] of {type(self).__name__}, "
                f"got times from {t.min().item():.6g} to {t.max().item():.6g}; sample on schedule.grid(steps)"
            )


class Linear(Schedule):
    r"""$\alpha_t = t$, $\beta_t = 1 - t$: the straight path from noise to data.

    Source: 6.S184 lecture 3, CondOT path; CS280, "A very simple way".
    """

    def alpha(self, t: Tensor) -> Tensor:
        return t

    def beta(self, t: Tensor) -> Tensor:
        return 1 - t

    def alpha_dot(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return -torch.ones_like(t)


class Cosine(Schedule):
    r"""$\alpha_t = \sin(\pi t/2)$, $\beta_t = \cos(\pi t/2)$, so that $\alpha_t^2 + \beta_t^2 = 1$."""

    def alpha(self, t: Tensor) -> Tensor:
        return torch.sin(t * math.pi / 2)

    def beta(self, t: Tensor) -> Tensor:
        return torch.sin((1 - t) * math.pi / 2)

    def alpha_dot(self, t: Tensor) -> Tensor:
        return math.pi / 2 * self.beta(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return -math.pi / 2 * self.alpha(t)


class VariancePreserving(Schedule):
    r"""$\log\alpha_t = -\frac14 (1-t)^2 (b_{max} - b_{min}) - \frac12 (1-t) b_{min}$, $\beta_t^2 = 1 - \alpha_t^2$.

    At t = 0 a little data is left, alpha = 0.0066 with the default rates: p_0 is close to N(0, I), not equal to it.

    Args:
        b_min, b_max: Noise rates of the forward process at the data and at the noise end, 0 < b_min <= b_max.

    Raises:
        ValueError: If the rates are not in this order.

    Source: Song et al., "Score-based generative modeling through SDEs" (2021), VP SDE with time inverted.
    """

    def __init__(self, b_min: float = 0.1, b_max: float = 20.0):
        if not 0 < b_min <= b_max:
            raise ValueError(f"expected 0 < b_min <= b_max, got {b_min} and {b_max}")
        self.b_min, self.b_max = b_min, b_max

    def _log_alpha(self, t: Tensor) -> Tensor:
        return -((1 - t) ** 2) * (self.b_max - self.b_min) / 4 - (1 - t) * self.b_min / 2

    def alpha(self, t: Tensor) -> Tensor:
        return self._log_alpha(t).exp()

    def beta(self, t: Tensor) -> Tensor:
        return (-torch.expm1(2 * self._log_alpha(t))).sqrt()

    def alpha_dot(self, t: Tensor) -> Tensor:
        return self.alpha(t) * ((1 - t) * (self.b_max - self.b_min) + self.b_min) / 2

    def beta_dot(self, t: Tensor) -> Tensor:
        return -self.alpha(t) * self.alpha_dot(t) / self.beta(t)


class VarianceExploding(Schedule):
    r"""$\alpha_t = 1$, $\beta_t = s_{min}^t s_{max}^{1-t}$: noise is added, data never shrinks.

    At t = 1 noise of standard deviation s_min is left; a last Tweedie step (`convert` to data) removes it. At t = 0
    the data is still there: sampling starts from N(0, s_max^2), which comes close if s_max is large.

    Args:
        s_min, s_max: Standard deviation of the noise at t = 1 and at t = 0, 0 < s_min < s_max.

    Raises:
        ValueError: If they are not in this order.

    Source: Song et al., "Score-based generative modeling through SDEs" (2021), VE SDE with time inverted.
    """

    span = (0.0, 1.0)

    def __init__(self, s_min: float = 0.01, s_max: float = 50.0):
        if not 0 < s_min < s_max:
            raise ValueError(f"expected 0 < s_min < s_max, got {s_min} and {s_max}")
        self.s_min, self.s_max = s_min, s_max
        self.prior_std = s_max

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def beta(self, t: Tensor) -> Tensor:
        return torch.exp(t * math.log(self.s_min) + (1 - t) * math.log(self.s_max))

    def alpha_dot(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return self.beta(t) * math.log(self.s_min / self.s_max)


PREDICTIONS = ("velocity", "score", "noise", "data")


def convert(value: Tensor, x: Tensor, t: Time, schedule: Schedule, *, source: str, target: str) -> Tensor:
    """Turn one prediction at (x, t) into another: velocity, score, noise or data.

    Works for conditional and for marginal quantities alike, since all four are affine in one another.
    Singular ends: from score or noise, alpha = 0 is refused unless the target is one of these two; from
    data, from score and to score, beta = 0 is refused; from and to velocity, times at which the derivatives
    of the schedule are not finite are refused; from velocity, too, times at which alpha / beta stands still.
    Nothing else is singular. Close to such a time, digits are lost: about as many as alpha or beta has zeros.

    Args:
        value: What is known, of the kind `source`, shape (batch, *event).
        x: States, same shape.
        t: Time, a number or shape () or (batch,).
        schedule: The schedule of the path.
        source: One of "velocity", "score", "noise", "data".
        target: One of the same four.

    Returns:
        The prediction of the kind `target`, same shape.

    Raises:
        ValueError: At a singular end, for an unknown kind, or for shapes that differ.

    Source: 6.S184 lecture 3, "Conversion formula for DDMs"; the data form is Tweedie's formula.
    """
    for kind in (source, target):
        if kind not in PREDICTIONS:
            raise ValueError(f"expected one of {', '.join(PREDICTIONS)}, got {kind!r}")
    check_same_shape(value=value, x=x)
    if source == target:
        return value
    t = expand_time(t, x)
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    if source in ("data", "score") or target == "score":
        _refuse(beta == 0, "beta = 0", t, source, target)

    if source == "velocity" or target == "velocity":
        alpha_dot, beta_dot = schedule.alpha_dot(t), schedule.beta_dot(t)
        _refuse(~(alpha_dot.isfinite() & beta_dot.isfinite()), "an infinite derivative", t, source, target)
    if source == "velocity":
        determinant = alpha_dot * beta - alpha * beta_dot
        _refuse(determinant == 0, "a ratio alpha / beta that stands still", t, source, target)
        noise = (alpha_dot * x - alpha * value) / determinant
        data = (beta * value - beta_dot * x) / determinant
    elif source == "data":
        noise, data = (x - alpha * value) / beta, value
    else:
        noise = value if source == "noise" else -beta * value
        if target in ("data", "velocity"):
            _refuse(alpha == 0, "alpha = 0", t, source, target)
            data = (x - beta * noise) / alpha

    if target == "score":
        return -noise / beta
    if target == "velocity":
        return alpha_dot * data + beta_dot * noise
    return noise if target == "noise" else data


def reparametrised(model: Callable[[Tensor, Tensor], Tensor], schedule: Schedule) -> Callable[[Tensor, Tensor], Tensor]:
    r"""The velocity field under any schedule that a velocity field of the linear path amounts to.

    $\alpha_t z + \beta_t \epsilon$ is $\alpha_t + \beta_t$ times the point $s z + (1 - s) \epsilon$ of the linear path
    at the time $s = \alpha_t / (\alpha_t + \beta_t)$ of equal signal-to-noise ratio: one network serves all schedules.
    At times at which the derivatives of the schedule are not finite, the field raises a ValueError.

    Args:
        model: Velocity on the `Linear` path, called as model(x, t).
        schedule: The schedule of the field that is returned.

    Source: Karras et al., "Elucidating the design space of diffusion-based generative models" (2022); Lipman et al.,
    "Flow matching guide and code" (2024), scheduler change.
    """

    def velocity(x: Tensor, t: Time) -> Tensor:
        at = expand_time(t, x)
        alpha, beta, (alpha_dot, beta_dot) = schedule.alpha(at), schedule.beta(at), schedule.rates(at)
        s = alpha / (alpha + beta)
        linear = x / (alpha + beta)
        u = model(linear, s.flatten() if s.ndim else s)
        data, noise = linear + (1 - s) * u, linear - s * u
        return alpha_dot * data + beta_dot * noise

    return velocity


def _refuse(singular: Tensor, why: str, t: Tensor, source: str, target: str) -> None:
    if singular.any():
        when = t.expand_as(singular)[singular].flatten()[0].item()
        raise ValueError(f"{source} cannot be turned into {target} at t = {when:g}: the schedule has {why} there")
