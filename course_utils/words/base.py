"""What paths of words share: every letter is the word's with probability t, else a noise letter."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import Generator, Tensor

from course_utils.chains import check_law
from course_utils.distributions.base import Noise
from course_utils.shapes import Time, check_same_shape, short_repr
from course_utils.words.letters import check_posterior, check_words, one_hot, word_time
from course_utils.words.steps import exponential_law

__all__ = ["WordPath", "WordSample", "difference", "mask_of"]


@dataclass(frozen=True, repr=False)
class WordSample:
    """Words on their way, with what they were made from.

    Attributes:
        x: Letters, each that of z or noise, int64, shape (batch, length).
        t: Time, shape () or (batch,).
        z: The clean words, shape of `x`.

    Example:
        >>> z = torch.tensor([[0, 1, 2]])
        >>> words.MaskPath(5).sample(z, 0.5, u=torch.tensor([[0.1, 0.6, 0.4]])).x
        tensor([[0, 5, 2]])
    """

    x: Integer[Tensor, "batch length"]
    t: Time
    z: Integer[Tensor, "batch length"]

    def __repr__(self) -> str:
        return short_repr(self)


class WordPath:
    r"""What both paths share: $p_t(x|z) = \prod_i \left( t\, 1[x^i = z^i] + (1-t)\, p_\text{noise}(x^i) \right)$.

    Attributes:
        letters: Number v of letters, 0 to v - 1.
        mask: The token v if there is a mask, else None.
        noise_law: Law of a noise letter, float64, shape (states,).

    Source: Gat et al., "Discrete flow matching" (2024): mixture paths with kappa_t = t.

    Example:
        >>> words.MaskPath(2).noise_law, isinstance(words.MaskPath(2), words.WordPath)
        (tensor([0., 0., 1.], dtype=torch.float64), True)
    """

    mask: int | None = None

    def __init__(self, letters: int, noise_law: Tensor):
        if letters < 2:
            raise ValueError(f"expected at least two letters, got {letters}")
        self.letters = letters
        self.noise_law = noise_law

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.letters})"

    @property
    def states(self) -> int:
        """Number of letters that may stand in a word on its way, the mask included."""
        return len(self.noise_law)

    def start(self, shape: tuple[int, int], generator: Generator | None = None) -> Integer[Tensor, "batch length"]:
        """Words at t = 0, of the given shape (batch, length): noise letters only.

        Example:
            >>> words.MaskPath(5).start((1, 3))
            tensor([[5, 5, 5]])
        """
        raise NotImplementedError

    def sample(
        self,
        z: Integer[Tensor, "batch length"],
        t: Time,
        u: Float[Tensor, "batch length"] | None = None,
        noise: Integer[Tensor, "batch length"] | None = None,
        generator: Generator | None = None,
    ) -> WordSample:
        """The words at time t: z where u < t, else noise.

        Args:
            z: Clean words, shape (batch, length).
            t: Time from 0 to 1, shape () or (batch,).
            u: One uniform number a letter, shape of `z`; drawn here if not given.
            noise: Noise letters, shape of `z`; drawn here if not given.
            generator: Source of what is drawn.

        Raises:
            ValueError: If a letter of z is not one of the clean ones, a noise letter not one of the states, a time is
                not within 0 to 1, or shapes differ.

        Example:
            >>> words.UniformPath(5).sample(torch.zeros(2, 3, dtype=torch.int64), torch.tensor([0.2, 0.9]))
            WordSample(x=(2, 3), t=(2,), z=(2, 3))
        """
        check_words(z, self.letters)
        at = word_time(t, z)
        if u is None:
            u = Noise(generator, torch.empty(0, dtype=torch.float64, device=z.device)).uniform(*z.shape)
        if noise is None:
            noise = self.start((z.shape[0], z.shape[1]), generator).to(z.device)
        check_same_shape(z=z, u=u, noise=noise)
        check_words(noise, self.states, self.mask)
        return WordSample(torch.where(u < at.to(u.device), z, noise), t, z)

    def law(
        self,
        words: Integer[Tensor, "n length"],
        q: Float[Tensor, " n"],
        x: Integer[Tensor, "batch length"],
        t: Time,
    ) -> Float[Tensor, " batch"]:
        r"""Exact probability of each x at time t, $p_t(x) = \sum_n q_n p_t(x|z_n)$.

        Args:
            words: The words there are, shape (n, length).
            q: Their probabilities, shape (n,).
            x: Words on their way, shape (batch, length).
            t: Time from 0 to 1, shape () or (batch,).

        Returns:
            Probabilities, shape (batch,), in the type of `q`.

        Raises:
            ValueError: If `q` is no law, a letter is none, a time is not within 0 to 1, or shapes do not fit.

        Example:
            >>> z, q = torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.25, 0.75])
            >>> words.MaskPath(2).law(z, q, torch.tensor([[0, 2], [0, 1], [2, 2]]), 0.5)
            tensor([0.0625, 0.0000, 0.2500])
        """
        return self._log_joint(words, q, x, t).logsumexp(1).exp().to(q)

    def posterior(
        self,
        words: Integer[Tensor, "n length"],
        q: Float[Tensor, " n"],
        x: Integer[Tensor, "batch length"],
        t: Time | None = None,
    ) -> Float[Tensor, "batch length v"]:
        r"""Exact law of each clean letter, $p(z^i = a | x) = \sum_n w_n 1[z_n^i = a]$, $w_n \propto q_n p_t(x|z_n)$.

        Args and errors as for `law`; moreover a ValueError where x cannot come from any of the words.

        Source: the marginalization trick, 6.S184 lecture 3, for letters.

        Example:
            >>> z, q = torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.5, 0.5])
            >>> words.UniformPath(2).posterior(z, q, torch.tensor([[0, 0]]), 0.5)
            tensor([[[0.9000, 0.1000],
                     [0.9000, 0.1000]]])
        """
        weights = self._log_joint(words, q, x, t).softmax(1)
        if weights.isnan().any():
            lost = x[weights.isnan().any(1)]
            raise ValueError(f"expected states that the words can lead to, got {lost[0].tolist()}")
        return torch.einsum("bn,nia->bia", weights, one_hot(words, self.letters, weights)).to(q)

    def rate(
        self, post: Float[Tensor, "batch length v"], x: Integer[Tensor, "batch length"], t: Time
    ) -> Float[Tensor, "batch length states"]:
        r"""Rates of each letter, $\frac{1}{1-t} (p(z^i = \cdot | x) - 1_x)$; a seen letter of `MaskPath` stays.

        Args:
            post: Posterior of the clean letters, shape (batch, length, v).
            x: Present letters, shape (batch, length).
            t: Time from 0 to below 1, shape () or (batch,).

        Raises:
            ValueError: At t = 1, where the rates are infinite, or if `post` is no law or does not fit to `x`.

        Example:
            >>> words.UniformPath(2).rate(torch.tensor([[[0.25, 0.75]]]), torch.tensor([[0]]), 0.5)
            tensor([[[-1.5000,  1.5000]]])
        """
        check_posterior(post, x)
        check_words(x, self.states, self.mask)
        at = word_time(t, x)
        if not (at < 1).all():
            raise ValueError("expected a time below 1: at t = 1 the rates are infinite")
        return (self._target(post, x) - one_hot(x, self.states, post)) / (1 - at).to(post).reshape(-1, 1, 1)

    def euler(self, post: Tensor, x: Tensor, t: Time, t_next: Time) -> Tensor:
        """Law of the letters at t_next by Euler's step from t, shape (batch, length, states)."""
        raise NotImplementedError

    def exponential(self, post: Tensor, x: Tensor, t: Time, t_next: Time) -> Tensor:
        """Law of the letters at t_next by `exponential_law` with the rates at t, shape (batch, length, states)."""
        return exponential_law(self.rate(post, x, t), x, difference(t_next, t))

    def _target(self, post: Tensor, x: Tensor) -> Tensor:
        """Where a jump leads, a law of the states, shape (batch, length, states)."""
        return post

    def _log_joint(self, words: Tensor, q: Tensor, x: Tensor, t: Time | None) -> Tensor:
        """log q_n p_t(x|z_n), float64, shape (batch, n)."""
        check_words(words, self.letters)
        check_words(x, self.states, self.mask)
        if words.shape[1] != x.shape[1] or q.shape != words.shape[:1]:
            shapes = f"words {tuple(words.shape)}, q {tuple(q.shape)}, x {tuple(x.shape)}"
            raise ValueError(f"expected words (n, length), q (n,) and x (batch, length), got {shapes}")
        check_law(q)
        at = word_time(t, x)[..., None]
        same = (x[:, None] == words).double()
        chances = at * same + (1 - at) * self.noise_law[x][:, None]
        return chances.log().sum(-1) + q.double().log()


def mask_of(path: WordPath) -> int:
    """The mask of a path that has one; ValueError for another.

    Example:
        >>> words.mask_of(words.UniformPath(5))
        Traceback (most recent call last):
        ValueError: expected a path with masks, got UniformPath(5)
    """
    if path.mask is None:
        raise ValueError(f"expected a path with masks, got {path}")
    return path.mask


def difference(t_next: Time, t: Time) -> Tensor:
    """Length of a step in float64: exactly 1 - t if t_next is 1.

    Example:
        >>> words.difference(1, torch.tensor(0.5))
        tensor(0.5000, dtype=torch.float64)
    """
    return torch.as_tensor(t_next, dtype=torch.float64) - torch.as_tensor(t, dtype=torch.float64)
