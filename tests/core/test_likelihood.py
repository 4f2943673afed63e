"""Divergence: polynomials with known derivatives, other ways to the trace of a Jacobian, and its edges."""

import pytest
import torch
from torch import nn

from course_utils.distributions import GaussianMixture
from course_utils.likelihood import divergence, divergence_by_coordinate
from course_utils.paths import GaussianPath, marginal
from course_utils.shapes import expand_time


def polynomial(x, t):
    """u = (t x_1^3 + x_2, x_1 x_2^2), whose divergence is 3 t x_1^2 + 2 x_1 x_2."""
    a, b = x[:, :1], x[:, 1:]
    return torch.cat([expand_time(t, x) * a**3 + b, a * b**2], 1)


@pytest.mark.parametrize("t", [0.7, torch.tensor(0.3), torch.linspace(0, 1, 6, dtype=torch.float64)])
def test_polynomial(generator, t):
    x = torch.randn(6, 2, generator=generator, dtype=torch.float64)
    exact = 3 * t * x[:, 0] ** 2 + 2 * x[:, 0] * x[:, 1]
    torch.testing.assert_close(divergence(polynomial, x, t), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("event", [(1,), (2,), (1, 3, 4)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_event_shape_against_the_trace_of_the_jacobian(generator, event, dtype):
    d = torch.Size(event).numel()
    matrix = torch.randn(d, d, generator=generator, dtype=dtype)

    def field(x, t):
        return torch.tanh(x.flatten(1) @ matrix).reshape(x.shape) * (1 + t)

    x = torch.randn(3, *event, generator=generator, dtype=dtype)
    found = divergence(field, x, 0.5)
    torch.testing.assert_close(divergence_by_coordinate(field, x, 0.5), found)
    assert found.shape == (3,) and found.dtype == dtype and not found.requires_grad
    for row, value in zip(x, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda s: field(s[None], 0.5)[0], row)
        torch.testing.assert_close(value, jacobian.reshape(d, d).trace(), rtol=1e-5, atol=1e-5)


def test_network_under_no_grad(generator):
    net = nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 2)).double()
    x = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        found = divergence(lambda x, t: net(x), x, 0.0)
    h = 1e-5
    steps = h * torch.eye(2, dtype=torch.float64)
    differences = sum(((net(x + s) - net(x - s)) / (2 * h))[:, i] for i, s in enumerate(steps))
    torch.testing.assert_close(found, differences.detach(), rtol=1e-7, atol=1e-8)
    assert all(p.grad is None for p in net.parameters())


def test_gaussian_in_closed_form(generator):
    """For N(0, lam) data the exact field is x d/dt log s_t, s_t^2 = t^2 lam + (1 - t)^2: divergence d times that."""
    lam, t = 0.3, 0.6
    data = GaussianMixture(torch.zeros(1, 3).double(), lam * torch.eye(3).double()[None])
    u = marginal(GaussianPath(), data).velocity
    x = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    exact = 3 * (t * lam - (1 - t)) / (t**2 * lam + (1 - t) ** 2)
    torch.testing.assert_close(divergence(u, x, t), torch.full((4,), exact, dtype=torch.float64))


def test_gradient_flows_where_x_asks_for_it(generator):
    x = torch.randn(4, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    divergence(polynomial, x, 1.0).sum().backward()
    exact = torch.stack([6 * x[:, 0] + 2 * x[:, 1], 2 * x[:, 0]], 1)
    torch.testing.assert_close(x.grad, exact.detach())


def test_field_that_does_not_depend_on_x(generator):
    offset = nn.Parameter(torch.ones(2))
    x = torch.randn(3, 2, generator=generator)
    for field in (lambda x, t: torch.ones_like(x), lambda x, t: offset.expand_as(x)):
        for way in (divergence, divergence_by_coordinate):
            assert torch.equal(way(field, x, 0.0), torch.zeros(3))


def test_input_is_left_alone(generator):
    x = torch.randn(3, 2, generator=generator)
    before = x.clone()
    divergence(polynomial, x, 0.5)
    assert torch.equal(x, before) and not x.requires_grad


def test_wrong_shape_is_named(unchecked):
    for way in (divergence, divergence_by_coordinate):
        with pytest.raises(ValueError, match=r"field \(3, 1\).*x \(3, 2\)"):
            way(lambda x, t: x[:, :1], torch.zeros(3, 2), 0.0)
