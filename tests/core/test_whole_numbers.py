"""States in whole numbers are computed with as floats, everywhere, and a time is never cut to a whole number."""

import math

import pytest
import torch

from course_utils.distributions import Checkerboard, Circles, Empirical, GaussianMixture, Moons, PCAMixture, score
from course_utils.paths import GaussianPath, LinearPath, bridge_source, marginal
from course_utils.processes import BrownianMotion, FlowSDE, GeometricBrownianMotion, Langevin, OrnsteinUhlenbeck
from course_utils.schedules import PREDICTIONS, Cosine, Linear, convert, derivative, reparametrised
from course_utils.shapes import as_floats, as_states, expand_path_time, expand_time, float_type
from course_utils.simulators import (
    ddim_step,
    euler_maruyama_step,
    euler_step,
    heun_maruyama_step,
    heun_step,
    midpoint_step,
    rk4_step,
    simulate,
)

X = torch.tensor([[5, 1], [-2, 3], [0, 1]])
Z = torch.tensor([[1, 1], [0, 2], [4, -1]])
IMAGES = torch.arange(64).reshape(1, 1, 8, 8)
T = torch.tensor([0.5, 0.25, 0.75])
DW = torch.tensor([[0.5, -0.25], [0.75, 0.5], [1.5, 0.1]])
TS = torch.linspace(0, 1, 5)
EXACT = marginal(GaussianPath(), GaussianMixture())
BOARD = marginal(GaussianPath(Cosine()), Checkerboard())
DATA = marginal(GaussianPath(), Empirical(Z.float()))
LABELLED = marginal(GaussianPath(), {0: GaussianMixture(), None: Checkerboard()})
PCA = PCAMixture.fit(torch.randn(20, 2, generator=torch.Generator().manual_seed(0)), 2, 1)
CORNERS = torch.tensor([[0, 0], [3, 4]])
OU, GBM, LANGEVIN = (
    OrnsteinUhlenbeck(0.7, 0.5),
    GeometricBrownianMotion(0.3, 0.5),
    Langevin(GaussianMixture().score, 0.5),
)
FLOW = FlowSDE(EXACT.velocity, EXACT.score, 0.5)


def pulled(x, t):
    return -0.3 * x + expand_time(t, x)


FUNCTIONS = {
    "expand_time * x": lambda x: expand_time(T, x) * x,
    "expand_path_time * x": lambda x: expand_path_time(T, x) * x,
    "as_states": lambda x: as_states(x, (2,)),
    "brownian motion": lambda x: [BrownianMotion(0.5).transition(x, T), BrownianMotion(0.5).drift(x, T)],
    "brownian diffusion": lambda x: BrownianMotion(0.5).diffusion(x, T),
    "ou transition": lambda x: OU.transition(x, T),
    "ou drift and diffusion": lambda x: [OU.drift(x, T), OU.diffusion(x, T)],
    "ou exact step": lambda x: OU.exact_step(x, 0.5, DW, DW),
    "gbm solution": lambda x: GBM.solution(x, T, DW),
    "gbm drift and diffusion": lambda x: [GBM.drift(x, T), GBM.diffusion(x, T)],
    "langevin": lambda x: [LANGEVIN.drift(x, T), LANGEVIN.diffusion(x, T)],
    "flow": lambda x: [FLOW.drift(x, T), FLOW.diffusion(x, T)],
    "sample": lambda x: GaussianPath().sample(x, T, noise=DW).x,
    "sample of the bridge": lambda x: LinearPath().sample(x, T, x0=Z).x,
    "velocity of a sample": lambda x: GaussianPath(Cosine()).sample(x, T, noise=DW).velocity,
    "conditional velocity": lambda x: GaussianPath().velocity(x, Z, T),
    "conditional score": lambda x: GaussianPath().score(x, Z, T),
    "conditional density": lambda x: GaussianPath().log_prob(x, Z, T),
    "linear velocity": lambda x: LinearPath().velocity(x, Z, T),
    "mixture": lambda x: [EXACT.velocity(x, T), EXACT.score(x, T), EXACT.log_prob(x, T), *EXACT.posterior(x, T)],
    "board": lambda x: [BOARD.velocity(x, T), BOARD.score(x, T), BOARD.log_prob(x, T)],
    "data": lambda x: [DATA.velocity(x, T), DATA.score(x, T), DATA.log_prob(x, T)],
    "labels": lambda x: LABELLED.velocity(x, T, torch.tensor([0, 1, 0])),
    "log_prob of a mixture": lambda x: GaussianMixture().log_prob(x),
    "log_prob of a PCA mixture": lambda x: [PCA.log_prob(x), *PCA.posterior(x, T[:, None], 1 - T[:, None])],
    "log_prob of toys": lambda x: [dist.log_prob(x) for dist in (Checkerboard(), Circles(), Moons())],
    "mixture with such means": lambda x: GaussianMixture(x).log_prob(DW),
    "data set of such": lambda x: Empirical(x).posterior(DW, T[:, None], 1 - T[:, None]),
    "scores": lambda x: [GaussianMixture().score(x), score(Moons(), x)],
    "bridge source": lambda x: bridge_source(x.reshape(1, 1, 2, 3), x.reshape(1, 1, 2, 3), 0.5, 1),
    "convert": lambda x: [
        convert(x, Z, T, Linear(), source=a, target=b) for a in PREDICTIONS for b in PREDICTIONS if a != b
    ],
    "reparametrised": lambda x: reparametrised(pulled, Cosine())(x, T),
    "derivative": lambda x: derivative(torch.sin, x),
    "schedule": lambda x: Cosine().alpha_dot(x.abs().clamp(max=1)),
    "ddim": lambda x: ddim_step(x, Z, T, T + 0.1, Linear()),
    "simulate an ODE": lambda x: simulate(pulled, x, TS).xs,
    "simulate by rk4": lambda x: simulate(pulled, x, TS, rk4_step).xs,
    "simulate an SDE": lambda x: simulate(OU, x, TS, generator=torch.Generator().manual_seed(0)).xs,
    "simulate with increments": lambda x: simulate(GBM, x, TS, dws=torch.stack([DW] * 4)).xs,
}
for step in (euler_step, midpoint_step, heun_step, rk4_step):
    FUNCTIONS[step.__name__] = lambda x, step=step: step(pulled, x, 0.5, 0.1)
