"""Orders of the steps against exact solutions, and `simulate` against plain loops and torchdiffeq."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torchdiffeq import odeint

from course_utils.processes import SDE, BrownianMotion, FlowSDE, GeometricBrownianMotion, OrnsteinUhlenbeck
from course_utils.simulators import (
    BLOCK,
    Trajectory,
    euler_maruyama_step,
    euler_step,
    heun_maruyama_step,
    heun_step,
    midpoint_step,
    rk4_step,
    simulate,
)

F64 = torch.float64
STEPS = {  # step: order, and its Butcher tableau: nodes, matrix, weights
    euler_step: (1, [0], [[0]], [1]),
    midpoint_step: (2, [0, 1 / 2], [[0, 0], [1 / 2, 0]], [0, 1]),
    heun_step: (2, [0, 1], [[0, 0], [1, 0]], [1 / 2, 1 / 2]),
    rk4_step: (
        4,
        [0, 1 / 2, 1 / 2, 1],
        [[0, 0, 0, 0], [1 / 2, 0, 0, 0], [0, 1 / 2, 0, 0], [0, 0, 1, 0]],
        [1 / 6, 1 / 3, 1 / 3, 1 / 6],
    ),
}
SDE_STEPS = [euler_maruyama_step, heun_maruyama_step]
EVENTS = [(1,), (2,), (1, 28, 28)]
each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
each_sde_step = pytest.mark.parametrize("step", SDE_STEPS, ids=lambda step: step.__name__)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(end: float, steps: int, dtype=F64) -> torch.Tensor:
    return torch.linspace(0, end, steps + 1, dtype=dtype)


def slope(hs, errors) -> float:
    """Order of convergence: the slope of log error over log h."""
    return np.polyfit(np.log(hs), np.log([float(error) for error in errors]), 1)[0]


# Steps for an ODE


def riccati(x, t):
    """x' = -2 (1 + t) x^2, solved by x = 1 / (1/x0 + 2t + t^2); the time may be one for each state."""
    return -2 * (1 + t.reshape(-1, *[1] * (x.ndim - 1))) * x**2


def riccati_solution(x0, t):
    return 1 / (1 / x0 + 2 * t + t**2)


def whirl(x, t):
    """Rotation by the angle |x| (t + t^2): both coordinates matter, and the speed depends on the radius and t."""
    return (1 + 2 * t) * x.norm(dim=1, keepdim=True) * torch.stack([-x[:, 1], x[:, 0]], 1)


def whirl_solution(x0, t):
    angle = x0.norm(dim=1) * (t + t**2)
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x0[:, 0] - s * x0[:, 1], s * x0[:, 0] + c * x0[:, 1]], 1)


@each_step
@pytest.mark.parametrize("event", EVENTS)
def test_order_of_every_step(step, event):
    x0 = 0.5 + torch.rand(3, *event, dtype=F64, generator=seeded())
    sizes = [20, 40, 80, 160]
    errors = [(simulate(riccati, x0, grid(1, n), step).end - riccati_solution(x0, 1)).abs().max() for n in sizes]
    assert slope([1 / n for n in sizes], errors) == pytest.approx(STEPS[step][0], abs=0.15)


@each_step
def test_order_where_the_coordinates_are_coupled(step):
    x0 = torch.randn(5, 2, dtype=F64, generator=seeded())
    sizes = [160, 320, 640]
    errors = [(simulate(whirl, x0, grid(1, n), step).end - whirl_solution(x0, 1)).abs().max() for n in sizes]
    assert slope([1 / n for n in sizes], errors) == pytest.approx(STEPS[step][0], abs=0.15)


@each_step
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("t", [torch.tensor(0.3, dtype=F64), torch.tensor([0.1, 0.5], dtype=F64)], ids=["one", "each"])
def test_one_step_is_that_of_its_tableau(step, event, t):
    _, nodes, matrix, weights = STEPS[step]
    x0, h = 0.5 + torch.rand(2, *event, dtype=F64, generator=seeded()), 0.2
    x, at = x0.numpy(), t.numpy().reshape(-1, *[1] * len(event))
    ks = []
    for node, row in zip(nodes, matrix, strict=True):
        inner = x + h * sum(a * k for a, k in zip(row, ks, strict=False))
        ks.append(-2 * (1 + at + node * h) * inner**2)
    expected = x + h * sum(b * k for b, k in zip(weights, ks, strict=True))
    for dt in (h, torch.tensor(h, dtype=F64)):
        np.testing.assert_allclose(step(riccati, x0, t, dt), expected, rtol=1e-13)
    assert torch.equal(x0, 0.5 + torch.rand(2, *event, dtype=F64, generator=seeded()))


