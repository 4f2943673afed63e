"""Schedules against formulas written out by hand, and `convert` against z and noise that x was made of."""

import itertools
import math

import pytest
import torch

from course_utils.schedules import PREDICTIONS, Cosine, Linear, Schedule, convert

F64 = torch.float64
BY_HAND = {  # alpha, beta, alpha_dot, beta_dot, all of a float
    Linear: (lambda t: t, lambda t: 1 - t, lambda t: 1.0, lambda t: -1.0),
    Cosine: (
        lambda t: math.sin(math.pi / 2 * t),
        lambda t: math.cos(math.pi / 2 * t),
        lambda t: math.pi / 2 * math.cos(math.pi / 2 * t),
        lambda t: -math.pi / 2 * math.sin(math.pi / 2 * t),
    ),
}
KINDS = list(BY_HAND)
TIMES = [0.0, 0.013, 0.25, 0.5, 0.8, 0.999, 1.0]


class AutodiffLinear(Schedule):
    alpha, beta = Linear.alpha, Linear.beta


class AutodiffCosine(Schedule):
    alpha, beta = Cosine.alpha, Cosine.beta


class Flat(Schedule):
    """alpha does not depend on t."""

    def alpha(self, t):
        return torch.ones_like(t)

    def beta(self, t):
        return 1 - t


class SquareRoot(Schedule):
    """alpha_dot is infinite at t = 0."""

    def alpha(self, t):
        return t.sqrt()

    def beta(self, t):
        return 1 - t


def by_hand(kind: type, t: torch.Tensor) -> list[torch.Tensor]:
    return [torch.tensor([f(s) for s in t.flatten().tolist()], dtype=t.dtype).reshape(t.shape) for f in BY_HAND[kind]]


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("shape", [(7,), (7, 1, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_derivatives(kind, shape, dtype):
    t, schedule = torch.tensor(TIMES, dtype=dtype).reshape(shape), kind()
    values = schedule.alpha(t), schedule.beta(t), schedule.alpha_dot(t), schedule.beta_dot(t)
    for value, expected in zip(values, by_hand(kind, t), strict=True):
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=4 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("kind", KINDS)
def test_ends(kind):
    schedule, ends = kind(), torch.tensor([0.0, 1.0])
    assert schedule.alpha(ends).tolist() == [0, 1] and schedule.beta(ends).tolist() == [schedule.prior_std, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_signal_to_noise_rises(kind):
    schedule, t = kind(), torch.linspace(0, 1, 1001, dtype=F64)[1:-1]
    log_snr = (schedule.alpha(t) / schedule.beta(t)).log()
    assert (log_snr.diff() > 0).all()
    assert log_snr[0] < -5 and log_snr[-1] > 5


def test_cosine_preserves_variance():
    t = torch.linspace(0, 1, 101, dtype=F64)
    torch.testing.assert_close(Cosine().alpha(t) ** 2 + Cosine().beta(t) ** 2, torch.ones_like(t))


@pytest.mark.parametrize("t", [torch.tensor(0.3, dtype=F64), torch.tensor(TIMES, dtype=F64)])
@pytest.mark.parametrize(("plain", "kind"), [(AutodiffLinear, Linear), (AutodiffCosine, Cosine)])
@pytest.mark.parametrize("grad", [True, False])
def test_derivatives_default_to_autodiff(plain, kind, t, grad):
    with torch.set_grad_enabled(grad):
        dots = plain().alpha_dot(t), plain().beta_dot(t)
    for dot, expected in zip(dots, by_hand(kind, t)[2:], strict=True):
        torch.testing.assert_close(dot, expected)
        assert not dot.requires_grad
    assert not t.requires_grad


def test_derivatives_by_autodiff_are_differentiable():
    t = torch.tensor([0.2, 0.7], dtype=F64, requires_grad=True)
    (second,) = torch.autograd.grad(AutodiffCosine().alpha_dot(t).sum(), t)
    torch.testing.assert_close(second, -((math.pi / 2) ** 2) * (math.pi / 2 * t.detach()).sin())


def test_derivative_of_a_constant_is_zero():
    assert torch.equal(Flat().alpha_dot(torch.rand(3)), torch.zeros(3))


@pytest.mark.parametrize("kind", KINDS)
def test_grid_covers_the_span_evenly_and_its_fields_are_finite(kind):
    schedule = kind()
    for dtype in (torch.float32, F64):
        ts = schedule.grid(10, dtype=dtype)
        assert ts.shape == (11,) and ts.dtype == dtype
        assert (ts[0], ts[-1]) == tuple(torch.tensor(schedule.span, dtype=dtype))
        dt = (schedule.span[1] - schedule.span[0]) / 10
        torch.testing.assert_close(ts.diff(), torch.full((10,), dt, dtype=dtype))
        schedule.check_span(ts)
        assert (schedule.beta(ts) > 0).all()


@pytest.mark.parametrize("steps", [0, -3])
def test_a_grid_needs_a_step(steps):
    with pytest.raises(ValueError, match=f"at least 1 step, got {steps}"):
        Linear().grid(steps)


@pytest.mark.parametrize("t", [1.0, -0.01, math.nan, 0.9995])
def test_times_outside_the_span_are_refused(t):
    for times in (torch.tensor(t), torch.tensor([0.5, t])):
        with pytest.raises(ValueError, match=r"span \[0, 0.999\] of Linear, got (t =|times from) .*schedule.grid"):
            Linear().check_span(times)


def test_the_base_has_no_formula():
    for method in (Schedule().alpha, Schedule().beta):
        with pytest.raises(NotImplementedError):
            method(torch.tensor(0.5))


# convert


def made_of(kind, t, event=(2,), dtype=F64):
    """States x at t, and the four predictions that are right for the z and noise that x was made of."""
    generator = torch.Generator().manual_seed(1)
    z, noise = torch.randn(2, 5, *event, generator=generator, dtype=F64)
    alpha, beta, alpha_dot, beta_dot = (f.reshape(-1, *[1] * len(event)) for f in by_hand(kind, t.to(F64)))
    known = {"velocity": alpha_dot * z + beta_dot * noise, "score": -noise / beta, "noise": noise, "data": z}
    return (alpha * z + beta * noise).to(dtype), {name: value.to(dtype) for name, value in known.items()}


PAIRS = list(itertools.permutations(PREDICTIONS, 2))


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-4), (F64, 1e-11)])
def test_convert(kind, source, target, dtype, rtol):
    for t in (torch.tensor(0.3), torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])):
        for event in [(1,), (2,), (1, 28, 28), (3, 4, 5)]:
            x, known = made_of(kind, t, event, dtype)
            converted = convert(known[source], x, t.to(dtype), kind(), source=source, target=target)
            assert converted.dtype == dtype
            torch.testing.assert_close(converted, known[target], rtol=rtol, atol=rtol)


