"""Paths along geodesics, their exact marginal field, steps that stay on a manifold, and plans carried out in part."""

import math

import pytest
import torch

from course_utils.distributions import Empirical, GaussianMixture
from course_utils.losses import flow_matching_loss
from course_utils.manifolds import Rotations, Torus, rotation, rotation_vector, skew, wrap
from course_utils.paths import GaussianPath, GeodesicPath, marginal
from course_utils.simulators import euler_step, geodesic_step, receding_horizon, simulate

F64 = torch.float64
PI = math.pi
SPACES = [Torus(2), Torus(3, 2), Rotations()]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(space, n, seed=0):
    return space.draw(n, generator(seed), torch.empty(0, dtype=F64))


# the path


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_a_sample_lies_on_the_shortest_way(space):
    z, x0, t = drawn(space, 50), drawn(space, 50, seed=1), torch.rand(50, dtype=F64, generator=generator(2))
    sample = GeodesicPath(space).sample(z, t, x0)
    rest = 1 - t.reshape(-1, *[1] * (z.ndim - 1))
    torch.testing.assert_close(space.exp(sample.x, rest * sample.velocity), space.exp(z, 0 * z), atol=1e-12, rtol=0)
    torch.testing.assert_close(space.distance(x0, sample.x), t * space.distance(x0, z), atol=1e-12, rtol=0)
    assert sample.velocity.shape == z.shape and torch.equal(sample.noise, x0) and torch.equal(sample.z, z)
    ends = [GeodesicPath(space).sample(z, at, x0).x for at in (0.0, 1.0)]
    assert space.distance(ends[0], x0).max() < 1e-12 and space.distance(ends[1], z).max() < 1e-12


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_the_source_is_uniform_and_seeded(space):
    z = drawn(space, 5).float()
    sample = GeodesicPath(space).sample(z, 0.5, generator=generator(3))
    assert torch.equal(sample.noise, space.draw(5, generator(3), z)) and sample.x.dtype == torch.float32


def test_the_loss_takes_it_like_any_path():
    """The loss of the true velocity is 0, and that of none the mean square of the ways."""
    space = Torus(2)
    z, x0 = drawn(space, 50), drawn(space, 50, seed=1)
    options = {"path": GeodesicPath(space), "noise": x0, "generator": generator()}
    way = wrap(z - x0)
    assert flow_matching_loss(lambda x, t: way, z, **options) == 0
    torch.testing.assert_close(flow_matching_loss(lambda x, t: 0 * x, z, **options), way.square().sum(1).mean())


def test_path_bad_input(unchecked):
    path = GeodesicPath(Torus(2))
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="radians within -pi to pi"):
        path.sample(z + 57, 0.5)
    with pytest.raises(ValueError, match="equal shapes"):
        path.sample(z, 0.5, z[:2])
    with pytest.raises(ValueError, match="t runs from 0"):
        path.sample(z, 500)
    with pytest.raises(ValueError, match=r"states of shape \(..., 2\)"):
        path.sample(torch.zeros(3, 3), 0.5)
    with pytest.raises(ValueError, match="expected rotations"):
        GeodesicPath(Rotations()).sample(torch.zeros(3, 3, 3), 0.5)
    with pytest.raises(TypeError, match="no known score"):
        path.sample(z, 0.5).score  # noqa: B018
    assert repr(path) == "GeodesicPath(manifold=Torus(event_shape=(2,)))"


# the exact field


def by_loops(data, x, t):
    """Mean of the ways to the data in whose box x lies, over 1 - t; and the density of x."""
    ways = [[math.remainder(b - a, 2 * PI) for a, b in zip(x, z, strict=True)] for z in data.tolist()]
    inside = [way for way in ways if max(map(abs, way)) <= PI * (1 - t)]
    mean = [sum(column) / len(inside) / (1 - t) for column in zip(*inside, strict=True)]
    return mean, len(inside) / len(data) / (2 * PI * (1 - t)) ** len(x)


def test_the_field_against_loops():
    data, x = drawn(Torus(2), 40), drawn(Torus(2), 60, seed=1)
    exact = marginal(GeodesicPath(Torus(2)), Empirical(data))
    t = 0.6 * torch.rand(60, dtype=F64, generator=generator(2))
    velocity, density = exact.velocity(x, t), exact.log_prob(x, t).exp()
    for i in range(60):
        mean, p = by_loops(data, x[i].tolist(), t[i].item())
        torch.testing.assert_close(velocity[i], torch.tensor(mean, dtype=F64))
        assert density[i].item() == pytest.approx(p)
    torch.testing.assert_close(exact.velocity(x[:3], 0.25), exact.velocity(x[:3], torch.full((3,), 0.25, dtype=F64)))


