"""Made words beside real ones. The letter 0 is the blank that fills what a word leaves over."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.shapes import short_repr
from course_utils.words import check_words

__all__ = ["NameReport", "blanks_inside", "distinct", "mean_length", "name_report", "ngram_distance", "share_among"]


def ngram_distance(a: Tensor, b: Tensor, n: int) -> float:
    """Total variation between the laws of n letters in a row, in two lists of words.

    A blank is a letter, and one more stands before and after each word; n blanks in a row do not count.
    It shrinks with more words even when nothing gets better: compare only at equal numbers, beside real against real.

    Args:
        a, b: Words, whole numbers, shapes (n_a, length) and (n_b, length).
        n: Letters in a row, from 1 to length + 2.

    Raises:
        ValueError: If a list is empty, holds nothing but blanks or what is no letter, or `n` does not fit.

    Example:
        >>> metrics.ngram_distance(torch.tensor([[1, 2]]), torch.tensor([[1, 3]]), n=1)
        0.5
    """
    longest = 2 + min(_checked(a).shape[1], _checked(b).shape[1])
    if not 1 <= n <= longest:
        raise ValueError(f"expected from 1 to {longest} letters in a row, got {n}")
    rows, law = [], []
    for x in (a, b):
        windows = F.pad(x, (1, 1)).unfold(1, n, 1).flatten(0, 1)
        rows.append(windows[(windows != 0).any(1)])
        if not len(rows[-1]):
            raise ValueError("expected words with letters, got blanks only")
        law.append(torch.full((len(rows[-1]),), 1 / len(rows[-1]), dtype=torch.float64))
    _, index = torch.cat(rows).unique(dim=0, return_inverse=True)
    difference = torch.zeros(int(index.max()) + 1, dtype=torch.float64)
    difference.index_add_(0, index, torch.cat([law[0], -law[1]]))
    return difference.abs().sum().item() / 2


def share_among(x: Tensor, known: Tensor) -> float:
    """Share of the words that are among known ones: copies, if a model has learned from these.

    Args:
        x: Words, shape (n, length).
        known: Words, shape (m, length).

    Raises:
        ValueError: If there are no words, or what is no letter.

    Example:
        >>> metrics.share_among(torch.tensor([[1, 2], [1, 2], [1, 3], [4, 0]]), known=torch.tensor([[1, 2]]))
        0.5
    """
    known_words = set(map(tuple, _checked(known).tolist()))
    return sum(tuple(word) in known_words for word in _checked(x).tolist()) / len(x)


def distinct(x: Tensor) -> float:
    """Number of different words among them, as a share of all.

    Example:
        >>> metrics.distinct(torch.tensor([[1, 2], [1, 2], [1, 3], [4, 0]]))
        0.75
    """
    return len(_checked(x).unique(dim=0)) / len(x)


def mean_length(x: Tensor) -> float:
    """Mean number of letters of a word, its blanks not counted.

    Example:
        >>> metrics.mean_length(torch.tensor([[1, 2, 0], [1, 2, 3]]))
        2.5
    """
    return (_checked(x) != 0).sum(1).double().mean().item()


def blanks_inside(x: Tensor) -> float:
    """Share of the words in which a letter follows on a blank: they are no words.

    Example:
        >>> metrics.blanks_inside(torch.tensor([[1, 2, 0], [1, 0, 3]]))
        0.5
    """
    blank = _checked(x) == 0
    return (blank[:, :-1] & ~blank[:, 1:]).any(1).double().mean().item()


class NameReport(NamedTuple):
    """What made names are like. No single figure is enough: the share of real names is gamed by short and likely ones.

    Attributes:
        new_and_real: Share of real names among those held out.
        copies: Share of names that the model has learned from.
        distinct: Different names, as a share of all.
        length: Mean number of letters.
        blanks_inside: Share of words that have a blank inside.
        pairs, triples: `ngram_distance` of two and of three letters from as many held-out names.

    Example:
        >>> report = metrics.NameReport(0.02, 0.05, 0.99, 6.7, 0.0, 0.05, 0.17)
        >>> report
        NameReport(new_and_real=0.02, copies=0.05, distinct=0.99, length=6.7, blanks_inside=0, pairs=0.05, triples=0.17)
        >>> report.copies_a_new_one
        2.5
    """

    new_and_real: float
    copies: float
    distinct: float
    length: float
    blanks_inside: float
    pairs: float
    triples: float

    def __repr__(self) -> str:
        return short_repr(self, **self._asdict())

    @property
    def copies_a_new_one(self) -> float:
        """Copies for each name that is new and real: without memory, as many as there are to learn from for each."""
        return self.copies / self.new_and_real if self.new_and_real else float("inf")


def name_report(x: Tensor, train: Tensor, held_out: Tensor) -> NameReport:
    """Made names beside those that the model has learned from, and those held out.

    Args:
        x: Made names, shape (n, length).
        train: Names learned from, shape (m, length).
        held_out: Names held out, at least n, shape (k, length).

    Raises:
        ValueError: If there are fewer names held out than made, no names, or what is no letter.

    Example:
        >>> train, held_out = torch.tensor([[1, 2], [2, 0]]), torch.tensor([[1, 3], [3, 0]])
        >>> metrics.name_report(torch.tensor([[1, 2], [1, 3]]), train, held_out).new_and_real
        0.5
    """
    if len(held_out) < len(x):
        raise ValueError(f"expected at least as many names held out as made, got {len(held_out)} and {len(x)}")
    pairs, triples = (ngram_distance(x, held_out[: len(x)], n) for n in (2, 3))
    shares = share_among(x, held_out), share_among(x, train), distinct(x)
    return NameReport(*shares, mean_length(x), blanks_inside(x), pairs, triples)


def _checked(x: Tensor) -> Tensor:
    check_words(x, torch.iinfo(torch.int64).max)
    if x.numel() == 0:
        raise ValueError(f"expected words, got shape {tuple(x.shape)}")
    return x
