"""Traits of wrong results: what one shows of itself, whatever mistake is behind it.

A mistake is found by its values; a trait is a property that many mistakes share, such as "all but the sign is right".
Its sentence is true of every result that has it, and says where to look.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

__all__ = ["CLOSE", "Compared", "Trait", "Values", "close", "wrong_only"]

Values = dict[str, Tensor]

CLOSE = 1e-7
"""Relative differences below this are rounding."""


@dataclass(frozen=True)
class Compared:
    """A wrong result beside the right one.

    Attributes:
        given: What the answer gave.
        expected: What the oracle gave.
        of: From a function with the student's signature to what it gives in this case, read in the same way.
    """

    given: Values
    expected: Values
    of: Callable[[Callable], Values]

    def right(self, name: str) -> bool:
        """Whether the value of this name is the one expected."""
        return close(self.given[name], self.expected[name])


@dataclass(frozen=True)
class Trait:
    """A property of a wrong result.

    Attributes:
        name: A few words.
        holds: Whether a result has it.
        message: What a student reads whose result has it; never the answer.
        vague: Whether it says little, so that it is said where nothing else is known.
    """

    name: str
    holds: Callable[[Compared], bool]
    message: str
    vague: bool = False


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors agree, up to rounding; not finite ones never do, nor those of other shapes."""
    if a.shape != b.shape:
        return False
    scale = b.abs().max().item() if b.numel() else 0.0
    return bool(((a - b).abs() <= CLOSE * scale).all())


def wrong_only(*names: str, message: str) -> Trait:
    """The trait that of several values these alone are wrong."""

    def holds(pair: Compared) -> bool:
        return {name for name in pair.expected if not pair.right(name)} == set(names)

    return Trait(f"only {' and '.join(names)}", holds, message)
