"""Exercise 7.5: the law of each letter after one Euler step of the marginal chain."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.laws import LAW_TRAITS, law_mistakes
from course_utils.checks.letters import evenly, laws, letters
from course_utils.checks.sums import combination
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["euler_law"]


@exercise("7.5", "Euler step of the chain", points=3, single=1e-5)
def euler_law(post, x, t, h):
    out = torch.zeros_like(post)
    for b, word in enumerate(x.tolist()):
        share = h / (1 - t[b])
        for i, letter in enumerate(word):
            out[b, i, letter] = 1 - share
            out[b, i] += share * post[b, i]
    return out


@euler_law.inputs
def _(normal):
    batch, length, v = ((1, 3, 4), (4, 4, 4), (4, 3, 5), (5, 2, 3))[normal.seed % 4]
    t = 0.1 + 0.5 * evenly(normal, batch)
    if normal.seed % 3 == 0:
        t[0] = 0.0
    h = 1 - t.max()
    if normal.seed % 2 == 1:  # else it is the last step of one word
        h = h * (0.3 + 0.4 * evenly(normal, 1)[0])
    return {"post": laws(normal, batch, length, v), "x": letters(normal, v, batch, length), "t": t, "h": h}


def _here(post: Tensor, x: Tensor) -> Tensor:
    """The present letter as a law."""
    return F.one_hot(x, post.shape[-1]).to(post)


def _time(t: Tensor) -> Tensor:
    return t[:, None, None]


def _law(
    *,
    factor: Callable[[Tensor, Tensor], Tensor] = lambda t, h: 1 / (1 - t),
    rate: Callable[[Tensor, Tensor], Tensor] = lambda post, here: post - here,
    start: Callable[[Tensor], Tensor] = lambda here: here,
    step: Callable[[Tensor], Tensor] = lambda h: h,
    time: Callable[[Tensor], Tensor] = _time,
) -> Callable:
    """The law with parts to replace: start(here) + step(h) factor(t, h) rate(post, here).

    Args:
        factor: What the difference is multiplied by, from the time, in a shape that fits the laws, and the step.
        rate: From the posterior and the present letter's law to the rest of the rate.
        start: What the change is added to, from the present letter's law.
        step: From h to what the rate is multiplied by.
        time: Brings t to a shape that fits (B, L, v).
    """

    def law(post, x, t, h):
        here = _here(post, x)
        return start(here) + step(h) * factor(time(t), h) * rate(post, here)

    return law


@euler_law.mistake(
    "the factor 1/(1 - t) is missing: the later it is, the more of the letters that are still noise have to jump now."
)
def no_time_that_is_left(*arguments):
    return _law(factor=lambda t, h: 1.0)(*arguments)


@euler_law.mistake(
    "divided by t: the time that is left is meant. (Papers that count time from the data divide by theirs.)"
)
def divided_by_t(*arguments):
    return _law(factor=lambda t, h: 1 / t)(*arguments)


@euler_law.mistake("multiplied by 1 - t: the less time is left, the larger the rates.")
def multiplied_by_the_time_left(*arguments):
    return _law(factor=lambda t, h: 1 - t)(*arguments)


@euler_law.mistake("Euler takes the rate at the beginning of the step, at t, not at t + h.")
def end_time(*arguments):
    return _law(factor=lambda t, h: 1 / (1 - t - h))(*arguments)


@euler_law.mistake("the square of the time that is left is in the rates: they are in proportion to 1/(1 - t) itself.")
def time_left_squared(*arguments):
    return _law(factor=lambda t, h: 1 / (1 - t) ** 2)(*arguments)


@euler_law.mistake("nothing is taken from the present letter: the probabilities sum to more than 1.")
def nothing_leaves(*arguments):
    return _law(rate=lambda post, here: post)(*arguments)


@euler_law.mistake(
    "nothing is taken from the present letter, and the law is divided by its sum then: what a jump brings elsewhere "
    "has to leave."
)
def divided_by_the_sum(*arguments):
    law = _law(rate=lambda post, here: post)(*arguments)
    return law / law.sum(-1, keepdim=True)


@euler_law.mistake("this is the change alone: the step begins at the present letter, with probability 1.")
def rate_only(*arguments):
    return _law(start=torch.zeros_like)(*arguments)


@euler_law.mistake("these are the rates: how does a step of length h follow from them, and where does it begin?")
def rates_for_probabilities(*arguments):
    return _law(start=torch.zeros_like, step=torch.ones_like)(*arguments)


@euler_law.mistake("the step size h is missing.")
def step_size_missing(*arguments):
    return _law(step=torch.ones_like)(*arguments)


@euler_law.mistake("posterior and present letter are exchanged: the jump leads to what the word may be.")
def target_of_the_jump_is_x(post, x, t, h):
    share = h / (1 - _time(t))
    return (1 - share) * post + share * _here(post, x)


@euler_law.mistake(
    "the step leads from the most likely letter to the present one: it begins at x, and leads where post says."
)
def from_the_most_likely_letter(post, x, t, h):
    return euler_law.oracle(_here(post, x), post.argmax(-1), t, h)


@euler_law.mistake("the sign of the rate: the step goes away from the posterior.")
def sign(post, x, t, h):
    return euler_law.oracle(post, x, t, -h)


@euler_law.mistake("the change is added to the posterior: the step begins at the present letter.")
def added_to_the_posterior(post, x, t, h):
    return _law(start=lambda here: post)(post, x, t, h)


@euler_law.mistake(
    "this jumps to the posterior at once, as the last step does: before that only a part of the letters jumps."
)
def straight_to_the_posterior(post, x, t, h):
    return post.clone()


@euler_law.mistake("all letters stay: the law has all probability at x.")
def stays(post, x, t, h):
    return _here(post, x)


@euler_law.mistake(
    "all that jump go to the most likely letter: the rates lead to every letter in proportion to the posterior."
)
def most_likely_letter(post, x, t, h):
    return euler_law.oracle(_here(post, post.argmax(-1)), x, t, h)


@euler_law.mistake("a softmax is taken of the posterior: it is a law already, not logits.")
def posterior_as_logits(post, x, t, h):
    return euler_law.oracle(post.softmax(-1), x, t, h)


@euler_law.mistake("what the posterior has at the present letter is lost: the law sums to less than 1.")
def only_to_others(*arguments):
    return _law(rate=lambda post, here: post * (1 - here) - here)(*arguments)


@euler_law.mistake(
    "all that jump go elsewhere: the posterior's share at the present letter is no jump, and should not be spread over "
    "the others."
)
def never_back(*arguments):
    def rate(post, here):
        others = post * (1 - here)
        return others / others.sum(-1, keepdim=True) - here

    return _law(rate=rate)(*arguments)


@euler_law.mistake("jumps go to all letters evenly: they lead where the posterior says.")
def evenly_to_all(*arguments):
    return _law(rate=lambda post, here: torch.full_like(post, 1 / post.shape[-1]) - here)(*arguments)


@euler_law.mistake(
    "the chance of a jump has an exponential in it, that of a rate that does not change in the step: Euler's is linear "
    "in h."
)
def exponential_chance(*arguments):
    return _law(factor=lambda t, h: -torch.expm1(-h / (1 - t)) / h)(*arguments)


@euler_law.mistake("the number of the letter is added, not its law: the letter as a law is 1 at x and 0 elsewhere.")
def number_of_the_letter(post, x, t, h):
    return _law(start=lambda here: x[..., None].to(post))(post, x, t, h)


@euler_law.mistake("x stands in the rate as a number: the letter as a law is 1 at x and 0 elsewhere.")
def number_of_the_letter_in_the_rate(post, x, t, h):
    return _law(rate=lambda post, here: post - x[..., None])(post, x, t, h)


@euler_law.mistake("x stands in the formula as a number, twice: the letter as a law is 1 at x and 0 elsewhere.")
def number_of_the_letter_twice(post, x, t, h):
    number = x[..., None].to(post)
    return _law(start=lambda here: number, rate=lambda post, here: post - number)(post, x, t, h)


@euler_law.mistake("one time for all words, their mean: t has one entry a word.")
def mean_time(*arguments):
    return _law(time=torch.mean)(*arguments)


@euler_law.mistake("one time for all words, that of the first: t has one entry a word.")
def time_of_the_first(*arguments):
    return _law(time=lambda t: t[0])(*arguments)


@euler_law.mistake(
    "the times met the wrong axis: t of shape (B,) lines up with the letters of the alphabet, not with the words."
)
def t_not_reshaped(*arguments):
    return _law(time=lambda t: t)(*arguments)


@euler_law.mistake(
    "the times met the wrong axis: t of shape (B, 1) lines up with the letters of a word, not with the words."
)
def t_as_a_column(*arguments):
    return _law(time=lambda t: t[:, None])(*arguments)


@euler_law.mistake("there is a place for a mask: here noise is one of the letters, and no other token is there.")
def place_for_a_mask(*arguments):
    return F.pad(euler_law.oracle(*arguments), (0, 1))


euler_law.mistakes += law_mistakes(euler_law.oracle)


def _mixture(pair: Compared) -> bool:
    """Whether the law of each word lies on the straight line through the present letters and the posterior."""
    here = pair.of(lambda post, x, t, h: _here(post, x))["result"].flatten(1)
    way = pair.of(lambda post, x, t, h: post)["result"].flatten(1) - here
    gone = pair.given["result"].flatten(1) - here
    share = (gone * way).sum(1, keepdim=True) / (way**2).sum(1, keepdim=True)
    return close(share * way, gone)


euler_law.traits += [
    Trait(
        "other shares",
        _mixture,
        "the law is a mixture of the present letter and post, as it should be, but not in the right shares.",
    )
]
euler_law.traits += combination(
    {"the present letter": lambda post, x, t, h: _here(post, x), "post": lambda post, x, t, h: post},
    total="the law of each letter of a word",
)
euler_law.traits += LAW_TRAITS
