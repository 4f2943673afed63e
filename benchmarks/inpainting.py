"""Lab 10's warning: putting known way points back at every step is no conditioning. Shares of plans beside exact ones.

Plans of 16 way points, a mixture of two Gaussians (0.7 above the pillar, 0.3 below), of which some way points are known
to be where the lower plans have them. Before every step these are put back with their own noise, t z + (1 - t) eps; or
each step is done several times, with noise again in between. What counts is whether the unknown way points are above.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.robots import H, plan_mixture, seeded
from benchmarks.rows import Row, alone
from course_utils.distributions import conditioned
from course_utils.paths import GaussianPath, marginal
from course_utils.simulators import simulate

KNOWN = {
    "first way point": [0],
    "middle way point": [H // 2],
    "first 4": list(range(4)),
    "first 8": list(range(8)),
    "every second": list(range(0, H, 2)),
}
WAYS = {"20 steps": (20, 1), "100 steps": (100, 1), "50 steps, each 10 times": (50, 10)}
"""Euler steps, and how often each is done."""


def known_part(points: list[int]) -> tuple[Tensor, Tensor]:
    """Which of the 2 H coordinates are known, and their values: the lower plans' mean."""
    known = torch.zeros(H, 2, dtype=torch.bool)
    known[points] = True
    return known.flatten(), plan_mixture().means[1, known.flatten()]


def replaced(known: Tensor, values: Tensor, noise: Tensor, steps: int, rounds: int, source: torch.Generator) -> Tensor:
    """Plans made with the exact field of all plans; what is known is put back before every step."""
    velocity = marginal(GaussianPath(), plan_mixture()).velocity
    x, ts = noise, torch.linspace(0, 1, steps + 1, dtype=noise.dtype)
    for now, later in zip(ts[:-1], ts[1:], strict=True):
        for again in range(rounds):
            if again:
                x = noised(x, later, now, source)
            fresh = torch.randn(noise.shape, dtype=noise.dtype, generator=source) if rounds > 1 else noise
            x = torch.where(known, now * put_in(values, known) + (1 - now) * fresh, x)
            x = x + (later - now) * velocity(x, now)
    return torch.where(known, put_in(values, known), x)


def noised(x: Tensor, later: Tensor, now: Tensor, source: torch.Generator) -> Tensor:
    """From a time back to an earlier one: the state shrinks, and the noise that is lacking comes on."""
    lacking = (1 - now) ** 2 - (now / later * (1 - later)) ** 2
    return now / later * x + lacking.sqrt() * torch.randn(x.shape, dtype=x.dtype, generator=source)


def put_in(values: Tensor, known: Tensor) -> Tensor:
    """Values at the known coordinates, 0 elsewhere."""
    return torch.zeros(len(known), dtype=values.dtype).masked_scatter(known, values)


def flowed(known: Tensor, values: Tensor, noise: Tensor, steps: int) -> Tensor:
    """Plans by the exact field of the conditioned mixture."""
    velocity = marginal(GaussianPath(), conditioned(plan_mixture(), known, values)).velocity
    unknown = simulate(velocity, noise[:, ~known], torch.linspace(0, 1, steps + 1, dtype=noise.dtype)).end
    return put_in(values, known).repeat(len(noise), 1).masked_scatter(~known, unknown)


def up(z: Tensor, known: Tensor) -> float:
    """Percentage of plans most of whose unknown way points are above."""
    heights = z.unflatten(1, (H, 2))[:, ~known.unflatten(0, (H, 2))[:, 1], 1]
    return 100 * (heights.median(1).values > 0).double().mean().item()


def inpainting(quick: bool) -> Iterator[Row]:
    """Rows of the share above: exact, by the conditioned field, and with known way points put back."""
    n = 200 if quick else 4000
    for name, points in KNOWN.items():
        known, values = known_part(points)
        exact = conditioned(plan_mixture(), known, values).weights[0].item()
        yield alone("inpainting", f"{name} known: above, exact", 100 * exact, "%")
        noise = torch.randn(n, 2 * H, dtype=torch.double, generator=seeded(0))
        share = up(flowed(known, values, noise, 20), known)
        most = 100 * exact + 500 * math.sqrt(exact * (1 - exact) / n) + 100 / n
        yield alone("inpainting", f"{name} known: above, field of the conditional, 20 steps", share, "%", most=most)
        for way, (steps, rounds) in WAYS.items():
            share = up(replaced(known, values, noise, steps, rounds, seeded(3)), known)
            yield alone("inpainting", f"{name} known: above, put back, {way}", share, "%")
