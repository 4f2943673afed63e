"""Exercise 6.3: the bound on log p(x) of a linear decoder, in closed form."""

import math

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["linear_bound"]


@exercise("6.3", "The bound of a linear decoder", points=3, rtol=1e-6, why="constants may be in single precision")
def linear_bound(x, mean, log_var, W, b, s):
    # log p(x) - KL(q || posterior), both from the joint Gaussian of latent and x: no reconstruction at all
    d, n = W.shape[1], W.shape[0]
    cov = W @ W.T + s**2 * torch.eye(n, dtype=x.dtype)
    gain = torch.linalg.solve(cov, W).T
    left = torch.eye(d, dtype=x.dtype) - gain @ W
    precision, out = torch.linalg.inv(left), []
    for row, m, v in zip(x, mean, log_var.exp(), strict=True):
        r = row - b
        log_p = -(r @ torch.linalg.solve(cov, r) + torch.logdet(cov) + n * math.log(2 * math.pi)) / 2
        gap = m - gain @ r
        kl = ((precision.diagonal() * v).sum() + gap @ precision @ gap - d + torch.logdet(left) - v.log().sum()) / 2
        out.append(log_p - kl)
    return torch.stack(out)


@linear_bound.inputs
def _(normal):
    return {
        "x": normal(4, 5),
        "mean": normal(4, 3),
        "log_var": normal(4, 3) / 2,
        "W": normal(5, 3),
        "b": normal(5),
        "s": 0.5 + normal(1).abs().item(),
    }


def _kl(mean: Tensor, log_var: Tensor) -> Tensor:
    return (mean**2 + log_var.exp() - 1 - log_var).sum(1) / 2


def _error_of_the_mean(x, mean, W, b) -> Tensor:
    return ((x - mean @ W.T - b) ** 2).sum(1)


def _spread(log_var, W) -> Tensor:
    """Mean square of what the scatter of the latent adds."""
    return (log_var.exp() * (W**2).sum(0)).sum(1)


def _log_constant(W, s) -> float:
    return -len(W) / 2 * math.log(2 * math.pi * s**2)


def _bound(squares, kl, W, s) -> Tensor:
    return -squares / (2 * s**2) + _log_constant(W, s) - kl


def _squares(x, mean, log_var, W, b) -> Tensor:
    return _error_of_the_mean(x, mean, W, b) + _spread(log_var, W)


@linear_bound.mistake(
    "the reconstruction is that of the mean alone: the latent scatters around it, and a mean square has a variance in "
    "it."
)
def no_spread(x, mean, log_var, W, b, s):
    return _bound(_error_of_the_mean(x, mean, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the spread of the latent is added as it is: the decoder stretches it on its way to x.")
def spread_not_stretched(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) + log_var.exp().sum(1)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake("the entries of W are summed, then squared: the pixels' errors are squared one by one.")
def entries_summed_first(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) + (log_var.exp() * W.sum(0) ** 2).sum(1)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake("W enters the spread without its square: a variance is stretched by a square.")
def columns_not_squared(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) + (log_var.exp() * W.norm(dim=0)).sum(1)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake(
    "the spread of the latent enters with its standard deviation: a mean square has the variance in it."
)
def deviation_as_variance(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) + _spread(log_var / 2, W)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake("the spread is subtracted from the squares: scatter makes the mean square larger.")
def spread_subtracted(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) - _spread(log_var, W)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake(
    "the logarithm of the normalising constant of p(x|h) is missing: without it nothing can be compared with log p(x)."
)
def no_constant(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s) - _log_constant(W, s)


@linear_bound.mistake("the normalising constant is that of one coordinate: x has several, and each has its own.")
def constant_of_one_coordinate(x, mean, log_var, W, b, s):
    short = _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s) - _log_constant(W, s)
    return short + _log_constant(W, s) / len(W)


@linear_bound.mistake("the normalising constant counts the latent's coordinates: it belongs to x, which has more.")
def constant_of_the_latent(x, mean, log_var, W, b, s):
    short = _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s) - _log_constant(W, s)
    return short + _log_constant(W.T, s)


@linear_bound.mistake("the normalising constant has the standard deviation in it where the variance belongs.")
def constant_with_the_deviation(x, mean, log_var, W, b, s):
    whole = _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)
    return whole + len(W) / 2 * math.log(s)


@linear_bound.mistake("the normalising constant lacks s: how high a normal density is depends on how wide it is.")
def constant_without_s(x, mean, log_var, W, b, s):
    whole = _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)
    return whole + len(W) * math.log(s)


@linear_bound.mistake("the normalising constant lacks 2 pi.")
def constant_without_two_pi(x, mean, log_var, W, b, s):
    whole = _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)
    return whole + len(W) / 2 * math.log(2 * math.pi)


@linear_bound.mistake("the normalising constant is added, not subtracted: a wide density is a low one.")
def constant_added(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s) - 2 * _log_constant(W, s)


@linear_bound.mistake("the squares are divided by the standard deviation: by which power of s?")
def s_not_squared(x, mean, log_var, W, b, s):
    return _bound(s * _squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the squares are not divided by anything with s: an error counts more where s is small.")
def squares_without_s(x, mean, log_var, W, b, s):
    return _bound(s**2 * _squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the exponent of a normal density has a factor that is missing in front of the squares.")
def no_half(x, mean, log_var, W, b, s):
    return _bound(2 * _squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the divergence is added: it could make the bound larger than log p(x).")
def divergence_added(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), -_kl(mean, log_var), W, s)


@linear_bound.mistake("the divergence is missing: this is the reconstruction alone, and no bound.")
def no_divergence(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), 0, W, s)


@linear_bound.mistake("the divergence has lost its factor 1/2, or is counted twice.")
def divergence_twice(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), 2 * _kl(mean, log_var), W, s)


@linear_bound.mistake("b is not used: the decoder's mean is W h + b.")
def no_offset(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, 0 * b), _kl(mean, log_var), W, s)


@linear_bound.mistake("b is added to x: what is left of x is x minus all that the decoder says.")
def offset_with_the_wrong_sign(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, -b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the mean of the latent is not used in the reconstruction.")
def mean_not_decoded(x, mean, log_var, W, b, s):
    return _bound(_squares(x, 0 * mean, log_var, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the squares are averaged over the coordinates of x: a squared norm sums over them.")
def squares_averaged(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b) / len(W), _kl(mean, log_var), W, s)


@linear_bound.mistake("the error of the mean is averaged over the coordinates of x: a squared norm sums over them.")
def error_averaged(x, mean, log_var, W, b, s):
    squares = _error_of_the_mean(x, mean, W, b) / len(W) + _spread(log_var, W)
    return _bound(squares, _kl(mean, log_var), W, s)


@linear_bound.mistake("the sign is wrong: this is the loss, the negative of the bound.")
def loss(x, mean, log_var, W, b, s):
    return -_bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s)


@linear_bound.mistake("the batch is averaged: one number for each row of x.")
def batch_averaged(x, mean, log_var, W, b, s):
    return _bound(_squares(x, mean, log_var, W, b), _kl(mean, log_var), W, s).mean()
