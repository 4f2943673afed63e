"""Lab 11, further: whole frames, a place and a rotation for each of twelve residues, by a small flow; three seeds.

The product of a Euclidean space and of rotations is a manifold, so path, loss and step are those of the lab. The
network sees the chain from each residue's own frame, so that it turns with it and knows its hand. Nothing makes bonds
right here: each is learned. Trained on half of the proteins and judged by the others.
"""

import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.handedness import TWIST, UNIT, helices, seeded, turned
from benchmarks.rows import Row, over_seeds
from course_utils import data, metrics
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.manifolds import Rotations, residue_frames, rotation, rotation_vector, skew, unskew
from course_utils.manifolds.backbone import BOND_ANGLES, BONDS
from course_utils.manifolds.base import Manifold
from course_utils.networks.embedding import Embedding
from course_utils.paths import GeodesicPath
from course_utils.simulators import geodesic_step, simulate
from course_utils.training import fit

LENGTHS, STEPS, EULER, SAMPLES = (8, 12), 1500, 50, 1000
"""Residues, steps of 64, Euler steps, samples."""


class Frames(Manifold):
    """Chains of frames: the columns of a rotation and a place, shape (length, 3, 4); places have their centre at 0."""

    def __init__(self, length: int):
        self.event_shape = (length, 3, 4)
        self.turns = Rotations()

    def check(self, x: Tensor) -> None:
        self.turns.check(self.check_event(x)[..., :3])

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        turned = x[..., :3] @ rotation(unskew(v[..., :3]))
        return torch.cat([turned, x[..., 3:] + v[..., 3:]], -1)

    def log(self, x: Tensor, z: Tensor) -> Tensor:
        turn = skew(rotation_vector(x[..., :3].mT @ z[..., :3]))
        return torch.cat([turn, z[..., 3:] - x[..., 3:]], -1)

    def draw(self, n: int, generator: torch.Generator | None = None, like: Tensor | None = None) -> Tensor:
        """Uniform rotations, and places by a normal law about their centre."""
        length = self.event_shape[0]
        turns = self.turns.draw(n * length, generator).unflatten(0, (n, length))
        places = torch.randn(n, length, 3, 1, generator=generator)
        return torch.cat([turns, places - places.mean(1, keepdim=True)], -1)


def chains(which: str, length: int) -> Tensor:
    """Frames of all rows of residues in one piece, about their centre, in units."""
    part = data.backbones().part(which)
    whole = torch.cat([residue_frames(part.atoms), part.atoms[:, 1, :, None] / UNIT], -1)
    rows = part.rows(whole, length)
    rows[..., 3] -= rows[..., 3].mean(1, keepdim=True)
    return rows


class Local(nn.Module):
    """A velocity of frames by a network that sees, residue by residue, the chain from that residue's frame.

    Args:
        length: Residues.
        hidden, depth: Of the hidden layers.
    """

    def __init__(self, length: int, hidden: int = 128, depth: int = 3):
        super().__init__()
        self.embedding = Embedding(hidden)
        self.where = nn.Parameter(0.02 * torch.randn(length, hidden))
        self.first = nn.Linear(12 * length, hidden)
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth - 1))
        self.last = nn.Linear(hidden, 6)

    def forward(self, x: Tensor, t: Tensor | float) -> Tensor:
        own, places = x[..., :3], x[..., 3]
        away = (places[:, None] - places[:, :, None]) @ own
        turns = own.mT[:, :, None] @ own[:, None]
        seen = torch.cat([away, turns.flatten(-2)], -1).flatten(2)
        h = self.first(seen) + self.embedding(x, t)[:, None] + self.where
        for layer in self.layers:
            h = h + layer(F.silu(h))
        turn, push = self.last(F.silu(h)).split(3, -1)
        push = own @ push[..., None]
        return torch.cat([skew(turn), push - push.mean(1, keepdim=True)], -1)


