"""A Gaussian of which some coordinates are known, with parts to replace, and what students put there."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "Blocks", "conditional", "gain"]


class Blocks(NamedTuple):
    """Blocks of a covariance: of the unknown coordinates (u), the known ones (k), and between them."""

    uu: Tensor
    uk: Tensor
    ku: Tensor
    kk: Tensor

    @classmethod
    def of(cls, matrix: Tensor, known: Tensor) -> "Blocks":
        """The blocks of a matrix."""
        rows = matrix[~known], matrix[known]
        return cls(*(half for row in rows for half in (row[:, ~known], row[:, known])))


def gain(blocks: Blocks) -> Tensor:
    """By how much each unknown coordinate moves for each known one."""
    return torch.linalg.solve(blocks.kk, blocks.ku).T


def conditional(
    mean: Tensor,
    cov: Tensor,
    known: Tensor,
    values: Tensor,
    *,
    matrix: Callable[[Tensor], Tensor] = lambda cov: cov,
    surprise: Callable[[Tensor, Tensor], Tensor] = lambda values, mean: values - mean,
    gain: Callable[[Blocks], Tensor] = gain,
    moved: Callable[[Tensor, Tensor], Tensor] = lambda mean, shift: mean + shift,
    taken: Callable[[Tensor, Blocks], Tensor] = lambda gain, blocks: gain @ blocks.ku,
    spread: Callable[[Tensor, Tensor], Tensor] = lambda cov, taken: cov - taken,
) -> tuple[Tensor, Tensor]:
    """The law of the unknown coordinates with parts to replace.

    Args:
        mean, cov, known, values: Of the exercise.
        matrix: From the covariance to the matrix that is cut into blocks.
        surprise: From the values and the means of the known coordinates to what the gain multiplies.
        gain: From the blocks to the matrix by which the unknown coordinates follow.
        moved: From the old mean of the unknown coordinates and their shift to the new mean.
        taken: From the gain and the blocks to what the known coordinates take away from the covariance.
        spread: From the old covariance of the unknown coordinates, and this, to the new one.
    """
    blocks = Blocks.of(matrix(cov), known)
    by = gain(blocks)
    return moved(mean[~known], by @ surprise(values, mean[known])), spread(blocks.uu, taken(by, blocks))


_MATRIX: Parts = {
    "precision for covariance": (
        "the blocks are those of the inverse of cov: this formula wants those of cov itself.",
        {"matrix": torch.linalg.inv},
    ),
    "coordinates independent": (
        "the coordinates are taken for independent: a covariance matrix is more than its diagonal.",
        {"matrix": lambda cov: cov.diagonal().diag()},
    ),
    "correlations for covariances": (
        "correlations stand where covariances should: the widths of the coordinates count.",
        {"matrix": lambda cov: cov / cov.diagonal().sqrt().outer(cov.diagonal().sqrt())},
    ),
    "factor of the covariance": (
        "a factor of the covariance stands in its place: the square of that is the covariance.",
        {"matrix": lambda cov: torch.linalg.cholesky(cov)},
    ),
}

_SURPRISE: Parts = {
    "mean of the known not taken off": (
        "the unknown follow the values themselves: by how much do these differ from what was expected of them?",
        {"surprise": lambda values, mean: values},
    ),
    "sign of the difference": (
        "the mean moves the wrong way: a value above its own mean pulls up what goes along with it. (In the inverse of "
        "cov the entry of two that go along is negative, as a rule.)",
        {"surprise": lambda values, mean: mean - values},
    ),
    "added for taken off": (
        "values and means of the known coordinates are added: by how much do they differ?",
        {"surprise": lambda values, mean: values + mean},
    ),
    "mean for the values": (
        "the values are not used: the means of the known coordinates stand in their place.",
        {"surprise": lambda values, mean: mean},
    ),
}

_GAIN: Parts = {
    "inverse forgotten": (
        "the inverse of the known coordinates' covariance is missing: a value that varies widely says little.",
        {"gain": lambda blocks: blocks.uk},
    ),
    "covariance for its inverse": (
        "the known coordinates' covariance multiplies where its inverse should: a value that varies widely says "
        "little.",
        {"gain": lambda blocks: blocks.uk @ blocks.kk},
    ),
    "entries inverted": (
        "each entry of the known coordinates' covariance is inverted by itself: the inverse of a matrix is meant.",
        {"gain": lambda blocks: blocks.uk @ (1 / blocks.kk)},
    ),
    "known coordinates independent": (
        "the known coordinates are taken for independent: their covariance is more than its diagonal, so that what two "
        "of them say together is counted once.",
        {"gain": lambda blocks: blocks.uk / blocks.kk.diagonal()},
    ),
    "divided by standard deviations": (
        "the known coordinates are divided by standard deviations: the inverse of their covariance is meant.",
        {"gain": lambda blocks: blocks.uk / blocks.kk.diagonal().sqrt()},
    ),
    "inverse of the unknown": (
        "the inverse is that of the unknown coordinates' covariance: which of the values vary widely?",
        {"gain": lambda blocks: torch.linalg.solve(blocks.uu, blocks.uk)},
    ),
    "inverse twice": (
        "the inverse of the known coordinates' covariance is there twice.",
        {"gain": lambda blocks: torch.linalg.solve(blocks.kk @ blocks.kk, blocks.ku).T},
    ),
    "block of the whole inverse": (
        "the block of the inverse of cov is not the inverse of the block: first cut, then invert.",
        {"gain": lambda blocks: blocks.uk @ _block_of_the_inverse(blocks)},
    ),
    "blocks between exchanged": (
        "the two blocks between known and unknown are exchanged: rows of the gain belong to the unknown.",
        {"gain": lambda blocks: torch.linalg.solve(blocks.kk.T, blocks.uk).T},
    ),
    "gain transposed": (
        "the gain is transposed: its rows belong to the unknown, its columns to the known.",
        {"gain": lambda blocks: gain(blocks).T},
    ),
    "fully known": (
        "the unknown follow all the way, as if the covariances between them and the known were 1.",
        {"gain": lambda blocks: torch.ones_like(blocks.uk)},
    ),
}


def _block_of_the_inverse(blocks: Blocks) -> Tensor:
    """The known coordinates' block of the inverse of the whole covariance."""
    whole = torch.cat([torch.cat(blocks[:2], 1), torch.cat(blocks[2:], 1)])
    k = len(blocks.kk)
    return torch.linalg.inv(whole)[-k:, -k:]


