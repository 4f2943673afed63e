"""Answers in words: what a student wrote, and to which question it belongs.

Name, kind and place of a cell are the student's to change: other editors give new names, a cell is split or merged,
or the answer stands in a new one. So the notebook is read from top to bottom as one text. What was given with the lab
is left out; what the student wrote belongs to the question above it. A question without a word takes what could be
meant for it: somebody looks at that, and nobody loses points by an answer in the wrong place.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from course_grading.model import Lab, Task
from course_grading.notebook import Cell

MOST = 20_000
"""Characters that are shown of an answer, beside its first part."""

MOST_LINES = 50_000
"""Lines of a notebook that are told apart: forty times those of the longest lab."""

ABOVE = -1
"""The region right above the first question; that of a question is its number from 0, the one below all comes then."""

JUDGED = -2
"""The region of cells with an exercise, wherever they stand."""

LEAST_WORDS = 3
"""Words of a line that is known again as one of a question."""

HEADED = re.compile(r"[#>\s]{0,20}[#*_]{1,4}\s?(\w+ \d+)\b")
NAMED = r"[\W_]{0,20}(?:(?:(?:(?:to|answer|question)[\W_]{1,5}){1,3}|[qa])NUMBER(?!\w)|NUMBER\s?[.):](?!\w))"
"""A line that begins with the number of a question, such as "Answer to question 2", "Q2" or "2)"."""
SPEAKING = ("#", '"""', "'''", "print(", "%%")
"""What words in code stand in."""


@dataclass(frozen=True)
class Written:
    """What a student wrote for a question.

    Attributes:
        parts: Cells with the student's words alone.
        outside: Whether some of them stand outside the question's cell.
    """

    parts: tuple[Cell, ...] = ()
    outside: bool = False


@dataclass(frozen=True)
class Given:
    """What everybody was given.

    Attributes:
        questions: The questions, in their order.
        paragraphs: Keys of all paragraphs, each as often as it was given: once more, it is a quotation.
        lines: Keys of all lines.
        asked: Keys of those lines of the questions that have some words.
        regions: By the name of a cell, the region in which it stands; None is far from any question.
        headlines: The same by the key of a headline, or the first line of a question.
        numbers: The same by a question's number, such as "Question 2".
    """

    questions: tuple[Task, ...]
    paragraphs: Counter[str]
    lines: Collection[str]
    asked: Collection[str]
    regions: Mapping[str, int | None]
    headlines: Mapping[str, int | None]
    numbers: Mapping[str, int]

    def region(self, line: str, before: int | None) -> int | None:
        """The region of a line below one of the region `before`."""
        headed = HEADED.match(line)
        if headed and headed[1] in self.numbers:
            return self.numbers[headed[1]]
        return self.headlines.get(_key(line), before)


@dataclass(frozen=True)
class Part:
    """What a student wrote in a cell and in one region: the cell with these words alone."""

    cell: Cell
    region: int | None


def answers(lab: Lab, cells: Sequence[Cell], judged: Collection[str]) -> dict[str, Written]:
    """What was written for each question, by the name of its cell.

    Args:
        lab: The lab.
        cells: Cells of the submission.
        judged: Ids of the cells that answer an exercise.
    """
    given = _given(lab)
    cells = list(_of_few_lines(cells))
    homes = _homes(given, cells)
    parts = list(_parts(given, cells, judged))
    found = {}
    for number, task in enumerate(given.questions):
        home = homes.get(number)
        own = [part.cell for part in parts if part.region == number] or _meant(number, given, homes, parts)
        own.sort(key=lambda cell: cell.id != home)
        shared = home in [homes[other] for other in homes if other < number]
        found[task.cell] = Written(tuple(_few(own)), any(shared or cell.id != home for cell in own))
    return found


def _given(lab: Lab) -> Given:
    questions = tuple(task for task in lab.tasks if not task.exercise)
    regions = _regions(lab, [task.cell for task in questions])
    heads = {name: next(iter(_paragraphs(cell.source)), [""])[0] for name, cell in lab.cells.items()}
    lines = {name: cell.source.split("\n") for name, cell in lab.cells.items()}
    asked = {task.cell for task in questions}
    return Given(
        questions=questions,
        paragraphs=Counter(_together(some) for cell in lab.cells.values() for some in _paragraphs(cell.source)),
        lines={_key(line) for some in lines.values() for line in some},
        asked={_key(line) for name in asked for line in lines[name] if len(line.split()) >= LEAST_WORDS},
        regions=regions,
        headlines={_key(head): regions[name] for name, head in heads.items() if name in asked or head[:1] == "#"},
        numbers={task.number: number for number, task in enumerate(questions)},
    )


def _regions(lab: Lab, questions: Sequence[str]) -> dict[str, int | None]:
    """The region of each given cell, by its name."""
    regions: dict[str, int | None] = {}
    region = before = None
    for name in lab.cells:
        if name in questions:
            region = questions.index(name)
            if region == 0 and before is not None:
                regions[before] = ABOVE
        elif region == len(questions) - 1:
            region = len(questions)
        regions[name] = region
        before = name
    return regions


def _of_few_lines(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The cells; what comes after `MOST_LINES` lines is one line."""
    left = MOST_LINES
    for cell in cells:
        *lines, rest = cell.source.split("\n", left)
        left -= len(lines)
        yield replace(cell, source="\n".join([*lines, rest.replace("\n", " ")]))


def _homes(given: Given, cells: Sequence[Cell]) -> dict[int, str]:
    """Id of the cell of each question that is still there: it has the question's name, or else its first words."""
    homes: dict[int, str] = {}
    names = {task.cell: number for number, task in enumerate(given.questions)}
    for cell in cells:
        if cell.released_as in names:
            homes.setdefault(names[cell.released_as], cell.id)
    for cell in cells:
        for line in cell.source.split("\n"):
            region = given.region(line, None)
            if region is not None and 0 <= region < len(names):
                homes.setdefault(region, cell.id)
    return homes


def _parts(given: Given, cells: Sequence[Cell], judged: Collection[str]) -> Iterator[Part]:
    """What the student wrote, from top to bottom."""
    region = None
    left = given.paragraphs.copy()
    for cell in cells:
        region = given.regions.get(cell.released_as or "", region)
        lines = [(region, ""), *_own_lines(given, left, cell, region)]
        texts = [
            (place, "\n".join(line for _, line in some)) for place, some in groupby(lines, key=lambda pair: pair[0])
        ]
        region = lines[-1][0]
        own = [(place, text.strip("\n")) for place, text in texts if text.strip()]
        if not own and cell.attachments and region in given.numbers.values():
            own = [(region, "")]
        for place, text in own:
            yield Part(replace(cell, source=text), JUDGED if cell.id in judged else place)


def _own_lines(given: Given, left: Counter[str], cell: Cell, region: int | None) -> Iterator[tuple[int | None, str]]:
    """The student's lines with their regions; empty ones stand for what was given, which is `left` from now on."""
    for lines in _paragraphs(cell.source):
        known = left[_together(lines)] > 0
        left[_together(lines)] -= known
        for line in lines[:1] if known else lines:
            region = given.region(line, region)
            yield region, "" if known or _key(line) in given.asked else line
        yield region, ""


def _meant(number: int, given: Given, homes: Mapping[int, str], parts: Sequence[Part]) -> list[Cell]:
    """What could be meant for a question without a word: beside it, by its number, or where its cell is gone."""
    above = max((home for home in homes if home < number), default=ABOVE)
    last = len(given.questions) - 1
    others = [home for other, home in homes.items() if other != number]
    named = _naming(given.questions[number])

    def is_meant(part: Part) -> bool:
        beside = part.region == above and (part.cell.id not in others or number not in homes)
        below = number == last and part.region == last + 1 and _speaks(part.cell, given)
        lost = not homes and part.region != JUDGED and _speaks(part.cell, given)
        return beside or below or lost or any(named.match(line) for line in part.cell.source.split("\n"))

    return [part.cell for part in parts if is_meant(part)]


def _naming(task: Task) -> re.Pattern:
    """What a line that names a question begins with."""
    number = re.search(r"\d+$", task.number)
    return re.compile(NAMED.replace("NUMBER", number[0]) if number else r"(?!)", re.IGNORECASE)


def _speaks(cell: Cell, given: Given) -> bool:
    """Whether the student can have put words into a cell."""
    own = (line for line in cell.source.split("\n") if _key(line) not in given.lines)
    return cell.kind != "code" or any(sign in line for line in own for sign in SPEAKING)


def _few(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The first cells, `MOST` characters of them; the last then says how many there are more."""
    left = MOST
    for number, cell in enumerate(cells):
        if number and left < len(cell.source):
            yield Cell(f"{cell.id}-more", "markdown", f"[... {len(cells) - number} pieces more were handed in]")
            return
        left -= len(cell.source)
        yield cell


def _paragraphs(text: str) -> list[list[str]]:
    """The lines of each paragraph."""
    return [list(lines) for filled, lines in groupby(text.split("\n"), key=lambda line: bool(line.strip())) if filled]


def _key(line: str) -> str:
    """A line without what an editor may change: blanks, and the sign of a headline, quotation or comment."""
    return " ".join(line.lstrip("#> \t").split())


def _together(lines: Sequence[str]) -> str:
    return " ".join(_key(line) for line in lines)
