"""Lab 8's digits at few evaluations, in pixels and in latent space, beside the floor: real digits against real ones.

The teacher is Lab 4's finished generator, w = 1. Each row is judged by 2,000 digits of each of three noises; what is
trained, by three training seeds with three noises each. An evaluation is one of the model, which before t = 0.3 is that
of the mixtures alone.
"""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data, digits
from course_utils.digits import Judge, Judgement
from course_utils.networks import Residual


class Way(NamedTuple):
    """Where digits begin, by which method they go on, and how many evaluations are tried."""

    name: str
    start: float
    method: str
    evaluations: tuple[int, ...]


class Limit(NamedTuple):
    """What a row has to keep: the most floors, and the least share of right labels."""

    floors: float | None = None
    accuracy: float | None = None


WAYS = (
    Way("from noise, Euler", 0.0, "euler", (1, 2, 4, 8, 16)),
    Way("from noise, midpoint", 0.0, "midpoint", (2, 4, 8, 16)),
    Way("exact draw at 0.3, Euler", 0.3, "euler", (1, 2, 4)),
    Way("exact draw at 0.3, midpoint", 0.3, "midpoint", (2, 4, 16)),
    Way("exact draw at 0.5, Euler", 0.5, "euler", (1, 2)),
    Way("exact draw at 0.6, Euler", 0.6, "euler", (1, 2)),
    Way("exact draw at 0.65, Euler", 0.65, "euler", (1,)),
    Way("exact draw at 0.3, splitting", 0.3, "splitting", (1, 2)),
)
LATENT_WAYS = (
    Way("latents, from noise, Euler", 0.0, "euler", (1, 2, 4)),
    Way("latents, from noise, midpoint", 0.0, "midpoint", (2, 4, 16)),
    Way("latents, exact draw at 0.5, Euler", 0.5, "euler", (1,)),
)
STRETCHED = "exact draw at 0.6, Euler, the network's part × 1.5"
DRAWN = "latents, exact draw at 1, none of the field, one of the decoder"
DISTILLED = "exact draw at 0.3, splitting, distilled"
LIMITS = {
    f"{DISTILLED}, 1 evaluation(s)": Limit(7.5, 0.975),
    "exact draw at 0.3, midpoint, 2 evaluation(s)": Limit(6.0, 0.975),
    "exact draw at 0.3, midpoint, 4 evaluation(s)": Limit(6.0, 0.975),
    DRAWN: Limit(4.5, 0.975),
}
NOISES = (1, 2, 3)


class Trained(NamedTuple):
    """One distillation: what was found with each noise in one and two evaluations, and its CPU-seconds."""

    found: list[dict[str, Judgement]]
    seconds: float


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels(n: int) -> Tensor:
    return torch.arange(n) % 10


def judged(judge: Judge, model, ways: tuple[Way, ...], noise: int) -> dict[str, Judgement]:
    """What each way and number of evaluations gives with one noise."""
    y = labels(judge.n)
    found = {}
    for way in ways:
        for k in way.evaluations:
            images = digits.few_steps(model, y, k, start=way.start, method=way.method, generator=seeded(noise))
            found[f"{way.name}, {k} evaluation(s)"] = judge(images, y)
    return found


def stretched(model: Residual) -> Residual:
    """The same with one and a half times of what the network says."""
    return Residual(model.base, lambda t: 1.5 * model.scale(t), model.net, model.start)


def pixels(judge: Judge, model: Residual, noise: int) -> dict[str, Judgement]:
    """All that needs no training, in pixels."""
    more = Way(STRETCHED, 0.6, "euler", (1,))
    return judged(judge, model, WAYS, noise) | judged(judge, stretched(model), (more,), noise)


def latents(judge: Judge, model: digits.LatentDigits, noise: int) -> dict[str, Judgement]:
    """All in latent space: the mixtures' own samples, and their field in few steps."""
    y = labels(judge.n)
    drawn = model.decode(digits.exact_draw(model.mixtures, y, 1.0, seeded(noise))).clamp(-1, 1)
    return {DRAWN: judge(drawn, y)} | judged(judge, model, LATENT_WAYS, noise)


def distilled(
    judge: Judge, model: Residual, seed: int, noises: tuple[int, ...], name: str = DISTILLED, **options
) -> Trained:
    """A splitting that is trained with this seed, with each noise."""
    start = time.process_time()
    student = digits.distil(model, generator=seeded(200 + seed), progress=False, **options)
    seconds = time.process_time() - start
    way = Way(name, options.get("start", 0.3), "splitting", (1, 2))
    return Trained([judged(judge, student, (way,), noise) for noise in noises], seconds)


def few_steps(quick: bool) -> Iterator[Row]:
    """Rows of the floor, of what needs no training, of the distilled splitting, of latents."""
    n, noises, options = (200, NOISES[:1], {"pairs": 64, "steps": 2}) if quick else (2000, NOISES, {})
    judge = Judge(data.mnist("test", "full"), n)
    yield alone("few_steps", f"floor: distance of {judge.n:,} real digits to as many others", judge.floor, "")
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    yield from rows([pixels(judge, model, noise) for noise in noises])
    runs = [distilled(judge, model, seed, noises, **options) for seed in range(len(noises))]
    yield from rows([found for run in runs for found in run.found])
    yield over_seeds("few_steps", f"{DISTILLED}: training", [run.seconds for run in runs], "CPU-s")
    latent, _ = digits.load(digits.FINISHED, "cpu")
    yield from rows([latents(judge, latent, noise) for noise in noises])


def rows(found: list[dict[str, Judgement]]) -> Iterator[Row]:
    """Distance and accuracy of everything that was judged, over the noises."""
    for what in found[0]:
        limit = LIMITS.get(what, Limit())
        floors, accuracy = ([getattr(one[what], name) for one in found] for name in ("floors", "accuracy"))
        yield over_seeds("few_steps", f"{what}: distance", floors, "× floor", most=limit.floors)
        yield over_seeds("few_steps", f"{what}: label right", accuracy, "", least=limit.accuracy)
