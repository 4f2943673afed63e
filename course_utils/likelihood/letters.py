r"""Probabilities of the words that a masked model makes, one letter an evaluation.

A model for masks gives $p(x^i | x^S)$, the law of a letter given a set S of others. In which order it is asked matters,
unless it is exact: in one order a word has one probability, in random order the mean of those of all orders.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.losses import counted_masked_terms
from course_utils.shapes import short_repr
from course_utils.words import check_words

__all__ = ["SubsetLikelihood", "masked_bound", "ordered_likelihood", "subset_likelihood"]

ROWS = 2048
"""Words that a model sees at a time."""
WORDS = 128
"""Words whose subsets are worked on at a time: of ten letters, 10 MB."""


class SubsetLikelihood(NamedTuple):
    """In nats, float64, shapes (batch,).

    Attributes:
        exact: The log-probability of each word, if letters are revealed in random order.
        bound: The mean of its log-probabilities in all orders, which cannot be more.

    Example:
        >>> likelihood.SubsetLikelihood(torch.tensor([-1.0]), torch.tensor([-1.5]))
        SubsetLikelihood(exact=(1,), bound=(1,))
    """

    exact: Tensor
    bound: Tensor

    def __repr__(self) -> str:
        return short_repr(self, **self._asdict())


@torch.no_grad()
def subset_likelihood(model, x: Tensor, y: Tensor | None = None) -> SubsetLikelihood:
    r"""The exact log-probability of words, and the exact bound on it: $2^L - 1$ evaluations a word.

    Probabilities of seeing the letters of a set S in some order, all orders alike, follow from those of smaller sets:
    $F(S) = \frac{1}{|S|} \sum_{i \in S} F(S \setminus i)\, p(x^i | x^{S \setminus i})$, and F of all letters is p(x).
    The mean of the logarithms follows in the same way, and is the bound that the masked loss is made of.

    Args:
        model: `model(x, t)` or `model(x, t, y)`, with the attribute `letters`; it is told the share of seen letters.
        x: Words, whole numbers, shape (batch, length).
        y: Labels, shape (batch,).

    Raises:
        ValueError: If x holds a mask or what is no letter, or words are longer than 16 letters.

    Source: Uria et al., "A deep and tractable density estimator" (2014), for the mean over orders.

    Example:
        >>> net = networks.LetterMLP(4, 3)
        >>> likelihood.subset_likelihood(net, torch.tensor([[0, 1, 2]])).exact
        tensor([-4.1589], dtype=torch.float64)
    """
    check_words(x, model.letters)
    length = x.shape[1]
    if length > 16:
        raise ValueError(f"expected words of at most 16 letters, as there are 2**length sets of them, got {length}")
    parts = [_over_orders(_given_subsets(model, *part)) for part in _split(x, y, WORDS)]
    return SubsetLikelihood(*(torch.cat(values) for values in zip(*parts, strict=True)))


@torch.no_grad()
def masked_bound(
    model,
    x: Tensor,
    y: Tensor | None = None,
    *,
    samples: int = 32,
    generator: torch.Generator | None = None,
) -> Float[Tensor, " batch"]:
    r"""An estimate of the bound on the log-probability of each word, by random masks; in nats, shape (batch,).

    Its mean over many is the `bound` of `subset_likelihood`: minus the loss `counted_masked_loss`.

    Args:
        model: `model(x, None)` or `model(x, None, y)`, with the attribute `letters`.
        x: Words, whole numbers, shape (batch, length).
        y: Labels, shape (batch,).
        samples: Sets of masks a word, one evaluation each.
        generator: Source of the masks.

    Raises:
        ValueError: If x holds a mask or what is no letter, or `samples` is less than 1.

    Example:
        >>> likelihood.masked_bound(networks.LetterMLP(4, 3), torch.tensor([[0, 1, 2]]))
        tensor([-4.1589])
    """
    if samples < 1:
        raise ValueError(f"expected at least 1 sample, got {samples}")
    total = torch.zeros(len(x))
    for _ in range(samples):
        terms = [counted_masked_terms(model, *part, generator=generator) for part in _split(x, y, ROWS)]
        total = total - torch.cat(terms)
    return total / samples


@torch.no_grad()
def ordered_likelihood(
    model, x: Tensor, y: Tensor | None = None, order: Sequence[int] | None = None
) -> Float[Tensor, " batch"]:
    r"""The exact log-probability of words whose letters are revealed in one order: one evaluation a letter.

    Args:
        model: `model(x, t)` or `model(x, t, y)`, with the attribute `letters`; it is told the share of seen letters.
        x: Words, whole numbers, shape (batch, length).
        y: Labels, shape (batch,).
        order: All places, in the order in which they are revealed; from left to right if not given.

    Returns:
        In nats, float64, shape (batch,).

    Raises:
        ValueError: If x holds a mask or what is no letter, or `order` is none of all places.

    Example:
        >>> likelihood.ordered_likelihood(networks.LetterMLP(4, 3), torch.tensor([[0, 1, 2]]))
        tensor([-4.1589], dtype=torch.float64)
    """
    check_words(x, model.letters)
    places = list(range(x.shape[1]) if order is None else order)
    if sorted(places) != list(range(x.shape[1])):
        raise ValueError(f"expected an order of the places 0 to {x.shape[1] - 1}, got {places}")
    total = torch.zeros(len(x), dtype=torch.float64)
    seen = torch.zeros(x.shape[1], dtype=torch.bool)
    for place in places:
        parts = [_log_posterior(model, words, seen.expand_as(words), labels) for words, labels in _split(x, y, ROWS)]
        total = total + torch.cat(parts)[:, place]
        seen[place] = True
    return total


def _over_orders(known: Float[Tensor, "sets length batch"]) -> tuple[Tensor, Tensor]:
    """The logarithm of the mean over all orders, and the mean of the logarithms, from log p(x^i | x^S) of all sets."""
    count, length, batch = known.shape
    exact = torch.zeros(count, batch, dtype=torch.float64)
    bound = torch.zeros(count, batch, dtype=torch.float64)
    sets = torch.arange(count)
    members = _members(length)
    for size in range(1, length + 1):
        own = sets[members.sum(1) == size]
        last = members[own].nonzero()[:, 1].reshape(-1, size)  # each letter of a set may have come last
        before = own[:, None] - (1 << last)
        exact[own] = (exact[before] + known[before, last]).logsumexp(1) - math.log(size)
        bound[own] = (bound[before] + known[before, last]).mean(1)
    return exact[-1], bound[-1]


def _given_subsets(model, x: Tensor, y: Tensor | None) -> Float[Tensor, "sets length batch"]:
    """log p(x^i | x^S) of every set S of letters, in the order of `_members`."""
    batch, length = x.shape
    parts = []
    for seen in _members(length).split(max(1, ROWS // max(1, batch))):
        words = x.repeat(len(seen), 1)
        labels = None if y is None else y.repeat(len(seen))
        found = _log_posterior(model, words, seen.repeat_interleave(batch, 0), labels)
        parts.append(found.reshape(len(seen), batch, length).transpose(1, 2))
    return torch.cat(parts)


def _members(length: int) -> Tensor:
    """Whether letter i belongs to set number k, shape (2**length, length): bit i of k."""
    return (torch.arange(2**length)[:, None] >> torch.arange(length) & 1).bool()


def _log_posterior(model, x: Tensor, seen: Tensor, y: Tensor | None) -> Tensor:
    """log p(x^i | letters of x that are seen), float64, shape (batch, length)."""
    hidden = torch.where(seen, x, model.letters)
    t = seen.to(torch.get_default_dtype()).mean(1)
    logits = model(hidden, t) if y is None else model(hidden, t, y)
    return logits.double().log_softmax(-1).gather(-1, x[..., None])[..., 0]


def _split(x: Tensor, y: Tensor | None, rows: int) -> list[tuple[Tensor, Tensor | None]]:
    """Words and their labels, so many at a time."""
    labels = [None] * (1 + len(x) // rows) if y is None else y.split(rows)
    return list(zip(x.split(rows), labels, strict=False))
