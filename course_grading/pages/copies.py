"""Submissions that are alike, side by side."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from course_grading.copying.alike import Answer, Match, Pair, groups
from course_grading.copying.chance import EXPECTED, LEAST
from course_grading.model import Lab
from course_grading.pages.page import render
from course_grading.pages.text import as_plain_text, code, styles

MOST_PAIRS = 60
"""Pairs that are shown with their code; all are named."""

MOST_DRAWN = 5_000
"""Characters of an answer above which its syntax is not marked."""


@dataclass(frozen=True)
class Reading:
    """What was read of a class.

    Attributes:
        lab: The lab.
        exercises: Names of those that were compared.
        group: Answers by student and exercise.
        pairs: Those that stand out.
        unread: Students whose file costs too much to parse.
    """

    lab: Lab
    exercises: tuple[str, ...]
    group: Mapping[str, Mapping[str, Answer]]
    pairs: tuple[Pair, ...]
    unread: tuple[str, ...] = ()


def copies_page(reading: Reading) -> str:
    """The page: it loads nothing and runs nothing.

    Args:
        reading: What was read.
    """
    labels = {task.exercise: task.label for task in reading.lab.tasks if task.exercise}
    return render(
        "copies",
        lab=reading.lab.name,
        count=len(reading.group),
        bound=f"{EXPECTED:g}",
        least=LEAST + 2,
        table_lines=[_line(labels[name], name, reading) for name in reading.exercises],
        groups=[", ".join(group) for group in groups(reading.pairs)],
        pairs=[_row(pair, labels) for pair in reading.pairs],
        shown=[_shown(number, pair, labels, reading) for number, pair in enumerate(reading.pairs[:MOST_PAIRS], 1)],
        unread=reading.unread,
        styles=Markup(styles()),
    )


def _line(label: str, name: str, reading: Reading) -> tuple[object, ...]:
    """Of an exercise: answers, different forms, those of a known form, and how many share the most frequent other."""
    answers = [found[name] for found in reading.group.values() if name in found]
    forms = Counter(answer.form for answer in answers if not answer.known)
    known = sum(answer.known for answer in answers)
    return label, len(answers), len({answer.form for answer in answers}), known, max(forms.values(), default=0)


def _row(pair: Pair, labels: Mapping[str, str]) -> tuple[object, ...]:
    numbers = ", ".join(labels[match.exercise].split()[0] for match in pair.matches)
    return *pair.students, numbers, f"{sum(match.bits for match in pair.matches):.1f}", f"{pair.expected:.1g}"


def _shown(number: int, pair: Pair, labels: Mapping[str, str], reading: Reading) -> dict[str, object]:
    return {
        "number": number,
        "students": pair.students,
        "expected": f"{pair.expected:.1g}",
        "matches": [_match(match, pair, labels, reading) for match in pair.matches],
    }


def _match(match: Match, pair: Pair, labels: Mapping[str, str], reading: Reading) -> dict[str, object]:
    """Both answers to an exercise, as harmless HTML."""
    both = [reading.group[name][match.exercise] for name in pair.students]
    return {
        "label": labels[match.exercise],
        "status": f", both {both[0].status}" if both[0].status else "",
        "bits": f"{match.bits:.1f}",
        "others": match.others,
        "sources": [_drawn(answer.source) for answer in both],
    }


def _drawn(source: str) -> Markup:
    if len(source) <= MOST_DRAWN:
        return code(source)
    with as_plain_text():
        return code(source)
