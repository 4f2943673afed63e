"""Exact flow maps against the flow itself, solved in many steps, and against what every flow map does."""

import pytest
import torch
from scipy import integrate, stats

from course_utils.distributions import Checkerboard, Empirical, GaussianMixture, PCAMixture
from course_utils.paths import GaussianPath, average_velocity, follow, marginal
from course_utils.schedules import Cosine, Linear, VarianceExploding, VariancePreserving
from tests.support.mixtures import in_principal_directions, normal

F64 = torch.float64
THREE = GaussianMixture(
    torch.tensor([[-2.0], [0.3], [1.8]], dtype=F64),
    torch.tensor([0.25, 0.4, 0.2], dtype=F64).square()[:, None, None],
    torch.tensor([0.3, 0.4, 0.3], dtype=F64),
)
"""The line's mixture of Lab 8."""
PLANE = GaussianMixture(torch.tensor([[1.0, -2.0]], dtype=F64), torch.tensor([[[1.0, 0.3], [0.3, 0.5]]], dtype=F64))
LOBES = GaussianMixture(
    torch.tensor([[-1.5, 0.0], [1.0, 1.0]], dtype=F64),
    torch.tensor([[[0.4, 0.1], [0.1, 0.2]], [[0.3, 0.0], [0.0, 0.6]]], dtype=F64),
    torch.tensor([0.3, 0.7], dtype=F64),
)
LINE = marginal(GaussianPath(), THREE)
SCHEDULES = {
    "linear": (Linear(), 0.0, 1.0),
    "cosine": (Cosine(), 0.0, 1.0),
    "preserving": (VariancePreserving(), 0.1, 0.95),
    "exploding": (VarianceExploding(0.1, 5.0), 0.0, 1.0),
}
schedules = pytest.mark.parametrize(("schedule", "first", "last"), SCHEDULES.values(), ids=SCHEDULES)


def solved(field, x, s, t):
    """The end of the flow, by SciPy's solver of order 8 with a tolerance of 1e-12."""

    def velocity(t, flat):
        return field(torch.from_numpy(flat).reshape(x.shape), min(t, 1.0)).flatten().numpy()

    way = integrate.solve_ivp(velocity, (s, t), x.flatten().numpy(), method="DOP853", rtol=1e-12, atol=1e-12)
    return torch.from_numpy(way.y[:, -1]).reshape(x.shape)


@schedules
@pytest.mark.parametrize("data", [PLANE, THREE], ids=["Gaussian", "line"])
def test_the_exact_map_is_where_the_flow_leads(schedule, first, last, data):
    """For every schedule, to 1e-10."""
    exact = marginal(GaussianPath(schedule), data)
    x = schedule.prior_std * normal(100, *data.event_shape)
    expected = solved(exact.velocity, x, first, last)
    torch.testing.assert_close(exact.flow_map(x, first, last), expected, rtol=0, atol=1e-10)


def test_the_map_of_the_line_is_exact_to_1e_10():
    x = normal(500)[:, None]
    ends = solved(LINE.velocity, x, 0.0, 1.0)
    assert (LINE.flow_map(x, 0.0, 1.0) - ends).abs().max() < 1e-10
    assert (LINE.flow_map(ends, 1.0, 0.0) - x).abs().max() < 1e-10


def test_the_map_of_the_line_keeps_the_distribution_function():
    """Against SciPy's, at several times; and the order, far out as well."""

    def cdf(x, t):
        return sum(w * stats.norm.cdf(x, t * m, ((t * s) ** 2 + (1 - t) ** 2) ** 0.5)
                   for w, m, s in zip((0.3, 0.4, 0.3), (-2, 0.3, 1.8), (0.25, 0.4, 0.2), strict=True))  # fmt: skip

    x = torch.linspace(-9, 9, 301, dtype=F64)[:, None]
    for s, t in [(0.0, 1.0), (0.3, 0.8), (0.9, 0.2)]:
        moved = LINE.flow_map(x, s, t)
        torch.testing.assert_close(torch.from_numpy(cdf(moved.numpy(), t)), torch.from_numpy(cdf(x.numpy(), s)))
        assert (moved.diff(dim=0) > 0).all()


@pytest.mark.parametrize("exact", [LINE, marginal(GaussianPath(Cosine()), PLANE)], ids=["line", "Gaussian"])
def test_there_and_back_and_in_two_parts(exact):
    x = 1.5 * normal(100, *exact.p_data.event_shape)
    s, m, t = torch.rand(3, 100, dtype=F64, generator=torch.Generator().manual_seed(1)).sort(0).values
    torch.testing.assert_close(exact.flow_map(exact.flow_map(x, s, t), t, s), x)
    torch.testing.assert_close(exact.flow_map(exact.flow_map(x, s, m), m, t), exact.flow_map(x, s, t))
    torch.testing.assert_close(exact.flow_map(x, s, s), x)
    one = exact.flow_map(x[3:4], s[3].item(), t[3].item())
    torch.testing.assert_close(exact.flow_map(x, s, t)[3:4], one)


