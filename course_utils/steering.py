r"""Steering without training: choose among samples, or weigh, push and resample them on their way.

A crowd of particles with weights stands for a law: $p(x)\,e^{\ell(x)}$, normalised, is a crowd from p with the log
weights $\ell$.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.distributions.base import Noise
from course_utils.guidance import value_and_slope
from course_utils.processes import SDE
from course_utils.shapes import Time, as_floats, short_repr

__all__ = ["Particles", "best_of", "effective_size", "log_weight", "resample", "steer"]


@dataclass(frozen=True, repr=False)
class Particles:
    r"""A weighted crowd that stands for a law.

    Attributes:
        x: States, shape (n, *event).
        log_weights: Not normalised, shape (n,).
        log_normaliser: Logarithm of an unbiased estimate of the mean of $e^V$ over the law that was not steered.
        resamplings: How often the crowd was drawn anew.

    Example:
        >>> steering.Particles(torch.ones(3, 2), torch.zeros(3), torch.tensor(0.0), 0)
        Particles(x=(3, 2), log_weights=(3,), log_normaliser=0, resamplings=0)
    """

    x: Float[Tensor, "n *event"]
    log_weights: Float[Tensor, " n"]
    log_normaliser: Float[Tensor, ""]
    resamplings: int

    def __repr__(self) -> str:
        return short_repr(self)

    @property
    def weights(self) -> Tensor:
        """Weights with sum 1, shape (n,)."""
        return self.log_weights.softmax(0)

    def resampled(self, generator: torch.Generator | None = None) -> Tensor:
        """As many states of equal weight, by systematic resampling, shape (n, *event)."""
        return self.x[resample(self.log_weights, float(Noise(generator, self.log_weights.double()).uniform()))]


def best_of(x: Float[Tensor, "n *event"], rewards: Float[Tensor, " rewards"], k: int) -> Float[Tensor, "groups *event"]:
    r"""Of each k samples in a row the one with the largest reward.

    The chosen one's law lies $\log k - (k-1)/k$ nats from that of the samples (KL, if no two rewards are equal), and
    its mean reward is close to the most that is possible at that distance.

    Args:
        x: Independent samples, shape (groups * k, *event).
        rewards: One a sample, shape (groups * k,).
        k: Samples to choose from.

    Raises:
        ValueError: If the samples do not divide into groups of k >= 1, there is not one reward each, or one is NaN.

    Source: Beirami et al., "Theoretical guarantees on the best-of-n alignment policy" (2024), for the distance.

    Example:
        >>> steering.best_of(torch.tensor([[1.0], [5.0], [3.0], [2.0]]), torch.tensor([1.0, 5.0, 3.0, 2.0]), k=2)
        tensor([[5.],
                [3.]])
    """
    if k < 1 or len(x) % k or rewards.shape != (len(x),):
        raise ValueError(f"expected groups of k >= 1 and one reward a sample, got k = {k}, {len(x)} samples, "
                         f"rewards of shape {tuple(rewards.shape)}")  # fmt: skip
    if rewards.isnan().any():
        raise ValueError("expected rewards to compare, got NaN")
    best = rewards.reshape(-1, k).argmax(1)
    return x[torch.arange(len(best), device=x.device) * k + best]


def effective_size(log_weights: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    r"""$1 / \sum_i w_i^2$ of the normalised weights, from 1 to n: how many equal weights would say as much.

    Raises:
        ValueError: If there are no weights, all are 0, or one is infinite or NaN.

    Source: Kong, "A note on importance sampling using standardized weights" (1992).

    Example:
        >>> steering.effective_size(torch.tensor([0.0, 0.0, -torch.inf, -torch.inf]))
        tensor(2.)
    """
    _check_weights(log_weights)
    return 1 / log_weights.softmax(0).square().sum()


def resample(log_weights: Float[Tensor, " n"], u: float | Float[Tensor, ""]) -> Int[Tensor, " n"]:
    r"""Systematic resampling: the index of the particle in whose part of [0, 1) each of the points (i + u)/n falls.

    Particle i owns a part as wide as its weight. With u uniform it is drawn $n w_i$ times on average, and never more
    than one time off.

    Args:
        log_weights: Not normalised, shape (n,); -inf for a weight of 0.
        u: One number in [0, 1) for all points.

    Returns:
        Indices in increasing order, shape (n,).

    Raises:
        ValueError: If u is outside [0, 1), or as `effective_size`.

    Source: Douc, Cappé and Moulines, "Comparison of resampling schemes for particle filtering" (2005).

    Example:
        >>> steering.resample(torch.tensor([0.5, 0.125, 0.375]).log(), u=0.25)
        tensor([0, 0, 2])
    """
    _check_weights(log_weights)
    if not 0 <= u < 1:
        raise ValueError(f"expected u in [0, 1), got {float(u):g}")
    n = len(log_weights)
    ends = log_weights.double().softmax(0).cumsum(0)
    points = (torch.arange(n).to(ends) + u) / n
    inside = points.clamp(max=1 - torch.finfo(torch.double).eps)  # n - 1 + u may be rounded to n
    return torch.searchsorted(ends / ends[-1], inside, right=True)


def log_weight(
    v_old: Float[Tensor, " n"],
    v_new: Float[Tensor, " n"],
    x_new: Float[Tensor, "n *event"],
    free: Float[Tensor, "n *event"],
    guided: Float[Tensor, "n *event"],
    var: float | Tensor,
) -> Float[Tensor, " n"]:
    r"""$V' - V + \log N(x'; \text{free}, v) - \log N(x'; \text{guided}, v)$: what a guided step adds to the log weight.

    The change of the value, and the ratio of the two laws of the step, so that weights make the push right.

    Args:
        v_old, v_new: V before and after the step, shape (n,).
        x_new: States x' after the step, shape (n, *event).
        free, guided: Means of the step without and with guidance, same shape.
        var: Variance v of a coordinate in both, positive; broadcasts against the states.

    Raises:
        ValueError: If shapes differ or a variance is not positive.

    Source: Wu et al., "Practical and asymptotically exact conditional sampling in diffusion models" (2023).

    Example:
        >>> v, x = torch.zeros(1), torch.tensor([[2.0]])
        >>> steering.log_weight(v, v + 3, x, free=x - 2, guided=x, var=1.0)
        tensor([1.])
    """
    if not x_new.shape == free.shape == guided.shape or not v_old.shape == v_new.shape == x_new.shape[:1]:
        shapes = [tuple(value.shape) for value in (v_old, v_new, x_new, free, guided)]
        raise ValueError(f"expected values of shape (n,) and three states of shape (n, *event), got {shapes}")
    var = torch.as_tensor(var, dtype=x_new.dtype, device=x_new.device)
    if not (var > 0).all():
        raise ValueError(f"expected a positive variance of the step, got {var.min().item():g}")
    ratio = ((x_new - guided).square() - (x_new - free).square()) / (2 * var)
    return v_new - v_old + ratio.flatten(1).sum(1)


@torch.no_grad()
def steer(
    sde: SDE,
    value: Callable[[Tensor, Time], Tensor],
    x0: Float[Tensor, "n *event"],
    ts: Float[Tensor, " times"],
    *,
    push: bool = True,
    threshold: float = 0.5,
    generator: torch.Generator | None = None,
) -> Particles:
    r"""Sequential Monte Carlo: particles for $p(x)\,e^{V(x, t_n)}$, p the law of Euler–Maruyama's last state from `x0`.

    A step is pushed by $\sigma^2 h \nabla V$; a `log_weight` corrects it. If the effective size of the weights falls
    below a share of the crowd, this is resampled. V before the last time only says where it is worth going: the crowd
    stands for the same law whatever it is, with more or less noise.

    Args:
        sde: The process, with a positive diffusion, such as a `processes.FlowSDE`.
        value: V(x, t), shape (n,), such as `guidance.plug_in_value`; at the last time the reward over lambda itself.
        x0: Independent starting states, shape (n, *event).
        ts: Increasing times, shape (steps + 1,).
        push: Whether steps are guided; else V only chooses, and needs no gradient.
        threshold: Share of n below which the crowd is resampled; 0 for never.
        generator: Source of the noise and of u in `resample`.

    Raises:
        ValueError: If times do not increase, `threshold` is not within 0 to 1, a diffusion is 0, or all weights are 0.

    Source: Wu et al., "Practical and asymptotically exact conditional sampling in diffusion models" (2023); without a
    push: Singhal et al., "A general framework for inference-time scaling and steering of diffusion models" (2025).

    Example:
        >>> generator, value = torch.Generator().manual_seed(0), lambda x, t: x[:, 0]
        >>> x0, ts = torch.zeros(1000, 1), torch.linspace(0, 1, 11)
        >>> crowd = steering.steer(processes.BrownianMotion(), value, x0, ts, generator=generator)
        >>> crowd.log_normaliser, round(crowd.x.mean().item(), 1)
        (tensor(0.5000), 1.0)
    """
    _check_run(ts, threshold)
    x = as_floats(x0)
    n = len(x)
    ts = ts.to(x)
    source = Noise(generator, x)
    v, slope = _value(value, x, ts[0], push)
    log_weights = v
    log_normaliser = x.new_zeros(())
    resamplings = 0
    for t, t_next in zip(ts[:-1], ts[1:], strict=True):
        if effective_size(log_weights) < threshold * n:
            log_normaliser = log_normaliser + log_weights.logsumexp(0) - math.log(n)
            chosen = resample(log_weights, float(source.uniform()))
            x, v, slope = x[chosen], v[chosen], slope[chosen]
            log_weights = torch.zeros_like(v)
            resamplings += 1
        h = t_next - t
        var = h * sde.diffusion(x, t) ** 2
        free = x + h * sde.drift(x, t)
        guided = free + var * slope
        x = guided + var.sqrt() * source.normal(*x.shape)
        before = v
        v, slope = _value(value, x, t_next, push and bool(t_next < ts[-1]))
        log_weights = log_weights + log_weight(before, v, x, free, guided, var)
    log_normaliser = log_normaliser + log_weights.logsumexp(0) - math.log(n)
    return Particles(x, log_weights, log_normaliser, resamplings)


def _value(value: Callable, x: Tensor, t: Tensor, push: bool) -> tuple[Tensor, Tensor]:
    """V(x, t) and its slope, or 0 where nothing is to be pushed."""
    if push:
        return value_and_slope(value, x, t)
    return value(x, t), torch.zeros_like(x)


def _check_run(ts: Tensor, threshold: float) -> None:
    if ts.ndim != 1 or len(ts) < 2 or not (ts.diff() > 0).all():
        raise ValueError(f"expected increasing times of shape (steps + 1,), got shape {tuple(ts.shape)}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"expected a threshold from 0 to 1, got {threshold}")


def _check_weights(log_weights: Tensor) -> None:
    if len(log_weights) == 0 or log_weights.isnan().any() or log_weights.isposinf().any():
        raise ValueError("expected finite log weights, or -inf for a weight of 0, got none, or inf or NaN among them")
    if log_weights.isneginf().all():
        raise ValueError("expected a weight above 0, got log weights that are all -inf")
