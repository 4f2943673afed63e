r"""The flow map on a line: a flow keeps the order of its points, so each keeps its share of the mass on its left."""

import math

import torch
from torch import Tensor

__all__ = ["monotone_map"]

HALVINGS = 64
"""Of the interval that holds an answer: then its ends are neighbours among float64's numbers."""


def monotone_map(x: Tensor, weights: Tensor, start: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor]) -> Tensor:
    r"""$F'^{-1}(F(x))$ for two mixtures of Gaussians on a line that share their weights.

    A component's own map, $m' + (s'/s)(x - m)$, keeps the mass of that component on its left; so the answer lies
    between the least and the largest of these. It is found there by halving, on the logarithm of the smaller tail,
    since a mass close to 1 has no digits left. Computed in float64; its first derivatives are exact as well.

    Args:
        x: Points, shape (batch, 1).
        weights: Shape (components,).
        start: Means m and standard deviations s of the components, shape (components,) or (batch, components).
        end: m' and s', in the same way.

    Returns:
        Shape (batch, 1), in the type of `x`.
    """
    at = x.double()
    log_weights = weights.double().log()
    means, stds = (value.double() for value in start)
    end_means, end_stds = (value.double() for value in end)
    left = _log_tail(at, log_weights, means, stds, torch.ones_like(at))
    right = _log_tail(at, log_weights, means, stds, -torch.ones_like(at))
    wanted = torch.minimum(left, right)
    sign = torch.where(left < right, 1.0, -1.0).to(at)
    own = (end_means + end_stds * (at - means) / stds).detach()
    low = own.amin(1, keepdim=True)
    high = own.amax(1, keepdim=True)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tail = _log_tail(middle, log_weights, end_means, end_stds, sign)
        below = (sign * tail < sign * wanted).detach()
        low = torch.where(below, middle, low)
        high = torch.where(below, high, middle)
    found = (low + high) / 2
    step = _newton_step(found, wanted, log_weights, end_means, end_stds, sign)
    return (found + step - step.detach()).to(x)


def _log_tail(x: Tensor, log_weights: Tensor, means: Tensor, stds: Tensor, sign: Tensor) -> Tensor:
    """Log of the mass on the left of x (sign 1) or on its right (sign -1), shape (batch, 1)."""
    return (log_weights + torch.special.log_ndtr(sign * (x - means) / stds)).logsumexp(1, keepdim=True)


def _newton_step(x: Tensor, wanted: Tensor, log_weights: Tensor, means: Tensor, stds: Tensor, sign: Tensor) -> Tensor:
    """Of x towards the log tail that is wanted: 0 but for rounding, with the derivatives of the answer."""
    tail = _log_tail(x, log_weights, means, stds, sign)
    log_p = log_weights - ((x - means) / stds) ** 2 / 2 - stds.log() - math.log(2 * math.pi) / 2
    slope = sign * (log_p.logsumexp(1, keepdim=True) - tail).exp()
    return (wanted - tail) / slope.detach()