@pytest.mark.parametrize("exact", [LINE, marginal(GaussianPath(Cosine()), PLANE)], ids=["line", "Gaussian"])
def test_its_derivatives_are_the_two_laws(exact):
    r"""$\partial_t X = u(X, t)$, and $(\partial_s + u \cdot \nabla) X = 0$, by forward mode to rounding."""
    x = normal(100, *exact.p_data.event_shape)
    s, t = torch.rand(2, 100, dtype=F64, generator=torch.Generator().manual_seed(1)).sort(0).values
    one = torch.ones_like(s)
    moved, rate = torch.func.jvp(lambda t: exact.flow_map(x, s, t), (t,), (one,))
    torch.testing.assert_close(rate, exact.velocity(moved, t))
    ride = torch.func.jvp(lambda x, s: exact.flow_map(x, s, t), (x, s), (exact.velocity(x, s), one))[1]
    torch.testing.assert_close(ride, torch.zeros_like(x), rtol=0, atol=1e-12)


def test_its_gradient_is_that_of_reverse_mode_too():
    x = normal(20, 1).requires_grad_()
    (slope,) = torch.autograd.grad(LINE.flow_map(x, 0.2, 0.9).sum(), x)
    p = [LINE.log_prob(y, t).exp() for y, t in ((x, 0.2), (LINE.flow_map(x, 0.2, 0.9), 0.9))]
    torch.testing.assert_close(slope[:, 0], p[0] / p[1])


def test_gaussians_of_one_direction_less():
    """A Gaussian without width in one direction: fine from noise, refused where there is no noise to go back to."""
    flat = GaussianMixture(torch.tensor([[1.0, 2.0]], dtype=F64), torch.tensor([[[4.0, 0.0], [0.0, 0.0]]], dtype=F64))
    one, zero = torch.tensor(1.0, dtype=F64), torch.tensor(0.0, dtype=F64)
    x = torch.tensor([[1.0, 5.0]], dtype=F64)
    torch.testing.assert_close(flat.flow_map(x, (zero, one), (one, zero)), torch.tensor([[3.0, 2.0]], dtype=F64))
    with pytest.raises(ValueError, match="no width"):
        flat.flow_map(x, (one, zero), (zero, one))
    points = GaussianMixture(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1, 1))
    with pytest.raises(ValueError, match="no width"):
        points.flow_map(torch.zeros(1, 1), (zero, one), (one, zero))


def test_the_type_of_the_states_is_kept():
    x = normal(50, 1)
    for exact in (LINE, marginal(GaussianPath(), THREE.to(torch.float32))):
        moved = exact.flow_map(x.float(), 0.1, 0.7)
        assert moved.dtype == torch.float32
        torch.testing.assert_close(moved.double(), LINE.flow_map(x, 0.1, 0.7), rtol=1e-5, atol=1e-5)
    assert LINE.flow_map(torch.tensor([[2], [0]]), 0, 1).dtype == torch.float32


def test_where_no_exact_map_is_known():
    with pytest.raises(ValueError, match="2 components in 2 dimensions"):
        marginal(GaussianPath(), LOBES).flow_map(normal(3, 2), 0.0, 1.0)
    for data in (Checkerboard(), Empirical(torch.zeros(2, 2))):
        with pytest.raises(TypeError, match="no flow_map is known"):
            marginal(GaussianPath(), data).flow_map(torch.zeros(3, 2), 0.0, 0.5)
    with pytest.raises(ValueError, match="t runs from 0"):
        LINE.flow_map(normal(3, 1), 0.0, 1.5)


# weights held


def test_held_weights_by_hand():
    """Component by component, by MultivariateNormal and matrix square roots of SciPy's."""
    from scipy.linalg import sqrtm

    x, s, t = normal(20, 2), 0.3, 0.8
    logs, maps = [], []
    for w, mean, cov in zip(LOBES.weights, LOBES.means, LOBES.covs, strict=True):
        before, after = ((a**2 * cov + (1 - a) ** 2 * torch.eye(2)).double() for a in (s, t))
        logs.append(w.log() + torch.distributions.MultivariateNormal(s * mean, before).log_prob(x))
        root = torch.from_numpy(sqrtm((after @ before.inverse()).numpy()).real)
        maps.append(t * mean + (x - s * mean) @ root.T)
    weights = torch.stack(logs).softmax(0)
    expected = (weights[..., None] * torch.stack(maps)).sum(0)
    torch.testing.assert_close(marginal(GaussianPath(), LOBES).held_map(x, s, t), expected)


