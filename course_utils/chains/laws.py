"""Laws on finitely many states: draws from them, how far apart and how uncertain they are."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

__all__ = ["categorical", "check_law", "check_states", "entropy", "total_variation"]

SUM_SLACK = 1e-4
"""By how much the probabilities of a law may miss the sum 1: some thousand roundings of float32."""


def categorical(p: Float[Tensor, "*batch v"], u: Float[Tensor, "*batch"]) -> Integer[Tensor, "*batch"]:
    r"""Draws from laws by their inverse cumulated sums: the first k with $p_0 + \dots + p_k > u$.

    Rounded sums may end below 1, and then a u above all of them is met by the last k that has a probability: never by
    one that has none, such as a mask after the last step.

    Args:
        p: Laws, shape (..., v).
        u: Uniform numbers, shape (...).

    Returns:
        Indices from 0 to v - 1, int64, shape (...).

    Raises:
        ValueError: If a probability is negative, a law does not sum to 1, a u is not within 0 to 1, or shapes differ.

    Example:
        >>> chains.categorical(torch.tensor([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]]), torch.tensor([0.8, 0.0]))
        tensor([2, 1])
    """
    check_law(p)
    if u.shape != p.shape[:-1]:
        raise ValueError(f"expected one u a law, shape {tuple(p.shape[:-1])}, got {tuple(u.shape)}")
    if not ((u >= 0) & (u <= 1)).all():
        raise ValueError(f"expected uniforms u from 0 to 1, got {u.min().item():g} to {u.max().item():g}")
    sums = p.cumsum(-1)
    last = (sums < sums[..., -1:]).sum(-1)
    return torch.minimum((sums <= u[..., None]).sum(-1), last)


def total_variation(p: Float[Tensor, "*batch n"], q: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """The largest difference of the two laws on any set of states, half of the sum of $|p - q|$.

    Example:
        >>> chains.total_variation(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.5, 0.25]))
        tensor(0.2500)
    """
    return (p - q).abs().sum(-1) / 2


def entropy(p: Float[Tensor, "*batch n"]) -> Float[Tensor, "*batch"]:
    """Entropy of laws in bits.

    Example:
        >>> chains.entropy(torch.tensor([0.5, 0.25, 0.25, 0.0]))
        tensor(1.5000)
    """
    return -torch.xlogy(p, p).sum(-1) / torch.log(torch.tensor(2.0, dtype=torch.float64)).to(p)


def check_law(p: Tensor, name: str = "law") -> None:
    """Refuse what is no law.

    Args:
        p: Probabilities, shape (..., n).
        name: What they are called in the sentence.

    Raises:
        ValueError: If a probability is negative or NaN, or those of one law do not sum to 1.

    Example:
        >>> chains.check_law(torch.tensor([0.5, 0.6]))
        Traceback (most recent call last):
        ValueError: expected a law whose probabilities sum to 1, got the sum 1.1
    """
    if p.numel() == 0:
        return
    least = p.min().item()
    if not least >= 0:
        raise ValueError(f"expected a {name} of probabilities of at least 0, got {least:.4g}")
    sums = p.sum(-1).flatten()
    worst = sums[(sums - 1).abs().argmax()].item()
    if not abs(worst - 1) <= SUM_SLACK:
        raise ValueError(f"expected a {name} whose probabilities sum to 1, got the sum {worst:.6g}")


def check_states(x: Tensor, n: int, name: str = "states") -> None:
    """Refuse what are no states: whole numbers from 0 to n - 1.

    Args:
        x: States, any shape.
        n: Number of states.
        name: What they are called in the sentence.

    Raises:
        ValueError: If `x` holds floats, complex numbers or truth values, or a number that is no state.

    Example:
        >>> chains.check_states(torch.tensor([0, 5]), 5, "letters")
        Traceback (most recent call last):
        ValueError: expected letters from 0 to 4, got 0 to 5
    """
    if x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise ValueError(f"expected {name} as whole numbers, such as torch.int64, got {x.dtype}")
    if x.numel() == 0:
        return
    low, high = x.aminmax()
    if low < 0 or high >= n:
        raise ValueError(f"expected {name} from 0 to {n - 1}, got {low.item()} to {high.item()}")
