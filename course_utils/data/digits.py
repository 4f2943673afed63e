"""The handwritten digits of MNIST: all of them, or the 5,000 that come with the course."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor

from course_utils.data.downloads import mnist_files

__all__ = ["Digits", "mnist", "parse_idx"]

FIVE_THOUSAND = Path(__file__).parents[1] / "assets" / "mnist_5000.png"
"""Digits that need no network: one a row, row i shows i mod 10."""


@dataclass(frozen=True, repr=False)
class Digits:
    """Handwritten digits.

    Attributes:
        images: Pixels in [-1, 1] (x / 127.5 - 1: background -1, ink 1), float32, shape (n, 1, 28, 28).
        labels: The digits written, 0 to 9, int64, shape (n,).
        source: Which data this is, in words.

    Example:
        >>> data.Digits(torch.zeros(3, 1, 28, 28), torch.tensor([3, 1, 4]), "blank paper")
        Digits(3 images, blank paper)
    """

    images: Float[Tensor, "n 1 28 28"]
    labels: Int[Tensor, " n"]
    source: str

    def __repr__(self) -> str:
        return f"Digits({len(self):,} images, {self.source})"

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def name(self) -> str:
        """Which data this is, wherever it lay: what stands in the card of a model.

        Example:
            >>> data.mnist("test", source="offline").name
            'offline test split, 500 of the 5,000 real digits of the course'
        """
        kind, split, *_ = [*self.source.split(), ""]
        return f"all {len(self):,} digits of MNIST's {split} set" if kind == "full" else self.source


def mnist(split: str = "train", source: str = "auto") -> Digits:
    """MNIST, pixels mapped to [-1, 1].

    The offline digits are the first 500 of each class of MNIST's training set: 450 of each are "train", 50 "test", and
    the classes take turns (0, 1, ..., 9, 0, ...). What was trained on the full training set has seen them all: never
    test it on the offline ones.

    Args:
        split: "train" (full 60,000, offline 4,500) or "test" (full 10,000, offline 500).
        source: "full": all of MNIST, from `COURSE_DATA`, the cache or a mirror. "offline": the 5,000 real digits that
            come with the course. "auto": full where it can be had, else offline; one printed line says which. Without
            a network that takes at most `FIRST_BYTE` seconds a mirror, 8 in all; a slow one has `TOTAL` a file.

    Raises:
        ValueError: If `split` or `source` is unknown, or a file in `COURSE_DATA` is missing or broken.
        ConnectionError: If "full" is neither in the cache nor to be had from a mirror.

    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits.

    Example:
        >>> data.mnist("test", source="offline").labels[:12].tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    """
    if split not in ("train", "test"):
        raise ValueError(f'expected split "train" or "test", got {split!r}')
    if source not in ("auto", "full", "offline"):
        raise ValueError(f'expected source "auto", "full" or "offline", got {source!r}')
    if source == "offline":
        return _offline(split)
    try:
        digits = _full(split)
        other = 'source="offline" gives the 5,000 digits that need no network'
    except ConnectionError:
        if source == "full":
            raise
        other = "no mirror could be used; for all 70,000 go online, or set COURSE_DATA to a folder with the four files"
        digits = _offline(split)
    if source == "auto":
        print(f"MNIST: {digits.source} ({other})")
    return digits


def parse_idx(content: bytes, ndim: int) -> np.ndarray:
    """The array of unsigned bytes in an IDX file: magic number 0x800 + ndim, the big-endian dimensions, the values.

    Raises:
        ValueError: If the magic number is another, or the number of values is not what the dimensions say.

    Example:
        >>> data.parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 255]), ndim=1)
        array([  7, 255], dtype=uint8)
    """
    start = 4 * (1 + ndim)
    magic, *shape = np.frombuffer(content[:start].ljust(start, b"\xff"), ">u4").tolist()
    if magic != 0x800 + ndim:
        raise ValueError(f"expected an IDX file of {ndim}-dimensional bytes (magic {0x800 + ndim:#x}), got {magic:#x}")
    values = np.frombuffer(content, np.uint8)[start:]
    if values.size != math.prod(shape):
        raise ValueError(f"expected {shape} values in an IDX file, as its header says, got {values.size}")
    return values.reshape(shape)


def _digits(pixels: UInt8[np.ndarray, "n 28 28"], labels: Shaped[np.ndarray, " m"], source: str) -> Digits:
    if len(pixels) != len(labels):
        raise ValueError(f"expected as many labels as images, got {len(labels)} and {len(pixels)}")
    images = torch.from_numpy(pixels.astype(np.float32)).unsqueeze(1).div_(127.5).sub_(1)
    return Digits(images, torch.from_numpy(labels.astype(np.int64)), source)


@cache
def _five_thousand() -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    pixels = np.asarray(Image.open(FIVE_THOUSAND)).reshape(-1, 28, 28)
    return pixels, np.arange(len(pixels)) % 10


def _offline(split: str) -> Digits:
    rows = slice(4500) if split == "train" else slice(4500, None)
    pixels, labels = (array[rows] for array in _five_thousand())
    return _digits(pixels, labels, f"offline {split} split, {len(labels):,} of the 5,000 real digits of the course")


def _full(split: str) -> Digits:
    contents, origin = mnist_files()
    prefix = "train" if split == "train" else "t10k"
    pixels = parse_idx(contents[f"{prefix}-images-idx3-ubyte"], 3)
    labels = parse_idx(contents[f"{prefix}-labels-idx1-ubyte"], 1)
    return _digits(pixels, labels, f"full {split} set, {len(labels):,} digits from {origin}")
