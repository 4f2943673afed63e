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
from course_grading.naming import mentions_a_question, name_in, spoken
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
        digits: The same by the digits of that number.
    """

    questions: tuple[Task, ...]
    paragraphs: Counter[str]
    lines: Collection[str]
    asked: Collection[str]
    regions: Mapping[str, int | None]
    headlines: Mapping[str, int | None]
    numbers: Mapping[str, int]
    digits: Mapping[str, int]

    @property
    def last(self) -> int:
        """The region of the last question."""
        return len(self.questions) - 1

    def region(self, line: str, before: int | None) -> int | None:
        """The region of a line below one of the region `before`."""
        headed = HEADED.match(line)
        if headed and headed[1] in self.numbers:
            return self.numbers[headed[1]]
        return self.headlines.get(_key(line), before)


@dataclass(frozen=True)
class Part:
    """What a student wrote in a cell and in one region: the cell with these words alone.

    Attributes:
        cell: The cell.
        region: The region.
        named: Whether it is there by its words, and not by its place.
    """

    cell: Cell
    region: int | None
    named: bool = False


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
    parts = list(_parts(given, homes, cells, judged))
    written = [_belonging(number, given, homes, parts) for number in range(len(given.questions))]
    shown = {id(cell) for own in written for cell in own}
    if written:
        written[-1] += [part.cell for part in parts if _is_vague(part, given) and id(part.cell) not in shown]
    found = {}
    for number, (task, own) in enumerate(zip(given.questions, written, strict=True)):
        home = homes.get(number)
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
        digits={digits[0]: i for i, task in enumerate(questions) if (digits := re.search(r"\d+$", task.number))},
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


def _parts(given: Given, homes: Mapping[int, str], cells: Sequence[Cell], judged: Collection[str]) -> Iterator[Part]:
    """What the student wrote, from top to bottom."""
    region = place = None if homes else given.last + 1  # where the cell stands, and where its words are by now
    left = given.paragraphs.copy()
    for cell in cells:
        if cell.released_as is not None and cell.released_as in given.regions:
            region = place = given.regions[cell.released_as]
        naming = _naming(given, cell, region, cell.id in judged)
        lines = [(place, ""), *_own_lines(given, left, cell, place, naming)]
        texts = [(at, "\n".join(line for _, line in some)) for at, some in groupby(lines, key=lambda pair: pair[0])]
        place = lines[-1][0]
        own = [(at, text.strip("\n")) for at, text in texts if text.strip()]
        if not own and cell.attachments and place in given.numbers.values():
            own = [(place, "")]
        for at, text in own:
            yield Part(replace(cell, source=text), JUDGED if cell.id in judged else at, bool(naming) and at != region)


def _naming(given: Given, cell: Cell, region: int | None, judged: bool) -> Mapping[str, int]:
    """By a line of a cell that names a question, the region of that question; only a student's own cells are asked.

    Far below all questions any word will do. A number alone will not: it could be that of a list.
    """
    if judged or region is None or region < 0 or (cell.released_as in given.regions and region <= given.last):
        return {}
    lines = [line for line in spoken(cell) if _key(line) not in given.lines]
    names = {line: name for line in lines if (name := name_in(line)) and name.number in given.digits}
    below = region > given.last
    return {
        line: given.digits[name.number]
        for line, name in names.items()
        if name.by_noun or name.hashed or (below and name.by_word)
    }


def _own_lines(
    given: Given, left: Counter[str], cell: Cell, region: int | None, naming: Mapping[str, int]
) -> Iterator[tuple[int | None, str]]:
    """The student's lines with their regions; empty ones stand for what was given, which is `left` from now on."""
    for lines in _paragraphs(cell.source):
        known = left[_together(lines)] > 0
        left[_together(lines)] -= known
        for line in lines[:1] if known else lines:
            region = given.region(line, region) if known else naming.get(line, given.region(line, region))
            yield region, "" if known or _key(line) in given.asked else line
        yield region, ""


def _belonging(number: int, given: Given, homes: Mapping[int, str], parts: Sequence[Part]) -> list[Cell]:
    """What stands below a question or names it; for one without a word, what could be meant for it."""
    return [part.cell for part in parts if part.region == number] or _meant(number, given, homes, parts)


def _meant(number: int, given: Given, homes: Mapping[int, str], parts: Sequence[Part]) -> list[Cell]:
    """What could be meant for a question without a word: beside it, by its number, or where its cell is gone."""
    above = max((home for home in homes if home < number), default=ABOVE)
    others = [home for other, home in homes.items() if other != number]

    def is_meant(part: Part) -> bool:
        beside = part.region == above and not part.named and (part.cell.id not in others or number not in homes)
        below = number == given.last and part.region == given.last + 1 and _speaks(part.cell, given)
        lost = not homes and part.region != JUDGED and not part.named and _speaks(part.cell, given)
        vague = part.region == given.last + 1 and mentions_a_question(part.cell.source)
        return beside or below or lost or vague or _names(part.cell, number, given)

    return [part.cell for part in parts if is_meant(part)]


def _names(cell: Cell, number: int, given: Given) -> bool:
    """Whether a line of a cell names a question."""
    names = map(name_in, dict.fromkeys(spoken(cell)))
    return any(name and (name.by_noun or name.of_list) and given.digits.get(name.number) == number for name in names)


def _is_vague(part: Part, given: Given) -> bool:
    """Whether words far below all questions speak of one ("Zur ersten Frage"), or of a number that may be one's."""
    if part.region != given.last + 1:
        return False
    names = map(name_in, part.cell.source.split("\n"))
    return mentions_a_question(part.cell.source) or any(name and name.of_list for name in names)


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
