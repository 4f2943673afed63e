"""Numerical solutions of ODEs and SDEs: pure steps, and one function that repeats them."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.processes import SDE
from course_utils.schedules import Schedule
from course_utils.shapes import Field, Time, check_same_shape, expand_time

Step = float | Float[Tensor, ""]
"""Length of a step, a number or a tensor of shape (), the same for the whole batch."""

BLOCK = 2**18
"""Noise is drawn this many numbers at a time, large enough to be fast, small enough for the cache."""


def euler_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One Euler step, `x + dt u(x, t)`: order 1, one evaluation. Source: 6.S184 lecture 1, algorithm 1."""
    return x + dt * field(x, t)


def midpoint_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One midpoint step, with the velocity half a step ahead: order 2, two evaluations."""
    half = dt / 2
    return x + dt * field(x + half * field(x, t), t + half)


def heun_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One Heun step, with the mean of the velocities at both ends: order 2, two evaluations."""
    k1 = field(x, t)
    k2 = field(x + dt * k1, t + dt)
    return x + dt / 2 * (k1 + k2)


def rk4_step(field: Field, x: Tensor, t: Time, dt: Step) -> Tensor:
    """One classical Runge–Kutta step: order 4, four evaluations. `addcmul(x, a, b)` is x + a b in one pass."""
    dt, addcmul = torch.as_tensor(dt, dtype=x.dtype, device=x.device), torch.addcmul
    half = dt / 2
    middle = t + half
    k1 = field(x, t)
    k2 = field(addcmul(x, half, k1), middle)
    k3 = field(addcmul(x, half, k2), middle)
    k4 = field(addcmul(x, dt, k3), t + dt)
    return addcmul(x, dt / 6, k1 + 2 * (k2 + k3) + k4)


def euler_maruyama_step(sde: SDE, x: Tensor, t: Time, dt: Step, dw: Tensor) -> Tensor:
    """One Euler–Maruyama step, `x + drift dt + diffusion dw` with dw ~ N(0, dt): strong order 1/2.

    Source: 6.S184 lecture 1, algorithm 2.
    """
    return x + sde.drift(x, t) * dt + sde.diffusion(x, t) * dw


