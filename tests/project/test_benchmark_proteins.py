"""What Lab 11's benchmarks compute beside the package, against what is known without them."""

import math

import pytest
import torch

from benchmarks import frames, handedness, kinds, proteins, turns
from course_utils.data.proteins import AMINO_ACIDS
from course_utils.manifolds import Rotations, rotation
from course_utils.manifolds.backbone import BONDS

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(n=8, dtype=F64):
    return handedness.centred(torch.randn(n, 12, 3, generator=seeded(), dtype=dtype))


# angles


def test_residues_near_the_seam_and_outside():
    x = torch.tensor([[0.0, 3.0], [0.0, -2.9], [3.0, 0.0], [0.0, 3.5]])  # 3.5 is -2.78: 20.5 degrees from the seam
    found = proteins.judged(x, x[:2])
    assert (found.seam, found.outside) == (50, 25)
    assert proteins.judged(x[:2], x[:2]).variation == 0


def test_strands_that_turn_back_are_short():
    """Twelve strand residues in a row go straight on, with two of a turn in the middle they come back."""
    strand = torch.deg2rad(torch.tensor([-120.0, 130.0])).expand(12, 2)
    hairpin = strand.clone()
    hairpin[5:7] = torch.deg2rad(torch.tensor([[60.0, 30.0], [90.0, 0.0]]))  # the turn of type I'
    found = proteins.turned_back(torch.stack([strand, hairpin, hairpin]))
    (length, short), (bent, back) = found[12], found[10]
    assert length > 30 and short == 0 and bent < 20 and back == 100
    assert found.keys() == {10, 12}
    assert len(list(proteins.strand_rows("", [hairpin[None], torch.stack([strand, hairpin])]))) == 2


# rotations


def test_the_nearest_rotation_is_the_polar_factor():
    r = Rotations().draw(20, seeded(), torch.zeros(0, dtype=F64))
    stretch = torch.diag(torch.tensor([0.5, 1.0, 3.0], dtype=F64))
    torch.testing.assert_close(turns.nearest_rotations(r @ stretch).to(F64), r, rtol=0, atol=1e-6)
    mirrored = turns.nearest_rotations(-r)
    torch.testing.assert_close(torch.linalg.det(mirrored), torch.ones(20, dtype=F64))
    torch.testing.assert_close(turns.off_rotation(2 * r.float()), torch.full((20,), 3 * 3**0.5))


def test_the_distance_of_turns_to_themselves_is_nothing():
    r = Rotations().draw(50, seeded())
    assert turns.turn_distance(r, r) == 0
    assert turns.turn_distance(torch.cat([r, r.mT]), r) == pytest.approx(turns.turn_distance(r.mT, r) / 2)


# points in space


def test_helices_of_either_hand():
    """A helix of radius 2.3 Å, 100 degrees and 1.5 Å a residue has torsions of 50 degrees; its mirror image -50."""
    turn = torch.arange(12, dtype=F64) * math.radians(100)
    helix = torch.stack([2.3 * turn.cos(), 2.3 * turn.sin(), 1.5 * torch.arange(12, dtype=F64)], 1)
    line = torch.arange(12, dtype=F64)[:, None] * torch.tensor([3.8, 0.1, 0.0], dtype=F64) + 0.3 * helix.sin()
    both = torch.stack([helix, helix, -helix, line])
    assert handedness.helices(both, handedness.TWIST) == 50
    assert handedness.helices(both, -handedness.TWIST) == 25


def test_signed_volumes_turn_along_and_change_sign_in_the_mirror():
    x = clouds()
    turn = Rotations().draw(8, seeded(1), x)
    volumes = handedness.signed_volumes(x)
    assert volumes.shape == (8, 18)
    torch.testing.assert_close(handedness.signed_volumes(x @ turn.mT + 3), volumes)
    torch.testing.assert_close(handedness.signed_volumes(x @ handedness.MIRROR.to(x)), -volumes)
    first = torch.linalg.det(x[:, 1:4] - x[:, 0:3])  # of the ways 0 to 1, 1 to 2, 2 to 3
    torch.testing.assert_close(volumes[:, 0], first)


