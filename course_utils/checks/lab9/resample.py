"""Exercise 9.3: systematic resampling of weighted particles."""

import math
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import Normal
from course_utils.checks.lab9.drawing import OVERFLOW, PARTS, counted, divided, drawn, shares_of
from course_utils.checks.letters import evenly
from course_utils.checks.mistakes import pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait

__all__ = ["resample"]


@exercise("9.3", "Systematic resampling", points=2, single=1e-5, why="indices are equal or not")
def resample(log_weights, u):
    n, total = len(log_weights), log_weights.double().logsumexp(0).item()
    ends = list(accumulate(math.exp(one - total) for one in log_weights.tolist()))
    return torch.tensor([next(i for i, end in enumerate(ends) if (k + u.item()) / n < end) for k in range(n)])


def _off_the_ends(normal: Normal, weights: Tensor) -> Tensor:
    """A number u for which no point lies near where the part of a particle ends: inside the widest gap for it."""
    ends = (len(weights) * weights.cumsum(0) % 1).sort().values
    borders = F.pad(ends, (1, 1))
    borders[-1] = 1.0
    widest = borders.diff().argmax()
    return borders[widest].lerp(borders[widest + 1], 0.1 + 0.8 * evenly(normal, 1)[0])


@resample.inputs
def _(normal):
    n = 1 if normal.seed % 12 == 3 else (7, 24, 9, 16)[normal.seed % 4]
    log_weights = 0.9 * normal(n)
    if normal.seed % 2 == 0 and n > 1:
        log_weights[n // 2] = -torch.inf
    u = _off_the_ends(normal, shares_of(log_weights))
    return {"log_weights": log_weights + (-800, -4, 800)[normal.seed % 3], "u": u}


@resample.mistake("only the best is left: that is the best of n; weights say how often each is drawn.")
def the_best_only(log_weights, u):
    return log_weights.argmax().expand(len(log_weights))


@resample.mistake("all particles are there once, sorted by weight: the heavy ones are to be there several times.")
def sorted_by_weight(log_weights, u):
    return log_weights.argsort(descending=True)


@resample.mistake("the weights are laid side by side by size: let them lie in the order of the particles.")
def sorted_and_found_again(log_weights, u):
    order = log_weights.argsort(descending=True)
    return order[drawn(log_weights[order], u)]


@resample.mistake(
    "all particles are there once: the heavy ones are to be there several times, the light ones not at all."
)
def nobody_drawn(log_weights, u):
    return torch.arange(len(log_weights))


@resample.mistake("each is there as often as n times its weight, rounded: where it is rounded to, u decides.")
def rounded_counts(log_weights, u):
    n = len(log_weights)
    return torch.arange(n).repeat_interleave((n * shares_of(log_weights)).round().long())


@resample.mistake(f"no particle has the number n: {OVERFLOW}")
def exponentials_overflow_to_n(log_weights, u):
    return drawn(log_weights, u, weights=divided, find=torch.searchsorted)


@resample.mistake(f"the first particle alone is left: {OVERFLOW}")
def exponentials_overflow_to_0(log_weights, u):
    return drawn(log_weights, u, weights=divided, find=counted)


@resample.mistake(OVERFLOW)
def exponentials_overflow(log_weights, u):
    return drawn(log_weights, u, weights=divided)


@resample.mistake(
    "logarithms are cumulated, and lie below 0: a weight is the exponential of one, and all of them sum to 1."
)
def log_weights_as_they_are(log_weights, u):
    return drawn(log_weights, u, weights=lambda logs: logs)


@resample.mistake("these are the log weights of those who are drawn: their numbers are asked for.")
def log_weights_of_the_drawn(log_weights, u):
    return log_weights[drawn(log_weights, u)]


@resample.mistake("no particle has the number n, and the weights are not normalised.")
def not_normalised_to_n(log_weights, u):
    return drawn(log_weights, u, weights=torch.exp, find=torch.searchsorted)


resample.mistakes += wrong_parts(drawn, *PARTS)
resample.pairs += pairs(drawn, *PARTS)


def _numbers(pair: Compared) -> tuple[Tensor, Tensor]:
    """How often each particle is drawn, and how often it should be on average; what is none counts for the last."""
    mean = pair.of(lambda log_weights, u: len(log_weights) * shares_of(log_weights))["result"]
    inside = pair.given["result"].remainder(len(mean))
    return torch.bincount(inside, minlength=len(mean)), mean


def _outside(pair: Compared) -> bool:
    given = pair.given["result"]
    return bool(((given < 0) | (given >= len(given))).any())


def _weightless(pair: Compared) -> bool:
    times, mean = _numbers(pair)
    return bool((times[mean == 0] > 0).any())


def _about(pair: Compared) -> bool:
    times, mean = _numbers(pair)
    return bool(((times - mean).abs() < 1).all())


resample.traits += [
    Trait("no particle", _outside, "some of the indices are no particle's: the n particles are numbered from 0."),
    Trait(
        "another order",
        lambda pair: pair.given["result"].sort().values.equal(pair.expected["result"].sort().values),
        "these are the right indices, but in another order.",
    ),
    Trait("a weight of 0", _weightless, "a particle is drawn whose weight is 0."),
    Trait(
        "about as often",
        _about,
        "each particle is drawn as often as it should be, to within one time: look at the points.",
        vague=True,
    ),
    Trait(
        "too often or too rarely",
        lambda pair: not _about(pair),
        "some particles are drawn too often, others too rarely: look at the weights, and where their parts end.",
        vague=True,
    ),
]
