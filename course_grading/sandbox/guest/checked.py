"""What a notebook's checks were called with, so that the grader asks what they would have asked."""

from typing import Any


class Check:
    """Stands for every lab, and for every check in it."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, name: str) -> "Check":
        return self if name == "check" else Check(name)

    def __call__(self, answer: Any = None, *_, **__) -> None:
        _answers[self._name] = answer
        print("judged by the grader")


_answers: dict[str, Any] = {}


def stand_in(name: str) -> Check:
    """An attribute of `course_utils.checks` or of one of its modules."""
    if name.startswith("__"):
        raise AttributeError(name)
    return Check(name)


def take() -> dict[str, Any]:
    """By exercise, what was checked since this was asked last."""
    found = dict(_answers)
    _answers.clear()
    return found
