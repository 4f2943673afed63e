"""Exercise 10.4: the law of a Gaussian's unknown coordinates, given the others."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import Normal
from course_utils.checks.lab10.conditioning import PARTS, Blocks, conditional, gain
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Several
from course_utils.checks.parts import wrong_parts
from course_utils.checks.sums import as_one, combination
from course_utils.checks.traits import Compared, Trait, close, wrong_only

__all__ = ["conditioned"]


@exercise("10.4", "Conditioned Gaussian", points=2, sees=Several("mean", "cov"), single=1e-4)
def conditioned(mean, cov, known, values):
    # in the precision: what multiplies the unknown coordinates in the exponent, the known ones held
    precision = torch.linalg.inv(cov)
    rows = precision[~known]
    spread = torch.linalg.inv(rows[:, ~known])
    return mean[~known] - spread @ (rows[:, known] @ (values - mean[known])), spread


def _mask(normal: Normal, d: int, k: int):
    """Which k of d coordinates are known: of six cases the first ones in one, the last ones in one, else any."""
    order = {3: torch.arange(d), 5: torch.arange(d).flip(0)}.get(normal.seed % 6, normal(d).argsort())
    known = torch.zeros(d, dtype=torch.bool)
    known[order[:k]] = True
    return known


@conditioned.inputs
def _(normal):
    d, k = ((4, 3), (6, 3), (5, 2), (2, 1))[normal.seed % 4]
    half = normal(d, d) / d**0.5
    cov = half @ half.T + torch.eye(d, dtype=half.dtype) / 4
    return {"mean": normal(d), "cov": cov, "known": _mask(normal, d, k), "values": normal(k)}


@conditioned.mistake("the two results are exchanged: first the mean, then the covariance.")
def exchanged(*arguments):
    return conditional(*arguments)[::-1]


@conditioned.mistake("known and unknown are exchanged: the law of those that are not known is asked for.")
def known_and_unknown_exchanged(mean, cov, known, values):
    if 2 * len(values) != len(mean):
        return mean[known], cov[known][:, known]
    return conditional(mean, cov, ~known, values)


@conditioned.mistake("this is the law of the known coordinates before: the law of the others is asked for.")
def law_of_the_known(mean, cov, known, values):
    return mean[known], cov[known][:, known]


@conditioned.mistake("nothing is learnt: this is the law of the unknown coordinates when none is known.")
def nothing_learnt(mean, cov, known, values):
    return mean[~known], cov[~known][:, ~known]


@conditioned.mistake(
    "the first coordinates are taken for the known ones, however many there are: the mask says which they are."
)
def first_ones_known(mean, cov, known, values):
    return conditional(mean, cov, torch.arange(len(mean)) < len(values), values)


@conditioned.mistake(
    "the last coordinates are taken for the known ones, however many there are: the mask says which they are."
)
def last_ones_known(mean, cov, known, values):
    return conditional(mean, cov, torch.arange(len(mean)) >= len(mean) - len(values), values)


@conditioned.mistake("the law of all coordinates is returned: only that of the unknown ones is asked for.")
def law_of_all(mean, cov, known, values):
    rest, spread = conditional(mean, cov, known, values)
    whole, widths = mean.clone(), torch.zeros_like(cov)
    whole[known], whole[~known] = values, rest
    widths[(~known).outer(~known)] = spread.flatten()
    return whole, widths


@conditioned.mistake("the mean of all coordinates is returned: only that of the unknown ones is asked for.")
def mean_of_all(mean, cov, known, values):
    rest, spread = conditional(mean, cov, known, values)
    whole = mean.clone()
    whole[known], whole[~known] = values, rest
    return whole, spread


@conditioned.mistake(
    "in the mean, the precision of the unknown coordinates is missing: the block of the inverse between known and "
    "unknown alone is no gain."
)
def half_of_the_precision(mean, cov, known, values):
    block = Blocks.of(torch.linalg.inv(cov), known).uk
    return mean[~known] - block @ (values - mean[known]), conditional(mean, cov, known, values)[1]


@conditioned.mistake("the unknown coordinates are the values, times the gain: both means are missing.")
def both_means_missing(mean, cov, known, values):
    return conditional(mean, cov, known, values, surprise=lambda values, mean: values, moved=lambda mean, shift: shift)


conditioned.mistakes += wrong_parts(conditional, *PARTS)
conditioned.pairs += pairs(conditional, *PARTS)


def _old(mean, cov, known, values):
    return mean[~known], cov[~known][:, ~known]


def _learnt(mean, cov, known, values):
    blocks = Blocks.of(cov, known)
    return gain(blocks) @ (values - mean[known]), gain(blocks) @ blocks.ku


def _one_gain(pair: Compared) -> bool:
    """Whether some wrong gain explains both results; only where there are as many unknown coordinates as known ones."""
    law, between = pair.of(_old), pair.of(_between)
    ku, surprise = between["cov"], between["mean"]
    if ku.shape[0] != ku.shape[1] or pair.right("mean") or pair.right("cov"):
        return False
    by = torch.linalg.solve(ku.T, (law["cov"] - pair.given["cov"]).T).T
    return close(pair.given["mean"], law["mean"] + by @ surprise)


def _between(mean, cov, known, values):
    return values - mean[known], cov[known][:, ~known]


conditioned.traits += [
    Trait(
        "another gain",
        _one_gain,
        "mean and covariance follow from one and the same gain, as they should: that gain is wrong.",
    )
]
conditioned.traits += combination(
    {"the old mean": _old, "the shift": _learnt}, of="mean", where="in the mean, ", total=None, read=as_one
)
conditioned.traits += combination(
    {"the old covariance": _old, "what the known take away": _learnt},
    of="cov",
    where="in the covariance, ",
    total=None,
    read=as_one,
)

conditioned.traits += [
    wrong_only("mean", message="the covariance is right, the mean is not."),
    wrong_only("cov", message="the mean is right, the covariance is not."),
]
