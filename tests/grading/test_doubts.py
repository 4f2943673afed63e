"""What a neighbour may have caused is doubtful while others run, and what nobody but the submission caused is not."""

import pytest

from course_grading.doubts import doubt
from course_grading.plan import Plan
from course_grading.sandbox.guest.messages import Answered, Failed, Failure, Holding, Raised
from course_grading.sandbox.protocol import Ending
from course_grading.seen import Seen, SeenCell, SeenFunction

FINE = SeenFunction("cell", Holding.HELD, [Answered({}, {}, {})])


def failing(failure: Failure, kind: str | None = None) -> SeenFunction:
    return SeenFunction("cell", Holding.HELD, [Answered({}, {}, {}), Failed(failure, kind and Raised(kind))])


def seen(*, cell: SeenCell | None = None, function: SeenFunction = FINE, cpu_seconds: float = 10.0) -> Seen:
    made = Seen({}, Plan())
    made.cells = {"cell": cell or SeenCell("printed")}
    made.functions = {"euler": function}
    made.cpu_seconds = cpu_seconds
    return made


ENDED = "its process ended"
REFUSED = "it was refused memory"
LATE = "it was out of time"
OF_OTHERS = {
    "ended": (seen(cell=SeenCell(ending=Ending.ENDED)), ENDED),
    "garbled": (seen(cell=SeenCell(ending=Ending.GARBLED)), ENDED),
    "answer ended": (seen(function=SeenFunction("cell", Holding.HELD, ending=Ending.ENDED)), ENDED),
    "memory": (seen(cell=SeenCell(error=Raised("MemoryError"))), REFUSED),
    "fork": (seen(cell=SeenCell(error=Raised("BlockingIOError", "[Errno 11] Resource"))), REFUSED),
    "system": (seen(cell=SeenCell(error=Raised("OSError", "[Errno 12] Cannot allocate memory"))), REFUSED),
    "thread": (seen(cell=SeenCell(error=Raised("RuntimeError", "can't start new thread"))), REFUSED),
    "answer's memory": (seen(function=failing(Failure.RAISED, "MemoryError")), REFUSED),
    "late": (seen(cell=SeenCell(error=Raised("OutOfTime")), cpu_seconds=4.0), LATE),
    "silent": (seen(cell=SeenCell(ending=Ending.SILENT), cpu_seconds=4.0), LATE),
    "not reached": (seen(cell=SeenCell(reached=False), cpu_seconds=4.0), LATE),
    "late answer": (seen(function=failing(Failure.OUT_OF_TIME), cpu_seconds=4.0), LATE),
    "silent answer": (seen(function=SeenFunction("cell", Holding.HELD, ending=Ending.SILENT), cpu_seconds=4.0), LATE),
}
OF_ITS_OWN = {
    "fine": seen(),
    "slow but in time": seen(cpu_seconds=0.1),
    "raised": seen(cell=SeenCell(error=Raised("RuntimeError", "shapes"))),
    "answer raised": seen(function=failing(Failure.RAISED, "ValueError")),
    "busy and late": seen(cell=SeenCell(error=Raised("OutOfTime")), cpu_seconds=6.0),
    "busy and silent": seen(cell=SeenCell(ending=Ending.SILENT), cpu_seconds=6.0),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_among_others_it_is_doubtful_and_alone_it_is_not(name: str):
    shown, words = OF_OTHERS[name]
    said = doubt(shown, killed=0, seconds=10.0, crowded=True)
    assert said == f"{words} while others ran beside it"
    assert doubt(shown, killed=0, seconds=10.0, crowded=False) is None


@pytest.mark.parametrize("name", OF_ITS_OWN)
def test_what_is_its_own_doing_is_never_doubtful(name: str):
    assert doubt(OF_ITS_OWN[name], killed=0, seconds=10.0, crowded=True) is None


@pytest.mark.parametrize("crowded", [True, False])
def test_a_process_that_somebody_killed_is_doubtful_alone_as_well(crowded: bool):
    assert "killed from outside" in doubt(seen(), killed=1, seconds=10.0, crowded=crowded)
