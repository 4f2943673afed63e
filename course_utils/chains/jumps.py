"""Exact paths of a chain, jump by jump."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Generator, Tensor

from course_utils.chains.laws import categorical, check_states
from course_utils.chains.rates import check_rates
from course_utils.distributions.base import Noise
from course_utils.shapes import short_repr

__all__ = ["Jump", "Paths", "gillespie", "jump"]


class Jump(NamedTuple):
    """One jump of each chain.

    Attributes:
        waits: Time until it, inf where the state is never left, shape (batch,).
        states: Where it leads, shape (batch,).

    Example:
        >>> chains.Jump(torch.tensor([0.5]), torch.tensor([2])).states
        tensor([2])
    """

    waits: Tensor
    states: Tensor


def jump(
    Q: Float[Tensor, "n n"], x: Integer[Tensor, " batch"], e: Float[Tensor, " batch"], u: Float[Tensor, " batch"]
) -> Jump:
    r"""The next jump, exactly: after $e / |Q_{xx}|$, to $y \ne x$ with probability $Q_{xy} / |Q_{xx}|$.

    Args:
        Q: Rates, shape (n, n).
        x: Present states, shape (batch,).
        e: Waiting times at rate 1, ~ Exp(1), shape (batch,).
        u: Uniform numbers that choose the states, shape (batch,).

    Raises:
        ValueError: If `Q` is no rate matrix, a state is not one of its, a waiting time is negative, or shapes differ.

    Source: Gillespie, "A general method for numerically simulating the stochastic time evolution" (1976).

    Example:
        >>> Q = chains.rate_matrix(torch.tensor([[0.0, 2.0, 6.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
        >>> chains.jump(Q, torch.tensor([0, 0, 2]), torch.tensor([1.0, 2.0, 1.0]), torch.tensor([0.2, 0.3, 0.5]))
        Jump(waits=tensor([0.1250, 0.2500,    inf]), states=tensor([1, 2, 2]))
    """
    check_rates(Q)
    check_states(x, len(Q))
    if not (e >= 0).all():
        raise ValueError(f"expected waiting times of at least 0, got {e.min().item():g}")
    rates = Q[x].scatter(1, x[:, None], 0)
    leave = rates.sum(1)
    stays = F.one_hot(x, len(Q)).to(Q)
    shares = torch.where(leave[:, None] > 0, rates / leave[:, None], stays)
    waits = torch.where(leave > 0, e / leave, torch.inf)
    return Jump(waits, categorical(shares, u))


@dataclass(frozen=True, repr=False)
class Paths:
    """Paths of chains: what each was in, and since when.

    Attributes:
        times: When each state began, 0 for the first and inf after the last jump, shape (batch, most jumps + 1).
        states: The states, the last one repeated, same shape.

    Example:
        >>> moved = chains.Paths(torch.tensor([[0.0, 0.4, 0.7]]), torch.tensor([[0, 2, 1]]))
        >>> moved, moved.at(0.5), moved.end
        (Paths(paths=1, jumps=2), tensor([2]), tensor([1]))
    """

    times: Float[Tensor, "batch most"]
    states: Integer[Tensor, "batch most"]

    def __repr__(self) -> str:
        return short_repr(self, paths=len(self.states), jumps=self.jumps.double().mean().item())

    @property
    def end(self) -> Tensor:
        """The last states, shape (batch,)."""
        return self.states[:, -1]

    @property
    def jumps(self) -> Tensor:
        """Number of jumps of each path, shape (batch,)."""
        return self.times.isfinite().sum(1) - 1

    def at(self, t: float) -> Tensor:
        """The states at time t, shape (batch,). ValueError if t is negative."""
        if not t >= 0:
            raise ValueError(f"expected a time of at least 0, got {t}")
        begun = (self.times <= t).sum(1, keepdim=True)
        return self.states.gather(1, begun - 1)[:, 0]


@torch.no_grad()
def gillespie(
    Q: Float[Tensor, "n n"], x0: Integer[Tensor, " batch"], end: float, generator: Generator | None = None
) -> Paths:
    """Exact paths from 0 to `end`, jump by jump: no step size, and so no error of one.

    Args:
        Q: Rates, shape (n, n).
        x0: First states, shape (batch,).
        end: Last time; memory grows with `end` times the largest rate.
        generator: Source of the waiting times and targets.

    Raises:
        ValueError: If `Q` is no rate matrix, a state is not one of its, or `end` is not a finite time of at least 0.

    Source: Gillespie (1976).

    Example:
        >>> Q = chains.rate_matrix(torch.tensor([[0.0, 2.0], [0.5, 0.0]]))
        >>> paths = chains.gillespie(Q, torch.zeros(1000, dtype=torch.int64), 9.0, torch.Generator().manual_seed(0))
        >>> paths.at(0.0).sum().item(), round(paths.end.double().mean().item(), 1)
        (0, 0.8)
    """
    check_rates(Q)
    check_states(x0, len(Q))
    if not 0 <= end < torch.inf:
        raise ValueError(f"expected an end of at least 0 and finite, got {end}")
    noise = Noise(generator, Q)
    x, t = x0.long(), Q.new_zeros(len(x0))
    times, states = [t], [x]
    while (t <= end).any():
        wait, target = jump(Q, x, -(1 - noise.uniform(len(x))).log(), noise.uniform(len(x)))
        t = t + wait
        x = torch.where(t <= end, target, x)
        t = torch.where(t <= end, t, torch.inf)
        times.append(t)
        states.append(x)
    most = -1 if len(times) > 1 else None  # the last round found no jump
    return Paths(torch.stack(times[:most], 1), torch.stack(states[:most], 1))
