"""Lab 9's line: what is asked for, and what guidance and steering give, beside the exact tilted law.

A mixture of three Gaussians and the reward r(x) = x; then d such numbers, independent, and the sum of them.
"""

import math
import statistics
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.maps import DATA, PATH, seeded
from benchmarks.rows import Row, alone, over_seeds
from course_utils.guidance import plug_in, plug_in_value
from course_utils.paths import marginal
from course_utils.processes import FlowSDE
from course_utils.simulators import midpoint_step, simulate
from course_utils.steering import effective_size, steer

LINE = DATA.to(torch.double)
EXACT = marginal(PATH, LINE)
ONE = torch.ones(1, dtype=torch.double)
LAM, STEPS, NOISE = 0.5, 60, 1.4
WAYS = {
    "resampling alone": {"push": False, "threshold": 0.5},
    "plug-in, weighted at the end": {"push": True, "threshold": 0.0},
    "plug-in and resampling": {"push": True, "threshold": 0.5},
}


class Crowd(NamedTuple):
    """Of a weighted crowd: the mean of a number, the logarithm of the normaliser, and the effective share of it."""

    mean: float
    log_z: float
    share: float


def velocity(x: Tensor, t: Tensor) -> Tensor:
    """The exact velocity of every coordinate."""
    return EXACT.velocity(x.reshape(-1, 1), t).reshape(x.shape)


def reward(z: Tensor) -> Tensor:
    return z.sum(1)


def plug_in_ends(lam: float, n: int) -> tuple[float, float, float]:
    """Mean reward asked for and found by the plug-in, and the distance between both laws, by n points of the noise."""
    noise = torch.special.ndtri((torch.arange(n, dtype=torch.double) + 0.5) / n)[:, None]
    wanted = marginal(PATH, LINE.tilted(ONE, lam=lam)).flow_map(noise, 0.0, 1.0)
    late = 1 - torch.logspace(-2, -4, 20, dtype=torch.double)[1:]  # where the modes part for the last time
    ts = torch.cat([torch.linspace(0.002, 0.99, 150, dtype=torch.double), late])
    ends = simulate(plug_in(EXACT.velocity, reward, lam), noise, ts, midpoint_step, save_every=len(ts)).end
    distance = (ends.sort(0).values - wanted).abs().mean().item()
    return wanted.mean().item(), ends.mean().item(), distance


def importance(d: int, n: int, seed: int) -> Crowd:
    """Samples of the mixture, weighted."""
    x = LINE.draw(n * d, seeded(seed)).reshape(n, d)
    return crowd_of(x, reward(x) / LAM, (reward(x) / LAM).logsumexp(0) - math.log(n))


def steered(d: int, n: int, seed: int, **way) -> tuple[Crowd, float]:
    """A steered crowd, and the mean of a coordinate without its weights."""
    source = seeded(seed)
    sde = FlowSDE.from_velocity(velocity, PATH.schedule, lambda t: NOISE * (1 - t).sqrt())
    value = plug_in_value(velocity, reward, LAM)
    x0 = torch.randn(n, d, dtype=torch.double, generator=source)
    ts = torch.linspace(0, 1, STEPS + 1, dtype=torch.double)
    crowd = steer(sde, value, x0, ts, generator=source, **way)
    return crowd_of(crowd.x, crowd.log_weights, crowd.log_normaliser), crowd.x.mean().item()


def crowd_of(x: Tensor, log_weights: Tensor, log_z: Tensor) -> Crowd:
    mean = (log_weights.softmax(0) @ x).mean().item()
    return Crowd(mean, log_z.item(), effective_size(log_weights).item() / len(x))


def rewards(quick: bool) -> Iterator[Row]:
    """Rows of the plug-in at four temperatures, then of crowds of 512 in 1, 4 and 16 dimensions over eight seeds."""
    for lam in (2.0, 1.0, 0.5, 0.25):
        wanted, got, distance = plug_in_ends(lam, 200 if quick else 4000)
        yield alone("rewards", f"lambda {lam:g}: mean reward asked for", wanted, "")
        yield alone("rewards", f"lambda {lam:g}: mean reward by the plug-in", got, "")
        yield alone("rewards", f"lambda {lam:g}: W1 of the plug-in to the tilted law", distance, "")
    n, seeds = (64, 2) if quick else (512, 8)
    tilted = LINE.tilted(ONE, lam=LAM).mean.item()
    log_z = LINE.log_normaliser(ONE, lam=LAM).item()
    for d in (1, 4, 16):
        asked = f"{d} number(s), KL {d * (tilted / LAM - log_z):.1f}"
        yield alone("rewards", f"{asked}: mean of a number asked for", tilted, "")
        yield alone("rewards", f"{asked}: log Z", d * log_z, "")
        yield from crowd_rows(f"{asked}, importance weights", [importance(d, n, seed) for seed in range(seeds)])
        for name, way in WAYS.items():
            runs = [steered(d, n, seed, **way) for seed in range(seeds)]
            yield from crowd_rows(f"{asked}, {name}", [crowd for crowd, _ in runs])
            if way["threshold"] == 0:
                means = [mean for _, mean in runs]
                yield over_seeds("rewards", f"{asked}, plug-in without weights: mean of a number", means, "")


def crowd_rows(what: str, crowds: list[Crowd]) -> Iterator[Row]:
    yield over_seeds("rewards", f"{what}: mean of a number", [crowd.mean for crowd in crowds], "")
    spread = statistics.stdev([crowd.log_z for crowd in crowds])
    yield over_seeds("rewards", f"{what}: log Z, ± {spread:.2g}", [crowd.log_z for crowd in crowds], "")
    yield over_seeds("rewards", f"{what}: effective share", [crowd.share for crowd in crowds], "")
