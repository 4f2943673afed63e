"""Lab 8's board: flow maps of the checkerboard in one, two and four evaluations, from its exact field as teacher.

The exact field itself in few steps; regression on its trajectories; straight lines between their ends (reflow), and
between the ends of those again; two half steps, at two learning rates. CPU-seconds include the trajectories. Judged by
20,000 points: the share off the squares, and the sliced Wasserstein distance to as many points of the board.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds, within
from course_utils.data import batches
from course_utils.distributions import Checkerboard, GaussianMixture, draw
from course_utils.losses import flow_matching_loss, shortcut_loss, two_times
from course_utils.metrics import off_support, sliced_wasserstein
from course_utils.networks import MLP, FlowMap
from course_utils.paths import GaussianPath, average_velocity, marginal
from course_utils.simulators import euler_step, midpoint_step, simulate
from course_utils.training import fit

BOARD, PATH = Checkerboard(), GaussianPath()
EXACT = marginal(PATH, BOARD)
END = PATH.schedule.grid(1)[-1].item()
"""The last time at which the exact field is finite."""
VARIANCE = BOARD.half_width**2 / 3
ONE = marginal(PATH, GaussianMixture(torch.zeros(1, 2), VARIANCE * torch.eye(2)[None]))
"""The path to one Gaussian with the board's variance: its exact map is the base of what is learned."""
SCALE = 1.6
FREQUENCIES = [k / 8 for k in (1, 2, 3, 4, 6, 8)]
"""Those of Lab 2's network: the board's own are among them."""
BATCH, GRID = 512, 40
EVALUATIONS = (1, 2, 4)


class Found(NamedTuple):
    """What one map gives at each number of evaluations, and what its training cost."""

    off: list[float]
    far: list[float]
    steps: int
    seconds: float


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> MLP:
    return MLP(2, hidden=96, depth=3, frequencies=FREQUENCIES)


def trajectories(n: int, seed: int) -> Tensor:
    """n exact trajectories, shape (GRID + 1, n, 2): midpoint steps of the exact field from noise."""
    x = torch.randn(n, 2, generator=seeded(seed))
    return simulate(EXACT.velocity, x, PATH.schedule.grid(GRID), midpoint_step).xs


# what is learned


def untrained() -> FlowMap:
    """A map on that of one Gaussian; the network's answer starts at 0."""
    model = FlowMap(network(), average_velocity(ONE.flow_map, ONE.velocity), lambda s: torch.full_like(s, SCALE))
    for parameter in model.net.last.parameters():
        torch.nn.init.zeros_(parameter)
    return model


def spans(xs: Tensor, generator: torch.Generator) -> Iterator[tuple[Tensor, ...]]:
    """Batches (x, s, t, end) of spans of the trajectories: half of them begin at the noise, half end at the end."""
    ts = PATH.schedule.grid(GRID)
    while True:
        rows, first, last = torch.randint(2**40, (3, BATCH), generator=generator)
        whole = torch.rand(2, BATCH, generator=generator) < 0.5
        first = torch.where(whole[0], 0, first % GRID)
        last = torch.where(whole[1], GRID, first + 1 + last % (GRID - first))
        rows = rows % xs.shape[1]
        yield xs[first, rows], ts[first], ts[last], xs[last, rows]


def span_loss(model: FlowMap, x: Tensor, s: Tensor, t: Tensor, end: Tensor) -> Tensor:
    """Regression on known ends, in units of the network's answer."""
    return ((model.flow_map(x, s, t) - end) / SCALE).square().sum(1).mean()


def regressed(xs: Tensor, seed: int, steps: int) -> FlowMap:
    torch.manual_seed(seed)
    model = untrained()
    fit(model, span_loss, spans(xs, seeded(100 + seed)), steps=steps, lr=1e-2, progress=False)
    return model


def straightened(noise: Tensor, ends: Tensor, seed: int, steps: int) -> MLP:
    """A field along the straight lines from noise to ends: flow matching with pairs that belong together."""
    torch.manual_seed(seed)
    model, source = network(), seeded(100 + seed)

    def loss(model: MLP, noise: Tensor, ends: Tensor) -> Tensor:
        return flow_matching_loss(model, ends, noise=noise, path=PATH, generator=source)

    pairs = batches(noise, ends, batch_size=BATCH, generator=source)
    fit(model, loss, pairs, steps=steps, lr=1e-2, progress=False)
    return model


def halved(lr: float, seed: int, steps: int) -> FlowMap:
    """Two half steps of the map itself, and the exact velocity where t = s."""
    torch.manual_seed(seed)
    model, source = untrained(), seeded(100 + seed)

    def loss(model: FlowMap, z: Tensor) -> Tensor:
        s, t = two_times(BATCH, generator=source)
        return shortcut_loss(model, z, path=PATH, s=END * s, t=END * t, velocity=EXACT.velocity, generator=source)

    points = ((draw(BOARD, BATCH, source),) for _ in range(steps))
    fit(model, loss, points, steps=steps, lr=lr, progress=False)
    return model


# how it is judged


