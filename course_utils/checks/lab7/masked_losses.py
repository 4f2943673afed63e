"""Exercise 7.6's loss with parts to replace, and mistakes on the way from logits to the cost of each letter."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake

__all__ = ["COST_MISTAKES", "kept_letters", "loss_with", "minus_log", "weighed", "words_costs"]


def kept_letters(t: Tensor, u: Tensor) -> Tensor:
    return u < t[:, None]


def minus_log(logits: Tensor) -> Tensor:
    """From logits, shape (B, L, v), to minus the logarithms of probabilities."""
    return -logits.log_softmax(-1)


def words_costs(terms: Tensor, masked: Tensor, t: Tensor) -> Tensor:
    """One number a word, from one number a letter."""
    return (terms * masked).sum(1) / (1 - t)


def weighed(weight: Callable[[Tensor], Tensor]) -> Callable:
    """One number a word with another weight of the sum, from the time."""
    return lambda terms, masked, t: (terms * masked).sum(1) * weight(t)


def loss_with(
    *,
    kept: Callable[[Tensor, Tensor], Tensor] = kept_letters,
    shown: Callable[[Tensor, Tensor, int], Tensor] = lambda x, z, mask: x,
    mask: Callable[[int], int] = lambda v: v,
    target: Callable[[Tensor, Tensor, int], Tensor] = lambda x, z, v: z,
    costs: Callable[[Tensor], Tensor] = minus_log,
    words: Callable[[Tensor, Tensor, Tensor], Tensor] = words_costs,
    reduce: Callable[[Tensor], Tensor] = torch.mean,
) -> Callable:
    """The loss with parts to replace.

    Args:
        kept: Where letters of the word stay, from times and coins.
        mask: The token for masks, from the number of letters.
        shown: What the model sees, from x, z and the mask.
        target: The letters whose cost counts, from x, z and the number of letters.
        costs: From logits to the costs of all letters, shape (B, L, v).
        words: One number a word, from one cost a letter, where masks are, and times.
        reduce: From these to the loss.
    """

    def loss(model, z, t, u):
        token = mask(model.letters)
        x = torch.where(kept(t, u), z, token)
        all_costs = costs(model(shown(x, z, token)))
        terms = all_costs.gather(-1, target(x, z, model.letters)[..., None])[..., 0]
        return reduce(words(terms, x == token, t))

    return loss


def _squared_errors(logits: Tensor) -> Tensor:
    p = logits.softmax(-1)
    return (p**2).sum(-1, keepdim=True) - 2 * p + 1


def _entropies(logits: Tensor) -> Tensor:
    return (minus_log(logits) * logits.softmax(-1)).sum(-1, keepdim=True).expand_as(logits)


def _reshaped(logits: Tensor) -> Tensor:
    """The letters' axis second, by another shape of the same list of numbers."""
    batch, length, v = logits.shape
    return -logits.reshape(batch, v, length).log_softmax(1).mT


_COSTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "softmax twice": (
        lambda logits: minus_log(logits.softmax(-1)),
        "the model gives logits: one softmax, inside the cross entropy, is enough.",
    ),
    "softmax over places": (
        lambda logits: -logits.log_softmax(1),
        "the softmax runs over the places of a word: it is the letters whose probabilities sum to 1.",
    ),
    "softmax over the batch": (
        lambda logits: -logits.log_softmax(0),
        "the softmax runs over the batch: it is the letters whose probabilities sum to 1.",
    ),
    "logits as logarithms": (
        torch.neg,
        "minus the logit stands for minus the logarithm: logits become probabilities by a softmax.",
    ),
    "no logarithm": (lambda logits: -logits.softmax(-1), "minus the probability: the logarithm is missing."),
    "one minus the probability": (
        lambda logits: 1 - logits.softmax(-1),
        "one minus the probability: a cross entropy is minus its logarithm.",
    ),
    "squared errors": (
        _squared_errors,
        "these are squared errors of the probabilities: a cross entropy is minus the logarithm of the letter's.",
    ),
    "entropy of the model": (
        _entropies,
        "the entropy of what the model says is taken: what counts is the letter that is there, z.",
    ),
    "reshaped": (
        _reshaped,
        "the logits are given another shape, so that numbers of one letter go to another: axes have to change places.",
    ),
}
"""From logits to wrong costs, by the name of the mistake, and its sentence."""

COST_MISTAKES = [Mistake(name, loss_with(costs=costs), message) for name, (costs, message) in _COSTS.items()]
