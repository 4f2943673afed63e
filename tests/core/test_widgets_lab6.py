"""Sliders of Lab 6: what they show, against what is computed by hand."""

import math

import pytest
import torch
from torch.distributions import Normal

from course_utils import widgets
from course_utils.latents import Latents
from course_utils.networks import Autoencoder, Transformer, patchify
from course_utils.plotting.images import pixels


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(explorer, **values):
    return explorer._draw(**values)


def small_latents() -> Latents:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        autoencoder = Autoencoder(4, (8, 1), (8, 1), (8, 0))
        for p in autoencoder.parameters():
            torch.nn.init.normal_(p, 0, 0.2)
    return Latents(autoencoder, torch.arange(4.0), torch.arange(1.0, 5.0))


def test_a_walk_moves_the_mean_latent():
    space, images = small_latents(), torch.rand(2, 1, 28, 28, generator=seeded()) * 2 - 1
    directions = {"ink": torch.tensor([1.0, 0, 0, 0]), "slant": torch.tensor([0, 0.5, 0, 0])}
    explorer = widgets.lab6.explore_walk(space, images, directions, names=("3", "5"))
    with torch.no_grad():
        mean = space.autoencoder.encode(images)[0][1]
        own = mean + torch.tensor([2.0, 0, 0, 0]) * 1 + torch.tensor([0, -0.5, 0, 0]) * 2
        walked = 2 * space.autoencoder.decode(own[None]).sigmoid() - 1
    expected = pixels(torch.stack([images[1, 0], walked[0, 0]])[None])
    found = drawn(explorer, digit=1, ink=2.0, slant=-1.0)["images"]
    assert (found.float() - expected.float()).abs().max() <= 1
    with pytest.raises(ValueError, match="expected 2 names, one a digit, got 1"):
        widgets.lab6.explore_walk(space, images, directions, names=("3",))


def test_a_place_in_the_plane_is_decoded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        autoencoder = Autoencoder(2, (8, 1), (8, 1), (8, 0))
        for p in autoencoder.parameters():
            torch.nn.init.normal_(p, 0, 0.2)
    space = Latents(autoencoder, torch.tensor([0.5, -1.0]), torch.tensor([2.0, 0.25]))
    points, labels = torch.randn(30, 2, generator=seeded()), torch.arange(30) % 10
    found = drawn(widgets.lab6.explore_plane(space, points, labels), h1=1.5, h2=-2.0)
    assert found["place"] == ([1.5], [-2.0])
    with torch.no_grad():
        decoded = torch.tanh(autoencoder.decode(torch.tensor([[0.5 + 2.0 * 1.5, -1.0 - 0.25 * 2.0]])) / 2)
    assert (found["images"].float() - pixels(decoded).float()).abs().max() <= 1
    with pytest.raises(ValueError, match="expected latents of 2 numbers, got 4"):
        widgets.lab6.explore_plane(small_latents(), points, labels)


@pytest.mark.parametrize("mean, log_var", [(0.0, 0.0), (1.2, -2.0)])
def test_bound_and_gap_add_up_to_log_p(mean, log_var):
    """By numerical integration over the latent."""
    x, w, s = 1.5, 1.5, 0.8
    found = drawn(widgets.lab6.explore_bound(x, w=w, s=s), mean=mean, log_var=log_var)
    h = torch.linspace(-12, 12, 200_001).double()
    q = Normal(mean, math.exp(log_var / 2)).log_prob(h)
    joint = Normal(w * h, s).log_prob(torch.tensor(x)) + Normal(0.0, 1.0).log_prob(h)
    bound = torch.trapezoid(q.exp() * (joint - q), h).item()
    log_p = torch.trapezoid(joint.exp(), h).log().item()
    top = found["gap"]["y"] + found["gap"]["height"]
    assert top == pytest.approx(log_p, abs=1e-5)
    assert found["bound"]["height"] + widgets.lab6.LOWEST == pytest.approx(bound, abs=1e-4)
    assert f"gap {log_p - bound:.3f}" in found["words"]


def test_no_gap_at_the_posterior():
    variance = 1 / (1 + 1.5**2 / 0.8**2)
    explorer = widgets.lab6.explore_bound(1.5)
    found = drawn(explorer, mean=variance * 1.5 * 1.5 / 0.8**2, log_var=math.log(variance))
    assert abs(found["gap"]["height"]) < 1e-5


def test_the_flow_ends_in_what_it_predicts():
    """With the field that leads straight to a point of each label, whatever w is."""
    ends = torch.randn(10, 3, generator=seeded())

    def model(h, t, y=None):
        target = ends.mean(0).expand_as(h) if y is None else ends[y]
        return (target - h) / (1 - torch.as_tensor(t)).clamp(min=1e-3)

    def decode(h):
        return h.tanh().reshape(-1, 1, 1, 3)

    explorer = widgets.lab6.explore_latent_flow(model, decode, dim=3, scales=(1.0, 2.0), steps=10)
    clean = pixels(torch.stack([decode(ends)[:, 0], decode(ends)[:, 0]]))
    start = drawn(explorer, w=1.0, t=0.0)["images"]
    assert (start[3:].float() - clean[3:].float()).abs().max() <= 1
    state = pixels(decode(torch.randn(10, 3, generator=seeded()))[None, :, 0])
    assert (start[:1].float() - state.float()).abs().max() <= 1


def test_attention_is_that_of_the_network_at_the_time():
    """Recomputed from the tokens before the first block."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Transformer((1, 12, 12), patch=4, width=8, depth=2, heads=2, num_classes=10, size=8, margin=2)
        for p in net.parameters():
            torch.nn.init.normal_(p, 0, 0.5)
    images, noise = torch.rand(2, 1, 12, 12, generator=seeded()), torch.randn(2, 1, 12, 12, generator=seeded(1))
    y = torch.tensor([3, 8])
    explorer = widgets.lab6.explore_attention(net, images, y, noise=noise, ts=(0.5, 0.9))
    found = drawn(explorer, digit=1, row=0, column=1, t=0.9)["images"][..., 0].float()
    assert found.shape == (2 * 14 - 2, 3 * 14 - 2)
    x = 0.9 * images + 0.1 * noise
    with torch.no_grad():
        tokens = net.inward(patchify(x[:, :, 2:-2, 2:-2], 4)) + net.places
        block = net.blocks[0]
        s, b, *_ = block.modulation(torch.nn.functional.silu(net.embedding(x, 0.9, y)))[:, None].chunk(6, -1)
        q, k, _ = block.attention.split((1 + s) * block.norm(tokens) + b)
        weights = (q @ k.mT / 2).softmax(-1)[1, :, 1].reshape(2, 2, 2)
    for head in range(2):
        shown = found[2:10, 14 * (head + 1) + 2 : 14 * (head + 1) + 10]
        expected = 127.5 - 127.5 * (2 * weights[head] / weights[head].max() - 1)
        assert torch.allclose(shown[::4, ::4], expected, atol=1.01)
    assert (found[2:6, 6] == 0).all()  # the frame's left edge
