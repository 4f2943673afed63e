"""Samples of angles and of rotations beside data, and of chains beside proteins."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.manifolds import check_angles

__all__ = ["clashes", "energy_distance", "helix_runs", "histogram_distance", "in_helix", "in_strand", "strand_runs"]


def histogram_distance(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], bins: int = 24, low: float = -math.pi, high: float = math.pi
) -> float:
    r"""Total variation, $\frac12 \sum |p_i - q_i|$, between two histograms with `bins` cells in each of d dimensions.

    It shrinks with more samples, and with fewer cells, even when nothing gets better: compare only at equal numbers,
    beside data against data.

    Args:
        a, b: Samples, shapes (n, d) and (m, d), such as angles or rotation vectors.
        bins: Cells along a dimension.
        low, high: Range of every dimension.

    Raises:
        ValueError: If a sample is empty or lies outside the range, dimensions differ, or `bins` is less than 1.

    Example:
        >>> metrics.histogram_distance(torch.zeros(4, 1), torch.tensor([[0.0], [0.1], [2.0], [-2.0]]))
        0.5
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or not len(a) or not len(b) or bins < 1:
        raise ValueError(f"expected samples of shapes (n, d) and (m, d) and bins >= 1, got {tuple(a.shape)}, "
                         f"{tuple(b.shape)}, {bins}")  # fmt: skip
    cells = [_cells(x, bins, low, high) for x in (a, b)]
    _, index = torch.cat(cells).unique(return_inverse=True)
    shares = torch.cat([torch.full((len(a),), 1 / len(a)), torch.full((len(b),), -1 / len(b))]).double()
    difference = torch.zeros(int(index.max()) + 1, dtype=torch.double).index_add_(0, index.cpu(), shares)
    return difference.abs().sum().item() / 2


def energy_distance(
    a: Float[Tensor, "n *event"],
    b: Float[Tensor, "m *other"],
    distance: Callable[[Tensor, Tensor], Tensor] | None = None,
    chunk: int = 256,
) -> float:
    r"""$2\,\mathbb{E}|a - b| - \mathbb{E}|a - a'| - \mathbb{E}|b - b'|$, unbiased; 0 in the mean for equal laws.

    Args:
        a, b: Samples, shapes (n, *event) and (m, *event), at least two of each.
        distance: From points that broadcast against each other to distances, such as `manifolds.Torus(2).distance`;
            by default the Euclidean one.
        chunk: Samples compared at a time; memory is chunk times m events.

    Raises:
        ValueError: If a sample has fewer than two points, events differ or `chunk` is less than 1.

    Source: Székely and Rizzo, "Energy statistics: a class of statistics based on distances" (2013).

    Example:
        >>> metrics.energy_distance(torch.zeros(2, 1), torch.full((2, 1), 3.0))
        6.0
    """
    if min(len(a), len(b)) < 2 or a.shape[1:] != b.shape[1:] or chunk < 1:
        raise ValueError(f"expected two samples of 2 or more points of one shape, chunk >= 1, got {tuple(a.shape)}, "
                         f"{tuple(b.shape)}, {chunk}")  # fmt: skip
    between = distance or _euclidean

    def total(x: Tensor, y: Tensor) -> float:
        return sum(between(part[:, None], y[None]).double().sum().item() for part in x.split(chunk))

    n, m = len(a), len(b)
    return 2 * total(a, b) / (n * m) - total(a, a) / (n * (n - 1)) - total(b, b) / (m * (m - 1))


def in_helix(angles: Float[Tensor, "*shape 2"]) -> Tensor:
    r"""Which residues have the angles of an α-helix: $\phi$ from -100° to -30°, $\psi$ from -80° to 0°.

    Example:
        >>> metrics.in_helix(torch.deg2rad(torch.tensor([[-63.0, -43.0], [-120.0, 130.0]])))
        tensor([ True, False])
    """
    phi, psi = _degrees(angles)
    return (phi > -100) & (phi < -30) & (psi > -80) & (psi < 0)


