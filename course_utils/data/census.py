"""Names of the 1990 census of the United States."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from os.path import commonprefix
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from course_utils.data.letters import encode

__all__ = ["Names", "from_front_coded", "front_coded", "names"]

NAMES = Path(__file__).parents[1] / "assets" / "names.gz"
SHA_256 = {  # of the names, sorted, one a line, the last one without an end of line
    "family": "5cd6a1e8f40944c8f7c358b32f3cf5d8fcb2a5cfdfa4d13deed2b893fb5d751b",
    "women": "678a873680345bc9bd7ec753ad90f4d0cbc16b460b69100d419e27df1c4a5460",
    "men": "4fd0d5c9570e580a0f45470f018a34ab7cc2a58b23e6b23f883c5c7a94ad277c",
}
LENGTH = 10
SHARE = 0.7
"""Share of the family names that is there to learn from."""


@dataclass(frozen=True, repr=False)
class Names:
    """Names of 3 to 10 letters, in no order, each once. Letters as in `encode`.

    Attributes:
        train: Family names to learn from, int64, shape (60,312, 10).
        held_out: The other family names, shape (25,849, 10).
        women: First names of women that are not among the men's, shape (3,912, 10).
        men: First names of men that are not among the women's, shape (882, 10).

    Example:
        >>> data.Names(*data.encode(["SMITH", "MEYER", "MARY", "JOHN"]).split(1))
        Names(1 to learn from, 1 held out, 1 of women, 1 of men)
    """

    train: Int[Tensor, "train length"]
    held_out: Int[Tensor, "held_out length"]
    women: Int[Tensor, "women length"]
    men: Int[Tensor, "men length"]

    def __repr__(self) -> str:
        train, held_out, women, men = (f"{len(part):,}" for part in vars(self).values())
        return f"Names({train} to learn from, {held_out} held out, {women} of women, {men} of men)"


def names(seed: int = 0) -> Names:
    """86,161 family names of the 1990 census of the United States, and first names of women and of men.

    They come with the course and are in the public domain: a work of the federal government.

    Args:
        seed: Of the order, and so of what is held out.

    Raises:
        ValueError: If the file that holds them is damaged.

    Source: U.S. Census Bureau, Frequently occurring names from the 1990 census.

    Example:
        >>> names = data.names()
        >>> names
        Names(60,312 to learn from, 25,849 held out, 3,912 of women, 882 of men)
        >>> data.decode(names.train[:4])
        ['GORDILLO', 'MALITO', 'PIROSO', 'MANGIONE']
    """
    generator = torch.Generator().manual_seed(seed)
    family, women, men = (part[torch.randperm(len(part), generator=generator)] for part in _sorted())
    cut = int(len(family) * SHARE)
    return Names(family[:cut], family[cut:], women, men)


def front_coded(words: Iterable[str]) -> str:
    """Words in the order of their ends; of each, read backwards, only what differs from the one before.

    A small letter says how many letters of the word before are taken off (a: none), capitals follow that are added.
    """
    parts = []
    last = ""
    for word in sorted(word[::-1] for word in words):
        same = len(commonprefix([last, word]))
        parts.append(chr(ord("a") + len(last) - same) + word[same:])
        last = word
    return "".join(parts)


def from_front_coded(text: str) -> Iterator[str]:
    """The words of which `front_coded` made `text`, in the order of their ends."""
    word = ""
    for taken_off, added in re.findall("([a-z])([A-Z]*)", text):
        word = word[: len(word) - ord(taken_off) + ord("a")] + added
        yield word[::-1]


@cache
def _sorted() -> tuple[Tensor, Tensor, Tensor]:
    """Family names, and first names that only women or only men have."""
    family, women, men = _read(NAMES)
    first = [[name for name in one - other if 3 <= len(name) <= LENGTH] for one, other in ((women, men), (men, women))]
    return encode(sorted(family), LENGTH), encode(sorted(first[0]), LENGTH), encode(sorted(first[1]), LENGTH)


def _read(path: Path) -> list[set[str]]:
    """The three lists, each of which has to be the known one."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"expected {path} as a whole gzip file, got a damaged one ({error})") from error
    lists = [set(from_front_coded(line)) for line in lines]
    found = [hashlib.sha256("\n".join(sorted(part)).encode()).hexdigest() for part in lists]
    if found != list(SHA_256.values()):
        raise ValueError(f"expected names in {path} with the SHA-256 {SHA_256}, got {found}")
    return lists
