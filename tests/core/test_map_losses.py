"""Losses of flow maps: 0 at the exact map, and their targets against derivatives worked out by hand."""

import math

import pytest
import torch

from course_utils.distributions import GaussianMixture
from course_utils.losses import (
    average_velocity_loss,
    average_velocity_target,
    lagrangian_loss,
    regression_loss,
    shortcut_loss,
    two_halves,
    two_times,
)
from course_utils.networks import MLP, FlowMap, Transformer, UNet
from course_utils.paths import GaussianPath, LinearPath, average_velocity, marginal
from course_utils.schedules import Cosine, Linear

F64 = torch.float64
LINE = GaussianMixture(
    torch.tensor([[-2.0], [0.3], [1.8]], dtype=F64),
    torch.tensor([0.25, 0.4, 0.2], dtype=F64).square()[:, None, None],
    torch.tensor([0.3, 0.4, 0.3], dtype=F64),
)
GAUSSIAN = GaussianMixture(torch.tensor([[1.0, -2.0]], dtype=F64), torch.tensor([[[1.0, 0.3], [0.3, 0.5]]], dtype=F64))
CASES = {"line": (LINE, Linear()), "line, cosine": (LINE, Cosine()), "Gaussian": (GAUSSIAN, Linear())}
cases = pytest.mark.parametrize(("data", "schedule"), CASES.values(), ids=CASES)
LOSSES = {
    "mean flow": lambda exact: (average_velocity_loss, {"velocity": exact.velocity}),
    "shortcut": lambda exact: (shortcut_loss, {"velocity": exact.velocity}),
    "Lagrangian": lambda exact: (lagrangian_loss, {"velocity": exact.velocity}),
    "regression": lambda exact: (regression_loss, {"flow_map": exact.flow_map}),
}
losses = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=generator(seed))


class Off(torch.nn.Module):
    """The exact average velocity, and `size` times something else."""

    def __init__(self, exact, size=0.0):
        super().__init__()
        self.u = average_velocity(exact.flow_map, exact.velocity)
        self.size = torch.nn.Parameter(torch.tensor(size, dtype=F64))

    def forward(self, x, s, t):
        return self.u(x, s, t) + self.size * torch.sin(2 * x + (s + t * t)[:, None])


@cases
@losses
def test_the_exact_map_costs_nothing(data, schedule, make):
    """With an exact teacher the loss is 0 to rounding, not so a little beside it; and its gradient is 0 there."""
    path = GaussianPath(schedule)
    exact = marginal(path, data)
    loss, teacher = make(exact)
    z = data.draw(200, generator())
    values = []
    for size in (0.0, 0.1, -0.1):
        model = Off(exact, size)
        value = loss(model, z, path=path, generator=generator(1), **teacher)
        (gradient,) = torch.autograd.grad(value, model.size)
        values.append((value.item(), gradient.item()))
    assert values[0][0] < 1e-20 and abs(values[0][1]) < 1e-10
    for (value, gradient), sign in zip(values[1:], (1, -1), strict=True):
        assert value > 1e-4 and sign * gradient > 1e-3


@cases
@pytest.mark.parametrize("loss", [average_velocity_loss, shortcut_loss])
def test_without_a_teacher_the_exact_map_is_stationary(data, schedule, loss):
    """The conditional velocity's mean is the marginal one: the gradients' mean is 0 within 5 standard errors."""
    path = GaussianPath(schedule)
    exact = marginal(path, data)
    for size, stationary in ((0.0, True), (0.5, False)):
        gradients = []
        for seed in range(20):
            model = Off(exact, size)
            value = loss(model, data.draw(500, generator(seed)), path=path, generator=generator(100 + seed))
            gradients.append(torch.autograd.grad(value, model.size)[0])
        gradients = torch.stack(gradients)
        error = gradients.std() / math.sqrt(len(gradients))
        assert (gradients.mean().abs() < 5 * error) == stationary


