"""Lab 11's points in space: what fields do when their input is turned, shifted or mirrored, and what they can learn.

Twelve CA atoms, trained on half of the proteins and judged by the others; three training seeds. A field of distances
commutes with the mirror, and normal noise is its own mirror image: so its samples are, too, whatever it has learned,
and right-handed helices are as frequent as left-handed ones. A triple product changes sign in the mirror.
"""

import math
import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rows import Row, alone, over_seeds
from course_utils import data, metrics
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.manifolds import Rotations, torsion_angle
from course_utils.networks import MLP
from course_utils.networks.embedding import Embedding
from course_utils.paths import GaussianPath
from course_utils.simulators import simulate
from course_utils.training import fit

LENGTH, UNIT, STEPS, BATCH, EULER, SAMPLES = 12, 5.0, 2000, 256, 50, 1000
"""Residues, Ångström in a unit of length, steps, rows of a batch, Euler steps, samples."""
TWIST = math.radians(50)
"""Torsion of four CA atoms in a row in a right-handed helix."""
MIRROR = torch.diag(torch.tensor([1.0, 1.0, -1.0]))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def centred(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


def clouds(which: str) -> Tensor:
    """CA atoms of all rows of twelve residues in one piece, about their centre, in units."""
    part = data.backbones().part(which)
    return centred(part.rows(part.atoms[:, 1], LENGTH)) / UNIT


class Pairs(nn.Module):
    r"""The field of Exercise 11.5, $\frac1n \sum_j w(|x_i - x_j|^2)(x_i - x_j)$, w a small network."""

    def __init__(self):
        super().__init__()
        self.weight = MLP(1, 32, 2)

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        away = x[:, :, None] - x[:, None]
        weight = self.weight(away.square().sum(-1).reshape(-1, 1), t)
        return (weight.reshape(*away.shape[:3], 1) * away).mean(2)


class Plain(nn.Module):
    """A fully connected network of all numbers."""

    def __init__(self):
        super().__init__()
        self.net = MLP(3 * LENGTH, 64, 2)

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        return self.net(x.flatten(1), t).reshape(x.shape)


class Cloud(nn.Module):
    r"""The same field with weights $w_{ij}$ of all distances in the cloud: it turns with the cloud by construction.

    Args:
        handed: Whether the weights also know `signed_volumes`, which change sign in the mirror.
        hidden, depth: Of the hidden layers.
    """

    def __init__(self, handed: bool, hidden: int = 256, depth: int = 3):
        super().__init__()
        self.handed = handed
        seen = LENGTH * (LENGTH - 1) + 18 * handed
        self.embedding = Embedding(hidden)
        self.first = nn.Linear(seen, hidden)
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth - 1))
        self.last = nn.Linear(hidden, LENGTH**2)

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        away = x[:, :, None] - x[:, None]
        h = self.first(self.seen(x, away)) + self.embedding(x, t)
        for layer in self.layers:
            h = h + layer(F.silu(h))
        weight = self.last(F.silu(h)).unflatten(1, (LENGTH, LENGTH, 1))
        return centred((weight * away).mean(2))

    def seen(self, x: Tensor, away: Tensor) -> Tensor:
        """Distances and their logarithms, and signed volumes."""
        i, j = torch.triu_indices(LENGTH, LENGTH, 1)
        distances = (away[:, i, j].square().sum(-1) + 1e-4).sqrt()
        seen = [distances, distances.log()]
        if self.handed:
            volumes = signed_volumes(x)
            seen.append(volumes / (0.3 + volumes.abs()))
        return torch.cat(seen, 1)


def signed_volumes(x: Tensor) -> Tensor:
    """The triple products of the ways between four points that are 1, 2 or 3 residues apart, shape (n, 18)."""
    found = []
    for apart in (1, 2, 3):
        ways = x[:, apart:] - x[:, :-apart]
        first, second, third = ways[:, : -2 * apart], ways[:, apart:-apart], ways[:, 2 * apart :]
        found.append((torch.linalg.cross(first, second) * third).sum(-1))
    return torch.cat(found, 1)


def turned(noise: Tensor, z: Tensor) -> Tensor:
    """Noise turned to lie as near to its data as it can: ways get straighter, its law is the same."""
    u, _, v = torch.linalg.svd(noise.mT @ z)
    u[:, :, 2] *= torch.linalg.det(u @ v).sign()[:, None]
    return noise @ u @ v


