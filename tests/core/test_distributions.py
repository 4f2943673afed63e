"""Densities against quadrature, samples against densities, posteriors against brute force."""

import functools
import math

import numpy as np
import pytest
import torch
from scipy import integrate
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal, Uniform

from course_utils.distributions import (
    Checkerboard,
    Circles,
    Empirical,
    GaussianMixture,
    Moons,
    PCAMixture,
    draw,
    score,
)
from course_utils.distributions.base import Noise
from course_utils.distributions.intervals import truncated_normal

F32, F64 = torch.float32, torch.float64
MEANS = torch.tensor([[-1.0, 2.0], [0.5, -0.5], [2.0, 1.0]], dtype=F64)
COVS = torch.tensor([[[1.0, 0.3], [0.3, 0.5]], [[0.2, -0.1], [-0.1, 0.4]], [[0.5, 0.0], [0.0, 0.8]]], dtype=F64)
WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=F64)
PLANE = {
    "checkerboard": Checkerboard(),
    "checkerboard 6": Checkerboard(squares=6, half_width=3.0),
    "circles": Circles(),
    "circle": Circles(radii=(2.5,), width=0.4),
    "moons": Moons(),
    "moons wide": Moons(radius=1.5, width=0.5),
    "mixture": GaussianMixture(),
    "mixture 3": GaussianMixture(MEANS, COVS, WEIGHTS),
}
plane = pytest.mark.parametrize("dist", PLANE.values(), ids=PLANE)


