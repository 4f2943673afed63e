"""What passes between the grader and a submission's process: nothing is read that is not what was asked for."""

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from course_grading.sandbox import protocol
from course_grading.sandbox.guest import messages, wire
from course_grading.sandbox.guest.messages import Answered, Described, Failed, Failure, Holding, Kind, Raised
from course_grading.sandbox.protocol import Broken, Channel, Ending, Session

PACKED = wire.pack_tensor(torch.arange(3.0))
ORDERS: dict[str, tuple[Callable, list[messages.Message]]] = {
    "read": (
        lambda s: s.read("x = 1"),
        [messages.Said(None), messages.Said(Described(["x"], {"a": "b"}, {"x": ["y"]}, "import a", ["x"]))],
    ),
    "run": (
        lambda s: s.run("x = 1", 5.0, 10),
        [messages.Ran("x"), messages.Ran("", Raised("KeyError", "'x'", 3), ["f"])],
    ),
    "hold": (lambda s: s.hold("g"), [messages.Held(holding, other) for holding in Holding for other in (False, True)]),
    "ping": (lambda s: s.ping("f"), [messages.Here()]),
    "answers": (
        lambda s: list(s.answers("f", [wire.Group({"x": PACKED})], "returned", 5.0)),
        [
            Answered({"result": PACKED}, {"result": PACKED}, {"x": PACKED}, ["x"]),
            Failed(Failure.RAISED, Raised("KeyError")),
            Failed(Failure.RETURNED, got=Kind.LIST),
        ],
    ),
}
"""By order, how a session gives it, and replies to it."""

REPLIES = [(order, reply) for order, (_, replies) in ORDERS.items() for reply in replies]
each_reply = pytest.mark.parametrize(("order", "reply"), REPLIES, ids=[f"{o} {type(r).__name__}" for o, r in REPLIES])
EXERCISES = ("ping", "answers")
"""Orders that go to a function that is held."""


def send_all(end: socket.socket, data: bytes) -> None:
    try:
        end.sendall(data)
    except OSError:
        pass  # the grader has closed its end


@contextmanager
def session(order: str, reply: Callable[[bytes], bytes | None]) -> Iterator[tuple[Session, list[socket.socket]]]:
    """A session with a process that replies to one order as this function of the order's line says."""
    pairs = [socket.socketpair() for _ in range(2)]
    theirs = pairs[order in EXERCISES][1]

    def follow() -> None:
        line = theirs.makefile("rb").readline()
        said = reply(line)
        if said is None:
            theirs.close()
        else:
            send_all(theirs, said)

    other = threading.Thread(target=follow)
    other.start()
    try:
        cells, exercise = (Channel(ours) for ours, _ in pairs)
        made = Session(cells, [exercise] * 2, lambda: 0.5)
        made._held["f"] = exercise
        yield made, [theirs for _, theirs in pairs]
    finally:
        for ours, _ in pairs:
            ours.close()  # who still writes hears of it
        other.join()
        for _, end in pairs:
            end.close()


def asked(order: str, reply: Callable[[bytes], bytes | None]) -> object:
    with session(order, reply) as (made, _):
        return ORDERS[order][0](made)


def ending(order: str, reply: Callable[[bytes], bytes | None]) -> Ending:
    with pytest.raises(Broken) as caught:
        asked(order, reply)
    return caught.value.ending


def named(line: bytes, reply: messages.Message) -> bytes:
    """A reply to the order in a line."""
    return messages.encode(messages.Envelope(json.loads(line)["id"], reply))


@each_reply
def test_a_reply_arrives_as_it_was_sent(order: str, reply: messages.Message):
    got = asked(order, lambda line: named(line, reply))
    wanted = {"ping": None, "answers": [reply], "read": getattr(reply, "described", None)}
    assert got == wanted.get(order, reply)


def test_an_order_arrives_as_it_was_given():
    read, write = socket.socketpair()
    with read, write:
        orders = [
            messages.Read("é", "è", 1.5),
            messages.Run("x", 2.0, 3, False),
            messages.Hold("f", 4, False),
            messages.Ping(),
            messages.Cases([wire.Group({"x": PACKED, "n": 3, "h": 0.5, "d": wire.Group({"s": "t"})})], {"a": [1]}, 1.0),
        ]
        for i, order in enumerate(orders):
            messages.send(write.fileno(), messages.Envelope(f"{i}", order))
        write.close()
        got = list(messages.orders(read.fileno()))
    assert [one.body for one in got] == orders and [one.id for one in got] == list("01234")


ODD = ([{"odd": 1.5}], {"odd": [1.5]})
"""What can stand nowhere in a reply."""


def mangled(value: object) -> Iterator[object]:
    """A reply with something odd in place of each part of it in turn, and added to each part that has names."""
    yield from ODD
    if isinstance(value, dict):
        yield value | {"odd": [1.5]}
        for name, part in value.items():
            yield from (value | {name: other} for other in mangled(part))
    if isinstance(value, list):
        for i, part in enumerate(value):
            yield from ([*value[:i], other, *value[i + 1 :]] for other in mangled(part))


