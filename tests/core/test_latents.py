"""Autoencoder and latents: shapes, scaling against NumPy, there and back."""

import numpy as np
import pytest
import torch

from course_utils.latents import Latents
from course_utils.networks import Autoencoder


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def autoencoder(dim: int = 6) -> Autoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Autoencoder(dim, (8, 1), (8, 2), (8, 1))
        for p in model.parameters():
            torch.nn.init.normal_(p, 0, 0.2)
    return model


def images(n: int = 40) -> torch.Tensor:
    return torch.rand(n, 1, 28, 28, generator=seeded()) * 2 - 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_precision(dtype):
    model = autoencoder().to(dtype)
    mean, log_var = model.encode(images(3).to(dtype))
    assert mean.shape == log_var.shape == (3, 6)
    logits = model.decode(mean)
    assert logits.shape == (3, 1, 28, 28) and logits.dtype == dtype
    torch.testing.assert_close(model(images(3).to(dtype)), torch.tanh(logits / 2))


def test_an_image_depends_on_its_own_latent_only():
    model, x = autoencoder().double(), images(4).double()
    together = model.encode(x)[0]
    for i in range(4):
        torch.testing.assert_close(model.encode(x[i : i + 1])[0][0], together[i])
        torch.testing.assert_close(model.decode(together[i : i + 1])[0], model.decode(together)[i])


def test_scaling_against_numpy():
    """Mean and variance of what `encode` draws, over many draws, are those kept; five standard errors."""
    model, x = autoencoder(), images()
    space = Latents.of(model, x)
    mean, log_var = (v.detach().double().numpy() for v in model.encode(x))
    np.testing.assert_allclose(space.mean.numpy(), mean.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(space.scale.numpy() ** 2, mean.var(0) + np.exp(log_var).mean(0), rtol=1e-4)
    draws = torch.cat([space.encode(x, seeded(i)) for i in range(500)]).double()
    n = len(draws)
    assert (draws.mean(0).abs() < 5 / n**0.5).all()
    fourth = draws.pow(4).mean(0)
    assert ((draws.var(0) - 1).abs() < 5 * ((fourth - 1) / n).sqrt()).all()


def test_a_draw_is_the_scaled_mean_plus_the_scaled_noise():
    model, x = autoencoder(), images(5)
    space = Latents(model, torch.full((6,), 2.0), torch.full((6,), 4.0))
    mean, log_var = model.encode(x)
    expected = (mean + (log_var / 2).exp() * torch.randn(5, 6, generator=seeded(3)) - 2) / 4
    torch.testing.assert_close(space.encode(x, seeded(3)), expected)
    assert not space.encode(x, seeded(3)).requires_grad


def test_decoding_undoes_the_scaling():
    model, h = autoencoder(), torch.randn(5, 6, generator=seeded())
    space = Latents(model, torch.arange(6.0), torch.arange(1.0, 7.0))
    expected = torch.tanh(model.decode(h * torch.arange(1.0, 7.0) + torch.arange(6.0)) / 2)
    torch.testing.assert_close(space.decode(h), expected)
    torch.testing.assert_close(space.decode(h, chunk=2), expected)
    assert not space.decode(h).requires_grad


def test_chunks_change_nothing():
    model, x = autoencoder(), images()
    torch.testing.assert_close(Latents.of(model, x, chunk=7).scale, Latents.of(model, x).scale)
    torch.testing.assert_close(
        Latents.of(model, x).encode(x, seeded(), chunk=7), Latents.of(model, x).encode(x, seeded())
    )


def test_bad_input(unchecked):
    model = autoencoder()
    for bad in (images(3)[:, :, :27], images(3)[:, 0], images(3).flatten(1)):
        with pytest.raises(ValueError, match=r"shape \(batch, 1, 28, 28\)"):
            model.encode(bad)
    for bad in (torch.zeros(3, 5), torch.zeros(6), torch.zeros(3, 6, 1)):
        with pytest.raises(ValueError, match=r"shape \(batch, 6\)"):
            model.decode(bad)
    for sizes in ({"dim": 0}, {"encoder": (8, -1)}, {"decoder": (12, 1)}, {"fine": (0, 0)}):
        with pytest.raises(ValueError, match="expected"):
            Autoencoder(**sizes)
    with pytest.raises(ValueError, match="at least 2 images"):
        Latents.of(model, images(1))
    with pytest.raises(ValueError, match=r"of shape \(6,\)"):
        Latents(model, torch.zeros(5), torch.ones(6))
    with pytest.raises(ValueError, match="positive scales"):
        Latents(model, torch.zeros(6), torch.tensor([1.0, 1, 1, 1, 1, 0]))


def test_sizes():
    """The numbers of weights, counted by hand."""
    assert sum(p.numel() for p in Autoencoder().parameters()) == 209_540
    blocks, wide = 2 * (2 * 64**2 * 9 + 4 * 64), 32
    encoder = (4 * 9 + 1) * 32 + (2 * 32**2 * 9 + 4 * 32) + (49 * 32 + 1) * 64
    decoder = 33 * 49 * 64 + blocks + (64 * 9 + 1) * 128 + (2 * 32**2 * 9 + 4 * 32) + (wide * 9 + 1) * 4
    large = Autoencoder(32, (32, 1), (64, 2), (32, 1))
    assert sum(p.numel() for p in large.parameters()) == encoder + decoder == 465_188
    assert repr(large).startswith("Autoencoder(dim=32, encoder=(32, 1), decoder=(64, 2), fine=(32, 1))")