@functools.cache
def on_grid(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Midpoints of 130 x 130 cells over [-6.5, 6.5]^2, shape (cells, 2), and the mass of each."""
    side = (torch.arange(130, dtype=F64) + 0.5) / 10 - 6.5
    cells = torch.cartesian_prod(side, side)
    return cells, PLANE[name].log_prob(cells).exp() / 10**2


# densities and samples in the plane


@pytest.mark.parametrize("name", PLANE)
def test_density_integrates_to_one(name):
    assert on_grid(name)[1].sum().item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", PLANE)
def test_samples_follow_the_density(name, generator):
    """Means of functions of 20,000 samples against their integrals over the density."""
    functions = [lambda x: x[:, 0], lambda x: x[:, 1], lambda x: x[:, 0] * x[:, 1], lambda x: x[:, 0] ** 2]
    functions += [lambda x: x[:, 1] ** 2, lambda x: (3 * x[:, 0]).sin() * x[:, 1].cos(), lambda x: x.norm(dim=1)]
    functions += [lambda x: ((x[:, 0] > 0.5) & (x[:, 1] < 1)).to(x), lambda x: (x[:, 0] + x[:, 1]).sin()]
    cells, p = on_grid(name)
    samples = draw(PLANE[name], 20_000, generator)
    for f in functions:
        mean = (p * f(cells)).sum()
        std = (p * (f(cells) - mean) ** 2).sum().sqrt()
        assert abs(f(samples).mean() - mean) < 5 * std / math.sqrt(len(samples)) + 1e-3  # the error of the sum


@plane
@pytest.mark.parametrize("dtype", [F32, F64])
def test_density_has_the_shape_and_dtype_of_the_states(dist, dtype):
    x = draw(dist, 6).to(dtype)
    assert dist.event_shape == (2,) and dist.batch_shape == ()
    assert dist.log_prob(x).shape == (6,) and dist.log_prob(x).dtype == dtype


@plane
def test_sample_shapes(dist):
    assert dist.sample().shape == (2,)
    assert dist.sample((3,)).shape == (3, 2)
    assert dist.sample((3, 4)).shape == (3, 4, 2)


def test_checkerboard_has_dark_corners_and_no_mass_elsewhere(generator):
    """The square in the lower left corner is dark; every second one after it."""
    board = Checkerboard()
    centres = torch.cartesian_prod(*[torch.tensor([-3.0, -1.0, 1.0, 3.0])] * 2)
    dark = torch.tensor([[True, False] * 2, [False, True] * 2] * 2).flatten()
    assert torch.equal(board.contains(centres), dark)
    assert torch.equal(board.log_prob(centres).exp(), dark / 32)
    outside = torch.tensor([[-5.0, -3.0], [5.0, 5.0], [1.0, 4.5], [-4.5, 1.0]])
    assert not board.contains(outside).any() and (board.log_prob(outside) == -math.inf).all()
    x = draw(board, 20_000, generator)
    assert board.contains(x).all()
    counts = torch.histogramdd(x, bins=[4, 4], range=[-4.0, 4, -4, 4]).hist.flatten()[dark]
    assert ((counts - 2500).abs() < 5 * math.sqrt(20_000 / 8 * 7 / 8)).all()


def test_circles_in_float32_far_from_the_rings():
    """No underflow: the log density falls as -(r - ring)^2 / 2 width^2, and its score stays finite."""
    x = torch.tensor([[0.01, 0.0], [0.0, 2.0], [30.0, 40.0]], requires_grad=True)
    log_p = Circles().log_prob(x)
    r = x.detach().double().norm(dim=1)
    nearest = torch.tensor([1.5, 1.5, 3.0], dtype=F64)
    expected = -((r - nearest) ** 2) / 0.02 - (2 * 2 * math.pi * r * 0.1 * math.sqrt(2 * math.pi)).log()
    torch.testing.assert_close(log_p[1:].double(), expected[1:], rtol=1e-5, atol=1e-5)
    assert log_p.isfinite().all() and score(Circles(), x).isfinite().all()


@pytest.mark.parametrize("width", [0.05, 0.7])
def test_wide_rings_keep_their_mass(width):
    """A radius drawn below 0 lands on the other side of the centre."""
    ring = Circles(radii=(0.8,), width=width)

    def density(r):
        return ring.log_prob(torch.tensor([[0.0, r]], dtype=F64)).exp().item() * 2 * math.pi * r

    assert integrate.quad(density, 0, 9, points=[0.8], limit=200)[0] == pytest.approx(1, rel=1e-7)


def test_moons_density_against_quadrature():
    moons = Moons()
    for x, y in [(0.9, -0.4), (-1.0, 1.5), (3.0, 0.0), (0.0, 0.0)]:

        def density(angle, x=x, y=y):
            a, b = 2 * math.cos(angle), 2 * math.sin(angle)
            squares = [(x - a + 1) ** 2 + (y - b + 0.5) ** 2, (x - 1 + a) ** 2 + (y - 0.5 + b) ** 2]
            return sum(math.exp(-s / 2 / 0.15**2) for s in squares) / (2 * math.pi * 0.15**2) / 2 / math.pi

        expected, _ = integrate.quad(density, 0, math.pi, epsabs=0, epsrel=1e-10, limit=200)
        log_p = moons.log_prob(torch.tensor([[x, y]], dtype=F64)).item()
        assert log_p == pytest.approx(math.log(expected), rel=1e-6)


# draw and score


TORCH = [
    MultivariateNormal(torch.zeros(2), torch.eye(2)),
    Independent(Normal(torch.zeros(1, 4, 4), 1.0), 3),
    MixtureSameFamily(Categorical(torch.ones(3)), MultivariateNormal(MEANS, COVS)),
]
OURS = [*PLANE.values(), Empirical(torch.randn(50, 3, generator=torch.Generator().manual_seed(2)))]


@pytest.mark.parametrize("dist", OURS + TORCH, ids=lambda dist: type(dist).__name__)
def test_a_generator_makes_draws_reproducible(dist):
    first, again, other = (draw(dist, 9, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert first.shape == (9, *dist.event_shape)
    assert torch.equal(first, again) and not torch.equal(first, other)
    generator = torch.Generator().manual_seed(3)
    assert not torch.equal(draw(dist, 9, generator), draw(dist, 9, generator))


@pytest.mark.parametrize("dist", OURS + TORCH, ids=lambda dist: type(dist).__name__)
def test_draw_leaves_the_global_generator_alone(dist, generator):
    before = torch.get_rng_state()
    draw(dist, 9, generator)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dist", OURS + TORCH, ids=lambda dist: type(dist).__name__)
def test_without_a_generator_the_global_one_counts(dist):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first, second = draw(dist, 9), draw(dist, 9)
        torch.manual_seed(5)
        assert torch.equal(draw(dist, 9), first) and not torch.equal(first, second)


@pytest.mark.parametrize("n", [0, -1])
def test_draw_refuses_less_than_one(n):
    for dist in (Moons(), TORCH[0]):
        with pytest.raises(ValueError, match=f"at least 1 sample, got n = {n}"):
            draw(dist, n)


def test_score_of_a_torch_distribution():
    """-cov^-1 (x - mean), also under no_grad; differentiable where x is."""
    cov, mean = COVS[0], MEANS[0]
    dist, x = MultivariateNormal(mean, cov), torch.randn(7, 2, dtype=F64, generator=torch.Generator().manual_seed(0))
    expected = -(x - mean) @ cov.inverse()
    torch.testing.assert_close(score(dist, x), expected)
    with torch.no_grad():
        torch.testing.assert_close(score(dist, x), expected)
    assert not score(dist, x).requires_grad and not x.requires_grad
    (row,) = torch.autograd.grad(score(dist, x.requires_grad_())[:, 0].sum(), x)
    torch.testing.assert_close(row, -cov.inverse()[0].expand(7, 2))


@pytest.mark.parametrize("dist", [Circles(), Moons(), PLANE["mixture"], PLANE["mixture 3"]])
def test_score_is_the_gradient_of_the_log_density(dist):
    """Central differences of log_prob, h = 1e-5."""
    x, h = 2 * torch.randn(20, 2, dtype=F64, generator=torch.Generator().manual_seed(0)), 1e-5
    steps = h * torch.eye(2, dtype=F64)
    differences = [(dist.log_prob(x + step) - dist.log_prob(x - step)) / (2 * h) for step in steps]
    torch.testing.assert_close(score(dist, x), torch.stack(differences, dim=1), rtol=1e-5, atol=1e-5)


def test_a_constant_density_has_no_score():
    for dist in (Checkerboard(), Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)):
        with pytest.raises(TypeError, match=f"{type(dist).__name__} has no score"):
            score(dist, torch.full((3, 2), 0.5))


# Gaussian mixtures


def test_mixture_against_torch(generator):
    ours, x = GaussianMixture(MEANS, COVS, 10 * WEIGHTS), 4 * torch.randn(40, 2, dtype=F64, generator=generator)
    theirs = MixtureSameFamily(Categorical(WEIGHTS), MultivariateNormal(MEANS, COVS))
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x))
    torch.testing.assert_close(ours.score(x), score(theirs, x))
    torch.testing.assert_close(ours.mean, theirs.mean)
    torch.testing.assert_close(ours.log_prob(x.float()).double(), theirs.log_prob(x), rtol=1e-4, atol=1e-4)


def test_default_mixture():
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    lobes = [MultivariateNormal(torch.tensor([a, 0.0]), 0.25 * torch.eye(2)).log_prob(x).exp() / 2 for a in (-2.0, 2.0)]
    torch.testing.assert_close(GaussianMixture().log_prob(x).exp(), sum(lobes))


@pytest.mark.parametrize("event", [(1,), (2,), (1, 28, 28), (3, 4, 5)])
@pytest.mark.parametrize(("dtype", "rtol"), [(F32, 1e-4), (F64, 1e-10)])
def test_gaussian_of_any_event_shape(event, dtype, rtol, generator):
    """Density, score, and mean and variance of samples along one direction."""
    d = math.prod(event)
    factor = torch.randn(d, d, dtype=F64, generator=generator) / math.sqrt(d)
    cov, mean = factor @ factor.T + torch.eye(d, dtype=F64), torch.randn(1, *event, dtype=F64, generator=generator)
    dist, exact = GaussianMixture(mean.to(dtype), cov[None].to(dtype)), MultivariateNormal(mean.flatten(), cov)
    x = torch.randn(5, *event, dtype=F64, generator=generator)
    log_p = dist.log_prob(x.to(dtype))
    assert log_p.dtype == dtype
    torch.testing.assert_close(log_p.double(), exact.log_prob(x.flatten(1)), rtol=rtol, atol=10 * rtol)
    expected = score(exact, x.flatten(1)).reshape(x.shape)
    torch.testing.assert_close(dist.score(x.to(dtype)).double(), expected, rtol=10 * rtol, atol=10 * rtol)

    n, direction = 4000, torch.randn(d, dtype=F64, generator=generator)
    z = draw(dist, n, generator)
    assert z.shape == (n, *event) and z.dtype == dtype
    projected, variance = z.double().flatten(1) @ direction, direction @ cov @ direction
    assert abs(projected.mean() - mean.flatten() @ direction) < 5 * (variance / n).sqrt()
    assert abs(projected.var() - variance) < 5 * variance * math.sqrt(2 / n)


def test_mixture_chooses_components_by_weight(generator):
    dist, n = GaussianMixture(torch.tensor([[-50.0], [0.0], [50.0]]), weights=torch.tensor([1.0, 5.0, 2.0])), 8000
    z = draw(dist, n, generator)
    for low, high, p in [(-99, -25, 1 / 8), (-25, 25, 5 / 8), (25, 99, 2 / 8)]:
        share = ((z > low) & (z < high)).double().mean()
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / n)


def test_gaussian_without_width_in_a_direction(generator):
    flat = GaussianMixture(torch.tensor([[1.0, 2.0]]), torch.diag(torch.tensor([4.0, 0.0]))[None])
    z = draw(flat, 500, generator)
    assert (z[:, 1] == 2).all() and 1.5 < z[:, 0].std() < 2.5
    assert flat.singular and not GaussianMixture().singular


EYE = torch.eye(2)[None]
MIXTURES = {
    "means of shape": (torch.zeros(2), None, None),
    "means of shape (components": (torch.zeros(0, 2), None, None),
    "covs of shape (1, 2, 2), got (2, 2)": (torch.zeros(1, 2), torch.eye(2), None),
    "covs of shape (1, 2, 2), got (1, 3, 3)": (torch.zeros(1, 2), torch.eye(3)[None], None),
    "symmetric covs": (torch.zeros(1, 2), torch.tensor([[[1.0, 0.5], [0.0, 1.0]]]), None),
    "positive semi-definite covs, got an eigenvalue -1": (torch.zeros(1, 2), -EYE, None),
    "1 non-negative weights with a positive sum, got [-1.0]": (torch.zeros(1, 2), EYE, -torch.ones(1)),
    "1 non-negative weights with a positive sum, got [0.0]": (torch.zeros(1, 2), EYE, torch.zeros(1)),
    "1 non-negative weights with a positive sum, got [0.5, 0.5]": (torch.zeros(1, 2), EYE, torch.full((2,), 0.5)),
    "1 non-negative weights with a positive sum, got [nan]": (torch.zeros(1, 2), EYE, torch.tensor([math.nan])),
}


@pytest.mark.parametrize("message", MIXTURES)
def test_bad_mixtures_are_refused(message, unchecked):
    with pytest.raises(ValueError) as refused:
        GaussianMixture(*MIXTURES[message])
    assert f"expected {message}" in str(refused.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Checkerboard(squares=3),
        lambda: Checkerboard(squares=0),
        lambda: Checkerboard(half_width=0.0),
        lambda: Checkerboard(half_width=-1.0),
        lambda: Circles(radii=()),
        lambda: Circles(radii=(1.0, -1.0)),
        lambda: Circles(width=0.0),
        lambda: Moons(radius=0.0),
        lambda: Moons(width=-0.1),
    ],
)
def test_bad_toys_are_refused(make):
    with pytest.raises(ValueError, match="expected .*, got "):
        make()


# data sets


def test_empirical_draws_every_point_equally_often(generator):
    data, n = torch.arange(8.0).reshape(8, 1), 16_000
    counts = draw(Empirical(data), n, generator).flatten().long().bincount(minlength=8)
    assert len(counts) == 8 and ((counts - 2000).abs() < 5 * math.sqrt(n / 8 * 7 / 8)).all()


def test_empirical_given_a_label():
    data, labels = torch.arange(6.0).reshape(6, 1), torch.tensor([0, 2, 0, 5, 2, 2])
    given = Empirical(data, labels).given(2)
    assert given.data.flatten().tolist() == [1, 4, 5] and given.labels.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match=r"one of the labels \[0, 2, 5\], got 1"):
        Empirical(data, labels).given(1)
    with pytest.raises(ValueError, match="with labels"):
        Empirical(data).given(0)


def test_bad_data_sets_are_refused(unchecked):
    with pytest.raises(ValueError, match="at least one data point"):
        Empirical(torch.zeros(0, 2))
    for shape in [(3,), (4, 1)]:
        with pytest.raises(ValueError, match="expected 4 labels, one a data point, got shape"):
            Empirical(torch.zeros(4, 2), torch.zeros(shape, dtype=torch.long))


@pytest.mark.parametrize(("dtype", "tol"), [(F32, 1e-4), (F64, 1e-12)])
def test_empirical_posterior_against_a_loop(dtype, tol, generator):
    data, x = torch.randn(7, 2, 3, generator=generator), torch.randn(5, 2, 3, generator=generator)
    alpha, beta = torch.linspace(0.1, 0.9, 5)[:, None, None], torch.linspace(0.9, 0.1, 5)[:, None, None]
    dist = Empirical(data.to(dtype))
    seen = x.to(dtype), alpha.to(dtype), beta.to(dtype)
    found = [dist.weights(*seen), dist.noisy_log_prob(*seen), *dist.posterior(*seen)]
    for b in range(5):
        a, s = alpha[b].item(), beta[b].item()
        p = [math.exp(Normal(a * z.double(), s).log_prob(x[b].double()).sum()) / 7 for z in data]
        mean = sum(p_i * z.double() for p_i, z in zip(p, data, strict=True)) / sum(p)
        p = torch.tensor(p, dtype=F64)
        expected = [p / p.sum(), p.sum().log(), mean, (x[b] - a * mean) / s]
        for value, right in zip(found, expected, strict=True):
            torch.testing.assert_close(value[b].double(), right.double(), rtol=tol, atol=tol)


# the checkerboard under noise


def normal_cut_by_quadrature(centre: float, half: float) -> tuple[float, float, float]:
    """Log mean density, mean and mean place of a standard normal on an interval, in units of the end nearer to 0."""
    m = abs(centre)
    near, far = m - half, m + half
    if near > 0:  # n = near + y / near: the density falls like exp(-y)
        start, stop, scale, peak = 0.0, min(2 * half * near, 45.0), near, near
    else:
        start, stop, scale, peak = 0.0, min(far, 12.0) - max(near, -12.0), 1.0, 0.0
    first = near if near > 0 else max(near, -12.0)

    def weight(y):
        n = first + y / scale
        return math.exp(-(y / scale) * (n + near) / 2 if near > 0 else -n * n / 2)

    def integral(f):
        return integrate.quad(lambda y: f(y) * weight(y), start, stop, epsabs=0, epsrel=1e-13, limit=200)[0] / scale

    mass = integral(lambda y: 1.0)
    gap = integral(lambda y: (first - near) + y / scale) / mass  # of the mean from the near end
    sign = -1 if centre < 0 else 1
    log_density = math.log(mass / (2 * half)) - peak**2 / 2 - math.log(2 * math.pi) / 2
    return log_density, sign * (near + gap), sign * (gap / half - 1)


HALVES = [1e-12, 1e-6, 1e-3, 0.03, 0.3, 0.7, 1.0, 3.0, 20.0, 1e3]


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize(("dtype", "tol"), [(F64, 1e-9), (F32, 3e-4)])
@pytest.mark.parametrize("half", HALVES)
def test_truncated_normal(half, dtype, tol):
    for centre in [0.0, 0.2, -0.9, 1.1, 3.3, -5.0, 12.0, -50.0]:
        value = truncated_normal(torch.tensor(centre, dtype=dtype), torch.tensor(half, dtype=dtype))
        for got, expected in zip(value, normal_cut_by_quadrature(centre, half), strict=True):
            assert got.dtype == dtype
            assert got.item() == pytest.approx(expected, rel=tol, abs=tol)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_truncated_normal_in_the_far_tail(dtype):
    """Beyond near end a = 49,000: log mass = -a^2/2 - log(a sqrt(2 pi)), mean = a + 1/a, both to order 1/a^2."""
    log_density, mean, place = truncated_normal(torch.tensor(-5e4, dtype=dtype), torch.tensor(1e3, dtype=dtype))
    a = 49_000.0
    expected = -(a**2) / 2 - math.log(a * math.sqrt(2 * math.pi)) - math.log(2e3)
    rtol = 1e-12 if dtype == F64 else 1e-6
    assert log_density.item() == pytest.approx(expected, rel=rtol)
    assert mean.item() == pytest.approx(-a - 1 / a, rel=rtol)
    assert place.item() == pytest.approx(1 - 1e-3 / a, rel=10 * rtol)


def test_truncated_normal_is_differentiable_everywhere():
    """The slope of the log density is minus the mean, that of the mean agrees with differences: no NaN, no kinks."""
    halves = torch.tensor([0.0, 1e-12, 1e-3, 0.5, 1.0, 2.0, 1e3], dtype=F64)[:, None]
    for dtype, far in ((F32, 40.0), (F64, 5e4)):
        half = halves.to(dtype)
        centre = torch.cat([torch.tensor([0.0, 1e-9, 0.3, -7.0, far]).expand(7, 5), half, -half], 1).to(dtype)
        centre.requires_grad_()
        log_density, mean, place = truncated_normal(centre, half)
        (pull,) = torch.autograd.grad(log_density.sum(), centre, retain_graph=True)
        torch.testing.assert_close(pull, -mean, rtol=1e-5, atol=1e-5)
        for value in (mean, place):
            (slope,) = torch.autograd.grad(value.sum(), centre, retain_graph=True)
            assert slope.isfinite().all()
    (slope,) = torch.autograd.grad(mean.sum(), centre)
    h = 1e-4
    centre = centre.detach()
    differences = (truncated_normal(centre + h, halves)[1] - truncated_normal(centre - h, halves)[1]) / (2 * h)
    torch.testing.assert_close(slope, differences, rtol=1e-5, atol=1e-5)


def board_by_loop(board: Checkerboard, x: list[float], alpha: float, beta: float) -> tuple:
    """log p(x), E[z | x], E[noise | x] by a loop over dark squares, each factor by quadrature."""
    side, dark = board.side, []
    for column in range(board.squares):
        for row in range(column % 2, board.squares, 2):
            middle = [-board.half_width + (k + 0.5) * side for k in (column, row)]
            cut = [
                normal_cut_by_quadrature((v - alpha * m) / beta, alpha * side / 2 / beta)
                for v, m in zip(x, middle, strict=True)
            ]
            noise = [cut[0][1], cut[1][1]]
            z = [m - side / 2 * c[2] for m, c in zip(middle, cut, strict=True)]
            dark.append((cut[0][0] + cut[1][0] - 2 * math.log(beta), *z, *noise))
    log_p, values = np.array([row[0] for row in dark]), np.array([row[1:] for row in dark])
    weights = np.exp(log_p - log_p.max())
    mean = weights @ values / weights.sum()
    return log_p.max() + math.log(weights.sum() / len(dark)), mean[:2], mean[2:]


STATES = [[0.3, -0.2], [1.0, 1.0], [-3.9, 2.1], [0.0, 0.0], [4.3, -4.1], [6.0, 0.5]]


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize(("dtype", "tol"), [(F64, 1e-9), (F32, 2e-4)])
@pytest.mark.parametrize(
    ("alpha", "beta"),
    [(1e-12, 1.0), (1e-6, 1 - 1e-6), (1e-3, 0.999), (0.1, 0.9), (0.5, 0.5), (0.8, 0.6), (0.99, 0.01), (0.999, 1e-3)],
)
def test_board_posterior_against_a_loop_of_quadratures(alpha, beta, dtype, tol):
    board, states = Checkerboard(), STATES + [[50.0, -50.0]] * (dtype == F64)
    x = torch.tensor(states, dtype=dtype)
    seen = x, torch.tensor(alpha, dtype=dtype), torch.tensor(beta, dtype=dtype)
    found = [board.noisy_log_prob(*seen), *board.posterior(*seen)]
    for i in range(len(states)):
        expected = board_by_loop(board, x[i].tolist(), alpha, beta)
        for value, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(value[i].double(), right, rtol=tol, atol=tol)


@pytest.mark.parametrize("t", [0.0, 1e-9, 0.2, 0.6, 0.85])
@pytest.mark.parametrize("board", [Checkerboard(), Checkerboard(squares=2, half_width=1.5)])
def test_board_posterior_against_quadrature_over_the_plane(board, t):
    """Gauss–Legendre with 48 x 48 nodes on every square, weighted by the board's own density: nothing separable."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    side = np.concatenate([nodes + 2 * k for k in range(board.squares)]) * board.side / 2 + board.side / 2
    axis = torch.from_numpy(side - board.half_width)
    axis_weights = torch.from_numpy(np.tile(weights * board.side / 2, board.squares))
    z, w = torch.cartesian_prod(axis, axis), torch.cartesian_prod(axis_weights, axis_weights).prod(1)
    w = w * board.log_prob(z).exp()
    assert w.sum().item() == pytest.approx(1, rel=1e-12)
    x = torch.tensor(STATES[:5], dtype=F64)
    seen = x, torch.tensor(t, dtype=F64), torch.tensor(1 - t, dtype=F64)
    known = board.posterior(*seen)
    noise = (x[:, None] - t * z) / (1 - t)
    joint = w * (-(noise**2).sum(-1) / 2).exp() / (2 * math.pi * (1 - t) ** 2)
    p = joint.sum(1)
    torch.testing.assert_close(board.noisy_log_prob(*seen), p.log(), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(known.data, joint @ z / p[:, None], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(known.noise, torch.einsum("bn,bnd->bd", joint, noise) / p[:, None], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_board_posterior_without_data_is_the_prior(dtype):
    x = torch.tensor(STATES + [[50.0, 50.0]], dtype=dtype)
    seen = x, torch.tensor(0.0, dtype=dtype), torch.tensor(1.0, dtype=dtype)
    known = Checkerboard().posterior(*seen)
    torch.testing.assert_close(Checkerboard().noisy_log_prob(*seen), -(x**2).sum(1) / 2 - math.log(2 * math.pi))
    torch.testing.assert_close(known.data, torch.zeros_like(x), rtol=0, atol=1e-6)
    torch.testing.assert_close(known.noise, x)


@pytest.mark.parametrize("beta", [1e-3, 1e-6])
def test_board_posterior_as_noise_vanishes(beta):
    """Inside a dark square z is x / alpha and the noise 0; beside a single edge at distance d, see the normal tail."""
    board, alpha = Checkerboard(), torch.tensor(1 - beta, dtype=F64)
    x = torch.tensor([[1.0, 1.0], [-2.7, 1.4 - 4], [5.0, 3.0]], dtype=F64)
    seen = x, alpha, torch.tensor(beta, dtype=F64)
    known, log_prob = board.posterior(*seen), board.noisy_log_prob(*seen)
    torch.testing.assert_close(known.noise[:2], torch.zeros(2, 2, dtype=F64), rtol=0, atol=1e-12)
    torch.testing.assert_close(known.data[:2], x[:2] / alpha, rtol=1e-12, atol=0)
    torch.testing.assert_close(log_prob[:2], torch.full((2,), -math.log(32), dtype=F64) - 2 * alpha.log())
    a = (5 - 4 * alpha.item()) / beta
    assert known.noise[2, 0].item() == pytest.approx(a + 1 / a, rel=1e-9)
    assert known.data[2, 0].item() == pytest.approx(4, abs=beta)
    assert known.noise[2, 1].item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_board_posterior_takes_a_time_of_each_state(dtype):
    x = torch.tensor(STATES, dtype=dtype)
    alpha = torch.tensor([0.0, 1e-6, 0.1, 0.5, 0.9, 0.999], dtype=dtype)[:, None]
    board = Checkerboard()
    known = lambda *seen: (board.noisy_log_prob(*seen), *board.posterior(*seen))  # noqa: E731
    together = known(x, alpha, 1 - alpha)
    for i in range(len(x)):
        alone = known(x[i : i + 1], alpha[i, 0], 1 - alpha[i, 0])
        for value, expected in zip(together, alone, strict=True):
            assert value.dtype == dtype
            torch.testing.assert_close(value[i], expected[0])


# samples of every shape


IMAGES = torch.randn(60, 1, 2, 3, generator=torch.Generator().manual_seed(3))
EVERY = {
    **PLANE,
    "mixture 1D": GaussianMixture(torch.tensor([[-1.0], [1.0]])),
    "mixture of images": GaussianMixture(IMAGES[:3]),
    "PCA mixture": PCAMixture.fit(IMAGES, 2, 3, generator=torch.Generator().manual_seed(4)),
    "data set": Empirical(IMAGES, torch.arange(60) % 3),
}
WITH_DENSITY = {name: dist for name, dist in EVERY.items() if name != "data set"}
every = pytest.mark.parametrize("dist", EVERY.values(), ids=EVERY)
every_with_density = pytest.mark.parametrize("dist", WITH_DENSITY.values(), ids=WITH_DENSITY)


@every
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3)])
def test_samples_of_every_shape(dist, shape):
    assert dist.sample(shape).shape == (*shape, *dist.event_shape)
    assert dist.sample(torch.Size(shape)).shape == (*shape, *dist.event_shape)


@every_with_density
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (2, 1, 3), (0,)])
def test_densities_and_scores_of_samples_of_every_shape(dist, shape, generator):
    """Those of the points one by one."""
    n = math.prod(shape)
    points = draw(dist, max(1, n), generator)[:n].double()
    x = points.reshape(*shape, *dist.event_shape)
    log_p = dist.log_prob(x)
    assert log_p.shape == shape and log_p.dtype == F64
    each = [dist.log_prob(point[None])[0] for point in points]
    torch.testing.assert_close(log_p.flatten(), torch.stack(each) if each else log_p.flatten())
    if not isinstance(dist, Checkerboard):
        assert score(dist, x).shape == x.shape
        each = [score(dist, point[None])[0] for point in points]
        torch.testing.assert_close(score(dist, x).reshape(points.shape), torch.stack(each) if each else points)


