"""Asks the functions of a submission. No cell is shown any more: nothing can print the cases that are sent now.

A function is asked as its check saw it. If it is not right, it is asked once more as it is when everything that the
student wrote has run: a helper may stand below, or in a cell that does not run the first time.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from course_grading.cases import HIDDEN, KNOWN, Question
from course_grading.cells import Cells, Process
from course_grading.notebook import Cell
from course_grading.replies import right
from course_grading.sandbox.guest.messages import Failed, Failure, Holding, Shown
from course_grading.sandbox.protocol import Broken
from course_grading.seen import SeenFunction

LEAST_SECONDS = 0.1
"""Wall time that a function has when the others have used all of it."""


class Asking:
    """Asks functions.

    Args:
        process: The submission's process, after its last cell.
        cells: Its cells, with the functions that are held.
        questions: By exercise.
        seconds: Wall time of one order.
        deadline: When all has to end, on the monotonic clock.
    """

    def __init__(
        self, process: Process, cells: Cells, questions: Mapping[str, Question], seconds: float, deadline: float
    ):
        self._process = process
        self._cells = cells
        self._questions = questions
        self._seconds = seconds
        self._deadline = deadline

    def ask(self, everything: Sequence[Cell]) -> dict[str, SeenFunction]:
        """What the functions show.

        Args:
            everything: All that the student wrote, for those that are not right at first.
        """
        found = dict(self._cells.functions)
        found |= self._replies({name: f for name, f in found.items() if f.holding is Holding.HELD})
        late = {name: self._as_it_is(name) for name, f in found.items() if _gave_what_is_wrong(f)}
        for name in [name for name, f in found.items() if f.holding is Holding.NOT_ALONE]:
            found |= self._afresh([name], self._cells.before[name])
        late |= self._afresh([name for name, f in found.items() if _may_miss_something(f)], everything)
        return found | {name: replace(found[name], right=True, late=True) for name, f in late.items() if f.right}

    def _as_it_is(self, name: str) -> SeenFunction:
        """Ask a function as it is in the process that has run the cells."""
        asked = SeenFunction("", Holding.HELD)
        try:
            holding = self._cells.hold(name)
        except Broken as error:
            return replace(asked, ending=error.ending)
        return self._replies({name: asked})[name] if holding is Holding.HELD else asked

    def _afresh(self, names: Sequence[str], cells: Sequence[Cell]) -> dict[str, SeenFunction]:
        """Run cells in a fresh process, and ask functions as they are then; where threads run, each in a process."""
        found: dict[str, SeenFunction] = {}
        ready = False
        for name in names:
            asked = replace(self._cells.functions[name], holding=Holding.HELD)
            try:
                if not ready:
                    self._cells.again(cells, self._deadline)
                holding = self._cells.hold(name)
                ready = holding is not Holding.NOT_ALONE
                if not ready:
                    holding = self._cells.hold(name, copied=False)
            except Broken as error:
                return found | {name: replace(asked, ending=error.ending)}
            asked = replace(asked, holding=holding)
            found[name] = self._replies({name: asked})[name] if holding is Holding.HELD else asked
        return found

    def _replies(self, functions: Mapping[str, SeenFunction]) -> dict[str, SeenFunction]:
        """Ask functions that are held, all of them the known cases before any of them the hidden ones.

        So no process has seen a hidden case, or met one that has, while it shows what a student will read.
        """
        most = 2 * len(functions)
        known = {name: self._part(name, f, KNOWN, most - i) for i, (name, f) in enumerate(functions.items())}
        good = {name: f for name, f in known.items() if f.right}
        most = len(good)
        return known | {name: self._part(name, f, HIDDEN, most - i) for i, (name, f) in enumerate(good.items())}

    def _part(self, name: str, function: SeenFunction, part: slice, parts: int) -> SeenFunction:
        """Ask some of the cases, in a fair share of the time that is left for so many parts."""
        question = self._questions[name]
        fair = (self._deadline - time.monotonic()) / parts
        seconds = min(self._seconds, max(fair, LEAST_SECONDS))
        replies: list[Shown] = []
        ending = None
        try:
            for reply in self._process.session.answers(name, question.packed[part], question.observer, seconds):
                replies.append(reply)
        except Broken as error:
            ending = error.ending
        good = right(question.exercise, question.cases[part], replies)
        return replace(function, replies=[*function.replies, *replies], ending=ending, right=good)


def _gave_what_is_wrong(function: SeenFunction) -> bool:
    """Whether a function came to its end, but not with the right answer."""
    if function.right or function.ending or not function.replies:
        return False
    last = function.replies[-1]
    return not isinstance(last, Failed) or last.failure is Failure.RETURNED


def _may_miss_something(function: SeenFunction) -> bool:
    """Whether a function could not be called, or ended in an error."""
    if function.right or function.ending:
        return False
    if not function.replies:
        return function.holding is not Holding.HELD
    last = function.replies[-1]
    return isinstance(last, Failed) and last.failure is Failure.RAISED
