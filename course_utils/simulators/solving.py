"""One function that repeats steps on a grid of times, and the trajectory that it gives."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from jaxtyping import Float, Real
from torch import Tensor

from course_utils.processes import SDE
from course_utils.shapes import Field, Time, as_floats, short_repr
from course_utils.simulators.steps import euler_maruyama_step, euler_step

__all__ = ["BLOCK", "Trajectory", "simulate"]

BLOCK = 2**18
"""Noise is drawn this many numbers at a time, large enough to be fast, small enough for the cache."""


@dataclass(frozen=True, repr=False)
class Trajectory:
    """States along time.

    Attributes:
        ts: Saved times, shape (saved,).
        xs: Saved states, shape (saved, batch, *event); letters are whole numbers.

    Example:
        >>> simulators.simulate(lambda x, t: -x, torch.ones(5, 2), torch.linspace(0, 1, 11))
        Trajectory(t_first=0, t_last=1, xs=(11, 5, 2))
    """

    ts: Float[Tensor, " saved"]
    xs: Real[Tensor, "saved batch *event"]

    def __repr__(self) -> str:
        return short_repr(self, t_first=self.ts[0], t_last=self.ts[-1], xs=self.xs)

    @property
    def end(self) -> Tensor:
        """The last state, shape (batch, *event)."""
        return self.xs[-1]


def simulate(
    system: Field | SDE,
    x0: Real[Tensor, "batch *event"],
    ts: Real[Tensor, " times"] | Real[np.ndarray, " times"],
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
        x0: Starting states, shape (batch, *event); whole numbers are taken as floats.
        ts: Time grid, shape (steps+1,), a tensor or a NumPy array: increasing, or decreasing for a field run
            backwards.
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
        ValueError: If `ts` is not finite and strictly monotone, decreases for an SDE, or shapes do not fit: a field and
            a drift have the shape of the states, and so has what a step returns.

    Source: 6.S184 lecture 1, algorithms 1 and 2 (with n steps; they print a loop that makes n - 1).

    Example:
        >>> generator = torch.Generator().manual_seed(0)
        >>> sde, ts = processes.OrnsteinUhlenbeck(), torch.linspace(0, 5, 101)
        >>> trajectory = simulators.simulate(sde, torch.zeros(10_000, 1), ts, generator=generator)
        >>> round(trajectory.end.std().item(), 1)
        0.7
    """
    stochastic = isinstance(system, SDE)
    x0 = as_floats(x0)
    ts = torch.as_tensor(ts).to(x0)
    _check_grid(ts, stochastic)
    n = len(ts) - 1
    dts = ts.diff()
    _check_system(system, x0, ts, dws)
    if step is not None:
        _check_step(step, system, x0, ts)
    default: Callable = euler_maruyama_step if stochastic else euler_step
    step = step or default
    if save_every < 1:
        raise ValueError(f"expected save_every of at least 1, got {save_every}")
    noises: Iterable[tuple] = repeat(())
    if stochastic:
        noises = zip(_brownian_increments(x0, dts, generator) if dws is None else dws)

    kept = [i for i in range(n + 1) if i % save_every == 0 or i == n]
    with torch.set_grad_enabled(grad and torch.is_grad_enabled()):
        xs = x0.new_empty(len(kept), *x0.shape)
        xs[0] = x0
        slot = 1
        x = x0
        shape = x0.shape
        at_work = _watched(system)
        for i, t, dt, noise in zip(_bar(range(n), progress), ts, dts, noises, strict=False):
            x = step(at_work, x, t, dt, *noise)
            at_work = system
            if x.shape != shape:
                raise ValueError(f"expected a step to keep the shape {tuple(shape)} of states, got {tuple(x.shape)}")
            if kept[slot] == i + 1:
                xs[slot] = x
                slot += 1
    return Trajectory(ts[kept], xs)


