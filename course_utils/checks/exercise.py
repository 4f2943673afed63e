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

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from course_utils import progress
from course_utils.checks.calling import Observation, called, observe, own_line
from course_utils.checks.clues import beside_what_is_none, ignored, on_simpler, relation, rows_left_empty, rows_right
from course_utils.checks.comparing import agree, describe, difference, first_difference, is_whole
from course_utils.checks.families import build
from course_utils.checks.gradients import of_loss_and_gradient
from course_utils.checks.inputs import SINGLE, Normal, single
from course_utils.checks.judgement import CheckFailed, Mistake, Verdict
from course_utils.checks.observers import Observer, PointsAndImages, Returned
from course_utils.checks.results import AnswerError, has_raised
from course_utils.checks.sentences import NOT_DONE, left_changed, not_repeatable, patience, unfit
from course_utils.checks.traits import Compared, Trait

__all__ = ["CHECK_SEEDS", "CheckFailed", "Exercise", "Mistake", "Verdict", "exercise"]

CHECK_SEEDS = (1, 2, 3, 4, 5, 6)
"""Cases that the notebook's check draws, one of each kind; a grader draws others."""

ROUNDING = "float64 and the same formula: only rounding differs"


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
        traits: What can be said of wrong results that no known mistake gives.
        pairs: Two mistakes at once, see `mistakes.pairs`. They are many: only the notebook's check looks for them.
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
    traits: list[Trait] = field(default_factory=list)
    pairs: list[Mistake] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Exercise {self.number} · {self.title}"

    @property
    def name(self) -> str:
        """Name of the function that students write."""
        return self.oracle.__name__

    @property
    def key(self) -> str:
        """Such as "lab1.euler"."""
        return ".".join(self.oracle.__module__.split(".")[-2:])

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
        expected = self.expected(case)
        if not seen.repeatable:
            return Verdict(False, not_repeatable(case, whole=is_whole(seen.values) and not is_whole(expected)))
        if self._agree(seen.values, expected):
            return Verdict(True)
        cause = self.cause([(case, seen)])
        differs = difference(seen.values, expected, self.rtol, self.single, explained=cause is not None)
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
        wrong = self.shown(mistake.wrong, case)
        return wrong is not None and self._agree(seen.values, wrong)

    def _agree(self, values: dict, expected: dict) -> bool:
        return agree(values, expected, self.rtol, self.single)

    def check(self, fn: Any, seed: int = CHECK_SEEDS[0]) -> bool:
        """Say in one line that an answer is right or not done yet, see `passes`; whether it is right."""
        self._say(done := self.passes(fn, seed), seed)
        return done

    def _say(self, done: bool, seed: int) -> None:
        print(f"{self._heading(seed)}: {'right ✓' if done else NOT_DONE}")

    def _heading(self, seed: int) -> str:
        return f"{self.number} {self.title}" + (f", inputs of seed {seed}" if seed != CHECK_SEEDS[0] else "")

    def passes(self, fn: Any, seed: int) -> bool:
        """Whether an answer is right; False if it is not done yet.

        Args:
            fn: The answer.
            seed: Of the first of six cases; the grader draws others than the usual ones, too.

        Raises:
            CheckFailed: If it is wrong; the message says how.
            ValueError: If the seed is no whole number from 1 on.
        """
        if seed < 1:
            raise ValueError(f"expected a whole number from 1 on as seed, got {seed!r}")
        heading = self._heading(seed)
        no_answer = unfit(fn, list(self.draw(seed)))
        if no_answer:
            raise CheckFailed(f"{heading}: {no_answer}")
        with patience(heading):
            return all(self._passes(fn, seed + i, heading) for i in range(len(CHECK_SEEDS)))

    def _passes(self, fn: Callable, seed: int, heading: str) -> bool:
        """Whether an answer is right for one seed; False if it is not done yet. Errors as for `check`."""
        case = self.draw(seed)
        try:
            seen = self.observe(fn, case)
        except NotImplementedError:
            return False
        except AnswerError as error:
            raise CheckFailed(f"{heading}: {error}{self.call(case)}") from error.__cause__
        except KeyboardInterrupt as stop:
            where = own_line(stop, fn)
            raise CheckFailed(f"{heading}: stopped{where}.{self.call(case)}") from None
        verdict = self.judge(case, seen)
        if not verdict.right:
            clue = "" if verdict.mistake else self._clue(fn, case, seen)
            raise CheckFailed(f"{heading}: not right yet.{self.call(case)}\n{verdict.message}{clue}")
        return True

    def _clue(self, fn: Callable, case: dict, seen: Observation) -> str:
        """What can be said of a wrong answer that is no known mistake, on a line of its own."""
        if seen.changed or not seen.repeatable:
            return ""
        expected = self.expected(case)
        name = first_difference(seen.values, expected, self.rtol, self.single)
        pair = seen.values[name], expected[name]
        if has_raised(pair[0]):
            return f"\n{seen.failure[0].upper()}{seen.failure[1:]}"
        if pair[0].dtype != pair[1].dtype:
            return ""  # the type is told already, and is all that is known to be wrong
        asked = functools.partial(self.shown, fn), functools.partial(self.shown, self.oracle), self._agree, case
        found = (
            self._pair(case, seen, expected)
            or rows_left_empty(*pair)
            or relation(*pair, case)
            or of_loss_and_gradient(seen.values, expected)
        )
        if found is None and pair[0].shape == pair[1].shape:
            fine, wrong = on_simpler(*asked)
            trait, vague = (self._trait(case, seen.values, expected, vague) for vague in (False, True))
            found = trait or ignored(*asked) or fine or vague or rows_right(*pair) or wrong
        return f"\n{found}" if found else ""

    def _pair(self, case: dict, seen: Observation, expected: dict) -> str | None:
        """Two mistakes that together give the same values, or one beside a division by 0, in words."""
        found = next((mistake for mistake in self.pairs if self._gives(mistake, case, seen)), None)
        if found:
            return f"Two things at once, it seems: {found.message}"
        shown = ((mistake.message, self.shown(mistake.wrong, case)) for mistake in self.mistakes)
        return beside_what_is_none(seen.values, expected, shown, self._agree)

    def _trait(self, case: dict, given: dict, expected: dict, vague: bool) -> str | None:
        """The first trait of a wrong result, in words; in single precision too little is known of it."""
        expected = {name: value for name, value in expected.items() if not has_raised(given[name])}
        if any(given[name].shape != v.shape or given[name].dtype != v.dtype for name, v in expected.items()):
            return None
        if any(value.dtype == torch.float32 for value in expected.values()):
            return None
        compared = Compared(given, expected, lambda other: called(other, build(case), self.sees))
        return next(
            (f"A clue: {trait.message}" for trait in self.traits if trait.vague == vague and trait.holds(compared)),
            None,
        )

    def expected(self, case: dict) -> dict:
        """What the oracle shows on a case."""
        return called(self.oracle, build(case), self.sees)

    def shown(self, fn: Callable, case: dict) -> dict | None:
        """What an answer shows on a case, or None if it raises."""
        try:
            return called(fn, build(case), self.sees)
        except (AnswerError, NotImplementedError, ValueError):  # the last where inputs were changed to what is none
            return None

    def __call__(self, fn: Any, seed: int = CHECK_SEEDS[0]) -> None:
        """Check an answer, see `check`, and remember how that went."""
        self._say(self.tried(fn, seed), seed)

    def tried(self, fn: Any, seed: int) -> bool:
        """Whether an answer is right, see `passes`; how that went is remembered, and not said."""
        try:
            done = self.passes(fn, seed)
        except CheckFailed:
            progress.remember(self.key, right=False)
            raise
        if done:
            progress.remember(self.key, right=True)
        return done

    def call(self, case: dict) -> str:
        """How an answer is called on one case, in words, on a line of its own."""
        twice = isinstance(getattr(self.sees, "each", self.sees), PointsAndImages)
        return f"\nThe call: {self.name}({', '.join(f'{k}={describe(v, twice)}' for k, v in case.items())})"