def trained(handed: bool, seed: int, steps: int) -> tuple[Cloud, float]:
    """A network, and the CPU-seconds that it took."""
    torch.manual_seed(seed)
    model, source, path = Cloud(handed), seeded(100 + seed), GaussianPath()

    def loss(model: nn.Module, z: Tensor) -> Tensor:
        noise = turned(centred(torch.randn(z.shape, generator=source)), z)
        return flow_matching_loss(model, z, path=path, t=stratified_times(len(z), source), noise=noise)

    batches = data.batches(clouds("train"), batch_size=BATCH, generator=seeded(seed))
    start = time.process_time()
    fit(model, loss, batches, steps=steps, lr=2e-3, progress=False)
    return model, time.process_time() - start


# what is asked of a field, and of clouds


def turning_error(field: Callable, x: Tensor, shift: Tensor) -> float:
    r"""$|f(xR^T + c) - f(x)R^T| / |f(x)|$ for turns R and shifts c."""
    turn = Rotations().draw(len(x), seeded(3), x)
    with torch.no_grad():
        here = field(x, 0.4)
        off = field(x @ turn.mT + shift, 0.4) - here @ turn.mT
    return (off.norm() / here.norm()).item()


def mirror_error(field: Callable, x: Tensor) -> float:
    """The same for the mirror."""
    mirror = MIRROR.to(x)
    with torch.no_grad():
        here = field(x, 0.4)
        off = field(x @ mirror, 0.4) - here @ mirror
    return (off.norm() / here.norm()).item()


def helices(x: Tensor, twist: float) -> float:
    """Percentage of clouds with three torsions in a row within 20 degrees of a twist."""
    torsions = torsion_angle(x[:, :-3], x[:, 1:-2], x[:, 2:-1], x[:, 3:])
    there = (torsions - twist).abs() < math.radians(20)
    return 100 * there.unfold(1, 3, 1).all(-1).any(1).double().mean().item()


def cloud_figures(x: Tensor) -> dict[tuple[str, str], float]:
    """What clouds are like, by name and unit."""
    bonds = UNIT * x.diff(dim=1).norm(dim=-1)
    return {
        ("right-handed helix", "%"): helices(x, TWIST),
        ("left-handed helix", "%"): helices(x, -TWIST),
        ("bond CA-CA", "Å"): bonds.mean().item(),
        ("spread of that bond", "Å"): bonds.std().item(),
        ("clash", "%"): 100 * metrics.clashes(UNIT * x),
    }


def cloud_run(handed: bool, seed: int, steps: int, n: int = SAMPLES) -> dict[tuple[str, str], float]:
    """One training: errors, what its samples are like, and its CPU-seconds."""
    model, seconds = trained(handed, seed, steps)
    x, shift = clouds("test")[:64], torch.randn(64, 1, 3, generator=seeded(4))
    noise = centred(torch.randn(n, LENGTH, 3, generator=seeded(1000 + seed)))
    with torch.no_grad():
        made = simulate(model, noise, torch.linspace(0, 1, EULER + 1), save_every=EULER).end
    errors = {("turning error", ""): turning_error(model, x, shift), ("mirror error", ""): mirror_error(model, x)}
    return errors | cloud_figures(made) | {("training", "CPU-s"): seconds}


def handedness(quick: bool) -> Iterator[Row]:
    """Rows of errors without training, of real clouds, and of both networks."""
    seeds, share, n = (1, 40, 100) if quick else (3, 1, SAMPLES)
    x = torch.randn(64, LENGTH, 3, dtype=torch.double, generator=seeded(0))
    shift = torch.randn(64, 1, 3, dtype=torch.double, generator=seeded(1))
    torch.manual_seed(0)
    for name, field in (("field of pairs", Pairs().double()), ("MLP of all numbers", Plain().double())):
        limit = {"most": 1e-12} if name == "field of pairs" else {}
        yield alone("handedness", f"{name}: turning error", turning_error(field, x, shift), "", **limit)
        yield alone("handedness", f"{name}: mirror error", mirror_error(field, x), "", **limit)
    for which in ("train", "test"):
        for (what, unit), value in cloud_figures(clouds(which)).items():
            yield alone("handedness", f"{which}ing proteins: {what}".replace("testing", "test"), value, unit)
    for name, handed in (("distances alone", False), ("with a triple product", True)):
        runs = [cloud_run(handed, seed, STEPS // share, n) for seed in range(seeds)]
        for what, unit in runs[0]:
            yield over_seeds("handedness", f"{name}: {what}", [run[what, unit] for run in runs], unit)