@each_step
def test_evaluations_of_a_step(step):
    times = []

    def field(x, t):
        times.append(t.item())
        return x

    step(field, torch.ones(1, 1), torch.tensor(0.5), torch.tensor(0.2))
    assert times == pytest.approx([0.5 + 0.2 * node for node in STEPS[step][1]])


@each_step
def test_a_step_has_one_length_for_the_whole_batch(step):
    """A length for each state would broadcast (3, 1) to (3, 3)."""
    with pytest.raises(TypeError, match="dt"):
        step(riccati, torch.ones(3, 1), torch.tensor(0.0), torch.full((3,), 0.1))


# Steps for an SDE: strong order, with the increments of one fine path for all step sizes


def coarsen(dws: torch.Tensor, factor: int) -> torch.Tensor:
    return dws.unflatten(0, (-1, factor)).sum(1)


def strong_errors(sde, step, x0, dws, exact, end, factors):
    """Mean |X_T - exact| for the path that has the sums of `factor` increments."""
    fine = len(dws)
    return [
        (simulate(sde, x0, grid(end, fine // k), step, dws=coarsen(dws, k)).end - exact).abs().mean() for k in factors
    ]


@each_sde_step
def test_strong_order_on_geometric_brownian_motion(step):
    """Order 1/2, as for every scheme without the Milstein term; from 4,000 paths the slope is known to about 0.02."""
    gbm, end, fine, factors = GeometricBrownianMotion(0.5, 1.0), 1.0, 512, [4, 8, 16, 32]
    dws = math.sqrt(end / fine) * torch.randn(fine, 4000, 1, dtype=F64, generator=seeded())
    x0 = torch.ones(4000, 1, dtype=F64)
    exact = gbm.solution(x0, torch.tensor(end), dws.sum(0))
    errors = strong_errors(gbm, step, x0, dws, exact, end, factors)
    assert slope(factors, errors) == pytest.approx(0.5, abs=0.1)


@each_sde_step
@pytest.mark.parametrize("theta", [1.5, 0.0])
def test_strong_order_with_additive_noise(step, theta):
    """Order 1 against the exact update of the Ornstein–Uhlenbeck process, which is jointly Gaussian with dw.

    X_h = e^{-theta h} x + int e^{-theta (h - s)} dW_s; the integral given dw has mean (1 - e^{-theta h})/(theta h) dw
    and the variance v. Without pull every step is exact.
    """
    sigma, end, fine, paths, factors = 0.8, 1.0, 512, 2000, [4, 8, 16, 32]
    h, gen = end / fine, seeded(1)
    dws = math.sqrt(h) * torch.randn(fine, paths, 1, dtype=F64, generator=gen)
    xi = torch.randn(fine, paths, 1, dtype=F64, generator=gen)
    decay = math.exp(-theta * h)
    share = -math.expm1(-theta * h) / (theta * h) if theta else 1.0
    v = -math.expm1(-2 * theta * h) / (2 * theta) - share**2 * h if theta else 0.0
    x0 = torch.full((paths, 1), 2.0, dtype=F64)
    exact = x0
    for dw, z in zip(dws, xi, strict=True):
        exact = decay * exact + sigma * (share * dw + math.sqrt(v) * z)
    errors = strong_errors(OrnsteinUhlenbeck(theta, sigma), step, x0, dws, exact, end, factors)
    if theta == 0:
        assert max(errors) < 1e-12
    else:
        assert slope(factors, errors) == pytest.approx(1.0, abs=0.1)


# Steps for an SDE: weak order, from the exact recursion of the moments


def one_step(step, sde, h):
    """a, b, c with step(x, dw) = a x + b dw + c x dw: all that a step can be on these linear equations."""
    x, dw = torch.tensor([[0.0], [1.0], [1.0]], dtype=F64), torch.tensor([[1.0], [0.0], [1.0]], dtype=F64)
    b, a, all_three = step(sde, x, torch.tensor(0.0, dtype=F64), h, dw).flatten().tolist()
    return a, b, all_three - a - b


def moments(step, sde, x0, end, steps):
    """E X and E X^2 at the end, exactly: E dw = 0 and E dw^2 = h."""
    h = end / steps
    a, b, c = one_step(step, sde, h)
    first, second = x0, x0**2
    for _ in range(steps):
        first, second = a * first, (a**2 + c**2 * h) * second + 2 * b * c * h * first + b**2 * h
    return np.array([first, second])


def exact_moments(sde, x, t):
    """E X_t and E X_t^2 of the two linear equations, from X_0 = x."""
    if isinstance(sde, OrnsteinUhlenbeck):
        decay, limit = math.exp(-sde.theta * t), sde.sigma**2 / (2 * sde.theta)
        return np.array([x * decay, (x * decay) ** 2 + limit * (1 - decay**2)])
    return np.array([x * math.exp(sde.mu * t), x**2 * math.exp((2 * sde.mu + sde.sigma**2) * t)])


@pytest.mark.parametrize(
    ("step", "sde", "orders"),
    [
        (euler_maruyama_step, OrnsteinUhlenbeck(1.5, 0.8), (1, 1)),
        (euler_maruyama_step, GeometricBrownianMotion(0.1, 0.8), (1, 1)),
        (heun_maruyama_step, OrnsteinUhlenbeck(1.5, 0.8), (2, 2)),
        (heun_maruyama_step, GeometricBrownianMotion(0.1, 0.8), (2, 1)),
    ],
)
def test_weak_order(step, sde, orders):
    """Orders of the errors of the first two moments: Heun reaches 2 only with additive noise."""
    x0, end, sizes = 0.5, 1.0, [40, 80, 160, 320]
    errors = [abs(moments(step, sde, x0, end, n) - exact_moments(sde, x0, end)) for n in sizes]
    found = [slope([1 / n for n in sizes], error) for error in np.transpose(errors)]
    assert found == pytest.approx(orders, abs=0.1)


def test_heun_maruyama_is_that_of_ito():
    """E X_1 of geometric Brownian motion is e^mu = 1.105 (Itô), not e^{mu + sigma^2/2} = 1.522 (Stratonovich)."""
    mu, sigma, n, steps = 0.1, 0.8, 100_000, 20
    gbm = GeometricBrownianMotion(mu, sigma)
    x = simulate(gbm, torch.ones(n, 1), grid(1, steps, torch.float32), heun_maruyama_step, generator=seeded(2)).end
    error = math.exp(mu) * math.sqrt(math.expm1(sigma**2) / n)
    assert moments(heun_maruyama_step, gbm, 1.0, 1.0, steps)[0] == pytest.approx(math.exp(mu), rel=1e-4)
    assert abs(x.mean() - math.exp(mu)) < 5 * error
    assert math.exp(mu + sigma**2 / 2) - math.exp(mu) > 50 * error


@each_sde_step
@pytest.mark.parametrize("event", EVENTS)
def test_sde_step_against_the_formula(step, event):
    """dX = -t X dt + (1 + t) dW, written out in NumPy."""
    t, h = torch.tensor([0.2, 0.6], dtype=F64), 0.1
    sde = FlowSDE(lambda x, t: -t.reshape(-1, *[1] * len(event)) * x, lambda x, t: 0 * x, lambda t: 1 + t)
    x = torch.randn(2, *event, dtype=F64, generator=seeded())
    dw = torch.randn(2, *event, dtype=F64, generator=seeded(1))
    at = t.numpy().reshape(-1, *[1] * len(event))
    noise, k1 = (1 + at) * dw.numpy(), -at * x.numpy()
    expected = x.numpy() + h * k1 + noise
    if step is heun_maruyama_step:
        expected = x.numpy() + h / 2 * (k1 - (at + h) * expected) + noise
    np.testing.assert_allclose(step(sde, x, t, h, dw), expected, rtol=1e-12)


# simulate against a plain loop and torchdiffeq


@each_step
@pytest.mark.parametrize("event", EVENTS)
def test_simulate_is_a_loop(step, event):
    x0 = 0.5 + torch.rand(3, *event, dtype=F64, generator=seeded())
    ts = torch.tensor([0.0, 0.1, 0.15, 0.4, 1.0], dtype=F64)
    xs = [x0]
    for i in range(4):
        xs.append(step(riccati, xs[-1], ts[i], ts[i + 1] - ts[i]))
    trajectory = simulate(riccati, x0, ts, step)
    assert isinstance(trajectory, Trajectory)
    assert torch.equal(trajectory.xs, torch.stack(xs))
    assert torch.equal(trajectory.ts, ts)
    assert torch.equal(trajectory.end, xs[-1])


@each_sde_step
def test_simulate_with_given_increments_is_a_loop(step):
    sde, ts = GeometricBrownianMotion(0.3, 0.6), torch.tensor([0.0, 0.1, 0.15, 0.4, 1.0], dtype=F64)
    x0 = 1 + torch.rand(3, 2, dtype=F64, generator=seeded())
    dws = torch.randn(4, 3, 2, dtype=F64, generator=seeded(1))
    xs = [x0]
    for i in range(4):
        xs.append(step(sde, xs[-1], ts[i], ts[i + 1] - ts[i], dws[i]))
    assert torch.equal(simulate(sde, x0, ts, step, dws=dws).xs, torch.stack(xs))


@pytest.mark.parametrize(("step", "method"), [(euler_step, "euler"), (midpoint_step, "midpoint"), (heun_step, "heun2")])
def test_simulate_agrees_with_torchdiffeq_on_the_same_grid(step, method):
    x0, ts = torch.randn(4, 2, dtype=F64, generator=seeded()), torch.tensor([0.0, 0.1, 0.15, 0.4, 1.0], dtype=F64)
    expected = odeint(lambda t, x: whirl(x, t), x0, ts, method=method)
    torch.testing.assert_close(simulate(whirl, x0, ts, step).xs, expected, rtol=1e-12, atol=1e-12)


def test_simulate_agrees_with_an_adaptive_solver():
    x0, ts = torch.randn(4, 2, dtype=F64, generator=seeded()), grid(1, 500)
    expected = odeint(lambda t, x: whirl(x, t), x0, ts[::100], method="dopri5", rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(simulate(whirl, x0, ts, rk4_step, save_every=100).xs, expected, rtol=1e-8, atol=1e-8)


def test_default_steps():
    x0, ts = torch.ones(2, 1), grid(1, 10, torch.float32)
    assert torch.equal(simulate(riccati, x0, ts).xs, simulate(riccati, x0, ts, euler_step).xs)
    sde = GeometricBrownianMotion(0.3, 0.6)
    ours = simulate(sde, x0, ts, generator=seeded()).xs
    assert torch.equal(ours, simulate(sde, x0, ts, euler_maruyama_step, generator=seeded()).xs)


@each_step
def test_a_field_run_backwards_brings_back_the_start(step):
    """There and back differ by the error of one way, of the order of the step."""
    x0 = 0.4 * torch.randn(5, 2, dtype=F64, generator=seeded())
    back = []
    for n in (200, 400):
        there = simulate(whirl, x0, grid(1, n), step).end
        back.append((simulate(whirl, there, grid(1, n).flip(0), step).end - x0).abs().max())
    assert back[1] < 0.1
    assert back[1] < back[0] / 2 ** (STEPS[step][0] - 0.3)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("ts_dtype", [torch.float32, F64])
def test_the_dtype_is_that_of_the_states(dtype, ts_dtype):
    x0, ts = 0.5 + torch.rand(3, 1, dtype=dtype, generator=seeded()), grid(1, 40, ts_dtype)
    seen = []

    def field(x, t):
        seen.append((x.dtype, t.dtype, t.shape))
        return riccati(x, t)

    trajectory = simulate(field, x0, ts, rk4_step)
    assert trajectory.xs.dtype == trajectory.ts.dtype == dtype
    assert set(seen) == {(dtype, dtype, ())}
    torch.testing.assert_close(trajectory.end, riccati_solution(x0, 1), rtol=1e-6, atol=1e-6)
    assert simulate(OrnsteinUhlenbeck(), x0, ts, generator=seeded()).xs.dtype == dtype


# What is kept


@pytest.mark.parametrize(
    ("save_every", "kept"),
    [(1, range(11)), (2, [0, 2, 4, 6, 8, 10]), (3, [0, 3, 6, 9, 10]), (7, [0, 7, 10]), (10, [0, 10]), (50, [0, 10])],
)
@pytest.mark.parametrize("system", [riccati, OrnsteinUhlenbeck()], ids=["ode", "sde"])
def test_save_every_keeps_the_first_and_the_last(system, save_every, kept):
    """One seed is one path: what is kept is the same path, whatever else is kept."""
    x0, ts, kept = 0.5 + torch.rand(4, 2, generator=seeded()), grid(1, 10, torch.float32), list(kept)
    every = simulate(system, x0, ts, generator=seeded(3))
    some = simulate(system, x0, ts, generator=seeded(3), save_every=save_every)
    assert torch.equal(some.xs, every.xs[kept])
    assert torch.equal(some.ts, ts[kept])
    assert torch.equal(some.end, every.xs[-1])
    assert torch.equal(some.xs[0], x0)


@pytest.mark.parametrize("batch", [1, 3, BLOCK // 4, BLOCK // 4 + 1, BLOCK + 1])
def test_a_shorter_grid_is_the_beginning_of_the_same_path(batch):
    """Also where the noise of the longer grid takes several blocks, or a block holds a single step."""
    x0, ts = torch.zeros(batch, 1), torch.tensor([0.0, 0.1, 0.15, 0.4, 0.5, 0.9, 1.0, 1.3, 1.7, 2.0])
    long = simulate(BrownianMotion(), x0, ts, generator=seeded(4)).xs
    for k in (2, 5, 9):
        assert torch.equal(simulate(BrownianMotion(), x0, ts[:k], generator=seeded(4)).xs, long[:k])


def test_randomness_comes_from_the_generator_alone():
    x0, ts = torch.zeros(3, 2), grid(1, 5, torch.float32)
    state = torch.get_rng_state()
    a, b, other = (simulate(BrownianMotion(), x0, ts, generator=seeded(seed)).xs for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(a, b) and not torch.equal(a, other)
    gen = seeded(0)
    first, second = (simulate(BrownianMotion(), x0, ts, generator=gen).xs for _ in range(2))
    assert torch.equal(first, a) and not torch.equal(second, a)


def test_x0_stays():
    x0 = torch.ones(3, 2)
    simulate(riccati, x0, grid(1, 5, torch.float32))
    xs = simulate(BrownianMotion(), x0, grid(1, 5, torch.float32), generator=seeded()).xs
    xs.zero_()
    assert torch.equal(x0, torch.ones(3, 2))


def test_dws_stay():
    dws = torch.randn(5, 3, 2, generator=seeded())
    simulate(OrnsteinUhlenbeck(), torch.ones(3, 2), grid(1, 5, torch.float32), heun_maruyama_step, dws=dws)
    assert torch.equal(dws, torch.randn(5, 3, 2, generator=seeded()))


def test_a_bar_of_progress_changes_nothing(capsys):
    x0, ts = torch.ones(3, 2), grid(1, 5, torch.float32)
    quiet = simulate(OrnsteinUhlenbeck(), x0, ts, generator=seeded()).xs
    assert capsys.readouterr().err == ""
    assert torch.equal(simulate(OrnsteinUhlenbeck(), x0, ts, generator=seeded(), progress=True).xs, quiet)
    assert "5/5" in capsys.readouterr().err


def test_an_empty_batch():
    assert simulate(BrownianMotion(), torch.zeros(0, 2), grid(1, 5, torch.float32)).xs.shape == (6, 0, 2)


# Gradients


@pytest.mark.parametrize("save_every", [1, 4])
def test_grad_goes_through_the_steps(save_every):
    """Euler on x' = a x: x_n = (1 + a h)^n x0, dx_n/da = n h (1 + a h)^(n-1) x0, dx_n/dx0 = (1 + a h)^n."""
    a = torch.tensor(0.7, dtype=F64, requires_grad=True)
    x0 = torch.tensor([[1.0], [2.0]], dtype=F64, requires_grad=True)
    n, h = 8, 0.125
    xs = simulate(lambda x, t: a * x, x0, grid(1, n), grad=True, save_every=save_every).xs
    d_a, d_x0 = torch.autograd.grad(xs[-1].sum(), (a, x0), retain_graph=True)
    assert d_a.item() == pytest.approx(3 * n * h * (1 + 0.7 * h) ** (n - 1))
    np.testing.assert_allclose(d_x0, np.full((2, 1), (1 + 0.7 * h) ** n))
    (d_middle,) = torch.autograd.grad(xs[4 // save_every].sum(), a)
    assert d_middle.item() == pytest.approx(3 * 4 * h * (1 + 0.7 * h) ** 3)


def test_grad_goes_through_an_sde():
    """Euler–Maruyama on the Ornstein–Uhlenbeck process: the derivative by sigma is the sum of decayed increments."""
    theta, h, n = 0.5, 0.1, 6
    sigma = torch.tensor(0.8, dtype=F64, requires_grad=True)
    sde = FlowSDE(lambda x, t: -theta * x, lambda x, t: 0 * x, lambda t: sigma + 0 * t)
    dws = torch.randn(n, 3, 1, dtype=F64, generator=seeded())
    end = simulate(sde, torch.ones(3, 1, dtype=F64), h * torch.arange(n + 1, dtype=F64), dws=dws, grad=True).end
    (d_sigma,) = torch.autograd.grad(end.sum(), sigma)
    decays = (1 - theta * h) ** np.arange(n - 1, -1, -1)
    assert d_sigma.item() == pytest.approx((decays[:, None] * dws.numpy()[..., 0]).sum())


@pytest.mark.parametrize("needs_grad", ["field", "x0"])
def test_no_graph_is_recorded_unless_asked_for(needs_grad):
    a = torch.tensor(0.7, requires_grad=needs_grad == "field")
    x0 = torch.ones(2, 1, requires_grad=needs_grad == "x0")
    ts = grid(1, 3, torch.float32)
    assert not simulate(lambda x, t: a * x, x0, ts).xs.requires_grad
    assert not simulate(OrnsteinUhlenbeck(), x0, ts, generator=seeded()).xs.requires_grad
    assert simulate(lambda x, t: a * x, x0, ts, grad=True).xs.requires_grad
    with torch.no_grad():
        assert not simulate(lambda x, t: a * x, x0, ts, grad=True).xs.requires_grad
    assert torch.is_grad_enabled()


# Marginals of a flow are kept by its SDE

MEANS = torch.tensor([-1.5, 0.5, 2.0], dtype=F64)
WIDTHS = torch.tensor([0.3, 0.5, 0.2], dtype=F64)
WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=F64)
STATISTICS = {  # name: f and E f(X) for X ~ N(m, v)
    "mean": (lambda x: x, lambda m, v: m),
    "square": (lambda x: x**2, lambda m, v: m**2 + v),
    "cos": (lambda x: torch.cos(2 * x), lambda m, v: torch.cos(2 * m) * torch.exp(-2 * v)),
    "sin": (lambda x: torch.sin(2 * x), lambda m, v: torch.sin(2 * m) * torch.exp(-2 * v)),
}


def components(t):
    """Means and variances of the mixture on the path x = t z + (1 - t) noise, and their time derivatives."""
    return t * MEANS, (t * WIDTHS) ** 2 + (1 - t) ** 2, MEANS, 2 * t * WIDTHS**2 - 2 * (1 - t)


def responsibilities(x, t):
    m, v, _, _ = components(t)
    return (WEIGHTS.log() - v.log() / 2 - (x - m) ** 2 / (2 * v)).softmax(-1)


def mixture_velocity(x, t):
    """Each component moves by m' + v'/2v (x - m)."""
    m, v, dm, dv = components(t)
    return (responsibilities(x, t) * (dm + dv / (2 * v) * (x - m))).sum(-1, keepdim=True)


def mixture_score(x, t):
    m, v, _, _ = components(t)
    return (responsibilities(x, t) * (m - x) / v).sum(-1, keepdim=True)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
def test_flow_sde_keeps_the_marginals(strength):
    """Statistics at several times, within 5 standard errors and the error of the steps, measured by halving them.

    Coarse and fine path share their noise. The error of the fine path is about the difference of the two (order 1);
    twice that difference is allowed, and it must itself be small.
    """
    n, steps = 8_000, 80
    sde = FlowSDE(mixture_velocity, mixture_score, lambda t: strength * (1 - t).sqrt())
    gen = seeded(5)
    x0 = torch.randn(n, 1, dtype=F64, generator=gen)
    dws = math.sqrt(0.99 / (2 * steps)) * torch.randn(2 * steps, n, 1, dtype=F64, generator=gen)
    fine = simulate(sde, x0, grid(0.99, 2 * steps), dws=dws, save_every=steps // 2)
    coarse = simulate(sde, x0, grid(0.99, steps), dws=coarsen(dws, 2), save_every=steps // 4)
    for t, x, rough in zip(fine.ts, fine.xs, coarse.xs, strict=True):
        for name, (f, law) in STATISTICS.items():
            exact = (WEIGHTS * law(*components(t)[:2])).sum()
            bias = 2 * (f(x).mean() - f(rough).mean()).abs()
            assert bias < 0.04, name
            assert (f(x).mean() - exact).abs() < 5 * f(x).std() / math.sqrt(n) + bias, (name, t)


def test_noise_that_fades_with_beta_keeps_narrow_modes():
    """sigma = sqrt(beta) leaves modes of standard deviation 0.05 narrow; with sigma = 1 fifty steps smear them."""

    def velocity(x, t):
        v = (0.05 * t) ** 2 + (1 - t) ** 2
        return (0.05**2 * t - (1 - t)) / v * x

    def score(x, t):
        return -x / ((0.05 * t) ** 2 + (1 - t) ** 2)

    x0, ts = torch.randn(5000, 1, generator=seeded(6)), grid(1, 50, torch.float32)
    fading = simulate(FlowSDE(velocity, score, lambda t: (1 - t).sqrt()), x0, ts, generator=seeded(7)).end.std()
    constant = simulate(FlowSDE(velocity, score, 1.0), x0, ts, generator=seeded(7)).end.std()
    assert fading == pytest.approx(0.05, rel=0.1)
    assert constant > 0.5


# Bad input


@each_step
def test_a_step_without_noise_for_an_sde(step):
    with pytest.raises(TypeError, match=f"an SDE needs a step with noise, got {step.__name__}"):
        simulate(BrownianMotion(), torch.ones(1, 1), grid(1, 2, torch.float32), step)


@each_sde_step
def test_a_step_with_noise_for_a_field(step):
    with pytest.raises(TypeError, match=rf"a field \(an ODE\) needs a step without noise, got {step.__name__}"):
        simulate(riccati, torch.ones(1, 1), grid(1, 2, torch.float32), step)


def test_a_step_with_an_option():
    def damped_step(field, x, t, dt, damping=0.5):
        return x + damping * dt * field(x, t)

    x = simulate(lambda x, t: torch.ones_like(x), torch.zeros(1, 1), grid(1, 4, torch.float32), damped_step).end
    assert x.item() == 0.5


def test_an_option_does_not_take_the_noise():
    def damped_step(field, x, t, dt, damping=0.5):
        return x

    with pytest.raises(TypeError, match="an SDE needs a step with noise, got damped_step"):
        simulate(BrownianMotion(), torch.zeros(1, 1), grid(1, 4, torch.float32), damped_step)


def test_noise_for_an_ode():
    with pytest.raises(TypeError, match="an ODE has no noise, got dws"):
        simulate(riccati, torch.ones(1, 1), grid(1, 2, torch.float32), dws=torch.zeros(2, 1, 1))


def test_a_system_that_is_neither(unchecked):
    with pytest.raises(TypeError, match="expected a field u.x, t. or an SDE, got int"):
        simulate(3, torch.ones(1, 1), grid(1, 2, torch.float32))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 0.5, 0.5, 1.0], "repeats or turns"),
        ([0.0, 0.5, 0.4, 1.0], "repeats or turns"),
        ([0.0, 0.5, math.nan, 1.0], "finite"),
        ([0.0, 0.5, math.inf], "finite"),
        ([0.0], r"at least one step, got \(1,\)"),
        ([], r"at least one step, got \(0,\)"),
        ([[0.0], [1.0]], r"shape \(steps\+1,\).*got \(2, 1\)"),
    ],
)
@pytest.mark.parametrize("system", [riccati, BrownianMotion()], ids=["ode", "sde"])
def test_grids_that_make_no_sense(system, times, message, unchecked):
    with pytest.raises(ValueError, match=message):
        simulate(system, torch.ones(1, 1), torch.tensor(times))


def test_times_that_repeat_in_the_precision_of_the_states():
    ts = torch.tensor([0.0, 1.0, 1.0 + 1e-12], dtype=F64)
    simulate(riccati, torch.ones(1, 1, dtype=F64), ts)
    with pytest.raises(ValueError, match="repeats"):
        simulate(riccati, torch.ones(1, 1), ts)


def test_an_sde_does_not_run_backwards():
    with pytest.raises(ValueError, match="increasing times for an SDE"):
        simulate(BrownianMotion(), torch.ones(1, 1), grid(1, 2, torch.float32).flip(0))


@pytest.mark.parametrize("shape", [(3, 2, 1), (1, 2, 1), (2, 2), (2, 1, 2), (2, 2, 1, 1)])
def test_increments_of_another_shape(shape, unchecked):
    with pytest.raises(ValueError, match=r"expected dws of shape \(2, 2, 1\), got"):
        simulate(BrownianMotion(), torch.ones(2, 1), grid(1, 2, torch.float32), dws=torch.zeros(shape))


@pytest.mark.parametrize("save_every", [0, -1])
def test_save_every_must_be_positive(save_every):
    with pytest.raises(ValueError, match=f"save_every of at least 1, got {save_every}"):
        simulate(riccati, torch.ones(1, 1), grid(1, 2, torch.float32), save_every=save_every)


SHAPES = [(), (1,), (3,), (2,), (3, 1), (1, 2), (2, 2), (3, 2, 1)]  # for states of shape (3, 2)


class Shaped(SDE):
    """Drift and diffusion of given shapes."""

    def __init__(self, drift=(3, 2), diffusion=()):
        self.shapes = drift, diffusion

    def drift(self, x, t):
        return torch.ones(self.shapes[0])

    def diffusion(self, x, t):
        return torch.ones(self.shapes[1])


@pytest.mark.parametrize("shape", SHAPES)
@each_step
def test_a_field_of_another_shape_is_refused(step, shape):
    with pytest.raises(ValueError) as refused:
        simulate(lambda x, t: torch.ones(shape), torch.ones(3, 2), grid(1, 2, torch.float32), step)
    assert str(refused.value) == f"expected a field of the shape (3, 2) of the states, got {shape}"


@pytest.mark.parametrize("shape", SHAPES)
@each_sde_step
def test_a_drift_of_another_shape_is_refused(step, shape):
    with pytest.raises(ValueError) as refused:
        simulate(Shaped(drift=shape), torch.ones(3, 2), grid(1, 2, torch.float32), step)
    assert str(refused.value) == f"expected a drift of the shape (3, 2) of the states, got {shape}"


@pytest.mark.parametrize("shape", [(3,), (4, 2), (3, 3), (1, 3, 2)])
@each_sde_step
def test_a_diffusion_that_does_not_broadcast_is_refused(step, shape):
    with pytest.raises(ValueError, match=r"broadcasts against states of shape \(3, 2\), got \("):
        simulate(Shaped(diffusion=shape), torch.ones(3, 2), grid(1, 2, torch.float32), step)


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 1), (1, 2), (3, 2)])
@each_sde_step
def test_a_diffusion_that_broadcasts_is_taken(step, shape):
    end = simulate(Shaped(diffusion=shape), torch.zeros(3, 2), grid(1, 2, torch.float32), step, generator=seeded()).end
    expected = simulate(Shaped(), torch.zeros(3, 2), grid(1, 2, torch.float32), step, generator=seeded()).end
    torch.testing.assert_close(end, expected)


def test_a_field_that_is_no_tensor_is_refused():
    with pytest.raises(ValueError, match="expected a field of the shape .* of the states, got float"):
        simulate(lambda x, t: 1.0, torch.ones(3, 2), grid(1, 2, torch.float32))
    with pytest.raises(ValueError, match="expected a field of the shape .* of the states, got NoneType"):
        simulate(lambda x, t: None, torch.ones(3, 2), grid(1, 2, torch.float32))


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 3), (2, 2), (3, 2, 1)])
def test_a_step_that_changes_the_shape_is_refused(shape):
    """At the first step, and at a later one."""
    ts = grid(1, 3, torch.float32)
    for late in (False, True):

        def step(field, x, t, dt, late=late):
            return x + 1 if late and t == 0 else torch.ones(shape)

        with pytest.raises(ValueError, match=r"a step to keep the shape \(3, 2\) of states, got") as refused:
            simulate(riccati, torch.ones(3, 2), ts, step)
        assert str(refused.value).endswith(f"got {shape}")


