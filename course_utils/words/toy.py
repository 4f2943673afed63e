"""Two small examples of which everything is known: words of three letters, and the board of Lab 2 as two letters."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.chains import check_law
from course_utils.shapes import Time
from course_utils.words.base import WordPath
from course_utils.words.exact import ExactWords
from course_utils.words.letters import all_words, check_words, word_time

__all__ = ["ExactPairs", "board_pairs", "toy_words"]

FIRST = (0.3, 0.1, 0.2, 0.25, 0.15)
NEXT = (0.02, 0.8, 0.1, 0.04, 0.04)
"""Laws of the toy's first letter, and of how far the next letter is on from one, around the alphabet."""


def toy_words(path: WordPath, mirrored: bool = False) -> ExactWords:
    """Words of three letters out of five, a Markov chain: 4.376 bits, each letter mostly followed by the next one.

    Args:
        path: A path with five letters.
        mirrored: Whether each letter is mostly followed by another one: the second class of words for guidance.

    Raises:
        ValueError: If the path has not five letters.

    Example:
        >>> exact = words.toy_words(words.MaskPath(5))
        >>> exact, round(chains.entropy(exact.q).item(), 4)
        (ExactWords(MaskPath(5), words=(125, 3)), 4.3765)
    """
    if path.letters != len(FIRST):
        raise ValueError(f"expected a path with {len(FIRST)} letters, got {path.letters}")
    steps = torch.tensor(NEXT, dtype=torch.float64)
    following = torch.stack([steps.roll(a) for a in range(path.letters)])
    if mirrored:
        following = following.flip(1)
    z = all_words(path.letters, 3)
    q = torch.tensor(FIRST, dtype=torch.float64)[z[:, 0]] * following[z[:, 0], z[:, 1]] * following[z[:, 1], z[:, 2]]
    return ExactWords(path, z, q)


class ExactPairs:
    """`ExactWords` for words of two letters, by products of matrices: quick enough for pictures of large alphabets.

    Args:
        path: A `MaskPath` or a `UniformPath` with v letters.
        joint: Probability of each pair, shape (v, v).

    Raises:
        ValueError: If `joint` is no law of pairs of the path's letters.

    Example:
        >>> pairs = words.ExactPairs(words.UniformPath(2), torch.tensor([[0.5, 0.0], [0.0, 0.5]]))
        >>> pairs.law(0.5)
        tensor([[0.3125, 0.1875],
                [0.1875, 0.3125]])
        >>> pairs.posterior(torch.tensor([[0, 0]]), 0.5)
        tensor([[[0.9000, 0.1000],
                 [0.9000, 0.1000]]])
    """

    length = 2

    def __init__(self, path: WordPath, joint: Float[Tensor, "v v"]):
        if joint.shape != (path.letters, path.letters):
            raise ValueError(f"expected a law of pairs, shape {(path.letters,) * 2}, got {tuple(joint.shape)}")
        check_law(joint.flatten())
        self.path = path
        self.joint = joint

    def __repr__(self) -> str:
        return f"ExactPairs({self.path})"

    @property
    def letters(self) -> int:
        """Number v of letters."""
        return self.path.letters

    def __call__(self, x: Tensor, t: Time | None = None) -> Tensor:
        """Logits, as from a network: the logarithm of the posterior."""
        return self.posterior(x, t).log()

    def posterior(self, x: Tensor, t: Time | None = None) -> Tensor:
        """Exact law of each clean letter; t of shape (), with masks none is needed. Seen letters are then certain.

        Raises:
            ValueError: If a letter is none of the path's states, or t is not one time from 0 to 1.
        """
        check_words(x, self.path.states, self.path.mask)
        first, second = self._chances(0.5 if self.path.mask else t)[:, x.T].permute(1, 2, 0)
        weights = torch.stack([first * (second @ self.joint.T), second * (first @ self.joint)], 1)
        if self.path.mask:
            seen = (x != self.path.mask)[..., None]
            weights = torch.where(seen, torch.stack([first, second], 1), weights)
        return weights / weights.sum(-1, keepdim=True)

    def law(self, t: float) -> Tensor:
        """Exact law p_t of all pairs, shape (states, states)."""
        chances = self._chances(t)
        return chances.T @ self.joint @ chances

    def _chances(self, t: Time | None) -> Tensor:
        """p_t(x^i = b | z^i = a), shape (v, states)."""
        at = word_time(t, torch.empty(0, 2)).reshape(())
        stays = torch.eye(self.path.letters, self.path.states, dtype=torch.float64)
        return (at * stays + (1 - at) * self.path.noise_law).to(self.joint)


def board_pairs(path: WordPath, squares: int = 4) -> ExactPairs:
    """The checkerboard of Lab 2 as words of two letters, row and column, uniform on the dark squares.

    Args:
        path: A path whose number of letters is a multiple of `squares`.
        squares: Squares along one side, an even number.

    Raises:
        ValueError: If the squares do not divide the letters, or there is no even number of them.

    Source: the checkerboard of the library flow_matching, "Discrete flow matching" example.

    Example:
        >>> board = words.board_pairs(words.UniformPath(32))
        >>> board.joint.count_nonzero().item(), 1 / board.joint.max().item()
        (512, 512.0)
    """
    if squares < 2 or squares % 2 or path.letters % squares:
        raise ValueError(f"expected an even number of squares that divides {path.letters}, got {squares}")
    square = torch.arange(path.letters) * squares // path.letters
    dark = ((square[:, None] + square) % 2 == 0).double()
    return ExactPairs(path, dark / dark.sum())
