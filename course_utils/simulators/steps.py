"""Steps of ODEs and SDEs: pure functions from the state at one time to that at a later one."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.manifolds import Manifold
from course_utils.processes import SDE
from course_utils.schedules import Schedule
from course_utils.shapes import Field, Step, Time, as_floats, check_same_shape, expand_path_time

__all__ = [
    "ddim_step",
    "euler_maruyama_step",
    "euler_step",
    "geodesic_step",
    "heun_maruyama_step",
    "heun_step",
    "midpoint_step",
    "rk4_step",
]


def euler_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One Euler step, `x + dt u(x, t)`: order 1, one evaluation.

    Source: 6.S184 lecture 1, algorithm 1.

    Example:
        >>> simulators.euler_step(lambda x, t: -x, torch.tensor([[1.0]]), 0.0, 0.1)
        tensor([[0.9000]])
    """
    return x + dt * field(x, t)


def geodesic_step(manifold: Manifold) -> Callable[[Field, Tensor, Time, Step], Tensor]:
    """Euler's step on a manifold, `exp(x, dt u(x, t))`: it never leaves it.

    Args:
        manifold: Where states live; a velocity has their shape (for `Rotations` a skew matrix).

    Returns:
        A step for `simulate`.

    Example:
        >>> step = simulators.geodesic_step(manifolds.Torus(1))
        >>> step(lambda x, t: torch.ones_like(x), torch.tensor([[3.0]]), 0.0, 0.5)
        tensor([[-2.7832]])
    """

    def step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
        return manifold.exp(x, dt * field(x, t))

    return step


def midpoint_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One midpoint step, with the velocity half a step ahead: order 2, two evaluations.

    Example:
        >>> simulators.midpoint_step(lambda x, t: -x, torch.tensor([[1.0]]), 0.0, 0.1)
        tensor([[0.9050]])
    """
    half = dt / 2
    return x + dt * field(x + half * field(x, t), t + half)


def heun_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One Heun step, with the mean of the velocities at both ends: order 2, two evaluations.

    Example:
        >>> simulators.heun_step(lambda x, t: -x, torch.tensor([[1.0]]), 0.0, 0.1)
        tensor([[0.9050]])
    """
    k1 = field(x, t)
    k2 = field(x + dt * k1, t + dt)
    return x + dt / 2 * (k1 + k2)


