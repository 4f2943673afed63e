"""Angles and rotations against scipy, matrix_exp and closed forms; torsions against an azimuth in a frame."""

import math

import pytest
import torch
from scipy.spatial.transform import Rotation

from course_utils.manifolds import (
    Manifold,
    Rotations,
    Torus,
    chain_from_torsions,
    check_angles,
    residue_frames,
    rotation,
    rotation_vector,
    skew,
    torsion_angle,
    unskew,
    wrap,
)

F64 = torch.float64
PI = math.pi


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=generator(seed))


def angles(*shape, seed=0):
    return (2 * torch.rand(*shape, dtype=F64, generator=generator(seed)) - 1) * PI


# angles


def test_wrapping_keeps_the_angle_and_the_range():
    a = 20 * normal(10_000)
    w = wrap(a)
    assert (w >= -PI).all() and (w < PI).all()
    torch.testing.assert_close(torch.stack([w.cos(), w.sin()]), torch.stack([a.cos(), a.sin()]), atol=1e-13, rtol=0)
    torch.testing.assert_close(wrap(w), w, atol=1e-15, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_the_seam_belongs_to_minus_pi_whatever_rounding_does(dtype):
    """A remainder may be the divisor itself: just below -pi, and at pi, the range is kept."""
    pi = torch.tensor(PI, dtype=dtype)
    near = torch.stack([pi, -pi, torch.nextafter(pi, 0 * pi), torch.nextafter(-pi, -2 * pi), -pi - 1e-9, 3 * pi])
    w = wrap(near)
    assert (w >= -pi).all() and (w < pi).all()
    assert (wrap(w - near).abs() < 4e-6 if dtype == torch.float32 else wrap(w - near).abs() < 1e-14).all()
    assert w[0] == -pi


def test_whole_numbers_are_angles_too():
    torch.testing.assert_close(wrap(torch.tensor([4, -4])), torch.tensor([4 - 2 * PI, 2 * PI - 4]))


def test_the_shortest_way_on_a_circle_is_that_of_the_complex_numbers():
    x, z = angles(1000, 3), angles(1000, 3, seed=1)
    way = torch.angle(torch.polar(torch.ones_like(z), z) / torch.polar(torch.ones_like(x), x))
    torus = Torus(3)
    torch.testing.assert_close(torus.log(x, z), way, atol=1e-13, rtol=0)
    torch.testing.assert_close(wrap(torus.exp(x, way) - z), torch.zeros_like(z), atol=1e-13, rtol=0)
    torch.testing.assert_close(torus.distance(x, z), way.norm(dim=1))
    assert torus.distance(x[:4, None], z[None, :5]).shape == (4, 5)


def test_179_and_minus_179_degrees_meet_at_180():
    x, z = torch.deg2rad(torch.tensor([[179.0], [-179.0]])).unbind()
    torch.testing.assert_close(Torus(1).geodesic(x[None], z[None], 0.5), torch.tensor([[-PI]]))
    torch.testing.assert_close(Torus(1).distance(x, z), torch.tensor(math.radians(2)), atol=1e-6, rtol=0)


def test_geodesics_take_a_time_for_each_state():
    x, z, t = angles(5, 2), angles(5, 2, seed=1), torch.linspace(0, 1, 5, dtype=F64)
    rows = [Torus(2).geodesic(x[i : i + 1], z[i : i + 1], t[i]) for i in range(5)]
    assert torch.equal(Torus(2).geodesic(x, z, t), torch.cat(rows))
    torch.testing.assert_close(wrap(torch.cat(rows)[-1] - z[-1]), torch.zeros(2, dtype=F64), atol=1e-14, rtol=0)


def test_uniform_angles():
    """Means of cos mx are 0 with a standard error of sqrt(1/2n)."""
    x = Torus(2).draw(50_000, generator(), torch.empty(0, dtype=F64))
    assert x.dtype == F64 and (x >= -PI).all() and (x < PI).all()
    for m in (1, 2, 3):
        assert ((m * x).cos().mean(0).abs() < 5 / math.sqrt(100_000)).all()
        assert ((m * x).sin().mean(0).abs() < 5 / math.sqrt(100_000)).all()
    assert torch.equal(Torus(2).draw(3, generator(1)), Torus(2).draw(3, generator(1)))


@pytest.mark.parametrize("wrong", [[179.0, -57.0], [3.2, 0.0], [torch.nan, 0.0]])
def test_degrees_are_refused_where_angles_have_to_be_wrapped(wrong, unchecked):
    x = torch.tensor([wrong])
    for call in (lambda: Torus(2).log(x, 0 * x), lambda: Torus(2).exp(x, 0 * x), lambda: check_angles(x)):
        with pytest.raises(ValueError, match=r"radians within -pi to pi \(wrap them\), got"):
            call()


def test_a_torus_has_a_shape(unchecked):
    for shape in ((), (0,), (2, -1)):
        with pytest.raises(ValueError, match="shape of one state"):
            Torus(*shape)
    with pytest.raises(ValueError, match=r"shape \(..., 12, 2\).*got \(5, 11, 2\)"):
        Torus(12, 2).log(torch.zeros(5, 12, 2), torch.zeros(5, 11, 2))
    assert repr(Torus(12, 2)) == "Torus(event_shape=(12, 2))" and repr(Rotations()) == "Rotations()"


# rotations


def test_rotation_against_matrix_exp_and_scipy():
    w = 1.5 * normal(1000, 3)
    R = rotation(w)
    torch.testing.assert_close(R, torch.linalg.matrix_exp(skew(w)), atol=1e-14, rtol=0)
    torch.testing.assert_close(R, torch.tensor(Rotation.from_rotvec(w.numpy()).as_matrix()), atol=1e-14, rtol=0)


def test_no_turn_is_the_identity_and_has_a_gradient():
    w = torch.zeros(2, 3, dtype=F64, requires_grad=True)
    assert torch.equal(rotation(w), torch.eye(3, dtype=F64).expand(2, 3, 3))
    [slope] = torch.autograd.grad(rotation(w)[:, 1, 0].sum(), w)
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0.0, 1.0]] * 2, dtype=F64))


