"""How the time of a submission, `Limits.notebook_seconds`, is shared out: all stages take no more than that."""

import dataclasses

from msgspec.structs import replace

from course_grading.model import Limits, Outcome

READ = DRAW = 1 / 12
"""Processor time of reading the file, and of drawing the pages."""

FIRST = 1 / 6
"""The first run; whoever needs more waits until all others are judged, and has a second run."""

SECOND = 2 / 3

CELLS = 0.6
"""Of a run: when the last cell has ended."""

WITHOUT = 0.8
"""When the cells have ended that were run again, without one that ended the process too often."""

LEAST_SECONDS = 5
"""Processor time of reading and of drawing, however short the whole."""


def part(limits: Limits, share: float) -> Limits:
    """The same limits with a share of the time."""
    return dataclasses.replace(limits, notebook_seconds=max(share * limits.notebook_seconds, 1.0))


def processor_seconds(limits: Limits, share: float) -> int:
    """The time of a process that is measured in whole seconds of processor time."""
    return max(round(share * limits.notebook_seconds), LEAST_SECONDS)


def is_slow(outcome: Outcome, limits: Limits) -> bool:
    """Whether time was short in the run with these limits, all of it or the share of a cell or a function."""
    return outcome.short or outcome.seconds >= CELLS * limits.notebook_seconds


def slow(outcome: Outcome, before: float) -> Outcome:
    """The outcome of a second run, which tells how long both took."""
    seconds = before + outcome.seconds
    return replace(outcome.flagged((f"slow: {seconds:.0f} s",)), seconds=seconds)
