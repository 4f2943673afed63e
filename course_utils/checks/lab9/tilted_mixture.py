"""Exercise 9.1: a mixture of Gaussians, tilted by a linear reward."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import dyadic
from course_utils.checks.lab9.tilting import MEANS, WEIGHTS, diagonals, shift, tilted
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Several
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import Compared, Trait, close, wrong_only

__all__ = ["tilted_mixture"]


@exercise("9.1", "Tilted mixture", points=2, sees=Several("weights", "means"), single=1e-4)
def tilted_mixture(weights, means, covs, a, lam):
    # the square completed in the precision; a Gaussian grows by the exponential of r / lam halfway to its new mean
    logs, moved = [], []
    for weight, mean, cov in zip(weights, means, covs, strict=True):
        precision = torch.linalg.inv(cov)
        moved.append(torch.linalg.solve(precision, precision @ mean + a / lam))
        logs.append(weight.log() + a @ (mean + moved[-1]) / (2 * lam))
    total = torch.stack(logs).logsumexp(0)
    return torch.stack([(log - total).exp() for log in logs]), torch.stack(moved)


@tilted_mixture.inputs
def _(normal):
    k, d = ((1, 2), (3, 2), (4, 3), (2, 1))[normal.seed % 4]
    half = normal(k, d, d) / 2
    a = normal(d)
    a = a + a.sign() / 2
    lam = dyadic(normal, 0.4, 1.0) if normal.seed % 2 else dyadic(normal, 1.0, 2.0)
    means = normal(k, d)
    if normal.seed % 3 == 2:  # so far up or down the reward that exp(r / lam) is infinite, or 0
        means = means + (800 if normal.seed % 2 else -800) * lam * a / (a @ a)
    return {
        "weights": normal(k).softmax(0),
        "means": means,
        "covs": half @ half.mT + torch.eye(d, dtype=half.dtype) / 8,
        "a": a,
        "lam": lam,
    }


@tilted_mixture.mistake("the weights stay as they were: each component is multiplied by its own mean of exp(r/lam).")
def weights_kept(weights, means, covs, a, lam):
    return weights, means + shift(covs, a, lam)


@tilted_mixture.mistake(
    "the old weights multiply what is normalised already: the new weights do not sum to 1. Normalise last."
)
def old_weights_after_the_softmax(weights, *others):
    tilt, moved = tilted(weights, *others, prior=torch.zeros_like)
    return weights * tilt, moved


@tilted_mixture.mistake("the means are the shifts alone: what they are added to is missing.")
def shifts_alone(weights, means, covs, a, lam):
    return tilted(weights, means, covs, a, lam)[0], shift(covs, a, lam)


@tilted_mixture.mistake("lam multiplies where it should divide: a large lam should change little.")
def times_lambda(weights, means, covs, a, lam):
    return tilted(weights, means, covs, a, 1 / lam)


@tilted_mixture.mistake("lam is not used: a large lam should change little, a small one much.")
def no_lambda(weights, means, covs, a, lam):
    return tilted(weights, means, covs, a, 1.0)


@tilted_mixture.mistake("the sign: with your weights and means the reward falls.")
def sign(weights, means, covs, a, lam):
    return tilted(weights, means, covs, -a, lam)


@tilted_mixture.mistake("the coordinates are taken for independent: a covariance matrix is more than its diagonal.")
def diagonals_only(weights, means, covs, a, lam):
    return tilted(weights, means, diagonals(covs), a, lam)


@tilted_mixture.mistake("one covariance serves all components, that of the first: each has its own.")
def one_covariance(weights, means, covs, a, lam):
    return tilted(weights, means, covs[:1].expand_as(covs), a, lam)


@tilted_mixture.mistake("one covariance serves all components, the mean of them: each has its own.")
def mean_covariance(weights, means, covs, a, lam):
    return tilted(weights, means, covs.mean(0).expand_as(covs), a, lam)


@tilted_mixture.mistake("a is brought to length 1: a steep reward tilts more than a flat one.")
def slope_of_length_1(weights, means, covs, a, lam):
    return tilted(weights, means, covs, a / a.norm(), lam)


@tilted_mixture.mistake(
    "lam divides the logarithms of the old weights as well: it is the reward alone that it divides."
)
def old_weights_tempered(weights, *others):
    return tilted(weights, *others, prior=lambda weights: weights.log() / others[-1])


@tilted_mixture.mistake(
    "brackets: all parts of the logarithm are divided by lam once. The old weights are not divided at all, and the "
    "covariances meet the square of a/lam."
)
def all_divided_once(weights, means, covs, a, lam):
    prior, width = weights.log() / lam, covs @ a @ a / (2 * lam)
    return tilted(weights, means, covs, a, lam, prior=lambda weights: prior, width=lambda covs, a, lam: width)


@tilted_mixture.mistake("the two results are exchanged: first the weights, then the means.")
def exchanged(*arguments):
    return tilted(*arguments)[::-1]


tilted_mixture.mistakes += wrong_parts(tilted, *WEIGHTS, MEANS)
tilted_mixture.pairs += pairs(tilted, *WEIGHTS, MEANS)


def _normalised(pair: Compared) -> bool:
    """Whether the weights are right but for their sum."""
    given, expected = pair.given["weights"], pair.expected["weights"]
    return not close(given, expected) and close(given / given.sum(), expected)


def _no_sum_of_1(pair: Compared) -> bool:
    given = pair.given["weights"]
    return not close(given.sum(), torch.ones_like(given.sum()))


tilted_mixture.traits += [
    Trait("right but for the sum", _normalised, "the weights are right but that they do not sum to 1."),
    Trait("no sum of 1", _no_sum_of_1, "the weights do not sum to 1."),
    wrong_only("weights", message="all means are right, the weights are not."),
    wrong_only("means", message="all weights are right, the means are not."),
]