@schedules
def test_held_weights_are_right_to_first_order(schedule, first, last):
    """Half the span, a quarter of the error; and exact for one Gaussian."""
    s = (first + last) / 2
    exact = marginal(GaussianPath(schedule), LOBES)
    x = normal(50, 2)
    errors = []
    for span in (0.02, 0.01):
        errors.append((exact.held_map(x, s, s + span) - solved(exact.velocity, x, s, s + span)).norm().item())
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)
    one = marginal(GaussianPath(schedule), PLANE)
    assert torch.equal(one.held_map(x, first, last), one.flow_map(x, first, last))


@pytest.mark.parametrize("t", [0.9, torch.tensor([0.4, 0.5, 0.6, 0.7, 0.9], dtype=F64)])
def test_held_weights_of_a_mixture_in_principal_directions(t):
    """The same as of the full mixture, and through labels."""
    mixture, full = in_principal_directions()
    x, y = normal(5, 1, 2, 3, seed=5), torch.tensor([0, 1, 1, 0, 1])
    ours, theirs = (marginal(GaussianPath(), data) for data in (mixture, full))
    torch.testing.assert_close(ours.held_map(x, 0.3, t), theirs.held_map(x, 0.3, t))
    both = marginal(GaussianPath(), {0: mixture, 1: full})
    torch.testing.assert_close(both.held_map(x, 0.3, t, y), theirs.held_map(x, 0.3, t))
    with pytest.raises(ValueError, match="expected one component"):
        ours.flow_map(x, 0.3, t)
    one = GaussianMixture(mixture.top.means[:1], mixture.top.covs[:1])
    single = PCAMixture(mixture.centre, mixture.basis, one, mixture.variances, 0.02)
    alone = GaussianMixture(full.means[:1].reshape(1, 1, 2, 3), full.covs[:1])
    torch.testing.assert_close(
        marginal(GaussianPath(), single).flow_map(x, 0.3, t), marginal(GaussianPath(), alone).flow_map(x, 0.3, t)
    )


def test_labels_choose_the_map():
    both = marginal(GaussianPath(), {0: THREE, None: GaussianMixture(torch.ones(1, 1, dtype=F64))})
    x, y = normal(6, 1), torch.tensor([0, 1, 0, 0, 1, 1])
    s, t = torch.rand(2, 6, dtype=F64, generator=torch.Generator().manual_seed(1)).sort(0).values
    expected = torch.where(y[:, None] == 0, LINE.flow_map(x, s, t), both.marginals[None].flow_map(x, s, t))
    assert torch.equal(both.flow_map(x, s, t, y), expected)


# average velocities


def test_the_average_velocity_is_the_mean_of_the_velocity_along_the_way():
    """By SciPy's quadrature along the exact way."""
    u = average_velocity(LINE.flow_map, LINE.velocity)
    x, s, t = torch.tensor([[0.4]], dtype=F64), 0.1, 0.9
    way = integrate.quad(lambda a: LINE.velocity(LINE.flow_map(x, s, a), a).item(), s, t, epsabs=1e-12)[0]
    assert u(x, s, t).item() == pytest.approx(way / (t - s), abs=1e-9)


def test_the_average_velocity_of_no_span_is_the_velocity():
    u = average_velocity(LINE.flow_map, LINE.velocity)
    x = normal(4, 1)
    t = torch.tensor([0.5, 0.5, 0.8, 0.5 + 1e-7], dtype=F64)
    got, now = u(x, torch.tensor(0.5, dtype=F64), t), LINE.velocity(x, 0.5)
    assert torch.equal(got[:2], now[:2])
    assert (got[2] - now[2]).abs() > 0.01
    assert (got[3] - now[3]).abs() < 1e-5
    single = u(x.float(), 0.5, 0.5 + 2.0**-20)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, now.float(), rtol=0, atol=1e-4)


def test_following_a_map():
    x, ts = normal(10, 1), torch.tensor([0.0, 0.3, 1.0], dtype=F64)
    torch.testing.assert_close(follow(LINE.flow_map, x, ts), LINE.flow_map(x, 0.0, 1.0))
    asked = []

    def told(x, s, t, *y):
        asked.append((s.item(), t.item(), *y))
        return x + t - s

    y = torch.zeros(10)
    torch.testing.assert_close(follow(told, x, ts, y), x + 1)
    assert [call[:2] for call in asked] == [(0.0, 0.3), (0.3, 1.0)] and all(call[2] is y for call in asked)
    with pytest.raises(ValueError, match="at least two times"):
        follow(told, x, ts[:1])
