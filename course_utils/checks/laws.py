"""Mistakes and traits of results that should be laws: probabilities of letters along the last axis."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import Mistake
from course_utils.checks.traits import CLOSE, Compared, Trait, close

__all__ = ["LAW_TRAITS", "law_mistakes", "only_wrong"]


def _most_likely(p: Tensor) -> Tensor:
    return F.one_hot(p.argmax(-1), p.shape[-1]).to(p)


_OTHERS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "logarithms": (torch.log, "these are logarithms of probabilities: the probabilities are asked for."),
    "most likely letter alone": (
        _most_likely,
        "the most likely letter has all the probability: the whole law is asked for, from which letters are drawn "
        "later.",
    ),
    "letters for laws": (
        lambda p: p.argmax(-1),
        "these are letters, the most likely ones: laws are asked for, from which letters are drawn later.",
    ),
    "letters on the second axis": (
        lambda p: p.transpose(1, 2),
        "the probabilities of the letters are on the second axis, where a cross entropy wants them: here they are the "
        "last.",
    ),
    "softmax of the law": (lambda p: p.softmax(-1), "a softmax is taken of what is a law already."),
}
"""What is returned instead of a law, made from it, and its sentence; by the name of the mistake."""


def law_mistakes(law: Callable) -> list[Mistake]:
    """Mistakes that every law of letters invites: something else is returned than its probabilities, as they are asked.

    Args:
        law: The right answer, of shape (B, L, letters).
    """
    return [Mistake(name, _then(law, change), message) for name, (change, message) in _OTHERS.items()]


def _then(law: Callable, change: Callable[[Tensor], Tensor]) -> Callable:
    return lambda *arguments: change(law(*arguments))


def only_wrong(words: str, where: Callable) -> Trait:
    """The trait that a result is right but for some places.

    Args:
        words: What a student reads.
        where: With the student's signature, True at these places; it broadcasts against the result.
    """

    def holds(pair: Compared) -> bool:
        given, expected = pair.given["result"], pair.expected["result"]
        places = pair.of(where)["result"].expand_as(expected)
        return bool((~places).any()) and close(given[~places], expected[~places])

    return Trait(words, holds, words)


def _negative(pair: Compared) -> bool:
    return bool((pair.given["result"] < -CLOSE).any())


def _normalised(pair: Compared) -> bool:
    """Whether nothing is wrong but the sums."""
    given = pair.given["result"]
    return close(given / given.sum(-1, keepdim=True), pair.expected["result"])


def _sums(pair: Compared, axis: int) -> Tensor:
    return pair.given["result"].sum(axis)


def _sum_to_1(pair: Compared, axis: int) -> bool:
    return close(_sums(pair, axis), torch.ones_like(_sums(pair, axis)))


LAW_TRAITS = [
    Trait("right but for the sums", _normalised, "all is right but that the laws do not sum to 1."),
    Trait("negative", _negative, "some of these probabilities are negative."),
    Trait(
        "sums along another axis",
        lambda pair: not _sum_to_1(pair, -1) and any(_sum_to_1(pair, axis) for axis in (0, 1)),
        "the numbers sum to 1, but along another axis than that of the letters.",
    ),
    Trait(
        "no sums of 1",
        lambda pair: not _sum_to_1(pair, -1),
        "the laws do not sum to 1: does something come in that goes out nowhere, or the other way round?",
    ),
]
"""Traits of wrong laws, from what says most."""