class TwoTimes:
    """u(x, s, t) = sin(x W + b) + s^2 c + s t d: its derivatives by hand."""

    def __init__(self):
        self.W, self.b, self.c, self.d = normal(2, 2), normal(2, seed=1), normal(2, seed=2), normal(2, seed=3)

    def __call__(self, x, s, t, *y):
        s, t = s[:, None], t[:, None]
        u = torch.sin(x @ self.W + self.b) + s**2 * self.c + s * t * self.d
        return u if not y else u * y[0][:, None]


def case():
    x, v = normal(2, 6, 2, seed=4)
    s, t = torch.rand(2, 6, dtype=F64, generator=generator(5)).sort(0).values
    return x, v, s, t


def test_the_target_of_the_average_velocity_by_hand():
    u, (x, v, s, t) = TwoTimes(), case()
    expected = []
    for state, along, start, end in zip(x, v, s, t, strict=True):
        jacobian = torch.cos(state @ u.W + u.b)[:, None] * u.W.T
        expected.append(along + (end - start) * (jacobian @ along + 2 * start * u.c + end * u.d))
    torch.testing.assert_close(average_velocity_target(u, v, x, s, t), torch.stack(expected))
    y = torch.arange(6)
    doubled = average_velocity_target(u, v, x, s, t, y)
    torch.testing.assert_close(doubled, v + y[:, None] * (torch.stack(expected) - v))


def test_the_target_of_the_average_velocity_by_finite_differences():
    """A network in float64; central differences along (v, 1), whose error falls as the square of their width."""
    torch.manual_seed(0)
    model = FlowMap(MLP(2, hidden=16)).double()
    torch.nn.init.normal_(model.span.time[-1].weight)
    x, v, s, t = case()
    errors = []
    with torch.no_grad():
        for h in (1e-3, 5e-4):
            rate = (model(x + h * v, s + h, t + h) - model(x - h * v, s - h, t - h)) / (2 * h)
            moved = (model(x, s, t + h) - model(x, s, t - h)) / (2 * h)
            expected = v + (t - s)[:, None] * (rate - moved)  # the end stays
            errors.append((average_velocity_target(model, v, x, s, t) - expected).norm().item())
    assert errors[1] < 1e-3 and errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_two_halves_by_hand():
    u, (x, _, s, t) = TwoTimes(), case()
    middle = (s + t) / 2
    first = u(x, s, middle)
    there = x + (middle - s)[:, None] * first
    end = there + (t - middle)[:, None] * u(there, middle, t)
    torch.testing.assert_close(two_halves(u, x, s, t), (end - x) / (t - s)[:, None])
    y = torch.full((6,), 1.0, dtype=F64)
    torch.testing.assert_close(two_halves(u, x, s, t, y), two_halves(u, x, s, t))


@pytest.mark.parametrize("loss", [average_velocity_loss, shortcut_loss, lagrangian_loss])
def test_targets_stand_still(loss):
    """The gradient is that of the squared distance to a fixed target: 2 (u - w) du, and 2 (dX - w) ddX."""
    size = torch.tensor(0.7, dtype=F64, requires_grad=True)
    z, noise = normal(2, 6, 2, seed=6)
    _, _, s, t = case()
    path = GaussianPath()

    def model(x, s, t):
        return size * x * (1 + t)[:, None]

    more = {"velocity": lambda x, t: size.detach() * 3 * x} if loss is lagrangian_loss else {}
    (gradient,) = torch.autograd.grad(loss(model, z, path=path, s=s, t=t, noise=noise, **more), size)
    sample = path.sample(z, s, noise)
    x = sample.x
    with torch.no_grad():
        span, ends = (t - s)[:, None], (1 + t)[:, None]
        if loss is lagrangian_loss:
            moved, rate, slope = x + span * size * x * ends, size * x * (ends + span), x * (ends + span)
            expected = 2 * (rate - size * 3 * moved) * slope
        elif loss is shortcut_loss:
            expected = 2 * (size * x * ends - two_halves(model, x, s, t)) * x * ends
        else:
            expected = 2 * (size * x * ends - average_velocity_target(model, sample.velocity, x, s, t)) * x * ends
    torch.testing.assert_close(gradient, expected.sum(1).mean())


