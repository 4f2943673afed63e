"""The bound of a variational autoencoder, against torch's divergences, exact densities and loops over numbers."""

import math

import pytest
import torch
from torch import distributions as td
from torch import nn

from course_utils.losses import kl_to_normal, linear_bound, vae_loss
from course_utils.networks import Autoencoder

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


class Affine(nn.Module):
    """An encoder and a decoder that are one matrix each."""

    def __init__(self, pixels: int, k: int):
        super().__init__()
        self.inward = nn.Linear(pixels, 2 * k, dtype=F64)
        self.outward = nn.Linear(k, pixels, dtype=F64)

    def encode(self, x):
        mean, log_var = self.inward(x.flatten(1)).chunk(2, 1)
        return mean, log_var

    def decode(self, h):
        return self.outward(h).reshape(-1, 1, 2, 3)


@pytest.mark.parametrize("event", [(1,), (5,), (4, 7, 7)])
def test_divergence_against_torch(event):
    mean, log_var = normal(3, *event), normal(3, *event, seed=1)
    q = td.Independent(td.Normal(mean, (log_var / 2).exp()), len(event))
    p = td.Independent(td.Normal(torch.zeros_like(mean), torch.ones_like(mean)), len(event))
    torch.testing.assert_close(kl_to_normal(mean, log_var), td.kl_divergence(q, p))
    assert kl_to_normal(mean.float(), log_var.float()).dtype == torch.float32


def test_divergence_is_zero_only_at_the_standard_normal():
    zeros = torch.zeros(1, 4, dtype=F64)
    assert kl_to_normal(zeros, zeros).item() == 0
    for mean, log_var in ((zeros + 0.1, zeros), (zeros, zeros + 0.1), (zeros, zeros - 0.1)):
        assert kl_to_normal(mean, log_var) > 0


def test_loss_by_hand():
    """Pixel by pixel, with the probabilities themselves; the gradient against finite differences."""
    model = Affine(6, 2)
    x = torch.rand(3, 1, 2, 3, generator=seeded(), dtype=F64) * 2 - 1
    noise = normal(3, 2)
    mean, log_var = model.encode(x)
    total = 0.0
    for i in range(3):
        h = mean[i] + log_var[i].exp().sqrt() * noise[i]
        probability = 1 / (1 + (-model.decode(h[None])[0]).exp())
        ink = (x[i] + 1) / 2
        total -= (ink * probability.log() + (1 - ink) * (1 - probability).log()).sum()
        total += 0.3 * sum(0.5 * (m**2 + v.exp() - 1 - v) for m, v in zip(mean[i], log_var[i], strict=True))
    loss = vae_loss(model, x, weight=0.3, noise=noise)
    torch.testing.assert_close(loss, total / 3)

    def with_weights(weight):
        return vae_loss(_Swapped(model, weight), x, weight=0.3, noise=noise)

    assert torch.autograd.gradcheck(with_weights, model.inward.weight.detach().clone().requires_grad_())


class _Swapped:
    """The affine model with another first matrix."""

    def __init__(self, model, weight):
        self.model, self.weight, self.decode = model, weight, model.decode

    def encode(self, x):
        mean, log_var = (x.flatten(1) @ self.weight.T + self.model.inward.bias).chunk(2, 1)
        return mean, log_var


def test_noise_is_standard_normal_and_seeded():
    model, x = Autoencoder(dim=4), torch.zeros(6, 1, 28, 28)
    assert vae_loss(model, x, generator=seeded(3)) == vae_loss(model, x, noise=torch.randn(6, 4, generator=seeded(3)))
    assert vae_loss(model, x, generator=seeded(3)) != vae_loss(model, x, generator=seeded(4))


def test_weight_counts_the_divergence():
    model, x, noise = Autoencoder(dim=4), torch.zeros(2, 1, 28, 28), torch.zeros(2, 4)
    slope = vae_loss(model, x, weight=2.0, noise=noise) - vae_loss(model, x, weight=1.0, noise=noise)
    torch.testing.assert_close(slope, kl_to_normal(*model.encode(x)).mean(), atol=1e-3, rtol=0)


