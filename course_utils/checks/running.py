"""A notebook's exercises, judged from its file: its code runs in a process of its own, on inputs that everybody knows.

It is the student's own code on the student's own machine, with all rights: no box for the code of others.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["CELL_SECONDS", "PENDING", "RIGHT", "WRONG", "Standing", "judged", "work"]

RIGHT = "right"
WRONG = "wrong"
PENDING = "pending"
CELL_SECONDS = 60.0
"""Processor time of a cell, and of judging an exercise; at most a quarter of the notebook's time."""

PAUSE = 0.2

LONGEST = 400
"""Characters of a sentence."""

CHILD = f"from {__name__} import work; work(__import__('sys').argv[1])"


@dataclass(frozen=True)
class Standing:
    """How an exercise stands.

    Attributes:
        exercise: Name of its function.
        status: "right", "wrong" or "pending".
        sentence: What is wrong, or why nothing is known; empty where it is right.
    """

    exercise: str
    status: str
    sentence: str = ""


def judged(
    lab: str, pieces: Sequence[Mapping], names: Sequence[str], folder: Path, *, seed: int, seconds: float
) -> dict[str, Standing]:
    """How the exercises of a notebook stand.

    Args:
        lab: Such as "lab1".
        pieces: Its code, in order: `source`, and `exercise` where it defines one.
        names: Of the exercises' functions.
        folder: Where the code runs.
        seed: Of the first of six cases of each exercise.
        seconds: Time of the whole notebook.
    """
    with tempfile.TemporaryDirectory() as place:
        order, said = Path(place) / "order.json", Path(place) / "said.jsonl"
        asked = {"lab": lab, "pieces": pieces, "names": names, "seed": seed, "said": str(said)}
        order.write_text(json.dumps(asked | {"seconds": min(CELL_SECONDS, seconds / 4)}), "utf-8")
        ended = _run(order, folder, seconds)
        lines = said.read_text("utf-8").splitlines() if said.exists() else []
    found = {one.exercise: one for one in (Standing(**json.loads(line)) for line in lines)}
    why = "its code ended Python" if ended else f"the notebook took longer than {seconds:g} s"
    return {name: found.get(name, Standing(name, PENDING, f"Not reached: {why}.")) for name in names}


def _run(order: Path, folder: Path, seconds: float) -> bool:
    """Run `work` in a process of its own; whether it came to an end in time. What it started ends with it."""
    line = [sys.executable, "-c", CHILD, str(order)]
    no = subprocess.DEVNULL
    with subprocess.Popen(
        line, cwd=folder, env=_variables(), start_new_session=True, stdin=no, stdout=no, stderr=no
    ) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(process)
    return True


def _variables() -> dict[str, str]:
    """Short trainings, pictures without a screen, and this package, wherever it is run from."""
    package = str(Path(__file__).resolve().parents[2])
    chosen = dict(os.environ, COURSE_BUDGET="small", MPLBACKEND="agg")
    chosen["PYTHONPATH"] = os.pathsep.join(filter(None, [package, chosen.get("PYTHONPATH")]))
    chosen.pop("JPY_SESSION_NAME", None)  # the notebook is not open
    return chosen


def _end(process: subprocess.Popen) -> None:
    """End it, and on Linux and macOS what it has started."""
    process.kill()
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


# In the process of the notebook


def work(order: str) -> None:
    """Run the code of an order, then judge the exercises; a line for each, as soon as it is known."""
    from course_utils import checks

    signal.signal(signal.SIGINT, signal.default_int_handler)  # where it is ignored, as in the background, nothing stops
    asked = json.loads(Path(order).read_text("utf-8"))
    exercises = checks.exercises(asked["lab"])
    sys.path.insert(0, os.getcwd())  # as in a notebook
    names, errors = _namespace(asked["pieces"], asked["seconds"])
    for name in asked["names"]:
        standing = _judged(exercises[name], names, errors.get(name), asked["seed"], asked["seconds"])
        with open(asked["said"], "a", encoding="utf-8") as said:
            said.write(json.dumps(asdict(standing)) + "\n")


def _namespace(pieces: Sequence[Mapping], seconds: float) -> tuple[Mapping, dict[str, str]]:
    """What the code has defined, and by exercise the error that its code raised."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    errors: dict[str, str] = {}
    for piece in pieces:
        with _limited(seconds) as late:
            result = shell.run_cell(piece["source"], store_history=False)
        error = result.error_before_exec or result.error_in_exec
        if piece["exercise"] and error is not None:
            errors[piece["exercise"]] = "took too long" if late.is_set() else f"raised {_words(error)}"
    return shell.user_ns, errors


def _judged(exercise, names: Mapping, error: str | None, seed: int, seconds: float) -> Standing:
    from course_utils.checks.judgement import CheckFailed

    name = exercise.name
    if name not in names and error:
        return Standing(name, WRONG, f"Its cell {error}.")
    if name not in names:
        return Standing(name, PENDING, f"No cell defines `{name}`.")
    try:
        with _limited(seconds) as late:
            done = exercise.tried(names[name], seed)
    except CheckFailed as failed:
        return Standing(name, WRONG, f"{'Took too long: ' * late.is_set()}{_sentence(str(failed))}")
    return Standing(name, RIGHT) if done else Standing(name, PENDING, "Not done yet.")


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[threading.Event]:
    """Interrupt what takes more processor time, as Ctrl-C does; the event tells whether that was so."""
    late, done = threading.Event(), threading.Event()
    end = time.process_time() + seconds

    def watch() -> None:
        while not done.wait(PAUSE):
            if time.process_time() > end:
                late.set()
                interrupt_main()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield late
    finally:
        done.set()


def _words(error: BaseException) -> str:
    """Type and text of an error, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST]


def _sentence(failed: str) -> str:
    """Of what a check says: the likely cause where it knows one, else what differs, else why nothing was compared."""
    first = failed.partition("\n")[0].partition(": ")[2]
    rest = [line for line in failed.splitlines()[1:] if not line.startswith("The call: ")]
    said = rest[-1] if first == "not right yet." else " ".join([first, *rest])
    return said[:LONGEST]
