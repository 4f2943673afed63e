"""Exercise 7.3: words on the path, in which a letter is the word's or noise."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.letters import evenly, letters, word_times
from course_utils.checks.traits import Compared, Trait

__all__ = ["corrupt"]


@exercise("7.3", "Sample from the path", points=2, single=1e-5, why="letters are equal or not")
def corrupt(z, t, u, noise):
    rows = []
    for word, time, coins, other in zip(z, t, u, noise, strict=True):
        kept = (coins < time).long()
        rows.append(kept * word + (1 - kept) * other)
    return torch.stack(rows)


@corrupt.inputs
def _(normal):
    batch, length = ((1, 6), (8, 8), (5, 3), (8, 8))[normal.seed % 4]
    z, noise = letters(normal, 5, batch, length), letters(normal, 5, batch, length)
    t, u = word_times(normal, batch), evenly(normal, batch, length)
    u[0, 0] = 0.0
    if normal.seed % 2 == 1:
        noise = torch.full_like(noise, 5)
    return {"z": z, "t": t, "u": u, "noise": noise}


def _each(t: Tensor) -> Tensor:
    return t[:, None]


def _path(*, kept: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """A path on which the letters of the word stay where `kept(t, u)` says so; t comes in the shape (B, 1)."""
    return lambda z, t, u, noise: torch.where(kept(_each(t), u), z, noise)


def _kept(t: Tensor, u: Tensor) -> Tensor:
    return u < t


@corrupt.mistake("noise and data are exchanged: at t = 1 all letters are those of the word.")
def exchanged(z, t, u, noise):
    return corrupt.oracle(noise, t, u, z)


@corrupt.mistake("the times met the wrong axis: t of shape (B,) lines up with the letters, not with the words.")
def t_not_reshaped(z, t, u, noise):
    return torch.where(u < t, z, noise)


@corrupt.mistake("one coin decides for the whole word: every letter has its own.")
def one_coin_a_word(*arguments):
    return _path(kept=lambda t, u: u[:, :1] < t)(*arguments)


@corrupt.mistake("all words have the coins of the first: every letter of every word has its own.")
def coins_of_the_first_word(*arguments):
    return _path(kept=lambda t, u: u[:1] < t)(*arguments)


@corrupt.mistake("all words are at the time of the first: each has its own.")
def one_time(*arguments):
    return _path(kept=lambda t, u: u < t[0])(*arguments)


@corrupt.mistake("all words are at the mean of the times: each has its own.")
def mean_time(*arguments):
    return _path(kept=lambda t, u: u < t.mean())(*arguments)


@corrupt.mistake(
    "time runs backwards, as in papers that count it from the data: here t is the share of the word's letters."
)
def time_reversed(*arguments):
    return _path(kept=lambda t, u: u < 1 - t)(*arguments)


@corrupt.mistake(
    "the letters are averaged as if they were numbers: there is nothing between A and C that is half of each."
)
def mixed_numbers(z, t, u, noise):
    return (_each(t) * z + (1 - _each(t)) * noise).round().long()


@corrupt.mistake(
    "the letters are averaged as if they were numbers, and cut off: between A and C nothing is half of each."
)
def mixed_numbers_cut_off(z, t, u, noise):
    return (_each(t) * z + (1 - _each(t)) * noise).long()


@corrupt.mistake("the letters are averaged as if they were numbers: nothing between A and C is half of each.")
def mixed_numbers_with_fractions(z, t, u, noise):
    return _each(t) * z + (1 - _each(t)) * noise


@corrupt.mistake(
    "words are kept or lost as a whole, by whether t, or their mean coin, is on one side: every letter has its own "
    "coin."
)
def rounded_time(*arguments):
    return _path(kept=lambda t, u: (t > 0.5).expand_as(u))(*arguments)


@corrupt.mistake("the share is right, but the coins are read from the other side: a letter is kept where u < t.")
def other_side_of_the_coin(*arguments):
    return _path(kept=lambda t, u: u > 1 - t)(*arguments)


@corrupt.mistake("the times are not used: all letters are kept or lost with chance 1/2.")
def time_ignored(*arguments):
    return _path(kept=lambda t, u: u < 0.5)(*arguments)


@corrupt.mistake("just as many letters are kept as t says on average: every letter decides for itself.")
def fixed_number_kept(*arguments):
    return _path(kept=lambda t, u: u.argsort(1).argsort(1) < (t * u.shape[1]).round())(*arguments)


@corrupt.mistake("just as many letters are kept as t says on average, the first ones: every letter decides for itself.")
def first_letters_kept(*arguments):
    return _path(kept=lambda t, u: torch.arange(u.shape[1]) < (t * u.shape[1]).round())(*arguments)


@corrupt.mistake("after the first letter that is noise, all are: every letter decides for itself, in no order.")
def until_the_first_noise(*arguments):
    return _path(kept=lambda t, u: (u < t).int().cumprod(1).bool())(*arguments)


@corrupt.mistake("0 stands where noise should: 0 is a letter as well, the noise is given.")
def zeros_for_noise(z, t, u, noise):
    return z * _kept(_each(t), u)


@corrupt.mistake("the noise is added to the letters of the word: it takes their place.")
def noise_added(z, t, u, noise):
    return z + noise * ~_kept(_each(t), u)


@corrupt.mistake("the noise is added everywhere, even where the letter of the word is kept.")
def noise_added_everywhere(z, t, u, noise):
    return z * _kept(_each(t), u) + noise


@corrupt.mistake("this is the word itself: nothing is noise.")
def clean(z, t, u, noise):
    return z.clone()


@corrupt.mistake("this is noise alone: nothing of the word is left.")
def noise_alone(z, t, u, noise):
    return noise.clone()


@corrupt.mistake("these are the answers to u < t, not the letters that they choose.")
def coins_returned(z, t, u, noise):
    return _kept(_each(t), u)


@corrupt.mistake("where u and t are both 0, a letter of the word is left: at t = 0 all is noise.")
def kept_at_0(*arguments):
    return _path(kept=lambda t, u: u <= t)(*arguments)


@corrupt.mistake("the time is squared: the chance that a letter is that of the word is t itself.")
def time_squared(*arguments):
    return _path(kept=lambda t, u: u < t**2)(*arguments)


@corrupt.mistake("this is a cosine schedule: here the chance that a letter is that of the word is t itself.")
def cosine_schedule(*arguments):
    return _path(kept=lambda t, u: u < torch.sin(torch.pi / 2 * t))(*arguments)


def _due(z, t, u, noise):
    return _kept(_each(t), u)


def _of_word_or_noise(pair: Compared) -> bool:
    """Whether each letter is one of the two that may stand there."""
    given = pair.given["result"]
    word, noise = (pair.of(which)["result"] for which in (clean, noise_alone))
    return bool(((given == word) | (given == noise)).all())


def _all_kept_that_are_due(pair: Compared) -> bool:
    due = pair.of(_due)["result"]
    return bool((pair.given["result"] == pair.expected["result"])[due].all())


def _all_lost_that_are_due(pair: Compared) -> bool:
    due = pair.of(_due)["result"]
    return bool((pair.given["result"] == pair.expected["result"])[~due].all())


corrupt.traits += [
    Trait(
        "too many kept",
        lambda pair: _of_word_or_noise(pair) and _all_kept_that_are_due(pair),
        "all letters of the words are kept that should be, and more than these.",
    ),
    Trait(
        "too few kept",
        lambda pair: _of_word_or_noise(pair) and _all_lost_that_are_due(pair),
        "noise is wherever it should be, and at more places than these.",
    ),
    Trait(
        "of the word or noise",
        _of_word_or_noise,
        "each letter is that of the word or the noise of its place, but not always the one of the two that is due.",
    ),
    Trait("noise wrong", _all_kept_that_are_due, "the right letters are kept, but elsewhere is not the given noise."),
    Trait(
        "letters wrong", _all_lost_that_are_due, "noise is where it should be; elsewhere not all are the letters of z."
    ),
    Trait("neither", lambda pair: True, "some letters are neither that of the word nor the noise of their place."),
]
