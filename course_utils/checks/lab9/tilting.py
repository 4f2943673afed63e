"""A tilted mixture with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["MEANS", "WEIGHTS", "diagonals", "shift", "tilted", "width"]


def width(covs: Tensor, a: Tensor, lam: float) -> Tensor:
    """What the logarithm of a component's weight gains since it is wide."""
    return (covs @ a @ a) / (2 * lam**2)


def shift(covs: Tensor, a: Tensor, lam: float) -> Tensor:
    """By how much the means move."""
    return covs @ a / lam


def diagonals(covs: Tensor) -> Tensor:
    """The covariances without what correlates coordinates."""
    return covs.diagonal(dim1=1, dim2=2).diag_embed()


def tilted(
    weights: Tensor,
    means: Tensor,
    covs: Tensor,
    a: Tensor,
    lam: float,
    *,
    prior: Callable[[Tensor], Tensor] = torch.log,
    reward: Callable = lambda means, a, lam: means @ a / lam,
    width: Callable = width,
    shares: Callable[[Tensor], Tensor] = lambda logs: logs.softmax(0),
    shift: Callable = shift,
) -> tuple[Tensor, Tensor]:
    """Weights and means of the tilted mixture: shares(prior + reward + width), and the old means plus a shift.

    Args:
        weights, means, covs, a, lam: Of the exercise.
        prior: From the old weights to their part of the logarithm of the new.
        reward: From means, a and lam to the part of the means.
        width: From covs, a and lam to the part of the covariances.
        shares: From logarithms to weights.
        shift: From covs, a and lam to what is added to the means.
    """
    logs = prior(weights) + reward(means, a, lam) + width(covs, a, lam)
    return shares(logs), means + shift(covs, a, lam)


def _times(power: float, factor: float = 1.0, of: Callable = width) -> Callable:
    """A part, multiplied by a power of lam and a factor."""
    return lambda covs, a, lam: factor * lam**power * of(covs, a, lam)


_PRIOR: Parts = {
    "old weights forgotten": (
        "the old weights are forgotten: what is likely without a reward is likelier with it, too.",
        {"prior": torch.zeros_like},
    ),
    "old weights in the exponent": (
        "the old weights are added to logarithms: they are none yet.",
        {"prior": lambda weights: weights},
    ),
}

_REWARD: Parts = {
    "weights by the widths alone": (
        "the new weights do not see the means: a component that lies further up the reward gains.",
        {"reward": lambda means, a, lam: 0},
    ),
    "reward without lam": (
        "lam is missing where the means enter the weights.",
        {"reward": lambda means, a, lam: means @ a},
    ),
    "reward with lam squared": (
        "lam is squared where the means enter the weights: there a stands once.",
        {"reward": lambda means, a, lam: means @ a / lam**2},
    ),
}

_WIDTH: Parts = {
    "weights by the means alone": (
        "the new weights see the means alone: a wide component holds points of high reward as well, so its covariance "
        "counts.",
        {"width": lambda covs, a, lam: 0},
    ),
    "no half": (
        "the covariances count for too much in the weights: look at the exponent of the mean of exp(a·z) over a "
        "Gaussian, which is not the reward of the new mean.",
        {"width": _times(0, 2)},
    ),
    "width beside the new means": (
        "the covariances count for too much in the weights: if they see the new means, they see the covariances twice.",
        {"width": _times(0, 3)},
    ),
    "lambda once": (
        "where the covariances enter the weights, lam stands once and a twice: they meet the square of a/lam.",
        {"width": _times(1)},
    ),
    "lambda left out of the width": (
        "lam is not used where the covariances enter the weights: they meet the square of a/lam.",
        {"width": _times(2)},
    ),
    "brackets in the width": (
        "brackets: in Python a / 2 * b is (a / 2) * b, so that lam squared multiplies the covariances.",
        {"width": _times(4)},
    ),
    "a once": (
        "where the covariances enter the weights, a stands once: a variance meets the square of a slope.",
        {"width": lambda covs, a, lam: (covs @ a).sum(1) / (2 * lam**2)},
    ),
    "width subtracted": (
        "the covariances make the weights smaller: does a wide component lose or gain by a reward?",
        {"width": _times(0, -1)},
    ),
    "determinants": (
        "the determinants of the covariances are in the weights: these belong to densities, and the covariances stay.",
        {"width": lambda covs, a, lam: width(covs, a, lam) - covs.logdet() / 2},
    ),
    "diagonals in the weights": (
        "the weights see the diagonals of the covariances only.",
        {"width": lambda covs, a, lam: width(diagonals(covs), a, lam)},
    ),
}

_SHARES: Parts = {
    "weights not normalised": ("the weights are not normalised: they have to sum to 1.", {"shares": torch.exp}),
    "exponentials overflow": (
        "exp overflows where the data lie far up the reward, and is 0 for all of them far down: you divide inf by inf, "
        "or 0 by 0. Stay with logarithms until the weights are normalised.",
        {"shares": lambda logs: logs.exp() / logs.exp().sum()},
    ),
    "log weights": (
        "these are the logarithms of the weights, and not normalised: weights sum to 1.",
        {"shares": lambda logs: logs},
    ),
    "logarithms of shares": (
        "these are the logarithms of the weights: the weights themselves are asked for.",
        {"shares": lambda logs: logs.log_softmax(0)},
    ),
    "logarithms as weights": (
        "these are shares of the logarithms: weights are exponentials, divided by their sum.",
        {"shares": lambda logs: logs / logs.sum()},
    ),
    "the best component alone": (
        "all weight is on the best component: each keeps a share.",
        {"shares": lambda logs: torch.nn.functional.one_hot(logs.argmax(), len(logs)).to(logs)},
    ),
}

WEIGHTS = (_PRIOR, _REWARD, _WIDTH, _SHARES)
"""Mistakes in the weights, by the part that is wrong."""

MEANS: Parts = {
    "means kept": (
        "the means stay where they were: the tilt moves each component up the reward.",
        {"shift": lambda covs, a, lam: 0 * a},
    ),
    "no covariance in the shift": (
        "all means move alike: a narrow component can hardly move.",
        {"shift": lambda covs, a, lam: a / lam},
    ),
    "precision in the shift": (
        "the narrow components move furthest: it is the wide ones that have points further up.",
        {"shift": lambda covs, a, lam: torch.linalg.solve(covs, a.expand(len(covs), -1)) / lam},
    ),
    "lambda left out of the shift": (
        "lam is missing in the shift of the means: the weaker the reward, the less they move.",
        {"shift": _times(1, of=shift)},
    ),
    "lambda squared in the shift": (
        "lam is squared in the shift of the means: there a stands once.",
        {"shift": _times(-1, of=shift)},
    ),
    "half the shift": (
        "the means move half as far as they should: the factor 1/2 of the exponent is not theirs.",
        {"shift": _times(0, 0.5, of=shift)},
    ),
    "shift with the wrong sign": ("the means move down the reward.", {"shift": _times(0, -1, of=shift)}),
    "diagonals in the shift": (
        "the shift of the means sees the diagonals of the covariances only.",
        {"shift": lambda covs, a, lam: shift(diagonals(covs), a, lam)},
    ),
}
"""Mistakes in the means."""
