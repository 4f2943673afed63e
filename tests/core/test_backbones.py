"""The proteins that come with the course, and what judges chains of angles."""

import hashlib
import math

import numpy as np
import pytest
import torch

from course_utils import data, metrics
from course_utils.data import proteins as module
from course_utils.manifolds import Torus, chain_from_torsions, rotation, rotation_vector, torsion_angle, wrap

BACKBONES = data.backbones()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def degrees(*angles):
    return torch.deg2rad(torch.tensor(angles, dtype=torch.float64))


# the file


def test_the_file_is_the_known_one_and_its_card_says_so():
    file = module.BACKBONES
    assert hashlib.sha256(file.read_bytes()).hexdigest() == module.SHA_256
    assert file.stat().st_size == 109_829
    card = " ".join(file.with_suffix(".md").read_text("utf-8").split())
    for said in ("public domain (CC0 1.0)", module.SHA_256, "109,829 bytes", "6,860 residues", *BACKBONES.names):
        assert said in card


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "backbones.npz"
    path.write_bytes(module.BACKBONES.read_bytes()[:-1])
    with pytest.raises(ValueError, match="SHA-256 892c"):
        module._read(path)


def test_bonds_and_peptides_are_those_of_proteins():
    """Known lengths in Ångström; peptide bonds are flat and nearly all trans; a proline's phi is near -65 degrees."""
    n, ca, c = BACKBONES.atoms.unbind(1)
    joined = BACKBONES.joined
    assert (ca - n).norm(dim=1).mean() == pytest.approx(1.46, abs=0.01)
    assert (c - ca).norm(dim=1).mean() == pytest.approx(1.525, abs=0.01)
    assert (n[1:] - c[:-1]).norm(dim=1)[joined].mean() == pytest.approx(1.33, abs=0.01)
    assert (n[1:] - c[:-1]).norm(dim=1)[joined].max() < 1.6
    omega = BACKBONES.torsions[:-1, 2][joined]
    assert (omega.abs() > math.radians(150)).float().mean() > 0.99
    phi = torch.rad2deg(BACKBONES.torsions[:, 0])[BACKBONES.amino_acid == data.AMINO_ACIDS.index("PRO")]
    assert phi.nanmedian() == pytest.approx(-65, abs=3)


def test_angles_are_missing_at_the_ends_of_pieces_alone():
    missing = BACKBONES.torsions.isnan()
    ends = torch.cat([torch.tensor([True]), ~BACKBONES.joined, torch.tensor([True])])
    assert torch.equal(missing[:, 0], ends[:-1])
    assert torch.equal(missing[:, 1], ends[1:]) and torch.equal(missing[:, 2], ends[1:])
    assert len(BACKBONES.angles()) == 6756 == (~missing[:, :2].any(1)).sum()


def test_each_angle_against_its_four_atoms():
    i = 100
    n, ca, c = BACKBONES.atoms.unbind(1)
    expected = [
        torsion_angle(c[i - 1], n[i], ca[i], c[i]),
        torsion_angle(n[i], ca[i], c[i], n[i + 1]),
        torsion_angle(ca[i], c[i], n[i + 1], ca[i + 1]),
    ]
    torch.testing.assert_close(BACKBONES.torsions[i], torch.stack(expected))


def test_no_protein_is_in_both_parts():
    parts = [BACKBONES.part(which) for which in ("train", "test")]
    names = [{BACKBONES.names[k] for k in part.piece.tolist()} for part in parts]
    assert names[0] & names[1] == set() and names[0] | names[1] == set(BACKBONES.names)
    assert sum(len(part.atoms) for part in parts) == len(BACKBONES.atoms) == 6860
    assert abs(len(parts[0].atoms) - len(parts[1].atoms)) < 100


def test_windows_against_a_loop():
    some = data.Backbones(BACKBONES.atoms[:400], BACKBONES.amino_acid[:400], BACKBONES.piece[:400], BACKBONES.names)
    angles, piece = some.torsions[:, :2], some.piece
    expected = [
        angles[i : i + 12]
        for i in range(389)
        if len(set(piece[i : i + 12].tolist())) == 1 and not angles[i : i + 12].isnan().any()
    ]
    assert torch.equal(some.windows(12), torch.stack(expected))


