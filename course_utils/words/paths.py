"""Paths from noise to a word: noise is the mask, or any letter."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Generator, Tensor

from course_utils.shapes import Time
from course_utils.words.base import WordPath, difference
from course_utils.words.letters import check_words, one_hot, word_time
from course_utils.words.steps import euler_law, unmask_law

__all__ = ["MaskPath", "UniformPath"]


class UniformPath(WordPath):
    """A noise letter is any of the letters, each equally likely: what is wrong can be mended until the end.

    Args:
        letters: Number v of letters.

    Raises:
        ValueError: If there are less than two letters.

    Example:
        >>> path = words.UniformPath(5)
        >>> path.states, path.mask, path.start((1, 3), torch.Generator().manual_seed(0))
        (5, None, tensor([[4, 4, 3]]))
    """

    def __init__(self, letters: int):
        super().__init__(letters, torch.full((max(letters, 1),), 1 / max(letters, 1), dtype=torch.float64))

    def start(self, shape: tuple[int, int], generator: Generator | None = None) -> Integer[Tensor, "batch length"]:
        return torch.randint(self.letters, shape, generator=generator, device=generator.device if generator else None)

    def euler(self, post: Tensor, x: Tensor, t: Time, t_next: Time) -> Tensor:
        return euler_law(post, x, t, difference(t_next, t))


class MaskPath(WordPath):
    """A noise letter is the mask, a token of its own: a letter that is out stays.

    Args:
        letters: Number v of letters; the mask is the token v.

    Raises:
        ValueError: If there are less than two letters.

    Example:
        >>> path = words.MaskPath(5)
        >>> path.states, path.mask
        (6, 5)
    """

    def __init__(self, letters: int):
        super().__init__(letters, F.one_hot(torch.tensor(letters), letters + 1).double())
        self.mask: int = letters

    def start(self, shape: tuple[int, int], generator: Generator | None = None) -> Integer[Tensor, "batch length"]:
        return torch.full(shape, self.mask)

    def posterior(
        self,
        words: Integer[Tensor, "n length"],
        q: Float[Tensor, " n"],
        x: Integer[Tensor, "batch length"],
        t: Time | None = None,
    ) -> Float[Tensor, "batch length v"]:
        """As for `WordPath`, but no t is needed. Seen letters are certain, whatever the others are.

        Example:
            >>> z, q = torch.tensor([[0, 0], [1, 1]]), torch.tensor([0.25, 0.75])
            >>> words.MaskPath(2).posterior(z, q, torch.tensor([[2, 2], [2, 0]]))
            tensor([[[0.2500, 0.7500],
                     [0.2500, 0.7500]],
            <BLANKLINE>
                    [[1.0000, 0.0000],
                     [1.0000, 0.0000]]])
        """
        check_words(x, self.states, self.mask)
        if t is not None:
            word_time(t, x)
        post = one_hot(x, self.states, q)[..., : self.letters]
        open_words = (x == self.mask).any(1)
        post[open_words] = super().posterior(words, q, x[open_words], 0.5)
        return post

    def euler(self, post: Tensor, x: Tensor, t: Time, t_next: Time) -> Tensor:
        return unmask_law(post, x, t, t_next)

    def _target(self, post: Tensor, x: Tensor) -> Tensor:
        masked = (x == self.mask)[..., None]
        return torch.where(masked, F.pad(post, (0, 1)), one_hot(x, self.states, post))
