"""Rates of a chain, and what they make of its law: exactly, and by Euler's step."""

import torch
from jaxtyping import Float, Real
from torch import Tensor

from course_utils.chains.laws import check_law

__all__ = ["chain_law", "check_rates", "euler_chain_law", "rate_matrix"]


def rate_matrix(rates: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    r"""The generator of a chain: $Q_{xy}$ as given off the diagonal, $Q_{xx} = -\sum_{y \ne x} Q_{xy}$.

    Args:
        rates: How often a chain in x jumps to y, shape (n, n); the diagonal is not used: staying is no jump.

    Raises:
        ValueError: If `rates` is not square, or a rate is negative or not finite.

    Source: Gat et al., "Discrete flow matching" (2024), section 3; Holderrieth et al., "Generator matching" (2024).

    Example:
        >>> chains.rate_matrix(torch.tensor([[9.0, 2.0], [0.5, 0.0]]))
        tensor([[-2.0000,  2.0000],
                [ 0.5000, -0.5000]])
    """
    if rates.ndim != 2 or rates.shape[0] != rates.shape[1]:
        raise ValueError(f"expected a square matrix of rates, got shape {tuple(rates.shape)}")
    jumps = rates - torch.diag(rates.diagonal())
    jumps.fill_diagonal_(0)
    if not ((jumps >= 0) & jumps.isfinite()).all():
        low, high = jumps.min().item(), jumps.max().item()
        raise ValueError(f"expected rates of at least 0 and finite, got {low:g} to {high:g}")
    return jumps - torch.diag(jumps.sum(1))


def chain_law(Q: Float[Tensor, "n n"], p0: Float[Tensor, "*batch n"], ts: Real[Tensor, " times"]) -> Tensor:
    r"""The exact law at each time, $p_t = p_0 e^{tQ}$, which solves $\dot p_t = p_t Q$.

    Args:
        Q: Rates, rows sum to 0, shape (n, n).
        p0: Law at t = 0, shape (n,) or (batch, n).
        ts: Times of at least 0, shape (times,).

    Returns:
        Shape (times, n) or (times, batch, n).

    Raises:
        ValueError: If `Q` is no rate matrix, `p0` no law on its states, or a time is negative.

    Source: Kolmogorov's forward equation.

    Example:
        >>> Q = chains.rate_matrix(torch.tensor([[0.0, 2.0], [0.5, 0.0]]))
        >>> chains.chain_law(Q, torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0, 9.0]))
        tensor([[1.0000, 0.0000],
                [0.2657, 0.7343],
                [0.2000, 0.8000]])
    """
    check_rates(Q)
    _check_start(Q, p0)
    if not ((ts >= 0) & ts.isfinite()).all():
        raise ValueError(f"expected finite times of at least 0, got {ts.min().item():g} to {ts.max().item():g}")
    return p0 @ torch.linalg.matrix_exp(ts.to(Q)[:, None, None] * Q)


def euler_chain_law(Q: Float[Tensor, "n n"], p: Float[Tensor, "*batch n"], h: float | Tensor) -> Tensor:
    """The law one Euler step later, p (1 + h Q).

    Args:
        Q: Rates, shape (n, n).
        p: Law before the step, shape (n,) or (batch, n).
        h: Length of the step, from 0 to one over the largest rate of leaving.

    Raises:
        ValueError: If a probability of 1 + h Q were below 0, or `Q` and `p` do not fit.

    Example:
        >>> Q = chains.rate_matrix(torch.tensor([[0.0, 2.0], [0.5, 0.0]]))
        >>> chains.euler_chain_law(Q, torch.tensor([1.0, 0.0]), 0.25)
        tensor([0.5000, 0.5000])
        >>> chains.euler_chain_law(Q, torch.tensor([1.0, 0.0]), 1.0)
        Traceback (most recent call last):
        ValueError: expected a step h from 0 to 0.5, one over the largest rate, got 1: a probability would be -1
    """
    check_rates(Q)
    _check_start(Q, p)
    fastest = -Q.diagonal().min().item()
    h = float(h)
    if not (h >= 0 and 1 - h * fastest >= -4 * torch.finfo(Q.dtype).eps):
        longest = f"{1 / fastest:.6g}" if fastest else "inf"
        would = f": a probability would be {1 - h * fastest:.4g}" if h > 0 else ""
        raise ValueError(f"expected a step h from 0 to {longest}, one over the largest rate, got {h:g}{would}")
    return p + h * (p @ Q)


def check_rates(Q: Tensor) -> None:
    """Refuse what is no rate matrix.

    Raises:
        ValueError: If `Q` is not square, not finite, has a negative rate off the diagonal, or a row that does not sum
            to 0.

    Example:
        >>> chains.check_rates(torch.tensor([[-2.0, 1.0], [0.5, -0.5]]))
        Traceback (most recent call last):
        ValueError: expected rows of Q that sum to 0, got a sum of -1
    """
    if Q.ndim != 2 or Q.shape[0] != Q.shape[1] or len(Q) == 0:
        raise ValueError(f"expected a square matrix of rates Q, got shape {tuple(Q.shape)}")
    least = (Q - torch.diag(Q.diagonal())).min().item()
    if not least >= 0:
        raise ValueError(f"expected rates of at least 0 off the diagonal of Q, got {least:g}")
    sums = Q.sum(1)
    worst = sums[sums.abs().argmax()].item()
    if not abs(worst) <= 64 * torch.finfo(Q.dtype).eps * max(1.0, Q.abs().max().item()):
        raise ValueError(f"expected rows of Q that sum to 0, got a sum of {worst:.6g}")


def _check_start(Q: Tensor, p: Tensor) -> None:
    if p.shape[-1] != len(Q):
        raise ValueError(f"expected laws on the {len(Q)} states of Q, got shape {tuple(p.shape)}")
    check_law(p)
