r"""Stochastic processes $dX_t = \text{drift}(X_t, t)\,dt + \text{diffusion}(X_t, t)\,dW_t$, with exact laws.

`diffusion` is the coefficient, never a random number: the noise is drawn by the simulator.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.schedules import Schedule, convert
from course_utils.shapes import Field, Time, check_same_shape, expand_time


class SDE:
    """A stochastic differential equation: subclasses give its drift and its diffusion coefficient."""

    def drift(self, x: Tensor, t: Time) -> Tensor:
        """Drift, shape (batch, *event)."""
        raise NotImplementedError

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        """Diffusion coefficient, deterministic, broadcasts against (batch, *event)."""
        raise NotImplementedError


def _not_negative(name: str, value: float) -> float:
    if not value >= 0 or math.isinf(value):
        raise ValueError(f"expected a finite {name} that is not negative, got {value}")
    return value


def _elapsed(t: float | int | Tensor, x: Tensor) -> Tensor:
    t = expand_time(t, x)
    if (t < 0).any():
        raise ValueError(f"expected times that are not negative, got {t.min().item():g}")
    return t


class BrownianMotion(SDE):
    r"""$dX_t = \sigma\,dW_t$.

    Args:
        sigma: Diffusion coefficient, not negative.

    Raises:
        ValueError: If `sigma` is negative.

    Source: 6.S184 lecture 1, Brownian motion.
    """

    def __init__(self, sigma: float = 1.0):
        self.sigma = _not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return torch.zeros_like(x)

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return x.new_tensor(self.sigma)

    def transition(self, x0: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        r"""Mean $x_0$ and standard deviation $\sigma\sqrt{t}$ of $X_t$ given $X_0 = x_0$.

        Args:
            x0: Starting states, shape (batch, *event).
            t: Time since the start, shape () or (batch,), not negative.

        Returns:
            Mean, shape of `x0`, and standard deviation, broadcasting against it.

        Raises:
            ValueError: If any `t` is negative.
        """
        return x0, self.sigma * _elapsed(t, x0).sqrt()


def _mean_and_spread(a: Tensor) -> tuple[Tensor, Tensor]:
    r"""Mean $m(a) = (1-e^{-a})/a$ of $e^{-as}$ over s in [0, 1] and its variance $m(2a) - m(a)^2$, for a >= 0.

    For small a the difference would lose its digits; there the variance is, with b = a / 2,
    $e^{-b} m(a) (\cosh b - \sinh(b)/b)$, and the bracket is summed as a power series.
    """

    def m(a: Tensor) -> Tensor:
        return torch.where(a == 0, 1, -torch.expm1(-a) / a)

    b = a / 2
    series = sum(2 * k / math.factorial(2 * k + 1) * b ** (2 * k) for k in range(1, 13))
    return m(a), torch.where(a < 4, torch.exp(-b) * m(a) * series, m(2 * a) - m(a) ** 2)


class OrnsteinUhlenbeck(SDE):
    r"""$dX_t = -\theta X_t\,dt + \sigma\,dW_t$: pulled to 0 and shaken.

    Args:
        theta: Rate of the pull, not negative.
        sigma: Diffusion coefficient, not negative.

    Raises:
        ValueError: If `theta` or `sigma` is negative.

    Source: 6.S184 lecture 1, Ornstein–Uhlenbeck process.
    """

    def __init__(self, theta: float = 1.0, sigma: float = 1.0):
        self.theta, self.sigma = _not_negative("theta", theta), _not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return -self.theta * x

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return x.new_tensor(self.sigma)

    def transition(self, x0: Tensor, t: Time) -> tuple[Tensor, Tensor]:
        r"""Mean $x_0 e^{-\theta t}$ and deviation $\sigma\sqrt{(1-e^{-2\theta t})/2\theta}$ of $X_t$ given $X_0 = x_0$.

        Right at theta = 0, where it is Brownian motion, and for small theta t, where 1 - exp would lose its digits.

        Args:
            x0: Starting states, shape (batch, *event).
            t: Time since the start, shape () or (batch,), not negative.

        Returns:
            Mean, shape of `x0`, and standard deviation, broadcasting against it.

        Raises:
            ValueError: If any `t` is negative.

        Source: 6.S184 lecture 1, Ornstein–Uhlenbeck process.
        """
        t = _elapsed(t, x0)
        variance = t if self.theta == 0 else -torch.expm1(-2 * self.theta * t) / (2 * self.theta)
        return x0 * torch.exp(-self.theta * t), self.sigma * variance.sqrt()

    def exact_step(self, x: Tensor, h: Time, dw: Tensor, xi: Tensor) -> Tensor:
        r"""The solution a time h after x for the increment dw, $e^{-\theta h} x + \sigma [m\,dw + \sqrt{v}\,\xi]$.

        Here $m = (1-e^{-\theta h})/\theta h$, and $v = (1-e^{-2\theta h})/2\theta - m^2 h$ is what dw leaves open.
        Result and dw have their exact joint law: this is what to measure strong errors against.

        Args:
            x: States, shape (batch, *event).
            h: Length of the step, shape () or (batch,), not negative.
            dw: Increment of the Brownian motion over the step, ~ N(0, h), shape of `x`.
            xi: Standard normal noise, independent of dw, same shape.

        Raises:
            ValueError: If `h` is negative or the shapes differ.
        """
        check_same_shape(x=x, dw=dw, xi=xi)
        h = _elapsed(h, x)
        m, spread = _mean_and_spread(self.theta * h)
        return torch.exp(-self.theta * h) * x + self.sigma * (m * dw + (spread * h).sqrt() * xi)

    def stationary(self) -> torch.distributions.Normal:
        r"""The limit law $N(0, \sigma^2 / (2\theta))$.

        Raises:
            ValueError: If theta or sigma is 0: then no limit law with a density exists.
        """
        if self.theta == 0 or self.sigma == 0:
            raise ValueError(f"expected theta > 0 and sigma > 0, got theta = {self.theta}, sigma = {self.sigma}")
        return torch.distributions.Normal(0.0, self.sigma / math.sqrt(2 * self.theta))


class GeometricBrownianMotion(SDE):
    r"""$dX_t = \mu X_t\,dt + \sigma X_t\,dW_t$, whose solution is known path by path.

    Args:
        mu: Growth rate.
        sigma: Volatility, not negative.
    """

    def __init__(self, mu: float = 0.05, sigma: float = 0.2):
        self.mu, self.sigma = mu, _not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return self.mu * x

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return self.sigma * x

    def solution(self, x0: Tensor, t: Time, w: Tensor) -> Tensor:
        r"""$X_t = x_0 \exp((\mu - \sigma^2/2)\,t + \sigma W_t)$ for the given value `w` of $W_t$.

        Args:
            x0: Starting states, shape (batch, *event).
            t: Time since the start, shape () or (batch,), not negative.
            w: The driving Brownian motion at t, shape of `x0`.
        """
        return x0 * torch.exp((self.mu - self.sigma**2 / 2) * _elapsed(t, x0) + self.sigma * w)


class Langevin(SDE):
    r"""$dX_t = \frac{\sigma^2}{2} \nabla\log p(X_t)\,dt + \sigma\,dW_t$, which leaves p unchanged.

    Args:
        score: The score of p, from states (batch, *event) to the same shape.
        sigma: Diffusion coefficient, not negative.
    """

    def __init__(self, score: Callable[[Tensor], Tensor], sigma: float = 1.0):
        self.score, self.sigma = score, _not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return self.sigma**2 / 2 * self.score(x)

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return x.new_tensor(self.sigma)


class FlowSDE(SDE):
    r"""The SDE extension of a flow: $dX_t = (u_t + \frac{\sigma_t^2}{2} \nabla\log p_t)\,dt + \sigma_t\,dW_t$.

    Its marginals are those of the flow, for every diffusion coefficient $\sigma_t$.

    Args:
        velocity: The marginal velocity field u(x, t).
        score: The marginal score, a field as well.
        sigma: Diffusion coefficient: a number, or a function of the time, elementwise; not negative.

    Source: 6.S184 lecture 3, SDE extension trick.
    """

    def __init__(self, velocity: Field, score: Field, sigma: float | Callable[[Tensor], Tensor] = 1.0):
        self._fields = lambda x, t: (velocity(x, t), score(x, t))
        self._set_sigma(sigma)

    def _set_sigma(self, sigma: float | Callable[[Tensor], Tensor]) -> None:
        if not callable(sigma):
            _not_negative("sigma", sigma)
        self.sigma = sigma

    @classmethod
    def from_velocity(cls, velocity: Field, schedule: Schedule, sigma: float | Callable[[Tensor], Tensor]) -> "FlowSDE":
        """The same from the velocity alone: its score follows by `convert`, so a step evaluates one network once."""
        sde = cls.__new__(cls)

        def fields(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
            u = velocity(x, t)
            return u, convert(u, x, t, schedule, source="velocity", target="score")

        sde._fields = fields
        sde._set_sigma(sigma)
        return sde

    def drift(self, x: Tensor, t: Time) -> Tensor:
        u, score = self._fields(x, t)
        return u + self.diffusion(x, t) ** 2 / 2 * score

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        if not callable(self.sigma):
            return x.new_tensor(self.sigma)
        sigma = self.sigma(expand_time(t, x))
        if not (sigma >= 0).all():
            raise ValueError(f"expected a diffusion coefficient that is not negative, got {sigma.min().item():g}")
        return sigma