def judged(carry: Callable, last: float, n: int = 20_000) -> tuple[list[float], list[float]]:
    """Share off the squares and distance of the ends of `carry(x, ts)` at each number of evaluations."""
    noise, board = torch.randn(n, 2, generator=seeded(1)), draw(BOARD, n, seeded(2))
    ends = [carry(noise, torch.linspace(0, last, steps + 1)) for steps in EVALUATIONS]
    return (
        [off_support(BOARD, x) for x in ends],
        [sliced_wasserstein(x, board, 128, seeded(3)) for x in ends],
    )


def along_field(field: Callable, x: Tensor, ts: Tensor, step: Callable = euler_step) -> Tensor:
    return simulate(field, x, ts, step).end


@torch.no_grad()
def along_map(model: FlowMap, x: Tensor, ts: Tensor) -> Tensor:
    for s, t in zip(ts[:-1], ts[1:], strict=True):
        x = model.flow_map(x, s, t)
    return x


def curvature(field: Callable, last: float, n: int = 4000) -> float:
    """E ∫ |x_1 - x_0 - u(x_t, t)|² dt along the field's own trajectories: 0 where they are straight."""
    x = torch.randn(n, 2, generator=seeded(9))
    ts = torch.linspace(0, last, GRID + 1)
    with torch.no_grad():
        xs = simulate(field, x, ts, midpoint_step).xs
        bends = [(field(x, t) - (xs[-1] - xs[0]) / last).square().sum(1).mean() for x, t in zip(xs, ts, strict=True)]
    return torch.trapezoid(torch.stack(bends), ts).item()


# rows


def board_maps(quick: bool) -> Iterator[Row]:
    """Rows of the exact field in few steps, then of every way of learning."""
    seconds, n, seeds = (1.0, 2000, 1) if quick else (15.0, 20_000, 3)
    yield from known(n)
    runs = [regression(seconds, n, seed) for seed in range(seeds)]
    yield from rows(f"regression on {n:,} exact trajectories", runs, most=0.06)
    both = [reflows(seconds * 8 / 15, n, seed) for seed in range(seeds)]
    for i, name in enumerate(("reflow", "reflow, a second time")):
        yield from rows(name, [found[i] for found, _ in both])
        yield over_seeds("board_maps", f"{name}: curvature", [bends[i] for _, bends in both], "")
    for lr in (1e-3, 4e-3):
        yield from rows(f"two half steps, learning rate {lr:g}", [halves(lr, seconds, seed) for seed in range(seeds)])


def known(n: int) -> Iterator[Row]:
    """The floor of the distance, and the exact field in few steps."""
    floor = sliced_wasserstein(draw(BOARD, n, seeded(4)), draw(BOARD, n, seeded(2)), 128, seeded(3))
    yield alone("board_maps", f"floor: sliced Wasserstein of {n:,} points and as many others", floor, "")
    yield alone("board_maps", "exact field: curvature", curvature(EXACT.velocity, END), "")
    for name, step, cost in (("Euler", euler_step, 1), ("midpoint", midpoint_step, 2)):
        off, far = judged(partial(along_field, EXACT.velocity, step=step), END, n)
        for i, steps in enumerate(EVALUATIONS):
            what = f"exact field, {name}, {cost * steps} evaluation(s)"
            yield alone("board_maps", f"{what}: off the squares", off[i], "")
            yield alone("board_maps", f"{what}: sliced Wasserstein", far[i], "")


def regression(seconds: float, n: int, seed: int) -> Found:
    start = time.process_time()
    xs = trajectories(n, seed)
    spent = time.process_time() - start
    model, steps, trained = within(seconds - spent, partial(regressed, xs, seed))
    return Found(*judged(partial(along_map, model), END), steps, spent + trained)


def reflows(seconds: float, n: int, seed: int) -> tuple[list[Found], list[float]]:
    """Reflow once and twice, each with its own CPU-seconds; and the curvature of both fields."""
    found, bends = [], []
    start = time.process_time()
    xs = trajectories(n, seed)
    noise, ends = xs[0], xs[-1]
    for _ in range(2):
        spent = time.process_time() - start
        model, steps, trained = within(seconds - spent, partial(straightened, noise, ends, seed))
        found.append(Found(*judged(partial(along_field, model), 1.0), steps, spent + trained))
        bends.append(curvature(model, 1.0))
        start = time.process_time()
        with torch.no_grad():
            ends = along_field(model, noise, torch.linspace(0, 1, GRID + 1), midpoint_step)
    return found, bends


def halves(lr: float, seconds: float, seed: int) -> Found:
    model, steps, spent = within(seconds, partial(halved, lr, seed))
    return Found(*judged(partial(along_map, model), END), steps, spent)


def rows(name: str, runs: list[Found], most: float | None = None) -> Iterator[Row]:
    """One way of learning: what it gives, with the limit in one evaluation, and what it cost."""
    for i, n in enumerate(EVALUATIONS):
        limit = most if n == 1 else None
        what = f"{name}, {n} evaluation(s)"
        yield over_seeds("board_maps", f"{what}: off the squares", [run.off[i] for run in runs], "", most=limit)
        yield over_seeds("board_maps", f"{what}: sliced Wasserstein", [run.far[i] for run in runs], "")
    steps = round(sum(run.steps for run in runs) / len(runs))
    yield over_seeds("board_maps", f"{name}: {steps} steps of {BATCH}", [run.seconds for run in runs], "CPU-s")
