"""The variance preserving and exploding schedules against their formulas and SDEs; one model under every schedule."""

import itertools
import math

import pytest
import torch

from course_utils.distributions import Checkerboard, GaussianMixture
from course_utils.paths import GaussianPath, marginal
from course_utils.schedules import (
    PREDICTIONS,
    Cosine,
    Linear,
    VarianceExploding,
    VariancePreserving,
    convert,
    reparametrised,
)

F64 = torch.float64
FAMILY = [Linear(), Cosine(), VariancePreserving(), VariancePreserving(0.5, 8.0), VarianceExploding()]
each = pytest.mark.parametrize("schedule", FAMILY, ids=lambda s: type(s).__name__)


def alpha_by_quadrature(t: float, b_min: float, b_max: float) -> float:
    """exp(-1/2 of the integral of the rate b_min + u (b_max - b_min) over u from 0 to 1 - t), midpoint rule."""
    n = 1000
    u = [(i + 0.5) / n * (1 - t) for i in range(n)]
    return math.exp(-0.5 * sum((b_min + v * (b_max - b_min)) * (1 - t) / n for v in u))


@pytest.mark.parametrize("rates", [(0.1, 20.0), (0.5, 8.0), (1.0, 1.0)])
def test_vp_is_the_ornstein_uhlenbeck_process_with_a_rising_rate(rates):
    schedule = VariancePreserving(*rates)
    for t in (0.0, 0.3, 0.9, 1.0):
        at = torch.tensor(t, dtype=F64)
        assert schedule.alpha(at).item() == pytest.approx(alpha_by_quadrature(t, *rates), rel=1e-9)
        assert schedule.alpha(at) ** 2 + schedule.beta(at) ** 2 == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("ends", [(0.01, 50.0), (0.1, 3.0)])
def test_ve_falls_in_equal_ratios_from_its_prior(ends):
    schedule, (s_min, s_max) = VarianceExploding(*ends), ends
    for t in (0.0, 0.25, 0.7, 1.0):
        at = torch.tensor(t, dtype=F64)
        assert schedule.alpha(at) == 1 and schedule.alpha_dot(at) == 0
        assert schedule.beta(at).item() == pytest.approx(s_min**t * s_max ** (1 - t), rel=1e-12)
    assert schedule.prior_std == s_max and schedule.span == (0.0, 1.0)


@each
def test_derivatives_against_differences(schedule):
    t, h = torch.linspace(0.01, 0.99, 50, dtype=F64), 1e-6
    for f, f_dot in ((schedule.alpha, schedule.alpha_dot), (schedule.beta, schedule.beta_dot)):
        torch.testing.assert_close(f_dot(t), (f(t + h) - f(t - h)) / (2 * h), rtol=1e-6, atol=1e-6)


@each
def test_signal_to_noise_rises_and_the_grid_is_finite(schedule):
    ts = schedule.grid(200, dtype=F64)
    assert ((schedule.alpha(ts[1:]) / schedule.beta(ts[1:])).log().diff() > 0).all()
    assert all(f(ts).isfinite().all() for f in (schedule.alpha_dot, schedule.beta_dot))


@pytest.mark.parametrize("kind", [VariancePreserving, VarianceExploding])
def test_bad_ranges_are_refused(kind):
    for low, high in ((0.0, 1.0), (2.0, 1.0), (-1.0, 1.0)):
        with pytest.raises(ValueError, match=f"got {low} and {high}"):
            kind(low, high)


MIXTURE = GaussianMixture(torch.tensor([[-1.0, 2.0], [3.0, 0.5]], dtype=F64), torch.eye(2, dtype=F64).expand(2, 2, 2))


@each
@pytest.mark.parametrize("p_data", [MIXTURE, Checkerboard()], ids=lambda p: type(p).__name__)
def test_the_exact_linear_field_becomes_the_exact_field_of_every_schedule(schedule, p_data):
    field = reparametrised(marginal(GaussianPath(), p_data).velocity, schedule)
    exact = marginal(GaussianPath(schedule), p_data)
    generator = torch.Generator().manual_seed(1)
    for t in (torch.tensor(0.4, dtype=F64), torch.linspace(0.02, 0.95, 20, dtype=F64)):
        factors = (schedule.alpha(t) + schedule.beta(t)).reshape(-1, 1)
        x = factors * torch.randn(20, 2, generator=generator, dtype=F64)
        torch.testing.assert_close(field(x, t), exact.velocity(x, t), rtol=1e-8, atol=1e-8)


@each
def test_data_and_noise_predictions_do_not_depend_on_the_schedule(schedule):
    """For any field, learned or not: here an arbitrary one."""
    model = lambda x, t: torch.sin(x) + t.reshape(-1, 1, 1) * x  # noqa: E731
    t, generator = torch.linspace(0.05, 0.9, 8, dtype=F64), torch.Generator().manual_seed(2)
    total = schedule.alpha(t) + schedule.beta(t)
    s, x = schedule.alpha(t) / total, torch.randn(8, 2, 3, generator=generator, dtype=F64)
    own = total.reshape(-1, 1, 1) * x
    for kind in ("data", "noise"):
        found = convert(reparametrised(model, schedule)(own, t), own, t, schedule, source="velocity", target=kind)
        known = convert(model(x, s), x, s, Linear(), source="velocity", target=kind)
        torch.testing.assert_close(found, known, rtol=1e-9, atol=1e-9)


