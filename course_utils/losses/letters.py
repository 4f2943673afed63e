"""Losses of models of letters: cross entropies of the clean letters, `(model, z, y)`.

A model gives logits, shape (batch, length, letters), and says in `model.letters` how many letters v there are.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.losses.matching import stratified_times
from course_utils.shapes import check_same_shape
from course_utils.words import WordPath, check_words

__all__ = ["counted_masked_loss", "counted_masked_terms", "even_counts", "letter_loss", "masked_loss"]


def masked_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    t: Tensor | None = None,
    u: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Masked cross entropy: the batch mean of $\frac{1}{1-t} \sum_{i\text{ masked}} -\log p_\theta(z^i | x)$.

    Each letter is under a mask with probability 1 - t. The mean over times is an upper bound of $-\log p(z)$, in nats,
    for the words that the model makes when it is asked for one letter after the other, in random order.

    Args:
        model: `model(x, t)` or, with labels, `model(x, t, y)`.
        z: Words, whole numbers from 0 to v - 1, shape (batch, length).
        y: Labels, shape (batch,), or None.
        t: Times from 0 to below 1, shape (batch,); uniform if not given.
        u: Uniform numbers, shape of z: a letter is seen where u < t.
        generator: Source of t and u.

    Returns:
        A scalar. The letters of a word are added up; only the batch is averaged.

    Raises:
        ValueError: If z holds a mask or what is no letter, a time is outside [0, 1), or a shape does not fit.

    Source: Sahoo et al., "Simple and effective masked diffusion language models" (2024); Shi et al., "Simplified and
    generalized masked diffusion for discrete data" (2024).

    Example:
        >>> z = torch.tensor([[3, 1, 4], [1, 5, 2]])
        >>> losses.masked_loss(networks.LetterMLP(6, 3), z, t=torch.tensor([0.5, 0.0]), u=0.6 * torch.ones(2, 3))
        tensor(8.0629, grad_fn=<MeanBackward0>)
    """
    check_words(z, model.letters)
    t = torch.rand(len(z), generator=generator).to(z.device) if t is None else t
    u = _uniform(z, generator) if u is None else u
    check_same_shape(u=u, z=z)
    if t.shape != z.shape[:1] or not bool(((t >= 0) & (t < 1)).all()):
        raise ValueError(f"expected times in [0, 1) of shape ({len(z)},), got {t.tolist()}")
    x = torch.where(u < t[:, None], z, model.letters)
    return (_surprise(model, x, t, y, z, x == model.letters) / (1 - t)).mean()


