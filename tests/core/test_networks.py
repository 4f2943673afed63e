"""Networks: shapes, labels, and formulas recomputed by hand."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils.networks import (
    MLP,
    Classifier,
    Embedding,
    FourierFeatures,
    Residual,
    ResidualBlock,
    ResidualScale,
    UNet,
    fourier_features,
)
from course_utils.schedules import Cosine

IMAGES = {"unet": (lambda: UNet(10), (1, 28, 28)), "small": (lambda: UNet(10, 2, (8, 16), 1, 16), (2, 8, 12))}
VECTORS = {"mlp1": (lambda: MLP(1, 16, 2, 10), (1,)), "mlp2": (lambda: MLP(2, 16, 3, 10, frequencies=(1, 2)), (2,))}
MODELS = pytest.mark.parametrize("make, event", (IMAGES | VECTORS).values(), ids=(IMAGES | VECTORS).keys())


def randomised(model, seed=0):
    """The model with every weight random: networks start with zeros that would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.3, generator=generator)
    return model


def test_fourier_features_against_numpy():
    t, frequencies = torch.tensor([[0.0, 0.3], [0.7, 1.0]]), torch.tensor([0.5, 1.0, 3.0])
    waves = np.exp(2j * np.pi * t.numpy()[..., None] * frequencies.numpy())
    expected = np.concatenate([waves.real, waves.imag], -1)
    np.testing.assert_allclose(fourier_features(t, frequencies).numpy(), expected, atol=1e-5)
    layer = FourierFeatures((0.5, 1.0, 3.0))
    assert layer.size == 6
    np.testing.assert_allclose(layer(t).numpy(), expected, atol=1e-5)


@MODELS
def test_shape_in_both_precisions(make, event):
    for dtype in (torch.float32, torch.float64):
        x, t = torch.randn(3, *event, dtype=dtype), torch.rand(3, dtype=dtype)
        out = make().to(dtype)(x, t, torch.tensor([0, 4, 10]))
        assert out.shape == x.shape and out.dtype == dtype


@MODELS
def test_a_state_depends_on_its_own_time_and_label_only(make, event):
    model = randomised(make()).double()
    x = torch.randn(4, *event, dtype=torch.double)
    t, y = torch.tensor([0.1, 0.4, 0.4, 0.9]).double(), torch.tensor([1, 1, 7, 10])
    together = model(x, t, y)
    for i in range(4):
        torch.testing.assert_close(model(x[i : i + 1], t[i], y[i : i + 1])[0], together[i])
    assert not torch.allclose(model(x, t, torch.tensor([2, 1, 7, 10]))[0], together[0])
    assert not torch.allclose(model(x, t + 0.05, y), together)


@MODELS
def test_no_label_is_the_null_label(make, event):
    model, x = randomised(make()), torch.randn(3, *event)
    torch.testing.assert_close(model(x, 0.5), model(x, torch.full((3,), 0.5), torch.full((3,), 10)))


@MODELS
def test_bad_input(make, event):
    model, x = make(), torch.randn(3, *event)
    for y in ([0, 1, 11], [-1, 0, 1]):
        with pytest.raises(ValueError, match="labels from 0 to 10"):
            model(x, torch.tensor(0.5), torch.tensor(y))
    with pytest.raises(ValueError, match=r"labels of shape \(3,\)"):
        model(x, torch.tensor(0.5), torch.tensor([1, 2]))
    with pytest.raises((ValueError, TypeError)):  # a TypeError where annotations are checked
        model(x, torch.rand(3, 1))


@MODELS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bool, torch.complex64])
def test_labels_are_whole_numbers(make, event, dtype, unchecked):
    with pytest.raises(ValueError, match=f"expected whole numbers as labels, .* got {dtype}"):
        make()(torch.randn(3, *event), torch.tensor(0.5), torch.tensor([0, 1, 1]).to(dtype))


@MODELS
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_labels_of_every_integer_type(make, event, dtype):
    model, x, t = randomised(make()), torch.randn(3, *event), torch.tensor(0.5)
    y = torch.tensor([0, 4, 10])
    assert torch.equal(model(x, t, y.to(dtype)), model(x, t, y))


