"""What holds of every entry: the numbers of the contest, and the form of an answer."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

__all__ = ["ROWS", "RULES", "Rules", "as_bytes", "as_images", "check_images", "labels_of"]

ROWS = 250
"""Labels that `sample` is asked for at a time: 0, 1, ..., 9, 0, ..."""
TOLERANCE = 1e-5
"""By how much rounding may carry a pixel out of [-1, 1]."""


@dataclass(frozen=True)
class Rules:
    """The numbers of the contest.

    Attributes:
        leagues: Evaluations of a network an image, at most.
        closed_forms: Work beyond those, in evaluations of the course's network, for draws, mixtures and maps.
        milliseconds: Processor time an image, at most.
        accuracy: Least share of images that the judge takes for the digit asked for.
        weights_bytes: Size of the file of weights.
        source_characters: Length of the Python file.
        constants_bytes: All numbers that come neither from that file nor from the generator.
        program_bytes: The operations of an entry, with all numbers in them.
        training_rows: Rows that networks may see in training: forward 1, with backward 3.
        nearness: Least distance to the nearest training digit, in that of real digits: copies are nearer.
        twins: Share of images that may have a twin among others drawn with other noise: a library repeats itself.

    Example:
        >>> contest.RULES.leagues, contest.RULES.milliseconds
        ((1.0, 2.0, 4.0), 2.0)
    """

    leagues: tuple[float, ...] = (1.0, 2.0, 4.0)
    closed_forms: float = 0.5
    milliseconds: float = 2.0
    accuracy: float = 0.97
    weights_bytes: int = 2_000_000
    source_characters: int = 100_000
    constants_bytes: int = 100_000
    program_bytes: int = 4_000_000
    training_rows: int = 400_000
    nearness: float = 0.5
    twins: float = 0.1


RULES = Rules()


def labels_of(n: int) -> Int[Tensor, " n"]:
    """The labels that are asked for: 0, 1, ..., 9, 0, ...

    Example:
        >>> contest.rules.labels_of(12)
        tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    return torch.arange(n) % 10


def check_images(images: object, n: int) -> Float[Tensor, "n 1 28 28"]:
    """The answer of `sample` if it has the form that is asked for.

    Raises:
        ValueError: If it is no tensor of n images of finite numbers from -1 to 1.

    Example:
        >>> contest.rules.check_images(torch.full((2, 1, 28, 28), 1.5), 2)
        Traceback (most recent call last):
        ValueError: expected numbers from -1 to 1 (clamp them), got 1.5 to 1.5
    """
    if not isinstance(images, Tensor) or not images.is_floating_point():
        got = f"a tensor of {images.dtype}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"expected a tensor of floating-point numbers from `sample`, got {got}")
    if images.shape != (n, 1, 28, 28):
        raise ValueError(f"expected images of shape {(n, 1, 28, 28)} from `sample`, got {tuple(images.shape)}")
    if not images.isfinite().all():
        bad = int((~images.isfinite()).sum())
        raise ValueError(f"expected finite numbers from `sample`, got {bad} that are NaN or infinite")
    low, high = images.min().item(), images.max().item()
    if low < -1 - TOLERANCE or high > 1 + TOLERANCE:
        raise ValueError(f"expected numbers from -1 to 1 (clamp them), got {low:.4g} to {high:.4g}")
    return images


def as_bytes(images: Float[Tensor, "n 1 28 28"]) -> UInt8[Tensor, "n 1 28 28"]:
    """Images as they are judged, like MNIST's own: whole numbers, paper 0, ink 255.

    Example:
        >>> contest.as_bytes(torch.full((1, 1, 28, 28), 1.5)).unique()
        tensor([255], dtype=torch.uint8)
    """
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def as_images(pixels: UInt8[Tensor, "n 1 28 28"]) -> Float[Tensor, "n 1 28 28"]:
    """The images in [-1, 1] of `as_bytes`.

    Example:
        >>> contest.as_images(torch.zeros(1, 1, 28, 28, dtype=torch.uint8)).unique()
        tensor([-1.])
    """
    return pixels.float() / 127.5 - 1
