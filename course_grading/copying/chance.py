"""How likely two students write the same by chance: an urn for each exercise, filled by the rest of the class.

The model is Hoppe's urn (Blackwell and MacQueen 1973; Ewens 1972): whoever answers writes a form that others of the
class wrote, in proportion to how many did, or a new one with weight theta. Theta follows from how many forms the others
have: three lines that everybody writes alike have a small one, twenty lines of which no two are alike a large one.
"""

import functools
import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

EXPECTED = 0.05
"""Pairs as alike as the last one listed, or more, that a class of independent students has on average."""

LEAST = 8
"""Answers of others without which an urn knows nothing."""


class Form(NamedTuple):
    """What an answer is in an urn.

    Attributes:
        shape: Its form.
        status: Such as "right"; empty where nobody has graded.
    """

    shape: str
    status: str = ""


@functools.lru_cache(maxsize=100_000)
def theta(n: int, kinds: int) -> float:
    """The weight of a new form, from n answers of so many forms: sum_i theta / (theta + i) is nearly that number.

    It is less by (kinds - 1) / (2 n - 2): so theta is about n^2 where no two are alike, and 0 where all are.

    Args:
        n: Answers, at least 2.
        kinds: Different forms, from 1 to n.
    """
    wanted = kinds - (kinds - 1) / (2 * n - 2)
    below, above = math.log(1e-9), math.log(1e3 * n * n)
    indices = np.arange(n)
    for _ in range(60):
        middle = (below + above) / 2
        weight = math.exp(middle)
        if (weight / (weight + indices)).sum() < wanted:
            below = middle
        else:
            above = middle
    return math.exp(below)


class Urn:
    """The answers of a class to one exercise.

    Args:
        forms: One for each student who has answered.
    """

    def __init__(self, forms: Iterable[Form]):
        self.counts = Counter(forms)
        self.n = self.counts.total()
        self.of_status = Counter(form.status for form in self.counts.elements())
        self.kinds = Counter(form.status for form in self.counts)

    def share(self, mine: Form, theirs: Form) -> float:
        """The chance that somebody answers as I did, as far as all others of the class tell.

        Args:
            mine: My form.
            theirs: The form of the one who is compared with me, and not counted, as I am not.

        Returns:
            Of a status as mine, times of a form as mine among these; 1 where too few others have answered.
        """
        others, alike = self.n - 2, self.counts[mine] - 1 - (mine == theirs)
        if others < LEAST:
            return 1.0
        status = self.of_status[mine.status] - 1 - (mine.status == theirs.status)
        kinds = self._kinds(mine, theirs, {mine.status})
        if status < LEAST:  # of too few: how varied they are is told by all
            weight = theta(others, max(1, self._kinds(mine, theirs, set(self.kinds))))
        else:
            weight = theta(status, max(1, kinds))
        of_status = (status + 1) / (others + len(self.of_status))
        return of_status * (alike + 1) / (status + 1 + weight)

    def _kinds(self, mine: Form, theirs: Form, of: set[str]) -> int:
        """How many forms the others have, of some statuses."""
        gone = [form for form in {mine, theirs} if self.counts[form] == (mine, theirs).count(form)]
        return sum(self.kinds[status] for status in of) - sum(form.status in of for form in gone)


def chance(shares: Iterable[float], least: float) -> float:
    """The probability that independent matches are as surprising together as was seen, or more.

    Args:
        shares: For each exercise the probability of a match; its surprise, if it happens, is -log2 of that.
        least: The sum of surprises that was seen, in bits.
    """
    bits, masses = np.zeros(1), np.ones(1)
    for share in (share for share in shares if share < 1):
        bits = np.concatenate([bits, bits - math.log2(share)])
        masses = np.concatenate([masses * (1 - share), masses * share])
    return float(masses[bits >= least - 1e-9].sum())