def _watched(system: Field | SDE) -> Field | SDE:
    """The same system, which checks the shapes of what it gives: for the first step, as checks take time."""
    if not isinstance(system, SDE):
        return _watched_field(system, "field")
    watched = copy(system)
    vars(watched)["drift"] = _watched_field(system.drift, "drift")

    def diffusion(x: Tensor, t: Time) -> Tensor:
        value = system.diffusion(x, t)
        _check_broadcasts(value, x)
        return value

    vars(watched)["diffusion"] = diffusion
    return watched


def _watched_field(field: Field, name: str) -> Field:
    def watched(x: Tensor, t: Time) -> Tensor:
        u = field(x, t)
        if not isinstance(u, Tensor) or u.shape != x.shape:
            raise ValueError(f"expected a {name} of the shape {tuple(x.shape)} of the states, got {_shape(u)}")
        return u

    return watched


def _check_broadcasts(diffusion: Tensor, x: Tensor) -> None:
    shape = getattr(diffusion, "shape", ())
    pairs = zip(reversed(shape), reversed(x.shape), strict=False)
    if len(shape) > x.ndim or not all(size in (1, wanted) for size, wanted in pairs):
        expected = f"expected a diffusion that broadcasts against states of shape {tuple(x.shape)}"
        raise ValueError(f"{expected}, got {_shape(diffusion)}")


def _shape(value: object) -> tuple[int, ...] | str:
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def _brownian_increments(x0: Tensor, dts: Tensor, generator: torch.Generator | None) -> Iterator[Tensor]:
    """Increments sqrt(dt) eps, one a step, drawn in blocks whose size depends on the shape of x0 alone."""
    steps = max(1, BLOCK // max(1, x0.numel()))
    block = x0.new_empty(steps, *x0.shape)
    for i, dt in enumerate(dts.sqrt()):
        if i % steps == 0:
            block.normal_(generator=generator)
        yield block[i % steps] * dt


def _check_system(system: Field | SDE, x0: Tensor, ts: Tensor, dws: Tensor | None) -> None:
    stochastic = isinstance(system, SDE)
    if not stochastic and not callable(system):
        raise TypeError(f"expected a field u(x, t) or an SDE, got {type(system).__name__}")
    if dws is not None and not stochastic:
        raise TypeError("an ODE has no noise, got dws")
    increments = (len(ts) - 1, *x0.shape)
    if dws is not None and dws.shape != increments:
        raise ValueError(f"expected dws of shape {increments}, got {tuple(dws.shape)}")


def _check_step(step: Callable, system: Field | SDE, x0: Tensor, ts: Tensor) -> None:
    stochastic = isinstance(system, SDE)
    name = getattr(step, "__name__", step)
    without_noise = _accepts(step, system, x0, ts, ts)
    with_noise = _accepts(step, system, x0, ts, ts, x0)
    if stochastic and (without_noise or not with_noise):
        raise TypeError(f"an SDE needs a step with noise, got {name}")
    if not stochastic and not without_noise:
        raise TypeError(f"a field (an ODE) needs a step without noise, got {name}")


def _accepts(step: Callable, *arguments: object) -> bool:
    """Whether `step(*arguments)` is a call that Python can make; it is not made."""
    try:
        inspect.signature(step).bind(*arguments)
    except TypeError:
        return False
    return True


def _check_grid(ts: Tensor, stochastic: bool) -> None:
    if ts.ndim != 1 or len(ts) < 2:
        raise ValueError(f"expected a time grid of shape (steps+1,) with at least one step, got {tuple(ts.shape)}")
    dts = ts.diff()
    if not ts.isfinite().all():
        raise ValueError("expected finite times, got inf or nan")
    if not ((dts > 0).all() or (dts < 0).all()):
        raise ValueError("expected strictly increasing or strictly decreasing times, got a grid that repeats or turns")
    if stochastic and (dts < 0).any():
        raise ValueError("expected increasing times for an SDE, got decreasing ones; only a field runs backwards")


def _bar(steps: range, progress: bool):
    if not progress:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="simulate", unit="step")
