"""Words as states: letters are whole numbers, times stay floats."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor

from course_utils.chains import check_law, check_states
from course_utils.shapes import Time, expand_path_time

__all__ = ["all_words", "check_posterior", "check_words", "one_hot", "word_grid", "word_number", "word_time"]


def all_words(letters: int, length: int) -> Integer[Tensor, "words length"]:
    """Every word, in the order of a dictionary, shape `(letters**length, length)`.

    Raises:
        ValueError: If there are no letters or no positions.

    Example:
        >>> words.all_words(2, 2).tolist()
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    if letters < 1 or length < 1:
        raise ValueError(f"expected at least one letter and one position, got {letters} and {length}")
    return torch.cartesian_prod(*[torch.arange(letters)] * length).reshape(-1, length)


def word_number(x: Integer[Tensor, "*batch length"], letters: int) -> Integer[Tensor, "*batch"]:
    """The row of each word in `all_words(letters, length)`, shape (...).

    Raises:
        ValueError: If a letter is not one of 0 to letters - 1.

    Example:
        >>> words.word_number(torch.tensor([[0, 1], [1, 0]]), 2)
        tensor([1, 2])
    """
    check_states(x, letters, "letters")
    return (x * letters ** torch.arange(x.shape[-1] - 1, -1, -1)).sum(-1)


def one_hot(x: Integer[Tensor, "*batch"], states: int, like: Tensor) -> Float[Tensor, "*batch states"]:
    """The laws that are certain of each letter, in the type of `like`.

    Example:
        >>> words.one_hot(torch.tensor([2, 0]), 3, like=torch.empty(0))
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    return F.one_hot(x.long(), states).to(like)


def word_time(t: Time | None, x: Tensor) -> Tensor:
    """A time for words, which is never cut to the letters' type: float64, on the CPU, shape () or (batch, 1).

    In this precision h / (1 - t) is exactly 1 on the last step of any grid. Laws may be float32 and lie elsewhere.

    Args:
        t: Time from 0 to 1, a number or shape () or (batch,).
        x: Words, shape (batch, length).

    Raises:
        ValueError: If there is none, a time lies outside 0 to 1, or its shape does not fit.

    Example:
        >>> words.word_time(torch.tensor([0.5, 0.25]), torch.tensor([[1, 2, 3], [4, 5, 6]]))
        tensor([[0.5000],
                [0.2500]], dtype=torch.float64)
    """
    if t is None:
        raise ValueError("expected a time t: only with masks the posterior does not depend on it, got None")
    return expand_path_time(t, torch.empty(x.shape, dtype=torch.float64))


def word_grid(ts: Tensor, from_noise: bool = False) -> Float[Tensor, " times"]:
    """A grid of times for words, in float64 whatever it was.

    Args:
        ts: Increasing times from 0 to 1, shape (steps+1,).
        from_noise: Whether it has to begin at 0, where there is nothing but noise.

    Raises:
        ValueError: If there is no step, the times do not increase, leave 0 to 1, or begin later than they should.

    Example:
        >>> words.word_grid(torch.tensor([0, 1]))
        tensor([0., 1.], dtype=torch.float64)
    """
    ts = torch.as_tensor(ts, dtype=torch.float64)
    if ts.ndim != 1 or len(ts) < 2:
        raise ValueError(f"expected a time grid of shape (steps+1,) with at least one step, got {tuple(ts.shape)}")
    if not ((ts.diff() > 0).all() and ts[0] >= 0 and ts[-1] <= 1):
        raise ValueError(f"expected increasing times from 0 to 1, got {[round(t, 6) for t in ts.tolist()]}")
    if from_noise and ts[0] > 0:
        raise ValueError(f"expected a grid that begins at 0, where words are noise, got {ts[0].item():g}")
    return ts


def check_words(x: Tensor, states: int, mask: int | None = None) -> None:
    """Refuse what are no words.

    Args:
        x: Words, shape (batch, length).
        states: Number of letters that there may be, the mask included.
        mask: The mask, where one may stand; it is named in the sentence.

    Raises:
        ValueError: If `x` has another shape, holds other numbers than whole ones, or a letter that there is not.

    Example:
        >>> words.check_words(torch.tensor([[0, 7]]), 5)
        Traceback (most recent call last):
        ValueError: expected letters from 0 to 4, got 0 to 7
    """
    if x.ndim != 2:
        raise ValueError(f"expected words of shape (batch, length), got {tuple(x.shape)}")
    check_states(x, states, "letters" if mask is None else f"letters (the mask is {mask})")


def check_posterior(post: Tensor, x: Tensor) -> None:
    """Refuse what is no law for each letter of `x`.

    Raises:
        ValueError: If `post` is not of shape (batch, length, letters), or not a law in each position.

    Example:
        >>> words.check_posterior(torch.ones(1, 2, 3), torch.zeros(1, 2, dtype=torch.int64))
        Traceback (most recent call last):
        ValueError: expected a posterior whose probabilities sum to 1, got the sum 3
    """
    if post.ndim != 3 or post.shape[:2] != x.shape:
        raise ValueError(f"expected a posterior of shape {(*x.shape, 'letters')}, got {tuple(post.shape)}")
    check_law(post, "posterior")
