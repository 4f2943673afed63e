"""Networks of angles, rotations and plans; an observation passes where a label does, through loss, fit and simulate."""

import pytest
import torch

from course_utils import data
from course_utils.guidance import condition, plug_in
from course_utils.losses import flow_matching_loss, stratified_times
from course_utils.manifolds import Rotations, Torus, skew, unskew
from course_utils.networks import MLP, ChainConv, PeriodicMLP, Policy, RotationMLP
from course_utils.paths import GaussianPath, GeodesicPath
from course_utils.shapes import expand_time
from course_utils.simulators import geodesic_step, simulate
from course_utils.steering import best_of
from course_utils.training import fit

F64 = torch.float64
TURN = 2 * torch.pi


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(autouse=True)
def double():
    torch.manual_seed(0)
    torch.set_default_dtype(F64)
    yield
    torch.set_default_dtype(torch.float32)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed))


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (lambda: PeriodicMLP(3, hidden=16), (5, 3)),
        (lambda: ChainConv(channels=8, depth=2), (5, 9, 2)),
        (lambda: ChainConv(angles=3, channels=8, depth=1, waves=1), (5, 4, 3)),
    ],
)
def test_networks_of_angles_know_no_seam(model, shape):
    model, x = model(), normal(*shape)
    turned = x.clone()
    turned[..., 0] += TURN
    turned[..., -1] -= 2 * TURN
    torch.testing.assert_close(model(turned, 0.3), model(x, 0.3))
    assert model(x, 0.3).shape == x.shape
    assert (model(x + 0.1, 0.3) - model(x, 0.3)).abs().max() > 1e-4
    assert (model(x, 0.8) - model(x, 0.3)).abs().max() > 1e-4
    torch.testing.assert_close(model(x, torch.full((5,), 0.3)), model(x, 0.3))


def test_a_network_of_angles_takes_labels():
    model, x = PeriodicMLP(2, hidden=16, num_classes=3), normal(5, 2)
    null = model(x, 0.3)
    torch.testing.assert_close(model(x, 0.3, torch.full((5,), 3)), null)
    told = model(x, 0.3, torch.tensor([0, 0, 1, 1, 2]))
    assert (told - null).abs().amax(1).min() > 1e-4
    torch.testing.assert_close(model(x + TURN, 0.3, torch.tensor([0, 0, 1, 1, 2])), told)
    with pytest.raises(ValueError, match="labels"):
        model(x, 0.3, torch.full((5,), 4))


def test_waves_of_an_angle_are_its_multiples():
    model = PeriodicMLP(2, hidden=4, waves=3)
    x = normal(5, 2)
    expected = torch.cat([torch.stack([f(m * x) for m in (1, 2, 3)], -1) for f in (torch.cos, torch.sin)], -1)
    torch.testing.assert_close(model.fourier(x), expected)
    assert model.first.in_features == 12


def test_a_chain_sees_its_neighbours_and_nothing_beyond():
    """Two layers of width 5 and the first one reach six places: those further away change nothing."""
    model, x = ChainConv(channels=8, depth=2), normal(1, 20, 2)
    moved = x.clone()
    moved[0, 10] += 1
    changed = (model(moved, 0.5) - model(x, 0.5)).abs().amax(-1)[0] > 1e-12
    assert changed.nonzero().flatten().tolist() == list(range(4, 17))


def test_a_velocity_of_rotations_is_skew():
    model, R = RotationMLP(hidden=16), Rotations().draw(6, generator(), torch.empty(0))
    v = model(R, 0.5)
    torch.testing.assert_close(v, -v.mT)
    torch.testing.assert_close(skew(unskew(v)), v)
    end = simulate(model, R, torch.linspace(0, 1, 6), geodesic_step(Rotations())).end
    Rotations().check(end)


@pytest.mark.parametrize(("plan", "waves"), [(6, 0), ((3, 2), 0), ((3, 2), 2)])
def test_a_policy_looks_at_plan_time_and_observation(plan, waves):
    model = Policy(plan, 4, hidden=16, waves=waves)
    x, o = normal(5, *model.event_shape), normal(5, 4, seed=1)
    base = model(x, 0.3, o)
    assert base.shape == x.shape
    for other in (model(x + 0.1, 0.3, o), model(x, 0.6, o), model(x, 0.3, o + 0.1)):
        assert ((other - base).flatten(1).abs().amax(1) > 1e-5).all()
    torch.testing.assert_close(model(x[1:2], torch.tensor([0.3]), o[1:2]), base[1:2])
    torch.testing.assert_close(model(x + TURN, 0.3, o), base) if waves else None


def test_an_observation_enters_as_one_more_input_would():
    """The first layer of [features of the plan, o], written out."""
    model = Policy(2, 3, hidden=8, depth=1)
    x, o = normal(4, 2), normal(4, 3, seed=1)
    net = model.net
    inputs = torch.cat([x, o], 1)
    weight = torch.cat([net.first.weight, model.look.weight], 1)
    h = inputs @ weight.T + net.first.bias + model.look.bias + net.embedding(x, 0.3)
    torch.testing.assert_close(model(x, 0.3, o), net.last(torch.nn.functional.silu(h)))


