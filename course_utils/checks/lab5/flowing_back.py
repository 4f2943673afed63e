"""What a wrong log-likelihood is made of: a right one, with parts of the integral and of the density to replace."""

import math

import torch

__all__ = ["column_sums", "falling", "flow_back", "integral", "normal_log_density", "prior"]


def falling(i, n):
    """The time at which a step starts, on the way from 1 to 0."""
    return 1 - i / n


def integral(
    field,
    divergence,
    x1,
    n,
    *,
    more=0,
    to=-1,
    time=falling,
    divergence_time=None,
    at="state",
    kept=1.0,
    weight=None,
    spread=lambda field, divergence, x, t: divergence(field, x, t),
):
    """Where the steps lead, and the integral of the divergence, with parts to replace.

    Args:
        field, divergence, x1, n: As in the exercise.
        more: Steps beyond n.
        to: The direction of the steps: -1 against the velocity, 1 along it.
        time: From the number of a step and n to its time.
        divergence_time: The same for the divergence alone.
        at: Where the divergence is taken: at the "state", at the "start" x1, or where the state has "moved" to.
        kept: What the integral is multiplied by before the next divergence is added.
        weight: What the divergence is multiplied by, if not the step size.
        spread: What is added up, from field, divergence, state and time.
    """
    h = 1 / n
    x = x1
    total = x1.new_zeros(len(x1))
    for i in range(n + more):
        t = torch.tensor(time(i, n), dtype=x1.dtype)
        moved = x + to * h * field(x, t)
        place = {"state": x, "start": x1, "moved": moved}[at]
        moment = torch.tensor((divergence_time or time)(i, n), dtype=x1.dtype)
        total = kept * total + (h if weight is None else weight) * spread(field, divergence, place, moment)
        x = moved
    return x, total


def normal_log_density(x, *, square=1.0, constant=1.0, dimensions=None, power=2, mean=False):
    """Of standard normal numbers, with factors to replace, the power of the norm, and the mean for the sum."""
    d = x.shape[1] if dimensions is None else dimensions
    norm = (x**2).sum(1) ** (power / 2) / (x.shape[1] if mean else 1)
    return -square * norm / 2 - d * constant * math.log(2 * math.pi) / 2


def flow_back(field, divergence, x1, n, **parts):
    """The answer with parts of the integral replaced."""
    x, total = integral(field, divergence, x1, n, **parts)
    return normal_log_density(x) - total


def prior(field, divergence, x1, n, **factors):
    """The answer with factors of the normal density replaced."""
    x, total = integral(field, divergence, x1, n)
    return normal_log_density(x, **factors) - total


def column_sums(field, divergence, x, t):
    """What the gradient of a sum over all components gives, summed over the coordinates: no divergence."""
    at = x.detach().requires_grad_()
    return torch.autograd.grad(field(at, t).sum(), at)[0].sum(1)
