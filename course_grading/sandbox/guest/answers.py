"""Calls a function that a student wrote on the cases that arrive, and tells what each call showed."""

from collections.abc import Callable
from typing import Any

import torch

from course_utils.checks.calling import observe, unfinished
from course_utils.checks.observers import AnswerError, unpack_observer

from . import confine, wire
from .messages import Answered, Cases, Envelope, Failed, Failure, Here, Kind, orders, send
from .shell import OutOfTime, at_most, raised, seed

KINDS: dict[type, Kind] = {
    type(None): Kind.NOTHING,
    torch.Tensor: Kind.TENSOR,
    **{kind: Kind(kind.__name__) for kind in (bool, int, float, str, list, tuple, dict)},
}


def answer(fn: Callable, channel: int) -> None:
    """Call a function on the cases that arrive, and send what the calls showed; a failure is the last of an order.

    Until cases come it says, when asked, that this process is still there.
    """
    seed()
    torch.set_num_threads(1)
    for asked in orders(channel):
        if not isinstance(asked.body, Cases):
            send(channel, Envelope(asked.id, Here()))
            continue
        confine.limit_cpu(int(asked.body.seconds) + 2)
        for case in asked.body.cases:
            reply = reply_to(wire.unpack(case), fn, asked.body)
            send(channel, Envelope(asked.id, reply))
            if isinstance(reply, Failed):
                break


def reply_to(case: dict, fn: Callable, cases: Cases) -> Answered | Failed:
    """One call in its time."""
    try:
        with at_most(cases.seconds):
            return call(fn, case, unpack_observer(cases.observer))
    except OutOfTime:
        return Failed(Failure.OUT_OF_TIME)
    except BaseException as error:
        return Failed(Failure.RAISED, raised(error))


def call(fn: Callable, case: dict, observer: Any) -> Answered | Failed:
    """One call; words of the exception stay here, since they could tell the inputs."""
    returned = []
    running = []

    def noted(*arguments):
        running.append(True)
        returned.append(fn(*arguments))
        running.clear()
        return returned[-1]

    try:
        seen = observe(noted, case, observer)
        values, again, inputs = map(packed, (seen.values, seen.again, seen.inputs))
    except Exception as error:
        if not running:  # the function came to its end; what it returned is no answer
            return Failed(Failure.RETURNED, got=kind_of(returned[-1] if returned else None))
        return failure(error, fn)
    return Answered(values, again, inputs, seen.changed)


def packed(tensors: dict[str, torch.Tensor]) -> dict[str, wire.Packed]:
    """Tensors as they are sent."""
    return {name: wire.pack_tensor(value) for name, value in tensors.items()}


def failure(error: Exception, fn: Callable) -> Failed:
    """What a function failed by."""
    cause = error.__cause__ if isinstance(error, AnswerError) and error.__cause__ else error
    if unfinished(cause, fn):
        return Failed(Failure.NOT_DONE)
    return Failed(Failure.RAISED, raised(cause, fn))


def kind_of(value: Any) -> Kind:
    """The kind of what is no answer."""
    if type(value).__module__ == "numpy":
        return Kind.NDARRAY
    return KINDS.get(type(value), Kind.OTHER)
