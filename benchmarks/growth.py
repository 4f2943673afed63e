"""How cost grows with paths, steps, dimensions and data points: a slope on logarithmic scales each."""

from collections.abc import Callable, Iterator

import torch

from benchmarks.plots import Plot
from benchmarks.rows import Row, alone, seconds
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


def least_seconds(work: Callable[[], None], rounds: int = 3) -> float:
    """The least of several times, after one call to warm up."""
    work()
    return min(seconds(work) for _ in range(rounds))


def upper_line(sizes: list[int], times: list[float]) -> tuple[float, tuple[list[int], list[float]]]:
    """Least-squares line through log time and log size in the upper half of the sizes, where overheads are small.

    Returns:
        Its slope, and the line at these sizes.
    """
    half = (len(sizes) - 1) // 2
    x, y = (torch.tensor(v, dtype=torch.double).log()[half:] for v in (sizes, times))
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    return slope.item(), (list(sizes[half:]), (y.mean() + slope * (x - x.mean())).exp().tolist())


def grown(name: str, quantity: str, sizes: list[int], times: list[float]) -> Iterator[Row | Plot]:
    """Slope and plot; 1 means twice the work for twice the size."""
    slope, line = upper_line(sizes, times)
    what = f"growth with {quantity}, {sizes[0]:,} to {sizes[-1]:,}: {times[0]:.2g} to {times[-1]:.2g} CPU-s; slope"
    yield alone(name, what, slope, "", most=1.2)
    curves = {"measured": (sizes, times), f"line of slope {slope:.2f}": line}
    alt = f"CPU-seconds against {quantity} on logarithmic scales: a line of slope {slope:.2f} at the upper end."
    yield Plot(f"growth_{quantity.replace(' ', '_')}", alt, quantity, "CPU-seconds", curves)


def growth(quick: bool) -> Iterator[Row | Plot]:
    """Paths, steps and dimensions of a simulation, and data points of an exact field."""
    for quantity, (work, sizes) in WORK.items():
        sizes = list(sizes[:3] if quick else sizes)
        times = [least_seconds(lambda size=size, work=work: work(size)) for size in sizes]
        yield from grown("growth", quantity, sizes, times)
