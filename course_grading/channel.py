"""Lines of JSON to and from a process that is not trusted: all that is read has a bound, in size and in time."""

import json
import socket
import time
from typing import Any

MOST = 4 << 20
"""Bytes that the other side may say on one channel; parsed, they may take ten times as much memory."""

CHUNK = 1 << 16


class Broken(ConnectionError):
    """No reply: the process has ended, is silent for too long, or says what is no reply. The text says which."""


class Channel:
    """Our end of a socket."""

    def __init__(self, end: socket.socket):
        self._end, self._read, self._left = end, bytearray(), MOST

    def send(self, order: Any, seconds: float) -> None:
        """Send one line.

        Raises:
            Broken: If the other side does not take it in time.
        """
        self._end.settimeout(max(seconds, 0.01))
        self.send_raw(json.dumps(order).encode() + b"\n")

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        try:
            self._end.sendall(data)
        except TimeoutError:
            raise Broken("silent") from None
        except OSError:
            raise Broken("ended") from None

    def send_channels(self, others: list[socket.socket]) -> None:
        """Hand over the other ends of new channels, with the order to start."""
        try:
            socket.send_fds(self._end, [b"s"], [other.fileno() for other in others])
        except OSError:
            raise Broken("ended") from None

    def receive(self, seconds: float) -> dict:
        """The next line, which has to be an object.

        Raises:
            Broken: If none comes in time.
        """
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read[-CHUNK:]:
            self._more(deadline)
        line, _, rest = self._read.partition(b"\n")
        self._read = rest
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            raise Broken("garbled") from None
        if not isinstance(reply, dict):
            raise Broken("garbled")
        return reply

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
            raise Broken("silent")
        if self._left <= 0:
            raise Broken("garbled")
        self._end.settimeout(left)
        try:
            data = self._end.recv(CHUNK)
        except TimeoutError:
            raise Broken("silent") from None
        except OSError:
            raise Broken("ended") from None
        if not data:
            raise Broken("ended")
        self._read += data
        self._left -= len(data)

    def close(self) -> None:
        """Close our end."""
        self._end.close()
