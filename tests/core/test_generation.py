"""Samples made by `generate` against closed forms, and the source of the bridge against NumPy."""

import math

import numpy as np
import pytest
import torch

from course_utils.data import batches
from course_utils.distributions import GaussianMixture
from course_utils.guidance import generate
from course_utils.losses import drop_labels, stratified_times
from course_utils.metrics import sliced_wasserstein
from course_utils.networks import MLP, Residual
from course_utils.paths import GaussianPath, bridge_source, marginal
from course_utils.simulators import euler_step

RATES = torch.tensor([-1.0, 0.5, 2.0, -2.0])  # of labels 0, 1, 2 and of the null label


def linear(x, t, y=None):
    y = torch.full((len(x),), 3) if y is None else y
    return RATES[y].reshape(-1, *[1] * (x.ndim - 1)) * x


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("event", [(1,), (2,), (1, 28, 28)])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1.5])
def test_midpoint_steps_along_the_guided_field(event, scale):
    """x' = k x: a midpoint step multiplies by 1 + h k + (h k)^2 / 2."""
    y = torch.tensor([0, 1, 2, 1, 0])
    samples = generate(linear, y, scale=scale, steps=7, null=3, event_shape=event, generator=seeded())
    hk = (((1 - scale) * RATES[3] + scale * RATES[y]) / 7).reshape(-1, *[1] * len(event))
    x0 = torch.randn(5, *event, generator=seeded())
    torch.testing.assert_close(samples, x0 * (1 + hk + hk**2 / 2) ** 7)


def test_steps_and_step_function_are_those_given():
    y = torch.tensor([2, 0])
    samples = generate(linear, y, steps=3, step=euler_step, event_shape=(2,), generator=seeded())
    torch.testing.assert_close(samples, torch.randn(2, 2, generator=seeded()) * (1 + RATES[y][:, None] / 3) ** 3)


def test_the_size_of_the_chunks_changes_nothing(capfd):
    y = torch.arange(50) % 3
    whole = generate(linear, y, event_shape=(2,), generator=seeded())
    parts = generate(linear, y, event_shape=(2,), generator=seeded(), chunk=7, progress=True)
    torch.testing.assert_close(parts, whole)
    assert "8/8" in capfd.readouterr().err


def test_the_null_label_is_the_models_own_unless_given():
    y = torch.tensor([0, 1])
    own = generate(linear, y, scale=2.0, event_shape=(2,), generator=seeded())
    torch.testing.assert_close(own, generate(linear, y, scale=2.0, null=3, event_shape=(2,), generator=seeded()))


def test_the_ode_and_the_sde_end_in_the_data_distribution():
    """Data N(1 + y, 0.25): mean and variance of 20,000 ends; the SDE forgets its noise, the ODE does not."""
    data = {y: GaussianMixture(torch.full((1, 1), 1.0 + y), torch.full((1, 1, 1), 0.25)) for y in (0, 1)}
    data[None] = data[0]
    field, n, y = marginal(GaussianPath(), data).velocity, 20_000, torch.arange(20_000) % 2
    x0 = torch.randn(n, 1, generator=seeded())
    kept = []
    for sigma in (None, lambda t: (2 * (1 - t)).sqrt()):
        end = generate(field, y, steps=200, sigma=sigma, event_shape=(1,), generator=seeded(), chunk=5000)
        off = end - (1 + y[:, None])
        assert abs(off.mean()) < 5 * 0.5 / math.sqrt(n) + 0.002  # 0.002, and 0.004 below: steps of 1/200
        assert abs(off.var() - 0.25) < 5 * 0.25 * math.sqrt(2 / n) + 0.004
        kept.append(torch.corrcoef(torch.cat([off, x0], 1).T)[0, 1])
    assert kept[0] > 0.999 and kept[1] < 0.9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sigma", [None, lambda t: 1 - t], ids=["ode", "sde"])