def test_the_field_is_the_mean_velocity_of_those_who_pass():
    """Of 400,000 samples of the path, those that come near a place have its velocity in the mean: within 5 sigma."""
    space, source = Torus(2), generator()
    data = drawn(space, 8, seed=5)
    z = data[torch.randint(8, (400_000,), generator=source)]
    sample = GeodesicPath(space).sample(z, 0.6, drawn(space, 400_000, seed=3))
    exact = marginal(GeodesicPath(space), Empirical(data))
    for place in (sample.x[0], sample.x[1], torch.tensor([PI - 0.01, PI - 0.01], dtype=F64)):
        near = wrap(sample.x - place).abs().amax(1) < 0.05
        expected = exact.velocity(sample.x[near], 0.6).mean(0)
        error = sample.velocity[near].std(0) / near.sum().sqrt()
        assert near.sum() > 20 or exact.log_prob(place[None], 0.6).isinf()
        assert ((sample.velocity[near].mean(0) - expected).abs() <= 5 * error + 1e-12).all()


def test_the_field_leads_to_the_data_and_nowhere_else():
    """Lab 5's memorisation again; where steps have left every box, the nearest point is aimed at."""
    data, x = drawn(Torus(2), 100), drawn(Torus(2), 200, seed=1)
    exact = marginal(GeodesicPath(Torus(2)), Empirical(data))
    ends = simulate(exact.velocity, x, torch.linspace(0, 1, 101), geodesic_step(Torus(2))).end
    missed = Torus(2).distance(ends[:, None], data).amin(1)
    assert (missed < 1e-12).double().mean() > 0.9  # the others had two points in the last box, half as wide as PI / 50
    assert missed.max() < PI / 100
    far = wrap(data[:1] + torch.tensor([[0.5, 0.4]], dtype=F64))
    one = marginal(GeodesicPath(Torus(2)), Empirical(data[:1]))
    torch.testing.assert_close(one.velocity(far, 0.99), wrap(data[:1] - far) / 0.01)
    assert one.log_prob(far, 0.99) == -torch.inf


def test_the_density_of_many_angles_is_normalised():
    """Its mean against the uniform law on 20,000 points is 1, within 5 sigma; states may have any shape."""
    data = drawn(Torus(1, 2), 5)
    exact = marginal(GeodesicPath(Torus(1, 2)), Empirical(data))
    density = exact.log_prob(drawn(Torus(1, 2), 20_000, seed=1), 0.5).exp() * (2 * PI) ** 2
    assert abs(density.mean() - 1) < 5 * density.std() / math.sqrt(20_000)
    assert exact.velocity(data, 0.5).shape == (5, 1, 2)


def test_marginals_bad_input(unchecked):
    path, angles = GeodesicPath(Torus(2)), Empirical(torch.zeros(3, 2))
    for wrong in ((path, GaussianMixture()), (GeodesicPath(Rotations()), Empirical(torch.eye(3)[None]))):
        with pytest.raises(TypeError, match="closed form on a torus"):
            marginal(*wrong)
    with pytest.raises(TypeError, match="expected a GaussianPath, got"):
        marginal(Torus(2), angles)
    with pytest.raises(ValueError, match="radians within"):
        marginal(path, Empirical(torch.full((3, 2), 57.0)))
    exact = marginal(path, angles)
    for t in (1.0, torch.tensor([0.5, 1.0])):
        with pytest.raises(ValueError, match="expected times t < 1"):
            exact.velocity(torch.zeros(2, 2), t)
    with pytest.raises(ValueError, match="radians within"):
        exact.velocity(torch.full((2, 2), 57.0), 0.5)


# steps


def test_a_constant_turn_is_followed_exactly():
    v = skew(torch.randn(6, 3, dtype=F64, generator=generator()) / 2)
    R = drawn(Rotations(), 6)
    trajectory = simulate(lambda x, t: v, R, torch.linspace(0, 1, 8), geodesic_step(Rotations()))
    torch.testing.assert_close(Rotations().log(R, trajectory.end), v, atol=1e-12, rtol=0)


