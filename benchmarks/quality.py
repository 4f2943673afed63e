"""Quality of generated digits against CPU time of training: ours, the lab recipe's and torchcfm's example.

Every generator is judged in the same way: w = 1, since torchcfm's knows no guidance, the solver and steps of
`digits.samples`, the same number of digits, the same real ones. Training is counted, the fit of our mixtures included,
judging is not. The peers learn at a constant rate, so that one run passes through all of their checkpoints; our rate
falls to the end of a planned number of steps, so that each of our points is a run of its own. All three go on in turn:
what a stopped run has found is comparable.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.peer_nets import Padded, RecipeUNet, torchcfm_unet
from benchmarks.plots import Plot
from benchmarks.rows import Row
from course_utils import data, digits
from course_utils.digits.sampling import MIDPOINT_STEPS
from course_utils.losses import drop_labels, flow_matching_loss
from course_utils.paths import GaussianPath

OURS, RECIPE, TORCHCFM = "ours", "lab recipe's U-Net", "torchcfm's example U-Net"
PROBE = (10, 50)
"""Steps of two short trainings, whose difference in CPU time tells the cost of a step."""


class Effort(NamedTuple):
    """How much is spent: CPU-seconds of training at which ours and the peers are judged, and on how many digits.

    Ours is judged without any training, too, so it has one budget less.
    """

    ours: tuple[int, ...]
    peers: tuple[int, ...]
    n: int


FULL, QUICK = Effort((80, 600), (60, 240, 600), 500), Effort((30,), (30, 60), 200)


class Point(NamedTuple):
    """A generator after so many CPU-seconds of training."""

    cpu: float
    steps: int
    accuracy: float
    distance: float


def judged(model, n: int) -> dict[str, float]:
    """Label accuracy, Fréchet distance and the floor of that."""
    found = digits.judge(model, data.mnist("test", "full"), scales=[1.0], n=n, progress=False)
    return {**found["judgements"][0], "floor": found["floor"]}


def ours(effort: Effort) -> Iterator[tuple[Callable, float, int]]:
    """Lab 4's generator: the mixtures alone, then a training for each of the budgets; with CPU-seconds and steps."""
    train = data.mnist("train", "full")
    start = time.process_time()
    model = digits.digit_model(train.images, train.labels)
    fitting = time.process_time() - start
    yield model.base, fitting, 0
    few, many = (_train(steps)[1] for steps in PROBE)
    step = (many - few) / (PROBE[1] - PROBE[0])
    for budget in effort.ours:
        steps = max(1, round((budget - fitting) / step))
        yield *_train(steps), steps


def _train(steps: int) -> tuple[Callable, float]:
    """Lab 4's generator after a training of so many steps, and its CPU-seconds with the fit."""
    start = time.process_time()
    model, _ = digits.train(digits.Plan("full", steps=steps), progress=False)
    return model, time.process_time() - start


def peer(
    net: nn.Module, loss: Callable[..., Tensor], batch: int, checkpoints: Iterable[float]
) -> Iterator[tuple[nn.Module, float, int]]:
    """A network trained with Adam at 1e-3, as it is when the checkpoints are passed; with CPU-seconds and steps."""
    train = data.mnist("train", "full")
    batches = data.batches(train.images, train.labels, batch_size=batch, generator=torch.Generator().manual_seed(0))
    optimizer, cpu, steps = torch.optim.Adam(net.parameters(), 1e-3), 0.0, 0
    for checkpoint in checkpoints:
        net.train()
        while cpu < checkpoint:
            start = time.process_time()
            optimizer.zero_grad()
            loss(net, *next(batches)).backward()
            optimizer.step()
            cpu, steps = cpu + time.process_time() - start, steps + 1
        yield net.eval(), cpu, steps


def contestants(effort: Effort) -> dict[str, Iterator[tuple[Callable, float, int]]]:
    """From name to checkpoints, as many for each."""
    generator = torch.Generator().manual_seed(0)
    matching = lambda model, z, y: flow_matching_loss(model, z, y, path=GaussianPath(), generator=generator)  # noqa: E731
    dropping = lambda model, z, y: matching(model, z, drop_labels(y, 0.1, null=10, generator=generator))  # noqa: E731
    torch.manual_seed(0)
    return {
        OURS: ours(effort),
        RECIPE: peer(Padded(RecipeUNet()), dropping, 250, effort.peers),
        TORCHCFM: peer(torchcfm_unet(), matching, 128, effort.peers),
    }


def plot(points: dict[str, list[Point]], floor: float, n: int) -> Plot:
    """Fréchet distance against CPU-seconds."""
    lines = {name: ([p.cpu for p in found], [p.distance for p in found]) for name, found in points.items()}
    said = "; ".join(f"{name} {', '.join(f'{d:.1f} after {t:.0f} s' for t, d in zip(*line, strict=True))}"
                     for name, line in lines.items())  # fmt: skip
    alt = f"Fréchet distance of {n} digits against CPU-seconds of training: {said}; real digits {floor:.1f}."
    return Plot("quality", alt, "CPU-seconds of training", f"Fréchet distance, w = 1, n = {n}", lines,
                ("real digits against real digits", floor))  # fmt: skip


def at_equal_time(own: list[Point], other: list[Point]) -> list[tuple[Point, Point]]:
    """Each point of a peer with our latest one that took no more CPU time, up to 5%."""
    return [([mine for mine in own if mine.cpu <= 1.05 * point.cpu][-1], point) for point in other]


def rows(points: dict[str, list[Point]], how: str) -> Iterator[Row]:
    """For each peer: the least of its distance over ours at equal time; its best over ours after the first budget."""
    first = points[OURS][1]
    for name in (RECIPE, TORCHCFM):
        pairs = sorted(at_equal_time(points[OURS], points[name]), key=lambda pair: pair[1].distance / pair[0].distance)
        ratios = [theirs.distance / mine.distance for mine, theirs in pairs]
        mine, theirs = pairs[0]
        what = f"{how}: least advantage at equal CPU time, {theirs.cpu:.0f} s"
        yield Row("quality", what, mine.distance, theirs.distance, name, "", ratios[0], (ratios[0], ratios[-1]),
                  "above 1×", ratios[0] > 1)  # fmt: skip
        best = min(points[name], key=lambda point: point.distance)
        what = f"{how}: after {first.cpu:.0f} CPU-s, labels right {first.accuracy:.0%}"
        peer_name = f"{name}, best up to {points[name][-1].cpu:.0f} CPU-s, {best.steps:,} steps, {best.accuracy:.0%}"
        ratio = best.distance / first.distance
        yield Row("quality", what, first.distance, best.distance, peer_name, "", ratio, None, "above 1×", ratio > 1)


def quality(quick: bool) -> Iterator[Row | Plot]:
    """The plot anew after every point, then the rows."""
    effort = QUICK if quick else FULL
    runs, points, floor = contestants(effort), {}, 0.0
    for _ in effort.peers:
        for name, run in runs.items():
            model, cpu, steps = next(run)
            found = judged(model, effort.n)
            floor, point = found["floor"], Point(cpu, steps, found["accuracy"], found["distance"])
            points.setdefault(name, []).append(point)
            print(f"{name}: {point}", file=sys.stderr, flush=True)
            yield plot(points, floor, effort.n)
    how = f"Fréchet distance of {effort.n} digits, w = 1, {2 * MIDPOINT_STEPS} evaluations, floor {floor:.1f}"
    yield from rows(points, how)
