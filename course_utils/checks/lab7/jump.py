"""Exercise 7.2: how long a chain waits in its state, and where it jumps then (Gillespie)."""

from collections.abc import Callable
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.letters import chain, evenly, inside_shares, letters
from course_utils.checks.observers import Several
from course_utils.checks.traits import Compared, Trait, wrong_only

__all__ = ["jump"]


@exercise("7.2", "Exact jump", points=3, sees=Several("waits", "states"), single=1e-5)
def jump(Q, x, e, u):
    waits, states = [], []
    for wait, here, coin in zip(e, x.tolist(), u.tolist(), strict=True):
        others = [y for y in range(len(Q)) if y != here]
        shares = accumulate((Q[here, y] / -Q[here, here]).item() for y in others)
        waits.append(wait / -Q[here, here])
        states.append(next(y for y, share in zip(others, shares, strict=True) if share > coin))
    return torch.stack(waits), torch.tensor(states)


@jump.inputs
def _(normal):
    n, batch = ((3, 1), (4, 24), (5, 24), (5, 5))[normal.seed % 4]
    Q, x = chain(normal, n), letters(normal, n, batch)
    u = inside_shares(normal, Q[x].clamp(min=0))
    if normal.seed % 2 == 0 and batch > 1:  # where no jump leads to state 0
        x[0], u[0] = 1, 0.0
    return {"Q": Q, "x": x, "e": -torch.log1p(-evenly(normal, batch)), "u": u}


def _rates(Q: Tensor, x: Tensor) -> Tensor:
    """Of jumps from each of the states."""
    return Q[x].clamp(min=0)


