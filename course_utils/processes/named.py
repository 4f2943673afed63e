"""The processes whose law is known exactly."""

import math

import torch
from torch import Tensor

from course_utils.processes.base import SDE, constant, elapsed, not_negative
from course_utils.shapes import Time, as_floats, check_same_shape, float_type

__all__ = ["BrownianMotion", "GeometricBrownianMotion", "OrnsteinUhlenbeck"]


class BrownianMotion(SDE):
    r"""$dX_t = \sigma\,dW_t$.

    Args:
        sigma: Diffusion coefficient, not negative.

    Raises:
        ValueError: If `sigma` is negative.

    Source: 6.S184 lecture 1, Brownian motion.

    Example:
        >>> processes.BrownianMotion(sigma=2.0).transition(torch.zeros(3, 1), 4.0)[1]
        tensor(4.)
    """

    def __init__(self, sigma: float = 1.0):
        self.sigma = not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return torch.zeros_like(x, dtype=float_type(x))

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return constant(self.sigma, x)

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
        return as_floats(x0), self.sigma * elapsed(t, x0).sqrt()


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

    Example:
        >>> processes.OrnsteinUhlenbeck(theta=1.0, sigma=1.0).transition(torch.tensor([[5.0]]), 0.5)
        (tensor([[3.0327]]), tensor(0.5622))
    """

    def __init__(self, theta: float = 1.0, sigma: float = 1.0):
        self.theta = not_negative("theta", theta)
        self.sigma = not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return -self.theta * x

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return constant(self.sigma, x)

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
        t = elapsed(t, x0)
        if self.theta == 0:
            variance = t
        else:
            variance = -torch.expm1(-2 * self.theta * t) / (2 * self.theta)
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
        h = elapsed(h, x)
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

    Raises:
        ValueError: If `sigma` is negative.

    Example:
        >>> x0, w = torch.tensor([[100.0]]), torch.tensor([[0.5]])
        >>> processes.GeometricBrownianMotion(mu=0.05, sigma=0.2).solution(x0, 1.0, w)
        tensor([[113.8828]])
    """

    def __init__(self, mu: float = 0.05, sigma: float = 0.2):
        self.mu = mu
        self.sigma = not_negative("sigma", sigma)

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
        growth = (self.mu - self.sigma**2 / 2) * elapsed(t, x0)
        return x0 * torch.exp(growth + self.sigma * w)
