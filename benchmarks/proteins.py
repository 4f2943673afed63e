"""Lab 11's angles of proteins: flows beside floors and baselines; three training seeds.

`ramachandran`: phi and psi of one residue, on the torus and in the plane, with the usual cut and with one through the
helix. `fragments`: twelve residues at once. Everything is trained on half of the proteins and judged by the others.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data, metrics
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.manifolds import Torus, chain_from_torsions, wrap
from course_utils.networks import MLP, ChainConv, PeriodicMLP
from course_utils.paths import GaussianPath, GeodesicPath, LinearPath
from course_utils.simulators import euler_step, geodesic_step, simulate
from course_utils.training import fit

STEPS, LENGTH, BINS, LOTS = 50, 12, 24, 4
"""Euler steps, residues of a fragment, cells in a dimension, samples as large as the test set."""
STRANDS = (8, 9, 10, 11, 12)
"""Strand residues in a fragment, for its length."""
PLANE = Torus(2)
HELIX_CUT = torch.deg2rad(torch.tensor([117.0, 137.0]))
"""Subtracted from phi and psi, it lays the helix on the seam."""


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def parts() -> tuple[data.Backbones, data.Backbones]:
    """The proteins to learn from, and those to judge by."""
    whole = data.backbones()
    return whole.part("train"), whole.part("test")


class Way(NamedTuple):
    """How angles or rotations are learned and made.

    Attributes:
        model: Makes the network.
        path: From the source to the data.
        source: n points to start from, given a generator.
        step: Of the simulation.
    """

    model: Callable[[], nn.Module]
    path: GaussianPath | LinearPath | GeodesicPath
    source: Callable[[int, torch.Generator], Tensor]
    step: Callable = euler_step


def normal_angles(n: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, 2, generator=generator)


TORUS = Way(lambda: PeriodicMLP(2), GeodesicPath(PLANE), PLANE.draw, geodesic_step(PLANE))
NORMAL = Way(lambda: MLP(2), GaussianPath(), normal_angles)
ANGLES = {
    "torus": TORUS,
    "plane, normal source": NORMAL,
    "plane, uniform source": Way(lambda: MLP(2), LinearPath(), PLANE.draw),
    "straight paths, periodic network": Way(lambda: PeriodicMLP(2), LinearPath(), PLANE.draw),
}
CHAINS = Way(ChainConv, GeodesicPath(Torus(LENGTH, 2)), Torus(LENGTH, 2).draw, geodesic_step(Torus(LENGTH, 2)))


def trained(way: Way, z: Tensor, seed: int, steps: int, batch: int) -> tuple[nn.Module, float]:
    """A network, and the CPU-seconds that it took."""
    torch.manual_seed(seed)
    model = way.model()
    source = seeded(100 + seed)

    def loss(model, z: Tensor) -> Tensor:
        t = stratified_times(len(z), source)
        return flow_matching_loss(model, z, path=way.path, t=t, noise=way.source(len(z), source))

    start = time.process_time()
    batches = data.batches(z, batch_size=batch, generator=seeded(seed))
    fit(model, loss, batches, steps=steps, progress=False)
    return model, time.process_time() - start


def made(way: Way, model: nn.Module, n: int, seed: int) -> Tensor:
    """n samples."""
    x0 = way.source(n, seeded(1000 + seed))
    return simulate(model, x0, torch.linspace(0, 1, STEPS + 1), way.step, save_every=STEPS).end


# one residue


class Judged(NamedTuple):
    """Of angles: total variation and energy distance to the test proteins, and percentages."""

    variation: float
    energy: float
    seam: float
    outside: float


def judged(x: Tensor, test: Tensor) -> Judged:
    """What angles are like, in as many as there are to compare with at a time."""
    wrapped = wrap(x)
    lots = [part for part in wrapped.split(len(test)) if len(part) == len(test)]
    variations = [metrics.histogram_distance(part, test, BINS) for part in lots]
    energy = metrics.energy_distance(lots[0], test, PLANE.distance)
    outside = 100 * (x.abs() > math.pi).any(1).double().mean().item()
    return Judged(sum(variations) / len(variations), energy, near_seam(wrapped), outside)


def near_seam(x: Tensor) -> float:
    """Percentage of residues whose psi is at most 20 degrees from the seam."""
    return 100 * (x[:, 1].abs() > math.pi - math.radians(20)).double().mean().item()


def angle_run(name: str, seed: int, steps: int, cut: Tensor | None = None) -> tuple[Judged, float]:
    """One training of one residue's angles, judged, and its CPU-seconds."""
    train, test = (part.angles() if cut is None else wrap(part.angles() - cut) for part in parts())
    model, seconds = trained(ANGLES[name], train, seed, steps, 512)
    return judged(made(ANGLES[name], model, LOTS * len(test), seed), test), seconds