@pytest.mark.parametrize("shape", [(), (3,), (2, 4)])
def test_the_board_knows_samples_of_every_shape(shape, generator):
    board = Checkerboard()
    assert board.contains(board.sample(shape)).all() and board.contains(board.sample(shape)).shape == shape


def other_shapes(event):
    """Points whose last dimensions are not an event."""
    yield (5, *event[:-1], event[-1] + 1)
    yield (*event[:-1], event[-1] + 1)
    yield ()
    yield (event[-1] + 1, *event[1:])
    if len(event) > 1:
        yield (5, event[-1])


@every_with_density
def test_points_of_another_event_shape_are_refused(dist):
    shown = ", ".join(["...", *map(str, dist.event_shape)])
    for shape in other_shapes(tuple(dist.event_shape)):
        for ask in (dist.log_prob, getattr(dist, "contains", dist.log_prob), lambda x: score(dist, x)):
            with pytest.raises(ValueError) as refused:
                ask(torch.zeros(shape))
            expected = f"expected points of shape ({shown}) for {type(dist).__name__}("
            assert str(refused.value).startswith(expected) and str(refused.value).endswith(f", got {shape}")


@pytest.mark.parametrize("name", [name for name, dist in EVERY.items() if hasattr(dist, "posterior")])
def test_noisy_states_of_another_event_shape_are_refused(name):
    dist = EVERY[name]
    half, shown = torch.tensor(0.5), ", ".join(["batch", *map(str, dist.event_shape)])
    asks = [dist.posterior, dist.noisy_log_prob, *([dist.weights] if isinstance(dist, Empirical) else [])]
    for shape in [*other_shapes(tuple(dist.event_shape)), tuple(dist.event_shape), (2, 3, *dist.event_shape)]:
        for ask in asks:
            with pytest.raises(ValueError) as refused:
                ask(torch.zeros(shape), half, half)
            assert str(refused.value) == f"expected states of shape ({shown}), got {shape}"


