"""Log-densities of flows against closed forms and exact marginals; Hutchinson's estimate against traces."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal

from course_utils.distributions import Checkerboard, GaussianMixture, draw
from course_utils.likelihood import divergence, hutchinson_divergence, log_likelihood, standard_normal_log_prob
from course_utils.paths import GaussianPath, marginal
from course_utils.simulators import euler_step

F64 = torch.float64


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def affine(matrix, offset):
    return lambda x, t: x @ matrix.T + offset


@pytest.mark.parametrize("shape", [(5, 3), (5, 1, 2, 2)])
def test_standard_normal(shape):
    x = normal(*shape)
    torch.testing.assert_close(standard_normal_log_prob(x), Normal(0.0, 1.0).log_prob(x).flatten(1).sum(1))


@pytest.mark.parametrize("options", [{}, {"rtol": 1e-10}])
def test_an_affine_flow_against_its_gaussian(options):
    matrix, offset = 0.5 * normal(3, 3), normal(3, seed=1)
    flow = torch.linalg.matrix_exp(matrix)
    mean = torch.linalg.solve(matrix, (flow - torch.eye(3, dtype=F64)) @ offset)
    law = MultivariateNormal(mean, flow @ flow.T)
    x1, ts = normal(6, 3, seed=2), torch.linspace(0, 1, 101, dtype=F64)
    found = log_likelihood(affine(matrix, offset), x1, standard_normal_log_prob, ts, **options)
    torch.testing.assert_close(found, law.log_prob(x1), rtol=1e-7, atol=1e-7)


def test_a_field_that_is_not_linear_in_time_or_state():
    """dx/dt = 2 t x (1 - x): x goes along a logistic curve, with a known derivative by its start."""
    field = lambda x, t: 2 * t * x * (1 - x)  # noqa: E731
    x0 = torch.tensor([[0.2], [0.5], [0.7]], dtype=F64)
    growth = math.e  # the integral of 2 t over [0, 1] is 1
    x1 = x0 * growth / (1 - x0 + x0 * growth)
    slope = growth / (1 - x0 + x0 * growth) ** 2
    expected = (standard_normal_log_prob(x0)[:, None] - slope.log())[:, 0]
    found = log_likelihood(field, x1, standard_normal_log_prob, torch.linspace(0, 1, 201, dtype=F64))
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"rtol": 1e-8}])
def test_the_exact_field_of_the_board_gives_its_exact_density(options):
    path, board = GaussianPath(), Checkerboard()
    exact = marginal(path, board)
    x = path.sample(draw(board, 50, torch.Generator().manual_seed(3)).double(), 0.9, normal(50, 2)).x
    with torch.no_grad():
        ts = torch.linspace(0, 0.9, 201, dtype=F64)
        found = log_likelihood(exact.velocity, x, standard_normal_log_prob, ts, **options)
    torch.testing.assert_close(found, exact.log_prob(x, 0.9), rtol=1e-4, atol=1e-4)


def test_images_and_a_grid_that_starts_later():
    """From the law N(0, s^2) at t = 0.2 to the one at 0.7, for images."""
    dist = GaussianMixture(torch.zeros(1, 1, 2, 2), 4 * torch.eye(4)[None])
    exact = marginal(GaussianPath(), dist)
    x = normal(4, 1, 2, 2)
    ts = torch.linspace(0.2, 0.7, 51, dtype=F64)
    found = log_likelihood(exact.velocity, x, lambda x: exact.log_prob(x, 0.2), ts)
    torch.testing.assert_close(found, exact.log_prob(x, 0.7), rtol=1e-6, atol=1e-6)


def test_fewer_euler_steps_give_the_recursion():
    matrix, offset, x1 = normal(2, 2), normal(2, seed=1), normal(3, 2, seed=2)
    x, total = x1, 0.0
    for _ in range(4):
        x, total = x - (x @ matrix.T + offset) / 4, total + matrix.trace() / 4
    ts = torch.linspace(0, 1, 5, dtype=F64)
    found = log_likelihood(affine(matrix, offset), x1, standard_normal_log_prob, ts, step=euler_step)
    torch.testing.assert_close(found, Normal(0.0, 1.0).log_prob(x).sum(1) - total)


@pytest.mark.parametrize("estimate", [False, True])
@pytest.mark.parametrize("options", [{"step": euler_step}, {}, {"rtol": 1e-9}])
def test_the_gradient_in_the_parameters(estimate, options):
    """For u = a x the density of x1 is that of N(0, e^2a I), in closed form differentiable in a."""
    a = torch.tensor(0.3, dtype=F64, requires_grad=True)
    x1, n = normal(5, 2), 400 if "step" in options else 20
    signs = normal(5, 2, seed=1).sign()
    kind = {"divergence": lambda u, x, t: hutchinson_divergence(u, x, t, signs)} if estimate else {}
    ts = torch.linspace(0, 1, n + 1, dtype=F64)
    found = log_likelihood(lambda x, t: a * x, x1, standard_normal_log_prob, ts, **kind, **options).mean()
    exact = Normal(0.0, a.exp()).log_prob(x1).sum(1).mean()
    gradients = [torch.autograd.grad(value, a)[0] for value in (found, exact)]
    tol = 1e-2 if "step" in options else 1e-5
    torch.testing.assert_close(*gradients, rtol=tol, atol=tol)


def test_no_graph_under_no_grad():
    a = torch.tensor(0.3, dtype=F64, requires_grad=True)
    with torch.no_grad():
        ts = torch.linspace(0, 1, 5, dtype=F64)
        assert not log_likelihood(lambda x, t: a * x, normal(3, 2), standard_normal_log_prob, ts).requires_grad


def curved(x, t):
    return torch.sin(x @ torch.tensor([[0.3, -0.8], [0.5, 1.1]], dtype=F64)) * (1 + t) + x**2


def test_hutchinson_with_all_signs_is_the_divergence():
    """The mean over all four sign vectors is exact, since their outer products average to the identity."""
    x = normal(6, 2)
    signs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=F64)
    estimates = torch.stack([hutchinson_divergence(curved, x, 0.4, s.expand(6, 2)) for s in signs])
    torch.testing.assert_close(estimates.mean(0), divergence(curved, x, 0.4))
    assert (estimates[0] - estimates[1]).abs().min() > 1e-3


def test_hutchinson_with_normal_probes_is_unbiased():
    matrix, n = normal(4, 4), 100_000
    x, probe = normal(n, 4, seed=1), normal(n, 4, seed=2)
    estimates = hutchinson_divergence(affine(matrix, torch.zeros(4, dtype=F64)), x, 0.0, probe)
    symmetric = (matrix + matrix.T) / 2
    std = (2 * symmetric.square().sum()).sqrt()  # of a quadratic form in standard normal numbers
    assert abs(estimates.mean() - matrix.trace()) < 5 * std / math.sqrt(n)


@pytest.mark.parametrize("field", [lambda x, t: torch.ones_like(x), lambda x, t: x.detach() * 0 + t])
def test_a_field_that_does_not_depend_on_the_state_has_no_divergence(field):
    assert torch.equal(hutchinson_divergence(field, normal(3, 2), 0.5, normal(3, 2)), torch.zeros(3, dtype=F64))


def test_bad_input_is_refused(unchecked):
    x, field = normal(3, 2), lambda x, t: x
    for ts in (torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([0.5])):
        with pytest.raises(ValueError, match="expected an increasing time grid"):
            log_likelihood(field, x, standard_normal_log_prob, ts)
    with pytest.raises(ValueError, match="expected equal shapes"):
        hutchinson_divergence(field, x, 0.5, x[:, :1])
    with pytest.raises(ValueError, match="expected equal shapes"):
        hutchinson_divergence(lambda x, t: x[:, :1], x, 0.5, x)
