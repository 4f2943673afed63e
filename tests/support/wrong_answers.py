"""Wrong answers of students, each with words of what its check has to say."""

import re
from collections.abc import Callable

import pytest

from course_utils import checks
from course_utils.checks import CheckFailed


class WrongAnswers(list):
    """Parameters of a test: exercise, words, answer. `told` registers one more."""

    def told(self, exercise: str, words: str) -> Callable:
        """Register a wrong answer to an exercise, such as "lab1.euler", and words of what its check says."""

        def register(fn: Callable) -> Callable:
            self.append(pytest.param(exercise, words, fn, id=f"{exercise}-{fn.__name__}"))
            return fn

        return register


def assert_told(exercise: str, words: str, fn: Callable, flags: re.RegexFlag) -> None:
    """The check refuses the answer, with these words."""
    lab, name = exercise.split(".")
    with pytest.raises(CheckFailed) as failure:
        getattr(getattr(checks, lab), name)(fn)
    assert re.search(words, str(failure.value), flags), failure.value
