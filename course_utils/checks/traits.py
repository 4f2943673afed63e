"""Traits of wrong results: what one shows of itself, whatever mistake is behind it.

A mistake is found by its values; a trait is a property that many mistakes share, such as "all but the sign is right".
Its sentence is true of every result that has it, and says where to look.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["GENERAL", "SHAPES", "Compared", "Trait", "Values", "close", "no_infinities", "wrong_only"]

Values = dict[str, Tensor]

CLOSE = 1e-7
"""Relative differences below this are rounding."""


NEARLY = 1e-3
"""Relative differences below this are no other formula, but something small in the right one."""


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

    @property
    def alike(self) -> bool:
        """Whether both hold numbers of the same names, shapes and types."""
        return all(
            name in self.given and self.given[name].shape == value.shape and self.given[name].dtype == value.dtype
            for name, value in self.expected.items()
        )

    def right(self, name: str) -> bool:
        """Whether the value of this name is the one expected."""
        return close(self.given[name], self.expected[name])

    def flat(self) -> tuple[Tensor, Tensor]:
        """All numbers that were given, and all that were expected."""
        return _all(self.given, self.expected), _all(self.expected, self.expected)


@dataclass(frozen=True)
class Trait:
    """A property of a wrong result.

    Attributes:
        name: A few words.
        holds: Whether a result has it.
        message: What a student reads whose result has it; never the answer.
    """

    name: str
    holds: Callable[[Compared], bool]
    message: str


def _all(values: Values, names: Iterable[str]) -> Tensor:
    return torch.cat([values[name].flatten().double() for name in names])


def close(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors agree, up to rounding; not finite ones never do."""
    scale = b.abs().max().item() if b.numel() else 0.0
    return bool(((a - b).abs() <= CLOSE * scale).all())


def no_infinities(values: Values) -> Values:
    """The values with nan for whatever is infinite: which of the two a division by 0 gives depends on the formula."""
    return {name: value.where(value.isfinite(), torch.nan) for name, value in values.items()}


# of any result


def _nearly(pair: Compared) -> bool:
    """Whether all values are right but for one part in a thousand of the largest number in each."""
    gaps = [(pair.given[name] - value).abs().max() / value.abs().max() for name, value in pair.expected.items()]
    return bool(torch.stack(gaps).max() < NEARLY)


def _by_a_factor(pair: Compared) -> bool:
    given, expected = pair.flat()
    if (expected != 0).sum() < 2 or not given.isfinite().all():
        return False
    factor = (given @ expected) / (expected @ expected)
    return bool(factor.abs() > CLOSE) and close(given, factor * expected)


def _not_finite(pair: Compared) -> bool:
    given, expected = pair.flat()
    finite = given.isfinite()
    return bool(finite.any()) and not finite.all() and close(given[finite], expected[finite])


def _in_another_order(pair: Compared) -> bool:
    given, expected = pair.flat()
    return len(given) > 2 and close(given.sort().values, expected.sort().values)


def _by_a_constant(pair: Compared) -> bool:
    given, expected = pair.flat()
    gap = given - expected
    return len(gap) > 1 and bool(gap[0].abs() > CLOSE) and close(gap, gap[:1].expand_as(gap))


GENERAL = [
    Trait(
        "not finite in places",
        _not_finite,
        "every number that is finite is right. Where the others stand, do you divide by something that is 0 there, or "
        "take the root of a number that is negative, if only by rounding? The right result has a value there.",
    ),
    Trait(
        "not finite, and wrong",
        lambda pair: not pair.flat()[0].isfinite().all(),
        "some numbers are infinite or nan, and others are wrong as well. Which part of what you divide by can be 0, or "
        "which root or logarithm is taken of a negative number? Should that part be there at all?",
    ),
    Trait("wrong sign", lambda pair: close(-pair.flat()[0], pair.flat()[1]), "all is right but the sign of the whole."),
    Trait(
        "a factor",
        _by_a_factor,
        "all numbers are wrong by one and the same factor: which factor is missing, or one too many?",
    ),
    Trait(
        "nearly right",
        _nearly,
        "all numbers are nearly right. Is a small number added somewhere, such as to a denominator, is something "
        "clamped or rounded, or computed with fewer digits?",
    ),
    Trait("wrong order", _in_another_order, "these are the right numbers, but at other places."),
    Trait(
        "a constant", _by_a_constant, "one and the same number is missing from all entries, or one too many is there."
    ),
    Trait(
        "signs lost",
        lambda pair: close(pair.flat()[0].abs(), pair.flat()[1].abs()),
        "the sizes of all numbers are right, the signs of some are not.",
    ),
]
"""What is said of any exercise."""


# of results of another shape


def _shapes(pair: Compared) -> list[tuple[torch.Size, torch.Size]]:
    """Shapes given and expected, of the values that differ in them."""
    both = [(pair.given[name].shape, value.shape) for name, value in pair.expected.items()]
    return [(given, expected) for given, expected in both if given != expected]


def _of_shapes(name: str, holds: Callable[[torch.Size, torch.Size], bool], message: str) -> Trait:
    return Trait(name, lambda pair: bool(_shapes(pair)) and all(holds(*shapes) for shapes in _shapes(pair)), message)


SHAPES = [
    _of_shapes(
        "one number a state",
        lambda given, expected: given == expected[:1],
        "one number a state came back: is something summed, or taken as a norm, over the coordinates of a state?",
    ),
    _of_shapes(
        "one number", lambda given, expected: not given, "a single number came back: what is summed, and over what?"
    ),
    _of_shapes(
        "axes of length 1",
        lambda given, expected: [n for n in given if n > 1] == [n for n in expected if n > 1],
        "only axes of length 1 differ: one is missing, or one too many.",
    ),
    _of_shapes(
        "axes exchanged",
        lambda given, expected: sorted(given) == sorted(expected),
        "the axes are in another order: batch first.",
    ),
    _of_shapes(
        "too few axes",
        lambda given, expected: len(given) < len(expected),
        "there are too few axes: along which is something summed, or picked?",
    ),
    _of_shapes(
        "too many axes",
        lambda given, expected: len(given) > len(expected),
        "there are too many axes. Were two tensors broadcast against each other whose shapes do not fit, or is a sum "
        "missing?",
    ),
]
"""What is said of results of the wrong shape."""


# of results that consist of several values


def wrong_only(*names: str, message: str) -> Trait:
    """The trait that of several values these alone are wrong."""

    def holds(pair: Compared) -> bool:
        return {name for name in pair.expected if not pair.right(name)} == set(names)

    return Trait(f"only {' and '.join(names)}", holds, message)
