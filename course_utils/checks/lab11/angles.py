"""What all exercises with angles share: wrapping, written apart from the package, and what students take for it."""

import math

import torch
from torch import Tensor

from course_utils.checks.traits import Compared, close

__all__ = ["BRACKETS", "HALF", "WHOLE", "but_for_whole_turns", "by_brackets", "by_fmod", "from_0", "short"]

HALF = math.pi
WHOLE = 2 * math.pi


def short(angles: Tensor) -> Tensor:
    """The same angles from -pi to pi."""
    return torch.atan2(angles.sin(), angles.cos())


def from_0(angles: Tensor) -> Tensor:
    """The same angles from 0 to 2 pi."""
    return torch.remainder(angles, WHOLE)


def by_fmod(angles: Tensor) -> Tensor:
    """A remainder with the sign of the angle: below -pi it is no wrapping."""
    return torch.fmod(angles + HALF, WHOLE) - HALF


def by_brackets(angles: Tensor) -> Tensor:
    """What `(a + pi) % 2 * pi - pi` means to Python."""
    return torch.remainder(angles + HALF, 2) * HALF - HALF


BRACKETS = "brackets: in Python a % 2 * b is (a % 2) * b, so that the angles are not wrapped, but other ones."


def but_for_whole_turns(name: str, pair: Compared) -> bool:
    """Whether the angles of this name are wrong, but right up to whole turns."""
    given, expected = pair.given[name], pair.expected[name]
    return not close(given, expected) and bool((short(given - expected).abs() < 1e-7).all())
