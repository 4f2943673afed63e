"""Exercise 5.1: alpha and beta of the variance preserving schedule, whose rate of noise grows in a straight line."""

import math
from collections.abc import Callable

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.inputs import dyadic, times_and_ends
from course_utils.checks.observers import Several
from course_utils.checks.sums import combination
from course_utils.checks.traits import Compared, Trait, close, wrong_only

__all__ = ["variance_preserving"]


@exercise("5.1", "Variance preserving schedule", points=2, sees=Several("alpha", "beta"), single=0.0001)
def variance_preserving(t, b_min, b_max):
    alphas, betas = torch.empty_like(t), torch.empty_like(t)
    for i, s in enumerate(t.tolist()):
        log_alpha = -0.25 * (1 - s) ** 2 * (b_max - b_min) - 0.5 * (1 - s) * b_min
        alphas[i] = math.exp(log_alpha)
        betas[i] = math.sqrt(1 - math.exp(log_alpha) ** 2)
    return alphas, betas


@variance_preserving.inputs
def _(normal):
    b_min = dyadic(normal, 0.0, 1.0)
    b_max = 2 + 18 * dyadic(normal, 0.0, 1.0)
    t = times_and_ends(normal, 6)
    t[-1] = 1 - 2.0**-11  # where beta is small, but not 0
    return {"t": t, "b_min": b_min, "b_max": b_max}


def _log_alpha(t, b_min, b_max):
    return -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_min / 2


def _beta(alpha):
    return (1 - alpha**2).sqrt()


def _pair(log_alpha):
    """Alpha and beta of a logarithm of alpha."""
    alpha = log_alpha.exp()
    return alpha, _beta(alpha)


