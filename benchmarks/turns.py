"""Lab 11's rotations from one residue's frame to the next one's: a flow on them, and nine numbers with a projection.

Three training seeds, trained on half of the proteins and judged by the others.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmarks.proteins import LOTS, Way, made, parts, seeded, trained
from benchmarks.rows import Row, alone, over_seeds
from course_utils import metrics
from course_utils.manifolds import Rotations, rotation_vector
from course_utils.networks import MLP, RotationMLP
from course_utils.paths import GaussianPath, GeodesicPath
from course_utils.simulators import geodesic_step

SPHERE = Rotations()
TURNS = Way(RotationMLP, GeodesicPath(SPHERE), SPHERE.draw, geodesic_step(SPHERE))
NINE = Way(lambda: MLP(9), GaussianPath(), lambda n, generator: torch.randn(n, 9, generator=generator))


def turn_distance(x: Tensor, test: Tensor) -> float:
    """Total variation of rotation vectors in 8 x 8 x 8 cells: the mean over samples as large as the test set.

    One sample alone is off by up to 0.015, more than two trainings differ by.
    """
    lots = [part for part in rotation_vector(x).split(len(test)) if len(part) == len(test)] or [rotation_vector(x)]
    seen = rotation_vector(test)
    return sum(metrics.histogram_distance(lot, seen, 8) for lot in lots) / len(lots)


def turn_run(seed: int, steps: int) -> tuple[float, float, float]:
    """One training of turns: total variation, how far the matrices are from rotations, and CPU-seconds."""
    train, test = (part.turns() for part in parts())
    model, seconds = trained(TURNS, train, seed, steps, 512)
    x = made(TURNS, model, LOTS * len(test), seed)
    return turn_distance(x, test), off_rotation(x).amax().item(), seconds


def nine_run(seed: int, steps: int) -> tuple[float, float, float]:
    """Nine numbers a rotation and straight paths: the same after a projection, the median before it."""
    train, test = (part.turns() for part in parts())
    model, seconds = trained(NINE, train.flatten(1), seed, steps, 512)
    x = made(NINE, model, LOTS * len(test), seed).unflatten(1, (3, 3))
    return turn_distance(nearest_rotations(x), test), off_rotation(x).median().item(), seconds


def off_rotation(x: Tensor) -> Tensor:
    """|R^T R - I| of each matrix."""
    return (x.mT @ x - torch.eye(3)).flatten(1).norm(dim=1)


def nearest_rotations(x: Tensor) -> Tensor:
    """The rotation nearest to each matrix."""
    u, _, v = torch.linalg.svd(x)
    sign = torch.ones(len(x), 3)
    sign[:, 2] = torch.linalg.det(u @ v).sign()
    return u * sign[:, None] @ v


def turns(quick: bool) -> Iterator[Row]:
    """Rows of rotations: the floor, uniform ones, the flow on them, and nine numbers with a projection."""
    seeds, share = (1, 40) if quick else (3, 1)
    train, test = (part.turns() for part in parts())
    yield alone("turns", "floor, training against test proteins: TV", turn_distance(train, test), "")
    again = [train[torch.randint(len(train), (LOTS * len(test),), generator=seeded(seed))] for seed in range(seeds)]
    yield over_seeds("turns", "training turns, drawn again: TV", [turn_distance(x, test) for x in again], "")
    yield alone("turns", "uniform rotations: TV", turn_distance(SPHERE.draw(LOTS * len(test), seeded(0)), test), "")
    for steps in (1500, 4000):
        runs = [turn_run(seed, steps // share) for seed in range(seeds)]
        limit = {"most": 0.105} if steps == 4000 else {}
        yield from turn_rows(f"flow on rotations, {steps} steps", runs, "largest |R^T R - I|", **limit)
    runs = [nine_run(seed, 4000 // share) for seed in range(seeds)]
    yield from turn_rows("nine numbers, projected, 4000 steps", runs, "median |M^T M - I| before")


def turn_rows(what: str, runs: list[tuple[float, float, float]], off: str, **limit: float) -> Iterator[Row]:
    yield over_seeds("turns", f"{what}: TV", [run[0] for run in runs], "", **limit)
    yield over_seeds("turns", f"{what}: {off}", [run[1] for run in runs], "")
    yield over_seeds("turns", f"{what}: training", [run[2] for run in runs], "CPU-s")
