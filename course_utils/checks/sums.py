"""Traits of results that should be a sum of parts, each with a factor: which of the factors is wrong, and how."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from course_utils.checks.traits import Compared, Trait, Values, close

__all__ = ["as_one", "combination", "listed"]

Holds = Callable[[Tensor, Tensor], bool]
"""Whether something is so of the factors that were given and those expected, each of shape (sums, parts)."""

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
    """The parts, how they are read, and the name of the value that should be their sum."""

    parts: tuple[Callable, ...]
    read: Callable[[Tensor], Tensor]
    of: str

    def names(self, pair: Compared) -> list[str]:
        """The values that are meant: of those that are finite, if any of these is wrong."""
        names = [name for name in pair.expected if name.startswith(self.of)]
        finite = [name for name in names if bool(pair.given[name].isfinite().all())]
        return names if all(map(pair.right, finite)) else finite

    def is_wrong(self, pair: Compared) -> bool:
        """Whether the values that are meant are wrong, but finite, and enough for the factors to be found."""
        names = self.names(pair)
        if not names or any(self.read(pair.expected[name]).shape[1] <= len(self.parts) for name in names):
            return False
        return not all(map(pair.right, names)) and all(bool(pair.given[name].isfinite().all()) for name in names)

    def factors(self, pair: Compared, values: Values) -> Tensor | None:
        """The factors of the parts in each sum, shape (sums, parts); None if it is no such sum."""
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
        """Whether a wrong result is no sum of the parts at all."""
        return self.is_wrong(pair) and self.factors(pair, pair.given) is None


def combination(
    parts: dict[str, Callable],
    *,
    of: str = "",
    where: str = "",
    total: str | None = "each state",
    read: Callable[[Tensor], Tensor] = _states,
) -> list[Trait]:
    """Traits of a result that should be the sum of some parts, each with a factor that may differ between sums.

    Args:
        parts: The parts by name, as functions with the student's signature that are read like the answer.
        of: What the names of the values that are meant begin with; by default all are meant.
        where: What a sentence begins with, such as "in the score, ".
        total: What should be the sum, in words; None if nothing is said of what is no such sum.
        read: From a value to the sums in it: shape (sums, numbers of each, more than there are parts).
    """
    both = listed(list(parts))
    fit = _Fit(tuple(parts.values()), read, of)
    traits = [
        (f"{both}: sign", lambda given, expected: close(-given, expected), "all is right but the sign of the whole"),
        (
            f"factors of {both} exchanged",
            lambda given, expected: given.shape[1] == 2 and close(given.flip(1), expected),
            f"{both} have changed places",
        ),
        (
            f"{both}: common factor",
            _proportional,
            f"{both} enter in the right proportion, but {'both' if len(parts) == 2 else 'all'} are too large or too "
            "small by the same factor",
        ),
        *_entering(tuple(parts)),
    ]
    *found, last = [Trait(f"{where}{name}", fit.holds(which), f"{where}{words}.") for name, which, words in traits]
    found.append(replace(last, vague=True))
    if total:
        terms = " plus ".join(f"some number times {name}" for name in parts)
        no_sum = f"{where}{total} should be {terms}; yours is not."
        found.append(Trait(f"{where}no sum of {both}", fit.is_no_sum, no_sum))
    return found


def as_one(value: Tensor) -> Tensor:
    """A value as one sum: where the factors are the same for all states."""
    return value.reshape(1, -1)


def listed(names: list[str]) -> str:
    """Names in words: "x, y and z"."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _proportional(given: Tensor, expected: Tensor) -> bool:
    return bool(given.any()) and close(given[:, :1] * expected, given * expected[:, :1])


def _entering(parts: tuple[str, ...]) -> Iterator[tuple[str, Holds, str]]:
    """Every way in which the parts may enter wrongly: name, condition and words."""
    for ways in product(HOW, repeat=len(parts)):
        if set(ways) != {"right"}:
            entering = list(zip(parts, ways, strict=True))
            words = "; ".join(HOW[way][1].format(part) for part, way in entering)
            yield ", ".join(f"{part} {way}" for part, way in entering), _each([HOW[way][0] for way in ways]), words


def _each(ways: list[Holds]) -> Holds:
    """Whether each part enters in its way."""
    return lambda given, expected: all(way(given[:, i], expected[:, i]) for i, way in enumerate(ways))