def test_skew_is_the_cross_product_and_unskew_its_inverse():
    w, b = normal(20, 3), normal(20, 3, seed=1)
    torch.testing.assert_close((skew(w) @ b[..., None])[..., 0], torch.linalg.cross(w, b))
    torch.testing.assert_close(unskew(skew(w) + torch.eye(3, dtype=F64)), w)


def test_rotation_vector_against_scipy():
    R = Rotations().draw(1000, generator(), torch.empty(0, dtype=F64))
    expected = torch.tensor(Rotation.from_matrix(R.numpy()).as_rotvec())
    torch.testing.assert_close(rotation_vector(R), expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("short", [0.0, 1e-12, 1e-8, 1e-7, 1e-3])
def test_half_turns_keep_their_axis(short):
    """arccos of the trace loses half of the digits here, and R - R^T all of them."""
    axis = torch.nn.functional.normalize(normal(500, 3), dim=1)
    w = (PI - short) * axis
    found = rotation_vector(rotation(w))
    assert (found.norm(dim=1) <= PI + 1e-14).all()
    torch.testing.assert_close(rotation(found), rotation(w), atol=1e-14, rtol=0)
    if short > 1e-10:
        torch.testing.assert_close(found, w, atol=1e-7 if short < 1e-6 else 1e-12, rtol=0)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1e-8, 1e-4, 1e-3])
def test_small_turns_keep_their_digits_in_single_precision(size):
    """arccos((trace - 1) / 2) gives 0 for a turn by 1e-4."""
    w = size * torch.nn.functional.normalize(normal(500, 3), dim=1).float()
    torch.testing.assert_close(rotation_vector(rotation(w)), w, atol=1e-12, rtol=2e-3 if size < 1e-3 else 1e-4)


def test_turns_about_the_axes():
    """e_x cross e_y is e_z: a quarter turn about z takes x to y."""
    quarter = rotation(torch.eye(3, dtype=F64) * PI / 2)
    x, y, z = torch.eye(3, dtype=F64)
    torch.testing.assert_close(quarter[2] @ x, y, atol=1e-15, rtol=0)
    torch.testing.assert_close(quarter[0] @ y, z, atol=1e-15, rtol=0)


def test_the_shortest_way_between_rotations():
    """Half of it is scipy's slerp; its speed is constant, and the distance is scipy's angle."""
    R, S = Rotations().draw(200, generator(), torch.empty(0, dtype=F64)).split(100)
    space = Rotations()
    v = space.log(R, S)
    torch.testing.assert_close(v, -v.mT)
    torch.testing.assert_close(space.exp(R, v), S, atol=1e-13, rtol=0)
    between = torch.tensor((Rotation.from_matrix(R.mT.numpy()) * Rotation.from_matrix(S.numpy())).magnitude())
    torch.testing.assert_close(space.distance(R, S), math.sqrt(2) * between, atol=1e-12, rtol=0)
    middle = space.geodesic(R, S, 0.5)
    torch.testing.assert_close(space.log(R, middle), v / 2, atol=1e-12, rtol=0)


