"""Why an autoencoder with a Gaussian decoder may answer blank paper for ever: what dies, when, and what prevents it.

The decoder's answer D is squashed to tanh(D / 2), and pixels have the standard deviation 0.1. In the first steps most
pixels want to be paper, D falls everywhere, and where the squash is flat no gradient comes back. Four seeds a line, the
first 150 of 1,300 steps; a run is dead if at its end the squash passes less than a millionth at the pixels with ink.
"""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.rows import Row, alone
from course_utils import data
from course_utils.losses import kl_to_normal
from course_utils.networks import Autoencoder
from course_utils.training import Recipe, fit, trapezoid

STEPS, ALL_STEPS = 150, 1300
S = 0.1
"""Standard deviation of a pixel."""


class Variant(NamedTuple):
    """What is changed: the decoder's law, the divergence's weight (0: a plain one), the steps of the rate's rise."""

    law: str = "squashed"
    weight: float = 1.0
    warmup: int = 10


class Seen(NamedTuple):
    """One step: the slope of the squash at pixels with ink, and the divergence in nats."""

    slope: float
    divergence: float


VARIANTS = {
    "squashed, rate rises in 10 steps": Variant(),
    "squashed, rate rises in 50 steps": Variant(warmup=50),
    "squashed, rate rises in 100 steps": Variant(warmup=100),
    "squashed, 100 steps, plain: no divergence, no noise": Variant(weight=0.0, warmup=100),
    "squashed, 50 steps, plain: no divergence, no noise": Variant(weight=0.0, warmup=50),
    "not squashed, rate rises in 10 steps": Variant("open"),
    "coins, rate rises in 10 steps": Variant("coins"),
}


def cross_entropy(law: str, answer: Tensor, x: Tensor) -> Tensor:
    """Minus log p(x | h) of each pixel, up to a constant."""
    if law == "coins":
        return F.binary_cross_entropy_with_logits(answer, (x + 1) / 2, reduction="none")
    guess = torch.tanh(answer / 2) if law == "squashed" else answer
    return (guess - x).square() / (2 * S**2)


def watched(variant: Variant, seed: int, steps: int) -> list[Seen]:
    """The beginning of a training, step by step."""
    train = data.mnist("train", "full")
    torch.manual_seed(seed)
    model, noise, seen = Autoencoder(32), torch.Generator().manual_seed(seed + 7), []

    def loss(model, x: Tensor) -> Tensor:
        mean, log_var = model.encode(x)
        plain = variant.weight == 0
        spread = 0 if plain else (log_var / 2).exp()
        answer = model.decode(mean + spread * torch.randn(mean.shape, generator=noise))
        divergence = torch.zeros(()) if plain else kl_to_normal(mean, log_var).mean()
        slope = (1 - torch.tanh(answer.detach()[x > 0] / 2) ** 2).mean()
        seen.append(Seen(slope.item(), divergence.item()))
        return cross_entropy(variant.law, answer, x).flatten(1).sum(1).mean() + variant.weight * divergence

    recipe = Recipe(schedule=lambda step, _: trapezoid(step, ALL_STEPS, warmup=variant.warmup))
    batches = data.batches(train.images, batch_size=128, generator=torch.Generator().manual_seed(seed))
    fit(model, loss, batches, steps=steps, progress=False, recipe=recipe)
    return seen


def collapse(quick: bool) -> Iterator[Row]:
    """For each variant how many runs died; at some steps how flat the squash and how large the divergence was."""
    steps, seeds = (40, 1) if quick else (STEPS, 4)
    for name, variant in VARIANTS.items():
        runs = [watched(variant, seed, steps) for seed in range(seeds)]
        dead = sum(run[-1].slope < 1e-6 for run in runs)
        yield alone("collapse", f"{name}: dead of {seeds} after {steps} steps", dead, "")
        for step in (20, 30, steps - 1):
            slope = statistics.median(run[step].slope for run in runs)
            divergence = statistics.median(run[step].divergence for run in runs)
            yield alone("collapse", f"{name}, step {step}: slope of the squash at ink, median", slope, "")
            yield alone("collapse", f"{name}, step {step}: divergence, median", divergence, "nats")