@pytest.mark.parametrize(("handed", "mirrored"), [(False, False), (True, True)])
def test_a_cloud_turns_along_and_is_blind_to_the_mirror_without_volumes(handed, mirrored):
    torch.manual_seed(0)
    model, x = handedness.Cloud(handed, hidden=16).double(), clouds()
    assert handedness.turning_error(model, x, torch.randn(8, 1, 3, dtype=F64, generator=seeded(2))) < 1e-12
    assert (handedness.mirror_error(model, x) > 1e-3) == mirrored
    assert model(x, 0.3).mean(1).abs().max() < 1e-12


def test_noise_is_turned_onto_its_data_and_stays_noise():
    x, turn = clouds(), Rotations().draw(8, seeded(1), torch.zeros(0, dtype=F64))
    torch.testing.assert_close(handedness.turned(x @ turn.mT, x), x)
    y = clouds().flip(0)
    near = handedness.turned(y, x)
    torch.testing.assert_close(torch.cdist(near, near), torch.cdist(y, y))
    for angle in (0.1, -0.1):
        other = rotation(angle * torch.eye(3, dtype=F64))
        assert all(((near @ r.mT - x).square().sum((1, 2)) > (near - x).square().sum((1, 2))).all() for r in other)
    mirrored = handedness.turned(x @ handedness.MIRROR.to(x), x)
    assert (handedness.signed_volumes(mirrored) + handedness.signed_volumes(x)).abs().max() < 1e-9  # its hand stays


# frames


def test_bonds_of_real_frames_are_those_of_real_chains():
    chains = frames.chains("test", 8)
    found = frames.frame_figures(chains)
    assert found["bond C-N", "Å"] == pytest.approx(BONDS["C-N"], abs=0.01)
    assert found["bonds C-N off by more than 0.2 Å", "%"] < 0.1
    assert found["CA to CA", "Å"] == pytest.approx(3.8, abs=0.01)
    spread = chains.clone()
    spread[..., 3] *= 1.2
    assert frames.frame_figures(spread)["bonds C-N off by more than 0.2 Å", "%"] > 99


def test_exp_and_log_of_frames_undo_each_other():
    world = frames.Frames(3)
    x, z = world.draw(5, seeded()), world.draw(5, seeded(1))
    torch.testing.assert_close(world.exp(x, world.log(x, z)), z, rtol=0, atol=1e-5)
    assert x[..., 3].mean(1).abs().max() < 1e-6
    world.check(x)


def test_the_network_of_frames_turns_with_its_chain():
    torch.manual_seed(0)
    model, x = frames.Local(5, hidden=16), frames.Frames(5).draw(4, seeded())
    turn = Rotations().draw(1, seeded(1))[0]
    here, there = model(x, 0.4), model(turn @ x, 0.4)
    torch.testing.assert_close(there[..., :3], here[..., :3], rtol=0, atol=1e-5)  # in the residue's own frame
    torch.testing.assert_close(there[..., 3], here[..., 3] @ turn.mT, rtol=0, atol=1e-5)
    whole = frames.turned_whole(turn @ x, x)
    torch.testing.assert_close(whole, x, rtol=0, atol=1e-4)


# kinds of amino acids


def test_test_residues_themselves_have_no_distance_and_their_own_shares():
    test, own = kinds.labelled(1)
    found = kinds.figures(test, own)
    assert [found[f"TV of {name}", ""] for name in ("glycine", "proline", "the others, mean")] == [0, 0, 0]
    glycine = own == AMINO_ACIDS.index("GLY")
    assert found["glycine with phi > 0", "%"] == pytest.approx(100 * (test[glycine, 0] > 0).double().mean().item())
    assert found["glycine with phi > 0", "%"] > 10 * found["others with phi > 0", "%"]


def test_angles_are_near_across_the_seam():
    phi = torch.deg2rad(torch.tensor([170.0, -170.0, 149.0, 0.0]))
    assert kinds.near(phi, -175.0) == 0.5  # 149 is 36 degrees away


def test_the_floor_draws_training_residues_of_the_kinds_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(kinds, "figures", lambda x, kind: seen.append((x, kind)) or {})
    kinds.floor(0)
    ((x, kind),) = seen
    train, train_kind = kinds.labelled(0)
    for k in (0, AMINO_ACIDS.index("GLY")):
        assert torch.isin(x[kind == k, 0], train[train_kind == k, 0]).all()