def test_uniform_rotations():
    """The angle has the density (1 - cos)/pi, its mean is pi/2 + 2/pi; each entry has the mean 0 and the square 1/3."""
    R = Rotations().draw(20_000, generator(), torch.empty(0, dtype=F64))
    angle = rotation_vector(R).norm(dim=1)
    assert abs(angle.mean() - PI / 2 - 2 / PI) < 5 * angle.std() / math.sqrt(20_000)
    assert (R.mean(0).abs() < 5 / math.sqrt(3 * 20_000)).all()
    assert ((R.square().mean(0) - 1 / 3).abs() < 5 * R.square().std(0) / math.sqrt(20_000)).all()


def test_what_is_no_rotation(unchecked):
    eye = torch.eye(3).expand(2, 3, 3)
    wrong = {
        r"R\^T R = I, got matrices that are off by 3": 2 * eye,
        "determinant -1: a mirror": eye * torch.tensor([1.0, 1.0, -1.0]),
        r"shape \(..., 3, 3\).*got \(2, 4\)": torch.zeros(2, 4),
        "off by nan": eye * torch.nan,
    }
    for message, R in wrong.items():
        for call in (lambda R=R: rotation_vector(R), lambda R=R: Rotations().exp(R, eye)):
            with pytest.raises(ValueError, match=message):
                call()


def test_a_quaternion_is_no_vector_and_no_matrix(unchecked):
    quaternion = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    for call in (rotation, skew):
        with pytest.raises(ValueError, match=r"shape \(..., 3\), axis times angle, got \(1, 4\)"):
            call(quaternion)
    for call in (rotation_vector, unskew):
        with pytest.raises(ValueError, match=r"matrices of shape \(..., 3, 3\), got \(1, 4\)"):
            call(quaternion)
    with pytest.raises(ValueError, match=r"states of shape \(..., 3, 3\) on Rotations\(\), got \(1, 4\)"):
        Rotations().geodesic(quaternion, quaternion, 0.5)


def test_rounding_is_no_mistake():
    R = rotation(torch.randn(100, 3, generator=generator()))
    for _ in range(1000):
        R = Rotations().exp(R, 0.01 * skew(torch.ones(100, 3)))
    Rotations().check(R)


def test_a_subclass_has_to_say_what_it_is():
    for call in ("exp", "log"):
        with pytest.raises(NotImplementedError):
            getattr(Manifold(), call)(torch.zeros(1), torch.zeros(1))
    with pytest.raises(NotImplementedError):
        Manifold().check(torch.zeros(1))
    with pytest.raises(NotImplementedError):
        Manifold().draw(1)


# backbones


def azimuth(a, b, c, d):
    """The torsion as the azimuth of d about the axis from b to c, counted from a, clockwise seen from b."""
    axis = torch.nn.functional.normalize(c - b, dim=-1)
    east = a - b - ((a - b) * axis).sum(-1, keepdim=True) * axis
    east = torch.nn.functional.normalize(east, dim=-1)
    north = torch.linalg.cross(axis, east)
    return torch.atan2(((d - c) * north).sum(-1), ((d - c) * east).sum(-1))


def test_torsions_against_an_azimuth():
    atoms = normal(4, 1000, 3)
    found = torsion_angle(*atoms)
    assert (found >= -PI).all() and (found < PI).all()
    torch.testing.assert_close(wrap(found - azimuth(*atoms)), torch.zeros(1000, dtype=F64), atol=1e-9, rtol=0)


def test_cis_trans_and_the_hand():
    a, b, c = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 1]], dtype=F64)
    ends = torch.tensor([[2.0, 0, 2], [-1, 0, 1], [0, 1, 1], [0, -1, 1]], dtype=F64)
    found = torsion_angle(*(v.expand(4, 3) for v in (a, b, c)), ends)
    torch.testing.assert_close(found, torch.tensor([0, -PI, PI / 2, -PI / 2], dtype=F64))
    mirror = torch.tensor([1.0, -1.0, 1.0], dtype=F64)
    atoms = normal(4, 50, 3)
    torch.testing.assert_close(torsion_angle(*(atoms * mirror)), -torsion_angle(*atoms))


def test_atoms_on_a_line_have_no_torsion(unchecked):
    line = torch.tensor([[0.0, 0, 0], [1, 1, 1], [2, 2, 2], [3, 3, 3]])
    for atoms in (
        line,
        torch.cat([line[:3], torch.eye(3)[:1]]),
        torch.cat([torch.eye(3)[:1], line[:3]]),
        line * torch.nan,
    ):
        with pytest.raises(ValueError, match="no three in a row lie on a line, got 1 of 1 threes that do"):
            torsion_angle(*atoms)
    among_others = normal(4, 7, 3)
    among_others[:, 5] = line
    with pytest.raises(ValueError, match=r"got 1 of 7 threes that do \(or are missing\)"):
        torsion_angle(*among_others)


