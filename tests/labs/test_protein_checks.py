"""Lab 11's checks: oracles agree with the package, and the inputs reach what they are drawn for."""

import math

import pytest
import torch

from course_utils import checks, manifolds
from course_utils.checks.families import build
from course_utils.distributions import Empirical
from course_utils.paths import GeodesicPath, marginal

SEEDS = range(24)
SIX = range(1, 7)
PI = math.pi


def torus_path(x0, z, t):
    sample = GeodesicPath(manifolds.Torus(x0.shape[1])).sample(z, t, x0)
    return sample.x, sample.velocity


def torus_velocity(x, t, data):
    return marginal(GeodesicPath(manifolds.Torus(x.shape[1])), Empirical(data)).velocity(x, t)


BY_THE_PACKAGE = {
    "torsion_angle": manifolds.torsion_angle,
    "rotation": manifolds.rotation,
    "torus_path": torus_path,
    "torus_velocity": torus_velocity,
}


def inputs(name: str, seed: int) -> dict:
    return build(getattr(checks.lab11, name).draw(seed))


def parts(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", BY_THE_PACKAGE)
def test_the_oracle_agrees_with_the_package(name):
    """Angles up to whole turns: at the seam -pi and pi are one."""
    for seed in SEEDS:
        given = parts(BY_THE_PACKAGE[name](**inputs(name, seed)))
        expected = parts(getattr(checks.lab11, name).oracle(**inputs(name, seed)))
        for mine, theirs in zip(given, expected, strict=True):
            off = mine - theirs if name in ("rotation", "torus_velocity") else manifolds.wrap(mine - theirs)
            close = 1e-12 if theirs.dtype == torch.float64 else 1e-4
            assert mine.dtype == theirs.dtype and off.abs().max() <= close * max(1, theirs.abs().max()), (seed, off)


def test_the_field_of_pairs_is_the_slope_of_an_energy():
    """Its weights are bumps: those of exp(-r2 / width), up to a factor, are slopes of bumps as wide."""
    for seed in SEEDS:
        case = checks.lab11.pairwise_field.draw(seed)
        height, width, x = case["weight"]["height"], case["weight"]["width"], case["x"]

        def energy(x, height=height, width=width):
            squares = (x[:, :, None] - x[:, None]).square().sum(3)
            return -height * width / 4 * torch.exp(-squares / width).sum() / x.shape[1]

        expected = torch.func.grad(energy)(x)
        found = checks.lab11.pairwise_field.oracle(**build(case))
        close = 1e-12 if x.dtype == torch.float64 else 1e-5
        assert (found - expected).abs().max() <= close * expected.abs().max(), seed


def test_four_atoms_lie_in_a_plane_exactly_and_are_trans_and_cis():
    found = {
        round(checks.lab11.torsion_angle.oracle(**inputs("torsion_angle", seed))[0].abs().item(), 6) for seed in SIX
    }
    assert {0.0, round(PI, 6)} <= found
    for seed in SIX:
        a, b, c, d = (atom.double() for atom in inputs("torsion_angle", seed).values())
        volume = (torch.linalg.cross(b - a, c - b) * (d - c)).sum(1)
        assert len(a) == 1 or volume[0] == 0
        assert (volume[1:] != 0).all()


def test_the_first_way_always_crosses_the_seam_in_both_directions_and_the_point_is_beyond_it():
    seen = set()
    for seed in SEEDS:
        x0, z, t = inputs("torus_path", seed).values()
        assert all((angles >= -PI).all() and (angles < PI).all() for angles in (x0, z))
        assert ((z - x0)[0].abs() > PI).all()
        if 0 < t[0] < 1:
            x, velocity = checks.lab11.torus_path.oracle(x0, z, t)
            assert (x[0].sign() == z[0].sign()).all()
            seen |= set(velocity[0].sign().tolist())
    assert seen == {-1.0, 1.0}
    assert any((inputs("torus_path", seed)["t"] == end).any() for seed in SIX for end in (0, 1))


def boxes(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How far inside its box each state is, in time, and how many points there are in all."""
    x, t, data = inputs("torus_velocity", seed).values()
    largest = manifolds.wrap(data - x[:, None]).abs().amax(2) / PI
    return (1 - t) - largest, t


def test_every_state_lies_in_a_box_and_some_in_several_but_not_all():
    several, alone, dims, start = 0, 0, set(), 0
    for seed in SEEDS:
        within, t = boxes(seed)
        held = (within >= 0).sum(1)
        assert (held >= 1).all() and within.abs().min() > 1e-6, seed
        several += ((held > 1) & (held < within.shape[1])).sum().item()
        alone += (t > 0.9 and (held == 1).all()).item()
        start += (t == 0).item()
        dims.add(inputs("torus_velocity", seed)["x"].shape[1])
    assert several > 20 and alone >= 4 and dims == {1, 2} and start >= 1


def test_no_rotation_and_more_than_half_a_turn_are_among_the_rotations():
    for seed in SEEDS:
        w = inputs("rotation", seed)["w"]
        assert not w[0].any() and PI < w[-1].norm() < 2 * PI
        assert len(w) == 2 or (w[1:-1].norm(dim=1) > 0).all()


def test_clouds_lie_anywhere_and_weights_are_asked_at_any_size():
    for seed in SEEDS:
        weight, x = inputs("pairwise_field", seed).values()
        assert (x.mean(1).norm(dim=1) > 1e-3).all()
        assert weight(torch.zeros(2, 3)).shape == (2, 3) and weight(1.0) == weight(torch.tensor(1.0))
        assert weight.__qualname__ == "weight"
