"""Lab 9's climbers: Lab 4's generator trained straight up a reward, as two judges see it; three seeds.

The generator makes digits in two evaluations from the exact draw at t = 0.3. The first judge is the course's
classifier, two of the rewards are what it says; the second is another one, which no reward knows. A leash kappa holds
the images to those before.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.maps import seeded
from benchmarks.rows import Row, alone, over_seeds, processor
from course_utils import data, digits
from course_utils.classifier import digit_classifier, train_classifier
from course_utils.digits import Judge, PixelReward
from course_utils.metrics import label_accuracy
from course_utils.networks import Classifier

N, STEPS, SEEDS = 2000, 60, 3


class Seen(NamedTuple):
    """Of some digits: what both judges take them for, their thickness, and distances in each judge's floors."""

    right: float
    other: float
    second_right: float
    second_other: float
    thickness: float
    distance: float
    second_distance: float


WORDS = {
    "right": "first judge says y",
    "other": "first judge says y + 5",
    "second_right": "second judge says y",
    "second_other": "second judge says y + 5",
    "thickness": "thickness",
    "distance": "distance by the first judge",
    "second_distance": "distance by the second judge",
}


def other(y: Tensor) -> Tensor:
    """The digit that is asked for in the place of y."""
    return (y + 5) % 10


def log_p(classifier: Classifier, wanted: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Log probability of the wanted digit, as a classifier says, of images with what a screen can show."""
    return F.log_softmax(classifier(x.clamp(-1, 1)), 1).gather(1, wanted(y)[:, None])[:, 0]


def climbs(thick: PixelReward, classifier: Classifier) -> dict[str, tuple[Callable, float]]:
    """Rewards r(x, y) and leashes, by what is asked for."""
    likely, unlikely = (partial(log_p, classifier, wanted) for wanted in (lambda y: y, other))
    return {
        "log p(y given x)": (likely, 0.0),
        "log p(y + 5 given x)": (unlikely, 0.0),
        "log p(y + 5 given x), kappa = 0.05": (unlikely, 0.05),
        "thickness": (lambda x, y: thick(x), 0.0),
        "thickness, kappa = 0.02": (lambda x, y: thick(x), 0.02),
    }


def noise_up(reward: Callable, y: Tensor, seed: int, steps: int = 25) -> Tensor:
    """Pixels of noise that climb a reward by themselves, without any model."""
    x = (0.3 * torch.randn(len(y), 1, 28, 28, generator=seeded(seed))).requires_grad_()
    optimizer = torch.optim.Adam([x], 0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        (-reward(x, y).sum()).backward()
        optimizer.step()
    return x.detach().clamp(-1, 1)


def hacking(quick: bool) -> Iterator[Row]:
    """Rows of the generator before, of every climb, and of pixels that climb."""
    n, steps, seeds = (200, 4, 2) if quick else (N, STEPS, SEEDS)
    train, y = data.mnist("train", "full"), torch.arange(n) % 10
    thick, classifier = digits.ink(train.images), digit_classifier()
    second = train_classifier(train.images, train.labels, steps=20 if quick else 500, seed=1, progress=False)
    test = data.mnist("test", "full")
    yield alone(
        "hacking", "second judge: right about test digits", label_accuracy(second, test.images, test.labels), ""
    )
    first, second = Judge(test, n, classifier), Judge(test, n, second)
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    look = partial(seen, y=y, thick=thick, first=first, second=second)
    yield from seen_rows("before", [look(drawn(model, y, seed)) for seed in range(seeds)])
    for name, (reward, leash) in climbs(thick, classifier).items():
        start, found = processor(), []
        climb = partial(digits.climb, model, reward, leash=leash, steps=steps, progress=False)
        climbers = [climb(generator=seeded(seed)) for seed in range(seeds)]
        yield alone("hacking", f"{name}: {steps} steps", (processor() - start) / seeds, "CPU-s")
        found = [look(drawn(climber, y, seed)) for seed, climber in enumerate(climbers)]
        yield from seen_rows(name, found)
    up = [noise_up(partial(log_p, classifier, lambda y: y), y, seed) for seed in range(seeds)]
    yield from seen_rows("pixels of noise, 25 steps up log p(y given x)", [look(x) for x in up])


def drawn(model, y: Tensor, seed: int) -> Tensor:
    return digits.few_steps(model, y, 2, method="midpoint", generator=seeded(100 + seed))


def seen(images: Tensor, y: Tensor, thick: PixelReward, first: Judge, second: Judge) -> Seen:
    """What there is to see of images that were to show the digits y."""
    says = [label_accuracy(judge.classifier, images, wanted) for judge in (first, second) for wanted in (y, other(y))]
    return Seen(*says, thick(images).mean().item(), first(images, y).floors, second(images, y).floors)


def seen_rows(name: str, found: list[Seen]) -> Iterator[Row]:
    for number, words in WORDS.items():
        unit = "× floor" if "distance" in number else ""
        yield over_seeds("hacking", f"{name}: {words}", [getattr(one, number) for one in found], unit)
