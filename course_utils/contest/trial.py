"""The way of an entry: it is run once and noted, then done by the judge with noise of its own, then judged."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from course_utils import data
from course_utils.contest.entries import Entry, Recorded, entry_tensors, read_entry, record_entry
from course_utils.contest.judging import Score, Yardstick
from course_utils.contest.programs import Program
from course_utils.contest.replaying import Replay, evaluation_work
from course_utils.contest.rules import ROWS, RULES, Rules, as_bytes, check_images, labels_of

__all__ = ["Drawn", "Here", "Place", "draw", "judge", "judge_entry"]

FEW = 100
"""Numbers that may agree by chance."""
ROUNDING = 2
"""Levels of 255 by which two computations of one pixel may differ."""


class Drawn(NamedTuple):
    """Images that the judge made of a program.

    Attributes:
        images: As bytes, shape (n, 1, 28, 28).
        work: What was computed, in evaluations of the course's network an image.
        milliseconds: Processor time an image.
    """

    images: Tensor
    work: float
    milliseconds: float


@runtime_checkable
class Place(Protocol):
    """Where an entry runs, and where the judge does what it noted: this process, or a box each."""

    def record(self, entry: Entry, seed: int) -> Recorded: ...

    def draw(self, program: bytes, weights: bytes, seed: int, n: int) -> Drawn: ...


class Here:
    """This process: for entries of one's own."""

    def record(self, entry: Entry, seed: int) -> Recorded:
        """See `record_entry`."""
        with tempfile.TemporaryDirectory() as folder:
            return record_entry(entry, Path(folder), seed)

    def draw(self, program: bytes, weights: bytes, seed: int, n: int) -> Drawn:
        """See `draw`."""
        return draw(program, weights, seed, n)


def draw(program: bytes, weights: bytes, seed: int, n: int, rules: Rules = RULES) -> Drawn:
    """Images of a program, `ROWS` at a time, with noise of the judge's.

    Args:
        program: Of `Program.packed`.
        weights: The bytes of the file of weights.
        seed: Of the noise.
        n: Number of images, a multiple of `ROWS`.
        rules: The rules.

    Raises:
        ValueError: If the program is none, is too large, cannot be done with this noise, or gives no images.
    """
    if n < 1 or n % ROWS:
        raise ValueError(f"expected a number of images that is a multiple of {ROWS}, got {n}")
    unit = evaluation_work()
    replay = Replay(Program.unpacked(program, rules), entry_tensors(weights), labels_of(ROWS))
    generator = torch.Generator().manual_seed(seed)
    parts = []
    began = time.process_time()
    for _ in range(n // ROWS):
        parts.append(replay.draw(generator))
    milliseconds = 1000 * (time.process_time() - began) / n
    images = torch.cat([as_bytes(check_images(part, ROWS)) for part in parts])
    return Drawn(images, replay.work / n / unit, milliseconds)


def judge_entry(
    entry: Entry,
    yardstick: Yardstick,
    seeds: Sequence[int],
    *,
    place: Place | None = None,
    shown: int = 0,
    second: Yardstick | None = None,
) -> Score:
    """What an entry is worth.

    Args:
        entry: The entry.
        yardstick: What it is compared with; its n a multiple of `ROWS`.
        seeds: Of the judge's noise.
        place: Where it runs; by default in this process, with all your rights.
        shown: Seed of the noise that the entry itself gets to see.
        second: Another judge, whose distances are told beside.

    Raises:
        ValueError: If the entry is refused; the text says why.
    """
    _check_weights(entry, yardstick)
    place = place or Here()
    recorded = place.record(entry, shown)
    _check_own_images(recorded, place.draw(recorded.program, entry.weights, recorded.seed, ROWS))
    drawn = [place.draw(recorded.program, entry.weights, seed, yardstick.n) for seed in seeds]
    images = [one.images for one in drawn]
    _check_noise(images)
    milliseconds = sum(one.milliseconds for one in drawn) / len(drawn)
    others = second.distances(images) if second else ()
    return yardstick.score(entry.name, images, recorded.evaluations, milliseconds, work=drawn[0].work, second=others)


def _check_weights(entry: Entry, yardstick: Yardstick) -> None:
    """The judge's own weights are none of an entry's."""
    theirs = [value.flatten() for value in yardstick.judge.classifier.state_dict().values() if value.numel() > FEW]
    for name, tensor in entry_tensors(entry.weights, given=False).items():
        flat = tensor.flatten().float()
        if any(len(flat) == len(value) and torch.allclose(flat, value, atol=1e-3) for value in theirs):
            raise ValueError(f"an entry may not use the judge: the weights hold {name}, which is its classifier's")


def _check_own_images(recorded: Recorded, again: Drawn) -> None:
    """What the entry gave has to be what its operations give."""
    apart = (recorded.images.int() - again.images.int()).abs() > ROUNDING
    share = apart.double().mean().item()
    if share > 0.001:
        raise ValueError(
            f"expected the images of `sample` to be what its operations give with the same noise, got {share:.1%} of "
            f"the pixels otherwise: something is computed outside of torch's operations"
        )


def _check_noise(images: Sequence[Tensor]) -> None:
    first = images[0]
    calls = first.split(ROWS)
    if any((first == other).all() for other in images[1:]) or any((calls[0] == other).all() for other in calls[1:]):
        raise ValueError("expected images that depend on the generator, got the same ones for other noise")


def judge(
    path: str | Path,
    weights: str | Path | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    yardstick: Yardstick | None = None,
) -> Score:
    """Judge an entry of your own as the contest does, on seeds that everybody knows. It runs in this process.

    Args:
        path: The Python file.
        weights: Its weights, if they lie not beside it.
        seeds: Of the noise.
        yardstick: By default MNIST with n = 2,000, or with the 250 that the offline digits allow.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the entry is refused; the text says why.

    Example:
        >>> contest.judge("mine.py")  # doctest: +SKIP
        Score(mine: 2 evaluations, 97.7%, 5.62 ± 0.14 floors)
    """
    entry = read_entry(path, weights)
    return judge_entry(entry, yardstick or Yardstick(data.mnist("train"), data.mnist("test")), seeds)