EXPONENTS: dict[str, tuple[str, Callable]] = {
    "time inverted": (
        "time runs the other way: here t = 1 is data, so alpha has to rise with t. (Papers on diffusion count "
        "from the data.)",
        lambda t, b_min, b_max: _log_alpha(1 - t, b_min, b_max),
    ),
    "alpha squared": (
        "alpha is the square of what it should be: check the two fractions in the exponent.",
        lambda t, b_min, b_max: 2 * _log_alpha(t, b_min, b_max),
    ),
    "rates exchanged": (
        "either b_min and b_max are exchanged (the small rate belongs to the data, the large one to noise), "
        "or the square covers t alone, as in 1 - t**2: it belongs to the whole of 1 - t.",
        lambda t, b_min, b_max: _log_alpha(t, b_max, b_min),
    ),
    "not squared": (
        "the exponent is linear in 1 - t: a rate that grows in a straight line adds up to a curve.",
        lambda t, b_min, b_max: -(1 - t) * ((b_max - b_min) / 4 + b_min / 2),
    ),
    "t in the linear term": (
        "the linear term has t where 1 - t belongs: at t = 1 nothing of the exponent may be left.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 4 - t * b_min / 2,
    ),
    "t in the quadratic term": (
        "the quadratic term has t where 1 - t belongs: at t = 1 nothing of the exponent may be left.",
        lambda t, b_min, b_max: -(t**2) * (b_max - b_min) / 4 - (1 - t) * b_min / 2,
    ),
    "fractions exchanged": (
        "the two fractions of the exponent are exchanged.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 2 - (1 - t) * b_min / 4,
    ),
    "both halves": (
        "the quadratic term is twice as large: a rate that grows in a straight line is on average half of its end.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 2 - (1 - t) * b_min / 2,
    ),
    "both quarters": (
        "the linear term is half of what it should be.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_min / 4,
    ),
    "b max in the linear term": (
        "the linear term has b_max: near t = 1, where the data is, the rate is the small one.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_max / 2,
    ),
    "sign of the growth": (
        "the quadratic term has the wrong sign: b_max - b_min is positive.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_min - b_max) / 4 - (1 - t) * b_min / 2,
    ),
    "root of alpha": (
        "alpha is the square root of what it should be: the formula gives the logarithm of alpha itself.",
        lambda t, b_min, b_max: _log_alpha(t, b_min, b_max) / 2,
    ),
    "opposite signs": (
        "the two terms of the exponent have opposite signs: noise of either part makes alpha smaller.",
        lambda t, b_min, b_max: _log_alpha(t, -b_min, b_max - 2 * b_min),
    ),
    "sign": (
        "alpha is larger than 1, so that no real beta is left: look at the signs in the exponent.",
        lambda t, b_min, b_max: -_log_alpha(t, b_min, b_max),
    ),
    "b max for the difference": (
        "the quadratic term is multiplied by b_max; what counts is how far the rate grows.",
        lambda t, b_min, b_max: _log_alpha(t, b_min, b_max + b_min),
    ),
    "no linear term": (
        "the term that is linear in 1 - t is missing.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) / 4,
    ),
    "rate not integrated": (
        "this exponent is the rate of the noise at time t itself; alpha needs what adds up from t to 1.",
        lambda t, b_min, b_max: -((1 - t) * (b_max - b_min) + b_min) / 2,
    ),
    "no fractions": (
        "the fractions in front of both terms are missing.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max - b_min) - (1 - t) * b_min,
    ),
    "no quadratic term": ("the term with the square is missing.", lambda t, b_min, b_max: -(1 - t) * b_min / 2),
    "rates added": (
        "the rates are added in the term with the square: what counts is how far the rate grows.",
        lambda t, b_min, b_max: -((1 - t) ** 2) * (b_max + b_min) / 4 - (1 - t) * b_min / 2,
    ),
    "brackets": (
        "brackets: the square multiplies the whole difference of the rates, not b_max alone.",
        lambda t, b_min, b_max: -((1 - t) ** 2 * b_max - b_min) / 4 - (1 - t) * b_min / 2,
    ),
    "cubed": (
        "the power of 1 - t in the first term is 3: it is a square.",
        lambda t, b_min, b_max: -((1 - t) ** 3) * (b_max - b_min) / 4 - (1 - t) * b_min / 2,
    ),
    "base 10": (
        "the base is 10: the logarithm is the natural one.",
        lambda t, b_min, b_max: _log_alpha(t, b_min, b_max) * math.log(10),
    ),
    "base 2": (
        "the base is 2: the logarithm is the natural one.",
        lambda t, b_min, b_max: _log_alpha(t, b_min, b_max) * math.log(2),
    ),
}
"""Wrong logarithms of alpha, from which beta follows: by name, after the sentence."""


def _follows(log_alpha: Callable) -> Callable:
    """The answer with this logarithm of alpha."""
    return lambda t, b_min, b_max: _pair(log_alpha(t, b_min, b_max))


variance_preserving.mistakes += [
    Mistake(name, _follows(log_alpha), message) for name, (message, log_alpha) in EXPONENTS.items()
]


@variance_preserving.mistake("beta is a variance: the standard deviation of the noise is asked for.")
def variance(t, b_min, b_max):
    alpha = _log_alpha(t, b_min, b_max).exp()
    return alpha, 1 - alpha**2


@variance_preserving.mistake("alpha and beta sum to 1, as on the linear path; here their squares do.")
def sum_instead_of_squares(t, b_min, b_max):
    alpha = _log_alpha(t, b_min, b_max).exp()
    return alpha, 1 - alpha


@variance_preserving.mistake("alpha is negative: the formula gives its logarithm.")
def no_exponential(t, b_min, b_max):
    log_alpha = _log_alpha(t, b_min, b_max)
    return log_alpha, _beta(log_alpha.exp())


@variance_preserving.mistake("alpha is negative, and beta is made from it: the formula gives the logarithm of alpha.")
def no_exponential_beta_follows(t, b_min, b_max):
    log_alpha = _log_alpha(t, b_min, b_max)
    return log_alpha, _beta(log_alpha)


