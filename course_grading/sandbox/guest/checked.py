"""What a notebook's checks were called with, so that the grader asks what they would have asked."""

from typing import Any


class CheckFailed(AssertionError):
    """What a check raises of an answer that is not right."""


class Check:
    """Stands for every lab, and for every check in it."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> "Check":
        return self if name == "check" else Check(name)

    def __call__(self, answer: Any = None, *_, **__) -> None:
        if self._name in _passing:
            _passing[self._name] -= 1
            if _passing[self._name]:
                raise CheckFailed("not right yet")
        _answers[self._name] = answer
        print("judged by the grader")


_answers: dict[str, Any] = {}
_passing: dict[str, int] = {}
"""By exercise, how many of its checks there are to the one that does not fail, as those of wrong answers do."""


def stand_in(name: str) -> Check | type[CheckFailed]:
    """An attribute of `course_utils.checks` or of one of its modules."""
    if name.startswith("__"):
        raise AttributeError(name)
    return CheckFailed if name == "CheckFailed" else Check(name)


def let_pass(numbers: dict[str, int]) -> None:
    """By exercise, let all checks fail but one, counted from 1."""
    _passing.update(numbers)


def take() -> dict[str, Any]:
    """By exercise, what was checked since this was asked last."""
    found = dict(_answers)
    _answers.clear()
    return found
