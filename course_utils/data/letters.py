"""Words as tensors of whole numbers, and back."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["BLANK", "LETTERS", "MASK", "decode", "encode"]

LETTERS = "·ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The 27 letters by their numbers. The first is the blank, which fills what a word leaves over."""
BLANK = 0
MASK = len(LETTERS)
"""Number of the mask, which is no letter; it is drawn `_`."""

SIGNS = LETTERS + "_"
NUMBERS = {sign: number for number, sign in enumerate(SIGNS)}


def encode(words: Sequence[str], length: int = 10) -> Int[Tensor, "words length"]:
    """Words as numbers: 1 to 26 for A to Z, 27 for a gap `_`, and 0, the blank, from the end of the word on.

    Args:
        words: Of the letters A to Z, `_` for a gap and `·` for a blank.
        length: Of all words, with their blanks.

    Returns:
        int64, shape (words, length).

    Raises:
        ValueError: If `words` is a single string, or a word has another sign in it or is longer than `length`.

    Example:
        >>> data.encode(["SMITH", "_A_SON"], length=7)
        tensor([[19, 13,  9, 20,  8,  0,  0],
                [27,  1, 27, 19, 15, 14,  0]])
    """
    if isinstance(words, str):
        raise ValueError(f"expected a list of words, such as [{words!r}], got the word itself")
    for word in words:
        other = [sign for sign in word if sign not in NUMBERS]
        if other:
            raise ValueError(f"expected words of the letters A to Z, _ for a gap, got {other[0]!r} in {word!r}")
        if len(word) > length:
            raise ValueError(f"expected at most {length} letters, got {word!r} with {len(word)}")
    rows = [[NUMBERS[sign] for sign in word] + [BLANK] * (length - len(word)) for word in words]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), length)


def decode(x: Tensor) -> list[str]:
    """The words that these numbers stand for, without the blanks after their end: what `encode` was given.

    Args:
        x: Whole numbers from 0 to 27, shape (words, length).

    Raises:
        ValueError: If a number is no letter, blank or mask, or `x` has another type or shape.

    Example:
        >>> data.decode(torch.tensor([[19, 13, 9, 20, 8, 0], [15, 0, 27, 20, 0, 0]]))
        ['SMITH', 'O·_T']
    """
    if x.ndim != 2 or x.is_floating_point() or x.is_complex() or x.dtype == torch.bool:
        raise ValueError(f"expected whole numbers of shape (words, length), got {x.dtype} of shape {tuple(x.shape)}")
    if x.numel() and not 0 <= x.min() <= x.max() <= MASK:
        raise ValueError(f"expected letters from 0 (blank) to {MASK} (mask), got {x.min()} to {x.max()}")
    return ["".join(SIGNS[number] for number in row).rstrip(SIGNS[BLANK]) for row in x.tolist()]