def test_turns_of_a_chain_follow_from_its_angles():
    """A chain of ideal bonds whose angles are all alike turns alike at every residue; another frame changes nothing."""
    phi = torch.full((1, 6), math.radians(-60.0), dtype=torch.float64)
    atoms = chain_from_torsions(phi, 0.7 * phi)[0]
    whole = torch.arange(6)
    chain = data.Backbones(atoms, whole, 0 * whole, ("one",))
    turns = chain.turns()
    torch.testing.assert_close(turns, turns[:1].expand(5, 3, 3))
    R = rotation(torch.tensor([1.0, 2, 3], dtype=torch.float64))
    moved = data.Backbones(atoms @ R.mT + 5, whole, 0 * whole, ("one",))
    torch.testing.assert_close(moved.turns(), turns)
    assert len(BACKBONES.turns()) == BACKBONES.joined.sum()


def test_a_window_is_rebuilt_from_its_angles():
    """With ideal bonds and the true omega, 12 residues are within 1 Å of their coordinates in the median of 40."""
    distances = []
    for i in range(20, 420, 10):
        rows = slice(i, i + 12)
        angles = BACKBONES.torsions[rows]
        if angles.isnan().any():
            continue
        built = chain_from_torsions(*angles.T[:, None])[0].reshape(-1, 3)
        real = BACKBONES.atoms[rows].reshape(-1, 3)
        one, other = built - built.mean(0), real - real.mean(0)
        u, _, v = torch.linalg.svd(one.T @ other)
        flip = torch.diag(torch.tensor([1.0, 1.0, torch.linalg.det(u @ v).sign()]))
        distances.append((one @ u @ flip @ v - other).square().sum(1).mean().sqrt())
    assert len(distances) > 30 and torch.stack(distances).median() < 0.5


def test_backbones_bad_input(unchecked):
    atoms, kind, piece, names = BACKBONES.atoms[:5], BACKBONES.amino_acid[:5], BACKBONES.piece[:5], BACKBONES.names
    for place in (torch.nan, 0.0):
        holes = atoms.clone()
        holes[3, 1:] = place
        with pytest.raises(ValueError, match=r"every residue, got none or some of residue 3 \(5 in all\)"):
            data.Backbones(holes, kind, piece, names)
    with pytest.raises(ValueError, match=r"atoms \(n, 3, 3\)"):
        data.Backbones(atoms[:, :2], kind, piece, names)
    with pytest.raises(ValueError, match='"train" or "test", got \'all\''):
        BACKBONES.part("all")
    for length in (0, 10_000):
        with pytest.raises(ValueError, match="a length from 1 to 6860"):
            BACKBONES.windows(length)
    with pytest.raises(ValueError, match="that some piece has, got 500"):
        BACKBONES.windows(500)


# what judges them


def test_histograms_against_numpy():
    a, b = Torus(2).draw(500, generator()), Torus(2).draw(300, generator(1)) / 2
    bounds = [[-math.pi, math.pi]] * 2
    shares = [np.histogram2d(*x.double().T.numpy(), bins=12, range=bounds)[0] / len(x) for x in (a, b)]
    expected = np.abs(shares[0] - shares[1]).sum() / 2
    assert metrics.histogram_distance(a, b, bins=12) == pytest.approx(expected)
    assert metrics.histogram_distance(a, a) == 0 and metrics.histogram_distance(a[:1], -a[:1]) == 1
    w = rotation_vector(rotation(torch.randn(200, 3, generator=generator())))
    cube = [np.histogramdd(x.double().numpy(), bins=8, range=bounds + bounds[:1])[0] / 100 for x in w.split(100)]
    expected = np.abs(cube[0] - cube[1]).sum() / 2
    assert metrics.histogram_distance(*w.split(100), bins=8) == pytest.approx(expected)


def test_the_upper_edge_belongs_to_the_last_cell():
    pi = torch.tensor([[math.pi]])
    assert metrics.histogram_distance(pi, pi - 0.01) == 0 and metrics.histogram_distance(-pi, pi) == 1


def test_energy_distance_against_a_loop():
    a, b = Torus(2).draw(20, generator()).double(), Torus(2).draw(15, generator(1)).double()

    def mean(x, y, same):
        pairs = [wrap(p - q).norm().item() for i, p in enumerate(x) for j, q in enumerate(y) if not (same and i == j)]
        return sum(pairs) / len(pairs)

    expected = 2 * mean(a, b, False) - mean(a, a, True) - mean(b, b, True)
    assert metrics.energy_distance(a, b, Torus(2).distance, chunk=7) == pytest.approx(expected)


