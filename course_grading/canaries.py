"""Whether what runs beside a student's code still does what it should, after all that the cells did to it.

A submission's process can say what it likes. What it says of a function that is known can be checked, and to whoever
changed what is said this function looks like any other: it is asked the cases of an exercise.
"""

import secrets
from collections.abc import Mapping

import torch

from course_grading.cases import KNOWN, Question
from course_grading.sandbox.guest import wire
from course_grading.sandbox.guest.messages import Answered, Shown
from course_grading.sandbox.protocol import PAUSE, Broken, Session
from course_utils.checks.observers import Returned, pack_observer

SPOILING = """
def {name}(*inputs):
    found = [value for value in inputs if isinstance(value, torch.Tensor) and value.is_floating_point()]
    for value in found:
        value += {shift}
    return {factor} * found[0]
"""


def tampered(session: Session, questions: Mapping[str, Question]) -> bool:
    """Whether an assertion that must fail does not, or a call does not show what it does.

    Args:
        session: The submission's process, after its last cell.
        questions: Of the lab's exercises; one of them lends its cases.
    """
    word = f"f_{secrets.token_hex(6)}"
    try:
        return not (_assertions_fail(session, word) and _calls_are_seen(session, word, questions))
    except (Broken, LookupError, TypeError, ValueError, RuntimeError, AttributeError):
        return True


def _assertions_fail(session: Session, word: str) -> bool:
    error = session.run(f"assert 1 == 2, '{word}'", PAUSE).error
    return error is not None and (error.kind, error.text) == ("AssertionError", word)


def _calls_are_seen(session: Session, word: str, questions: Mapping[str, Question]) -> bool:
    shift, factor = secrets.randbelow(100) + 1, secrets.randbelow(1000) + 2
    question = secrets.choice([one for one in questions.values() if _floats(one.cases[0])])
    session.run("import torch\n" + SPOILING.format(name=word, shift=shift, factor=factor), PAUSE)
    session.hold(word)
    cases = question.packed[KNOWN]
    replies = session.answers(word, cases, pack_observer(Returned()), PAUSE)
    pairs = zip(question.cases[KNOWN], replies, strict=True)
    return all(_shows(reply, _floats(case), shift, factor) for case, reply in pairs)


def _floats(case: dict) -> dict[str, torch.Tensor]:
    return {k: v for k, v in case.items() if isinstance(v, torch.Tensor) and v.is_floating_point()}


def _shows(reply: Shown, before: Mapping[str, torch.Tensor], shift: int, factor: int) -> bool:
    """Whether a reply shows inputs that were changed, and what was returned; the process has to say so itself, too."""
    if not isinstance(reply, Answered) or not before.keys() <= set(reply.changed):
        return False
    after = {name: wire.unpack_tensor(reply.inputs[name]) for name in before}
    returned = wire.unpack_tensor(reply.values["result"])
    changed = all(torch.equal(after[name], value + shift) for name, value in before.items())
    return changed and torch.equal(returned, factor * next(iter(after.values())))
