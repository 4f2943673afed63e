"""Tests for a schedule, distribution, field or process of one's own: does it keep to what the course relies on?

Each check returns nothing if all is well, and else raises a ValueError that says what was expected and what came.
They cannot prove a class right, only find the slips that are made most often. All randomness has a fixed seed.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_utils.distributions import draw
from course_utils.processes import SDE
from course_utils.schedules import Schedule, derivative
from course_utils.shapes import Field

__all__ = ["check_distribution", "check_field", "check_process", "check_schedule"]

F32 = torch.float32
F64 = torch.float64


def check_schedule(schedule: Schedule) -> None:
    """Test a schedule: ends, shapes, types, derivatives, signal-to-noise ratio, span and grid.

    Raises:
        ValueError: If a property does not hold.

    Example:
        >>> checking.check_schedule(schedules.Cosine())
    """
    first, last = schedule.span
    _expect(0 <= first < last <= 1, "a span within 0 to 1", schedule.span)
    ts = torch.linspace(first, last, 32, dtype=F64)[1:-1]
    for name in ("alpha", "beta", "alpha_dot", "beta_dot"):
        _check_elementwise(f"{name}(t)", getattr(schedule, name), ts)
    for name in ("alpha", "beta"):
        rate = getattr(schedule, f"{name}_dot")(ts)
        exact = derivative(getattr(schedule, name), ts)
        _expect_close(f"{name}_dot to be the derivative of {name}", rate, exact)
    _check_ends(schedule)
    alpha = schedule.alpha(ts)
    beta = schedule.beta(ts)
    _expect((alpha >= 0).all() and (beta > 0).all(), "alpha(t) >= 0 and beta(t) > 0 within the span", "other values")
    ratio = alpha / beta
    falls = ts[1:][ratio.diff() <= 0]
    _expect(len(falls) == 0, "a signal-to-noise ratio alpha / beta that rises", f"one that does not at {falls[:1]}")
    grid = schedule.grid(5)
    _expect(grid.shape == (6,), "grid(5) of shape (6,)", tuple(grid.shape))
    _expect((grid.diff() > 0).all(), "a grid that increases", grid.tolist())
    _expect_close(
        "a grid from the first to the last time of the span", grid[[0, -1]].double(), ts.new_tensor([first, last])
    )


def _check_ends(schedule: Schedule) -> None:
    start = torch.tensor(0.0, dtype=F64)
    end = torch.tensor(1.0, dtype=F64)
    noise = schedule.beta(start).item()
    _expect(schedule.prior_std > 0, "a prior_std that is positive", schedule.prior_std)
    _expect(abs(noise / schedule.prior_std - 1) < 0.01, f"beta(0) = prior_std = {schedule.prior_std:g}", noise)
    _expect(schedule.alpha(start) <= noise / 2, "noise at t = 0: alpha(0) at most beta(0) / 2", schedule.alpha(start))
    _expect(abs(schedule.alpha(end) - 1) < 0.01, "data at t = 1: alpha(1) = 1", schedule.alpha(end))
    _expect(0 <= schedule.beta(end) <= 0.5, "data at t = 1: beta(1) from 0 to 1/2", schedule.beta(end))


def _check_elementwise(name: str, function: Callable[[Tensor], Tensor], ts: Tensor) -> None:
    """Same shape, type and values whatever shape the times have."""
    values = function(ts)
    for dtype in (F32, F64):
        for shape in ((), (len(ts),), (len(ts), 1, 1)):
            t = ts[:1].reshape(shape) if shape == () else ts.reshape(shape)
            value = function(t.to(dtype))
            _check_tensor(name, value, shape, dtype)
            expected = values[:1] if shape == () else values
            tolerance = 1e-3 if dtype == F32 else 1e-9
            _expect_close(f"{name} to be elementwise", value.double().flatten(), expected.flatten(), tolerance)


def check_distribution(dist: Distribution) -> None:
    """Test a distribution: samples, log density, score, and the closed form under noise if it has one.

    Raises:
        ValueError: If a property does not hold.

    Example:
        >>> checking.check_distribution(distributions.Moons())
    """
    _expect(isinstance(dist, Distribution), "a torch.distributions.Distribution", type(dist).__name__)
    event = tuple(dist.event_shape)
    _expect(len(event) > 0 and dist.batch_shape == (), "an event_shape (d, ...) and the batch_shape ()", _shapes(dist))
    for shape in ((), (4,), (2, 3)):
        x = dist.sample(torch.Size(shape))
        _expect(tuple(x.shape) == (*shape, *event), f"sample({shape}) of shape {(*shape, *event)}", tuple(x.shape))
        _expect(x.isfinite().all(), "finite samples", "inf or nan")
    first, again, other = (draw(dist, 8, _seeded(seed)) for seed in (0, 0, 1))
    _expect(torch.equal(first, again), "the same samples from the same seed", "others")
    _expect(not torch.equal(first, other), "other samples from another seed", "the same")
    if _has_density(dist, first):
        torchs_own = type(dist).__module__.startswith("torch.")  # made for the type of its parameters alone
        for dtype in (first.dtype,) if torchs_own else (F32, F64):
            _check_density(dist, dtype)
        _check_mass(dist)
    if hasattr(dist, "posterior") or hasattr(dist, "noisy_log_prob"):
        _check_closed_form(dist)


def _shapes(dist: Distribution) -> str:
    return f"{tuple(dist.event_shape)} and {tuple(dist.batch_shape)}"


def _has_density(dist: Distribution, x: Tensor) -> bool:
    try:
        dist.log_prob(x)
    except NotImplementedError:
        return False
    return True


def _check_density(dist: Distribution, dtype: torch.dtype) -> None:
    event = tuple(dist.event_shape)
    points = draw(dist, 6, _seeded(2)).to(dtype)
    values = dist.log_prob(points)
    _check_tensor("log_prob(x) of 6 samples", values, (6,), dtype)
    for shape in ((), (2, 3)):
        x = points[0] if shape == () else points.reshape(*shape, *event)
        value = dist.log_prob(x)
        _check_tensor(f"log_prob(x) of points {tuple(x.shape)}", value, shape, dtype)
        expected = values[:1] if shape == () else values
        _expect_close("a log_prob that takes each point by itself", value.flatten(), expected, 1e-4)
    _check_far_off(dist, points, values)
    own = getattr(dist, "score", None)
    if own is not None:
        exact = derivative(dist.log_prob, points)
        _expect_close("a score that is the gradient of log_prob", own(points), exact, 1e-3 if dtype == F32 else 1e-6)


def _check_far_off(dist: Distribution, points: Tensor, values: Tensor) -> None:
    expected = "a log_prob that is small, or -inf, far off"
    try:
        far = dist.log_prob(points + 1e4)
    except ValueError as error:  # what distributions of torch do where they validate arguments
        raise ValueError(f"expected {expected}, got {error}") from error
    _expect((far < values).all(), expected, far.tolist())


def _check_mass(dist: Distribution) -> None:
    """The density integrates to 1: its mean over points of a wide Gaussian, each divided by the Gaussian's density."""
    samples = draw(dist, 2000, _seeded(3))
    flat = samples.flatten(1)
    if flat.shape[1] > 2:
        return
    wide = torch.distributions.Normal(flat.mean(0), 1.5 * flat.std(0) + 1e-6)
    x = draw(wide, 20_000, _seeded(4))
    log_ratio = dist.log_prob(x.reshape(-1, *samples.shape[1:])) - wide.log_prob(x).sum(1)
    ratio = log_ratio.exp()
    error = 5 * ratio.std().item() / len(x) ** 0.5 + 0.01
    _expect(abs(ratio.mean().item() - 1) < error, "a density that integrates to 1", ratio.mean())