def turned_whole(noise: Tensor, z: Tensor) -> Tensor:
    """Noise turned as one body, places and rotations, to lie as near to its data as it can."""
    places = turned(noise[..., 3], z[..., 3])
    turn = torch.linalg.lstsq(noise[..., 3], places).solution.mT[:, None]
    return torch.cat([turn @ noise[..., :3], places[..., None]], -1)


def trained(length: int, seed: int, steps: int) -> tuple[nn.Module, float]:
    """A network, and the CPU-seconds that it took."""
    torch.manual_seed(seed)
    model, source, world = Local(length), seeded(100 + seed), Frames(length)
    path = GeodesicPath(world)

    def loss(model: nn.Module, z: Tensor) -> Tensor:
        noise = turned_whole(world.draw(len(z), source), z)
        return flow_matching_loss(model, z, path=path, t=stratified_times(len(z), source), noise=noise)

    batches = data.batches(chains("train", length), batch_size=64, generator=seeded(seed))
    start = time.process_time()
    fit(model, loss, batches, steps=steps, lr=2e-3, progress=False)
    return model, time.process_time() - start


def atoms_of(x: Tensor) -> Tensor:
    """N, CA and C of frames, with bonds as they should be within a residue; in Ångström, shape (n, length, 3, 3)."""
    bend = torch.tensor(BOND_ANGLES["N-CA-C"])
    n = BONDS["N-CA"] * torch.stack([bend.cos(), bend.sin(), torch.tensor(0.0)])
    c = torch.tensor([BONDS["CA-C"], 0.0, 0.0])
    own = torch.stack([n, torch.zeros(3), c])
    return own @ x[..., :3].mT + UNIT * x[..., None, :, 3]


def frame_figures(x: Tensor) -> dict[tuple[str, str], float]:
    """What chains are like, by name and unit; the bond from C to N is between residues."""
    atoms = atoms_of(x)
    places = atoms[:, :, 1]
    bonds = (atoms[:, 1:, 0] - atoms[:, :-1, 2]).norm(dim=-1)
    steps = places.diff(dim=1).norm(dim=-1)
    wrong = (bonds - BONDS["C-N"]).abs() > 0.2
    return {
        ("bond C-N", "Å"): bonds.mean().item(),
        ("spread of that bond", "Å"): bonds.std().item(),
        ("bonds C-N off by more than 0.2 Å", "%"): 100 * wrong.double().mean().item(),
        ("CA to CA", "Å"): steps.mean().item(),
        ("spread of CA to CA", "Å"): steps.std().item(),
        ("right-handed helix", "%"): helices(places, TWIST),
        ("left-handed helix", "%"): helices(places, -TWIST),
        ("clash", "%"): 100 * metrics.clashes(places),
        ("end to end", "Å"): (places[:, 0] - places[:, -1]).norm(dim=1).mean().item(),
    }


def frame_run(length: int, seed: int, steps: int, n: int = SAMPLES) -> dict[tuple[str, str], float]:
    """One training, what its samples are like, and its CPU-seconds."""
    model, seconds = trained(length, seed, steps)
    world = Frames(length)
    start = world.draw(n, seeded(1000 + seed))
    with torch.no_grad():
        ts = torch.linspace(0, 1, EULER + 1)
        made = simulate(model, start, ts, geodesic_step(world), save_every=EULER).end
    return frame_figures(made) | {("training", "CPU-s"): seconds}


def frames(quick: bool) -> Iterator[Row]:
    """Rows of real chains and of the flow's, of 8 and of 12 residues."""
    seeds, share, n = (1, 60, 100) if quick else (3, 1, SAMPLES)
    for length in LENGTHS:
        for which in ("train", "test"):
            found = [frame_figures(chains(which, length))]
            yield from frame_rows(f"{length} residues, {which} proteins".replace("train", "training"), found)
        runs = [frame_run(length, seed, STEPS // share, n) for seed in range(seeds)]
        yield from frame_rows(f"{length} residues, flow", runs)


def frame_rows(name: str, runs: list[dict[tuple[str, str], float]]) -> Iterator[Row]:
    for what, unit in runs[0]:
        yield over_seeds("frames", f"{name}: {what}", [run[what, unit] for run in runs], unit)
