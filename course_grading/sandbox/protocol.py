"""Talks to a submission's process, which is not trusted: what is read has a bound in size and time, and a kind."""

import functools
import math
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar

import msgspec

from course_grading.sandbox.guest import contesting, messages
from course_grading.sandbox.guest.messages import Body, Envelope
from course_grading.sandbox.guest.wire import Group

Reply = TypeVar("Reply", bound=messages.Message)
Contested = TypeVar("Contested", contesting.Entered, contesting.Drawn, contesting.Trained)

MOST = 4 << 20
"""Bytes that the other side may say on one channel."""

CHUNK = 1 << 16

GRACE = 2.0
"""Seconds from the bell inside, which honest cells hear, to the end of patience outside."""

PAUSE = 10.0
"""Seconds for orders that run nothing of a student."""

CUT = 100
"""Characters beyond what was asked for in which a process says that there were more."""


class Ending(Enum):
    """Why there is no reply: the process has ended, is silent for too long, or says what is no reply."""

    ENDED = "ended"
    SILENT = "silent"
    GARBLED = "garbled"


class Broken(ConnectionError):
    """No reply; `ending` says why."""

    def __init__(self, ending: Ending):
        super().__init__(ending.value)
        self.ending = ending


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder:
    return msgspec.json.Decoder(kind)