def _check_closed_form(dist: Distribution) -> None:
    for name in ("posterior", "noisy_log_prob", "singular"):
        _expect(hasattr(dist, name), f"{name} where there is a closed form", "none")
    z = draw(dist, 5, _seeded(5)).double()
    alpha = torch.linspace(0.2, 0.8, 5, dtype=F64).reshape(-1, *[1] * (z.ndim - 1))
    beta = 1 - alpha
    x = alpha * z + beta * torch.randn(z.shape, generator=_seeded(6), dtype=F64)
    exact: Any = dist
    known = exact.posterior(x, alpha, beta)
    _check_tensor("posterior(x, alpha, beta).data", known.data, tuple(x.shape), F64)
    _check_tensor("posterior(x, alpha, beta).noise", known.noise, tuple(x.shape), F64)
    _check_tensor("noisy_log_prob(x, alpha, beta)", exact.noisy_log_prob(x, alpha, beta), (5,), F64)
    together = alpha * known.data + beta * known.noise
    _expect_close("alpha E[z | x] + beta E[noise | x] to be x", together, x, 1e-5)
    score = derivative(lambda at: exact.noisy_log_prob(at, alpha, beta), x)
    _expect_close("-E[noise | x] / beta to be the gradient of noisy_log_prob", -known.noise / beta, score, 1e-4)


def check_field(field: Field, event_shape: tuple[int, ...], *, dtypes: tuple[torch.dtype, ...] = (F32, F64)) -> None:
    """Test a field u(x, t): shapes, types, single states and single times, and that it leaves its input alone.

    Args:
        field: Called with states (batch, *event_shape) and times of shape () and (batch,) within 0 to 1.
        event_shape: Shape of one state.
        dtypes: Types of states to try; for a network, that of its weights.

    Raises:
        ValueError: If a property does not hold.

    Example:
        >>> checking.check_field(lambda x, t: -x, (2,))
    """
    for dtype in dtypes:
        _check_field("field", field, tuple(event_shape), dtype)


