"""Lab 10's arm: poses that reach, by a flow on the torus, by one in the plane, and by averages; three training seeds.

20,000 poses of the expert to learn from, 10,000 steps of 256 for flows, half for averages; all are judged on the same
2,000 new states.
"""

import time
from collections.abc import Callable, Iterator

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


def arm_run(name: str, seed: int, steps: int, n: int = 2000) -> tuple[dict[int, Reached], float]:
    """One training, judged at some numbers of Euler steps, and its CPU-seconds."""
    model, seconds = trained(name, seed, steps)
    x = ARM.start(n, seeded(123))
    euler = (4, 8, EULER, 32) if "flow" in name else (1,)
    return {k: ARM.judge(x, WAYS[name][1](model, x, k)) for k in euler}, seconds


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
        for k in runs[0][0]:
            found = [reached[k] for reached, _ in runs]
            limit = {"least": 95.0} if (name, k) == ("flow on the torus", EULER) else {}
            what = f"{name}, {k} Euler steps" if "flow" in name else name
            yield over_seeds("arm", f"{what}: success", [100 * each.success for each in found], "%", **limit)
            misses = [each.miss.median().item() for each in found]
            yield over_seeds("arm", f"{what}: median miss of the hand", misses, "")
        shares = [100 * found.up.double().mean().item() for found in (reached[k] for reached, _ in runs)]
        yield over_seeds("arm", f"{what}: elbow up", shares, "%")
        yield over_seeds("arm", f"{name}: training", [seconds for _, seconds in runs], "CPU-s")
