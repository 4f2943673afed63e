"""Lab 9's digits: thicker ones and leaning ones in nine ways, beside real digits that are reweighted in the same way.

Four evaluations from the exact draw at t = 0.3, if nothing else is said. Distances are Fréchet distances in floors:
real digits against other real ones, as many as are judged. The tilted real digits are the 60,000 of the training set
with weights exp(eta r) within each label.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.judges import TiltedJudge
from benchmarks.maps import seeded
from benchmarks.rows import Row, alone, over_seeds, processor
from course_utils import data, digits
from course_utils.digits import PixelReward
from course_utils.guidance import plug_in
from course_utils.networks import Residual
from course_utils.simulators import midpoint_step, simulate
from course_utils.steering import best_of, effective_size

N, POOL, START = 2000, 8, 0.3
REWARDS = {"thickness": digits.ink, "slant": digits.slant}
ETAS = (0.5, 1.0, 1.5)
NUMBERS = {"reward": "", "tilted": "× floor", "real": "× floor", "right": ""}
WORDS = {
    "reward": "mean reward",
    "tilted": "to tilted real digits",
    "real": "to all real digits",
    "right": "label right",
}


class Asked(NamedTuple):
    """What is asked for: a reward, how much it counts, and the weights of the real training digits."""

    reward: PixelReward
    eta: float
    weights: Tensor


class Found(NamedTuple):
    """Of some digits: their mean reward, distances to tilted and to all real digits, share of right labels."""

    reward: float
    tilted: float
    real: float
    right: float


def found(judge: TiltedJudge, images: Tensor, y: Tensor, asked: Asked) -> Found:
    judgement = judge(images, y)
    tilted = judge.to_tilted(images, asked.weights)
    return Found(asked.reward(images).mean().item(), tilted, judgement.floors, judgement.accuracy)


def drawn(model: Residual, y: Tensor, seed: int, start: float = START, evaluations: int = 4) -> Tensor:
    """Digits of a generator, from the exact draw of its mixtures."""
    return digits.few_steps(model, y, evaluations, start=start, method="midpoint", generator=seeded(seed))


def plugged_in(model: Residual, y: Tensor, asked: Asked, seed: int, start: float = START, steps: int = 2) -> Tensor:
    """Digits of a generator that is pushed by the plug-in, from the exact draw of what it would give by itself."""
    ts = torch.linspace(start, 1, steps + 1)
    x = digits.exact_draw(digits.mixtures_beneath(model), y, start, seeded(seed))
    parts = []
    for states, labels in zip(x.split(250), y.split(250), strict=True):
        field = plug_in(lambda x, t, labels=labels: model(x, t, labels), asked.reward, 1 / asked.eta)
        parts.append(simulate(field, states, ts, midpoint_step, save_every=steps).end)
    return torch.cat(parts).clamp(-1, 1)


def chosen(images: Tensor, y: Tensor, asked: Asked, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n of the images, drawn by their weights within each label, as many of each."""
    weights, source = digits.tilted_weights(asked.reward(images), y, asked.eta), seeded(seed)
    own = [(y == label).nonzero()[:, 0] for label in range(10)]
    rows = [rows[torch.multinomial(weights[rows], n // 10, replacement=True, generator=source)] for rows in own]
    return images[torch.cat(rows)], y[torch.cat(rows)]


def overlaid(images: Tensor, asked: Asked, goal: float) -> Tensor:
    """All images with the reward's template over them, so much that the mean reward is the one asked for."""
    template = asked.reward.slope / asked.reward.slope.square().sum()
    for _ in range(30):  # pixels cannot leave [-1, 1], so that a part of each shift is lost
        images = (images + (goal - asked.reward(images).mean()) * template).clamp(-1, 1)
    return images


def best(images: Tensor, asked: Asked, k: int) -> Tensor:
    """Of k images of a label the one with the largest reward; labels take turns in both."""
    n = len(images) // POOL
    groups = images[: n * k].reshape(k, n, *images.shape[1:]).transpose(0, 1).flatten(0, 1)
    return best_of(groups, asked.reward(groups), k)


def asked_of(train: data.Digits, reward: PixelReward, eta: float) -> Asked:
    return Asked(reward, eta, digits.tilted_weights(reward(train.images), train.labels, eta))


def ways(model: Residual, pool: Tensor, asked: Asked, goal: float, seed: int) -> dict[str, Callable]:
    """Calls that make n images and their labels, by what they do; `pool` holds `POOL` n of the model's own."""
    n, test = len(pool) // POOL, data.mnist("test", "full")
    y, pool_y = torch.arange(n) % 10, torch.arange(len(pool)) % 10
    tilted = digits.tilted_digits(model, asked.reward, asked.eta)
    mixtures = digits.mixtures_beneath(tilted)
    return {
        "real test digits, drawn by weight": lambda: chosen(test.images, test.labels, asked, n, seed),
        "no guidance": lambda: (pool[:n], y),
        "swapped base": lambda: (drawn(tilted, y, seed), y),
        "swapped base from noise, 16 evaluations": lambda: (drawn(tilted, y, seed, 0.0, 16), y),
        f"drawn by weight from {len(pool):,} of its own": lambda: chosen(pool, pool_y, asked, n, seed),
        "plug-in from 0.3": lambda: (plugged_in(model, y, asked, seed), y),
        "plug-in from noise, 16 evaluations": lambda: (plugged_in(model, y, asked, seed, 0.02, 8), y),
        "template added": lambda: (overlaid(pool[:n], asked, goal), y),
        "tilted mixtures alone": lambda: (digits.exact_draw(mixtures, y, 1.0, seeded(seed)).clamp(-1, 1), y),
    }


def tilted_digits(quick: bool) -> Iterator[Row]:
    """Rows of every way, for two rewards and three weights of them, over three noise seeds; then best of n."""
    n, seeds, etas = (200, 2, (1.0,)) if quick else (N, 3, ETAS)
    train = data.mnist("train", "full")
    judge = TiltedJudge(n)
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    pools = [drawn(model, torch.arange(POOL * n) % 10, 100 + seed) for seed in range(seeds)]
    for name, make in REWARDS.items():
        reward = make(train.images)
        for eta in etas:
            asked = asked_of(train, reward, eta)
            yield from tilted_rows(f"{name}, eta = {eta:g}", model, judge, pools, asked)
        even = asked_of(train, reward, 0.0)
        y = torch.arange(n) % 10
        for k in (2, 4, 8):
            runs = [found(judge, best(pool, even, k), y, even) for pool in pools]
            yield from found_rows(f"{name}, best of {k}", runs, ("reward", "real", "right"))


def tilted_rows(words: str, model: Residual, judge: TiltedJudge, pools: list[Tensor], asked: Asked) -> Iterator[Row]:
    """What was asked for, and what each way gives of it."""
    size = effective_size(asked.weights.log()).item()
    yield alone("tilted_digits", f"{words}: effective number of the {len(asked.weights):,} real digits", size, "")
    goal = (asked.weights @ asked.reward(data.mnist("train", "full").images)).item()
    yield alone("tilted_digits", f"{words}: mean reward asked for", goal, "")
    calls = [ways(model, pool, asked, goal, seed) for seed, pool in enumerate(pools)]
    for way in calls[0]:
        start = processor()
        made = [call[way]() for call in calls]
        spent = (processor() - start) / len(made)
        yield from found_rows(f"{words}, {way}", [found(judge, *images, asked) for images in made], tuple(NUMBERS))
        yield alone("tilted_digits", f"{words}, {way}: time for {len(made[0][0]):,} digits", spent, "CPU-s")


def found_rows(words: str, runs: list[Found], numbers: tuple[str, ...]) -> Iterator[Row]:
    for number in numbers:
        values = [getattr(one, number) for one in runs]
        yield over_seeds("tilted_digits", f"{words}: {WORDS[number]}", values, NUMBERS[number])
