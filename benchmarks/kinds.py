"""Lab 11, further: the amino acid as a label of the torus flow; what it knows of glycine, proline and the others.

The lab's network and training (4,000 steps of 512), with a label and without; three training seeds. Cells of 30
degrees, since a kind has few residues; floors are as many training residues of that kind, drawn with replacement.
"""

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.proteins import PLANE, STEPS, TORUS, parts, seeded
from benchmarks.rows import Row, over_seeds
from course_utils import data, metrics
from course_utils.data.proteins import AMINO_ACIDS
from course_utils.guidance import condition
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.networks import PeriodicMLP
from course_utils.simulators import simulate
from course_utils.training import fit

KINDS = len(AMINO_ACIDS)
NULL = KINDS
BINS, TIMES = 12, 8
"""Cells in a dimension; samples of each kind, in test sets of that kind."""


def labelled(which: int) -> tuple[Tensor, Tensor]:
    """Angles of the residues that have both, and their kinds."""
    part = parts()[which]
    both = part.torsions[:, :2].isfinite().all(1)
    return part.angles(), part.amino_acid[both]


def trained(seed: int, steps: int, told: bool) -> tuple[nn.Module, float]:
    """A network that is told kinds, or is told the null label alone, and its CPU-seconds."""
    torch.manual_seed(seed)
    model, source = PeriodicMLP(2, num_classes=KINDS), seeded(100 + seed)

    def loss(model: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        t, noise = stratified_times(len(z), source), PLANE.draw(len(z), source)
        return flow_matching_loss(model, z, y if told else torch.full_like(y, NULL), path=TORUS.path, t=t, noise=noise)

    start = time.process_time()
    fit(model, loss, data.batches(*labelled(0), batch_size=512, generator=seeded(seed)), steps=steps, progress=False)
    return model, time.process_time() - start


@torch.no_grad()
def made(model: nn.Module, kinds: Tensor, seed: int) -> Tensor:
    """Angles of residues of these kinds."""
    start = PLANE.draw(len(kinds), seeded(1000 + seed))
    ts = torch.linspace(0, 1, STEPS + 1)
    return simulate(condition(model, kinds), start, ts, TORUS.step, save_every=STEPS).end


def variation(x: Tensor, test: Tensor) -> float:
    """Mean total variation of samples as large as the test set."""
    lots = x.split(len(test))
    return sum(metrics.histogram_distance(lot, test, BINS) for lot in lots) / len(lots)


def figures(x: Tensor, kinds: Tensor) -> dict[tuple[str, str], float]:
    """Of angles with their kinds, `TIMES` for each test residue: total variations, and what glycine and proline do."""
    test, test_kinds = labelled(1)
    by_kind = [variation(x[kinds == k], test[test_kinds == k]) for k in range(KINDS)]
    glycine, proline = AMINO_ACIDS.index("GLY"), AMINO_ACIDS.index("PRO")
    phi = x[kinds == proline, 0]
    others = [by_kind[k] for k in range(KINDS) if k not in (glycine, proline)]
    turned = torch.atan2(phi.sin().mean(), phi.cos().mean())
    return {
        ("TV of glycine", ""): by_kind[glycine],
        ("TV of proline", ""): by_kind[proline],
        ("TV of the others, mean", ""): sum(others) / len(others),
        ("glycine with phi > 0", "%"): 100 * (x[kinds == glycine, 0] > 0).double().mean().item(),
        ("others with phi > 0", "%"): 100 * (x[kinds != glycine, 0] > 0).double().mean().item(),
        ("mean phi of proline", "degrees"): math.degrees(turned),
        ("proline within 30 degrees of -65", "%"): 100 * near(phi, -65.0),
    }


def near(phi: Tensor, centre: float) -> float:
    away = torch.rad2deg(phi) - centre
    return ((away + 180).remainder(360) - 180).abs().le(30).double().mean().item()


def kind_run(seed: int, steps: int, told: bool) -> dict[tuple[str, str], float]:
    """One training, judged, and its CPU-seconds."""
    model, seconds = trained(seed, steps, told)
    kinds = labelled(1)[1].repeat(TIMES)
    asked = kinds if told else torch.full_like(kinds, NULL)
    return figures(made(model, asked, seed), kinds) | {("training", "CPU-s"): seconds}


def floor(seed: int) -> dict[tuple[str, str], float]:
    """Training residues of the kinds asked for."""
    train, train_kinds = labelled(0)
    kinds, source = labelled(1)[1].repeat(TIMES), seeded(seed)
    x = torch.empty(len(kinds), 2)
    for k in range(KINDS):
        own, here = train[train_kinds == k], kinds == k
        x[here] = own[torch.randint(len(own), (int(here.sum()),), generator=source)]
    return figures(x, kinds)


def amino_acids(quick: bool) -> Iterator[Row]:
    """Rows of training residues, of a flow that knows no kinds, and of one that does."""
    seeds, share = (1, 40) if quick else (3, 1)
    ways = {"training residues": floor} | {
        name: lambda seed, told=told: kind_run(seed, 4000 // share, told)
        for name, told in (("flow without a label", False), ("flow with the amino acid as label", True))
    }
    for name, way in ways.items():
        runs = [way(seed) for seed in range(seeds)]
        for what, unit in runs[0]:
            yield over_seeds("amino_acids", f"{name}: {what}", [run[what, unit] for run in runs], unit)
