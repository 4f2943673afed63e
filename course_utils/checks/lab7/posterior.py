"""Exercise 7.4: the law of each letter of the clean word, given the noisy one and a table of words."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.laws import LAW_TRAITS, law_mistakes
from course_utils.checks.letters import laws, letters, word_times

__all__ = ["posterior"]


@exercise("7.4", "Posterior of the clean letter", points=3, single=1e-4)
def posterior(words, q, x, t, v):
    out = torch.zeros(*x.shape, v).to(q)
    for b, noisy in enumerate(x):
        for word, weight in zip(words, q, strict=True):
            for letter, seen in zip(word, noisy, strict=True):
                weight = weight * (t[b] * (letter == seen) + (1 - t[b]) / v)
            for i, letter in enumerate(word):
                out[b, i, letter] += weight
        out[b] /= out[b, 0].sum()
    return out


@posterior.inputs
def _(normal):
    n, batch, length, v = ((12, 1, 5, 6), (7, 7, 7, 4), (9, 6, 3, 4), (12, 5, 4, 3))[normal.seed % 4]
    x, words = letters(normal, v, batch, length), letters(normal, v, n, length)
    x[-1] = words[0]
    q = laws(normal, n) if normal.seed % 2 == 0 else normal(n).softmax(0)
    return {"words": words, "q": q, "x": x, "t": word_times(normal, batch), "v": v}


def _product(chances: Tensor) -> Tensor:
    """From the chances of the letters (B, n, L) to that of each word; an axis of length 1 is left for the places."""
    return chances.prod(2, keepdim=True)


def _shares(weights: Tensor) -> Tensor:
    return weights / weights.sum(1, keepdim=True)


def _posterior(
    *,
    same: Callable[[Tensor, int], Tensor] = lambda t, v: t + (1 - t) / v,
    other: Callable[[Tensor, int], Tensor] = lambda t, v: (1 - t) / v,
    joined: Callable[[Tensor], Tensor] = _product,
    prior: Callable[[Tensor], Tensor] = lambda q: q,
    shares: Callable[[Tensor], Tensor] = _shares,
    time: Callable[[Tensor], Tensor] = lambda t: t[:, None, None],
) -> Callable:
    """The posterior with parts to replace.

    Args:
        same: Chance to see the letter of the word.
        other: Chance to see one certain other letter.
        joined: From the chances of letters, shape (B, n, L), to those of words, shape (B, n, 1 or L).
        prior: From the probabilities of the words to their weights.
        shares: From weights of words, shape (B, n, 1 or L), to what is added up.
        time: Brings t to a shape that fits (B, n, L).
    """

    def law(words, q, x, t, v):
        t = time(t)
        chances = torch.where(x[:, None] == words, same(t, v), other(t, v))
        weights = shares(joined(chances) * prior(q)[:, None])
        return torch.einsum("bni,nia->bia", weights.expand(-1, -1, x.shape[1]), F.one_hot(words, v).to(q))

    return law


@posterior.mistake("the probabilities q of the words are missing: a rare word is a rare explanation.")
def weights_forgotten(*arguments):
    return _posterior(prior=torch.ones_like)(*arguments)


@posterior.mistake("the noisy word is not used: these are the letters of all words, as at t = 0.")
def prior_only(words, q, x, t, v):
    return posterior.oracle(words, q, x, 0 * t, v)


@posterior.mistake("the chances of the letters are added: they are independent given the word, so they multiply.")
def sum_for_product(*arguments):
    return _posterior(joined=lambda chances: chances.sum(2, keepdim=True))(*arguments)


@posterior.mistake("the chances of the letters are averaged: they are independent given the word, so they multiply.")
def mean_for_product(*arguments):
    return _posterior(joined=lambda chances: chances.mean(2, keepdim=True), shares=lambda weights: weights)(*arguments)


@posterior.mistake("every position looks at its own letter alone: the whole word x says which z is likely.")
def own_letter_only(*arguments):
    return _posterior(joined=lambda chances: chances)(*arguments)


@posterior.mistake("every position leaves out its own letter: noisy as it is, x^i is evidence for z^i, too.")
def own_letter_left_out(*arguments):
    return _posterior(joined=lambda chances: _product(chances) / chances)(*arguments)


@posterior.mistake("a noise letter is any of the v letters, evenly: what is the chance of just this one?")
def noise_without_v(*arguments):
    return _posterior(same=lambda t, v: torch.ones_like(t), other=lambda t, v: 1 - t)(*arguments)


@posterior.mistake("a noise letter may be that of the word, by chance: noise counts where the letters agree, too.")
def noise_never_right(*arguments):
    return _posterior(same=lambda t, v: t)(*arguments)


@posterior.mistake(
    "noise is missing where letters agree, and where they differ it has the chance of all letters together."
)
def noise_never_right_without_v(*arguments):
    return _posterior(same=lambda t, v: t, other=lambda t, v: 1 - t)(*arguments)


@posterior.mistake("noise is one of all v letters, not of the v - 1 others: it may be the letter of the word.")
def v_minus_1(*arguments):
    return _posterior(same=lambda t, v: t + (1 - t) / (v - 1), other=lambda t, v: (1 - t) / (v - 1))(*arguments)


@posterior.mistake("noise is taken for one of the v - 1 other letters: it may be the letter of the word.")
def always_another_letter(*arguments):
    return _posterior(same=lambda t, v: t, other=lambda t, v: (1 - t) / (v - 1))(*arguments)


@posterior.mistake("the chance to see the letter of the word is certain: noise may have hidden it at any t < 1.")
def seen_for_certain(*arguments):
    return _posterior(same=lambda t, v: torch.ones_like(t))(*arguments)


@posterior.mistake("the weights do not sum to 1: divide by p_t(x), which is their sum.")
def not_normalised(*arguments):
    return _posterior(shares=lambda weights: weights)(*arguments)


@posterior.mistake("the weights are divided by their sum over the batch: each noisy word has shares of its own.")
def normalised_over_the_batch(*arguments):
    return _posterior(shares=lambda weights: weights / weights.sum(0, keepdim=True))(*arguments)


@posterior.mistake("the weights are divided by their sum over everything: each noisy word has shares of its own.")
def normalised_over_everything(*arguments):
    return _posterior(shares=lambda weights: weights / weights.sum())(*arguments)


@posterior.mistake("this is a softmax of the weights: their shares are the weights divided by their sum.")
def softmax_of_the_weights(*arguments):
    return _posterior(shares=lambda weights: weights.softmax(1))(*arguments)


@posterior.mistake("only the likeliest word is left: all words that explain x count, each with its weight.")
def likeliest_word(*arguments):
    return _posterior(shares=lambda w: F.one_hot(w.argmax(1), w.shape[1]).mT.to(w))(*arguments)


@posterior.mistake("only words equal to x count: at t < 1 letters may be noise.")
def no_noise(*arguments):
    return _posterior(time=lambda t: torch.ones_like(t)[:, None, None] - 1e-12)(*arguments)


@posterior.mistake("time runs backwards: t is the chance that a letter is that of the word.")
def time_reversed(words, q, x, t, v):
    return posterior.oracle(words, q, x, 1 - t, v)


@posterior.mistake("the times met the wrong axis: t of shape (B,) lines up with the letters, not with the words of x.")
def t_not_reshaped(*arguments):
    return _posterior(time=lambda t: t)(*arguments)


@posterior.mistake(
    "the times met the wrong axis: t of shape (B, 1) lines up with the words of the table, not with those of x."
)
def t_as_a_column(*arguments):
    return _posterior(time=lambda t: t[:, None])(*arguments)


@posterior.mistake("all noisy words are at the time of the first: each has its own.")
def one_time(*arguments):
    return _posterior(time=lambda t: t[0])(*arguments)


@posterior.mistake("this is the noisy word itself: which letters of it are noise, the table of words may tell.")
def noisy_word_itself(words, q, x, t, v):
    return F.one_hot(x, v).to(q)


@posterior.mistake("x^i is mixed in with the share t: that a letter may be that of the word is in the weights already.")
def mixed_with_x(words, q, x, t, v):
    here, law = F.one_hot(x, v).to(q), posterior.oracle(words, q, x, t, v)
    return t[:, None, None] * here + (1 - t[:, None, None]) * law


@posterior.mistake("these are the weights of the words: add them up for each letter at each place.")
def weights_of_words(words, q, x, t, v):
    chances = t[:, None, None] * (x[:, None] == words) + (1 - t[:, None, None]) / v
    return _shares(chances.prod(2) * q)


@posterior.mistake("the noisy letter has a part of the law for itself: what x says is in the weights already.")
def present_letter_counted_again(words, q, x, t, v):
    law = posterior.oracle(words, q, x, t, v)
    t = t[:, None, None]
    again = law * torch.where(F.one_hot(x, v).bool(), t + (1 - t) / v, (1 - t) / v)
    return again / again.sum(-1, keepdim=True)


@posterior.mistake("there is a place for a mask: here noise is one of the v letters, and no other token is there.")
def place_for_a_mask(*arguments):
    return F.pad(posterior.oracle(*arguments), (0, 1))


posterior.mistakes += law_mistakes(posterior.oracle)
posterior.traits += LAW_TRAITS