def test_a_data_set_has_no_density():
    with pytest.raises(NotImplementedError, match="Empirical has no density"):
        Empirical(IMAGES).log_prob(IMAGES)


# another precision, another device


@every
def test_in_another_precision_all_but_labels_moves(dist, generator):
    moved = dist.to(F64)
    z = draw(moved, 7, generator)
    assert z.dtype == F64
    if not isinstance(dist, Empirical):
        assert not torch.equal(z, z.float().double())  # with all digits, not those of float32
        assert moved.log_prob(z).dtype == F64
    for name, value in vars(dist).items():
        if isinstance(value, torch.Tensor):
            floats = value.is_floating_point()
            assert getattr(moved, name).dtype == (F64 if floats else value.dtype)
    assert moved.to(F32).sample((3,)).dtype == F32


def test_labels_stay_whole_numbers():
    moved = EVERY["data set"].to(F64)
    assert moved.labels.dtype == torch.int64 and moved.data.dtype == F64
    assert moved.given(1).sample().dtype == F64


@every
def test_to_whole_numbers_is_refused(dist):
    with pytest.raises(ValueError, match="expected a float type, got torch.int64"):
        dist.to(torch.int64)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_noise_has_all_digits_of_its_type(dtype, generator):
    """In float64, more than float32 can hold."""
    noise = Noise(generator, torch.empty(0, dtype=dtype))
    for drawn in (noise.uniform(50), noise.normal(5, 10).flatten()):
        assert drawn.dtype == dtype
        assert ((drawn == drawn.float()).double().mean() < 0.5) == (dtype == F64)


@every
def test_to_another_device(dist):
    """`meta` is a device on every machine."""
    moved = dist.to("meta")
    assert all(value.device.type == "meta" for value in vars(moved).values() if isinstance(value, torch.Tensor))


@pytest.mark.parametrize("dist", OURS + TORCH, ids=lambda dist: type(dist).__name__)
def test_draw_with_a_generator_of_the_cpu_seeds_no_gpu(dist, generator, monkeypatch):
    def seeded(*args):
        raise AssertionError("the stream of a GPU was seeded")

    for name in ("manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state"):
        monkeypatch.setattr(torch.cuda, name, seeded)
    draw(dist, 5, generator)


@every
def test_noise_is_made_on_the_device_of_the_generator(dist, monkeypatch):
    """By reading what torch is asked for, as there may be no GPU: noise comes from the generator's own device."""
    asked = []

    def noted(make, *args, **options):
        asked.append(options["device"] if "device" in options else args[0].device)
        return make(*args, **options)

    for name in ("rand", "randn", "randint", "multinomial"):
        monkeypatch.setattr(torch, name, functools.partial(noted, getattr(torch, name)))
    generator = torch.Generator()
    dist.draw(5, generator)
    assert asked and all(device == generator.device for device in asked)
