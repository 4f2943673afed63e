"""What the grader orders and what a submission's process may reply, as lines of JSON: an envelope with a message each.

An order names itself by a word that nobody could know before, and every reply to it has to repeat that word. What is
not of the kind that the order asks for, in every part of it, cannot be read at all.
"""

import os
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from .contesting import Draw, Enter, Train
from .envelopes import Body, Envelope, Message, Sentence, Word
from .wire import Group, Packed

__all__ = ["Body", "Envelope", "Message"]  # of others, passed on

# Orders: on the channel of the cells, or on that of a function that is held


class Read(Message, tag=True):
    """Say what the source of a cell says about itself.

    Attributes:
        source: The cell.
        given: The cell as it was released; empty where it is the student's own.
        seconds: Wall time that it has.
    """

    source: str
    given: str
    seconds: float


class Run(Message, tag=True):
    """Run a cell, and keep so many characters of what it prints.

    Attributes:
        source: The cell.
        seconds: Wall time that it has.
        output: Characters to keep.
        keep: Whether the shell's history keeps it, too.
        passing: By exercise, the number from 1 of the check that does not fail, while all others do from now on.
    """

    source: str
    seconds: float
    output: int = 0
    keep: bool = True
    passing: dict[str, int] = {}


class Hold(Message, tag=True):
    """Keep the function of an exercise as it is now, to answer on a channel of its own.

    Attributes:
        name: The exercise, and its function.
        channel: Number of the channel.
        copied: Whether a copy of the process keeps it; else the process itself does, and runs no more cells.
        checked: Whether what was checked last in its place counts; else it is what has its name.
    """

    name: str
    channel: int
    copied: bool = True
    checked: bool = True


class Ping(Message, tag=True):
    """Say that the function which is held is still there."""


class Cases(Message, tag=True):
    """Call the function that is held on each case, twice.

    Attributes:
        cases: Arguments by name.
        observer: What to look at, as `course_utils.checks.observers` tells it.
        seconds: Wall time of one case.
    """

    cases: list[Group]
    observer: Any
    seconds: float


Order = Read | Run | Hold | Ping | Cases | Enter | Draw | Train


# Replies


class Described(Message):
    """What the source of a cell says about itself, see `syntax`.

    Attributes:
        defines: Names that it binds.
        aliases: Names that stand for something imported.
        uses: By name that it binds, the dotted names that the definition uses.
        definitions: Of a cell that was released otherwise, imports, functions, classes and calls of checks.
        own: All other statements in it that do not stand in the released cell.
    """

    defines: list[str] = []
    aliases: dict[str, str] = {}
    uses: dict[str, list[str]] = {}
    definitions: str = ""
    own: list[str] = []


class Said(Message):
    """The reply to `Read`: None where the source is no Python."""

    described: Described | None


class Raised(Message):
    """An exception: the name of its type, its words, and the line of the cell in which it was raised."""

    kind: Word
    text: Sentence = ""
    line: int | None = None


class Ran(Message):
    """The reply to `Run`: what was printed, the error that ended the cell, and the exercises whose check it called."""

    printed: str
    error: Raised | None = None
    checked: Annotated[list[Word], Meta(max_length=100)] = []


class Holding(Enum):
    """Whether there is a function to be kept."""

    HELD = "held"
    NOT_ALONE = "not alone"
    """Held, but threads or processes may work for the function, and the copy lacks them."""

    NO_FUNCTION = "no function"
    UNDEFINED = "undefined"


class Held(Message):
    """The reply to `Hold`; `other`: not what has the exercise's name is held, but what was checked in its place."""

    holding: Holding
    other: bool = False


class Here(Message):
    """The reply to `Ping`."""


class Answered(Message, tag=True):
    """The reply to one case: what two calls showed, see `course_utils.checks.calling.Observation`.

    Attributes:
        values: What the first call gave.
        again: What the second call gave.
        inputs: The tensors of the case as the first call left them.
        changed: What else the calls left changed.
    """

    values: dict[str, Packed]
    again: dict[str, Packed]
    inputs: dict[str, Packed]
    changed: list[str] = []


class Failure(Enum):
    """Why a call showed nothing."""

    NOT_DONE = "not done"
    OUT_OF_TIME = "out of time"
    RAISED = "raised"
    RETURNED = "returned"


class Kind(StrEnum):
    """What a function returned in place of an answer."""

    NOTHING = "None"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    LIST = "list"
    TUPLE = "tuple"
    DICT = "dict"
    TENSOR = "Tensor"
    NDARRAY = "ndarray"
    OTHER = "other"


class Failed(Message, tag=True):
    """The reply to one case, and the last of them: why there are no values, with the error or the kind of value."""

    failure: Failure
    error: Raised | None = None
    got: Kind = Kind.NOTHING


Shown = Answered | Failed


# The warm process itself


class Bounds(Message):
    """What the kernel allows a submission, in bytes, seconds and numbers: see `course_grading.model.Limits`."""

    memory: int
    processes: int
    file_bytes: int
    tmp_bytes: int
    open_files: int
    cpu_seconds: int


class Walls(StrEnum):
    """What is around a submission: namespaces, another user's rights, or nothing."""

    NAMESPACES = "namespaces"
    USER = "user"
    NONE = "none"


class Settings(Message):
    """How the warm process starts submissions.

    Attributes:
        bounds: What each of them may use.
        walls: What is around them.
        uid: User that they become; None when there is only one, in a user namespace.
        calls: The filter of their system calls, see `confine.filter_calls`.
    """

    bounds: Bounds
    walls: Walls
    uid: int | None
    calls: bytes


class Control(Enum):
    """Orders to the warm process: start a submission (with its channels), end it."""

    START = b"s"
    END = b"e"


class Ready(Message):
    """The first word of the warm process."""


class Ended(Message):
    """The reply to `Control.END`: the processor time that the submission used, and whether somebody had killed it."""

    cpu_seconds: float
    killed: bool = False


def encode(message: Message) -> bytes:
    """A message as a line."""
    return msgspec.json.encode(message) + b"\n"


_ORDERS = msgspec.json.Decoder(Envelope[Order])


def orders(channel: int) -> Iterator[Envelope[Order]]:
    """The orders that arrive on a file number, until it is closed."""
    with open(channel, "rb", closefd=False) as lines:
        for line in lines:
            yield _ORDERS.decode(line)


def printable(text: str) -> str:
    """A text that can be sent: one that Python could not write to a file, either, gets question marks."""
    return text.encode(errors="replace").decode()


def send(channel: int, message: Message) -> None:
    """Write a message to a file number."""
    data = memoryview(encode(message))
    while data:
        data = data[os.write(channel, data) :]
