"""Lab 8's line: flow maps learned in six ways at equal CPU time, beside the exact one; three training seeds.

A mixture of three Gaussians, of which everything is known. Every way trains the same network (96 wide, three layers)
with the same recipe for as many CPU-seconds; each is judged by 20,000 points, one in each 20,000th of the noise, whose
exact ends are known, and by 2,000 points at every pair s < t of a grid of nine times.
"""

import functools
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds, within
from course_utils.distributions import GaussianMixture
from course_utils.losses import (
    average_velocity_loss,
    flow_matching_loss,
    lagrangian_loss,
    regression_loss,
    shortcut_loss,
)
from course_utils.metrics import map_errors
from course_utils.networks import MLP, FlowMap
from course_utils.paths import GaussianPath, average_velocity, follow, marginal
from course_utils.simulators import rk4_step, simulate
from course_utils.training import Recipe, fit

DEVIATIONS = torch.tensor([0.25, 0.4, 0.2])
DATA = GaussianMixture(
    torch.tensor([[-2.0], [0.3], [1.8]]), DEVIATIONS.square()[:, None, None], torch.tensor([0.3, 0.4, 0.3])
)
PATH = GaussianPath()
EXACT = marginal(PATH, DATA)
SPREAD = (DATA.weights @ (DEVIATIONS.square() + DATA.means[:, 0].square()) - DATA.mean.square()).reshape(1, 1, 1)
ONE = marginal(PATH, GaussianMixture(DATA.mean[None], SPREAD))
"""The path to one Gaussian with the mixture's mean and variance: its exact map is Exercise 8.1."""
BASES = {"": None, ", on one Gaussian's map": average_velocity(ONE.flow_map, ONE.velocity)}
EVALUATIONS = (1, 2, 4)
BATCH = 512


class Way(NamedTuple):
    """How a map is learned: `loss(model, z)`; and whether it is a velocity alone, to be followed by Euler steps."""

    loss: Callable
    velocity_only: bool = False


class Found(NamedTuple):
    """What one training found: distances at 1, 2 and 4 evaluations, errors of the map, steps and CPU-seconds."""

    distances: list[float]
    whole: float
    everywhere: float
    steps: int
    seconds: float


def velocity_loss(model, z: Tensor, *, path: GaussianPath, generator: torch.Generator) -> Tensor:
    """Flow matching of u(x, t, t), the velocity that a flow map holds."""
    return flow_matching_loss(lambda x, t: model(x, t, t), z, path=path, generator=generator)


WAYS = {
    "flow matching, Euler steps": Way(velocity_loss, True),
    "MeanFlow, data only": Way(average_velocity_loss),
    "MeanFlow, exact velocity": Way(partial(average_velocity_loss, velocity=EXACT.velocity)),
    "shortcut, data only": Way(shortcut_loss),
    "Lagrangian, exact velocity": Way(partial(lagrangian_loss, velocity=EXACT.velocity)),
    "regression on the exact map": Way(partial(regression_loss, flow_map=EXACT.flow_map)),
}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def untrained(base: Callable | None) -> FlowMap:
    """The network that every way trains; its answer starts at 0, so that the map is that of the base."""
    model = FlowMap(MLP(1, hidden=96, depth=3), base)
    for parameter in model.net.last.parameters():
        torch.nn.init.zeros_(parameter)
    return model


def trained(way: Way, base: Callable | None, seed: int, steps: int) -> FlowMap:
    """A map after so many steps of one way of learning."""
    torch.manual_seed(seed)
    model = untrained(base)
    source = seeded(100 + seed)
    batches = ((DATA.draw(BATCH, source),) for _ in range(steps))
    loss = partial(way.loss, path=PATH, generator=source)
    fit(model, loss, batches, steps=steps, recipe=Recipe(weight_decay=0.0), progress=False)
    return model


