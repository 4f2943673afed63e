"""Guidance by rewards: exact values give the tilted field, and the plug-in's bias is the one that can be worked out."""

import pytest
import torch

from course_utils.distributions import GaussianMixture
from course_utils.guidance import guided, plug_in, plug_in_value, value_and_slope
from course_utils.paths import GaussianPath, marginal
from course_utils.schedules import Cosine, Linear, VariancePreserving

F64 = torch.float64
LINE = GaussianMixture(
    torch.tensor([[-2.0], [0.3], [1.8]], dtype=F64),
    torch.tensor([0.25, 0.4, 0.2], dtype=F64).square()[:, None, None],
    torch.tensor([0.3, 0.4, 0.3], dtype=F64),
)
MEAN = torch.tensor([1.0, -2.0], dtype=F64)
COV = torch.tensor([[1.0, 0.3], [0.3, 0.5]], dtype=F64)
GAUSSIAN = GaussianMixture(MEAN[None], COV[None])
A = torch.tensor([0.7, 1.1], dtype=F64)
Q = torch.tensor([[2.0, 0.4], [0.4, 0.8]], dtype=F64)
SCHEDULES = pytest.mark.parametrize("schedule", [Linear(), Cosine(), VariancePreserving()], ids=repr)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def times(n):
    return 0.1 + 0.8 * torch.rand(n, dtype=F64, generator=torch.Generator().manual_seed(1))


@SCHEDULES
def test_an_exact_value_gives_the_field_of_the_tilted_data(schedule):
    """V from two densities; for a mixture and a reward with curvature."""
    a, curvature, lam = torch.ones(1, dtype=F64), torch.tensor([[0.6]], dtype=F64), 0.5
    path = GaussianPath(schedule)
    before, after = marginal(path, LINE), marginal(path, LINE.tilted(a, curvature, lam))
    field = guided(before.velocity, lambda x, t: after.log_prob(x, t) - before.log_prob(x, t), schedule)
    x, t = normal(20, 1), times(20)
    torch.testing.assert_close(field(x, t), after.velocity(x, t))


@SCHEDULES
def test_the_plug_in_is_exact_for_one_gaussian_and_a_linear_reward(schedule):
    path = GaussianPath(schedule)
    before, after = marginal(path, GAUSSIAN), marginal(path, GAUSSIAN.tilted(A, lam=0.4))
    x, t = normal(20, 2), times(20)
    field = plug_in(before.velocity, lambda z: z @ A, 0.4, schedule)
    torch.testing.assert_close(field(x, t), after.velocity(x, t))


@SCHEDULES
def test_the_plug_in_pushes_too_hard_by_a_known_factor(schedule):
    r"""One Gaussian, $r(z) = a \cdot z - z^T Q z/2$: the exact slope has $(I + QC/\lambda)^{-1}$ before the plug-in's,
    C the covariance of z given x; so the plug-in's push is the exact one, I + QC/lambda times."""
    path, lam = GaussianPath(schedule), 0.4
    before, after = marginal(path, GAUSSIAN), marginal(path, GAUSSIAN.tilted(A, Q, lam))
    x, t = normal(20, 2), times(20)
    field = plug_in(before.velocity, lambda z: z @ A - torch.einsum("bi,ij,bj->b", z, Q, z) / 2, lam, schedule)
    alpha, beta = schedule.alpha(t)[:, None, None], schedule.beta(t)[:, None, None]
    eye = torch.eye(2, dtype=F64)
    seen = torch.linalg.inv(alpha**2 * COV + beta**2 * eye)
    gain = alpha * COV @ seen  # d z_hat / dx
    posterior = beta**2 * COV @ seen
    exact = after.velocity(x, t) - before.velocity(x, t)
    too_hard = gain.mT @ (eye + Q @ posterior / lam) @ torch.linalg.inv(gain.mT)
    torch.testing.assert_close(field(x, t) - before.velocity(x, t), (too_hard @ exact[..., None])[..., 0])
    assert ((field(x, t) - after.velocity(x, t)).norm(dim=1) > 0.1 * exact.norm(dim=1)).any()


def test_the_plug_in_by_hand():
    """On the linear path u + (1 - t) / t (I + (1 - t) J)^T grad r / lambda, J by hand."""
    W, b, t, lam = normal(2, 2), normal(2, seed=1), 0.3, 0.7
    x = normal(5, 2, seed=2)

    def field(x, t):
        return torch.sin(x @ W.T + b)

    def reward(z):
        return z @ A - torch.einsum("bi,ij,bj->b", z, Q, z) / 2

    rows = []
    for state in x:
        J = torch.cos(W @ state + b)[:, None] * W
        z = state + (1 - t) * torch.sin(W @ state + b)
        push = (torch.eye(2, dtype=F64) + (1 - t) * J).T @ (A - Q @ z)
        rows.append(torch.sin(W @ state + b) + (1 - t) / t * push / lam)
    with torch.no_grad():
        torch.testing.assert_close(plug_in(field, reward, lam)(x, t), torch.stack(rows))
    value = plug_in_value(field, reward, lam)
    torch.testing.assert_close(guided(field, value)(x, t), torch.stack(rows))
    torch.testing.assert_close(value(x, 1.0), reward(x) / lam)


def test_the_plug_in_asks_the_model_once():
    calls = []

    def field(x, t):
        calls.append(t)
        return -x

    plug_in(field, lambda z: z.sum(1))(torch.ones(3, 2), 0.5)
    assert calls == [0.5]


def test_nothing_is_left_to_differentiate_unless_asked_for():
    scale = torch.tensor(2.0, dtype=F64, requires_grad=True)
    field = plug_in(lambda x, t: scale * x, lambda z: z.square().sum(1))
    x = normal(3, 2)
    assert not field(x, 0.5).requires_grad and not x.requires_grad
    x.requires_grad_()
    (slope,) = torch.autograd.grad(field(x, 0.5).sum(), x)
    torch.testing.assert_close(slope, torch.full_like(x, 2 + 2 * (1 + 0.5 * 2) ** 2))


@pytest.mark.parametrize("lam", [0.0, -1.0, float("inf"), float("nan")])
def test_temperatures_are_positive(lam):
    for make in (plug_in, plug_in_value):
        with pytest.raises(ValueError, match="positive, finite lambda"):
            make(lambda x, t: x, lambda z: z.sum(1), lam)


def test_bad_input():
    x = torch.ones(3, 2)
    with pytest.raises(ValueError, match="alpha > 0"):
        plug_in(lambda x, t: x, lambda z: z.sum(1))(x, 0.0)
    with pytest.raises(ValueError, match="alpha > 0"):
        guided(lambda x, t: x, lambda x, t: x.sum(1))(x, torch.tensor([0.5, 0.0, 0.5]))
    with pytest.raises(ValueError, match=r"shape \(3,\), one a state, got \(3, 1\)"):
        plug_in(lambda x, t: x, lambda z: z[:, :1])(x, 0.5)
    with pytest.raises(ValueError, match=r"shape \(3,\), one a state, got \(\)"):
        plug_in_value(lambda x, t: x, lambda z: z.sum())(x, 0.5)
    with pytest.raises(ValueError, match="with a gradient"):
        value_and_slope(lambda x, t: (x.detach() > 0).float().sum(1), x, 0.5)
