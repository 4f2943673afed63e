"""A Markov chain of letters, and what it says exactly of the gaps in a word."""

import math
from string import ascii_lowercase

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from course_utils.chains import check_law
from course_utils.words.letters import check_words

__all__ = ["LetterChain"]


class LetterChain(nn.Module):
    r"""Words in which each letter depends on its place and on the m letters before it.

    $p(z) = p(z^1 \dots z^m) \prod_{i > m} p_i(z^i | z^{i-m} \dots z^{i-1})$, with m the order. Called with a word with
    gaps, it gives the exact logarithm of $p(z^i | \text{letters seen})$ for every letter, by the forward and backward
    sums over all completions. So it is a model for masks that needs no training, and a base for one that is trained.

    Args:
        first: Law of the first m letters, m axes of v letters.
        steps: Laws of the others, given the m letters before them, shape (L - m, v, ..., v) with m + 1 axes of v.

    Raises:
        ValueError: If the shapes do not fit, or a law is negative or does not sum to 1.

    Source: Rabiner, "A tutorial on hidden Markov models" (1989), for the sums.

    Example:
        >>> chain = words.LetterChain(torch.tensor([0.5, 0.5]), torch.tensor([[[0.75, 0.25], [0.25, 0.75]]]))
        >>> chain
        LetterChain(letters=2, length=2, order=1)
        >>> chain(torch.tensor([[2, 1]])).exp()
        tensor([[[2.5000e-01, 7.5000e-01],
                 [1.1755e-38, 1.0000e+00]]])
    """

    first: Tensor
    steps: Tensor

    def __init__(self, first: Tensor, steps: Tensor):
        super().__init__()
        _check_laws(first, steps)
        self.register_buffer("first", first)
        self.register_buffer("steps", steps)
        self.order = first.ndim
        self.letters = first.shape[0]
        self.length = self.order + len(steps)
        axes = ascii_lowercase[: self.order + 1]  # of the letters that a step joins, oldest first; then the batch, z
        self._onwards = f"{axes},{axes[:-1]}z->{axes[1:]}z"
        self._back = f"{axes},{axes[1:]}z->{axes[:-1]}z"

    def __repr__(self) -> str:
        return f"LetterChain(letters={self.letters}, length={self.length}, order={self.order})"

    @classmethod
    def fit(cls, z: Tensor, order: int = 2, letters: int | None = None, pseudo: float = 30.0) -> "LetterChain":
        """The chain of counted words.

        What follows on some letters is counted at its place, and `pseudo` more counts are shared out as what follows on
        them anywhere in the words; of these, too, `pseudo` are added, shared out as the chain of one order less says at
        this place. The chain of order 0 leans on even shares.

        Args:
            z: Words, whole numbers, shape (n, length).
            order: Letters before that are looked at, m, from 1 to length - 1.
            letters: How many letters there are; as many as z has, if not given.
            pseudo: Counts that are added, positive.

        Raises:
            ValueError: If z is empty or holds what is no letter, `order` does not fit or `pseudo` is not positive.

        Example:
            >>> words.LetterChain.fit(torch.tensor([[0, 1, 1], [1, 0, 0]]), order=1)
            LetterChain(letters=2, length=3, order=1)
        """
        if z.numel() == 0:
            raise ValueError(f"expected words to count, got shape {tuple(z.shape)}")
        letters = int(z.max()) + 1 if letters is None else letters
        check_words(z, letters)
        if not 1 <= order < z.shape[1]:
            raise ValueError(f"expected an order from 1 to {z.shape[1] - 1}, less than the length, got {order}")
        if not 0 < pseudo < math.inf:
            raise ValueError(f"expected pseudo-counts above 0, got {pseudo}")
        first = torch.ones(())
        laws = torch.full((1 + z.shape[1], letters), 1 / letters)
        for m in range(order + 1):
            first = first[..., None] * laws[0] if m > 1 else laws[0]
            laws = _counted(z, m, letters, pseudo, laws[1:])
        return cls(first, laws)

    @torch.no_grad()
    def forward(self, x: Tensor, t=None, y=None) -> Float[Tensor, "batch length letters"]:
        """Log posterior of each letter, given those that are seen; time and label are not looked at.

        A letter that is seen is certain; what is impossible has the logarithm of the least normal number above 0.

        Args:
            x: Words with gaps: letters from 0 to v - 1, masks v; shape (batch, length).

        Raises:
            ValueError: If x holds what is neither letter nor mask, or words of another length.
        """
        self._check(x, masks=1)
        seen = F.one_hot(x.T, self.letters + 1).to(self.first).transpose(1, 2)
        fits = (seen[:, :-1] + seen[:, -1:]).unbind(0)  # of each place, (letters, batch): a mask fits every letter
        before = self._before(fits)
        after = torch.ones_like(before[-1])
        laws = []
        for joint, step, fit in zip(before[:0:-1], self.steps.flip(0), fits[::-1], strict=False):
            laws.append(_marginal(joint.mul_(after), -2))
            after = torch.einsum(self._back, step, after.mul_(fit / _total(after)))
        laws += [_marginal(before[0] * after, axis) for axis in range(-2, -2 - self.order, -1)]
        p = torch.stack(laws[::-1]).permute(2, 0, 1).contiguous()
        p = p / p.sum(-1, keepdim=True)
        return p.clamp(min=torch.finfo(p.dtype).tiny).log()

    def _before(self, fits: tuple[Tensor, ...]) -> list[Tensor]:
        """Of any m letters in a row, p(they, letters seen before and among them) up to a factor, from the first on.

        Shape (letters, ..., letters, batch): with the batch as the last axis, nothing has to be moved in memory.
        """
        law = self.first[..., None]
        for axis in range(self.order):
            law = law * fits[axis].reshape(-1, *[1] * (self.order - 1 - axis), fits[axis].shape[1])
        laws = [law]
        for step, fit in zip(self.steps, fits[self.order :], strict=True):
            laws.append(torch.einsum(self._onwards, step, laws[-1]).mul_(fit / _total(laws[-1])))
        return laws

    def log_prob(self, z: Tensor) -> Float[Tensor, " batch"]:
        """Log-probability of whole words, shape (batch,).

        Raises:
            ValueError: If z holds what is no letter, or words of another length.
        """
        self._check(z, masks=0)
        total = self.first[z[:, : self.order].unbind(1)].log()
        for step, window in zip(self.steps, z.unfold(1, self.order + 1, 1).unbind(1), strict=True):
            total = total + step[window.unbind(1)].log()
        return total

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n words, drawn letter by letter from the left, shape (n, length)."""
        start = torch.multinomial(self.first.flatten(), n, replacement=True, generator=generator)
        z = torch.stack(torch.unravel_index(start, self.first.shape), 1)
        for step in self.steps:
            law = step[z[:, -self.order :].unbind(1)]
            z = torch.cat([z, torch.multinomial(law, 1, generator=generator)], 1)
        return z

    def _check(self, x: Tensor, masks: int) -> None:
        check_words(x, self.letters + masks, self.letters if masks else None)
        if x.shape[1] != self.length:
            raise ValueError(f"expected words of {self.length} letters, got {x.shape[1]}")


def _counted(z: Tensor, order: int, letters: int, pseudo: float, less: Tensor) -> Tensor:
    """Laws of the letter at each place from `order` on, given those before it; `less` are those of one order less."""
    shape = (letters,) * (order + 1)
    powers = letters ** torch.arange(order, -1, -1)
    windows = z.unfold(1, order + 1, 1).unbind(1)
    counts = torch.stack([torch.bincount(window @ powers, minlength=letters ** (order + 1)) for window in windows])
    here = counts.reshape(-1, *shape).to(less)
    prior = less[:, None] if order else less
    return _leaning(here, _leaning(here.sum(0, keepdim=True), prior, pseudo), pseudo)


def _leaning(counts: Tensor, law: Tensor, pseudo: float) -> Tensor:
    """Shares of the counts, after `pseudo` more that are spread like `law`."""
    return (counts + pseudo * law) / (counts.sum(-1, keepdim=True) + pseudo)


def _marginal(joint: Tensor, axis: int) -> Tensor:
    """Law of the letter on that axis, shape (letters, batch)."""
    return joint.movedim(axis, 0).reshape(joint.shape[axis], -1, joint.shape[-1]).sum(1)


def _total(law: Tensor) -> Tensor:
    """Its sum, shape (batch,), by which the next one is divided, so that long words do not end in zeros."""
    return law.flatten(0, -2).sum(0)


def _check_laws(first: Tensor, steps: Tensor) -> None:
    order, letters = first.ndim, first.shape[:1]
    if order < 1 or first.shape != letters * order or steps.shape[1:] != letters * (order + 1) or not len(steps):
        raise ValueError(
            "expected a first law with an axis for each letter before, and steps of shape (length - order, letters, "
            f"..., letters) with one axis more, got {tuple(first.shape)} and {tuple(steps.shape)}"
        )
    check_law(first.flatten(), "first law")
    check_law(steps, "step")