def linear_model(d: int = 5, k: int = 2, seed: int = 0):
    W, b, s = normal(d, k, seed=seed), normal(d, seed=seed + 1), 0.7
    x, mean, log_var = normal(4, d, seed=seed + 2), normal(4, k, seed=seed + 3), normal(4, k, seed=seed + 4)
    return x, mean, log_var, W, b, s


@pytest.mark.parametrize("seed", range(5))
def test_linear_bound_and_its_gap(seed):
    """log p(x) = bound + KL(q || posterior), with densities and divergences of torch."""
    x, mean, log_var, W, b, s = linear_model(seed=10 * seed)
    log_p = td.MultivariateNormal(b, W @ W.T + s**2 * torch.eye(5, dtype=F64)).log_prob(x)
    precision = torch.eye(2, dtype=F64) + W.T @ W / s**2
    centre = torch.linalg.solve(precision, W.T @ (x - b).T / s**2).T
    posterior = td.MultivariateNormal(centre, precision_matrix=precision)
    q = td.MultivariateNormal(mean, torch.diag_embed(log_var.exp()))
    gap = td.kl_divergence(q, posterior)
    torch.testing.assert_close(linear_bound(x, mean, log_var, W, b, s) + gap, log_p)


def test_no_gap_with_the_best_encoder_on_principal_axes():
    x, _, _, W, b, s = linear_model()
    W = torch.linalg.qr(W)[0] * torch.tensor([2.0, 0.5], dtype=F64)
    precision = 1 + W.square().sum(0) / s**2
    mean = (x - b) @ W / s**2 / precision
    log_p = td.MultivariateNormal(b, W @ W.T + s**2 * torch.eye(5, dtype=F64)).log_prob(x)
    bound = linear_bound(x, mean, -precision.log().expand_as(mean), W, b, s)
    torch.testing.assert_close(bound, log_p, rtol=0, atol=1e-12)


def test_linear_bound_is_the_mean_over_noises():
    """Of log p(x|h) minus the divergence, over 20,000 draws of h, within five standard errors."""
    x, mean, log_var, W, b, s = (value[:1] if i < 3 else value for i, value in enumerate(linear_model()))
    h = mean + (log_var / 2).exp() * normal(20_000, 2, seed=9)
    values = td.Normal(h @ W.T + b, s).log_prob(x).sum(1) - kl_to_normal(mean, log_var)
    error = values.std() / math.sqrt(len(values))
    assert (values.mean() - linear_bound(x, mean, log_var, W, b, s)[0]).abs() < 5 * error


def test_bad_input(unchecked):
    zeros = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"mean \(2, 3\), log_var \(2, 4\)"):
        kl_to_normal(zeros, torch.zeros(2, 4))
    with pytest.raises(ValueError, match="batch of at least 1"):
        kl_to_normal(zeros[:0], zeros[:0])
    for log_var in (zeros + 100, zeros + math.nan):
        with pytest.raises(ValueError, match="whose exponential is finite, got up to"):
            kl_to_normal(zeros, log_var)
    model, x = Autoencoder(dim=3), torch.zeros(2, 1, 28, 28)
    for weight in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="weight of at least 0"):
            vae_loss(model, x, weight=weight)
    for images in (x[:0], x + 1.5, x - 2, x + math.nan):
        with pytest.raises(ValueError, match="pixels from -1 to 1"):
            vae_loss(model, images)
    with pytest.raises(ValueError, match=r"noise \(2, 4\)"):
        vae_loss(model, x, noise=torch.zeros(2, 4))
    x, mean, log_var, W, b, s = linear_model()
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="positive standard deviation"):
            linear_bound(x, mean, log_var, W, b, bad)
    for wrong in ((x[:, :4], mean, b), (x, mean[:, :1], b), (x, mean, b[:4]), (x, mean[:3], b)):
        with pytest.raises(ValueError, match=r"for W of \(5, 2\)"):
            linear_bound(wrong[0], wrong[1], log_var, W, wrong[2], s)