def rk4_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One classical Runge–Kutta step: order 4, four evaluations.

    The step is `x + dt / 6 (k1 + 2 k2 + 2 k3 + k4)`, with the velocities k1 at x, k2 at x + dt / 2 k1 and k3 at
    x + dt / 2 k2, both half a step ahead, and k4 at x + dt k3, a step ahead. `torch.addcmul(x, a, b)` is x + a b in
    one pass over memory.

    Example:
        >>> simulators.rk4_step(lambda x, t: -x, torch.tensor([[1.0]]), 0.0, 0.1)
        tensor([[0.9048]])
    """
    x = as_floats(x)
    dt = torch.as_tensor(dt, dtype=x.dtype, device=x.device)
    half = dt / 2
    middle = t + half
    k1 = field(x, t)
    k2 = field(torch.addcmul(x, half, k1), middle)
    k3 = field(torch.addcmul(x, half, k2), middle)
    k4 = field(torch.addcmul(x, dt, k3), t + dt)
    return torch.addcmul(x, dt / 6, k1 + 2 * (k2 + k3) + k4)


def euler_maruyama_step(sde: SDE, x: Tensor, t: Time, dt: Step, dw: Tensor) -> Tensor:
    """One Euler–Maruyama step, `x + drift dt + diffusion dw` with dw ~ N(0, dt): strong order 1/2.

    Source: 6.S184 lecture 1, algorithm 2.

    Example:
        >>> x, dw = torch.tensor([[1.0]]), torch.tensor([[0.3]])
        >>> simulators.euler_maruyama_step(processes.OrnsteinUhlenbeck(), x, 0.0, 0.1, dw)
        tensor([[1.2000]])
    """
    return x + sde.drift(x, t) * dt + sde.diffusion(x, t) * dw


def heun_maruyama_step(sde: SDE, x: Tensor, t: Time, dt: Step, dw: Tensor) -> Tensor:
    """Heun on the drift, the diffusion taken once at the start, so that the solution stays that of Itô.

    Example:
        >>> x, dw = torch.tensor([[1.0]]), torch.tensor([[0.3]])
        >>> simulators.heun_maruyama_step(processes.OrnsteinUhlenbeck(), x, 0.0, 0.1, dw)
        tensor([[1.1900]])
    """
    noise = sde.diffusion(x, t) * dw
    k1 = sde.drift(x, t)
    k2 = sde.drift(x + dt * k1 + noise, t + dt)
    return x + dt / 2 * (k1 + k2) + noise


def ddim_step(
    z_hat: Tensor,
    x: Tensor,
    t: Time,
    t_next: Time,
    schedule: Schedule,
    eta: float = 0.0,
    noise: Tensor | None = None,
) -> Tensor:
    r"""One step of DDIM: the predicted data and noise, mixed anew as the later time wants it.

    The step goes to $\alpha' \hat z + \sqrt{\beta'^2 - \eta^2 v}\, \hat\epsilon + \eta \sqrt v\, \epsilon$ at the
    time t', with $\hat\epsilon = (x - \alpha \hat z)/\beta$, fresh noise $\epsilon$ and the variance
    $v = (\beta'^2/\beta^2) (\beta^2 - \beta'^2 \alpha^2/\alpha'^2)$ that the state at t' has once x and the data are
    given. eta = 0 is DDIM, eta = 1 is DDPM.

    Args:
        z_hat: Predicted data, the mean of z given x at time t; shape of x.
        x: States at time t, shape (batch, *event).
        t, t_next: Times from 0 to 1, beta > 0 at t; t_next is the later one.
        schedule: The schedule of the path.
        eta: Share of fresh noise, 0 to 1.
        noise: Standard normal noise, shape of x; needed if eta > 0.

    Raises:
        ValueError: If shapes differ, t_next is not later than t, beta = 0 at t, `eta` is not within 0 to 1, or
            eta > 0 comes without noise.

    Source: Song, Meng, Ermon, "Denoising diffusion implicit models" (2021), with time inverted; Ho et al., "Denoising
    diffusion probabilistic models" (2020).

    Example:
        >>> z_hat, x = torch.tensor([[2.0]]), torch.tensor([[1.0]])
        >>> simulators.ddim_step(z_hat, x, 0.5, 0.6, schedules.Linear())
        tensor([[1.2000]])
    """
    check_same_shape(z_hat=z_hat, x=x)
    if not 0 <= eta <= 1:
        raise ValueError(f"expected eta from 0 to 1, got {eta:g}")
    t = expand_path_time(t, x)
    t_next = expand_path_time(t_next, x)
    alpha = schedule.alpha(t)
    beta = schedule.beta(t)
    if (beta == 0).any():
        raise ValueError("expected beta > 0 at t: x has no noise to be taken off")
    if not (t_next > t).all():
        raise ValueError(f"expected t_next later than t, got a step of {(t_next - t).min().item():g}")
    alpha_next = schedule.alpha(t_next)
    beta_next = schedule.beta(t_next)
    noise_hat = (x - alpha * z_hat) / beta
    if eta == 0:
        return alpha_next * z_hat + beta_next * noise_hat
    if noise is None:
        raise ValueError(f"expected noise for eta = {eta:g}, got none")
    check_same_shape(noise=noise, x=x)
    variance = (beta_next / beta) ** 2 * (beta**2 - (beta_next * alpha / alpha_next) ** 2)
    kept = (beta_next**2 - eta**2 * variance).clamp(min=0).sqrt()
    return alpha_next * z_hat + kept * noise_hat + eta * variance.clamp(min=0).sqrt() * noise
