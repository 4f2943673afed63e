"""The posterior of a finite data set goes through the data in parts: same answer, bounded memory."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_utils.distributions import Empirical, empirical

ROOT = Path(__file__).parents[2]
MEASURE = """
import resource, torch
from course_utils.distributions import Empirical
from course_utils.paths import GaussianPath, marginal

generator = torch.Generator().manual_seed(1)
data = torch.rand(60_000, 1, 28, 28, generator=generator)
x = torch.randn(64, 1, 28, 28, generator=generator)
field = marginal(GaussianPath(), Empirical(data)).velocity
field(x[:2], 0.5)[0, 0, 0, 0].item()  # whatever torch allocates once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
u = field(x, 0.5)
assert u.shape == x.shape and u.isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, before)
"""


def direct(data, x, alpha, beta):
    """Log density and mean of z, with all differences in one table (batch, n, d)."""
    z, flat = data.flatten(1), x.flatten(1)
    a, b = alpha.reshape(-1, 1, 1), beta.reshape(-1, 1, 1)
    log_p = -0.5 * ((flat[:, None] - a * z) / b).square() - b.log() - 0.5 * math.log(2 * math.pi)
    log_joint = log_p.sum(-1) - math.log(len(z))
    return log_joint.logsumexp(1), (log_joint.softmax(1) @ z).reshape(x.shape), log_joint.softmax(1)


@pytest.mark.parametrize("part", [1, 7 * 40, 2**22])
@pytest.mark.parametrize("event", [(2,), (1, 4, 3)])
def test_equals_the_direct_formula(part, event, monkeypatch):
    monkeypatch.setattr(empirical, "PART", part)
    generator = torch.Generator().manual_seed(2)
    data = 3 + torch.randn(101, *event, generator=generator, dtype=torch.float64)
    alpha, beta = torch.linspace(0, 0.999, 40, dtype=torch.float64), torch.linspace(1, 0.001, 40, dtype=torch.float64)
    shape = (-1, *[1] * len(event))
    x = alpha.reshape(shape) * data[:40] + beta.reshape(shape) * torch.randn(40, *event, generator=generator).double()
    dist, factors = Empirical(data), (alpha.reshape(shape), beta.reshape(shape))
    log_prob, mean, weights = direct(data, x, alpha, beta)
    known = dist.posterior(x, *factors)
    torch.testing.assert_close(dist.noisy_log_prob(x, *factors), log_prob, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(known.data, mean, rtol=1e-9, atol=1e-9)
    noise = (x - factors[0] * mean) / factors[1]
    torch.testing.assert_close(known.noise, noise, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(dist.weights(x, *factors), weights, rtol=1e-7, atol=1e-9)


def test_no_more_than_a_part_is_seen_at_once(monkeypatch):
    monkeypatch.setattr(empirical, "PART", 60)
    dist = Empirical(torch.randn(100, 3))
    x, one = torch.randn(20, 3), torch.ones(())
    sizes = [log_joint.shape for log_joint, _ in dist._parts(x, one, one)]
    assert sum(columns for _, columns in sizes) == 100 and max(columns for _, columns in sizes) == 3


def test_the_gradient_is_that_of_the_direct_formula(monkeypatch):
    monkeypatch.setattr(empirical, "PART", 9)
    generator = torch.Generator().manual_seed(3)
    data = torch.randn(20, 2, generator=generator, dtype=torch.float64)
    x = torch.randn(3, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    alpha, beta = (torch.full((3,), v, dtype=torch.float64) for v in (0.4, 0.6))
    dist, factors = Empirical(data), (alpha[:, None], beta[:, None])
    log_prob, mean, _ = direct(data, x, alpha, beta)
    for found, expected in ((dist.noisy_log_prob(x, *factors), log_prob), (dist.posterior(x, *factors).data, mean)):
        gradients = [torch.autograd.grad((v**2).sum(), x, retain_graph=True)[0] for v in (found, expected)]
        torch.testing.assert_close(*gradients)


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is there on Linux and macOS")
def test_the_field_of_60_000_digits_needs_less_than_500_mb_above_the_data():
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, cwd=ROOT, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    more, before = (int(value) * unit / 1e6 for value in run.stdout.split())
    assert before > 188, "the data alone has this size"
    assert more < 500
