"""Rewards that nobody wrote down: learned from pairs of which one was preferred, then tilted as if they were known.

A pair's first is preferred with probability sigmoid(r(first) - r(second)) (Bradley and Terry, 1952); the reward is
fitted to the choices alone. On Lab 9's line by a small network, on digits, where the hidden reward is thickness, by a
number a pixel; so that the tilt is the closed form of `tilted_digits`.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.judges import TiltedJudge
from benchmarks.maps import seeded
from benchmarks.rewards import LAM, LINE, ONE, quantiles, reward, shares
from benchmarks.rows import Row, alone, over_seeds
from course_utils import data, digits
from course_utils.digits import PixelReward
from course_utils.training import Recipe, fit

SEEDS, N = 3, 2000


def choices(rewards: Tensor, source: torch.Generator) -> Tensor:
    """Of pairs with these rewards, shape (pairs, 2), the columns of the one preferred and of the other."""
    first = torch.rand(len(rewards), generator=source) < (rewards[:, 0] - rewards[:, 1]).sigmoid()
    return torch.stack([~first, first], 1).long()


def preference_loss(model: nn.Module, better: Tensor, worse: Tensor) -> Tensor:
    """Mean of -log sigmoid(r(better) - r(worse)): the choices' surprise."""
    return -F.logsigmoid(model(better) - model(worse)).mean()


def learned(model: nn.Module, x: Tensor, rewards: Tensor, pairs: int, steps: int, seed: int, lr: float) -> nn.Module:
    """A reward fitted to choices between random pairs of the points x."""
    source = seeded(seed)
    rows = torch.randint(len(x), (pairs, 2), generator=source)
    rows = rows.gather(1, choices(rewards[rows], source))
    better, worse = rows.T
    draws = (torch.randint(pairs, (256,), generator=source) for _ in range(steps))
    batches = ((x[better[draw]], x[worse[draw]]) for draw in draws)
    fit(model, preference_loss, batches, steps=steps, lr=lr, recipe=Recipe(average=0.2), progress=False)
    return model


def on_the_line(pairs: int, steps: int, seed: int) -> tuple[float, float]:
    """Mean and distance to the tilted law of the line's law, tilted by a reward learned from pairs of its points."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1), nn.Flatten(0))
    x = LINE.draw(2 * pairs, seeded(50 + seed)).float()
    net = learned(net, x, reward(x), pairs, steps, seed, 3e-3)
    points = quantiles(shares(4000))
    with torch.no_grad():
        weights = (net(points.float()).double() / LAM).softmax(0)
    wanted = quantiles(shares(4000), LINE.tilted(ONE, lam=LAM))[:, 0]
    ends = weights.cumsum(0)
    found = points[torch.searchsorted(ends / ends[-1], shares(4000)).clamp(max=3999), 0]
    return (weights @ points[:, 0]).item(), (found - wanted).abs().mean().item()


def of_digits(train: data.Digits, hidden: PixelReward, pairs: int, steps: int, seed: int) -> PixelReward:
    """A reward linear in the pixels, learned from choices between pairs of real digits."""
    net = nn.Sequential(nn.Linear(784, 1), nn.Flatten(0))
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    learned(net, train.images.flatten(1), hidden(train.images), pairs, steps, seed, 1e-2)
    return PixelReward(net[0].weight.detach().reshape(1, 28, 28), 0.0)


def preferences(quick: bool) -> Iterator[Row]:
    """Rows of the line, then of digits, by the number of pairs."""
    steps, seeds, n = (20, 2, 200) if quick else (2000, SEEDS, N)
    yield alone("preferences", "line: mean reward asked for", LINE.tilted(ONE, lam=LAM).mean.item(), "")
    for pairs in (300, 3000, 30_000):
        runs = [on_the_line(pairs, steps, seed) for seed in range(seeds)]
        words = f"line, {pairs:,} pairs"
        yield over_seeds("preferences", f"{words}: mean reward", [mean for mean, _ in runs], "")
        yield over_seeds("preferences", f"{words}: W1 to the tilted law", [distance for _, distance in runs], "")
    train, judge, y = data.mnist("train", "full"), TiltedJudge(n), torch.arange(n) % 10
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    hidden = digits.ink(train.images)
    true = hidden(train.images)
    weights = digits.tilted_weights(true, train.labels)
    for pairs in (3000, 30_000):
        rewards = [of_digits(train, hidden, pairs, steps, seed) for seed in range(seeds)]
        words = f"digits, {pairs:,} pairs"
        fits = [torch.corrcoef(torch.stack([found(train.images), true]))[0, 1].item() for found in rewards]
        yield over_seeds("preferences", f"{words}: correlation of the learned reward with the hidden one", fits, "")
        tilted = [digits.tilted_digits(model, found, 1.0) for found in rewards]
        images = [digits.few_steps(one, y, 4, method="midpoint", generator=seeded(i)) for i, one in enumerate(tilted)]
        yield over_seeds("preferences", f"{words}: mean reward", [hidden(x).mean().item() for x in images], "")
        distances = [judge.to_tilted(x, weights) for x in images]
        yield over_seeds("preferences", f"{words}: distance to tilted real digits", distances, "× floor")