_MOVED: Parts = {
    "mean kept": (
        "the mean stays where it was: what is known moves what goes along with it.",
        {"moved": lambda mean, shift: mean},
    ),
    "shift alone": (
        "the mean is the shift alone: what it is added to is missing.",
        {"moved": lambda mean, shift: shift},
    ),
}

_SPREAD: Parts = {
    "covariance kept": (
        "the covariance stays as it was: what is known makes the others less uncertain.",
        {"spread": lambda cov, taken: cov},
    ),
    "covariance grows": (
        "the covariance grows: what is known makes the others less uncertain.",
        {"spread": lambda cov, taken: cov + taken},
    ),
    "what is taken away alone": (
        "the covariance is what the known coordinates take away: how much is left?",
        {"spread": lambda cov, taken: taken},
    ),
    "the wrong way round": (
        "the covariance has the wrong sign: its diagonal holds variances.",
        {"spread": lambda cov, taken: taken - cov},
    ),
    "inverse of the covariance": (
        "this is the inverse of the covariance, the precision: the covariance is asked for.",
        {"spread": lambda cov, taken: torch.linalg.inv(cov - taken)},
    ),
    "variances alone": (
        "the covariance has lost all but its diagonal: the unknown still go along with one another.",
        {"spread": lambda cov, taken: (cov - taken).diagonal().diag()},
    ),
    "a vector of variances": (
        "the variances alone are returned, as a vector: is a matrix indexed with the mask twice at once?",
        {"spread": lambda cov, taken: (cov - taken).diagonal()},
    ),
    "standard deviations": (
        "roots of the entries are taken: a covariance holds squares.",
        {"spread": lambda cov, taken: (cov - taken).abs().sqrt()},
    ),
    "gain twice": (
        "the gain stands on both sides of what is taken away: the known coordinates' covariance belongs between them.",
        {"taken": lambda gain, blocks: gain @ gain.T},
    ),
    "no inverse in the covariance": (
        "in the covariance, the inverse of the known coordinates' covariance is missing.",
        {"taken": lambda gain, blocks: blocks.uk @ blocks.ku},
    ),
    "variances taken away from all": (
        "a vector is taken off a matrix, the same one off each row: what the known take away is a matrix, too.",
        {"taken": lambda gain, blocks: (gain @ blocks.ku).diagonal()},
    ),
    "only the diagonal taken away": (
        "the variances alone shrink: what the unknown have in common with the known leaves their covariances, too.",
        {"taken": lambda gain, blocks: (gain @ blocks.ku).diagonal().diag()},
    ),
}

PARTS = (_MATRIX, _SURPRISE, _GAIN, _MOVED, _SPREAD)
"""Mistakes in a conditional law, by the part that is wrong."""