def test_the_process_itself_is_left_alone():
    """Also one that is frozen; and a step sees its attributes."""
    sde = OrnsteinUhlenbeck()
    before = dict(vars(sde))

    def step(sde, x, t, dt, dw):
        return sde.theta * x + sde.drift(x, t) * dt

    simulate(sde, torch.ones(3, 2), grid(1, 2, torch.float32), step)
    assert vars(sde) == before

    @dataclass(frozen=True)
    class Frozen(OrnsteinUhlenbeck):
        theta: float = 2.0
        sigma: float = 1.0

    assert simulate(Frozen(), torch.ones(3, 2), grid(1, 2, torch.float32)).end.shape == (3, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("system", [riccati, BrownianMotion()], ids=["ode", "sde"])
def test_a_grid_of_numpy(system, dtype):
    ts = np.linspace(0, 4, 5).astype(dtype)
    found = simulate(system, torch.ones(2, 1), ts, generator=seeded())
    expected = simulate(system, torch.ones(2, 1), torch.linspace(0, 4, 5), generator=seeded())
    assert torch.equal(found.xs, expected.xs) and torch.equal(found.ts, expected.ts)


def test_steps_with_too_few_or_too_many_arguments():
    def too_few(system, x, t):
        return x

    def too_many(system, x, t, dt, dw, more):
        return x

    for step in (too_few, too_many):
        with pytest.raises(TypeError, match=f"needs a step without noise, got {step.__name__}"):
            simulate(riccati, torch.ones(1, 1), grid(1, 2, torch.float32), step)
        with pytest.raises(TypeError, match=f"needs a step with noise, got {step.__name__}"):
            simulate(BrownianMotion(), torch.ones(1, 1), grid(1, 2, torch.float32), step)


def test_a_step_with_noise_and_an_option():
    def damped(sde, x, t, dt, dw, damping=0.5):
        return x + damping * dt

    end = simulate(BrownianMotion(), torch.zeros(1, 1), grid(1, 4, torch.float32), damped).end
    assert end.item() == 0.5


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_rk4_is_its_plain_form(dtype):
    """With each product and sum written out."""

    def field(x, t):
        return torch.sin(x) - t * x

    x, t, dt = torch.randn(5, 2, generator=seeded(), dtype=dtype), 0.3, 0.2
    k1 = field(x, t)
    k2 = field(x + dt / 2 * k1, t + dt / 2)
    k3 = field(x + dt / 2 * k2, t + dt / 2)
    k4 = field(x + dt * k3, t + dt)
    torch.testing.assert_close(rk4_step(field, x, t, dt), x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