def test_times_in_pairs():
    """Order statistics of two uniform numbers, E s = 1/3 and E t = 2/3, and the share with one time twice: 5 sigma."""
    n = 20_000
    s, t = two_times(n, 0.0, generator())
    assert ((0 <= s) & (s < t) & (t < 1)).all()
    for times, mean in ((s, 1 / 3), (t, 2 / 3)):
        assert abs(times.mean().item() - mean) < 5 * math.sqrt(1 / 18 / n)
    s, t = two_times(n, 0.3, generator())
    assert (s <= t).all() and abs((s == t).double().mean().item() - 0.3) < 5 * math.sqrt(0.21 / n)
    assert torch.equal(*two_times(5, 1.0))
    for n, same in ((0, 0.5), (3, -0.1), (3, 1.1)):
        with pytest.raises(ValueError, match="expected"):
            two_times(n, same)


@losses
def test_labels_and_one_time_for_all(make):
    labelled = marginal(GaussianPath(), {0: LINE, 1: GaussianMixture(torch.ones(1, 1, dtype=F64))})
    loss, teacher = make(labelled)
    u = average_velocity(labelled.flow_map, labelled.velocity)
    z, y = LINE.draw(50, generator()), torch.arange(50) % 2
    for t in (0.2, 0.7):
        value = loss(u, z, y, path=GaussianPath(), s=torch.tensor(0.2), t=torch.tensor(t), **teacher)
        assert value < 1e-20
    asked = []
    spied = {name: lambda *a, f=f: (asked.append(a[-1]), f(*a))[1] for name, f in teacher.items()}
    loss(u, z, y, path=GaussianPath(), **spied)
    assert all(labels is y for labels in asked) and len(asked) == 1


@losses
def test_bad_input_of_losses(make):
    exact = marginal(GaussianPath(), LINE)
    loss, teacher = make(exact)
    z, early, late = LINE.draw(4, generator()), torch.tensor(0.2), torch.tensor([0.7, 0.7, 0.1, 0.7])
    u = average_velocity(exact.flow_map, exact.velocity)
    with pytest.raises(ValueError, match=r"s <= t, got s = 0.2 and t = 0.1"):
        loss(u, z, path=GaussianPath(), s=early, t=late, **teacher)
    with pytest.raises(ValueError, match="both times"):
        loss(u, z, path=GaussianPath(), s=early, **teacher)
    with pytest.raises(ValueError, match="t runs from 0"):
        loss(u, z, path=GaussianPath(), s=early, t=late + 1, **teacher)
    with pytest.raises(ValueError, match="equal shapes"):
        loss(lambda x, s, t: torch.ones_like(x).expand(4, 3) * x, z, path=GaussianPath(), **teacher)


def test_a_bridge_can_be_the_path():
    """From any source: with straight lines u = z - x0 everywhere, which costs nothing."""
    z = normal(20, 2)
    x0 = z - 3.0
    for loss in (average_velocity_loss, shortcut_loss):
        value = loss(lambda x, s, t: 0 * x + 3.0, z, path=LinearPath(), noise=x0, generator=generator())
        assert value < 1e-20


# networks of two times


NETS = {
    "points": (lambda: MLP(2, hidden=32, num_classes=3), (2,)),
    "images": (lambda: UNet(num_classes=3, channels=(8, 8), size=32, margin=2), (1, 12, 12)),
    "patches": (lambda: Transformer((1, 12, 12), patch=4, width=16, depth=1, num_classes=3, size=32, margin=2),
                (1, 12, 12)),
}  # fmt: skip
nets = pytest.mark.parametrize(("make", "event"), NETS.values(), ids=NETS)


