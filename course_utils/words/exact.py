"""Samplers without noise: the law of what they make, as products of matrices over all words.

For a few letters only: the law of words with S states is a vector of S numbers, in the order of `all_words`.
"""

import itertools
from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float, Integer, Real
from torch import Tensor

from course_utils.chains import check_law
from course_utils.shapes import Time
from course_utils.words.base import WordPath, mask_of
from course_utils.words.letters import all_words, word_grid, word_number

__all__ = ["ExactWords", "LetterLaw", "correct_law", "guided", "reveal_law", "sampler_law", "tempered", "word_rates"]

LetterLaw = Callable[[Tensor, Time], Tensor]
"""A posterior `(x, t) -> (batch, length, v)`, exact or from a network."""


class ExactWords:
    """The marginal path of a list of words, which knows the posterior: the model that a network can at best become.

    Args:
        path: A `MaskPath` or a `UniformPath`.
        words: The words there are, shape (n, length).
        q: Their probabilities, shape (n,); float64 where digits count.

    Raises:
        ValueError: If a letter is none of the path's, `q` is no law, or shapes do not fit.

    Example:
        >>> exact = words.ExactWords(words.MaskPath(2), torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.25, 0.75]))
        >>> exact.posterior(torch.tensor([[2, 1]]), 0.5)
        tensor([[[0., 1.],
                 [0., 1.]]])
        >>> exact.law(1.0)
        tensor([0.2500, 0.0000, 0.0000, 0.0000, 0.7500, 0.0000, 0.0000, 0.0000, 0.0000])
    """

    def __init__(self, path: WordPath, words: Integer[Tensor, "n length"], q: Float[Tensor, " n"]):
        path.law(words, q, words[:1], 1.0)
        self.path = path
        self.words = words
        self.q = q

    def __repr__(self) -> str:
        return f"ExactWords({self.path}, words={tuple(self.words.shape)})"

    @property
    def letters(self) -> int:
        """Number v of letters."""
        return self.path.letters

    @property
    def length(self) -> int:
        """Number of letters of a word."""
        return self.words.shape[1]

    def __call__(self, x: Integer[Tensor, "batch length"], t: Time | None = None) -> Float[Tensor, "batch length v"]:
        """Logits, as from a network: the logarithm of the posterior."""
        return self.posterior(x, t).log()

    def posterior(self, x: Integer[Tensor, "batch length"], t: Time | None = None) -> Float[Tensor, "batch length v"]:
        """Exact law of each clean letter, see `WordPath.posterior`; with masks it needs no time."""
        return self.path.posterior(self.words, self.q, x, t)

    def law(self, t: float) -> Float[Tensor, " states"]:
        """Exact law p_t of all words on their way, shape `(states**length,)`."""
        return self.path.law(self.words, self.q, all_words(self.path.states, self.length), t)


def sampler_law(
    posterior: LetterLaw,
    path: WordPath,
    length: int,
    ts: Real[Tensor, " times"],
    step: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] | None = None,
) -> Float[Tensor, " words"]:
    """The law of what `generate_words` makes, exactly: no samples, so no noise.

    Args:
        posterior: `(x, t)` to laws of the clean letters, such as `ExactWords(...).posterior`.
        path: The path that it belongs to.
        length: Letters of a word.
        ts: Increasing times, from 0 to at most 1, shape (steps+1,).
        step: As for `generate_words`, by default `path.euler`.

    Returns:
        Probabilities of all words with the path's states, float64, shape `(states**length,)`, ordered as `all_words`.

    Raises:
        ValueError: If times do not increase, or from 0 on, or a step gives no law.

    Example:
        >>> path = words.MaskPath(2)
        >>> exact = words.ExactWords(path, torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.5, 0.5]))
        >>> words.sampler_law(exact.posterior, path, 2, torch.tensor([0.0, 0.5, 1.0])).reshape(3, 3)
        tensor([[0.3750, 0.1250, 0.0000],
                [0.1250, 0.3750, 0.0000],
                [0.0000, 0.0000, 0.0000]], dtype=torch.float64)
    """
    step = step or path.euler
    ts = word_grid(ts, from_noise=True)
    x = all_words(path.states, length)
    p = path.noise_law[x].prod(1)
    for t, t_next in itertools.pairwise(ts):
        reached = p > 0
        laws = step(posterior(x[reached], t).double(), x[reached], t, t_next)
        check_law(laws)
        p = _all_at_once(p[reached], laws)
    return p


def reveal_law(
    posterior: LetterLaw, path: WordPath, length: int, orders: Iterable[tuple[int, ...]] | None = None
) -> Float[Tensor, " words"]:
    """The law of what `reveal` makes of masks only, exactly: one letter an evaluation, the mean over the orders given.

    Args:
        posterior: `(x, t)` to laws of the clean letters, such as `ExactWords(...).posterior`.
        path: The `MaskPath` that it belongs to.
        length: Letters of a word.
        orders: Permutations of the places; all of them by default, equally likely.

    Returns:
        Probabilities of all words without masks, shape `(letters**length,)`, in the order of `all_words`.

    Raises:
        ValueError: If an order is no permutation of the places, or the path has no mask.

    Example:
        >>> path = words.MaskPath(2)
        >>> exact = words.ExactWords(path, torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.25, 0.75]))
        >>> words.reveal_law(exact.posterior, path, 2)
        tensor([0.2500, 0.0000, 0.0000, 0.7500])
    """
    orders = list(itertools.permutations(range(length)) if orders is None else orders)
    if not orders or any(sorted(order) != list(range(length)) for order in orders):
        raise ValueError(f"expected orders of the places 0 to {length - 1}, got {orders}")
    x, mask = all_words(path.letters, length), mask_of(path)
    return torch.stack([_order_law(posterior, x, mask, order) for order in orders]).mean(0)


