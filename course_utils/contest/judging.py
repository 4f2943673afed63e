"""What the images of an entry are worth: label accuracy, Fréchet distances in floors, nearness to training digits."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils import data
from course_utils.contest.counting import Count
from course_utils.contest.rules import ROWS, RULES, Rules, as_bytes, as_images, check_images, labels_of
from course_utils.digits import Judge
from course_utils.metrics import nearest_neighbours

__all__ = ["HEADER", "Score", "Yardstick", "cell", "score"]

HEADER = (
    "| entry | evaluations | work | label accuracy | Fréchet distance, floors | CPU-ms an image | nearest | |\n"
    "|---|---|---|---|---|---|---|---|"
)
LOOKED_AT = 500
"""Images whose nearest training digit is looked for."""
TWIN = 0.25
"""How near twins are, in the distance from a real digit to the nearest other one."""


@dataclass(frozen=True)
class Score:
    """What an entry is worth.

    Attributes:
        name: Of the entry.
        evaluations: Of networks an image, as hooks count them.
        accuracy: Share of images that the judge takes for the digit asked for.
        distances: Fréchet distance in floors, one a seed.
        milliseconds: Processor time an image.
        nearest: Median distance to the nearest training digit, in that of real digits that nobody trained on.
        twins: Share of images that have a twin among those of another seed.
        work: All that was computed an image, in evaluations of the course's network; None where it was not measured.
        second: The distances by a second judge, if there is one.

    Example:
        >>> contest.Score("mine", 2.0, 0.981, (5.4, 5.6, 5.8), 0.5, 0.97, 0.0)
        Score(mine: 2 evaluations, 98.1%, 5.60 ± 0.12 floors)
    """

    name: str
    evaluations: float
    accuracy: float
    distances: tuple[float, ...]
    milliseconds: float
    nearest: float
    twins: float
    work: float | None = None
    second: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return f"Score({self.name}: {self.evaluations:.3g} evaluations, {self.accuracy:.1%}, {self.floors} floors)"

    @property
    def distance(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.distances)

    @property
    def error(self) -> float:
        """Standard error of the mean; infinite with one seed."""
        n = len(self.distances)
        return statistics.stdev(self.distances) / n**0.5 if n > 1 else float("inf")

    @property
    def floors(self) -> str:
        """Mean and standard error."""
        return f"{self.distance:.2f}" + (f" ± {self.error:.2f}" if len(self.distances) > 1 else "")

    def league(self, rules: Rules = RULES) -> float | None:
        """The least number of evaluations within which the entry stays, by hooks and by work; None beyond all."""
        room = rules.closed_forms
        for most in rules.leagues:
            if round(self.evaluations, 6) <= most and (self.work is None or self.work <= most + room):
                return most
        return None

    def faults(self, rules: Rules = RULES) -> list[str]:
        """Why the entry does not qualify; nothing if it does."""
        most, room = rules.leagues[-1], rules.closed_forms
        work = "" if self.work is None else f" and a work of {self.work:.2f}"
        bounds = [
            (
                self.league(rules),
                f"at most {most:g} evaluations and a work of {most + room:g}",
                f"{self.evaluations:.2f}{work}",
            ),
            (self.accuracy >= rules.accuracy, f"{rules.accuracy:.0%} of the labels right", f"{self.accuracy:.2%}"),
            (
                self.milliseconds <= rules.milliseconds,
                f"at most {rules.milliseconds:g} CPU-ms an image",
                f"{self.milliseconds:.2f}",
            ),
            (
                self.nearest >= rules.nearness,
                f"at least {rules.nearness:g} of real digits' distance to training digits",
                f"{self.nearest:.2f}",
            ),
            (
                self.twins <= rules.twins,
                f"at most {rules.twins:.0%} of images that return under other noise",
                f"{self.twins:.0%}",
            ),
        ]
        return [f"expected {wanted}, got {got}" for held, wanted, got in bounds if not held]

    def row(self, rules: Rules = RULES) -> str:
        """One row of a table in Markdown; `judging.HEADER` is its head."""
        league = self.league(rules)
        standing = "; ".join(self.faults(rules)) or f"qualifies at {league:g}"
        work = "–" if self.work is None else f"{self.work:.2f}"
        return (
            f"| {cell(self.name)} | {self.evaluations:.2f} | {work} | {self.accuracy:.1%} | {self.floors} "
            f"| {self.milliseconds:.2f} | {self.nearest:.2f} | {standing} |"
        )


def cell(text: str) -> str:
    """Text as it may stand in a table of Markdown: in one line, without its bars.

    Example:
        >>> contest.judging.cell("a | b")
        'a / b'
    """
    return " ".join(text.split()).replace("|", "/")


class Yardstick:
    """Real digits and the classifier that compares others with them.

    Args:
        train, test: Digits that entries may have been trained on, and others.
        n: Images that are judged at a time; half of the test digits at most.
        classifier: By default the course's.

    Raises:
        ValueError: If n is less than 2.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> contest.Yardstick(few, few, n=20).n
        20
    """

    def __init__(self, train: data.Digits, test: data.Digits, n: int = 2000, classifier=None):
        self.judge = Judge(test, n, classifier)
        self.n = self.judge.n
        self.train = train.images
        order = torch.randperm(len(test), generator=torch.Generator().manual_seed(1))[: 2 * self.n]
        real, others = test.images[order].split(self.n)
        self.apart = nearest_neighbours(real[:LOOKED_AT], self.train)[0].median().item()
        self.to_each_other = nearest_neighbours(real, others)[0].median().item()

    def distances(self, drawn: Sequence[Tensor]) -> tuple[float, ...]:
        """Fréchet distances to real digits, in floors, of images as bytes: one tensor a seed."""
        return tuple(self.judge(as_images(pixels), labels_of(len(pixels))).floors for pixels in drawn)

    def nearest(self, images: Float[Tensor, "n 1 28 28"]) -> float:
        """Median distance to the nearest training digit, in that of real digits."""
        return nearest_neighbours(images[:LOOKED_AT], self.train)[0].median().item() / self.apart

    def twins(self, images: Float[Tensor, "n 1 28 28"], others: Float[Tensor, "n 1 28 28"]) -> float:
        """Share of the images that have a twin among others."""
        near = nearest_neighbours(images, others)[0] < TWIN * self.to_each_other
        return near.double().mean().item()

    def score(self, name: str, drawn: Sequence[Tensor], evaluations: float, milliseconds: float, **more) -> Score:
        """What the images are worth that were drawn with several seeds.

        Args:
            name: Of the entry.
            drawn: Images as bytes, one tensor a seed; labels 0, 1, ..., 9, 0, ...
            evaluations, milliseconds: Of networks, and of processor time, an image.
            more: `work` and `second` of the score.
        """
        images = [as_images(pixels) for pixels in drawn]
        found = [self.judge(one, labels_of(len(one))) for one in images]
        accuracy = statistics.fmean(judgement.accuracy for judgement in found)
        distances = tuple(judgement.floors for judgement in found)
        twins = self.twins(images[0], images[1]) if len(images) > 1 else 0.0
        return Score(name, evaluations, accuracy, distances, milliseconds, self.nearest(images[0]), twins, **more)


def score(
    sample: Callable[[Tensor, torch.Generator], Tensor],
    *,
    name: str = "mine",
    seeds: Sequence[int] = (0, 1, 2),
    yardstick: Yardstick | None = None,
) -> Score:
    """What a sampler is worth, on seeds that everybody knows; the judge of the contest has others.

    Args:
        sample: From labels y, shape (250,), and a generator, the only source of chance, to images in [-1, 1] of shape
            (250, 1, 28, 28).
        name: Of the entry.
        seeds: Of the generators; with each, as many images are drawn as the yardstick judges.
        yardstick: By default MNIST with n = 2,000, or with the 250 that the offline digits allow.

    Raises:
        ValueError: If what `sample` returns is something else.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> rule = contest.Yardstick(data.mnist("train", "offline"), few, n=20)
        >>> paper = lambda y, generator: torch.full((len(y), 1, 28, 28), -1.0)
        >>> contest.score(paper, name="white paper", seeds=[0], yardstick=rule).accuracy
        0.1
    """
    if yardstick is None:
        yardstick = Yardstick(data.mnist("train"), data.mnist("test"))
    drawn = []
    began = time.process_time()
    with Count() as count, torch.no_grad():
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            parts = labels_of(yardstick.n).split(ROWS)
            drawn.append(as_bytes(torch.cat([check_images(sample(y, generator), len(y)) for y in parts])))
    images = yardstick.n * len(seeds)
    milliseconds = 1000 * (time.process_time() - began) / images
    return yardstick.score(name, drawn, count.evaluations(images), milliseconds)