@variance_preserving.mistake(
    "the squares of alpha and beta have to sum to 1; with yours, alpha and the square of beta do."
)
def alpha_not_squared(t, b_min, b_max):
    alpha = _log_alpha(t, b_min, b_max).exp()
    return alpha, (1 - alpha).sqrt()


@variance_preserving.mistake("alpha is right; beta is that of the linear path, not of this one.")
def beta_of_the_linear_path(t, b_min, b_max):
    return _log_alpha(t, b_min, b_max).exp(), 1 - t


@variance_preserving.mistake("alpha is right; beta is made from its logarithm.")
def beta_from_the_logarithm(t, b_min, b_max):
    log_alpha = _log_alpha(t, b_min, b_max)
    return log_alpha.exp(), _beta(log_alpha)


@variance_preserving.mistake("alpha and beta are exchanged: the factor of the data comes first.")
def exchanged(t, b_min, b_max):
    return _pair(_log_alpha(t, b_min, b_max))[::-1]


@variance_preserving.mistake(
    "beta is right; alpha is squared after it: the formula gives the logarithm of alpha itself."
)
def alpha_squared_beta_right(t, b_min, b_max):
    alpha, beta = variance_preserving.oracle(t, b_min, b_max)
    return alpha**2, beta


@variance_preserving.mistake("both are squared: factors of data and noise are asked for, not their squares.")
def both_squared(t, b_min, b_max):
    alpha, beta = variance_preserving.oracle(t, b_min, b_max)
    return alpha**2, beta**2


@variance_preserving.mistake("beta is alpha once more: the squares of both have to sum to 1.")
def beta_is_alpha(t, b_min, b_max):
    alpha = _log_alpha(t, b_min, b_max).exp()
    return alpha, alpha.clone()


@variance_preserving.mistake("a sign under the root: the squares of alpha and beta have to sum to 1.")
def sign_under_the_root(t, b_min, b_max):
    alpha = _log_alpha(t, b_min, b_max).exp()
    return alpha, (1 + alpha**2).sqrt()


@variance_preserving.mistake("beta is negative: it is the standard deviation of the noise.")
def negative_beta(t, b_min, b_max):
    alpha, beta = variance_preserving.oracle(t, b_min, b_max)
    return alpha, -beta


@variance_preserving.mistake("alpha is right; beta is made from t: it has to follow from alpha.")
def beta_from_t(t, b_min, b_max):
    return _log_alpha(t, b_min, b_max).exp(), (1 - t**2).sqrt()


@variance_preserving.mistake("alpha is right; beta is that of the time 1 - t.")
def beta_at_1_minus_t(t, b_min, b_max):
    return _log_alpha(t, b_min, b_max).exp(), _beta(_log_alpha(1 - t, b_min, b_max).exp())


@variance_preserving.mistake("this is the cosine schedule.")
def cosine(t, b_min, b_max):
    return (math.pi / 2 * t).sin(), (math.pi / 2 * t).cos()


@variance_preserving.mistake("this is the linear schedule.")
def linear(t, b_min, b_max):
    return t.clone(), 1 - t


def _squares_sum_to_1(pair: Compared) -> bool:
    alpha, beta = pair.given["alpha"], pair.given["beta"]
    return not pair.right("alpha") and close(alpha**2 + beta**2, torch.ones_like(alpha))


variance_preserving.traits += [
    wrong_only("beta", message="alpha is right, beta is not: it has to follow from alpha, and their squares sum to 1."),
    *combination(
        {
            "the square of 1 - t": lambda t, b_min, b_max: (((1 - t) ** 2).exp(), t),
            "1 - t": lambda t, b_min, b_max: ((1 - t).exp(), t),
        },
        of="alpha",
        where="in the exponent of alpha, ",
        total="the whole",
        read=lambda alpha: alpha.log()[None],
    ),
    Trait(
        "exponent",
        _squares_sum_to_1,
        "the squares of alpha and beta sum to 1, as they should. Look at the exponent of alpha.",
    ),
]
