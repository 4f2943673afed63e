"""Exercise 7.1: rates of jumps, with a diagonal that makes every row sum to 0."""

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.laws import only_wrong
from course_utils.checks.letters import chain
from course_utils.checks.traits import Trait, close

__all__ = ["rate_matrix"]


@exercise("7.1", "Rate matrix", points=2, single=1e-5)
def rate_matrix(rates):
    Q = rates.clone()
    for x in range(len(rates)):
        Q[x, x] = -sum(rates[x, y] for y in range(len(rates)) if y != x)
    return Q


@rate_matrix.inputs
def _(normal):
    n = (2, 4, 5, 3)[normal.seed % 4]
    rates = chain(normal, n)
    return {"rates": rates - rates.diagonal().diag() + normal(n).exp().diag()}


def _jumps(rates: Tensor) -> Tensor:
    """The rates without those on the diagonal."""
    return rates - rates.diagonal().diag()


@rate_matrix.mistake("the columns sum to 0: a row belongs to the state that is left, so each row has to.")
def columns_sum_to_0(rates):
    return _jumps(rates) - _jumps(rates).sum(0).diag()


@rate_matrix.mistake("the rate from a state to itself is counted: a jump to where one is already is no jump.")
def self_rate_counted(rates):
    return _jumps(rates) - rates.sum(1).diag()


@rate_matrix.mistake("the diagonal is as it was given: it has to make every row sum to 0.")
def diagonal_untouched(rates):
    return rates.clone()


@rate_matrix.mistake("the diagonal is 0: probability arrives, but never leaves.")
def diagonal_zero(rates):
    return _jumps(rates)


@rate_matrix.mistake("the sign of the diagonal: what leaves a state is taken from it.")
def sign(rates):
    return _jumps(rates) + _jumps(rates).sum(1).diag()


@rate_matrix.mistake(
    "the rates are divided by their sum: rates are no probabilities, they say how often as well as where to."
)
def probabilities(rates):
    jumps = _jumps(rates)
    return jumps / jumps.sum(1, keepdim=True) - torch.eye(len(rates)).to(rates)


@rate_matrix.mistake("rows and columns are exchanged: row x holds the rates of jumps from x.")
def transposed(rates):
    return rate_matrix.oracle(rates).T.clone()


@rate_matrix.mistake("rows and columns of the rates are exchanged: rates[x, y] is for jumps from x to y.")
def transposed_rates(rates):
    return rate_matrix.oracle(rates.T)


@rate_matrix.mistake("the diagonal is minus the mean of the others: what leaves is their sum.")
def mean(rates):
    return _jumps(rates) - (_jumps(rates).sum(1) / (len(rates) - 1)).diag()


@rate_matrix.mistake("the diagonal is minus the mean of the row: what leaves is the sum of the others.")
def mean_of_the_row(rates):
    return _jumps(rates) - _jumps(rates).mean(1).diag()


@rate_matrix.mistake("all states are left at the same rate, that of all jumps together: each row has a sum of its own.")
def one_sum_for_all(rates):
    return _jumps(rates) - _jumps(rates).sum() * torch.eye(len(rates)).to(rates)


@rate_matrix.mistake("the sum of a row is taken from every entry of it: only the diagonal changes.")
def taken_from_the_whole_row(rates):
    return _jumps(rates) - _jumps(rates).sum(1, keepdim=True)


@rate_matrix.mistake("the sums of the rows are taken from every entry: only the diagonal changes.")
def taken_from_every_row(rates):
    return _jumps(rates) - _jumps(rates).sum(1)


@rate_matrix.mistake("the diagonal that was given is still in: it means nothing, and has to be dropped first.")
def given_diagonal_kept(rates):
    return rates - _jumps(rates).sum(1).diag()


@rate_matrix.mistake(
    "the sum of the row, with the rate that stands on the diagonal, is added: what leaves is taken away."
)
def sum_of_the_row_added(rates):
    return rates + rates.sum(1).diag()


@rate_matrix.mistake("the rows sum to 1: so do those of probabilities; of rates they sum to 0.")
def rows_sum_to_1(rates):
    return rate_matrix.oracle(rates) + torch.eye(len(rates)).to(rates)


@rate_matrix.mistake("each rate is divided by the rate of leaving: the diagonal is not -1, but minus that rate.")
def divided_by_the_leaving(rates):
    jumps = _jumps(rates)
    return jumps / jumps.sum(1, keepdim=True) - jumps.sum(1).diag()


@rate_matrix.mistake("only half of the jumps is left, those to later states: a chain can go back.")
def only_upwards(rates):
    jumps = rates.triu(1)
    return jumps - jumps.sum(1).diag()


@rate_matrix.mistake("the rates there and back are made equal: each has its own.")
def made_symmetric(rates):
    return rate_matrix.oracle((rates + rates.T) / 2)


@rate_matrix.mistake("only half of the jumps is left, those to earlier states: a chain can go on.")
def only_downwards(rates):
    jumps = rates.tril(-1)
    return jumps - jumps.sum(1).diag()


@rate_matrix.mistake("the diagonal is minus the largest of the others: all of them together are what leaves.")
def largest(rates):
    return _jumps(rates) - _jumps(rates).max(1).values.diag()


@rate_matrix.mistake("this is the diagonal alone: it belongs into a matrix, between the rates.")
def diagonal_alone(rates):
    return -_jumps(rates).sum(1)


@rate_matrix.mistake("the rows are divided by their sums, as if they held probabilities: rates stay as they are.")
def rows_divided(rates):
    return rates / rates.sum(1, keepdim=True)


@rate_matrix.mistake("the rates are divided by their sum, and the diagonal is 0: what leaves a state is missing.")
def chances_of_the_jumps(rates):
    return _jumps(rates) / _jumps(rates).sum(1, keepdim=True)


@rate_matrix.mistake("these are probabilities after a time of 1: the rates themselves are asked for.")
def exponential(rates):
    return torch.linalg.matrix_exp(rate_matrix.oracle(rates))


@rate_matrix.mistake("a softmax is taken of the rows, as if they were logits: rates stay as they are.")
def softmax(rates):
    return rates.softmax(1)


def _on_diagonal(rates: Tensor) -> Tensor:
    return torch.eye(len(rates), dtype=torch.bool)


rate_matrix.traits += [
    only_wrong("beside the diagonal all is right; the diagonal is not.", _on_diagonal),
    only_wrong("the diagonal is right; beside it not all is.", lambda rates: ~_on_diagonal(rates)),
    Trait(
        "negative rates",
        lambda pair: bool((_jumps(pair.given["result"]) < 0).any()),
        "beside the diagonal some rates are negative: none can be.",
    ),
    Trait(
        "rows",
        lambda pair: not close(pair.given["result"].sum(1) + 1, torch.ones(len(pair.given["result"])).double()),
        "the rows do not sum to 0.",
    ),
]
