"""From the replies of a student's function to what it showed. Nothing in a reply is believed but its bytes.

Whether an input was changed and whether two calls gave the same follows from bytes that are compared here.
"""

from collections.abc import Sequence

import torch

from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered, Shown
from course_utils.checks.calling import Observation, compared
from course_utils.checks.exercise import Exercise
from course_utils.checks.sentences import left_changed


class Garbled(ValueError):
    """A reply that the course's own code does not give."""


def right(exercise: Exercise, cases: Sequence[dict], replies: Sequence[Shown]) -> bool:
    """Whether all cases have a right answer."""
    if len(replies) != len(cases):
        return False
    pairs = zip(cases, replies, strict=True)
    try:
        return all(exercise.judge(case, observed(exercise, case, reply)).right for case, reply in pairs)
    except Exception:  # whatever a student's process sent: it is no right answer
        return False


def observed(exercise: Exercise, case: dict, reply: Shown) -> Observation:
    """What a reply shows, with exactly the values that the oracle gives.

    Raises:
        Garbled: If it is none.
        KeyError: If it says that something was changed which the case does not have.
    """
    if not isinstance(reply, Answered):
        raise Garbled("expected values")
    tensors = {name for name, value in case.items() if isinstance(value, torch.Tensor)}
    if not reply.values.keys() == reply.again.keys() == exercise.expected(case).keys():
        raise Garbled("expected the values that the oracle gives")
    if reply.inputs.keys() != tensors:
        raise Garbled("expected the inputs of the case")
    for what in reply.changed:
        left_changed(what, case)
    seen = compared(case, *(_unpacked(each) for each in (reply.values, reply.again, reply.inputs)))
    seen.changed += [name for name in reply.changed if name not in seen.changed]
    return seen


def _unpacked(values: dict[str, wire.Packed]) -> dict[str, torch.Tensor]:
    return {name: wire.unpack_tensor(packed) for name, packed in values.items()}
