"""Traits of results that should be a sum of two parts, each with a factor: which of the factors is wrong, and how."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from course_utils.checks.traits import Compared, Trait, Values, close

__all__ = ["combination"]

Holds = Callable[[Tensor, Tensor], bool]
"""Whether something is so of the factors that were given and those expected, each of shape (sums, 2)."""

HOW: dict[str, tuple[Holds, str]] = {
    "right": (lambda given, expected: close(given, expected), "{} enters as it should"),
    "missing": (lambda given, expected: close(expected + given, expected), "{} does not enter at all"),
    "sign": (lambda given, expected: close(-given, expected), "{} enters with the wrong sign"),
    "factor": (lambda given, expected: True, "look at all that {} is multiplied or divided by"),
}
"""How one part may enter: whether its factors say so, and the words."""


def _states(value: Tensor) -> Tensor:
    return value.flatten(1)


@dataclass(frozen=True)
class _Fit:
    """The two parts, how they are read, and the name of the value that should be their sum."""

    parts: tuple[Callable, ...]
    read: Callable[[Tensor], Tensor]
    of: str

    def names(self, pair: Compared) -> list[str]:
        return [name for name in pair.expected if name.startswith(self.of)]

    def is_wrong(self, pair: Compared) -> bool:
        """Whether the values that are meant are wrong, but finite."""
        names = self.names(pair)
        return not all(map(pair.right, names)) and all(bool(pair.given[name].isfinite().all()) for name in names)

    def factors(self, pair: Compared, values: Values) -> Tensor | None:
        """The factors of the two parts in each sum, shape (sums, 2); None if it is no such sum."""
        vectors = [pair.of(part) for part in self.parts]
        found = []
        for name in self.names(pair):
            rows = torch.stack([self.read(vector[name]) for vector in vectors], 2)
            wanted = self.read(values[name])[..., None]
            if not wanted.isfinite().all():
                return None
            factors = torch.linalg.lstsq(rows, wanted).solution
            if not close(rows @ factors, wanted):
                return None
            found.append(factors[..., 0])
        return torch.cat(found)

    def holds(self, which: Holds) -> Callable[[Compared], bool]:
        """Whether something holds of the factors of a wrong result."""

        def trait(pair: Compared) -> bool:
            if not self.is_wrong(pair):
                return False
            given = self.factors(pair, pair.given)
            expected = self.factors(pair, pair.expected)
            return given is not None and expected is not None and which(given, expected)

        return trait

    def is_no_sum(self, pair: Compared) -> bool:
        """Whether a wrong result is no sum of the two parts at all."""
        return self.is_wrong(pair) and self.factors(pair, pair.given) is None


def combination(
    parts: dict[str, Callable],
    *,
    of: str = "",
    where: str = "",
    total: str = "each state",
    read: Callable[[Tensor], Tensor] = _states,
) -> list[Trait]:
    """Traits of a result that should be the sum of two parts, each with a factor that may differ between states.

    Args:
        parts: The two parts by name, as functions with the student's signature that are read like the answer.
        of: What the names of the values that are meant begin with; by default all are meant.
        where: What a sentence begins with, such as "in the score, ".
        total: What should be the sum, in words.
        read: From a value to the sums in it: shape (sums, numbers of each, at least 3).
    """
    first, second = parts
    both = f"{first} and {second}"
    fit = _Fit(tuple(parts.values()), read, of)

    def trait(name: str, which: Holds, words: str) -> Trait:
        return Trait(f"{where}{name}", fit.holds(which), f"{where}{words}.")

    return [
        trait(
            f"{both}: sign", lambda given, expected: close(-given, expected), "all is right but the sign of the whole"
        ),
        trait(
            f"factors of {both} exchanged",
            lambda given, expected: close(given.flip(1), expected),
            f"{both} have changed places",
        ),
        trait(
            f"{both}: common factor",
            _proportional,
            f"{both} enter in the right proportion, but both are too large or too small by the same factor",
        ),
        *(trait(*entering) for entering in _entering(first, second)),
        Trait(
            f"{where}no sum of {both}",
            fit.is_no_sum,
            f"{where}{total} should be some number times {first} plus some number times {second}; yours is not.",
        ),
    ]


def _proportional(given: Tensor, expected: Tensor) -> bool:
    return bool(given.any()) and close(given[:, 0] * expected[:, 1], given[:, 1] * expected[:, 0])


def _entering(first: str, second: str) -> Iterator[tuple[str, Holds, str]]:
    """Every way in which the two parts may enter wrongly: name, condition and words."""
    for one, two in product(HOW, HOW):
        if (one, two) != ("right", "right"):
            words = f"{HOW[one][1].format(first)}; {HOW[two][1].format(second)}"
            yield f"{first} {one}, {second} {two}", _both(HOW[one][0], HOW[two][0]), words


def _both(one: Holds, two: Holds) -> Holds:
    return lambda given, expected: one(given[:, 0], expected[:, 0]) and two(given[:, 1], expected[:, 1])
