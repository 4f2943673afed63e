"""Entries in the sandbox: one process runs an entry, others, in which nothing of it is left, do what it was said to do.

The box of the contest holds no classifier and no real digit, but the mixtures that the contest gives.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from course_grading.model import MB, Limits
from course_grading.sandbox.guest import contesting
from course_grading.sandbox.host import Sandbox
from course_grading.sandbox.protocol import Broken, Ending, Session
from course_utils.contest.entries import Entry, Recorded
from course_utils.contest.given import MIXTURES, given_tensors
from course_utils.contest.rules import ROWS, RULES
from course_utils.contest.trial import Drawn
from course_utils.weights import save_tensors

__all__ = ["LIMITS", "TRAINING", "Boxes"]

Given = TypeVar("Given")

LIMITS = Limits(cell_seconds=60, notebook_seconds=120, cpu_seconds=60, memory=3072 * MB, processes=24)
"""What running an entry, or drawing with one seed, may use."""
TRAINING = Limits(cell_seconds=600, notebook_seconds=700, cpu_seconds=300, memory=3072 * MB, processes=24)
"""What a training may use."""
JUDGING = ("classifier.safetensors",)
DIGITS = ("mnist_5000.png",)
FINISHED = ("digits.safetensors", "latent.safetensors")
"""Files of the course that are not in every box: what judges, real digits, finished networks."""

WHY = {
    Ending.ENDED: "expected an answer, got none: the entry ended the process that it ran in",
    Ending.SILENT: "expected an answer in time, got none",
    Ending.GARBLED: "expected an answer, got what is none: the entry disturbed the judge",
}


class Boxes:
    """Where the contest runs entries: a warm process in its box, which forks one for each order.

    Args:
        limits: What each of them may use.
        digits: Whether real digits are in the box, for a training.
        finished: Whether the finished networks of the course are.

    Raises:
        SandboxError: If the box cannot be made.
    """

    def __init__(self, limits: Limits = LIMITS, digits: bool = False, finished: bool = True):
        self.limits = limits
        without = {*JUDGING, *(() if digits else DIGITS), *(() if finished else FINISHED)}
        self._sandbox = Sandbox(limits, lambda tree: _furnish(tree, without))
        self.cpu_seconds = 0.0

    def __enter__(self) -> "Boxes":
        return self

    def __exit__(self, *_) -> None:
        self._sandbox.close()

    def record(self, entry: Entry, seed: int) -> Recorded:
        """What the entry does, in its own words.

        Raises:
            ValueError: If it is refused; the text says why.
        """
        order = contesting.Enter(entry.name[:100], entry.source, entry.weights, seed, self.limits.cell_seconds)
        entered = self._alone(lambda session: session.contest(order, contesting.Entered))
        images = _pixels(entered.images, ROWS)
        return Recorded(entered.program, images, entered.seed, entered.evaluations)

    def draw(self, program: bytes, weights: bytes, seed: int, n: int) -> Drawn:
        """Images of a program with noise of the judge's.

        Raises:
            ValueError: If it is refused; the text says why.
        """
        order = contesting.Draw(program, weights, seed, n, self.limits.cell_seconds)
        drawn = self._alone(lambda session: session.contest(order, contesting.Drawn))
        return Drawn(_pixels(drawn.images, n), drawn.work, drawn.milliseconds)

    def train(self, entry: Entry, seed: int, counted: bool = True) -> tuple[Entry, int, float]:
        """The entry with weights that it trained just now, the rows that it says this took, and the CPU-seconds.

        Args:
            entry: The entry; its old weights stay outside.
            seed: Of the generator that `train` gets.
            counted: Whether the budget of rows holds.

        Raises:
            ValueError: If it is refused; the text says why.
        """
        order = contesting.Train(entry.name[:100], entry.source, seed, self.limits.cell_seconds)
        trained = self._alone(lambda session: session.contest(order, contesting.Trained))
        if counted and trained.rows > RULES.training_rows:
            raise ValueError(f"expected at most {RULES.training_rows:,} rows in training, got {trained.rows:,}")
        return Entry(entry.name, entry.source, trained.weights), trained.rows, self.cpu_seconds

    def _alone(self, act: Callable[[Session], Given]) -> Given:
        """One order in a process of its own.

        Raises:
            ValueError: If there is no reply to it.
        """
        session = self._sandbox.open(0)
        try:
            return act(session)
        except Broken as error:
            raise ValueError(WHY[error.ending]) from error
        finally:
            self.cpu_seconds = session.end()


def _pixels(data: bytes, n: int) -> Tensor:
    """Bytes of images.

    Raises:
        ValueError: If they are not as many as there should be.
    """
    if len(data) != n * 28 * 28:
        raise ValueError(f"expected {n} images of 28 × 28 bytes, got {len(data)} bytes")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(n, 1, 28, 28)


def _furnish(tree: Path, without: set[str]) -> None:
    """Take out of the box what an entry may not see, and put in what the contest gives."""
    assets = tree / "course_utils" / "assets"
    for name in without:
        (assets / name).unlink()
    file = assets / MIXTURES.name
    save_tensors(given_tensors(), file)
    file.chmod(0o644)