def in_strand(angles: Float[Tensor, "*shape 2"]) -> Tensor:
    r"""Which residues have the angles of a β-strand: $\phi$ below -50°, $\psi$ above 90° or below -160°.

    Example:
        >>> metrics.in_strand(torch.deg2rad(torch.tensor([[-63.0, -43.0], [-120.0, 130.0]])))
        tensor([False,  True])
    """
    phi, psi = _degrees(angles)
    return (phi < -50) & ((psi > 90) | (psi < -160))


def helix_runs(angles: Float[Tensor, "n length 2"], run: int = 4) -> float:
    """Share of the chains with `run` residues `in_helix` in a row: of one turn, if there are four.

    Residues that are right one by one, but know nothing of their neighbours, rarely make one.

    Args:
        angles: phi and psi of every residue in radians, shape (n, length, 2).
        run: Residues in a row, 1 to length.

    Raises:
        ValueError: If there are no chains, angles are no wrapped radians, or `run` does not fit.

    Example:
        >>> helix = torch.deg2rad(torch.tensor([-63.0, -43.0])).expand(1, 12, 2)
        >>> metrics.helix_runs(torch.cat([helix, -helix]))
        0.5
    """
    return _share_with_run(in_helix(angles), run)


def strand_runs(angles: Float[Tensor, "n length 2"], run: int = 4) -> float:
    """Share of the chains with `run` residues `in_strand` in a row; arguments and errors as for `helix_runs`.

    Example:
        >>> metrics.strand_runs(torch.deg2rad(torch.tensor([-120.0, 130.0])).expand(1, 12, 2))
        1.0
    """
    return _share_with_run(in_strand(angles), run)


def clashes(places: Float[Tensor, "n length 3"], least: float = 4.0, apart: int = 3) -> float:
    """Share of the chains two of whose places, `apart` or more residues from each other, come nearer than `least`.

    Args:
        places: Of the CA atoms in Ångström, shape (n, length, 3).
        least: Distance in Ångström below which two atoms clash.
        apart: Residues between two atoms that are not bound to be near; at least 1.

    Raises:
        ValueError: If there are no chains, they are not longer than `apart`, or a place is missing.

    Example:
        >>> line = torch.arange(5.0)[:, None] * torch.tensor([3.8, 0.0, 0.0])
        >>> metrics.clashes(torch.stack([line, line / 4]))
        0.5
    """
    if places.ndim != 3 or places.shape[2] != 3 or not len(places) or not 1 <= apart < places.shape[1]:
        raise ValueError(f"expected places of shape (n, length, 3), longer than {apart}, got {tuple(places.shape)}")
    if not places.isfinite().all():
        raise ValueError("expected a place for every residue, got some that are not finite")
    distances = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist")
    i, j = torch.triu_indices(places.shape[1], places.shape[1], apart)
    return (distances[:, i, j] < least).any(1).double().mean().item()


def _cells(x: Tensor, bins: int, low: float, high: float) -> Tensor:
    """Number of the cell of each sample."""
    slack = 1e-5 * (high - low)
    if not ((x >= low - slack) & (x <= high + slack)).all():
        raise ValueError(f"expected samples from {low:.4g} to {high:.4g}, got {x.min():.4g} to {x.max():.4g}")
    places = ((x.double() - low) / (high - low) * bins).long().clamp(0, bins - 1)
    return (places * bins ** torch.arange(x.shape[1], device=x.device)).sum(1)


def _euclidean(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).flatten(2).norm(dim=-1)


def _degrees(angles: Tensor) -> tuple[Tensor, Tensor]:
    if angles.shape[-1:] != (2,):
        raise ValueError(f"expected phi and psi of every residue, shape (..., 2), got {tuple(angles.shape)}")
    check_angles(angles, "phi and psi")
    phi, psi = torch.rad2deg(angles).unbind(-1)
    return phi, psi


def _share_with_run(there: Tensor, run: int) -> float:
    if there.ndim != 2 or not len(there) or not 1 <= run <= there.shape[1]:
        raise ValueError(f"expected chains of shape (n, length, 2) and a run of 1 to length, got {tuple(there.shape)} "
                         f"residues and {run}")  # fmt: skip
    return there.unfold(1, run, 1).all(-1).any(1).double().mean().item()