def correct_law(
    posterior: LetterLaw, path: WordPath, p: Float[Tensor, " words"], length: int, steps: int = 1
) -> Float[Tensor, " words"]:
    """The law of words after `correct`, exactly: one letter, anywhere, is masked and drawn anew, `steps` times.

    Args:
        posterior: `(x, t)` to laws of the clean letters, such as `ExactWords(...).posterior`.
        path: The `MaskPath` that it belongs to.
        p: Law of all words without masks before, shape `(letters**length,)`, in the order of `all_words`.
        length: Letters of a word.
        steps: Number of letters drawn anew.

    Raises:
        ValueError: If `p` is no law of all these words, `steps` is negative, or the path has no mask.

    Example:
        >>> path = words.MaskPath(2)
        >>> exact = words.ExactWords(path, torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.5, 0.5]))
        >>> words.correct_law(exact.posterior, path, torch.tensor([0.25, 0.5, 0.0, 0.25]), 2)
        tensor([0.5000, 0.0000, 0.0000, 0.5000])
    """
    x, mask = all_words(path.letters, length), mask_of(path)
    if p.shape != (len(x),) or steps < 0:
        raise ValueError(f"expected a law of {len(x)} words and steps of at least 0, got {tuple(p.shape)} and {steps}")
    check_law(p)
    grid = [path.letters] * length
    shares = []
    for i in range(length):
        hidden = x.clone()
        hidden[:, i] = mask
        shares.append(_chance(posterior, hidden, x, i).to(p).reshape(grid))
    law = p.reshape(grid)
    for _ in range(steps):
        law = torch.stack([law.sum(i, keepdim=True) * share for i, share in enumerate(shares)]).mean(0)
    return law.flatten()


def word_rates(rate: Float[Tensor, "words length states"]) -> Float[Tensor, "words words"]:
    r"""The rates of whole words: letters jump one at a time, each with its own rate.

    Args:
        rate: Rates of the letters of all words in the order of `all_words`, such as `path.rate(post, x, t)`, shape
            `(states**length, length, states)`.

    Returns:
        The rate matrix Q of the words, for which $\dot p_t = p_t Q_t$ with the exact posterior.

    Raises:
        ValueError: If these are not the rates of all words.

    Example:
        >>> words.word_rates(torch.tensor([[[-1.0, 1.0]], [[0.5, -0.5]]]))
        tensor([[-1.0000,  1.0000],
                [ 0.5000, -0.5000]])
    """
    _, length, states = rate.shape
    if len(rate) != states**length:
        raise ValueError(f"expected the rates of all {states**length} words, got {len(rate)}")
    x = all_words(states, length)
    rows = torch.arange(len(x))
    Q = rate.new_zeros(len(x), len(x))
    for i, a in itertools.product(range(length), range(states)):
        y = x.clone()
        y[:, i] = a
        Q[rows, word_number(y, states)] += rate[:, i, a]
    return Q


def tempered(posterior: LetterLaw, temperature: float) -> LetterLaw:
    """The posterior with each letter's law cooled: proportional to its power 1 / temperature.

    Example:
        >>> words.tempered(lambda x, t: torch.tensor([[[0.2, 0.8]]]), 0.5)(torch.tensor([[2]]), 0.5)
        tensor([[[0.0588, 0.9412]]])
    """
    if not temperature > 0:
        raise ValueError(f"expected a positive temperature, got {temperature}")
    return lambda x, t: (posterior(x, t).log() / temperature).softmax(-1)


def guided(null: LetterLaw, given: LetterLaw, scale: float) -> LetterLaw:
    r"""The guided posterior, proportional to $p^{1-w} p_y^w$ in each letter; 0 where p_y is.

    Args:
        null: Posterior p without a label.
        given: Posterior p_y with it.
        scale: Guidance scale w.

    Source: Schiff et al., "Simple guidance mechanisms for discrete diffusion models" (2024).

    Example:
        >>> half, most = (lambda x, t, p=p: torch.tensor([[[p, 1 - p]]]) for p in (0.5, 0.8))
        >>> words.guided(half, most, 2.0)(torch.tensor([[2]]), 0.5)
        tensor([[[0.9412, 0.0588]]])
    """

    def posterior(x: Tensor, t: Time) -> Tensor:
        p, p_y = null(x, t), given(x, t)
        weights = torch.where(p_y > 0, (1 - scale) * p.log() + scale * p_y.log(), -torch.inf)
        return weights.softmax(-1)

    return posterior


def _all_at_once(p: Tensor, laws: Tensor) -> Tensor:
    """The law of words whose letters are drawn independently from `laws`, given words with probabilities `p`."""
    joint = p[:, None]
    for i in range(laws.shape[1] - 1):
        joint = (joint[:, :, None] * laws[:, i, None]).flatten(1)
    return (joint.T @ laws[:, -1]).flatten()


def _order_law(posterior: LetterLaw, x: Tensor, mask: int, order: tuple[int, ...]) -> Tensor:
    """Probability of each word x if its letters are drawn in that order."""
    seen = torch.full_like(x, mask)
    shares = []
    for i in order:
        shares.append(_chance(posterior, seen, x, i))
        seen[:, i] = x[:, i]
    return torch.stack(shares).prod(0)


def _chance(posterior: LetterLaw, seen: Tensor, x: Tensor, i: int) -> Tensor:
    """Probability that place i becomes the letter of x, given the letters that are seen."""
    return posterior(seen, 0.5)[:, i].gather(1, x[:, i, None])[:, 0]
