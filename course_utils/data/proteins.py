"""Backbones of proteins: places of the atoms N, CA and C."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from course_utils.manifolds import residue_frames, torsion_angle

__all__ = ["AMINO_ACIDS", "Backbones", "Cut", "Flown", "backbones", "cuts"]

BACKBONES = Path(__file__).parents[1] / "assets" / "backbones.npz"
SHA_256 = "892c16ee855c8d3bb936ec701bc20598537141c495d373f0d8d47b9b90ffa21c"
CUTS = BACKBONES.with_name("cuts.npz")
AMINO_ACIDS = tuple("ALA ARG ASN ASP CYS GLN GLU GLY HIS ILE LEU LYS MET PHE PRO SER THR TRP TYR VAL".split())
"""Names of the amino acids, in the order of their numbers."""


@dataclass(frozen=True, repr=False)
class Backbones:
    r"""Residues of unbroken pieces of chains, one after the other.

    Attributes:
        atoms: Places of N, CA and C in Ångström, each piece about its own centre, shape (n, 3, 3).
        amino_acid: Number of each residue's kind in `AMINO_ACIDS`, shape (n,).
        piece: Number of the piece that each residue belongs to, shape (n,).
        names: Of each piece the entry in the Protein Data Bank and the chain, such as 1ahsA.

    Raises:
        ValueError: If shapes differ, or a residue lacks atoms: a place that is not finite, or two atoms in one place.

    Example:
        >>> all_of_them = data.backbones()
        >>> all_of_them.part("train").angles().shape, all_of_them.part("test").windows(12).shape
        (torch.Size([3368, 2]), torch.Size([3124, 12, 2]))
    """

    atoms: Float[Tensor, "n 3 3"]
    amino_acid: Int[Tensor, " n"]
    piece: Int[Tensor, " n"]
    names: tuple[str, ...]

    def __post_init__(self):
        n = len(self.atoms)
        if self.atoms.shape != (n, 3, 3) or self.amino_acid.shape != (n,) or self.piece.shape != (n,):
            shapes = [tuple(part.shape) for part in (self.atoms, self.amino_acid, self.piece)]
            raise ValueError(f"expected atoms (n, 3, 3), amino acids (n,) and pieces (n,), got {shapes}")
        bonds = self.atoms.diff(dim=1).norm(dim=-1)
        missing = ~(bonds.isfinite() & (bonds > 0)).all(1)
        if missing.any():
            first = int(missing.nonzero()[0])
            raise ValueError(f"expected N, CA and C of every residue, got none or some of residue {first} ({n} in all)")

    def __repr__(self) -> str:
        pieces = len(self.piece.unique())
        return f"Backbones({len(self.atoms):,} residues in {pieces} pieces of proteins)"

    def part(self, which: str) -> "Backbones":
        """Pieces of half of the proteins, "train" or "test"; all pieces of a protein are in one part.

        Residues of one protein are alike: what was learned is judged by other proteins. A protein is in the first part
        if the number of its first piece is even.

        Raises:
            ValueError: If `which` is neither.
        """
        if which not in ("train", "test"):
            raise ValueError(f'expected "train" or "test", got {which!r}')
        first = torch.tensor([self.names.index(name) for name in self.names])
        chosen = first[self.piece] % 2 == ("train", "test").index(which)
        return Backbones(self.atoms[chosen], self.amino_acid[chosen], self.piece[chosen], self.names)

    @property
    def joined(self) -> Tensor:
        """Whether each residue but the last is bound to the next one, booleans of shape (n - 1,)."""
        return self.piece[1:] == self.piece[:-1]

    @property
    def torsions(self) -> Float[Tensor, "n 3"]:
        r"""$\phi$, $\psi$ and $\omega$ of every residue, NaN where a neighbour is missing.

        $\phi$ is the torsion of C, N, CA, C about N-CA, with the C of the residue before; $\psi$ that of N, CA, C, N
        about CA-C, $\omega$ that of CA, C, N, CA about C-N, with the N and CA of the residue after.
        """
        n, ca, c = self.atoms.unbind(1)
        found = self.atoms.new_full((len(self.atoms), 3), torch.nan)
        found[1:, 0] = self._where_joined(torsion_angle(c[:-1], n[1:], ca[1:], c[1:]))
        found[:-1, 1] = self._where_joined(torsion_angle(n[:-1], ca[:-1], c[:-1], n[1:]))
        found[:-1, 2] = self._where_joined(torsion_angle(ca[:-1], c[:-1], n[1:], ca[1:]))
        return found

    def angles(self) -> Float[Tensor, "residues 2"]:
        r"""$\phi$ and $\psi$ of the residues that have both, shape (residues, 2)."""
        both = self.torsions[:, :2]
        return both[both.isfinite().all(1)]

    def windows(self, length: int) -> Float[Tensor, "windows length 2"]:
        r"""$\phi$ and $\psi$ of all rows of `length` residues of one piece that have both, shape (windows, length, 2).

        Raises:
            ValueError: If `length` is less than 1, or longer than all pieces.
        """
        rows = self.rows(self.torsions[:, :2], length)
        return rows[rows.isfinite().flatten(1).all(1)]

    def rows(self, values: Shaped[Tensor, "n *event"], length: int) -> Shaped[Tensor, "rows length *event"]:
        """What `length` residues in a row have, for all rows that lie in one piece, shape (rows, length, *event).

        Args:
            values: Of each residue, shape (n, *event).
            length: Residues in a row.

        Raises:
            ValueError: If `length` is less than 1, or longer than all pieces.
        """
        if not 1 <= length <= len(self.atoms):
            raise ValueError(f"expected a length from 1 to {len(self.atoms)}, got {length}")
        cut = values.unfold(0, length, 1).movedim(-1, 1)
        found = cut[(self.piece.unfold(0, length, 1) == self.piece[: len(cut), None]).all(1)]
        if not len(found):
            raise ValueError(f"expected a length that some piece has, got {length}")
        return found.contiguous()

    def turns(self) -> Float[Tensor, "pairs 3 3"]:
        """The rotation from the frame of each residue to that of the next one, shape (pairs, 3, 3)."""
        frames = residue_frames(self.atoms)
        return (frames[:-1].mT @ frames[1:])[self.joined]

    def _where_joined(self, angles: Tensor) -> Tensor:
        return torch.where(self.joined, angles, torch.nan)


def backbones() -> Backbones:
    """6,860 residues of 50 protein chains, as they come with the course: the public domain (CC0).

    Returns:
        Backbones in torch's default precision.

    Raises:
        ValueError: If the file that holds them is damaged.

    Source: Protein Data Bank; `assets/backbones.md` names the entries and tells how they were read.

    Example:
        >>> data.backbones()
        Backbones(6,860 residues in 52 pieces of proteins)
    """
    atoms, amino_acid, piece, names = _read(BACKBONES)
    return Backbones(
        torch.tensor(atoms, dtype=torch.get_default_dtype()) / 100, torch.tensor(amino_acid), torch.tensor(piece), names
    )


@cache
def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """What the file holds: places in hundredths of an Ångström, numbers, names."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA_256:
        raise ValueError(f"expected {path} with the SHA-256 {SHA_256}, got {found}")
    with np.load(path) as stored:
        whole = [stored[name].astype(np.int64) for name in ("backbone", "amino_acid", "piece")]
        return whole[0], whole[1], whole[2], tuple(str(name) for name in stored["names"])