def ramachandran(quick: bool) -> Iterator[Row]:
    """Rows of floors and baselines, of four ways with two trainings, and of the cut through the helix."""
    seeds, share = (1, 40) if quick else (3, 1)
    train, test = (part.angles() for part in parts())
    yield alone("ramachandran", "floor, training against test proteins: TV", judged_floor(train, test), "")
    again = [train[torch.randint(len(train), test.shape[:1], generator=seeded(seed))] for seed in range(8)]
    yield over_seeds("ramachandran", "training residues, drawn again: TV", [judged_floor(x, test) for x in again], "")
    halves = [half_distance(torch.cat([train, test]), seed) for seed in range(8)]
    yield over_seeds("ramachandran", "random halves of all residues, eight: TV", halves, "")
    yield alone("ramachandran", "floor: energy", metrics.energy_distance(train, test, PLANE.distance), "")
    yield alone("ramachandran", "test proteins: near the seam", near_seam(test), "%")
    yield alone("ramachandran", "training proteins: near the seam", near_seam(train), "%")
    normal = torch.distributions.MultivariateNormal(train.mean(0), train.T.cov())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        one = normal.sample((LOTS * len(test),))
    for name, x in (("uniform", PLANE.draw(LOTS * len(test), seeded(0))), ("one Gaussian, wrapped", one)):
        yield from angle_rows(name, [(judged(x, test), 0.0)])
    for steps in (1000, 4000):
        for name in ANGLES:
            runs = [angle_run(name, seed, steps // share) for seed in range(seeds)]
            limit = {"most": 0.170} if (name, steps) == ("torus", 4000) else {}
            yield from angle_rows(f"{name}, {steps} steps", runs, **limit)
    for name in ("torus", "plane, normal source"):
        for where, cut in (("usual cut", None), ("cut through the helix", HELIX_CUT)):
            runs = [angle_run(name, seed, 2000 // share, cut) for seed in range(seeds)]
            yield from angle_rows(f"{name}, 2000 steps, {where}", runs)


def judged_floor(train: Tensor, test: Tensor) -> float:
    return metrics.histogram_distance(train, test, BINS)


def half_distance(x: Tensor, seed: int) -> float:
    """Total variation between two random halves."""
    order = torch.randperm(len(x), generator=seeded(seed))
    half = len(x) // 2
    return metrics.histogram_distance(x[order[:half]], x[order[half : 2 * half]], BINS)


def angle_rows(what: str, runs: list[tuple[Judged, float]], **limit: float) -> Iterator[Row]:
    found = [run for run, _ in runs]
    yield over_seeds("ramachandran", f"{what}: TV", [run.variation for run in found], "", **limit)
    yield over_seeds("ramachandran", f"{what}: energy", [run.energy for run in found], "")
    yield over_seeds("ramachandran", f"{what}: near the seam", [run.seam for run in found], "%")
    yield over_seeds("ramachandran", f"{what}: outside", [run.outside for run in found], "%")
    if runs[0][1]:
        yield over_seeds("ramachandran", f"{what}: training", [seconds for _, seconds in runs], "CPU-s")


# twelve residues


class Chains(NamedTuple):
    """Of chains of twelve residues: pooled total variation, percentages, length, and energy distance on the torus."""

    variation: float
    helix: float
    strand: float
    clash: float
    length: float
    energy: float


def chains_judged(x: Tensor, test: Tensor) -> Chains:
    n = min(len(x), len(test))
    x, test = x[:n], test[torch.randperm(len(test), generator=seeded(0))[:n]]
    places = places_of(x)
    return Chains(
        metrics.histogram_distance(x.flatten(0, 1), test.flatten(0, 1), BINS),
        100 * metrics.helix_runs(x),
        100 * metrics.strand_runs(x),
        100 * metrics.clashes(places),
        end_to_end(x).mean().item(),
        metrics.energy_distance(x[:1500], test[:1500], Torus(LENGTH, 2).distance, chunk=32),
    )


def places_of(x: Tensor) -> Tensor:
    """CA atoms of chains of these angles, with ideal bonds."""
    return chain_from_torsions(x[..., 0].double(), x[..., 1].double())[:, :, 1]


def end_to_end(x: Tensor) -> Tensor:
    places = places_of(x)
    return (places[:, 0] - places[:, -1]).norm(dim=1)


def turned_back(x: Tensor) -> dict[int, tuple[float, float]]:
    """By the number of strand residues: the mean length, and the percentage that is shorter than 20 Å."""
    length, strands = end_to_end(x), metrics.in_strand(x).sum(1)
    found = {}
    for number in STRANDS:
        own = length[strands == number]
        if len(own):
            found[number] = own.mean().item(), 100 * (own < 20).double().mean().item()
    return found


def chain_run(seed: int, steps: int) -> tuple[Tensor, float]:
    """One training of fragments: as many as there are test windows, and its CPU-seconds."""
    train, test = (part.windows(LENGTH) for part in parts())
    model, seconds = trained(CHAINS, train, seed, steps, 256)
    return made(CHAINS, model, len(test), seed), seconds


def fragments(quick: bool) -> Iterator[Row]:
    """Rows of test proteins, training proteins, residues drawn one by one, and the flow."""
    seeds, share = (1, 40) if quick else (3, 1)
    train, test = (part.windows(LENGTH) for part in parts())
    alone_by_one = train.flatten(0, 1)[torch.randint(LENGTH * len(train), (len(test), LENGTH), generator=seeded(1))]
    for name, x in (("test", test), ("training proteins", train), ("residues drawn one by one", alone_by_one)):
        yield from chain_rows(name, [(chains_judged(x, test), 0.0)])
    yield from strand_rows("training proteins", [train])
    yield from strand_rows("test", [test])
    for steps in (1500, 6000):
        runs = [chain_run(seed, steps // share) for seed in range(seeds)]
        yield from chain_rows(f"flow, {steps} steps", [(chains_judged(x, test), seconds) for x, seconds in runs])
        yield from strand_rows(f"flow, {steps} steps", [x for x, _ in runs])


def chain_rows(what: str, runs: list[tuple[Chains, float]]) -> Iterator[Row]:
    names = {"variation": ("TV of all residues", ""), "helix": ("4 helix residues in a row", "%"),
             "strand": ("4 strand residues in a row", "%"), "clash": ("clash", "%"),
             "length": ("end to end", "Å"), "energy": ("energy on the torus", "")}  # fmt: skip
    limits = {"helix": {"least": 38.0}, "clash": {"most": 12.0}} if what == "flow, 1500 steps" else {}
    for field, (name, unit) in names.items():
        values = [getattr(run, field) for run, _ in runs]
        yield over_seeds("fragments", f"{what}: {name}", values, unit, **limits.get(field, {}))
    if runs[0][1]:
        yield over_seeds("fragments", f"{what}: training", [seconds for _, seconds in runs], "CPU-s")


def strand_rows(what: str, runs: list[Tensor]) -> Iterator[Row]:
    """Whether strands turn back: hairpins, in which two to four residues have to agree."""
    found = [turned_back(x) for x in runs]
    for number in sorted(set.intersection(*map(set, found))):
        name = f"{what}, {number} residues in strand"
        yield over_seeds("fragments", f"{name}: end to end", [each[number][0] for each in found], "Å")
        yield over_seeds("fragments", f"{name}: shorter than 20 Å", [each[number][1] for each in found], "%")
