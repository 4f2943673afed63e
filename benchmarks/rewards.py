"""Lab 9's line: what is asked for, and what choosing, guidance and steering give, beside the exact tilted law.

A mixture of three Gaussians and the reward r(x) = x; then d such numbers, independent, and the sum of them.
"""

import math
import statistics
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.maps import DATA, PATH, seeded
from benchmarks.rows import Row, alone, over_seeds
from course_utils.distributions import GaussianMixture
from course_utils.guidance import guided, plug_in, plug_in_value
from course_utils.paths import marginal
from course_utils.processes import FlowSDE
from course_utils.simulators import midpoint_step, simulate
from course_utils.steering import effective_size, steer

LINE = DATA.to(torch.double)
EXACT = marginal(PATH, LINE)
ONE = torch.ones(1, dtype=torch.double)
NORMAL = GaussianMixture(torch.zeros(1, 1, dtype=torch.double))
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


def quantiles(shares: Tensor, law: GaussianMixture = LINE) -> Tensor:
    """Points of a law on the line with these shares of its mass on their left, shape (n, 1)."""
    return marginal(PATH, law).flow_map(torch.special.ndtri(shares)[:, None], 0.0, 1.0)


def shares(n: int) -> Tensor:
    """The middles of n equal parts of [0, 1]."""
    return (torch.arange(n, dtype=torch.double) + 0.5) / n


def exact_value(lam: float) -> Callable[[Tensor, Tensor], Tensor]:
    """V(x, t), up to a number, for r(x) = x: the difference of two log densities of the path."""
    tilted = marginal(PATH, LINE.tilted(ONE, lam=lam))
    return lambda x, t: tilted.log_prob(x, t) - EXACT.log_prob(x, t)


def ends(field: Callable, lam: float, n: int) -> tuple[float, float]:
    """Mean reward of where a field leads n points of the noise, and the distance of that law to the one asked for."""
    noise = torch.special.ndtri(shares(n))[:, None]
    late = 1 - torch.logspace(-2, -4, 20, dtype=torch.double)[1:]  # where the modes part for the last time
    ts = torch.cat([torch.linspace(0.002, 0.99, 150, dtype=torch.double), late])
    found = simulate(field, noise, ts, midpoint_step, save_every=len(ts)).end
    wanted = quantiles(shares(n), LINE.tilted(ONE, lam=lam))
    return found.mean().item(), (found.sort(0).values - wanted).abs().mean().item()


def best_of_mean(k: int, law: GaussianMixture, n: int = 20_000) -> float:
    """Mean of the largest of k independent draws: its distribution function is the k-th power of a draw's."""
    return quantiles(shares(n) ** (1 / k), law).mean().item()


def tilted_mean(kl: float, law: GaussianMixture) -> float:
    """Mean of the tilted law at this distance, the most that is possible there; eta = 1/lambda by halving."""
    low, high = 0.0, 100.0
    for _ in range(60):
        eta = (low + high) / 2
        found = eta * law.tilted(eta * ONE).mean.item() - law.log_normaliser(eta * ONE).item()
        low, high = (eta, high) if found < kl else (low, eta)
    return law.tilted(low * ONE).mean.item()


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
    """Rows of two fields at four temperatures, of best of k, then of crowds of 512 in 1, 4 and 16 dimensions."""
    for lam in (2.0, 1.0, 0.5, 0.25):
        wanted = LINE.tilted(ONE, lam=lam).mean.item()
        yield alone("rewards", f"lambda {lam:g}: mean reward asked for", wanted, "")
        fields = {"plug-in": plug_in(EXACT.velocity, reward, lam), "exact V": guided(EXACT.velocity, exact_value(lam))}
        for name, field in fields.items():
            got, distance = ends(field, lam, 200 if quick else 4000)
            yield alone("rewards", f"lambda {lam:g}: mean reward by the {name}", got, "")
            yield alone("rewards", f"lambda {lam:g}: W1 of the {name} to the tilted law", distance, "")
    for name, law in {"normal numbers": NORMAL, "the mixture": LINE}.items():
        for k in (2, 4, 8, 16, 64):
            kl = math.log(k) - (k - 1) / k
            yield alone("rewards", f"best of {k} of {name}, KL {kl:.3f}: mean", best_of_mean(k, law), "")
            yield alone("rewards", f"the most that is possible at KL {kl:.3f} of {name}", tilted_mean(kl, law), "")
    yield from crowds(64 if quick else 512, 2 if quick else 8)


def crowds(n: int, seeds: int) -> Iterator[Row]:
    """Rows of importance weights and of steered crowds of n particles, over seeds, beside the exact answers."""
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
