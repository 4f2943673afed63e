"""Whether what a submission showed is its own doing: others run beside it, and the machine may be short of memory.

A doubtful outcome is not final. It is judged again alone, where what happens is the submission's own: all but a process
that somebody else killed, as the kernel does when no memory is left.
"""

from course_grading.sandbox.guest.messages import Raised
from course_grading.sandbox.protocol import Ending
from course_grading.seen import Seen

WANTING = {"MemoryError", "OSError", "BlockingIOError"}
"""Exceptions in which Python says that the kernel had no memory, no process or no file to give."""

NO_THREAD = "can't start new thread"
LEAST_SHARE = 0.5
"""Of a processor, that a submission had if its time was over: with less, others had it."""


def doubt(seen: Seen, *, killed: int, seconds: float, crowded: bool) -> str | None:
    """Why others may have caused what a submission showed; None where it is its own doing.

    Args:
        seen: What it showed.
        killed: How many of its processes were killed from outside, and for no limit of theirs.
        seconds: Wall time that it took.
        crowded: Whether others ran at the same time.
    """
    if killed:
        return "its process was killed from outside, as a system does that is short of memory"
    if not crowded:
        return None
    if Ending.ENDED in seen.endings or Ending.GARBLED in seen.endings:
        return "its process ended while others ran beside it"
    if any(error.kind in WANTING or NO_THREAD in error.text for error in _errors(seen)):
        return "it was refused memory while others ran beside it"
    if seen.late and seen.cpu_seconds < LEAST_SHARE * seconds:
        return "it was out of time while others ran beside it"
    return None


def _errors(seen: Seen) -> list[Raised]:
    cells = [cell.error for cell in seen.cells.values() if cell.error]
    return cells + [failed.error for failed in seen.failures if failed.error]