@MODELS
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_whole_numbers_as_states_are_computed_as_floats(make, event, dtype):
    """And the time is not cut to a whole number."""
    model, t = randomised(make()), torch.tensor([0.2, 0.5, 0.9])
    x = torch.randint(0, 9, (3, *event))
    for network in (model, Residual(lambda x, t: -x * t.reshape(-1, *[1] * len(event)), torch.ones_like, model)):
        assert torch.equal(network(x.to(dtype), t), network(x.float(), t))


def test_labels_for_a_network_without():
    with pytest.raises(ValueError, match="num_classes = 0"):
        MLP(2)(torch.randn(2, 2), torch.tensor(0.5), torch.tensor([0, 0]))


@pytest.mark.parametrize("shape", [(1, 1, 27, 28), (1, 1, 28, 30), (1, 3, 28, 28), (1, 28, 28), (1, 784), (1, 1, 0, 4)])
def test_image_sizes_that_do_not_fit(shape, unchecked):
    with pytest.raises(ValueError, match="multiples of 4"):
        UNet(10)(torch.randn(shape), torch.tensor(0.5))


def test_sizes_of_networks_that_do_not_fit():
    with pytest.raises(ValueError, match="multiples of 8"):
        UNet(10, channels=(12, 64))
    with pytest.raises(ValueError, match="at least 1"):
        MLP(2, depth=0)
    with pytest.raises(ValueError, match=r"\(batch, 2\)"):
        MLP(2)(torch.randn(4, 3), torch.tensor(0.5))
    with pytest.raises(ValueError, match="num_classes of at least 0"):
        MLP(2, num_classes=-1)


def test_a_network_introduces_itself_in_one_line():
    """With its sizes, and the number of its parameters counted anew."""
    images = "num_classes=10, image_channels=2, channels=(8, 16), blocks=1, size=16, margin=2"
    shown = {
        UNet(10, 2, (8, 16), 1, 16, 2): f"UNet({images})",
        MLP(2, 16, 4, 3): "MLP(dim=2, hidden=16, depth=4, num_classes=3)",
        Classifier(): "Classifier()",
        Embedding(8, 10): "Embedding(size=8, num_classes=10)",
        FourierFeatures((1, 2)): "FourierFeatures(size=4)",
        ResidualBlock(8, 16): "ResidualBlock(channels=8, size=16)",
        ResidualScale(torch.ones(784)): "ResidualScale(784 variances, Linear)",
        Residual(lambda x, t: -x, torch.ones_like, UNet(), start=0.3): "Residual(net=UNet, start=0.3)",
    }
    for network, words in shown.items():
        count = sum(math.prod(value.shape) for name, value in network.named_parameters())
        assert repr(network) == f"{words}, {count:,} parameters"


def test_residual_block_by_hand():
    block = randomised(ResidualBlock(16, 6)).double()
    x, embedding = torch.randn(2, 16, 5, 4).double(), torch.randn(2, 6).double()
    groups = x.reshape(2, 8, -1)
    normed = (groups - groups.mean(-1, True)) / (groups.var(-1, keepdim=True, correction=0) + 1e-5).sqrt()
    silu = embedding / (1 + (-embedding).exp())
    scale, shift = (silu @ block.modulation.weight.T + block.modulation.bias).split(16, 1)
    h = normed.reshape(x.shape) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
    h = F.conv2d(h, block.conv1.weight, block.conv1.bias, padding=1)
    h = F.conv2d(h / (1 + (-h).exp()), block.conv2.weight, block.conv2.bias, padding=1)
    torch.testing.assert_close(block(x, embedding), x + h)


def test_an_untrained_block_changes_nothing():
    x = torch.randn(2, 16, 4, 4)
    assert torch.equal(ResidualBlock(16, 6)(x, torch.randn(2, 6)), x)


def test_unet_sees_the_whole_image():
    """Every output pixel depends on a corner pixel at least as far as its receptive field says."""
    model = randomised(UNet(10)).double()
    x = torch.randn(1, 1, 28, 28, dtype=torch.double, requires_grad=True)
    model(x, torch.tensor(0.5).double())[0, 0, 14, 14].backward()
    assert (x.grad[0, 0, 4:24, 4:24] != 0).all()


