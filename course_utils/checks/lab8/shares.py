"""The flow map of a mixture with held weights, with parts to replace, and what students put in the shares' place."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.lab8.gaussians import carried, width
from course_utils.checks.lab8.spans import column

__all__ = ["SHARES", "WEIGHING", "gaps", "held", "log_shares", "squares"]


def gaps(x: Tensor, s: Tensor, means: Tensor) -> Tensor:
    """From the centre of each Gaussian at time s to the states, shape (B, K, d); s of shape (B, 1, 1)."""
    return x[:, None] - s * means


def squares(x: Tensor, s: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """Squared gaps in units of the width at time s, shape (B, K, d)."""
    return gaps(x, s, means) ** 2 / width(s, variances)


def _heights(s: Tensor, variances: Tensor) -> Tensor:
    """Logarithm of the product of the widths at time s, shape (B, K)."""
    return width(s, variances).log().sum(-1)


def log_shares(x: Tensor, s: Tensor, weights: Tensor, means: Tensor, variances: Tensor) -> Tensor:
    """Logarithm of weight times density of each Gaussian at time s but for a constant, shape (B, K)."""
    return weights.log() - (squares(x, s, means, variances).sum(-1) + _heights(s, variances)) / 2


def _weighed(shares: Tensor, moved: Tensor) -> Tensor:
    return (shares[..., None] * moved).sum(1)


def held(
    x: Tensor,
    s: Tensor,
    t: Tensor,
    weights: Tensor,
    means: Tensor,
    vars: Tensor,
    *,
    logs: Callable = log_shares,
    shares: Callable[[Tensor], Tensor] = lambda logs: logs.softmax(1),
    total: Callable[[Tensor, Tensor], Tensor] = _weighed,
    shape: Callable[[Tensor, Tensor], Tensor] = column,
    **parts: Callable,
) -> Tensor:
    """The held map with parts to replace.

    Args:
        x, s, t, weights, means, vars: As of a right answer.
        logs: From x, s of shape (B, 1, 1), weights, means and variances to logarithms of unnormalised shares.
        shares: From these to the shares, shape (B, K) or (B, K, d).
        total: From shares and the states that each Gaussian's map leads to, shape (B, K, d), to the result.
        shape: Brings a time to a shape that fits states of shape (B, 1, d).
        parts: Parts of the maps, see `gaussians.carried`.
    """
    at = shape(s, x[:, None])
    moved = carried(x[:, None], s, t, means, vars, shape=shape, **parts)
    return total(shares(logs(x, at, weights, means, vars)), moved)


def _axis_too_many(shares: Tensor, moved: Tensor) -> Tensor:
    return (shares * moved).sum(1)


SHARES: dict[str, tuple[str, dict]] = {
    "shares of the beginning": (
        "all states share the Gaussians alike, by their weights: where a state is tells which it likely belongs to.",
        {"logs": lambda x, s, w, m, v: w.log().expand(len(x), -1)},
    ),
    "weights not used": (
        "the mixture's own weights are not used: a rare Gaussian has few of the states.",
        {"logs": lambda x, s, w, m, v: log_shares(x, s, torch.ones_like(w), m, v)},
    ),
    "equal shares": (
        "all Gaussians have the same share in all states: where a state is tells which it likely belongs to.",
        {"logs": lambda x, s, w, m, v: torch.zeros(len(x), len(w)).to(x)},
    ),
    "weights times logarithms": (
        "the weights multiply the logarithms: they belong to the densities themselves.",
        {"logs": lambda x, s, w, m, v: w * log_shares(x, s, torch.ones_like(w), m, v)},
    ),
    "weights added to logarithms": (
        "weights are added to logarithms of densities: a product becomes a sum only if both are logarithms.",
        {"logs": lambda x, s, w, m, v: w + log_shares(x, s, torch.ones_like(w), m, v)},
    ),
    "heights forgotten": (
        "a wide Gaussian has a low density, even at its centre: what stands before the exponential is missing.",
        {"logs": lambda x, s, w, m, v: w.log() - squares(x, s, m, v).sum(-1) / 2},
    ),
    "heights not rooted": (
        "before the exponential stands the product of the standard deviations: yours is that of the variances.",
        {"logs": lambda x, s, w, m, v: w.log() - squares(x, s, m, v).sum(-1) / 2 - _heights(s, v)},
    ),
    "heights upside down": (
        "before the exponential a wide Gaussian has the larger number: it should have the smaller.",
        {"logs": lambda x, s, w, m, v: w.log() - (squares(x, s, m, v).sum(-1) - _heights(s, v)) / 2},
    ),
    "no 2": (
        "a factor 2 is missing in the exponent of the Gaussian density.",
        {"logs": lambda x, s, w, m, v: w.log() - squares(x, s, m, v).sum(-1) - _heights(s, v) / 2},
    ),
    "mean of the squares": (
        "in the exponent the coordinates are averaged: they are independent, so that their exponents add up.",
        {"logs": lambda x, s, w, m, v: w.log() - (squares(x, s, m, v).mean(-1) + _heights(s, v)) / 2},
    ),
    "mean of all logarithms": (
        "the logarithms of densities are averaged over the coordinates: these are independent, so that they add up.",
        {"logs": lambda x, s, w, m, v: w.log() + (log_shares(x, s, w, m, v) - w.log()) / m.shape[1]},
    ),
    "standard deviation in the exponent": (
        "the exponent is divided by the standard deviation: it needs the variance.",
        {
            "logs": lambda x, s, w, m, v: (
                w.log() - ((gaps(x, s, m) ** 2 / width(s, v) ** 0.5).sum(-1) + _heights(s, v)) / 2
            )
        },
    ),
    "distance not squared": (
        "the gaps are not squared in the exponent of the Gaussian density.",
        {"logs": lambda x, s, w, m, v: w.log() - ((gaps(x, s, m).abs() / width(s, v)).sum(-1) + _heights(s, v)) / 2},
    ),
    "densities of the data": (
        "the shares are those of data points: at time s the Gaussians are nearer to 0, and have noise in them.",
        {"logs": lambda x, s, w, m, v: log_shares(x, torch.ones_like(s), w, m, v)},
    ),
    "width of the data in the shares": (
        "in the shares the Gaussians have the width of the data: at time s there is noise in it.",
        {"logs": lambda x, s, w, m, v: w.log() - ((gaps(x, s, m) ** 2 / v).sum(-1) + v.log().sum(1)) / 2},
    ),
    "centre of the data in the shares": (
        "in the shares the Gaussians are centred at the data's means: at time s they are not there yet.",
        {"logs": lambda x, s, w, m, v: w.log() - (((x[:, None] - m) ** 2 / width(s, v)).sum(-1) + _heights(s, v)) / 2},
    ),
    "shares upside down": (
        "the farthest Gaussians have the largest shares: the sign of the exponent.",
        {"logs": lambda x, s, w, m, v: w.log() + (squares(x, s, m, v).sum(-1) - _heights(s, v)) / 2},
    ),
}
"""Wrong logarithms of the shares, by name: the sentence, and what is replaced in `held`."""

WEIGHING: dict[str, tuple[str, dict]] = {
    "underflow": (
        "0 / 0: far from all centres all densities round to 0. Stay with logarithms until the shares are normalised "
        "(or subtract the largest first).",
        {"shares": lambda logs: logs.exp() / logs.exp().sum(1, keepdim=True)},
    ),
    "underflow hidden": (
        "far from all centres all shares are 0: all densities round to 0 there. A small number in the denominator, or "
        "nan_to_num, only hides 0 / 0. Stay with logarithms until the shares are normalised.",
        {"shares": lambda logs: (logs.exp() / logs.exp().sum(1, keepdim=True)).nan_to_num()},
    ),
    "not normalised": (
        "the shares of a state do not sum to 1: divide by the density of the whole mixture.",
        {"shares": lambda logs: logs.exp()},
    ),
    "normalised over the batch": (
        "the shares are normalised over the batch: each state has its own, which sum to 1 over the Gaussians.",
        {"shares": lambda logs: logs.softmax(0)},
    ),
    "logarithms of the shares": (
        "these shares are logarithms, negative numbers: shares are positive and sum to 1.",
        {"shares": lambda logs: logs.log_softmax(1)},
    ),
    "logarithms as shares": (
        "the shares are made of logarithms of densities: they are in proportion to the densities themselves.",
        {"shares": lambda logs: logs / logs.sum(1, keepdim=True)},
    ),
    "exponential twice": (
        "the softmax is taken of densities: it makes exponentials itself, of their logarithms.",
        {"shares": lambda logs: logs.exp().softmax(1)},
    ),
    "likeliest only": (
        "only the likeliest Gaussian counts: all do, by their shares.",
        {"shares": lambda logs: torch.nn.functional.one_hot(logs.argmax(1), logs.shape[1]).to(logs)},
    ),
    "sigmoid": (
        "a sigmoid looks at each Gaussian alone: the shares of all have to sum to 1.",
        {"shares": lambda logs: logs.sigmoid()},
    ),
    "mean over the Gaussians": (
        "the weighted sum is divided by the number of Gaussians as well: the shares sum to 1 already.",
        {"total": lambda shares, moved: (shares[..., None] * moved).mean(1)},
    ),
    "sum without shares": (
        "the states that the maps lead to are added up without the shares.",
        {"total": lambda shares, moved: moved.sum(1)},
    ),
    "shares on the wrong axis": (
        "the shares met the wrong axis: those of shape (B, K) line up with the coordinates, not with the Gaussians.",
        {"total": _axis_too_many},
    ),
}
"""Wrong ways from the logarithms to the result."""
