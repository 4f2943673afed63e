"""One exercise: an oracle, how inputs are drawn, the mistakes that are recognised, and the judgement of an answer.

    @exercise("1.6", "Langevin drift", points=2)
    def langevin_drift(score, x, sigma):  # the oracle
        return sigma**2 / 2 * score(x)

    @langevin_drift.inputs
    def _(normal):  # the inputs of one call, in the order of the arguments
        return {"score": affine_score(normal, 2), "x": normal(4, 2), "sigma": dyadic(normal, 1.0, 2.0)}

    @langevin_drift.mistake("the drift runs downhill, away from where p is large.")
    def downhill(score, x, sigma):
        return -langevin_drift.oracle(score, x, sigma)

`langevin_drift` is then the `Exercise`, and `langevin_drift(my_answer)` checks an answer.
"""

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from textwrap import fill
from typing import Any

from course_utils.checks.calling import Observation, called, observe, own_line
from course_utils.checks.comparing import agree, describe, difference
from course_utils.checks.families import build, kind_of
from course_utils.checks.inputs import SINGLE, Normal, single
from course_utils.checks.observers import AnswerError, Observer, PointsAndImages, Returned

__all__ = ["CHECK_SEEDS", "CheckFailed", "Exercise", "Mistake", "Verdict", "exercise", "left_changed", "not_repeatable"]

CHECK_SEEDS = (1, 2, 3, 4, 5, 6)
"""Cases that the notebook's check draws, one of each kind; a grader draws others."""

DRAWN = ("t", "eps", "dw", "noise", "dws", "u")
"""Names of arguments that a student may draw anew instead of using them."""

ROUNDING = "float64 and the same formula: only rounding differs"


NOT_DONE = "not done yet (your function reaches `raise NotImplementedError`)"

PATIENCE = 15.0
"""Seconds after which a check says how it can be stopped."""

LEFT = {
    "": "changed its input {name} in place; make a new tensor.",
    "requires_grad": "switched gradients on (requires_grad) for its input {name} itself, and left them on: that tensor "
    "is the caller's. Make one of your own from it.",
    "grad": "left gradients in {name} (.grad): is backward() called in it? What it returns is enough.",
    "training": "switched {name} between training and evaluation: leave it as it was.",
    "torch.seed": "set the seed of torch's random numbers: all that is drawn later, anywhere, would be the same again.",
    "torch.dtype": "changed torch's default dtype, for everything that comes later.",
    "torch.grad": "switched gradients off, or on, for everything that comes later.",
}
"""What a call left changed, by what follows the dot in `Observation.changed`, or by the whole."""


def left_changed(what: str, case: dict) -> str:
    """What to say of an answer that left something changed.

    Args:
        what: One of `Observation.changed`.
        case: The inputs of the call.

    Raises:
        KeyError: If there is no such thing.
    """
    name, _, kind = what.partition(".")
    if what in LEFT:
        return f"Your function {LEFT[what]}"
    if name not in case:
        raise KeyError(what)
    return f"Your function {LEFT[kind].format(name=name)}"


def not_repeatable(case: dict) -> str:
    """What to say of an answer that gives different results for the same inputs."""
    given = " and ".join(name for name in case if name in DRAWN)
    asked = f" Is something drawn anew that is given ({given})?" if given else ""
    return f"Two calls with the same inputs gave different results; nothing may be random here.{asked}"