def test_atoms_of_other_shapes(unchecked):
    a = normal(5, 3)
    with pytest.raises(ValueError, match=r"equal shapes.*\(4, 3\)"):
        torsion_angle(a, a[:4], a, a)
    with pytest.raises(ValueError, match=r"places of atoms, shape \(..., 3\), got \(5, 2\)"):
        torsion_angle(*(4 * [a[:, :2]]))


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_chain_has_the_angles_that_it_was_built_from(dtype):
    phi, psi, omega = (angles(20, 12, seed=seed).to(dtype) for seed in range(3))
    n, ca, c = chain_from_torsions(phi, psi, omega).unbind(2)
    tolerance = {"atol": 2e-3 if dtype == torch.float32 else 1e-11, "rtol": 0}
    zero = torch.zeros(20, 11, dtype=dtype)
    torch.testing.assert_close(
        wrap(torsion_angle(c[:, :-1], n[:, 1:], ca[:, 1:], c[:, 1:]) - phi[:, 1:]), zero, **tolerance
    )
    torch.testing.assert_close(
        wrap(torsion_angle(n[:, :-1], ca[:, :-1], c[:, :-1], n[:, 1:]) - psi[:, :-1]), zero, **tolerance
    )
    found = torsion_angle(ca[:, :-1], c[:, :-1], n[:, 1:], ca[:, 1:])
    torch.testing.assert_close(wrap(found - omega[:, :-1]), zero, **tolerance)


def test_a_chain_has_ideal_bonds():
    n, ca, c = chain_from_torsions(angles(20, 12), angles(20, 12, seed=1)).unbind(2)
    for length, bond in ((1.459, ca - n), (1.525, c - ca), (1.329, n[:, 1:] - c[:, :-1])):
        torch.testing.assert_close(bond.norm(dim=-1), torch.full(bond.shape[:2], length, dtype=F64))
    for degrees, one, other in ((111.0, n - ca, c - ca), (117.2, (ca - c)[:, :-1], n[:, 1:] - c[:, :-1])):
        cosine = torch.nn.functional.cosine_similarity(one, other, dim=-1)
        torch.testing.assert_close(torch.rad2deg(cosine.acos()), torch.full(cosine.shape, degrees, dtype=F64))
    distance = ca.diff(dim=1).norm(dim=-1)
    torch.testing.assert_close(distance, torch.full((20, 11), 3.80, dtype=F64), atol=0.03, rtol=0)


def test_a_helix_rises_one_and_a_half_angstroem_a_residue():
    """3.6 residues and 5.4 Å a turn, right-handed: known of the α-helix since Pauling."""
    helix = torch.deg2rad(torch.tensor([-57.8, -47.0], dtype=F64))
    ca = chain_from_torsions(helix[:1].expand(1, 37), helix[1:].expand(1, 37))[0, :, 1]
    axis = torch.nn.functional.normalize(ca[36] - ca[0], dim=0)
    rise = (ca.diff(dim=0) @ axis).mean()
    assert 1.4 < rise < 1.6
    assert (torsion_angle(*ca.unfold(0, 4, 1).movedim(-1, 0).movedim(-1, -1)) > 0).all()


def test_chains_bad_input(unchecked):
    phi = torch.zeros(2, 5)
    with pytest.raises(ValueError, match="equal shapes"):
        chain_from_torsions(phi, phi[:, 1:])
    for name, arguments in {"phi": (phi - 57, phi), "psi": (phi, phi - 47), "omega": (phi, phi, phi + 180)}.items():
        with pytest.raises(ValueError, match=f"expected {name} in radians"):
            chain_from_torsions(*arguments)


def test_frames_turn_with_the_atoms():
    atoms = normal(50, 3, 3)
    frames = residue_frames(atoms)
    Rotations().check(frames)
    R = rotation(normal(3))
    torch.testing.assert_close(residue_frames(atoms @ R.mT + 7), R @ frames)
    to_c = torch.nn.functional.normalize(atoms[:, 2] - atoms[:, 1], dim=1)
    torch.testing.assert_close(frames[:, :, 0], to_c)
    seen = (frames.mT @ (atoms[:, 0] - atoms[:, 1])[..., None])[..., 0]
    assert (seen[:, 1] > 0).all() and (seen[:, 2].abs() < 1e-12).all()


def test_frames_need_three_atoms(unchecked):
    with pytest.raises(ValueError, match="on a line, got 2 of 2 threes that do"):
        residue_frames(torch.zeros(2, 3, 3))
    for wrong in (normal(2, 4, 3), normal(2, 2, 3), normal(2, 9)):
        with pytest.raises(ValueError, match=r"N, CA and C of every residue, shape \(..., 3, 3\), got"):
            residue_frames(wrong)
