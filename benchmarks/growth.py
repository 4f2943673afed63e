"""How cost grows with paths, steps, dimensions and data points: a slope on logarithmic scales each."""

import time

import torch

from benchmarks.rows import Row
from course_utils.distributions import Empirical
from course_utils.paths import GaussianPath, marginal
from course_utils.processes import OrnsteinUhlenbeck
from course_utils.simulators import simulate


def _simulation(paths: int, steps: int, dimensions: int) -> None:
    x0, ts = torch.zeros(paths, dimensions), torch.linspace(0, 1, steps + 1)
    simulate(OrnsteinUhlenbeck(1.0, 1.0), x0, ts, save_every=steps)


def _field(points: int) -> None:
    field = marginal(GaussianPath(), Empirical(torch.randn(points, 64))).velocity
    field(torch.randn(64, 64), torch.tensor(0.5))


WORK = {
    "paths": (lambda n: _simulation(n, 100, 1), (2_000, 8_000, 32_000, 128_000, 512_000)),
    "steps": (lambda n: _simulation(2_000, n, 1), (50, 200, 800, 3_200)),
    "dimensions": (lambda n: _simulation(1_000, 100, n), (4, 16, 64, 256)),
    "data points": (_field, (4_000, 16_000, 64_000, 256_000)),
}


def measure(quick: bool) -> dict[str, tuple[list[int], list[float]]]:
    """From quantity to sizes and to the least of several times, in seconds."""
    found = {}
    for name, (work, sizes) in WORK.items():
        sizes, times = sizes[:3] if quick else sizes, []
        for size in sizes:
            work(size)
            rounds = []
            for _ in range(3):
                start = time.perf_counter()
                work(size)
                rounds.append(time.perf_counter() - start)
            times.append(min(rounds))
        found[name] = (list(sizes), times)
    return found


def slope(sizes: list[int], times: list[float]) -> float:
    """Least-squares slope of log time against log size over the upper half of the sizes, where overheads are small."""
    half = len(sizes) // 2 - (len(sizes) < 4)
    x, y = (torch.tensor(v, dtype=torch.double).log()[half:] for v in (sizes, times))
    x, y = x - x.mean(), y - y.mean()
    return ((x * y).sum() / (x * x).sum()).item()


def growth(quick: bool) -> list[Row]:
    """The slopes; 1 means twice the work for twice the size."""
    rows = []
    for name, (sizes, times) in measure(quick).items():
        found = slope(sizes, times)
        what = f"growth with {name}, {sizes[0]:,} to {sizes[-1]:,}: {times[0]:.2g} to {times[-1]:.2g} s; slope"
        rows.append(Row("growth", what, found, None, "", "", found, (found, found), "at most 1.2", found <= 1.2))
    return rows