def _check_field(name: str, field: Field, event: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randn(3, *event, generator=_seeded(7), dtype=dtype)
    t = torch.tensor([0.25, 0.5, 0.75], dtype=dtype)
    before = x.clone(), t.clone()
    values = field(x, t)
    _expect(torch.equal(x, before[0]) and torch.equal(t, before[1]), f"a {name} that leaves its input alone", "changes")
    _check_tensor(f"{name}(x, t) of states {tuple(x.shape)}", values, tuple(x.shape), dtype)
    tolerance = 1e-3 if dtype == F32 else 1e-6
    for i in range(3):
        alone = field(x[i : i + 1], t[i : i + 1])
        _check_tensor(f"{name}(x, t) of one state", alone, (1, *event), dtype)
        _expect_close(f"a {name} that takes each state by itself", alone, values[i : i + 1], tolerance)
        at_one_time = field(x, t[i])
        _check_tensor(f"{name}(x, t) at a time of shape ()", at_one_time, tuple(x.shape), dtype)
        _expect_close(f"a {name} that takes a time of shape () for all", at_one_time[i], values[i], tolerance)


def check_process(sde: SDE, event_shape: tuple[int, ...] = (2,)) -> None:
    """Test a process: drift and diffusion, and its exact law `transition` if it has one.

    Args:
        sde: The process.
        event_shape: Shape of one state.

    Raises:
        ValueError: If a property does not hold.

    Example:
        >>> checking.check_process(processes.OrnsteinUhlenbeck())
    """
    _expect(isinstance(sde, SDE), "an SDE", type(sde).__name__)
    event = tuple(event_shape)
    for dtype in (F32, F64):
        _check_field("drift", sde.drift, event, dtype)
        _check_diffusion(sde, event, dtype)
    if hasattr(sde, "transition"):
        _check_transition(sde, sde.transition, event)


def _check_diffusion(sde: SDE, event: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randn(3, *event, generator=_seeded(7), dtype=dtype).abs()
    for t in (torch.tensor(0.5, dtype=dtype), torch.tensor([0.25, 0.5, 0.75], dtype=dtype)):
        value = sde.diffusion(x, t)
        _expect(isinstance(value, Tensor), "a tensor as diffusion(x, t)", type(value).__name__)
        _check_tensor("diffusion(x, t)", value, tuple(value.shape), dtype)
        fits = (value + torch.zeros_like(x)).shape == x.shape if value.ndim in (0, x.ndim) else False
        _expect(fits, f"a diffusion that broadcasts against states of shape {tuple(x.shape)}", tuple(value.shape))
        _expect(torch.equal(value, sde.diffusion(x, t)), "a diffusion without randomness", "two values")
        _expect((value >= 0).all(), "a diffusion that is not negative", value.min())


def _check_transition(sde: SDE, transition: Callable, event: tuple[int, ...]) -> None:
    """At t = 0; against drift and diffusion after a short time; and in two steps as in one."""
    x = torch.randn(3, *event, generator=_seeded(8), dtype=F64)
    mean, std = transition(x, 0.0)
    _expect_close("transition(x0, 0) with the mean x0", mean, x)
    _expect_close("transition(x0, 0) without spread", std, torch.zeros_like(std))
    h = 1e-7
    mean, std = transition(x, h)
    _expect_close(
        "a transition that starts with the drift", (mean - x) / h, sde.drift(x, torch.zeros(3, dtype=F64)), 1e-4
    )
    diffusion = sde.diffusion(x, torch.zeros(3, dtype=F64))
    _expect_close("a transition that starts with the diffusion", std / h**0.5, diffusion.expand_as(std), 1e-4)
    middle, spread = transition(x, 0.3)
    mean, std = transition(middle, 0.5)
    slope = transition(middle + 1, 0.5)[0] - mean
    whole_mean, whole_std = transition(x, 0.8)
    _expect_close("a transition with the same mean in two steps as in one", mean, whole_mean)
    two_steps = (std**2 + (slope * spread) ** 2).sqrt()
    _expect_close("a transition with the same spread in two steps as in one", two_steps, whole_std.expand_as(two_steps))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _check_tensor(name: str, value: Any, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """A finite tensor of this shape and type."""
    _expect(isinstance(value, Tensor), f"a tensor as {name}", type(value).__name__)
    _expect(tuple(value.shape) == tuple(shape), f"{name} of shape {tuple(shape)}", tuple(value.shape))
    _expect(value.dtype == dtype, f"{name} of type {dtype}", value.dtype)
    _expect(value.isfinite().all(), f"{name} to be finite", "inf or nan")


def _expect_close(what: str, value: Tensor, expected: Tensor, tolerance: float = 1e-6) -> None:
    difference = (value - expected).abs().max().item()
    scale = max(1.0, expected.abs().max().item())
    _expect(difference <= tolerance * scale, what, f"a difference of {difference:.3g}")


def _expect(holds: bool | Tensor, expected: str, got: object) -> None:
    if not holds:
        shown = f"{got.flatten()[0].item():g}" if isinstance(got, Tensor) and got.numel() else got
        raise ValueError(f"expected {expected}, got {shown}")