def heun_maruyama_step(sde: SDE, x: Tensor, t: Time, dt: Step, dw: Tensor) -> Tensor:
    """Heun on the drift, the diffusion taken once at the start, so that the solution stays that of Itô."""
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
        t, t_next: Times with beta > 0 at t; t_next is the later one.
        schedule: The schedule of the path.
        eta: Share of fresh noise, 0 to 1.
        noise: Standard normal noise, shape of x; needed if eta > 0.

    Raises:
        ValueError: If shapes differ, beta = 0 at t, or eta > 0 comes without noise.

    Source: Song, Meng, Ermon, "Denoising diffusion implicit models" (2021), with time inverted; Ho et al., "Denoising
    diffusion probabilistic models" (2020).
    """
    check_same_shape(z_hat=z_hat, x=x)
    t, t_next = expand_time(t, x), expand_time(t_next, x)
    alpha, beta = schedule.alpha(t), schedule.beta(t)
    alpha_next, beta_next = schedule.alpha(t_next), schedule.beta(t_next)
    if (beta == 0).any():
        raise ValueError("expected beta > 0 at t: x has no noise to be taken off")
    noise_hat = (x - alpha * z_hat) / beta
    if eta == 0:
        return alpha_next * z_hat + beta_next * noise_hat
    if noise is None:
        raise ValueError(f"expected noise for eta = {eta:g}, got none")
    variance = (beta_next / beta) ** 2 * (beta**2 - (beta_next * alpha / alpha_next) ** 2)
    kept = (beta_next**2 - eta**2 * variance).clamp(min=0).sqrt()
    return alpha_next * z_hat + kept * noise_hat + eta * variance.clamp(min=0).sqrt() * noise


@dataclass(frozen=True)
class Trajectory:
    """States along time.

    Attributes:
        ts: Saved times, shape (saved,).
        xs: Saved states, shape (saved, batch, *event).
    """

    ts: Float[Tensor, " saved"]
    xs: Float[Tensor, "saved batch *event"]

    @property
    def end(self) -> Tensor:
        """The last state, shape (batch, *event)."""
        return self.xs[-1]


def simulate(
    system: Field | SDE,
    x0: Float[Tensor, "batch *event"],
    ts: Float[Tensor, " times"],
    step: Callable | None = None,
    *,
    generator: torch.Generator | None = None,
    dws: Float[Tensor, "steps batch *event"] | None = None,
    save_every: int = 1,
    progress: bool = False,
    grad: bool = False,
) -> Trajectory:
    """Solve an ODE or an SDE on a time grid, the whole batch at once.

    Args:
        system: A field `u(x, t)` (an ODE) or an `SDE`.
        x0: Starting states, shape (batch, *event).
        ts: Time grid, shape (steps+1,): increasing, or decreasing for a field run backwards.
        step: A step function of this module or one like it. By default `euler_step` for a field and
            `euler_maruyama_step` for an SDE.
        generator: Source of the noise of an SDE. One seed gives one path, whatever `save_every` is.
        dws: Increments of the Brownian motion to use instead, shape (steps, batch, *event), each ~ N(0, dt).
        save_every: Keep every k-th state; the first and the last are always kept.
        progress: Whether to show a progress bar.
        grad: Whether to record the steps for automatic differentiation.

    Returns:
        The trajectory; `.end` is its last state.

    Raises:
        TypeError: If `step` is one for an ODE and `system` an SDE, or the other way round, or if noise is given
            to an ODE.
        ValueError: If `ts` is not finite and strictly monotone, decreases for an SDE, or shapes do not fit.

    Source: 6.S184 lecture 1, algorithms 1 and 2 (with n steps; they print a loop that makes n - 1).
    """
    stochastic = isinstance(system, SDE)
    step = step or (euler_maruyama_step if stochastic else euler_step)
    _check_step(step, system, stochastic, dws)
    ts = _check_grid(ts.to(x0), stochastic)
    n = len(ts) - 1
    if save_every < 1:
        raise ValueError(f"expected save_every of at least 1, got {save_every}")
    if dws is not None and dws.shape != (n, *x0.shape):
        raise ValueError(f"expected dws of shape {(n, *x0.shape)}, got {tuple(dws.shape)}")

    kept = [i for i in range(n + 1) if i % save_every == 0 or i == n]
    dts = ts.diff()
    increments = (iter(dws) if dws is not None else _brownian_increments(x0, dts, generator)) if stochastic else None
    with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
        xs = x0.new_empty(len(kept), *x0.shape)
        xs[0], slot, x = x0, 1, x0
        for i, t, dt in zip(_bar(range(n), progress), ts, dts, strict=False):
            x = step(system, x, t, dt, next(increments)) if stochastic else step(system, x, t, dt)
            if kept[slot] == i + 1:
                xs[slot] = x
                slot += 1
    return Trajectory(ts[kept], xs)


def _brownian_increments(x0: Tensor, dts: Tensor, generator: torch.Generator | None) -> Iterator[Tensor]:
    """Increments sqrt(dt) eps, one a step, drawn in blocks whose size depends on the shape of x0 alone."""
    steps = max(1, BLOCK // max(1, x0.numel()))
    block = x0.new_empty(steps, *x0.shape)
    for i, dt in enumerate(dts.sqrt()):
        if i % steps == 0:
            block.normal_(generator=generator)
        yield block[i % steps] * dt


def _check_step(step: Callable, system: Field | SDE, stochastic: bool, dws: Tensor | None) -> None:
    if not stochastic and not callable(system):
        raise TypeError(f"expected a field u(x, t) or an SDE, got {type(system).__name__}")
    required = [p for p in inspect.signature(step).parameters.values() if p.default is p.empty]
    wants_noise = len(required) == 5
    if wants_noise != stochastic:
        kinds = ("an SDE", "a step with noise") if stochastic else ("a field (an ODE)", "a step without noise")
        raise TypeError(f"{kinds[0]} needs {kinds[1]}, got {getattr(step, '__name__', step)}")
    if dws is not None and not stochastic:
        raise TypeError("an ODE has no noise, got dws")


def _check_grid(ts: Tensor, stochastic: bool) -> Tensor:
    if ts.ndim != 1 or len(ts) < 2:
        raise ValueError(f"expected a time grid of shape (steps+1,) with at least one step, got {tuple(ts.shape)}")
    dts = ts.diff()
    if not ts.isfinite().all():
        raise ValueError("expected finite times, got inf or nan")
    if not ((dts > 0).all() or (dts < 0).all()):
        raise ValueError("expected strictly increasing or strictly decreasing times, got a grid that repeats or turns")
    if stochastic and (dts < 0).any():
        raise ValueError("expected increasing times for an SDE, got decreasing ones; only a field runs backwards")
    return ts


def _bar(steps: range, progress: bool):
    if not progress:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="simulate", unit="step")