def shaken(net):
    """Every weight drawn anew: an untrained network has layers that are 0."""
    torch.manual_seed(0)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return net


@nets
def test_an_untrained_span_changes_nothing(make, event):
    """A flow map made of a finished network is that network's velocity, whatever the end, until it is trained."""
    net = shaken(make())
    model = FlowMap(net)
    x, y = torch.randn(5, *event, generator=generator()), torch.tensor([0, 1, 2, 3, 0])
    s, t = torch.rand(2, 5, generator=generator()).sort(0).values
    torch.testing.assert_close(model(x, s, t, y), net(x, s, y))
    torch.testing.assert_close(model(x, 0.3, 0.7), net(x, 0.3))
    shaken(model.span)
    assert (model(x, s, t, y) - net(x, s, y)).abs().amax(tuple(range(1, x.ndim))).gt(1e-3).all()


@nets
@pytest.mark.parametrize("mode", ["forward", "both"])
def test_networks_have_forward_derivatives(make, event, mode):
    """`torch.func.jvp` against central differences, in float64; also where gradients are recorded."""
    net = shaken(make()).double()
    x, v = torch.randn(2, 3, *event, dtype=F64, generator=generator())
    t, y = torch.rand(3, dtype=F64, generator=generator()), torch.tensor([0, 1, 2])
    one, h = torch.ones_like(t), 1e-5
    with torch.set_grad_enabled(mode == "both"):
        u, rate = torch.func.jvp(lambda x, t: net(x, t, y), (x, t), (v, one))
    with torch.no_grad():
        difference = (net(x + h * v, t + h, y) - net(x - h * v, t - h, y)) / (2 * h)
        torch.testing.assert_close(rate.detach(), difference, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(u.detach(), net(x, t, y))
    if mode == "both":
        gradient = torch.autograd.grad(rate.square().sum(), next(net.parameters()))[0]
        assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_the_feature_maps_of_an_image_keep_their_fast_format():
    """Outside of forward mode group norm sees channels last, as before; inside, the ordinary format."""
    net = UNet(channels=(8, 8), size=32)
    seen = []
    net.before.norm.register_forward_pre_hook(
        lambda _, args: seen.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    x, t = torch.randn(2, 1, 12, 12), torch.rand(2)
    net(x, t)
    torch.func.jvp(net, (x, t), (x, torch.ones_like(t)))
    assert seen == [True, False]


def test_a_flow_map_adds_its_base_and_its_scale():
    exact = marginal(GaussianPath(), GAUSSIAN)
    u = average_velocity(exact.flow_map, exact.velocity)
    net = shaken(MLP(2, hidden=16)).double()
    x, _, s, t = case()
    model = FlowMap(net, base=u, scale=lambda s: 1 + s)
    expected = u(x, s, t) + (1 + s)[:, None] * net(x, s)
    torch.testing.assert_close(model(x, s, t), expected)
    torch.testing.assert_close(model.flow_map(x, s, t), x + (t - s)[:, None] * expected)
    assert torch.equal(model.flow_map(x, s, s), x)
    torch.testing.assert_close(FlowMap(net, scale=lambda s: 1 + s)(x, 0.5, 0.5), 1.5 * net(x, 0.5))


def test_bad_input_of_a_flow_map(unchecked):
    model, x = FlowMap(MLP(2, hidden=8)), torch.zeros(3, 2)
    for call in (model, model.flow_map):
        with pytest.raises(ValueError, match="s <= t, got s = 0.5 and t = 0.2"):
            call(x, 0.5, torch.tensor([0.7, 0.2, 0.6]))
        with pytest.raises(ValueError, match="t runs from 0"):
            call(x, 0.5, 1.5)
        with pytest.raises(ValueError, match="shape"):
            call(x, torch.zeros(3, 1), 1.0)
    with pytest.raises(ValueError, match="network with an Embedding"):
        FlowMap(torch.nn.Linear(2, 2))
