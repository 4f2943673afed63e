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

from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import fill

import torch
from torch import Tensor

from course_utils.checks.calling import Observation, called, observe
from course_utils.checks.families import build
from course_utils.checks.inputs import Normal
from course_utils.checks.observers import AnswerError, Observer, PointsAndImages, Returned
from course_utils.checks.traits import GENERAL, SHAPES, Compared, Trait, no_infinities

__all__ = ["CHECK_SEEDS", "CheckFailed", "Exercise", "Mistake", "Verdict", "exercise", "not_repeatable"]

CHECK_SEEDS = (1, 2, 3)
"""Cases that the notebook's check draws; a grader draws others."""

NOISES = ("eps", "dw", "noise", "dws")
"""Names of arguments that are random numbers."""

ROUNDING = "float64 and the same formula: only rounding differs"


def not_repeatable(case: dict) -> str:
    """What to say of an answer that gives different results for the same inputs."""
    given = "".join(f" The noise is given as the argument {name}." for name in case if name in NOISES)
    return f"Two calls with the same inputs gave different results; nothing may be random here.{given}"


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
    why: str = ROUNDING,
) -> Callable[[Callable], "Exercise"]:
    """Make the `Exercise` of the oracle that is decorated; arguments as its attributes."""
    return lambda oracle: Exercise(oracle, number, title, points, sees, rtol, why)


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
        why: Why that tolerance.
        mistakes: The mistakes that are recognised: of two that give the same values, the first.
        traits: What is said of wrong results that no known mistake gives, where nothing general fits.
    """

    oracle: Callable
    number: str
    title: str
    points: int
    sees: Observer = Returned()
    rtol: float = 1e-8
    why: str = ROUNDING
    mistakes: list[Mistake] = field(default_factory=list)
    traits: list[Trait] = field(default_factory=list)

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
        return self._drawn(Normal(seed))

    def observe(self, fn: Callable, case: dict) -> Observation:
        """Call an answer on one case; see `calling.observe`."""
        return observe(fn, case, self.sees)

    def judge(self, case: dict, seen: Observation) -> Verdict:
        """Compare what an answer gave with the oracle, and look for the mistake that gives the same."""
        expected = called(self.oracle, build(case), self.sees)
        if seen.changed:
            return Verdict(False, f"Your function changed its input {seen.changed[0]} in place; make a new tensor.")
        if not seen.repeatable:
            return Verdict(False, not_repeatable(case))
        if self._agree(seen.values, expected):
            return Verdict(True)
        difference = self._difference(seen.values, expected)
        for mistake in self.mistakes:
            try:
                wrong = called(mistake.wrong, build(case), self.sees)
            except AnswerError:
                continue
            if self._agree(no_infinities(seen.values), no_infinities(wrong)):
                return Verdict(False, f"{difference}\n{self.sentence(mistake.name)}", mistake.name)
        pair = Compared(seen.values, expected, lambda fn: called(fn, build(case), self.sees))
        for trait in (*GENERAL, *self.traits) if pair.alike else SHAPES:
            if trait.holds(pair):
                return Verdict(False, f"{difference}\n{self.sentence(trait.name)}", trait.name)
        return Verdict(False, difference)

    def sentence(self, name: str) -> str:
        """What is said of a mistake or a trait with this name."""
        for mistake in self.mistakes:
            if mistake.name == name:
                return f"Likely cause: {mistake.message}"
        return next(f"A clue: {trait.message}" for trait in (*self.traits, *GENERAL, *SHAPES) if trait.name == name)

    def check(self, fn: Callable) -> None:
        """Say in one line that an answer is right or not done yet.

        Raises:
            CheckFailed: If it is wrong; the message says how.
        """
        heading = f"{self.number} {self.title}"
        for seed in CHECK_SEEDS:
            case = self.draw(seed)
            try:
                seen = self.observe(fn, case)
            except NotImplementedError:
                print(f"{heading}: not done yet (your function reaches `raise NotImplementedError`)")
                return
            except AnswerError as error:
                raise CheckFailed(f"{heading}: {error}{self._call(case)}") from error.__cause__
            verdict = self.judge(case, seen)
            if not verdict.right:
                raise CheckFailed(f"{heading}: not right yet.{self._call(case)}\n{verdict.message}")
        print(f"{heading}: right ✓")

    def __call__(self, fn: Callable) -> None:
        """Check an answer; see `check`."""
        self.check(fn)

    def _call(self, case: dict) -> str:
        twice = isinstance(getattr(self.sees, "each", self.sees), PointsAndImages)
        return f"\nThe call: {self.name}({', '.join(f'{k}={_describe(v, twice)}' for k, v in case.items())})"

    def _agree(self, values: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
        return all(_equal(values.get(name), value, self.rtol) for name, value in expected.items())

    def _difference(self, values: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
        differing = (name for name, value in expected.items() if not _equal(values.get(name), value, self.rtol))
        name = next(differing)
        return _difference(name, values[name], expected[name])


def _equal(value: Tensor | None, expected: Tensor, rtol: float) -> bool:
    if value is None or value.shape != expected.shape or value.dtype != expected.dtype:
        return False
    if not expected.dtype.is_floating_point:
        return torch.equal(value, expected)
    scale = expected.nan_to_num(posinf=0.0, neginf=0.0).abs().max().item() if expected.numel() else 0.0
    return bool(torch.isclose(value, expected, rtol=0, atol=rtol * scale, equal_nan=True).all())


def _difference(name: str, got: Tensor, expected: Tensor) -> str:
    """The first thing that differs: shape, dtype or the worst entry."""
    if got.shape != expected.shape:
        return f"The {name}: expected shape {tuple(expected.shape)}, received {tuple(got.shape)}."
    if got.dtype != expected.dtype:
        hint = " Make new tensors like the inputs, with x.new_zeros(...) or torch.zeros_like(x)."
        return f"The {name}: expected dtype {_plain(expected.dtype)}, received {_plain(got.dtype)}.{hint}"
    gap = torch.nan_to_num((got - expected).abs().double(), nan=torch.inf)
    at = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)) if gap.ndim else ()
    where = f" at index {at}" if at else ""
    cause = " (The root or logarithm of a negative number is nan, and so is 0 / 0.)" if got[at].isnan() else ""
    return f"The {name}{where}: expected {expected[at].item():.6g}, received {got[at].item():.6g}.{cause}"


def _describe(value, points_first: bool = False) -> str:
    """An input in a few characters: small numbers whole, tensors by their shape, families by their name.

    `points_first`: images are preceded by a call with as many points cut from them, see `observers.PointsAndImages`.
    """
    if isinstance(value, Tensor) and value.ndim > 2 and points_first:
        return f"tensor of shape {(len(value), len(value))}, then {tuple(value.shape)}"
    if isinstance(value, Tensor):
        return f"{value.item():.4g}" if value.ndim == 0 else f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, dict):
        return f"<{value.get('name', '')}{' ' if 'name' in value else ''}{value['family']}>"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