def consistent(seed: int, steps: int) -> FlowMap:
    """Consistency training, t = 1 only: the answers at neighbours on a grid agree, which is of 2, then 4, ... 64 steps.

    Both neighbours lie on one line from noise to data; the answer at the later one stands still. At the others' rate of
    3e-3 and with grids of 10 to 1,280 steps the ends were 0.92 from the data (0.54 to 1.59); the noise itself is 0.59.
    """
    torch.manual_seed(seed)
    model = untrained(None)
    source = seeded(100 + seed)
    intervals = (2 ** (1 + 6 * step // steps) for step in range(steps))

    def loss(model: FlowMap, z: Tensor) -> Tensor:
        n = next(intervals)
        s = torch.randint(n, (len(z),), generator=source) / n
        early = PATH.sample(z, s, generator=source)
        late = PATH.sample(z, s + 1 / n, noise=early.noise)
        with torch.no_grad():
            wanted = model.flow_map(late.x, s + 1 / n, 1.0)
        return n * (model.flow_map(early.x, s, 1.0) - wanted).square().sum(1).mean()

    batches = ((DATA.draw(BATCH, source),) for _ in range(steps))
    fit(model, loss, batches, steps=steps, lr=5e-4, recipe=Recipe(weight_decay=0.0), progress=False)
    return model


@torch.no_grad()
def of_fresh_noise(model: FlowMap, n: int = 20_000) -> list[float]:
    """Distances at each number of evaluations where every end is mixed with fresh noise and goes to 1 once more."""
    noise, exact = even(n)
    source, distances = seeded(5), []
    for steps in EVALUATIONS:
        x = model.flow_map(noise, 0.0, 1.0)
        for s in torch.linspace(0, 1, steps + 1)[1:-1]:
            x = model.flow_map(PATH.sample(x, s, generator=source).x, s, 1.0)
        distances.append((x.sort(0).values - exact).abs().mean().item())
    return distances


def even(n: int) -> tuple[Tensor, Tensor]:
    """One point in each n-th of the noise, and their exact ends; both in order."""
    shares = (torch.arange(n, dtype=torch.double) + 0.5) / n
    noise = torch.special.ndtri(shares)[:, None].float()
    return noise, EXACT.flow_map(noise, 0.0, 1.0)


@torch.no_grad()
def judged(model: Callable, velocity_only: bool, n: int = 20_000) -> tuple[list[float], float, float]:
    """Distances of the ends at each number of evaluations; root mean square errors of X_01 and over all s < t."""
    noise, exact = even(n)

    def move(x: Tensor, s: Tensor, t: Tensor) -> Tensor:
        return x + (t - s) * model(x, s, s if velocity_only else t)

    distances = []
    for steps in EVALUATIONS:
        ends = follow(move, noise, torch.linspace(0, 1, steps + 1))
        distances.append((ends.sort(0).values - exact).abs().mean().item())
    whole = (move(noise, torch.tensor(0.0), torch.tensor(1.0)) - exact).square().mean().sqrt().item()
    return distances, whole, map_errors(move, *carried(n // 10)).nanmean().item()


@functools.cache
def carried(n: int, k: int = 9) -> tuple[Tensor, Tensor]:
    """Times of a grid, shape (k,), and n points of the noise that the exact flow has carried to each, (k, n, 1)."""
    ts, (noise, _) = torch.linspace(0, 1, k), even(n)
    return ts, torch.stack([EXACT.flow_map(noise, 0.0, t) for t in ts])


def found(way: Way, base: Callable | None, seed: int, seconds: float) -> Found:
    model, steps, spent = within(seconds, partial(trained, way, base, seed))
    return Found(*judged(model, way.velocity_only), steps, spent)


def exact_error(n: int = 2000) -> float:
    """Largest distance of the exact map from 2,500 Runge–Kutta steps, in float64, over n normal numbers."""
    exact = marginal(PATH, DATA.to(torch.double))
    x = torch.randn(n, 1, dtype=torch.double, generator=seeded(1))
    ts = torch.linspace(0, 1, 2501, dtype=torch.double)
    ends = simulate(exact.velocity, x, ts, rk4_step, save_every=2500).end
    return (ends - exact.flow_map(x, 0.0, 1.0)).abs().max().item()


def maps(quick: bool) -> Iterator[Row]:
    """Rows of the exact map, of the closed-form base untrained, then of every way on each."""
    seconds, seeds = (0.3, 1) if quick else (6.0, 3)
    yield alone("maps", "exact map of the line: error beside 2,500 Runge–Kutta steps", exact_error(), "", most=1e-10)
    for basis, base in BASES.items():
        if base is not None:
            distances, whole, everywhere = judged(untrained(base), False)
            yield alone("maps", "one Gaussian's map, untrained: W1 in 1 evaluation", distances[0], "")
            yield alone("maps", "one Gaussian's map, untrained: error of X_01", whole, "")
            yield alone("maps", "one Gaussian's map, untrained: error over all s < t", everywhere, "")
        for name, way in WAYS.items():
            runs = [found(way, base, seed, seconds) for seed in range(seeds)]
            yield from rows(name + basis, runs, way.velocity_only)
    yield from consistency([within(seconds, partial(consistent, seed)) for seed in range(seeds)])


def consistency(runs: list[tuple[FlowMap, int, float]]) -> Iterator[Row]:
    """Consistency training with a schedule of step sizes, which knows of ends at t = 1 only."""
    distances = [of_fresh_noise(model) for model, _, _ in runs]
    for i, n in enumerate(EVALUATIONS):
        what = f"consistency, ever smaller steps: W1 in {n} evaluation(s), fresh noise between"
        yield over_seeds("maps", what, [each[i] for each in distances], "")
    wholes = [judged(model, False)[1] for model, _, _ in runs]
    yield over_seeds("maps", "consistency, ever smaller steps: error of X_01", wholes, "")
    steps = round(statistics.mean(steps for _, steps, _ in runs))
    what = f"consistency, ever smaller steps: {steps} steps of {BATCH}"
    yield over_seeds("maps", what, [spent for _, _, spent in runs], "CPU-s")


def rows(name: str, runs: list[Found], velocity_only: bool) -> Iterator[Row]:
    """One way of learning: distances, errors of the map where it is one, and what the training cost."""
    for i, n in enumerate(EVALUATIONS):
        yield over_seeds("maps", f"{name}: W1 in {n} evaluation(s)", [run.distances[i] for run in runs], "")
    if not velocity_only:
        yield over_seeds("maps", f"{name}: error of X_01", [run.whole for run in runs], "")
        yield over_seeds("maps", f"{name}: error over all s < t", [run.everywhere for run in runs], "")
    steps = round(statistics.mean(run.steps for run in runs))
    yield over_seeds("maps", f"{name}: {steps} steps of {BATCH}", [run.seconds for run in runs], "CPU-s")