@pytest.mark.parametrize("make", [lambda: MLP(2, 8, 1, 4), lambda: Residual(linear, torch.ones_like, MLP(2, 8, 1, 3))])
def test_samples_have_the_precision_of_the_model(make, sigma, dtype):
    """Whatever torch's default is; without parameters it is that."""
    model = make().to(dtype)
    found = generate(model, torch.tensor([0, 1, 2]), scale=1.5, sigma=sigma, event_shape=(2,), generator=seeded())
    assert found.dtype == dtype and found.isfinite().all()


def test_samples_of_a_bare_function_have_the_default_precision():
    y = torch.tensor([0, 1, 2])
    before = torch.get_default_dtype()
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            found = generate(linear, y, steps=1, step=euler_step, event_shape=(2,), generator=seeded())
        finally:
            torch.set_default_dtype(before)
        x0 = torch.randn(3, 2, generator=seeded(), dtype=dtype)
        torch.testing.assert_close(found, x0 * (1 + RATES[:3, None].to(dtype)))


@pytest.mark.parametrize("y", [torch.tensor([0.0, 1.0]), torch.tensor([[0], [1]]), torch.tensor([True, False])])
def test_labels_are_whole_numbers_one_a_sample(y, unchecked):
    with pytest.raises(ValueError, match="expected (whole numbers as labels|labels of shape)"):
        generate(linear, y, event_shape=(2,))


class Elsewhere:
    """What a generator on another device looks like; there is none here to draw from."""

    device = torch.device("meta")


def test_noise_is_made_where_its_generator_lives(monkeypatch, unchecked):
    """Every function that draws by itself says so to torch, which else would look for it on the processor."""
    asked = []

    def watched(draw):
        def watching(*args, generator=None, **options):
            if isinstance(generator, Elsewhere):
                asked.append(options.pop("device").type)
                generator = None
            return draw(*args, generator=generator, **options)

        return watching

    for name in ("rand", "randn", "randint", "randperm"):
        monkeypatch.setattr(torch, name, watched(getattr(torch, name)))
    z, y = torch.zeros(4, 2), torch.tensor([0, 1, 2, 0])
    for draw in (
        lambda: stratified_times(4, Elsewhere()),
        lambda: drop_labels(y, 0.5, 3, generator=Elsewhere()),
        lambda: sliced_wasserstein(z, z, generator=Elsewhere()),
        lambda: next(batches(z, batch_size=2, generator=Elsewhere())),
        lambda: generate(linear, y, event_shape=(2,), generator=Elsewhere()),
        lambda: generate(MLP(2, 8, 1, 4), y, event_shape=(2,), generator=Elsewhere(), sigma=lambda t: 1 - t),
    ):
        asked.clear()
        draw()
        assert asked and set(asked) == {"meta"}


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": -1}, {"chunk": 0}, {"chunk": -5}])
def test_steps_and_chunks_are_at_least_one(options):
    with pytest.raises(ValueError, match="steps and chunk of at least 1"):
        generate(linear, torch.tensor([0]), event_shape=(2,), **options)


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (3, 2, 8, 12)])
def test_the_source_of_the_bridge(shape):
    z, noise = torch.randn(2, *shape, generator=seeded(), dtype=torch.float64)
    b, c, h, w = shape
    small = z.numpy().reshape(b, c, h // 4, 4, w // 4, 4).mean((3, 5))
    expected = np.kron(small, np.ones((4, 4))) + 0.3 * noise.numpy()
    np.testing.assert_allclose(bridge_source(z, noise, 0.3), expected)


@pytest.mark.parametrize(
    ("z", "noise", "words"),
    [((2, 1, 28, 28), (2, 1, 7, 7), "equal shapes"), ((2, 1, 30, 28), (2, 1, 30, 28), r"got shape \(2, 1, 30, 28\)"),
     ((2, 784), (2, 784), "4×4")],
)  # fmt: skip
def test_the_source_refuses_what_has_no_blocks(z, noise, words, unchecked):
    with pytest.raises(ValueError, match=words):
        bridge_source(torch.zeros(z), torch.zeros(noise), 0.3)