class Channel:
    """Our end of a socket."""

    def __init__(self, end: socket.socket):
        self._end = end
        self._read = bytearray()
        self._left = MOST

    def send(self, message: messages.Message, seconds: float) -> None:
        """Send one message.

        Raises:
            Broken: If the other side does not take it in time.
        """
        self._end.settimeout(max(seconds, 0.01))
        self._send(messages.encode(message))

    def control(self, order: messages.Control, others: Sequence[socket.socket] = ()) -> None:
        """Give an order to the warm process, with the other ends of new channels.

        Raises:
            Broken: If it is gone.
        """
        try:
            socket.send_fds(self._end, [order.value], [other.fileno() for other in others])
        except OSError:
            raise Broken(Ending.ENDED) from None

    def _send(self, data: bytes) -> None:
        try:
            self._end.sendall(data)
        except TimeoutError:
            raise Broken(Ending.SILENT) from None
        except OSError:
            raise Broken(Ending.ENDED) from None

    def receive(self, kind: type[Reply], seconds: float) -> Reply:
        """The next line, which has to be a message of this kind.

        Raises:
            Broken: If none comes in time.
        """
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read[-CHUNK:]:
            self._more(deadline)
        line, _, rest = self._read.partition(b"\n")
        self._read = rest
        try:
            return _decoder(kind).decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise Broken(Ending.GARBLED) from None

    def is_quiet(self) -> bool:
        """Whether the other side is there and has said nothing that was not read."""
        self._end.settimeout(0)
        try:
            self._end.recv(1, socket.MSG_PEEK)  # returns if there is something, or the end
            return False
        except BlockingIOError:
            return not self._read
        except OSError:
            return False

    def _more(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Broken(Ending.SILENT)
        if self._left <= 0:
            raise Broken(Ending.GARBLED)
        self._end.settimeout(left)
        try:
            data = self._end.recv(CHUNK)
        except TimeoutError:
            raise Broken(Ending.SILENT) from None
        except OSError:
            raise Broken(Ending.ENDED) from None
        if not data:
            raise Broken(Ending.ENDED)
        self._read += data
        self._left -= len(data)

    def close(self) -> None:
        """Close our end."""
        self._end.close()


class Session:
    """One submission's process, seen from outside: a channel for its cells, and one for each function that is held.

    Every order raises `Broken` if no reply comes in time, which it may not survive, or if what comes is none.

    Args:
        cells: The channel for the cells.
        spare: Channels for functions; each is used once.
        end: Ends the process: the processor time that it used.

    Attributes:
        deadline: When patience ends with every order, on the monotonic clock.
    """

    deadline = math.inf

    def __init__(self, cells: Channel, spare: Sequence[Channel], end: Callable[[], float]):
        self._cells = cells
        self._spare = dict(enumerate(spare, 1))
        self._held: dict[str, Channel] = {}
        self._end = end

    @property
    def spare(self) -> int:
        """How many functions can still be held."""
        return len(self._spare)

    def read(self, source: str, given: str = "") -> messages.Described | None:
        """What the source of a cell says about itself, see `messages.Read`; None where it is no Python."""
        order = messages.Read(messages.printable(source), given, PAUSE / 2)
        return self._ask(order, Envelope[messages.Said], PAUSE).described

    def run(
        self, source: str, seconds: float, output: int = 0, keep: bool = True, passing: Mapping[str, int] | None = None
    ) -> messages.Ran:
        """Run a cell, see `messages.Run`."""
        order = messages.Run(messages.printable(source), seconds, output, keep, dict(passing or {}))
        ran = self._ask(order, Envelope[messages.Ran], seconds + GRACE)
        if len(ran.printed) > output + CUT:
            raise Broken(Ending.GARBLED)
        return ran

    def contest(self, order: contesting.Enter | contesting.Draw | contesting.Train, kind: type[Contested]) -> Contested:
        """Follow an order of the contest, see `messages`.

        Args:
            order: The order.
            kind: Of the reply.

        Raises:
            ValueError: If it cannot be followed; the text says why.
        """
        reply = self._ask(order, Envelope[kind | contesting.Refused], order.seconds + GRACE)  # type: ignore[valid-type]
        if isinstance(reply, contesting.Refused):
            raise ValueError(reply.reason)
        return reply

    def hold(self, name: str, copied: bool = True, checked: bool = True) -> messages.Held:
        """Keep a function as it is now, see `messages.Hold`; one of this name that was held is let go.

        Raises:
            LookupError: If no channel is left.
        """
        number, channel = self._spare.popitem()
        if name in self._held:
            self._held[name].close()  # its process hears of it, and ends
        self._held[name] = channel
        return self._ask(messages.Hold(name, number, copied, checked), Envelope[messages.Held], PAUSE)

    def ping(self, name: str) -> None:
        """See whether a function that is held is still there."""
        next(self._replies(self._held[name], messages.Ping(), Envelope[messages.Here], PAUSE))

    def answers(self, name: str, cases: Sequence[Group], observer: Any, seconds: float) -> Iterator[messages.Shown]:
        """What a function that is held shows on each case; a failure is the last.

        Args:
            name: The function.
            cases: Arguments by name, packed.
            observer: What to look at, as `course_utils.checks.observers` tells it.
            seconds: Wall time of all cases.
        """
        order = messages.Cases(list(cases), observer, seconds)
        replies = self._replies(self._held[name], order, Envelope[messages.Shown], seconds + GRACE)
        for _ in cases:
            reply = next(replies)
            yield reply
            if isinstance(reply, messages.Failed):
                return

    def end(self) -> float:
        """Kill what is left of it: the processor time that it used, with all that it started."""
        try:
            return self._end()  # while its channels are open: else it might end before it is asked what it used
        finally:
            for channel in (self._cells, *self._held.values(), *self._spare.values()):
                channel.close()

    def _ask(self, order: messages.Order, kind: type[Envelope[Body]], seconds: float) -> Body:
        """Give an order to the cells; nothing else may have been said on any channel when the reply is there."""
        reply = next(self._replies(self._cells, order, kind, seconds))
        if not all(channel.is_quiet() for channel in (self._cells, *self._held.values())):
            raise Broken(Ending.GARBLED)
        return reply

    def _replies(
        self, channel: Channel, order: messages.Order, kind: type[Envelope[Body]], seconds: float
    ) -> Iterator[Body]:
        """Replies to an order: each names it by a word that nobody could know before."""
        name = secrets.token_hex(8)
        deadline = min(time.monotonic() + seconds, self.deadline)
        channel.send(Envelope(name, order), deadline - time.monotonic())
        while True:
            reply = channel.receive(kind, deadline - time.monotonic())
            if reply.id != name:
                raise Broken(Ending.GARBLED)
            yield reply.body
