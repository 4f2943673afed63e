"""Inputs of exercises on letters, as data: letters, coins and waiting times, laws, and a model that gives logits."""

import torch
from torch import Tensor

from course_utils.checks.inputs import Normal

__all__ = ["chain", "evenly", "inside_shares", "laws", "letter_table", "letters", "word_times"]


def evenly(normal: Normal, *shape: int) -> Tensor:
    """Numbers drawn evenly from [0, 1)."""
    return torch.rand(*shape, dtype=torch.float64, generator=normal.generator)


def letters(normal: Normal, v: int, *shape: int) -> Tensor:
    """Letters 0, ..., v - 1, drawn evenly."""
    return torch.randint(v, shape, generator=normal.generator)


def laws(normal: Normal, *shape: int) -> Tensor:
    """Laws along the last axis; some of their probabilities are a thousand times smaller than others."""
    return (2 * normal(*shape)).softmax(-1)


def chain(normal: Normal, n: int) -> Tensor:
    """Rates of a chain, shape (n, n); in every other case no jump leads to the first state, but from the last."""
    rates = normal(n, n).exp().fill_diagonal_(0)
    if normal.seed % 2 == 0:
        rates[:-1, 0] = 0
    return rates - rates.sum(1).diag()


def inside_shares(normal: Normal, weights: Tensor) -> Tensor:
    """Numbers that each lie inside of one share of a row, the rare ones too, and never near where two shares meet.

    Args:
        weights: What the shares are in proportion to, shape (B, n); at least one a row is above 0.
    """
    shares = weights / weights.sum(1, keepdim=True)
    chosen = (evenly(normal, *weights.shape) * (weights > 0)).argmax(1, keepdim=True)
    below = (shares.cumsum(1) - shares).gather(1, chosen)
    return (below + shares.gather(1, chosen) * (0.05 + 0.9 * evenly(normal, len(weights), 1)))[:, 0]


def word_times(normal: Normal, n: int) -> Tensor:
    """Times of n words, spread over 0.1 to 0.9; of more than one, in one case of three, the first is 0, the last near "
    "1."""
    t = 0.1 + 0.8 * (torch.randperm(n, generator=normal.generator) + evenly(normal, n)) / n
    if normal.seed % 3 == 0 and n > 1:
        t[0], t[-1] = 0.0, 1 - 1 / 64
    return t


def letter_table(normal: Normal, v: int, length: int) -> dict:
    """A model that gives logits of letters, with parameters to take gradients in."""
    return {"family": "letter table", "table": normal(length, v, length, v + 1), "offset": normal(length, v)}