def test_the_energy_distance_of_two_normal_laws():
    """Of N(0, 1) and N(3, 1): 2 E|3 + sqrt(2) N| - 2 E|sqrt(2) N|; of equal laws 0, within 5 standard errors."""
    n = 2000
    x = torch.randn(3 * n, 1, dtype=torch.float64, generator=generator())
    phi, density = 0.5 * math.erfc(-3 / 2), math.exp(-9 / 4) / math.sqrt(4 * math.pi)
    apart = 2 * (3 * (2 * phi - 1) + 4 * density) - 4 / math.sqrt(math.pi)
    assert metrics.energy_distance(x[:n], x[n : 2 * n] + 3) == pytest.approx(apart, abs=5 * 2 * math.sqrt(2 / n))
    assert abs(metrics.energy_distance(x[:n], x[2 * n :])) < 0.01


def test_runs_are_of_residues_in_a_row():
    helix, strand, other = degrees(-63, -43), degrees(-120, 130), degrees(60, 40)
    chains = torch.stack(
        [
            torch.stack([helix] * 4 + [other] * 4),
            torch.stack([helix] * 3 + [other] + [helix] * 3 + [other]),
            torch.stack([strand] * 8),
            torch.stack([helix, strand] * 4),
        ]
    )
    assert metrics.helix_runs(chains) == 0.25 and metrics.strand_runs(chains) == 0.25
    assert metrics.helix_runs(chains, run=3) == 0.5 and metrics.helix_runs(chains, run=1) == 0.75
    assert metrics.helix_runs(chains, run=5) == 0


@pytest.mark.parametrize(
    ("phi", "psi", "helix", "strand"),
    [(-99, -1, True, False), (-101, -40, False, False), (-31, -79, True, False), (-63, 1, False, False),
     (-51, 91, False, True), (-49, 120, False, False), (-120, -161, False, True), (-120, 89, False, False)],
)  # fmt: skip
def test_regions(phi, psi, helix, strand):
    angles = degrees(phi, psi)
    assert metrics.in_helix(angles).item() is helix and metrics.in_strand(angles).item() is strand


def test_clashes_against_a_loop():
    phi, psi = (Torus(12).draw(100, generator(seed)).double() for seed in (0, 1))
    places = chain_from_torsions(phi, psi)[:, :, 1]
    found = [
        any(math.dist(ca[i].tolist(), ca[j].tolist()) < 4.0 for i in range(12) for j in range(i + 3, 12))
        for ca in places
    ]
    assert 0.05 < sum(found) / 100 < 0.6
    assert metrics.clashes(places) == sum(found) / 100


def test_judges_bad_input(unchecked):
    angles, places = torch.zeros(3, 12, 2), torch.zeros(3, 12, 3)
    for wrong in (angles - 57, angles * torch.nan):
        with pytest.raises(ValueError, match="phi and psi in radians"):
            metrics.helix_runs(wrong)
    with pytest.raises(ValueError, match=r"shape \(..., 2\)"):
        metrics.in_helix(places)
    for run in (0, 13):
        with pytest.raises(ValueError, match=f"a run of 1 to length.* and {run}"):
            metrics.helix_runs(angles, run)
    for wrong in (angles, places[:, :3], places[:0]):
        with pytest.raises(ValueError, match="longer than 3, got"):
            metrics.clashes(wrong)
    with pytest.raises(ValueError, match="place for every residue"):
        metrics.clashes(places * torch.nan)
    with pytest.raises(ValueError, match="samples from -3.142 to 3.142, got -57 to -57"):
        metrics.histogram_distance(angles[0] - 57, angles[0])
    for a, b, bins in ((angles[0], places[0], 4), (angles[0][:0], angles[0], 4), (angles[0], angles[0], 0)):
        with pytest.raises(ValueError, match="bins >= 1"):
            metrics.histogram_distance(a, b, bins)
    for a, b in ((angles[0][:1], angles[0]), (angles[0], places[0])):
        with pytest.raises(ValueError, match="2 or more points"):
            metrics.energy_distance(a, b)


@pytest.mark.parametrize("length", [1, 5, 12])
def test_rows_of_residues_lie_in_one_piece(length):
    """Numbers of residues, cut by a loop over the pieces."""
    part = data.backbones().part("test")
    number = torch.arange(len(part.piece))
    wanted = [
        one[i : i + length] for piece in part.piece.unique() for one in [number[part.piece == piece]]
        for i in range(len(one) - length + 1)
    ]  # fmt: skip
    assert torch.equal(part.rows(number, length), torch.stack(wanted))