class Flown(NamedTuple):
    """What a flow makes of one residue, after 2,000 steps of training.

    Attributes:
        x: 1,500 pairs of angles in radians, as they come: those of the plane may lie outside of the square.
        variation: Total variation to the test proteins, in the usual names, of nine times as many; three trainings.
        outside: Percentage that is not in the square; of the same.

    Example:
        >>> flown = data.cuts()[0].flows["torus"]
        >>> flown.x.shape, flown.outside.max().item()
        (torch.Size([1500, 2]), 0.0)
    """

    x: Float[Tensor, "n 2"]
    variation: Float[Tensor, " trainings"]
    outside: Float[Tensor, " trainings"]


class Cut(NamedTuple):
    """Flows on angles from which others were taken before, so that the square is cut elsewhere.

    Attributes:
        taken: What was taken from phi and psi, in radians; zero for the usual names of angles.
        flows: From "torus" and "plane" to what they made, in the new names.

    Example:
        >>> usual = data.cuts()[0]
        >>> usual.taken, list(usual.flows)
        (tensor([0., 0.]), ['torus', 'plane'])
    """

    taken: Float[Tensor, "2"]
    flows: Mapping[str, Flown]


def cuts() -> list[Cut]:
    """Samples of trained flows, as they come with the course: five cuts, from the usual one to that of the helix.

    Source: `python -m benchmarks.cuts` made them; `assets/backbones.md` says how.

    Example:
        >>> [round(cut.flows["plane"].outside.mean().item(), 1) for cut in data.cuts()]
        [0.7, 1.1, 2.5, 1.9, 9.4]
    """
    with np.load(CUTS) as stored:
        held = {name: torch.tensor(stored[name].astype(np.float32)) for name in stored.files}
    samples = {name: torch.deg2rad(held[name] / 10) for name in ("torus", "plane")}
    return [
        Cut(
            torch.deg2rad(taken),
            {
                name: Flown(x[i], held[f"{name}_variation"][i], held[f"{name}_outside"][i])
                for name, x in samples.items()
            },
        )
        for i, taken in enumerate(held["taken"])
    ]
