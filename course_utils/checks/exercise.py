"""One exercise as data, and the judgement of an answer to it."""

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

import torch
from torch import Tensor

from course_utils.checks.calling import AnswerError, Observation, called, observe
from course_utils.checks.families import build

CHECK_SEEDS = (1, 2, 3)
"""Cases that the notebook's check draws; a grader draws others."""


NOISES = ("eps", "dw", "noise", "dws")
"""Names of arguments that are random numbers."""


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


@dataclass(frozen=True, repr=False)
class Exercise:
    """An exercise: inputs, oracle, recognised mistakes, and the check made from them.

    Attributes:
        name: Name of the function that students write, and of its check.
        number: Such as "1.4".
        title: Such as "Euler–Maruyama step".
        points: Points for a right answer.
        draw: From a seed to the inputs of one call, as data, in the order of the arguments.
        reference: The oracle, with the student's signature.
        mistakes: The mistakes that are recognised.
        rtol: Tolerance, relative to the largest expected value.
        why: Why that tolerance.
        observer: How results are read: a key of `calling.OBSERVERS`.
    """

    name: str
    number: str
    title: str
    points: int
    draw: Callable[[int], dict]
    reference: Callable
    mistakes: tuple[Mistake, ...]
    rtol: float = 1e-8
    why: str = "float64 and the same formula: only rounding differs"
    observer: str = "returned"

    def __repr__(self) -> str:
        return f"Exercise {self.number} · {self.title}"

    def observe(self, fn: Callable, case: dict) -> Observation:
        """Call an answer on one case; see `calling.observe`."""
        return observe(fn, case, self.observer)

    def judge(self, case: dict, seen: Observation) -> Verdict:
        """Compare what an answer gave with the oracle, and look for the mistake that gives the same."""
        expected = called(self.reference, build(case), self.observer)
        if seen.changed:
            return Verdict(False, f"Your function changed its input {seen.changed[0]} in place; make a new tensor.")
        if not seen.repeatable:
            return Verdict(False, not_repeatable(case))
        if all(self._agree(seen.values.get(name), value) for name, value in expected.items()):
            return Verdict(True)
        for mistake in self.mistakes:
            try:
                wrong = called(mistake.wrong, build(case), self.observer)
            except (AnswerError, NotImplementedError):
                continue
            if all(self._agree(seen.values[name], value) for name, value in wrong.items()):
                message = f"{self._difference(expected, seen)}\nLikely cause: {mistake.message}"
                return Verdict(False, message, mistake.name)
        return Verdict(False, self._difference(expected, seen))

    def check(self, fn: Callable) -> None:
        """Say in one line that an answer is right or not done yet.

        Raises:
            CheckFailed: If it is wrong; the message says how.
        """
        heading = f"{self.number} {self.title}"
        for seed in CHECK_SEEDS:
            case = self.draw(seed)
            twice = "points and images" in self.observer
            call = f"\nThe call: {self.name}({', '.join(f'{k}={describe(v, twice)}' for k, v in case.items())})"
            try:
                seen = self.observe(fn, case)
            except NotImplementedError:
                print(f"{heading}: not done yet (your function reaches `raise NotImplementedError`)")
                return
            except AnswerError as error:
                raise CheckFailed(f"{heading}: {error}{call}") from error.__cause__
            verdict = self.judge(case, seen)
            if not verdict.right:
                raise CheckFailed(f"{heading}: not right yet.{call}\n{verdict.message}")
        print(f"{heading}: right ✓")

    def _agree(self, value: Tensor | None, expected: Tensor) -> bool:
        if value is None or value.shape != expected.shape or value.dtype != expected.dtype:
            return False
        if not expected.dtype.is_floating_point:
            return torch.equal(value, expected)
        scale = expected.nan_to_num().abs().max().item() if expected.numel() else 0.0
        return bool(torch.isclose(value, expected, rtol=0, atol=self.rtol * scale, equal_nan=True).all())

    def _difference(self, expected: dict[str, Tensor], seen: Observation) -> str:
        for name, value in expected.items():
            got = seen.values.get(name)
            if self._agree(got, value):
                continue
            if got.shape != value.shape:
                return f"The {name}: expected shape {tuple(value.shape)}, received {tuple(got.shape)}."
            if got.dtype != value.dtype:
                hint = " Make new tensors like the inputs, with x.new_zeros(...) or torch.zeros_like(x)."
                return f"The {name}: expected dtype {_plain(value.dtype)}, received {_plain(got.dtype)}.{hint}"
            gap = torch.nan_to_num((got - value).abs().double(), nan=torch.inf)
            at = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)) if gap.ndim else ()
            where = f" at index {at}" if at else ""
            cause = " (The root or logarithm of a negative number is nan, and so is 0 / 0.)" if got[at].isnan() else ""
            return f"The {name}{where}: expected {value[at].item():.6g}, received {got[at].item():.6g}.{cause}"
        raise ValueError("expected a difference between answer and oracle, found none")


def describe(value, points_first: bool = False) -> str:
    """An input in a few characters: small numbers whole, tensors by their shape, families by their name.

    `points_first`: images are preceded by a call with as many points cut from them, see `calling.points_and_images`.
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


def by_name(*exercises: Exercise) -> dict[str, Exercise]:
    """The exercises of a lab by the name of their function."""
    return {exercise.name: exercise for exercise in exercises}


def random_inputs(seed: int) -> Callable[..., Tensor]:
    """`normal(*shape)`: float64 standard normal numbers from one stream per seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)
