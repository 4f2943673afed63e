"""Exercise 7.7's law with parts to replace, of which its mistakes are made."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["hidden_law", "law_with", "revealed_share", "seen_law"]


def revealed_share(t: Tensor, t_next: Tensor, sigma: float) -> Tensor:
    """The share of the masks that are revealed."""
    return (t_next - (1 - sigma) * t) / (1 - t)


def hidden_law(post: Tensor, mask: Tensor, share: Tensor) -> Tensor:
    return share * F.pad(post, (0, 1)) + (1 - share) * mask


def seen_law(here: Tensor, mask: Tensor, sigma: float) -> Tensor:
    return (1 - sigma) * here + sigma * mask


def law_with(
    *,
    share: Callable[[Tensor, Tensor, float], Tensor] = revealed_share,
    hidden: Callable[[Tensor, Tensor, Tensor], Tensor] = hidden_law,
    seen: Callable[[Tensor, Tensor, float], Tensor] = seen_law,
    masked: Callable[[Tensor, int], Tensor] = lambda x, v: x == v,
) -> Callable:
    """The law with parts to replace.

    Args:
        share: Of the masks that are revealed, from t, t_next and sigma.
        hidden: The law of a letter under a mask, from the posterior, the mask as a law, and that share.
        seen: The law of a letter that is seen, from the letter and the mask as laws, and sigma.
        masked: Which letters are under a mask, from x and v.
    """

    def law(post, x, t, t_next, sigma):
        v = post.shape[-1]
        here, mask = (F.one_hot(letter, v + 1).to(post) for letter in (x, torch.tensor(v)))
        under = hidden(post, mask, share(t, t_next, sigma))
        return torch.where(masked(x, v)[..., None], under, seen(here, mask, sigma))

    return law
