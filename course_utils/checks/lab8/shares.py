"""The flow map of a mixture with held weights, with parts to replace, and what students put in the shares' place."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.lab8.gaussians import WIDTHS, Width, carried, width
from course_utils.checks.lab8.spans import column

__all__ = ["SHARES", "WEIGHING", "held", "log_shares"]


def log_shares(gaps: Tensor, widths: Tensor, weights: Tensor) -> Tensor:
    """Logarithm of weight times density of each Gaussian but for a constant, shape (B, K).

    Args:
        gaps: From the centre of each Gaussian to the states, shape (B, K, d).
        widths: Variances of the Gaussians, the same shape.
        weights: Those of the mixture, shape (K,).
    """
    return weights.log() - (gaps**2 / widths + widths.log()).sum(-1) / 2


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
    centre: Callable[[Tensor, Tensor], Tensor] = lambda s, means: s * means,
    wide: Width = width,
    logs: Callable = log_shares,
    shares: Callable[[Tensor], Tensor] = lambda logs: logs.softmax(1),
    total: Callable[[Tensor, Tensor], Tensor] = _weighed,
    shape: Callable[[Tensor, Tensor], Tensor] = column,
    **parts: Callable,
) -> Tensor:
    """The held map with parts to replace.

    Args:
        x, s, t, weights, means, vars: As of a right answer.
        centre, wide: Centres and variances of the Gaussians that the shares are made of.
        logs: From gaps, variances and weights to logarithms of unnormalised shares.
        shares: From these to the shares, shape (B, K).
        total: From shares and the states that each Gaussian's map leads to, shape (B, K, d), to the result.
        shape: Brings a time to a shape that fits states of shape (B, 1, d).
        parts: Parts of the maps, see `gaussians.carried`.
    """
    states = x[:, None]
    at = shape(s, states)
    moved = carried(states, s, t, means, vars, shape=shape, **parts)
    return total(shares(logs(states - centre(at, means), wide(at, vars), weights)), moved)


def _axis_too_many(shares: Tensor, moved: Tensor) -> Tensor:
    return (shares * moved).sum(1)


SHARES: dict[str, tuple[str, dict]] = {
    "shares of the beginning": (
        "all states share the Gaussians alike, by their weights: where a state is tells which it likely belongs to.",
        {"logs": lambda gaps, widths, w: w.log().expand(len(gaps), -1)},
    ),
    "weights not used": (
        "the mixture's own weights are not used: a rare Gaussian has few of the states.",
        {"logs": lambda gaps, widths, w: log_shares(gaps, widths, torch.ones_like(w))},
    ),
    "weights twice": (
        "the mixture's weights come in twice.",
        {"logs": lambda gaps, widths, w: log_shares(gaps, widths, w**2)},
    ),
    "equal shares": (
        "all Gaussians have the same share in all states: where a state is tells which it likely belongs to.",
        {"logs": lambda gaps, widths, w: 0 * gaps[..., 0]},
    ),
    "weights times logarithms": (
        "the weights multiply the logarithms: they belong to the densities themselves.",
        {"logs": lambda gaps, widths, w: w * log_shares(gaps, widths, torch.ones_like(w))},
    ),
    "weights added to logarithms": (
        "weights are added to logarithms of densities: a product becomes a sum only if both are logarithms.",
        {"logs": lambda gaps, widths, w: w + log_shares(gaps, widths, torch.ones_like(w))},
    ),
    "heights forgotten": (
        "a wide Gaussian has a low density, even at its centre: what stands before the exponential is missing.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths).sum(-1) / 2},
    ),
    "heights not rooted": (
        "before the exponential stands the product of the standard deviations: yours is that of the variances.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths / 2 + widths.log()).sum(-1)},
    ),
    "heights upside down": (
        "before the exponential a wide Gaussian has the larger number: it should have the smaller.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths - widths.log()).sum(-1) / 2},
    ),
    "no 2": (
        "a factor 2 is missing in the exponent of the Gaussian density.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths + widths.log() / 2).sum(-1)},
    ),
    "no one half": (
        "one half is missing before the logarithm of the density: squares and widths both count twice.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths + widths.log()).sum(-1)},
    ),
    "heights of added variances": (
        "before the exponential the variances of the coordinates are added up: densities multiply, so that their "
        "logarithms add up.",
        {"logs": lambda gaps, widths, w: w.log() - ((gaps**2 / widths).sum(-1) + widths.sum(-1).log()) / 2},
    ),
    "mean of the squares": (
        "in the exponent the coordinates are averaged: they are independent, so that their exponents add up.",
        {"logs": lambda gaps, widths, w: w.log() - ((gaps**2 / widths).mean(-1) + widths.log().sum(-1)) / 2},
    ),
    "mean of all logarithms": (
        "the logarithms of densities are averaged over the coordinates: these are independent, so that they add up.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths + widths.log()).mean(-1) / 2},
    ),
    "standard deviation in the exponent": (
        "the exponent is divided by the standard deviation: it needs the variance.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps**2 / widths**0.5 + widths.log()).sum(-1) / 2},
    ),
    "variances for standard deviations": (
        "the variance of each Gaussian is taken for its standard deviation, and squared, in its density.",
        {"logs": lambda gaps, widths, w: log_shares(gaps, widths**2, w)},
    ),
    "distance not squared": (
        "the gaps are not squared in the exponent of the Gaussian density.",
        {"logs": lambda gaps, widths, w: w.log() - (gaps.abs() / widths + widths.log()).sum(-1) / 2},
    ),
    "shares upside down": (
        "the farthest Gaussians have the largest shares: the sign of the exponent.",
        {"logs": lambda gaps, widths, w: w.log() + (gaps**2 / widths - widths.log()).sum(-1) / 2},
    ),
    "densities of the data": (
        "the shares are those of data points: at time s the Gaussians are nearer to 0, and have noise in them.",
        {"centre": lambda s, means: means, "wide": lambda s, vars: vars + 0 * s},
    ),
    "width of the data": (
        "in the shares the Gaussians have the width of the data: at time s there is noise in it.",
        {"wide": lambda s, vars: vars + 0 * s},
    ),
    "centre of the data": (
        "in the shares the Gaussians are centred at the data's means: at time s they are not there yet.",
        {"centre": lambda s, means: means},
    ),
    "no centre": (
        "in the shares all Gaussians are centred at 0: each has its own centre.",
        {"centre": lambda s, means: 0 * means},
    ),
    **{
        f"{name}, in the shares": (f"in the shares, {sentence}", {"wide": wide})
        for name, (sentence, wide) in WIDTHS.items()
    },
}
"""Wrong densities that the shares are made of, by name: the sentence, and what is replaced in `held`."""

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
        {"shares": lambda logs: F.one_hot(logs.argmax(1), logs.shape[1]).to(logs)},
    ),
    "sigmoid": (
        "a sigmoid looks at each Gaussian alone: the shares of all have to sum to 1.",
        {"shares": lambda logs: logs.sigmoid()},
    ),
    "last Gaussian only": (
        "only the part of the last Gaussian is left: is the sum overwritten in a loop?",
        {"total": lambda shares, moved: shares[:, -1:] * moved[:, -1]},
    ),
    "first Gaussian only": (
        "only the part of the first Gaussian is there: does a loop end too early?",
        {"total": lambda shares, moved: shares[:, :1] * moved[:, 0]},
    ),
    "first Gaussian left out": (
        "the part of the first Gaussian is missing: where does a loop begin?",
        {"total": lambda shares, moved: _weighed(shares[:, 1:], moved[:, 1:])},
    ),
    "last Gaussian left out": (
        "the part of the last Gaussian is missing: where does a loop end?",
        {"total": lambda shares, moved: _weighed(shares[:, :-1], moved[:, :-1])},
    ),
    "mean over the Gaussians": (
        "the weighted sum is divided by the number of Gaussians as well: the shares sum to 1 already.",
        {"total": lambda shares, moved: (shares[..., None] * moved).mean(1)},
    ),
    "sum without shares": (
        "the states that the maps lead to are added up without the shares.",
        {"total": lambda shares, moved: moved.sum(1)},
    ),
    "sum over the batch": (
        "the weighted sum runs over the batch: each state has its own, over the Gaussians.",
        {"total": lambda shares, moved: (shares[..., None] * moved).sum(0)},
    ),
    "shares on the wrong axis": (
        "the shares met the wrong axis: those of shape (B, K) line up with the coordinates, not with the Gaussians.",
        {"total": _axis_too_many},
    ),
}
"""Wrong ways from the logarithms to the result."""