def test_steps_on_rotations_have_order_one_and_stay_rotations():
    """About an axis that itself turns about e_z at the speed 3: then R exp(3t e_z) is exp(t (v_0 + 3 e_z))."""

    def field(x, t):
        axis = torch.stack([torch.cos(3 * t), torch.sin(3 * t), 0 * t])
        return skew(2 * axis).expand_as(x)

    start = torch.eye(3, dtype=F64)[None]
    exact = rotation(torch.tensor([2.0, 0, 3], dtype=F64)) @ rotation(torch.tensor([0.0, 0, -3], dtype=F64))
    ends = [simulate(field, start, torch.linspace(0, 1, n + 1), geodesic_step(Rotations())).end for n in (40, 80)]
    errors = [rotation_vector(end.mT @ exact).norm().item() for end in ends]
    assert errors[0] < 0.05 and 1.9 < errors[0] / errors[1] < 2.1
    plain = simulate(lambda x, t: x @ field(x, t), start, torch.linspace(0, 1, 41), euler_step).end
    eye = torch.eye(3, dtype=F64)
    assert (ends[0].mT @ ends[0] - eye).abs().max() < 1e-13 < (plain.mT @ plain - eye).abs().max()


def test_a_step_on_the_torus_is_wrapped_euler():
    x = drawn(Torus(2), 20)

    def field(x, t):
        return 1 + x.sin() + t

    step = geodesic_step(Torus(2))
    torch.testing.assert_close(step(field, x, 0.5, 0.25), wrap(x + 0.25 * field(x, 0.5)))
    with pytest.raises(ValueError, match="radians within"):
        step(field, x + 57, 0.5, 0.25)


# receding horizon


def affine(seed=0):
    A, B = torch.randn(2, 3, 3, dtype=F64, generator=generator(seed))
    return (lambda x: torch.stack([x @ (A * (j + 1)).T + j for j in range(5)], 1)), (
        lambda x, a: 0.3 * x @ B.T + 0.1 * a
    )


@pytest.mark.parametrize(("k", "n"), [(1, 4), (3, 8), (5, 5), (5, 3), (2, 1)])
def test_k_actions_of_each_plan_are_carried_out(k, n):
    plan, step = affine()
    x = torch.randn(4, 3, dtype=F64, generator=generator(1))
    expected, now = [x], x
    while len(expected) <= n:
        actions = plan(now)
        for j in range(k):
            if len(expected) <= n:
                now = step(now, actions[:, j])
                expected.append(now)
    assert torch.equal(receding_horizon(plan, step, x, k, n), torch.stack(expected))


def test_a_plan_is_asked_for_no_more_often_than_needed():
    plan, step = affine()
    asked = []
    receding_horizon(lambda x: asked.append(1) or plan(x), step, torch.zeros(2, 3, dtype=F64), k=3, n=8)
    assert len(asked) == 3


def test_receding_horizon_bad_input(unchecked):
    plan, step = affine()
    x = torch.zeros(2, 3, dtype=F64)
    for k, n in ((0, 3), (2, 0)):
        with pytest.raises(ValueError, match=f"at least 1, got {k} and {n}"):
            receding_horizon(plan, step, x, k, n)
    with pytest.raises(ValueError, match="at least k = 6 actions, got 5"):
        receding_horizon(plan, step, x, 6, 8)
    with pytest.raises(ValueError, match=r"plans of shape \(2, H, action\), one a state, got \(1, 5, 3\)"):
        receding_horizon(lambda x: plan(x)[:1], step, x, 2, 8)
    lengths = iter((5, 4))
    with pytest.raises(ValueError, match="plans of 5 actions, as the first one has, got 4"):
        receding_horizon(lambda x: plan(x)[:, : next(lengths)], step, x, 2, 8)
    with pytest.raises(ValueError, match=r"keep the shape \(2, 3\), got \(2, 2\)"):
        receding_horizon(plan, lambda x, a: x[:, :2], x, 2, 8)


def test_rotations_by_their_vectors_are_the_same_path():
    """Against the geodesic written with scipy-like vectors: R_0 exp(t log(R_0^T R_1))."""
    z, x0 = drawn(Rotations(), 20), drawn(Rotations(), 20, seed=1)
    w = rotation_vector(x0.mT @ z)
    sample = GeodesicPath(Rotations()).sample(z, 0.3, x0)
    torch.testing.assert_close(sample.x, x0 @ rotation(0.3 * w), atol=1e-13, rtol=0)
    torch.testing.assert_close(sample.velocity, skew(w), atol=1e-13, rtol=0)


def test_a_gaussian_path_has_the_same_interface():
    sample = GaussianPath().sample(torch.zeros(2, 2), 0.5)
    other = GeodesicPath(Torus(2)).sample(torch.zeros(2, 2), 0.5)
    for name in ("x", "t", "z", "noise", "velocity"):
        assert type(getattr(sample, name)) is type(getattr(other, name))