def test_observations_pass_through_loss_fit_and_simulate_unchanged():
    """z is o plus noise of 0.1, so the exact field is known: after a short training plans follow what is seen."""
    source = generator()
    o = normal(2000, 1)
    z = torch.cat([o, -o], 1) + 0.1 * normal(2000, 2, seed=1)
    model = Policy(2, 1, hidden=32, depth=2)
    path = GaussianPath()

    def loss(model, z, o):
        return flow_matching_loss(model, z, o, path=path, t=stratified_times(len(z), source), generator=source)

    batches = data.batches(z, o, batch_size=128, generator=source)
    fit(model, loss, batches, steps=300, progress=False)
    seen = torch.tensor([[-1.0], [0.0], [1.0]]).repeat_interleave(200, 0)
    field = condition(model, seen)
    with torch.no_grad():
        ends = simulate(field, normal(600, 2, seed=2), torch.linspace(0, 1, 9)).end
    means = ends.reshape(3, 200, 2).mean(1)
    torch.testing.assert_close(means, torch.tensor([[-1.0, 1], [0, 0], [1, -1]]), atol=0.1, rtol=0)
    assert ends.reshape(3, 200, 2).std(1).max() < 0.3
    shuffled = condition(model, seen.roll(200, 0))
    assert (shuffled(ends, 0.5) - field(ends, 0.5)).abs().max() > 0.5


def test_movements_pass_through_the_loss_on_a_torus():
    torus = Torus(3, 2)
    z, x0 = torus.draw(9, generator(), torch.empty(0)), torus.draw(9, generator(1), torch.empty(0))
    model, o, t = Policy((3, 2), 4, hidden=8, waves=2), normal(9, 4), torch.rand(9, generator=generator(2))
    way = torus.log(x0, z)
    x = torus.exp(x0, expand_time(t, way) * way)
    expected = (model(x, t, o) - way).square().sum((1, 2)).mean()
    found = flow_matching_loss(model, z, o, path=GeodesicPath(torus), t=t, noise=x0)
    torch.testing.assert_close(found, expected)


def test_a_reward_of_plans_is_followed_by_the_plug_in():
    """For a linear model and a quadratic reward: u + s (1-t)/t J^T A^T (b - A z) with J = I + (1-t) M, dense."""
    M, A, b, x = normal(4, 4), normal(2, 4, seed=1), normal(2, seed=2), normal(6, 4, seed=3)
    o, t, scale = normal(6, 4, seed=4), 0.3, 7.0

    def model(x, t, o):
        return x @ M.T + o

    def reward(z):
        return -0.5 * (z @ A.T - b).square().sum(1)

    u = x @ M.T + o
    z = x + (1 - t) * u
    J = torch.eye(4) + (1 - t) * M
    expected = u + scale * (1 - t) / t * (b - z @ A.T) @ A @ J
    found = plug_in(condition(model, o), reward, lam=1 / scale)(x, t)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


def test_the_best_of_m_plans_keep_to_their_robots():
    plans = torch.arange(6.0).reshape(6, 1, 1).expand(6, 3, 2)
    rewards = torch.tensor([0.0, 2, 1, 5, 3, 4])
    assert best_of(plans, rewards, 3)[:, 0, 0].tolist() == [1, 3]


def test_one_line():
    assert repr(Policy((8, 2), 6, hidden=64, waves=3)).startswith("Policy(plan=(8, 2), observation=6, hidden=64), ")
    assert repr(PeriodicMLP(2, hidden=8)).startswith("PeriodicMLP(dim=2, hidden=8, depth=3, num_classes=0), ")
    assert repr(RotationMLP(hidden=8)).startswith("RotationMLP(dim=9, hidden=8, depth=3")


def test_an_mlp_without_its_coordinates_has_waves_instead():
    with pytest.raises(ValueError, match="frequencies where the coordinates"):
        MLP(2, coordinates=False)
    assert MLP(2, frequencies=(1,), coordinates=False).first.in_features == 4


def test_networks_bad_input(unchecked):
    for call in (
        lambda: Policy(6, 0),
        lambda: ChainConv(channels=0),
        lambda: PeriodicMLP(2, waves=0),
        lambda: Policy(0, 1),
    ):
        with pytest.raises(ValueError, match="at least 1"):
            call()
    policy = Policy(6, 4, hidden=8)
    with pytest.raises(ValueError, match=r"states of shape \(batch, 6\), got \(5, 8\)"):
        policy(torch.zeros(5, 8), 0.5, torch.zeros(5, 4))
    for o in (torch.zeros(5, 3), torch.zeros(4, 4), torch.zeros(5)):
        with pytest.raises(ValueError, match=r"observations of shape \(5, 4\), got"):
            policy(torch.zeros(5, 6), 0.5, o)
    for x in (torch.zeros(5, 9), torch.zeros(5, 9, 3)):
        with pytest.raises(ValueError, match=r"chains of shape \(batch, length, 2\), got"):
            ChainConv(channels=8)(x, 0.5)
