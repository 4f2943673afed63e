"""Distances between samples beside POT, the Python Optimal Transport library."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from benchmarks.rows import Row, alone, compare
from benchmarks.simulation import version
from course_utils.metrics import sliced_wasserstein

POINTS, DIRECTIONS = 20_000, 64


def distances(quick: bool) -> Iterator[Row]:
    """Lab 2's yardstick, the sliced Wasserstein distance W1; POT gets the directions that ours draws."""
    import ot

    x, y = torch.randn(2, POINTS, 2, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    seed = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    axes = F.normalize(torch.randn(2, DIRECTIONS, generator=seed(), dtype=torch.double), dim=0)
    own = lambda: sliced_wasserstein(x, y, DIRECTIONS, seed())  # noqa: E731
    peer = lambda: ot.sliced_wasserstein_distance(x, y, p=1, projections=axes).item()  # noqa: E731
    what = f"sliced Wasserstein distance, {POINTS:,} points in the plane, {DIRECTIONS} directions"
    yield compare("distances", what, own, peer, version("POT"), rounds=3 if quick else 9)
    yield alone("distances", f"{what}: difference to POT", abs(own() - peer()), "", most=1e-9)