@pytest.mark.parametrize("kind", PREDICTIONS)
def test_convert_to_the_same_changes_nothing(kind):
    value, x = torch.rand(2, 3, 2)
    assert convert(value, x, 1.0, Linear(), source=kind, target=kind) is value


SINGULAR = {  # pairs that are refused where alpha = 0, and where beta = 0
    0.0: {("noise", "data"), ("noise", "velocity"), ("score", "data"), ("score", "velocity")},
    1.0: {pair for pair in PAIRS if "score" in pair or pair[0] == "data"},
}


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_convert_at_the_ends(kind, source, target, end):
    """Refused where it is singular, also if only one state of the batch is there; right everywhere else."""
    for t in (torch.tensor(end, dtype=F64), torch.tensor([0.4, 0.6, end, 0.2, 0.7], dtype=F64)):
        x, known = made_of(kind, t)
        if (source, target) in SINGULAR[end]:
            message = f"^{source} cannot be turned into {target} at t = {end:g}: .*{'beta' if end else 'alpha'} = 0"
            with pytest.raises(ValueError, match=message):
                convert(known[source], x, t, kind(), source=source, target=target)
        else:
            converted = convert(known[source], x, t, kind(), source=source, target=target)
            torch.testing.assert_close(converted, known[target])


@pytest.mark.parametrize("other", ["score", "noise", "data"])
def test_convert_refuses_infinite_derivatives(other):
    x = torch.rand(3, 2)
    for source, target in [("velocity", other), (other, "velocity")]:
        with pytest.raises(ValueError, match="an infinite derivative at t = 0|at t = 0: the schedule has alpha = 0"):
            convert(x, x, 0.0, SquareRoot(), source=source, target=target)
    with pytest.raises(ValueError, match="infinite derivative"):
        convert(x, x, 0.0, SquareRoot(), source="velocity", target=other)


class Smooth(Schedule):
    """Starts and ends at rest: alpha_dot = beta_dot = 0 at both ends, so that the velocity says nothing there."""

    def alpha(self, t):
        return t**2 * (3 - 2 * t)

    def beta(self, t):
        return 1 - self.alpha(t)


@pytest.mark.parametrize("target", ["score", "noise", "data"])
def test_convert_refuses_a_velocity_where_nothing_moves(target):
    x = torch.rand(3, 2)
    for end in (0.0, 1.0):
        with pytest.raises(ValueError, match=f"^velocity cannot be turned into {target} at t = {end:g}: the schedule"):
            convert(x, x, end, Smooth(), source="velocity", target=target)
    assert convert(x, x, 0.5, Smooth(), source="velocity", target=target).isfinite().all()


def test_convert_refuses_unknown_kinds_and_shapes_that_differ(unchecked):
    x = torch.rand(3, 2)
    with pytest.raises(ValueError, match="one of velocity, score, noise, data, got 'flow'"):
        convert(x, x, 0.5, Linear(), source="flow", target="data")
    with pytest.raises(ValueError, match="one of velocity, score, noise, data, got 'eps'"):
        convert(x, x, 0.5, Linear(), source="data", target="eps")
    with pytest.raises(ValueError, match=r"value \(3, 1\), x \(3, 2\)"):
        convert(x[:, :1], x, 0.5, Linear(), source="data", target="noise")
    with pytest.raises(ValueError, match=r"got \(3, 1\)"):
        convert(x, x, torch.full((3, 1), 0.5), Linear(), source="data", target="noise")
