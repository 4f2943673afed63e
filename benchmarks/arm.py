"""Lab 10's arm: poses that reach, by a flow on the torus, by one in the plane, and by averages; three training seeds.

20,000 poses of the expert to learn from, 10,000 steps of 256 for flows, half for averages; all are judged on the same
2,000 new states.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data
from course_utils.guidance import condition
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.manifolds import wrap
from course_utils.networks import Policy
from course_utils.paths import GaussianPath, GeodesicPath
from course_utils.simulators import geodesic_step, simulate
from course_utils.training import fit
from course_utils.worlds import Arm, Reached

ARM = Arm()
STEPS, EULER = 10_000, 16
SHAPE = ARM.torus.event_shape


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def torus_loss(seed: int) -> Callable:
    """Flow matching along geodesics."""
    source, path = seeded(100 + seed), GeodesicPath(ARM.torus)

    def loss(model, z: Tensor, o: Tensor) -> Tensor:
        return flow_matching_loss(model, z, o, path=path, t=stratified_times(len(z), source), generator=source)

    return loss


def plane_loss(seed: int) -> Callable:
    """Flow matching of the same numbers as if they were places."""
    source, path = seeded(100 + seed), GaussianPath()

    def loss(model, z: Tensor, o: Tensor) -> Tensor:
        return flow_matching_loss(model, z, o, path=path, t=stratified_times(len(z), source), generator=source)

    return loss


def mean_loss(seed: int) -> Callable:
    """Least squares of the angles."""

    def loss(model, z: Tensor, o: Tensor) -> Tensor:
        return (model(torch.zeros_like(z), 0.0, o) - z).square().flatten(1).sum(1).mean()

    return loss


def circle_loss(seed: int) -> Callable:
    """Least squares on the circle: of the chord, so that no angle has a seam."""

    def loss(model, z: Tensor, o: Tensor) -> Tensor:
        return (1 - (model(torch.zeros_like(z), 0.0, o) - z).cos()).flatten(1).sum(1).mean()

    return loss


@torch.no_grad()
def by_torus(model: Policy, x: Tensor, steps: int) -> Tensor:
    start = ARM.torus.draw(len(x), seeded(5))
    ts = torch.linspace(0, 1, steps + 1)
    return simulate(condition(model, ARM.observe(x)), start, ts, geodesic_step(ARM.torus)).end


@torch.no_grad()
def by_plane(model: Policy, x: Tensor, steps: int) -> Tensor:
    noise = torch.randn(len(x), *SHAPE, generator=seeded(5))
    return wrap(simulate(condition(model, ARM.observe(x)), noise, torch.linspace(0, 1, steps + 1)).end)


@torch.no_grad()
def at_once(model: Policy, x: Tensor, steps: int) -> Tensor:
    return wrap(model(torch.zeros(len(x), *SHAPE), 0.0, ARM.observe(x)))


WAYS = {
    "flow on the torus": (torus_loss, by_torus, 3),
    "flow in the plane": (plane_loss, by_plane, 0),
    "mean of the angles": (mean_loss, at_once, 0),
    "mean on the circle": (circle_loss, at_once, 0),
}
"""Loss of a seed, poses of a model, and waves that its network sees."""


def trained(name: str, seed: int, steps: int) -> tuple[Policy, float]:
    """A policy, and the CPU-seconds that it took."""
    loss, _, waves = WAYS[name]
    poses, seen = ARM.demonstrations(20_000, seeded(seed))
    torch.manual_seed(seed)
    model = Policy(SHAPE, 6, waves=waves)
    batches = data.batches(poses, seen, batch_size=256, generator=seeded(seed))
    start = time.process_time()
    fit(model, loss(seed), batches, steps=steps, progress=False)
    return model, time.process_time() - start


class Run(NamedTuple):
    """Of one training: what is reached with so many Euler steps, percentages at the seam and away, and CPU-seconds."""

    reached: dict[int, Reached]
    seam: tuple[float, float]
    seconds: float


def arm_run(name: str, seed: int, steps: int, n: int = 2000) -> Run:
    """One training, judged at some numbers of Euler steps; at the seam by ten times as many states."""
    model, seconds = trained(name, seed, steps)
    x, many = ARM.start(n, seeded(123)), ARM.start(10 * n, seeded(124))
    euler = (4, 8, EULER, 32) if "flow" in name else (1,)
    poses = WAYS[name][1]
    reached = {k: ARM.judge(x, poses(model, x, k)) for k in euler}
    return Run(reached, by_seam(many, poses(model, many, EULER)), seconds)


def by_seam(x: Tensor, poses: Tensor) -> tuple[float, float]:
    """Percentages of success: of answers with q1 within 20 degrees of the seam, and for goals without a pose there."""
    reached = ARM.judge(x, poses).miss <= ARM.near
    exact = torch.stack([ARM.pose(x[:, 2:], torch.full((len(x),), up)) for up in (True, False)])
    near, possible = near_seam(poses), near_seam(exact).any(0)
    at, away = (100 * reached[those].double().mean().item() for those in (near, ~possible))
    return at, away


def near_seam(poses: Tensor) -> Tensor:
    return poses[..., 0].abs() > math.pi - math.radians(20)


def arm(quick: bool) -> Iterator[Row]:
    """Rows of the expert, then of each way."""
    seeds, share, n = (1, 50, 200) if quick else (3, 1, 2000)
    x = ARM.start(n, seeded(123))
    law = ARM.probability_up(x)
    up = torch.rand(n, generator=seeded(1)) < law
    trembling = wrap(ARM.pose(x[:, 2:], up) + ARM.spread * torch.randn(n, *SHAPE, generator=seeded(2)))
    yield alone("arm", "the expert: success", 100 * ARM.judge(x, trembling).success, "%")
    yield alone("arm", "the expert: elbow up", 100 * law.mean().item(), "%")
    for name in WAYS:
        steps = STEPS if "flow" in name else STEPS // 2
        runs = [arm_run(name, seed, steps // share, n) for seed in range(seeds)]
        for k in runs[0].reached:
            found = [run.reached[k] for run in runs]
            limit = {"least": 95.0} if (name, k) == ("flow on the torus", EULER) else {}
            what = f"{name}, {k} Euler steps" if "flow" in name else name
            yield over_seeds("arm", f"{what}: success", [100 * each.success for each in found], "%", **limit)
            misses = [each.miss.median().item() for each in found]
            yield over_seeds("arm", f"{what}: median miss of the hand", misses, "")
        shares = [100 * run.reached[k].up.double().mean().item() for run in runs]
        yield over_seeds("arm", f"{what}: elbow up", shares, "%")
        if "flow" in name:
            yield over_seeds("arm", f"{name}: success of answers near the seam", [run.seam[0] for run in runs], "%")
            elsewhere = [run.seam[1] for run in runs]
            yield over_seeds("arm", f"{name}: success for goals without a pose there", elsewhere, "%")
        yield over_seeds("arm", f"{name}: training", [run.seconds for run in runs], "CPU-s")
