"""A closed form plus a network for what it leaves over."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.schedules import Linear, Schedule
from course_utils.shapes import Time, as_floats, expand_time

__all__ = ["Residual", "ResidualScale"]


class Residual(Network):
    """`base(x, t, y) + scale(t) * net(x, t, y)`: a closed form does what it can, the network learns the rest.

    Before the time `start` the base stands alone, and nothing is spent on the network.

    Args:
        base: A field, for instance `marginal(...).velocity`. Not trained, unless it is a module itself.
        scale: Size of what the base leaves over at time t, such as `ResidualScale`; shape of t to shape of t.
        net: A network.
        start: Time from which on the network adds to the base.

    Example:
        >>> networks.Residual(lambda x, t: -x, torch.ones_like, networks.MLP(2, hidden=8, depth=1))
        Residual(net=MLP, start=0), 378 parameters
    """

    def __init__(self, base: Callable, scale: Callable[[Tensor], Tensor], net: nn.Module, start: float = 0.0):
        super().__init__()
        self.base = base
        self.scale = scale
        self.net = net
        self.start = start

    def extra_repr(self) -> str:
        return f"net={type(self.net).__name__}, start={self.start:g}"

    def forward(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        x = as_floats(x)
        t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
        label = () if y is None else (y,)
        return self.base(x, t, *label) + self.learned(x, t, *label)

    def learned(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """What the network adds, `scale(t) * net(x, t, y)`, and 0 before `start`; shape of x."""
        x = as_floats(x)
        t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
        begun = t >= self.start
        if not begun.any():
            return torch.zeros_like(x)
        label = () if y is None else (y,)
        return expand_time(self.scale(t) * begun, x) * self.net(x, t, *label)


class ResidualScale(Network):
    r"""How much of the conditional velocity is left open by x, if the data were Gaussian: its standard deviation.

    With $\lambda$ the variances of the data along its principal directions,
    $|\dot\alpha\beta - \alpha\dot\beta|\,\sqrt{\text{mean}(\lambda / (\alpha^2\lambda + \beta^2))}$; on the linear path
    the first factor is 1.

    Args:
        variances: Variances of the data, shape (d,), or one number.
        schedule: Schedule of the path, by default `Linear`.

    Raises:
        ValueError: If a variance is not positive.

    Example:
        >>> networks.ResidualScale(4.0)(torch.tensor([0.0, 1.0]))
        tensor([2., 1.])
    """

    variances: Tensor

    def __init__(self, variances: Tensor | float, schedule: Schedule | None = None):
        super().__init__()
        lam: Tensor = torch.atleast_1d(torch.as_tensor(variances, dtype=torch.get_default_dtype()))
        if not (lam > 0).all():
            raise ValueError(f"expected positive variances, got {lam.min().item():g}")
        self.register_buffer("variances", lam, persistent=False)
        self.schedule = schedule or Linear()

    def extra_repr(self) -> str:
        return f"{len(self.variances)} variances, {type(self.schedule).__name__}"

    def forward(self, t: Tensor) -> Tensor:
        variances = self.variances.to(t)
        alpha = self.schedule.alpha(t)
        beta = self.schedule.beta(t)
        rate = self.schedule.alpha_dot(t) * beta - alpha * self.schedule.beta_dot(t)
        open_share = variances / (alpha[..., None] ** 2 * variances + beta[..., None] ** 2)
        return rate.abs() * open_share.mean(-1).sqrt()
