"""Rewards: a field pushed up the gradient of what a state is worth."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.distributions.tilting import check_temperature
from course_utils.schedules import Linear, Schedule, convert
from course_utils.shapes import Field, Time, as_floats, expand_path_time

__all__ = ["Value", "guided", "plug_in", "plug_in_value", "value_and_slope"]

Value = Callable[[Tensor, Time], Tensor]
"""What a state at a time is worth: from (batch, *event) and a time to shape (batch,)."""


def guided(field: Field, value: Value, schedule: Schedule | None = None) -> Field:
    r"""$u + (\beta^2 \dot\alpha/\alpha - \beta\dot\beta)\,\nabla V$, on the linear path $u + \frac{1-t}{t} \nabla V$.

    With $V(x, t) = \log \mathbb{E}[e^{r(z)/\lambda} \mid x_t = x]$ it is the exact velocity of the path to the tilted
    data $p(z)\,e^{r(z)/\lambda}$, since $\nabla V$ is what their score has more; with $\log p(y \mid x_t = x)$, that of
    the path to the data with label y.

    Args:
        field: Velocity u(x, t) of the path.
        value: V(x, t), differentiable in x.
        schedule: Of the path, by default `Linear`.

    Returns:
        A field. ValueError where alpha = 0: there the factor is infinite, and $\nabla V$ is 0.

    Source: Dhariwal and Nichol, "Diffusion models beat GANs on image synthesis" (2021), as a velocity.

    Example:
        >>> field = guidance.guided(lambda x, t: 0 * x, lambda x, t: 3 * x[:, 0])
        >>> field(torch.ones(1, 1), 0.25)
        tensor([[9.]])
    """
    schedule = schedule or Linear()

    def pushed(x: Tensor, t: Time) -> Tensor:
        strength = _strength(x, t, schedule)
        return field(x, t) + strength * value_and_slope(value, x, t)[1]

    return pushed


def plug_in_value(
    field: Field, reward: Callable[[Tensor], Tensor], lam: float = 1.0, schedule: Schedule | None = None
) -> Value:
    r"""$V(x, t) \approx r(\hat z)/\lambda$ with $\hat z = \mathbb{E}[z \mid x_t = x]$, the mean of what x may become.

    Where x is clean already, at t = 1 on the linear path, it is $r(x)/\lambda$ itself.

    Args:
        field: Velocity u(x, t) of the path.
        reward: r, from data (batch, *event) to shape (batch,).
        lam: Temperature, positive.
        schedule: Of the path, by default `Linear`.

    Raises:
        ValueError: If `lam` is not positive; when called, if the reward has another shape.

    Source: Chung et al., "Diffusion posterior sampling for general noisy inverse problems" (2023).

    Example:
        >>> value = guidance.plug_in_value(lambda x, t: 2 - x, lambda z: z[:, 0], lam=0.5)
        >>> value(torch.zeros(1, 1), 0.5)
        tensor([2.])
    """
    check_temperature(lam)
    schedule = schedule or Linear()

    def value(x: Tensor, t: Time) -> Tensor:
        return _worth(reward, field(x, t), x, t, schedule) / lam

    return value


def plug_in(
    field: Field, reward: Callable[[Tensor], Tensor], lam: float = 1.0, schedule: Schedule | None = None
) -> Field:
    r"""`guided` by `plug_in_value`: on the linear path $u + \frac{1-t}{t} \nabla_x\, r(\hat z)/\lambda$.

    The gradient goes through the model that denoises. It is exact where the variance of z given x does not depend on x
    and the reward is linear, as for one Gaussian. Else it is biased: for Gaussian data whose variance given x is C, and
    the reward $-q z^2/2$, it pushes $1 + qC/\lambda$ times too hard. Arguments and errors as for `plug_in_value`.

    Source: Chung et al., "Diffusion posterior sampling for general noisy inverse problems" (2023).

    Example:
        >>> field = guidance.plug_in(lambda x, t: 2 - x, lambda z: z[:, 0], lam=0.5)
        >>> field(torch.zeros(1, 1), 0.5)
        tensor([[3.]])
    """
    check_temperature(lam)
    schedule = schedule or Linear()

    def pushed(x: Tensor, t: Time) -> Tensor:
        strength = _strength(x, t, schedule)
        with torch.enable_grad():
            at = _leaf(x)
            u = field(at, t)
            slope = _slope(_worth(reward, u, at, t, schedule), at, x.requires_grad)
        return (u if x.requires_grad else u.detach()) + strength * slope / lam

    return pushed


def value_and_slope(value: Value, x: Tensor, t: Time) -> tuple[Tensor, Tensor]:
    r"""V(x, t) and $\nabla_x V(x, t)$ by autodiff, shapes (batch,) and (batch, *event), also under `torch.no_grad`.

    Raises:
        ValueError: If V has another shape than (batch,), or no gradient.

    Example:
        >>> guidance.value_and_slope(lambda x, t: x.square().sum(1), torch.tensor([[1.0, 2.0]]), 0.5)
        (tensor([5.]), tensor([[2., 4.]]))
    """
    with torch.enable_grad():
        at = _leaf(x)
        v = value(at, t)
        slope = _slope(v, at, x.requires_grad)
    return (v if x.requires_grad else v.detach()), slope


def _leaf(x: Tensor) -> Tensor:
    """`x` as something to differentiate by."""
    x = as_floats(x)
    return x if x.requires_grad else x.detach().requires_grad_()


def _slope(v: Tensor, x: Tensor, keep_graph: bool) -> Tensor:
    _check_values(v, x)
    if not v.requires_grad:
        raise ValueError("expected a value or a reward with a gradient, got one that does not change with x")
    return torch.autograd.grad(v.sum(), x, create_graph=keep_graph)[0]


def _check_values(v: Tensor, x: Tensor) -> None:
    """Refuse what is not one number a state."""
    if v.shape != (len(x),):
        raise ValueError(f"expected values or rewards of shape ({len(x)},), one a state, got {tuple(v.shape)}")


def _worth(reward: Callable[[Tensor], Tensor], u: Tensor, x: Tensor, t: Time, schedule: Schedule) -> Tensor:
    """The reward of the posterior mean that the velocity u says."""
    worth = reward(convert(u, x, t, schedule, source="velocity", target="data"))
    _check_values(worth, x)
    return worth


def _strength(x: Tensor, t: Time, schedule: Schedule) -> Tensor:
    """By how much a score moves the velocity; ValueError where alpha = 0."""
    at = expand_path_time(t, x)
    alpha = schedule.alpha(at)
    if (alpha == 0).any():
        raise ValueError("expected times with alpha > 0: at t = 0 guidance is infinity times 0, start a little later")
    beta = schedule.beta(at)
    alpha_dot, beta_dot = schedule.rates(at)
    return beta * (beta * alpha_dot / alpha - beta_dot)
