"""The schedules that have names."""

import math

import torch
from torch import Tensor

from course_utils.schedules.base import Schedule
from course_utils.shapes import short_repr

__all__ = ["Cosine", "Linear", "VarianceExploding", "VariancePreserving"]


class Linear(Schedule):
    r"""$\alpha_t = t$, $\beta_t = 1 - t$: the straight path from noise to data.

    Source: 6.S184 lecture 3, CondOT path; CS280, "A very simple way".

    Example:
        >>> schedules.Linear().grid(3)
        tensor([0.0000, 0.3330, 0.6660, 0.9990])
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
    r"""$\alpha_t = \sin(\pi t/2)$, $\beta_t = \cos(\pi t/2)$, so that $\alpha_t^2 + \beta_t^2 = 1$.

    Example:
        >>> schedules.Cosine().alpha(torch.tensor([0.0, 0.5, 1.0]))
        tensor([0.0000, 0.7071, 1.0000])
    """

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

    Example:
        >>> schedules.VariancePreserving().beta(torch.tensor([0.0, 1.0]))
        tensor([1.0000, 0.0000])
    """

    def __init__(self, b_min: float = 0.1, b_max: float = 20.0):
        if not 0 < b_min <= b_max:
            raise ValueError(f"expected 0 < b_min <= b_max, got {b_min} and {b_max}")
        self.b_min = b_min
        self.b_max = b_max

    def _log_alpha(self, t: Tensor) -> Tensor:
        return -((1 - t) ** 2) * (self.b_max - self.b_min) / 4 - (1 - t) * self.b_min / 2

    def alpha(self, t: Tensor) -> Tensor:
        return self._log_alpha(t).exp()

    def beta(self, t: Tensor) -> Tensor:
        return (-torch.expm1(2 * self._log_alpha(t))).sqrt()

    def alpha_dot(self, t: Tensor) -> Tensor:
        return self.alpha(t) * ((1 - t) * (self.b_max - self.b_min) + self.b_min) / 2

    def beta_dot(self, t: Tensor) -> Tensor:
        return self.check_finite(-self.alpha(t) * self.alpha_dot(t) / self.beta(t), t)


class VarianceExploding(Schedule):
    r"""$\alpha_t = 1$, $\beta_t = s_{min}^t s_{max}^{1-t}$: noise is added, data never shrinks.

    At t = 1 noise of standard deviation s_min is left; a last Tweedie step (`convert` to data) removes it. At t = 0
    the data is still there: sampling starts from N(0, s_max^2), which comes close if s_max is large.

    Args:
        s_min, s_max: Standard deviation of the noise at t = 1 and at t = 0, 0 < s_min < s_max.

    Raises:
        ValueError: If they are not in this order.

    Source: Song et al., "Score-based generative modeling through SDEs" (2021), VE SDE with time inverted.

    Example:
        >>> schedules.VarianceExploding(s_min=0.1, s_max=10.0).beta(torch.tensor([0.0, 0.5, 1.0]))
        tensor([10.0000,  1.0000,  0.1000])
    """

    span = (0.0, 1.0)

    def __init__(self, s_min: float = 0.01, s_max: float = 50.0):
        if not 0 < s_min < s_max:
            raise ValueError(f"expected 0 < s_min < s_max, got {s_min} and {s_max}")
        self.s_min = s_min
        self.s_max = s_max
        self.prior_std = s_max

    def __repr__(self) -> str:
        return short_repr(self, s_min=self.s_min, s_max=self.s_max)

    def alpha(self, t: Tensor) -> Tensor:
        return torch.ones_like(t)

    def beta(self, t: Tensor) -> Tensor:
        return torch.exp(t * math.log(self.s_min) + (1 - t) * math.log(self.s_max))

    def alpha_dot(self, t: Tensor) -> Tensor:
        return torch.zeros_like(t)

    def beta_dot(self, t: Tensor) -> Tensor:
        return self.beta(t) * math.log(self.s_min / self.s_max)
