"""Asks the functions of a submission. No cell is shown any more: nothing can print the cases that are sent now.

A function is asked as its check saw it. If it is not right, it is asked once more as it is when everything that the
student wrote has run: a helper may stand below, or in a cell that does not run the first time. Of several versions of
a function, any may be meant. What is right only in such a way is flagged.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from course_grading.cases import HIDDEN, KNOWN, Question
from course_grading.cells import Cells, Process
from course_grading.notebook import Cell
from course_grading.plan import Version
from course_grading.replies import right
from course_grading.sandbox.guest.messages import Failed, Failure, Holding, Shown
from course_grading.sandbox.protocol import Broken
from course_grading.seen import Later, SeenFunction

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

    def ask(self, everything: Sequence[Cell], versions: Mapping[str, Iterable[Version]]) -> dict[str, SeenFunction]:
        """What the functions show.

        Args:
            everything: All that the student wrote, for those that are not right at first.
            versions: By exercise, the versions of its function.
        """
        found = dict(self._cells.functions)
        found |= self._replies({name: f for name, f in found.items() if f.holding is Holding.HELD})
        late = {name: self._as_it_is(name) for name, f in found.items() if _gave_what_is_wrong(f)}
        for name in [name for name, f in found.items() if f.holding is Holding.NOT_ALONE]:
            found |= self._afresh([name], self._cells.before[name])
        late |= self._afresh([name for name, f in found.items() if _may_miss_something(f)], everything)
        found |= {name: replace(found[name], right=True, late=Later.AFTER) for name, f in late.items() if f.right}
        return found | {name: self._any(f, name, versions[name]) for name, f in found.items() if not f.right}

    def _any(self, function: SeenFunction, name: str, versions: Iterable[Version]) -> SeenFunction:
        """A function that is not right, or the first of its versions that is."""
        for version in versions:
            [asked] = self._afresh([name], version.cells, {name: version.passing} if version.passing else {}).values()
            if asked.right:
                return replace(function, cell=version.cell or function.cell, right=True, late=Later.VERSION)
        return function

    def _as_it_is(self, name: str) -> SeenFunction:
        """Ask a function as it is in the process that has run the cells: what was checked, then what has its name."""
        asked = SeenFunction("", Holding.HELD)
        for checked in (True, False):
            try:
                held = self._cells.hold(name, checked=checked)
            except Broken as error:
                return replace(asked, ending=error.ending)
            if held.holding is Holding.HELD:
                asked = self._replies({name: SeenFunction("", Holding.HELD)})[name]
            if asked.right or asked.ending or not held.other:
                break
        return asked

    def _afresh(
        self, names: Sequence[str], cells: Sequence[Cell], passing: Mapping[str, int] | None = None
    ) -> dict[str, SeenFunction]:
        """Run cells in a fresh process, and ask functions as they are then; where threads run, each in a process."""
        found: dict[str, SeenFunction] = {}
        ready = False
        for name in names:
            asked = replace(self._cells.functions[name], holding=Holding.HELD)
            try:
                if not ready:
                    self._cells.again(cells, self._deadline, passing)
                holding = self._cells.hold(name).holding
                ready = holding is not Holding.NOT_ALONE
                if not ready:
                    holding = self._cells.hold(name, copied=False).holding
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