for sde_step in (euler_maruyama_step, heun_maruyama_step):
    FUNCTIONS[sde_step.__name__] = lambda x, step=sde_step: step(OU, x, 0.5, 0.1, DW)


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for part in value for tensor in tensors(part)]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_whole_numbers_give_what_floats_give(name, dtype):
    x = X.abs() if dtype == torch.uint8 else X
    found, expected = tensors(FUNCTIONS[name](x.to(dtype))), tensors(FUNCTIONS[name](x.float()))
    for value, right in zip(found, expected, strict=True):
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, right)


def test_the_numbers_that_were_wrong():
    n = 4
    five = torch.full((n, 1), 5)
    mean, std = OrnsteinUhlenbeck().transition(five, 0.5)
    assert mean[0].item() == pytest.approx(5 * math.exp(-0.5), rel=1e-6) and std.item() == pytest.approx(
        0.56218, abs=1e-4
    )
    assert GaussianPath().sample(five, 0.4, noise=torch.zeros(n, 1)).x[0].item() == pytest.approx(2)
    law = GaussianMixture(torch.zeros(1, 1), torch.ones(1, 1, 1))
    assert law.log_prob(torch.tensor([[0]])).item() == pytest.approx(-math.log(2 * math.pi) / 2)


def test_noise_for_whole_numbers_is_drawn_in_floats():
    drawn = [GaussianPath().sample(z, T, generator=torch.Generator().manual_seed(0)) for z in (Z, Z.float())]
    assert torch.equal(drawn[0].x, drawn[1].x) and torch.equal(drawn[0].velocity, drawn[1].velocity)


def test_what_is_kept_of_whole_numbers_are_floats():
    """Samples of a path, data sets and their draws."""
    for sample in (GaussianPath().sample(Z, T), LinearPath().sample(Z, T, X)):
        assert {value.dtype for value in (sample.x, sample.z, sample.noise)} == {torch.float32}
    data = Empirical(Z)
    assert data.data.dtype == data.sample().dtype == torch.float32


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_time_of_whole_states_stays_a_float(shape):
    for dtype in (torch.int64, torch.bool):
        expanded = expand_time(torch.full(shape, 0.5), torch.ones(3, 2).to(dtype))
        assert expanded.dtype == torch.float32 and (expanded == 0.5).all()


def test_floats_stay_as_they_are():
    x = torch.ones(3, 2, dtype=torch.float64)
    assert as_floats(x) is x and float_type(x) == torch.float64 and as_states(x, (2,)) is x


@pytest.mark.parametrize("function", [as_floats, float_type, lambda x: expand_time(0.5, x)])
def test_complex_states_are_refused(function):
    with pytest.raises(ValueError, match="expected real states, got torch.complex64"):
        function(torch.ones(3, 2, dtype=torch.complex64))
