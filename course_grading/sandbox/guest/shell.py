"""The IPython shell that runs the cells, with bounds on their time and on what they print."""

import contextlib
import io
import random
import signal
from collections.abc import Callable, Iterator

import numpy
import torch
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from tqdm import tqdm
from traitlets.config import Config

from .messages import Raised, printable


class OutOfTime(BaseException):
    """The cell or the call took too long."""


class Printed:
    """What was printed: the first characters, of which there are `size` at most."""

    def __init__(self, size: int):
        self.size = size
        self.parts: list[str] = []
        self.cut = False

    def add(self, text: str) -> None:
        kept = text[: self.size]
        self.size -= len(kept)
        self.cut |= len(kept) < len(text)
        if kept:
            self.parts.append(kept)

    def text(self) -> str:
        return "".join(self.parts) + ("\n[more was printed]" if self.cut else "")


class Stream(io.TextIOBase):
    """Standard output or error as a notebook has it (`ipykernel.iostream.OutStream`), with its number as a file."""

    encoding = "UTF-8"

    def __init__(self, printed: Printed, name: str, number: int):
        self.printed = printed
        self.name = name
        self.number = number

    def fileno(self) -> int:
        return self.number

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self.printed.add(text)
        return len(text)


def streams(printed: Printed) -> tuple[Stream, Stream]:
    """Standard output and error, which fill one text."""
    return Stream(printed, "stdout", 1), Stream(printed, "stderr", 2)


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in what takes longer (it may catch it: the clock outside does not care)."""

    def ring(*_):
        raise OutOfTime(f"longer than {seconds:g} seconds")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Shell(InteractiveShell):
    """An IPython shell that shows no tracebacks and runs no shell commands."""

    def showtraceback(self, *_, **__):
        pass

    showsyntaxerror = showtraceback

    def _format_exception_for_storage(self, *_, **__):
        return {}  # the real one is slow, and nobody reads it

    def enable_gui(self, gui=None):
        return None, "agg"

    enable_matplotlib = enable_gui

    def system(self, *_, **__):
        print("commands are not run by the grader")

    getoutput = system

    def run_line_magic(self, magic_name, line, _stack_depth=1):
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except (UsageError, ImportError) as error:  # a setting of a notebook that is shown to somebody
            print(error)


def make_shell() -> Shell:
    """A shell that keeps no history on disk; a progress bar needs no thread there to watch over it."""
    tqdm.monitor_interval = 0
    Shell.clear_instance()
    return Shell.instance(config=Config(HistoryManager={"enabled": False}))


def seed() -> None:
    """The same random numbers for every submission, whatever ran before."""
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


def raised(error: BaseException, fn: Callable | None = None, text: str = "") -> Raised:
    """Type of an exception, and the line of the cell in which it was raised."""
    kind = printable(type(error).__name__[:100])
    text = printable(text[:500])
    if isinstance(error, SyntaxError):
        return Raised(kind, text, error.lineno if isinstance(error.lineno, int) else None)
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        places.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    cells = [file for file, _ in places if file.startswith("<ipython-input-")]
    own = getattr(getattr(fn, "__code__", None), "co_filename", cells[0] if cells else None)
    lines = [line for file, line in places if file == own]
    return Raised(kind, text, lines[-1] if lines else None)
