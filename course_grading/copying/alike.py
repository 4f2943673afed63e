"""Which pairs of a class are more alike than its exercises explain, and which groups they make."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from course_grading.copying.chance import EXPECTED, Form, Urn, chance

Class = Mapping[str, Mapping[str, "Answer"]]
"""By student and exercise."""


@dataclass(frozen=True)
class Answer:
    """One exercise of one student.

    Attributes:
        form: What its code is without names and layout.
        source: As it was written.
        status: Such as "right"; empty where nobody has graded.
        known: Whether its form is the solution's, or one of the package.
    """

    form: str
    source: str = ""
    status: str = ""
    known: bool = False

    @property
    def drawn(self) -> Form:
        """What it is in an urn."""
        return Form(self.form, self.status)


@dataclass(frozen=True)
class Match:
    """An exercise that two answered alike.

    Attributes:
        exercise: Name of its function.
        bits: How surprising that is.
        others: How many others of the class did, too.
    """

    exercise: str
    bits: float
    others: int


@dataclass(frozen=True)
class Pair:
    """Two students who are alike.

    Attributes:
        students: Their names, sorted.
        matches: What they answered alike, the most surprising first.
        expected: Pairs so alike, or more, that a class of independent students has on average.
    """

    students: tuple[str, str]
    matches: tuple[Match, ...]
    expected: float


def urns(group: Class) -> dict[str, Urn]:
    """The answers of the class, by exercise."""
    forms = defaultdict(list)
    for found in group.values():
        for exercise, answer in found.items():
            forms[exercise].append(answer.drawn)
    return {exercise: Urn(some) for exercise, some in forms.items()}


def alike(group: Class, most: float = EXPECTED) -> list[Pair]:
    """The pairs that stand out, the most alike first.

    Args:
        group: Everybody's answers.
        most: How many pairs a class of independent students may have in this list on average.
    """
    filled = urns(group)
    count = math.comb(len(group), 2)
    found = (_pair(names, group, filled, count) for names in _candidates(group, filled, count / most))
    return sorted((pair for pair in found if pair.expected <= most), key=lambda pair: (pair.expected, pair.students))


def _candidates(group: Class, filled: Mapping[str, Urn], pairs: float) -> set[tuple[str, str]]:
    """Pairs with a match so surprising that all matches together can be enough: log2 of the bound, shared out."""
    least = math.log2(max(pairs, 1)) / max(len(filled), 1)
    holders = defaultdict(list)
    for student, found in group.items():
        for exercise, answer in found.items():
            if not answer.known:
                holders[exercise, answer.drawn].append(student)
    rare = (
        students
        for (exercise, form), students in holders.items()
        if len(students) > 1 and -math.log2(filled[exercise].share(form, form)) >= least
    )
    return {pair for students in rare for pair in combinations(sorted(students), 2)}


def _pair(names: tuple[str, str], group: Class, filled: Mapping[str, Urn], count: int) -> Pair:
    """What two students have in common, and how many pairs would have that by chance."""
    one, other = (group[name] for name in names)
    both = [exercise for exercise in one if exercise in other]
    matches = []
    for exercise in (e for e in both if one[e].drawn == other[e].drawn and not one[e].known):
        share = filled[exercise].share(one[exercise].drawn, other[exercise].drawn)
        matches.append(Match(exercise, -math.log2(share), filled[exercise].counts[one[exercise].drawn] - 2))
    matches.sort(key=lambda match: -match.bits)
    bits = sum(match.bits for match in matches)
    ways = ((one, other), (other, one))
    tail = max(chance(_shares(both, *way, filled), bits) for way in ways)
    return Pair(names, tuple(matches), count * tail)


def _shares(
    both: Iterable[str], mine: Mapping[str, Answer], theirs: Mapping[str, Answer], filled: Mapping[str, Urn]
) -> list[float]:
    """For each exercise that both answered, the chance of a match that tells something."""
    return [filled[e].share(mine[e].drawn, theirs[e].drawn) for e in both if not mine[e].known]


def groups(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Students who hang together by pairs, three or more, each group sorted; the largest first."""
    group_of: dict[str, set[str]] = {}
    for pair in pairs:
        joined = set().union(*(group_of.get(name, {name}) for name in pair.students))
        group_of |= dict.fromkeys(joined, joined)
    found = {tuple(sorted(group)) for group in group_of.values() if len(group) > 2}
    return sorted(found, key=lambda group: (-len(group), group))
