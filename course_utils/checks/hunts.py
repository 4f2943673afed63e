"""Bug hunts: a wrong function is shown, and the student says what is wrong with it, or repairs it.

    bug_hunt = Hunts()

    @bug_hunt.of(heun_step, "old state", "midpoint", "predicted backwards")
    def old_time(field, x, t, h):
        start = field(x, t)
        return x + h * (start + field(x + h * start, t)) / 2

The name of the function, in words, is that of the recognised mistake which it makes: so what is said of it stands once,
in the exercise. The other names are those of mistakes that would give other values.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

from course_utils.checks.calling import Observation, called
from course_utils.checks.comparing import agree, difference
from course_utils.checks.exercise import CHECK_SEEDS, Exercise, Mistake, Verdict
from course_utils.checks.families import build
from course_utils.checks.observers import Number

__all__ = ["Choice", "Hunt", "Hunts"]

BESIDE = ("this function gives", "that mistake would give")
WIDTH = 100


@dataclass(frozen=True)
class Hunt:
    """A wrong function, and four sentences of which one says what is wrong with it.

    Attributes:
        number: Counted from 1 in its lab.
        exercise: The exercise that it is an answer to.
        wrong: The function.
        mistake: What is wrong with it.
        others: Three mistakes that it does not make.
    """

    number: int
    exercise: Exercise
    wrong: Callable
    mistake: Mistake
    others: tuple[Mistake, ...]

    @property
    def choices(self) -> list[Mistake]:
        """The mistake and the three others, in an order that the number fixes."""
        named = {hashlib.sha256(f"{self.number} {m.name}".encode()).digest(): m for m in (self.mistake, *self.others)}
        return [named[digest] for digest in sorted(named)]

    @property
    def answer(self) -> int:
        """Number of the sentence that is right, from 1 on."""
        return 1 + self.choices.index(self.mistake)

    @property
    def source(self) -> str:
        """The function under the name that students give it."""
        header, rest = inspect.getsource(self.wrong).split("\ndef ", 1)
        return f"def {self.exercise.name}{rest.removeprefix(self.wrong.__name__)}".rstrip()

    def failure(self) -> str:
        """The first call of the check that goes wrong: what is called, expected and received."""
        for case in map(self.exercise.draw, CHECK_SEEDS):
            values, right = self._values(self.wrong, case), self._values(self.exercise.oracle, case)
            if self._differ(values, right):
                return f"{self.exercise.call(case)}\n{self._difference(values, right)}".strip()
        raise LookupError(f"bug hunt {self.number} passes the check")

    def beside(self, other: Mistake) -> str:
        """The first call of the check in which a mistake that this is not would have given something else."""
        for case in map(self.exercise.draw, CHECK_SEEDS):
            values, own = self.exercise.shown(other.wrong, case), self._values(self.wrong, case)
            if values is not None and self._differ(values, own):
                return f"{self.exercise.call(case)}\n{self._difference(values, own, BESIDE)}".strip()
        raise LookupError(f"bug hunt {self.number} also makes this mistake: {other.name}")

    def _values(self, fn: Callable, case: dict) -> dict:
        return called(fn, build(case), self.exercise.sees)

    def _differ(self, values: dict, others: dict) -> bool:
        return not agree(values, others, self.exercise.rtol, self.exercise.single)

    def _difference(self, values: dict, others: dict, words: tuple[str, str] = ("expected", "received")) -> str:
        return difference(values, others, self.exercise.rtol, self.exercise.single, words=words)


class Choice(Exercise):
    """An exercise without inputs: the number of a sentence is asked for. Of a wrong one the right one is not told."""

    def judge(self, case: dict, seen: Observation) -> Verdict:
        verdict = super().judge(case, seen)
        if verdict.right or not seen.repeatable:
            return verdict
        cause = self.cause([(case, seen)])
        if cause is None:
            return Verdict(False, f"Expected the number of a sentence, from 1 to {1 + len(self.mistakes)}.")
        return Verdict(False, f"Likely cause: {cause.message}", cause.name)

    def _clue(self, fn: Callable, case: dict, seen: Observation) -> str:
        return ""


class Hunts:
    """The bug hunts of a lab: `checks.lab1.bug_hunt`."""

    def __init__(self) -> None:
        self.hunts: list[Hunt] = []

    def of(self, exercise: Exercise, *others: str) -> Callable[[Callable], Callable]:
        """Decorate a wrong answer to an exercise.

        Args:
            exercise: The exercise. One of its mistakes is named like the function that is decorated.
            others: Names of three other mistakes of the exercise.
        """

        def add(wrong: Callable) -> Callable:
            known = {mistake.name: mistake for mistake in exercise.mistakes}
            own, *rest = (known[name] for name in (wrong.__name__.replace("_", " "), *others))
            self.hunts.append(Hunt(1 + len(self.hunts), exercise, wrong, own, tuple(rest)))
            return wrong

        return add

    def __call__(self, number: Any = None, answer: Any = None) -> None:
        """Print how many bug hunts there are, or one of them, or what is to be said of an answer to it.

        Args:
            number: Which one, from 1 on; without it, all are listed.
            answer: The number of a sentence, or a repaired function, which the exercise then checks.

        Raises:
            CheckFailed: If a repaired function is still wrong.
            ValueError: If there is no such hunt or sentence.
        """
        if number is None:
            print("\n".join([self._count(), *(f"  {h.number}  {_title(h)}" for h in self.hunts)]))
            return
        if not self.hunts or not _is_one_of(number, len(self.hunts)):
            raise ValueError(f"expected the number of a bug hunt; {self._count()} Got {number!r}")
        hunt = self.hunts[number - 1]
        if answer is None:
            print(_shown(hunt))
        elif callable(answer):
            hunt.exercise.check(answer)
        else:
            print(_told(hunt, answer))

    def _count(self) -> str:
        if not self.hunts:
            return "there are none in this lab."
        return f"there are {len(self.hunts)} in this lab, bug_hunt(1) to bug_hunt({len(self.hunts)})."

    def asked(self, number: str, sentences: Mapping[str, str], points: int = 1) -> Choice:
        """What is wrong with the function of the first bug hunt, as an exercise of its lab.

        Args:
            number: Of the exercise, such as "1.7".
            sentences: By the names of the other choices, what helps a student who chose them.
            points: Points for a right answer.
        """
        hunt = self.hunts[0]
        oracle = _says(hunt.answer)
        oracle.__module__ = hunt.wrong.__module__.replace(".hunts", ".what_is_wrong")
        exercise = Choice(oracle, number, "Bug hunt", points, Number(), why="a whole number")
        exercise.inputs(lambda normal: {})
        for i, choice in enumerate(hunt.choices, 1):
            if choice is not hunt.mistake:
                exercise.mistakes.append(Mistake(choice.name, _says(i), sentences[choice.name]))
        return exercise


def _says(number: int) -> Callable[[], int]:
    def what_is_wrong():
        return number

    return what_is_wrong


def _is_one_of(number: Any, count: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= count


def _title(hunt: Hunt) -> str:
    return f"{hunt.exercise.number} {hunt.exercise.title}"


def _sentence(mistake: Mistake, label: str = "") -> str:
    words = mistake.message
    symbol = words[1] == " " and words[0] != "a"
    text = f"{label}{words if symbol else words[0].upper() + words[1:]}"
    return fill(text, WIDTH, subsequent_indent=" " * len(label), break_on_hyphens=False)


def _shown(hunt: Hunt) -> str:
    """The function, where it goes wrong, and the four sentences."""
    lab = hunt.exercise.key.split(".")[0]
    call = f"checks.{lab}.bug_hunt({hunt.number}"
    sentences = [_sentence(choice, f"  {i}. ") for i, choice in enumerate(hunt.choices, 1)]
    ask = f"What is wrong? Choose a sentence, as in {call}, 1), or repair it: {call}, {hunt.exercise.name})"
    return "\n\n".join(
        [f"Bug hunt {hunt.number} · {_title(hunt)}", hunt.source, hunt.failure(), "\n".join([ask, *sentences])]
    )


def _told(hunt: Hunt, answer: Any) -> str:
    """What is to be said of a chosen sentence."""
    if not _is_one_of(answer, len(hunt.choices)):
        got = (
            f"expected the number of a sentence, from 1 to {len(hunt.choices)}, or a repaired function, got {answer!r}"
        )
        raise ValueError(got)
    chosen = hunt.choices[answer - 1]
    if chosen is hunt.mistake:
        return f"Bug hunt {hunt.number}: right ✓\n{_sentence(chosen)}"
    return f"Bug hunt {hunt.number}: no. That mistake would have given other numbers.\n{hunt.beside(chosen)}"