def _wait(Q: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return e / -Q[x, x]


def _first_above(cumulated: Tensor, u: Tensor) -> Tensor:
    """The first state whose number exceeds u; the last state, if none does."""
    above = cumulated > u[:, None]
    above[:, -1] = True
    return above.int().argmax(1)


def _drawn(weights: Tensor, u: Tensor) -> Tensor:
    """States in proportion to weights, from the coins."""
    return _first_above((weights / weights.sum(1, keepdim=True)).cumsum(1), u)


def _jump(*, wait: Callable = _wait, rates: Callable = _rates, draw: Callable = _drawn) -> Callable:
    """The jump with parts to replace: the waiting time, the rates, and how a state is drawn from these."""
    return lambda Q, x, e, u: (wait(Q, x, e), draw(rates(Q, x), u))


@jump.mistake("the two results are exchanged: first the waiting times, then the states.")
def results_exchanged(Q, x, e, u):
    waits, states = _jump()(Q, x, e, u)
    return states, waits


@jump.mistake("the waiting time is multiplied by the rate: a state that is left often is left soon.")
def multiplied(*arguments):
    return _jump(wait=lambda Q, x, e: e * -Q[x, x])(*arguments)


@jump.mistake("all states wait equally long: the rate of leaving x is missing.")
def no_rate(*arguments):
    return _jump(wait=lambda Q, x, e: e)(*arguments)


@jump.mistake("the waiting times are negative: the diagonal of Q is minus the rate of leaving.")
def negative(*arguments):
    return _jump(wait=lambda Q, x, e: e / Q[x, x])(*arguments)


@jump.mistake("the waiting time is its own mean: e is not used, which makes it random.")
def mean_wait(*arguments):
    return _jump(wait=lambda Q, x, e: torch.ones_like(e) / -Q[x, x])(*arguments)


@jump.mistake("a logarithm of e is taken: e is exponential already. (Of a number drawn evenly that would be right.)")
def logarithm_of_e(*arguments):
    return _jump(wait=lambda Q, x, e: -e.log() / -Q[x, x])(*arguments)


@jump.mistake("the waiting time is made from u: e is for the waiting, u for the choice.")
def wait_from_u(Q, x, e, u):
    return _jump()(Q, x, -u.log(), u)


@jump.mistake("the waiting time is made from u, by 1 - u: e is for the waiting, u for the choice.")
def wait_from_the_other_side_of_u(Q, x, e, u):
    return _jump()(Q, x, -torch.log1p(-u), u)


@jump.mistake("u stands in the place of e: e is for the waiting, u for the choice.")
def u_for_e(Q, x, e, u):
    return _jump()(Q, x, u, u)


@jump.mistake("e is compared with the shares: e is for the waiting, u for the choice.")
def e_for_u(Q, x, e, u):
    return _jump()(Q, x, e, e)


@jump.mistake("the waiting time has the rate of the state that the jump leads to: it is spent in x.")
def rate_of_the_next_state(Q, x, e, u):
    _, states = _jump()(Q, x, e, u)
    return _wait(Q, states, e), states


@jump.mistake("the waiting times add up along the batch: each entry is a chain of its own.")
def waits_added_up(*arguments):
    return _jump(wait=lambda Q, x, e: _wait(Q, x, e).cumsum(0))(*arguments)


@jump.mistake("all chains leave at the rate of the first one's state: each has its own.")
def one_rate_for_all(*arguments):
    return _jump(wait=lambda Q, x, e: e / -Q[x[0], x[0]])(*arguments)


@jump.mistake("the waiting time has the mean of the rates: leaving in any direction ends it, so they add up.")
def mean_of_the_rates(*arguments):
    return _jump(wait=lambda Q, x, e: e * (len(Q) - 1) / -Q[x, x])(*arguments)


@jump.mistake("the chain can jump to where it is: leave the diagonal out when you choose where to.")
def may_stay(*arguments):
    return _jump(rates=lambda Q, x: Q[x].abs())(*arguments)


@jump.mistake("minus the rate of leaving is added up with the others: leave the diagonal out when you choose where to.")
def diagonal_added_up(*arguments):
    return _jump(rates=lambda Q, x: Q[x] / -Q[x, x][:, None], draw=lambda shares, u: _first_above(shares.cumsum(1), u))(
        *arguments
    )


@jump.mistake("the column of x is used: its row holds the rates of jumps from x.")
def columns(*arguments):
    return _jump(rates=lambda Q, x: Q.T[x].clamp(min=0))(*arguments)


@jump.mistake("all is taken from the columns: row x holds the rates of jumps from x.")
def all_from_columns(Q, x, e, u):
    rates = Q.T[x].clamp(min=0)
    return e / rates.sum(1), _drawn(rates, u)


@jump.mistake("all other states are equally likely: they should be in proportion to their rates.")
def uniform_target(*arguments):
    return _jump(rates=lambda Q, x: 1.0 - F.one_hot(x, len(Q)).to(Q))(*arguments)


@jump.mistake("the jump always takes the largest rate: draw the state with the given u.")
def largest_rate(*arguments):
    return _jump(draw=lambda rates, u: rates.argmax(1))(*arguments)


@jump.mistake("u is used from the other end: the first state whose cumulated share exceeds u is meant.")
def from_the_end(*arguments):
    return _jump(draw=lambda rates, u: _drawn(rates, 1 - u))(*arguments)


@jump.mistake("this is a softmax of the rates: their shares are the rates divided by their sum.")
def softmax(*arguments):
    return _jump(rates=lambda Q, x: Q[x].exp() * (Q[x] >= 0))(*arguments)


@jump.mistake("the cumulated rates themselves are compared with u: it lies between 0 and 1, as shares do.")
def rates_not_shares(*arguments):
    return _jump(draw=lambda rates, u: _first_above(rates.cumsum(1), u))(*arguments)


@jump.mistake("the shares are not cumulated: they are compared with u one by one.")
def not_cumulated(*arguments):
    return _jump(draw=lambda rates, u: _first_above(rates / rates.sum(1, keepdim=True), u))(*arguments)


@jump.mistake("cumulated along the batch: each chain has the shares of its own row.")
def cumulated_along_the_batch(*arguments):
    return _jump(draw=lambda rates, u: _first_above((rates / rates.sum(1, keepdim=True)).cumsum(0), u))(*arguments)


@jump.mistake("this counts the other states only: those after x are one further in the list of all.")
def counted_without_x(Q, x, e, u):
    waits, states = _jump()(Q, x, e, u)
    return waits, states - (states > x).long()


@jump.mistake("the states are one too early: the first whose cumulated share exceeds u is meant, not the one before.")
def one_too_early(*arguments):
    return _jump(draw=lambda rates, u: (_drawn(rates, u) - 1).clamp(min=0))(*arguments)


@jump.mistake("the states are one too far: the first whose cumulated share exceeds u is meant, not the one after.")
def one_too_far(*arguments):
    return _jump(draw=lambda rates, u: (_drawn(rates, u) + 1).clamp(max=rates.shape[1] - 1))(*arguments)


@jump.mistake("the number that u chose is added to x: it is the state itself.")
def added_to_x(Q, x, e, u):
    waits, states = _jump()(Q, x, e, u)
    return waits, (x + states) % len(Q)


@jump.mistake("the chains stay where they are: the second result is the state after the jump.")
def stays(Q, x, e, u):
    return _wait(Q, x, e), x


@jump.mistake("where u is 0, a jump is made that has the rate 0: the share has to exceed u, not to reach it.")
def share_reaches_u(*arguments):
    def draw(rates, u):
        shares = (rates / rates.sum(1, keepdim=True)).cumsum(1)
        return (shares >= u[:, None]).int().argmax(1)

    return _jump(draw=draw)(*arguments)


@jump.mistake("all jumps start from the first chain's state: each has its own row of Q.")
def row_of_the_first(*arguments):
    return _jump(rates=lambda Q, x: Q[x[:1]].clamp(min=0).expand(len(x), -1))(*arguments)


@jump.mistake("all jumps start from state 0: each has the row of its own state.")
def row_0(*arguments):
    return _jump(rates=lambda Q, x: Q[:1].clamp(min=0).expand(len(x), -1))(*arguments)


@jump.mistake("all states are equally likely, the present one, too: the others should be in proportion to their rates.")
def any_state(*arguments):
    return _jump(draw=lambda rates, u: (u * rates.shape[1]).long())(*arguments)


def _states(pair: Compared) -> tuple[Tensor, Tensor]:
    """The states that were given, and the rates of all jumps from x."""
    return pair.given["states"], pair.of(lambda Q, x, e, u: (Q[x], x))["waits"]


def _to_where_it_is(pair: Compared) -> bool:
    present = pair.of(lambda Q, x, e, u: (e, x))["states"]
    return bool((pair.given["states"] == present).any())


def _at_rate_0(pair: Compared) -> bool:
    states, rates = _states(pair)
    inside = bool(((states >= 0) & (states < rates.shape[1])).all())
    return inside and bool((rates.gather(1, states[:, None]) == 0).any())


jump.traits += [
    wrong_only("waits", message="all states are right, the waiting times are not."),
    Trait("jumps to where it is", _to_where_it_is, "some states are those that are left: a jump leads elsewhere."),
    Trait("jumps at rate 0", _at_rate_0, "some of the jumps have the rate 0: nothing leads there."),
    wrong_only("states", message="all waiting times are right, the states are not."),
]
