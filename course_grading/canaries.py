"""Whether what runs beside a student's code still does what it should, after all that the cells did to it."""

import secrets

import torch

from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered
from course_grading.sandbox.protocol import PAUSE, Broken, Session
from course_utils.checks.observers import Returned, pack_observer


def tampered(session: Session, channel: int) -> bool:
    """Whether an assertion that must fail does not, or a call does not show what it does.

    Args:
        session: The submission's process, after its last cell.
        channel: Number of a channel that no exercise has.
    """
    word = f"f_{secrets.token_hex(6)}"
    try:
        return not (_assertions_fail(session, word) and _calls_are_seen(session, channel, word))
    except (Broken, LookupError, TypeError, ValueError, RuntimeError, AttributeError):
        return True


def _assertions_fail(session: Session, word: str) -> bool:
    error = session.run(f"assert 1 == 2, '{word}'", PAUSE).error
    return error is not None and (error.kind, error.text) == ("AssertionError", word)


def _calls_are_seen(session: Session, channel: int, word: str) -> bool:
    factor = secrets.randbelow(1000) + 2
    ones = torch.ones(secrets.randbelow(5) + 2, dtype=torch.float64)
    session.run(f"def {word}(x):\n    x += 1\n    return x * {factor}", PAUSE)
    session.hold(word, channel)
    [reply] = session.answers(channel, [wire.pack_group({"x": ones})], pack_observer(Returned()), PAUSE)
    if not isinstance(reply, Answered) or reply.changed != ["x"]:
        return False
    return torch.equal(wire.unpack_tensor(reply.values["result"]), 2.0 * factor * ones)
