"""What is said of an answer: that it is wrong, why, and which mistake it is."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

__all__ = ["CheckFailed", "Mistake", "Verdict"]


class CheckFailed(AssertionError):
    """An answer is wrong; the text says what was called, expected and received, and the likely cause."""

    def _render_traceback_(self) -> list[str]:
        # JupyterLab would break long lines in the middle of a word.
        return [fill(line, 100, break_on_hyphens=False) for line in str(self).splitlines()]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that students really give.

    Attributes:
        name: A few words.
        wrong: The wrong implementation, with the student's signature.
        message: What a student who made it reads; never the answer.
    """

    name: str
    wrong: Callable
    message: str


@dataclass(frozen=True)
class Verdict:
    """The judgement of one case: whether it is right, else why not, and the recognised mistake if there is one."""

    right: bool
    message: str = ""
    mistake: str | None = None
