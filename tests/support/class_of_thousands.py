"""A class of any size that hands in Lab 1: random mistakes written as students write them, and one in fifty hostile.

`python -m tests.support.class_of_thousands 3000 FOLDER` writes it; a smaller class is the beginning of a larger one.
"""

import random
import sys
from pathlib import Path

from tests.support.class_of_40 import DESERVES, EXERCISES, FULL, HOSTILE, STUBS, WRONG
from tests.support.grading_class import notebook, put

EVERY = 50
"""Of so many submissions the last is hostile."""

SHARE = 1 / 3
"""Of answers that are wrong; of these one in seven was not begun."""


def is_hostile(number: int) -> bool:
    """Whether the submission of this number is hostile."""
    return number % EVERY == EVERY - 1


def name(number: int) -> str:
    """The student's name; it tells nothing of what was handed in."""
    return f"s{number:05}"


def submission(number: int) -> tuple[dict, float]:
    """The notebook of a student, and the points for exercises that it deserves."""
    draw = random.Random(number)
    if is_hostile(number):
        kind = sorted(HOSTILE)[number // EVERY % len(HOSTILE)]
        answers, extra = HOSTILE[kind]
        return notebook(answers, None, extra), DESERVES.get(kind, FULL)
    wrong = [each for each in EXERCISES if draw.random() < SHARE]
    given = {each: STUBS[each] if draw.random() < 1 / 7 else WRONG[each] for each in wrong}
    return notebook(given), FULL - sum(EXERCISES[each].points for each in wrong)


def class_of_thousands(folder: Path, count: int) -> dict[str, float]:
    """Write the class: the points for exercises that each student deserves."""
    deserved = {}
    for number in range(count):
        made, deserved[name(number)] = submission(number)
        put(Path(folder), name(number), made)
    return deserved


if __name__ == "__main__":
    class_of_thousands(Path(sys.argv[2]), int(sys.argv[1]))