def enveloped(line: bytes, body: object) -> bytes:
    return json.dumps({"id": json.loads(line)["id"], "body": body}).encode() + b"\n"


@each_reply
def test_a_reply_with_any_part_of_another_kind_cannot_be_read(order: str, reply: messages.Message):
    for body in mangled(json.loads(messages.encode(reply))):
        assert ending(order, lambda line, body=body: enveloped(line, body)) is Ending.GARBLED, body


@each_reply
def test_a_reply_to_another_order_cannot_be_read(order: str, reply: messages.Message):
    assert ending(order, lambda line: messages.encode(messages.Envelope("0" * 16, reply))) is Ending.GARBLED
    for other, (_, replies) in ORDERS.items():
        if other != order:
            said = Failed(Failure.NOT_DONE) if other == "answers" else replies[-1]
            assert ending(order, lambda line, said=said: named(line, said)) is Ending.GARBLED


GARBAGE = {
    "nothing": b"\n",
    "no JSON": b"odd\n",
    "binary": bytes(range(11, 256)) + b"\n",
    "deep": b"[" * 100_000 + b"\n",
    "deep objects": b'{"body": ' * 100_000 + b"\n",
    "a number": b"9" * 100_000 + b"\n",
    "not a number": b"NaN\n",
    "too much": b"[" * (protocol.MOST + 200_000),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_cannot_be_read(order: str, kind: str):
    with session(order, lambda line: GARBAGE[kind]) as (made, _):
        with pytest.raises(Broken) as caught:
            ORDERS[order][0](made)
        made.end()
    assert caught.value.ending is Ending.GARBLED


def test_no_more_is_kept_than_fits():
    ours, theirs = socket.socketpair()
    with theirs:
        channel = Channel(ours)
        writer = threading.Thread(target=send_all, args=(theirs, b"[" * 2 * protocol.MOST))
        writer.start()
        with pytest.raises(Broken, match="garbled"):
            channel.receive(messages.Ready, 30)
        assert len(channel._read) <= protocol.MOST + protocol.CHUNK
        channel.close()
        writer.join()


@pytest.mark.parametrize("order", ORDERS)
def test_an_end_and_a_silence_are_told_apart(order: str, monkeypatch: pytest.MonkeyPatch):
    assert ending(order, lambda line: None) is Ending.ENDED
    monkeypatch.setattr(protocol, "PAUSE", 0.05)
    monkeypatch.setattr(protocol, "GRACE", -4.95)
    assert ending(order, lambda line: b'{"id": ') is Ending.SILENT


@pytest.mark.parametrize("order", [order for order in ORDERS if order not in EXERCISES])
def test_nobody_may_speak_who_was_not_asked(order: str):
    with session(order, lambda line: named(line, ORDERS[order][1][0])) as (made, ends):
        ends[1].sendall(b"x")
        with pytest.raises(Broken, match="garbled"):
            ORDERS[order][0](made)
    assert ending(order, lambda line: named(line, ORDERS[order][1][0]) + b"x") is Ending.GARBLED


def test_what_is_printed_and_raised_has_the_bound_that_was_asked_for():
    for reply in (
        messages.Ran("x" * (10 + protocol.CUT + 1)),
        messages.Ran("", Raised("E" * 101)),
        messages.Ran("", Raised("E", "x" * 501)),
    ):
        assert ending("run", lambda line, reply=reply: named(line, reply)) is Ending.GARBLED


def answers(cases: int, *replies: messages.Message) -> list[messages.Shown]:
    with session("answers", lambda line: b"".join(named(line, reply) for reply in replies)) as (made, _):
        return list(made.answers("f", [wire.Group({})] * cases, "returned", 1.0))


def test_the_first_failure_is_the_last_reply():
    good = Answered({}, {}, {})
    assert answers(3, good, good, good, good) == [good] * 3
    assert answers(3, good, Failed(Failure.NOT_DONE), good) == [good, Failed(Failure.NOT_DONE)]
    with pytest.raises(Broken, match="silent"):
        answers(3, good, good)


def test_all_cases_have_one_time_together(monkeypatch: pytest.MonkeyPatch):
    seconds = itertools.count(step=0.25)
    monkeypatch.setattr(protocol, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    long = Answered({}, {}, {}, ["x" * protocol.CHUNK])
    assert answers(2, *[long] * 2) == [long] * 2
    with pytest.raises(Broken, match="silent"):
        answers(30, *[long] * 30)


def test_a_text_that_is_no_unicode_can_be_sent():
    for text in ("\ud800", "x = '\udfff'"):
        assert messages.printable(text) == text.encode("ascii", "replace").decode()
        with session("read", lambda line: named(line, messages.Said(None))) as (made, _):
            assert made.read(text) is None
    assert messages.printable("é – 🙂") == "é – 🙂"
