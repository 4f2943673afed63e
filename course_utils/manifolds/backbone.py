"""Angles along a protein's backbone: read off its atoms, and atoms built from them."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Real
from torch import Tensor

from course_utils.manifolds.torus import check_angles, wrap
from course_utils.shapes import as_floats, check_same_shape

__all__ = ["BONDS", "BOND_ANGLES", "chain_from_torsions", "residue_frames", "torsion_angle"]

BONDS = {"N-CA": 1.459, "CA-C": 1.525, "C-N": 1.329}
"""Lengths in Ångström; after the restraints of Engh and Huber (1991, 2001)."""
BOND_ANGLES = {"N-CA-C": math.radians(111.0), "CA-C-N": math.radians(117.2), "C-N-CA": math.radians(121.7)}
"""In radians, after the same."""


def torsion_angle(
    a: Real[Tensor, "*shape 3"], b: Real[Tensor, "*shape 3"], c: Real[Tensor, "*shape 3"], d: Real[Tensor, "*shape 3"]
) -> Float[Tensor, "*shape"]:
    r"""The angle by which d is turned against a, seen along the bond from b to c; clockwise is positive (IUPAC).

    $\mathrm{atan2}((m \times n) \cdot \hat v,\ m \cdot n)$ with $m = u \times v$, $n = v \times w$ and the bonds
    $u = b - a$, $v = c - b$, $w = d - c$. Cis is 0, trans is $\pm\pi$; in $[-\pi, \pi)$.

    Args:
        a, b, c, d: Places of four atoms in a row.

    Raises:
        ValueError: If three atoms in a row lie on a line: then there is no such angle. If shapes differ.

    Example:
        >>> a, b, c, d = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 1]])
        >>> manifolds.torsion_angle(a, b, c, d)
        tensor(1.5708)
    """
    check_same_shape(a=a, b=b, c=c, d=d)
    _check_coordinates("places of atoms", a, 3)
    u, v, w = as_floats(b - a), as_floats(c - b), as_floats(d - c)
    m = torch.linalg.cross(u, v)
    n = torch.linalg.cross(v, w)
    _check_bent(m, u, v)
    _check_bent(n, v, w)
    along = F.normalize(v, dim=-1)
    sine = (torch.linalg.cross(m, n) * along).sum(-1)
    cosine = (m * n).sum(-1)
    return wrap(torch.atan2(sine, cosine))


def residue_frames(atoms: Real[Tensor, "*shape 3 3"]) -> Float[Tensor, "*shape 3 3"]:
    """The rotation of each residue: columns along CA to C, towards N at a right angle to that, and their product.

    Args:
        atoms: Places of N, CA and C, one a row.

    Raises:
        ValueError: If the three atoms of a residue lie on a line, or are not three.

    Source: Jumper et al., "Highly accurate protein structure prediction with AlphaFold" (2021), supplement 1.8.1.

    Example:
        >>> manifolds.residue_frames(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.5, 0.0, 0.0]]))
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]])
    """
    _check_coordinates("N, CA and C of every residue", atoms, 3, 3)
    n, ca, c = as_floats(atoms).unbind(-2)
    _check_bent(torch.linalg.cross(c - ca, n - ca), c - ca, n - ca)
    first = F.normalize(c - ca, dim=-1)
    second = F.normalize(n - ca - ((n - ca) * first).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def chain_from_torsions(
    phi: Real[Tensor, "batch length"],
    psi: Real[Tensor, "batch length"],
    omega: Real[Tensor, "batch length"] | None = None,
) -> Float[Tensor, "batch length 3 3"]:
    r"""The atoms N, CA, C of chains with these angles and ideal bonds, one atom after the other.

    Args:
        phi, psi: Torsions about N-CA and about CA-C. The first phi and the last psi turn nothing.
        omega: Torsions about the bond to the next residue's N; by default $\pi$, trans.

    Returns:
        Places in Ångström: the first N at the origin, its CA on the first axis, its C in the plane of the first two.

    Raises:
        ValueError: If shapes differ, or angles lie outside $-\pi$ to $\pi$, as degrees would.

    Source: Parsons et al., "Practical conversion from torsion space to Cartesian space for in silico protein synthesis"
    (2005).

    Example:
        >>> helix = torch.full((1, 12), -1.0)
        >>> manifolds.chain_from_torsions(helix, 0.8 * helix).shape
        torch.Size([1, 12, 3, 3])
    """
    omega = torch.full_like(as_floats(phi), math.pi) if omega is None else omega
    check_same_shape(phi=phi, psi=psi, omega=omega)
    for name, angles in {"phi": phi, "psi": psi, "omega": omega}.items():
        check_angles(angles, name)
    turns = torch.stack([as_floats(psi)[:, :-1], as_floats(omega)[:, :-1], as_floats(phi)[:, 1:]], -1).flatten(1)
    lengths = [BONDS["C-N"], BONDS["N-CA"], BONDS["CA-C"]]
    bends = [BOND_ANGLES["CA-C-N"], BOND_ANGLES["C-N-CA"], BOND_ANGLES["N-CA-C"]]
    atoms = _first_residue(turns)
    for i, turn in enumerate(turns.unbind(1)):
        a, b, c = atoms[-3:]
        atoms.append(_next_atom(a, b, c, lengths[i % 3], bends[i % 3], turn))
    return torch.stack(atoms, 1).unflatten(1, (-1, 3))


def _first_residue(like: Tensor) -> list[Tensor]:
    bend = BOND_ANGLES["N-CA-C"]
    ca = [BONDS["N-CA"], 0.0, 0.0]
    c = [BONDS["N-CA"] - BONDS["CA-C"] * math.cos(bend), BONDS["CA-C"] * math.sin(bend), 0.0]
    return [like.new_tensor(place).expand(len(like), 3) for place in ([0.0, 0.0, 0.0], ca, c)]


def _next_atom(a: Tensor, b: Tensor, c: Tensor, length: float, bend: float, turn: Tensor) -> Tensor:
    """The atom d with |c - d| = length, the angle `bend` at c and the torsion `turn` about b-c."""
    along = F.normalize(c - b, dim=-1)
    normal = F.normalize(torch.linalg.cross(b - a, along), dim=-1)
    across = torch.linalg.cross(normal, along)
    turn = turn[:, None]
    sideways = turn.cos() * across + turn.sin() * normal
    return c + length * (math.sin(bend) * sideways - math.cos(bend) * along)


def _check_coordinates(what: str, places: Tensor, *last: int) -> None:
    """Refuse places whose last dimensions are others."""
    if places.shape[-len(last) :] != last:
        wanted = ", ".join(map(str, ("...", *last)))
        raise ValueError(f"expected {what}, shape ({wanted}), got {tuple(places.shape)}")


def _check_bent(normal: Tensor, one: Tensor, other: Tensor) -> None:
    """Refuse bonds of which one continues the other: their cross product is 0 but for rounding."""
    least = 16 * torch.finfo(normal.dtype).eps * one.norm(dim=-1) * other.norm(dim=-1)
    bent = normal.norm(dim=-1) > least
    if not bent.all():
        found = f"{int((~bent).sum())} of {bent.numel()} threes that do (or are missing)"
        raise ValueError(f"expected atoms of which no three in a row lie on a line, got {found}")