# convert at the ends: what may be refused follows from alpha, beta and their derivatives there

PAIRS = list(itertools.permutations(PREDICTIONS, 2))
NO_DATA = {(a, b) for a, b in PAIRS if a in ("score", "noise") and b in ("data", "velocity")}  # alpha = 0
NO_NOISE = {(a, b) for a, b in PAIRS if a == "data" or "score" in (a, b)}  # beta = 0
INFINITE = {pair for pair in PAIRS if "velocity" in pair}  # a derivative of the schedule is infinite
REFUSED = {
    (Linear, 0): NO_DATA, (Linear, 1): NO_NOISE, (Cosine, 0): NO_DATA, (Cosine, 1): NO_NOISE,
    (VariancePreserving, 0): set(), (VariancePreserving, 1): NO_NOISE | INFINITE,
    (VarianceExploding, 0): set(), (VarianceExploding, 1): set(),
}  # fmt: skip


def rate(f, t):
    """A derivative of a schedule, infinite where the schedule refuses to give it."""
    try:
        return f(t)
    except ValueError:
        return torch.full_like(t, math.inf)


def predictions_at(schedule, t, z, noise):
    """x and the four predictions in float64; what is infinite is replaced by ones, for a network may say anything."""
    a, b = schedule.alpha(t), schedule.beta(t)
    a_dot, b_dot = rate(schedule.alpha_dot, t), rate(schedule.beta_dot, t)
    known = {"velocity": a_dot * z + b_dot * noise, "score": -noise / b, "noise": noise, "data": z}
    return a * z + b * noise, {k: v if v.isfinite().all() else torch.ones_like(v) for k, v in known.items()}


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize(("source", "target"), PAIRS)
@each
def test_convert_at_both_ends_is_right_or_refused_and_never_inf_or_nan(schedule, source, target, end, dtype):
    z, noise = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(3), dtype=F64)
    x, known = predictions_at(schedule, torch.tensor(end, dtype=F64), z, noise)
    value, x, options = known[source].to(dtype), x.to(dtype), {"source": source, "target": target}
    for t in (torch.tensor(end, dtype=dtype), float(end), torch.full((4,), end, dtype=dtype)):
        if (source, target) in REFUSED[type(schedule), end]:
            singular = f"^{source} cannot be turned into {target} at t = {end}: the schedule has"
            infinite = f"^VariancePreserving has an infinite derivative at t = {end}$"
            with pytest.raises(ValueError, match=f"{singular}|{infinite}"):
                convert(value, x, t, schedule, **options)
        else:
            found = convert(value, x, t, schedule, **options)
            assert found.dtype == dtype
            scale = known[target].abs().max().item()
            tol = (1e-3 if dtype == torch.float32 else 1e-11) * scale
            torch.testing.assert_close(found, known[target].to(dtype), rtol=0, atol=tol)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize(("source", "target"), PAIRS)
@each
def test_convert_next_to_the_ends_is_finite(schedule, source, target, dtype):
    """At the last number before 1, and as close to 0: digits may be lost there, but nothing overflows."""
    z, noise = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(4), dtype=F64)
    eps = torch.finfo(dtype).eps
    for t in (torch.tensor(eps / 2, dtype=dtype), torch.tensor(1 - eps / 2, dtype=dtype)):
        x, known = predictions_at(schedule, t.double(), z, noise)
        assert convert(known[source].to(dtype), x.to(dtype), t, schedule, source=source, target=target).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@each
def test_a_reparametrised_model_is_finite_or_refused_at_both_ends(schedule, dtype):
    field, x = reparametrised(lambda x, t: x + t, schedule), torch.ones(3, 2, dtype=dtype)
    assert field(x, torch.tensor(0.0, dtype=dtype)).isfinite().all()
    if isinstance(schedule, VariancePreserving):
        with pytest.raises(ValueError, match="VariancePreserving has an infinite derivative at t = 1"):
            field(x, torch.tensor([0.3, 0.9, 1.0], dtype=dtype))
    else:
        assert field(x, torch.tensor(1.0, dtype=dtype)).isfinite().all()


def test_the_exact_velocity_is_refused_where_the_schedule_has_an_infinite_derivative():
    exact = marginal(GaussianPath(VariancePreserving()), MIXTURE)
    with pytest.raises(ValueError, match="VariancePreserving has an infinite derivative at t = 1"):
        exact.velocity(torch.ones(2, 2, dtype=F64), 1.0)
    assert exact.velocity(torch.ones(2, 2, dtype=F64), 0.0).isfinite().all()