def counted_masked_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    count: Tensor | None = None,
    u: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""`masked_loss` with less noise: the batch mean of $\frac{L}{k} \sum_{i\text{ masked}} -\log p_\theta(z^i | x)$.

    The number k of masks is drawn evenly from 1 to L, then their places. For a given k the times of `masked_loss`
    average to the same weight: $\int_0^1 (1-t)^{k-1} t^{L-k} dt = 1 / (k \binom{L}{k})$. Over the batch the numbers are
    spread as evenly as they can be.

    Args:
        model: `model(x, None)` or, with labels, `model(x, None, y)`: one that needs no time.
        z: Words, whole numbers from 0 to v - 1, shape (batch, length).
        y: Labels, shape (batch,), or None.
        count: Numbers of masks k, from 1 to L, shape (batch,).
        u: Numbers, shape of z: the k letters with the least u are masked.
        generator: Source of count and u.

    Returns:
        A scalar, of the same mean as `masked_loss`.

    Raises:
        ValueError: If z holds a mask or what is no letter, a count is outside 1 to L, or a shape does not fit.

    Source: Ou et al., "Your absorbing discrete diffusion secretly models the conditional distributions of clean data"
    (2024).

    Example:
        >>> z = torch.tensor([[3, 1, 4], [1, 5, 2]])
        >>> losses.counted_masked_loss(networks.LetterMLP(6, 3), z)
        tensor(5.3753, grad_fn=<MeanBackward0>)
    """
    return counted_masked_terms(model, z, y, count=count, u=u, generator=generator).mean()


def counted_masked_terms(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    count: Tensor | None = None,
    u: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """What `counted_masked_loss` is the mean of: a number a word, shape (batch,). Arguments and errors as there.

    Example:
        >>> z = torch.tensor([[3, 1, 4], [1, 5, 2]])
        >>> losses.counted_masked_terms(networks.LetterMLP(6, 3), z)
        tensor([5.3753, 5.3753], grad_fn=<DivBackward0>)
    """
    check_words(z, model.letters)
    k = even_counts(len(z), z.shape[1], generator).to(z.device) if count is None else count
    u = _uniform(z, generator) if u is None else u
    check_same_shape(u=u, z=z)
    length = z.shape[1]
    if k.shape != z.shape[:1] or not bool(((k >= 1) & (k <= length)).all()):
        raise ValueError(f"expected numbers of masks from 1 to {length} of shape ({len(z)},), got {k.tolist()}")
    masked = u.argsort(1).argsort(1) < k[:, None]
    x = torch.where(masked, model.letters, z)
    return _surprise(model, x, None, y, z, masked) * length / k


def letter_loss(
    model,
    z: Tensor,
    y: Tensor | None = None,
    *,
    path: WordPath,
    t: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Cross entropy of all letters: the batch mean of $\sum_i -\log p_\theta(z^i | x)$, x at uniform times on a path.

    Its minimiser is the posterior $p(z^i | x)$ at every t, as the mean was for squares. Of letters that stay what they
    are, such as those that `words.MaskPath` shows, nothing is learned: there use `masked_loss`.

    Args:
        model: `model(x, t)` or, with labels, `model(x, t, y)`.
        z: Words, whole numbers from 0 to v - 1, shape (batch, length).
        y: Labels, shape (batch,), or None.
        path: Where x comes from, such as `words.UniformPath`.
        t: Times, shape (batch,); uniform over [0, 1] if not given.
        generator: Source of times and noise.

    Raises:
        ValueError: If z holds what is no letter, or as `path.sample`.

    Source: Gat et al., "Discrete flow matching" (2024).

    Example:
        >>> z = torch.tensor([[3, 1, 4], [1, 5, 2]])
        >>> losses.letter_loss(networks.LetterMLP(6, 3, time=True), z, path=words.UniformPath(6))
        tensor(5.3753, grad_fn=<MeanBackward0>)
    """
    check_words(z, model.letters)
    t = torch.rand(len(z), generator=generator).to(z.device) if t is None else t
    x = path.sample(z, t, generator=generator).x
    return _surprise(model, x, t, y, z, torch.ones_like(z, dtype=torch.bool)).mean()


def even_counts(batch: int, length: int, generator: torch.Generator | None = None) -> Tensor:
    """Numbers of masks from 1 to `length`, shape (batch,): each even by itself, and all together as even as can be.

    Raises:
        ValueError: If `batch` is less than 1.

    Example:
        >>> losses.even_counts(6, 3).sort().values
        tensor([1, 1, 2, 2, 3, 3])
    """
    where = torch.randperm(batch, generator=generator)
    shares = stratified_times(batch, generator)[where]
    return 1 + (shares * length).long().clamp(max=length - 1)  # the last share may be rounded up to 1


def _surprise(model, x: Tensor, t: Tensor | None, y: Tensor | None, z: Tensor, asked: Tensor) -> Tensor:
    """Sum of -log p(z^i | x) over the letters that are asked for, shape (batch,)."""
    logits = model(x, t) if y is None else model(x, t, y)
    if logits.shape != (*z.shape, model.letters):
        raise ValueError(f"expected logits of shape {(*z.shape, model.letters)}, got {tuple(logits.shape)}")
    terms = F.cross_entropy(logits.flatten(0, 1), z.flatten(), reduction="none").view(z.shape)
    return terms.masked_fill(~asked, 0.0).sum(1)


def _uniform(z: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(z.shape, generator=generator).to(z.device)
