"""Normal laws of angles and rotations against their Fourier series and against many small steps."""

import math

import pytest
import torch
from scipy import stats

from course_utils.distributions import IGSO3, WrappedNormal, draw
from course_utils.manifolds import Rotations, rotation, rotation_vector, wrap

F64 = torch.float64
PI = math.pi


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("std", [0.05, 0.5, 1.0, PI, 2 * PI, 20.0])
def test_windings_are_the_fourier_series(std):
    """sum over n of exp(-n^2 s^2 / 2) cos n(x - mu), over 2 pi."""
    x = torch.linspace(-PI, PI - 1e-9, 501, dtype=F64)[:, None]
    n = torch.arange(1, 400, dtype=F64)
    series = (1 + 2 * ((-(n**2) * std**2 / 2).exp() * (n * (x - 1)).cos()).sum(1)) / (2 * PI)
    found = WrappedNormal(torch.tensor([1.0], dtype=F64), std).log_prob(x).exp()
    torch.testing.assert_close(found, series, atol=1e-13 / std, rtol=0)


@pytest.mark.parametrize(("std", "variation"), [(PI, 0.0046), (2 * PI, 1.7e-9)])
def test_a_wide_one_is_uniform(std, variation):
    """The first term of the series alone: total variation 2/pi exp(-s^2 / 2)."""
    x = torch.linspace(-PI, PI, 2001, dtype=F64)[:, None]
    density = WrappedNormal(torch.zeros(1, dtype=F64), std).log_prob(x).exp()
    away = torch.trapezoid((density - 1 / (2 * PI)).abs(), x[:, 0]).item() / 2
    assert away == pytest.approx(2 / PI * math.exp(-(std**2) / 2), rel=1e-4)
    assert away == pytest.approx(variation, rel=0.02)


def test_angles_are_drawn_from_it():
    """The cosines of n(x - mu) have the means exp(-n^2 s^2 / 2), each angle by itself."""
    law = WrappedNormal(torch.tensor([[3.0, -1.0]], dtype=F64), 0.8)
    x = draw(law, 40_000, generator())
    assert x.shape == (40_000, 1, 2) and (x >= -PI).all() and (x < PI).all()
    for n in (1, 2):
        c = (n * (x - law.loc)).cos()
        assert ((c.mean(0) - math.exp(-(n**2) * 0.32)).abs() < 5 * c.std(0) / 200).all()
    torch.testing.assert_close(law.log_prob(x[:5]), sum(
        WrappedNormal(law.loc[0, i : i + 1], 0.8).log_prob(x[:5, 0, i : i + 1]) for i in (0, 1)))  # fmt: skip


@pytest.mark.parametrize("eps", [0.1, 0.3, 1.0, 2.0, 4.0, 8.0])
def test_the_density_of_turns_is_the_series_of_characters(eps):
    """sum over l of (2l + 1) exp(-l(l + 1) eps^2 / 2) sin((l + 1/2) w) / sin(w / 2)."""
    angle = torch.linspace(0.01, PI, 400, dtype=F64)
    order = torch.arange(400, dtype=F64)
    weights = (2 * order + 1) * (-order * (order + 1) * eps**2 / 2).exp()
    series = (weights * ((order + 0.5) * angle[:, None]).sin()).sum(1) / (angle / 2).sin()
    axis = torch.nn.functional.normalize(torch.randn(400, 3, dtype=F64, generator=generator()), dim=1)
    found = IGSO3(eps).log_prob(rotation(angle[:, None] * axis)).exp()
    torch.testing.assert_close(found, series, atol=1e-9, rtol=1e-9)


def test_the_density_at_the_identity_is_the_limit():
    order = torch.arange(400, dtype=F64)
    limit = ((2 * order + 1) ** 2 * (-order * (order + 1) * 0.5).exp()).sum()
    torch.testing.assert_close(IGSO3(1.0).log_prob(torch.eye(3, dtype=F64)).exp(), limit, rtol=1e-9, atol=0)


@pytest.mark.parametrize("eps", [0.3, 1.0])
def test_many_small_turns_tend_to_it(eps):
    """100 turns; the law of their angle has the distribution function of `angle_density`: Kolmogorov-Smirnov."""
    n, steps, source = 4000, 100, generator()
    R = torch.eye(3, dtype=F64).expand(n, 3, 3)
    for _ in range(steps):
        R = R @ rotation(torch.randn(n, 3, dtype=F64, generator=source) * eps / math.sqrt(steps))
    grid = torch.linspace(0, PI, 4001, dtype=F64)
    share = torch.cumulative_trapezoid(IGSO3(eps).angle_density(grid), grid)
    table = torch.cat([torch.zeros(1, dtype=F64), share]).numpy()
    assert table[-1] == pytest.approx(1, abs=1e-6)

    def law(angle):
        return torch.tensor(table)[torch.searchsorted(grid, torch.as_tensor(angle)).clamp(max=4000)].numpy()

    for x in (R, draw(IGSO3(eps, torch.empty(0, dtype=F64)), n, source)):
        angle = rotation_vector(x).norm(dim=1).numpy()
        assert stats.kstest(angle, law).statistic < 2.7 / math.sqrt(n)


def test_axes_are_drawn_alike():
    x = draw(IGSO3(0.5), 10_000, generator())
    Rotations().check(x)
    w = torch.nn.functional.normalize(rotation_vector(x), dim=1)
    assert (w.mean(0).abs() < 5 / math.sqrt(3 * 10_000)).all()
    assert ((w.T @ w / 10_000 - torch.eye(3) / 3).abs() < 5 * 0.3 / 100).all()


def test_laws_bad_input(unchecked):
    for std in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive standard deviation"):
            WrappedNormal(torch.zeros(2), std)
    for degrees in (torch.tensor([-57.0, -47.0]), torch.tensor([torch.nan])):
        with pytest.raises(ValueError, match="expected a centre in radians within -pi to pi"):
            WrappedNormal(degrees, 0.1)
    for eps in (0.0, 9.0, math.nan):
        with pytest.raises(ValueError, match="above 0 and up to 8"):
            IGSO3(eps)
    with pytest.raises(ValueError, match="expected rotations"):
        IGSO3(1.0).log_prob(2 * torch.eye(3))
    assert repr(IGSO3(0.5)) == "IGSO3(eps=0.5)"
    assert repr(WrappedNormal(torch.zeros(2), 1)) == "WrappedNormal(mean=(2,), std=1)"


def test_a_wrapped_law_knows_no_seam():
    law = WrappedNormal(torch.tensor([PI - 0.1], dtype=F64), 0.5)
    a = torch.tensor([[0.4]], dtype=F64)
    torch.testing.assert_close(law.log_prob(wrap(law.loc + a)), law.log_prob(wrap(law.loc - a)))