@pytest.mark.parametrize("t", [0.3, torch.tensor(0.3), torch.tensor([0.1, 0.3, 0.9])])
def test_residual_by_hand(t):
    net, x, y = randomised(MLP(2, 16, 2, 3)), torch.randn(3, 2), torch.tensor([0, 1, 3])
    model = Residual(lambda x, t, y: -x * y[:, None], lambda t: 1 + t, net)
    scale = 1 + torch.as_tensor(t).expand(3)[:, None]
    torch.testing.assert_close(model(x, t, y), -x * y[:, None] + scale * net(x, t, y))


def test_residual_is_its_base_before_the_start():
    calls = []

    class Net(torch.nn.Module):
        def forward(self, x, t, y=None):
            calls.append(t)
            return torch.ones_like(x)

    model, x = Residual(lambda x, t: 2 * x, lambda t: 3 + t, Net(), start=0.3), torch.randn(3, 2)
    assert torch.equal(model(x, torch.tensor(0.29)), 2 * x) and calls == []
    assert torch.equal(model(x, torch.tensor(0.3)), 2 * x + torch.tensor(3.3))
    torch.testing.assert_close(model(x, torch.tensor([0.1, 0.3, 0.9])), 2 * x + torch.tensor([[0.0], [3.3], [3.9]]))


def test_unet_leaves_its_margin_alone():
    model, x, t, y = randomised(UNet(10, margin=2)), torch.randn(3, 1, 28, 28), torch.rand(3), torch.tensor([0, 5, 10])
    whole = UNet(10)
    whole.load_state_dict(model.state_dict())
    expected = torch.zeros_like(x)
    expected[..., 2:-2, 2:-2] = whole(x[..., 2:-2, 2:-2], t, y)
    assert torch.equal(model(x, t, y), expected)
    with pytest.raises(ValueError, match="within the margin of 2"):
        model(torch.randn(1, 1, 30, 30), t[:1])
    with pytest.raises(ValueError, match="margin of at least 0, got -1"):
        UNet(10, margin=-1)


def test_residual_without_labels_calls_a_field():
    model = Residual(lambda x, t: 2 * x, torch.ones_like, randomised(MLP(2, 16, 2)))
    x = torch.randn(3, 2)
    torch.testing.assert_close(model(x, torch.tensor(0.5)), 2 * x + model.net(x, torch.tensor(0.5)))
    assert set(model.state_dict()) == {f"net.{name}" for name in model.net.state_dict()}


def test_residual_scale_closed_form():
    lam = torch.tensor([0.5, 2.0, 4.0])
    for t in (0.0, 0.25, 0.6, 1.0):
        expected = math.sqrt(sum(v / (t**2 * v + (1 - t) ** 2) for v in lam.tolist()) / 3)
        assert ResidualScale(lam)(torch.tensor(t)).item() == pytest.approx(expected, rel=1e-5)
    assert ResidualScale(lam)(torch.rand(5)).shape == (5,)
    assert ResidualScale(4.0)(torch.tensor(0.0)).item() == pytest.approx(2.0)
    with pytest.raises(ValueError, match="positive variances"):
        ResidualScale(torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize("schedule", [None, Cosine()])
def test_residual_scale_is_the_spread_left_in_the_velocity(schedule):
    """Regress the conditional velocity on x for Gaussian data: the residual's standard deviation is the scale."""
    scale, n = ResidualScale(torch.tensor(1.7), schedule), 200_000
    generator = torch.Generator().manual_seed(0)
    z = math.sqrt(1.7) * torch.randn(n, generator=generator, dtype=torch.double)
    noise = torch.randn(n, generator=generator, dtype=torch.double)
    t = torch.tensor(0.6, dtype=torch.double)
    a, b, a_dot, b_dot = (getattr(scale.schedule, name)(t) for name in ("alpha", "beta", "alpha_dot", "beta_dot"))
    x, u = a * z + b * noise, a_dot * z + b_dot * noise
    left = u - (u @ x) / (x @ x) * x
    standard_error = 1 / math.sqrt(2 * n)
    assert (left.std() / scale(t) - 1).abs() < 5 * standard_error


def test_classifier_features_precede_its_logits():
    classifier, x = Classifier(), torch.randn(3, 1, 28, 28)
    features = classifier.features(x)
    assert features.shape == (3, 128) and (features >= 0).all()
    torch.testing.assert_close(classifier(x), features @ classifier.head.weight.T + classifier.head.bias)
