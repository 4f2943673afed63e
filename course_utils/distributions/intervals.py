"""The standard normal cut to an interval: what uniform laws on boxes need under a Gaussian path."""

import functools
import math

import numpy as np
import torch
from torch import Tensor

__all__ = ["gauss_legendre", "truncated_normal"]


@functools.cache
def gauss_legendre(n: int) -> tuple[list[float], list[float]]:
    """Nodes in [-1, 1] of the quadrature rule with n nodes, and weights that sum to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return nodes.tolist(), (weights / 2).tolist()


def truncated_normal(centre: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""A standard normal variable n, given that it lies in [centre - half, centre + half].

    Wide intervals have a closed form. In it, differences of distribution functions lose their digits as the interval
    shrinks; where the exponent varies by less than 2 over the interval, quadrature is exact to rounding instead.

    Args:
        centre: Middle of the interval, any shape.
        half: Half of its width, not negative, broadcasts against `centre`.

    Returns:
        Log of the mean density over the interval (mass over width, finite at half = 0), mean of n, and mean of its
        place (n - centre) / half, from -1 to 1. The last two determine each other, but not to all digits.
    """
    sign = torch.where(centre < 0, -1, 1)
    m = sign * centre
    narrow = half * (m + half) < 1
    cases = zip(_narrow(m, torch.where(narrow, half, 0)), _wide(m, torch.where(narrow, 1, half)), strict=True)
    log_density, mean, place = (torch.where(narrow, *case) for case in cases)
    return log_density, sign * mean, sign * place


def _narrow(m: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Quadrature over the place r of the density at m + half r, relative to the one at m."""
    nodes, weights = gauss_legendre(8)
    slope = half * m
    bend = half**2 / 2
    ratios = [weight * (-r * slope - r**2 * bend).exp() for r, weight in zip(nodes, weights, strict=True)]
    nothing = torch.zeros_like(slope)
    mass = sum(ratios, nothing)
    place = sum((r * ratio for r, ratio in zip(nodes, ratios, strict=True)), nothing) / mass
    return mass.log() - m**2 / 2 - math.log(2 * math.pi) / 2, m + half * place, place


def _wide(m: Tensor, half: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Closed form for m >= 0, all relative to $e^{-o^2/2}$, o = max(near end, 0), so that nothing underflows.

    The tails are $\mathrm{erfc}(y) = e^{-y^2} \mathrm{erfcx}(y)$; of the factors at the near end, one is 1.
    """
    near = m - half
    far = m + half
    outer = near.relu()
    inner = near - outer
    end = ((outer**2 - far**2) / 2).exp()
    unit = math.sqrt(0.5)
    at_near_end = torch.special.erfcx(unit * outer) * torch.special.erfc(unit * inner)
    mass = at_near_end - end * torch.special.erfcx(unit * far)
    mean = math.sqrt(2 / math.pi) * ((-(inner**2) / 2).exp() - end) / mass
    return (mass / (4 * half)).log() - outer**2 / 2, mean, (mean - m) / half