@contextmanager
def _patience(heading: str) -> Iterator[None]:
    """Say after a while how a check can be stopped."""
    text = f"{heading}: still running. Is there a loop that never ends? To stop it, press ■, or I twice."
    timer = threading.Timer(PATIENCE, print, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


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


def exercise(
    number: str,
    title: str,
    *,
    points: int,
    sees: Observer = Returned(),
    rtol: float = 1e-8,
    single: float | None = None,
    why: str = ROUNDING,
) -> Callable[[Callable], "Exercise"]:
    """Make the `Exercise` of the oracle that is decorated; arguments as its attributes."""
    return lambda oracle: Exercise(oracle, number, title, points, sees, rtol, single, why)


@dataclass(eq=False, repr=False)
class Exercise:
    """An exercise; calling it checks an answer.

    Attributes:
        oracle: The right answer, by a closed form or a plain loop, with the student's signature.
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        points: Points for a right answer.
        sees: How results are read.
        rtol: Tolerance, relative to the largest expected value.
        single: The same in single precision, for the cases that are drawn in it; None if there are none.
        why: Why that tolerance.
        mistakes: The mistakes that are recognised: of two that give the same values, the first.
    """

    oracle: Callable
    number: str
    title: str
    points: int
    sees: Observer = Returned()
    rtol: float = 1e-8
    single: float | None = None
    why: str = ROUNDING
    mistakes: list[Mistake] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Exercise {self.number} · {self.title}"

    @property
    def name(self) -> str:
        """Name of the function that students write."""
        return self.oracle.__name__

    def inputs(self, drawn: Callable[[Normal], dict]) -> Callable:
        """Decorate the function that draws the inputs of one call, as data, in the order of the arguments."""
        self._drawn = drawn
        return drawn

    def mistake(self, message: str) -> Callable[[Callable], Callable]:
        """Decorate a wrong answer; `message` is read by a student who gave it. Its name in words names the mistake."""

        def add(wrong: Callable) -> Callable:
            self.mistakes.append(Mistake(wrong.__name__.replace("_", " "), wrong, message))
            return wrong

        return add

    def draw(self, seed: int) -> dict:
        """The inputs of one call, as data."""
        case = self._drawn(Normal(seed))
        return single(case) if self.single and seed % 6 == SINGLE else case

    def observe(self, fn: Callable, case: dict) -> Observation:
        """Call an answer on one case; see `calling.observe`."""
        return observe(fn, case, self.sees)

    def judge(self, case: dict, seen: Observation) -> Verdict:
        """Compare what an answer gave with the oracle, and look for the mistake that gives the same."""
        if seen.changed:
            return Verdict(False, left_changed(seen.changed[0], case))
        if not seen.repeatable:
            return Verdict(False, not_repeatable(case))
        expected = called(self.oracle, build(case), self.sees)
        if self._agree(seen.values, expected):
            return Verdict(True)
        differs = difference(seen.values, expected, self.rtol, self.single)
        cause = self.cause([(case, seen)])
        if cause is None:
            return Verdict(False, differs)
        return Verdict(False, f"{differs}\nLikely cause: {cause.message}", cause.name)

    def cause(self, wrong: Iterable[tuple[dict, Observation]]) -> Mistake | None:
        """The first mistake that gives the same values in each of these cases.

        Args:
            wrong: Cases that an answer got wrong, and what it gave.
        """
        pairs = list(wrong)
        return next((m for m in self.mistakes if all(self._gives(m, *pair) for pair in pairs)), None)

    def _gives(self, mistake: Mistake, case: dict, seen: Observation) -> bool:
        try:
            return self._agree(seen.values, called(mistake.wrong, build(case), self.sees))
        except AnswerError:
            return False

    def _agree(self, values: dict, expected: dict) -> bool:
        return agree(values, expected, self.rtol, self.single)

    def check(self, fn: Callable) -> None:
        """Say in one line that an answer is right or not done yet.

        Raises:
            CheckFailed: If it is wrong; the message says how.
        """
        heading = f"{self.number} {self.title}"
        unfit = _unfit(fn, list(self.draw(CHECK_SEEDS[0])))
        if unfit:
            raise CheckFailed(f"{heading}: {unfit}")
        with _patience(heading):
            done = all(self._passes(fn, seed, heading) for seed in CHECK_SEEDS)
        print(f"{heading}: right ✓" if done else f"{heading}: {NOT_DONE}")

    def _passes(self, fn: Callable, seed: int, heading: str) -> bool:
        """Whether an answer is right for one seed; False if it is not done yet. Errors as for `check`."""
        case = self.draw(seed)
        try:
            seen = self.observe(fn, case)
        except NotImplementedError:
            return False
        except AnswerError as error:
            raise CheckFailed(f"{heading}: {error}{self._call(case)}") from error.__cause__
        except KeyboardInterrupt as stop:
            where = own_line(stop, fn)
            raise CheckFailed(f"{heading}: stopped{where}.{self._call(case)}") from None
        verdict = self.judge(case, seen)
        if not verdict.right:
            raise CheckFailed(f"{heading}: not right yet.{self._call(case)}\n{verdict.message}")
        return True

    def __call__(self, fn: Callable) -> None:
        """Check an answer; see `check`."""
        self.check(fn)

    def _call(self, case: dict) -> str:
        twice = isinstance(self.sees, PointsAndImages)
        return f"\nThe call: {self.name}({', '.join(f'{k}={describe(v, twice)}' for k, v in case.items())})"


def _unfit(fn: Any, names: list[str]) -> str | None:
    """Why something cannot be called as the exercise asks, in words; None if it can."""
    if not callable(fn):
        return f"expected your function itself, got {kind_of(fn)}. Write its name alone, without brackets after it."
    try:
        parameters = inspect.signature(fn).parameters
        inspect.signature(fn).bind(*names)
    except ValueError:  # some functions of C have no signature
        return None
    except TypeError:
        return f"your function takes ({', '.join(parameters)}), but the exercise calls it with ({', '.join(names)})."
    if list(parameters) != names and sorted(parameters) == sorted(names):
        return f"your function takes ({', '.join(parameters)}), in another order than ({', '.join(names)})."
    return None
