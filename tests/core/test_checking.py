"""Every class of the package passes; classes broken in one property at a time fail with the right sentence."""

import math
from copy import copy

import pytest
import torch
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, Uniform

from course_utils.checking import check_distribution, check_field, check_process, check_schedule
from course_utils.distributions import Checkerboard, Circles, Empirical, GaussianMixture, Moons, PCAMixture
from course_utils.paths import GaussianPath, marginal
from course_utils.processes import (
    SDE,
    BrownianMotion,
    FlowSDE,
    GeometricBrownianMotion,
    Langevin,
    OrnsteinUhlenbeck,
)
from course_utils.schedules import Cosine, Linear, Schedule, VarianceExploding, VariancePreserving, reparametrised


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# what passes


class OnlyAlphaAndBeta(Schedule):
    """Derivatives by autodiff."""

    def alpha(self, t):
        return t**2

    def beta(self, t):
        return 1 - t**2


SCHEDULES = [Linear(), Cosine(), VariancePreserving(), VarianceExploding(), OnlyAlphaAndBeta()]
SCHEDULES += [VariancePreserving(b_min=1.0, b_max=10.0), VarianceExploding(s_min=0.1, s_max=10.0)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_schedules_of_the_package_pass(schedule):
    check_schedule(schedule)


IMAGES = torch.randn(60, 1, 4, 4, generator=seeded())
DISTRIBUTIONS = [
    Checkerboard(), Checkerboard(squares=2, half_width=1.5), Circles(), Circles((0.8,), 0.7), Moons(),
    GaussianMixture(), GaussianMixture(torch.tensor([[0], [3]])), GaussianMixture(torch.zeros(1, 3, 4)),
    GaussianMixture(torch.zeros(2, 2), weights=torch.tensor([1.0, 3.0])).to(torch.float64),
    PCAMixture.fit(IMAGES, 2, 3, generator=seeded()), Empirical(IMAGES), Empirical(torch.arange(5)[:, None]),
    MultivariateNormal(torch.zeros(2), torch.eye(2)),
    Independent(Uniform(torch.zeros(2), torch.ones(2), validate_args=False), 1, validate_args=False),
]  # fmt: skip


@pytest.mark.parametrize("dist", DISTRIBUTIONS, ids=lambda dist: type(dist).__name__)
def test_distributions_of_the_package_pass(dist):
    check_distribution(dist)


EXACT = marginal(GaussianPath(), GaussianMixture())
FIELDS = {
    "mixture": (EXACT.velocity, (2,)),
    "mixture's score": (EXACT.score, (2,)),
    "board": (marginal(GaussianPath(Cosine()), Checkerboard()).velocity, (2,)),
    "data": (marginal(GaussianPath(), Empirical(IMAGES)).velocity, (1, 4, 4)),
    "labels": (marginal(GaussianPath(), {0: GaussianMixture(), None: Checkerboard()}).velocity, (2,)),
    "reparametrised": (reparametrised(EXACT.velocity, VariancePreserving()), (2,)),
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_of_the_package_pass(name):
    check_field(*FIELDS[name])


def test_a_network_is_checked_in_the_type_of_its_weights():
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 2)

        def forward(self, x, t):
            return self.layer(torch.cat([x, t.expand(len(x))[:, None]], 1))

    check_field(Network(), (2,), dtypes=(torch.float32,))
    check_field(Network().double(), (2,), dtypes=(torch.float64,))


PROCESSES = [
    BrownianMotion(), BrownianMotion(0.0), OrnsteinUhlenbeck(), OrnsteinUhlenbeck(0.0, 2.0), GeometricBrownianMotion(),
    Langevin(GaussianMixture().score), FlowSDE(EXACT.velocity, EXACT.score, 0.7),
    FlowSDE.from_velocity(EXACT.velocity, Linear(), lambda t: (1 - t).sqrt()),
]  # fmt: skip


@pytest.mark.parametrize("sde", PROCESSES, ids=repr)
def test_processes_of_the_package_pass(sde):
    check_process(sde)


# what fails, broken in one property at a time


def broken(thing, **changes):
    """A copy of `thing` whose methods or attributes are replaced."""
    changed = copy(thing)
    changed.__class__ = type(f"Broken{type(thing).__name__}", (type(thing),), changes)
    return changed


def refused(check, thing, message, *rest):
    with pytest.raises(ValueError) as error:
        check(thing, *rest)
    assert f"expected {message}" in str(error.value) and ", got " in str(error.value)


BROKEN_SCHEDULES = {
    "a span within 0 to 1": {"span": (0.0, 2.0)},
    "alpha(t) of shape ()": {"alpha": lambda self, t: t.reshape(-1)},
    "beta(t) of shape (30,)": {"beta": lambda self, t: (1 - t)[:1] if t.ndim == 1 else 1 - t},
    "alpha(t) of type torch.float32": {"alpha": lambda self, t: t.double()},
    "beta(t) of type torch.float64": {"beta": lambda self, t: 1 - t.float()},
    "alpha_dot(t) to be finite": {"alpha_dot": lambda self, t: t / 0},
    "alpha(t) to be elementwise": {"alpha": lambda self, t: t / t.max()},
    "a tensor as beta_dot(t)": {"beta_dot": lambda self, t: -1.0},
    "alpha_dot to be the derivative of alpha": {"alpha_dot": lambda self, t: -torch.ones_like(t)},
    "beta_dot to be the derivative of beta": {"beta_dot": lambda self, t: torch.ones_like(t)},
    "beta(0) = prior_std = 2": {"prior_std": 2.0},
    "a prior_std that is positive": {"prior_std": 0.0},
    "data at t = 1: alpha(1) = 1": {
        "alpha": lambda self, t: 2 * t,
        "alpha_dot": lambda self, t: 2 * torch.ones_like(t),
    },
    "noise at t = 0: alpha(0) at most beta(0) / 2": {
        "alpha": lambda self, t: torch.ones_like(t),
        "alpha_dot": lambda self, t: torch.zeros_like(t),
    },
    "data at t = 1: beta(1) from 0 to 1/2": {
        "beta": lambda self, t: torch.ones_like(t),
        "beta_dot": lambda self, t: torch.zeros_like(t),
    },
    "a signal-to-noise ratio alpha / beta that rises": {
        "alpha": lambda self, t: t + (6 * math.pi * t).sin() / 5,
        "alpha_dot": lambda self, t: 1 + 6 * math.pi / 5 * (6 * math.pi * t).cos(),
    },
    "alpha(t) >= 0 and beta(t) > 0": {
        "alpha": lambda self, t: t * (2 * t - 1),
        "alpha_dot": lambda self, t: 4 * t - 1,
    },
    "grid(5) of shape (6,)": {"grid": lambda self, steps: torch.linspace(0, 0.999, steps)},
    "a grid that increases": {"grid": lambda self, steps: torch.linspace(0.999, 0, steps + 1)},
    "a grid from the first to the last time of the span": {"grid": lambda self, steps: torch.linspace(0, 1, steps + 1)},
}


@pytest.mark.parametrize("message", BROKEN_SCHEDULES)
def test_a_broken_schedule_is_refused(message):
    refused(check_schedule, broken(Linear(), **BROKEN_SCHEDULES[message]), message)


class Bell(Distribution):
    """N(0, I) in the plane by its formulas, with all that the course may ask for."""

    arg_constraints = {}
    singular = False

    def __init__(self):
        super().__init__(event_shape=torch.Size([2]), validate_args=False)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008
        return torch.randn(*sample_shape, 2)

    def log_prob(self, x):
        return -(x**2).sum(-1) / 2 - math.log(2 * math.pi)

    def score(self, x):
        return -x

    def noisy_log_prob(self, x, alpha, beta):
        variance = alpha**2 + beta**2
        return (-(x**2) / variance / 2 - (2 * math.pi * variance).log() / 2).sum(-1)

    def posterior(self, x, alpha, beta):
        variance = alpha**2 + beta**2
        return Pair(alpha / variance * x, beta / variance * x)


class Pair:
    def __init__(self, data, noise):
        self.data, self.noise = data, noise


def test_a_distribution_written_by_its_formulas_passes():
    check_distribution(Bell())


def constant_sample(self, sample_shape=()):
    return torch.ones(*sample_shape, 2)


BROKEN_DISTRIBUTIONS = {
    "an event_shape (d, ...) and the batch_shape ()": {"batch_shape": (2,)},
    "sample(()) of shape (2,)": {"sample": lambda self, sample_shape=(): torch.randn(*(sample_shape or (1,)), 2)},
    "sample((2, 3)) of shape (2, 3, 2)": {"sample": lambda self, shape=(): torch.randn(math.prod(shape), 2).squeeze(0)},
    "finite samples": {"sample": lambda self, sample_shape=(): torch.full((*sample_shape, 2), math.nan)},
    "other samples from another seed": {"sample": constant_sample},
    "log_prob(x) of 6 samples of shape (6,)": {"log_prob": lambda self, x: -(x**2) / 2},
    "log_prob(x) of points (2,) of shape ()": {"log_prob": lambda self, x: -(x.reshape(-1, 2) ** 2).sum(1) / 2},
    "log_prob(x) of 6 samples of type torch.float64": {"log_prob": lambda self, x: Bell.log_prob(self, x.float())},
    "log_prob(x) of 6 samples to be finite": {"log_prob": lambda self, x: x.sum(-1) * math.nan},
    "a log_prob that takes each point by itself": {"log_prob": lambda self, x: -((x - x.mean()) ** 2).sum(-1) / 2},
    "a log_prob that is small, or -inf, far off": {"log_prob": lambda self, x: (x**2).sum(-1)},
    "a density that integrates to 1": {"log_prob": lambda self, x: -(x**2).sum(-1) / 2},
    "a score that is the gradient of log_prob": {"score": lambda self, x: x},
    "alpha E[z | x] + beta E[noise | x] to be x": {"posterior": lambda self, x, a, b: Pair(x, 2 * x)},
    "posterior(x, alpha, beta).data of shape (5, 2)": {"posterior": lambda self, x, a, b: Pair(x[0], x)},
    "noisy_log_prob(x, alpha, beta) of shape (5,)": {"noisy_log_prob": lambda self, x, a, b: x},
    "-E[noise | x] / beta to be the gradient of noisy_log_prob": {"noisy_log_prob": lambda self, x, a, b: x.sum(-1)},
}


@pytest.mark.parametrize("message", BROKEN_DISTRIBUTIONS)
def test_a_broken_distribution_is_refused(message):
    refused(check_distribution, broken(Bell(), **BROKEN_DISTRIBUTIONS[message]), message)


def test_half_a_closed_form_and_other_things_are_refused(unchecked):
    class NoPosterior(Bell):
        posterior = property()

    refused(check_distribution, NoPosterior(), "posterior where there is a closed form")
    refused(check_distribution, Normal(torch.zeros(2), 1.0), "an event_shape (d, ...) and the batch_shape ()")
    raises_off_the_support = Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)
    refused(check_distribution, raises_off_the_support, "a log_prob that is small, or -inf, far off")
    refused(check_distribution, 3, "a torch.distributions.Distribution")


def in_place(x, t):
    return x.mul_(2)


BROKEN_FIELDS = {
    "field(x, t) of states (3, 2) of shape (3, 2)": lambda x, t: x[:, :1],
    "a tensor as field(x, t)": lambda x, t: 0.0,
    "field(x, t) of states (3, 2) of type torch.float32": lambda x, t: x.double(),
    "field(x, t) of states (3, 2) of type torch.float64": lambda x, t: x.float(),
    "field(x, t) of states (3, 2) to be finite": lambda x, t: x / 0,
    "field(x, t) of one state of shape (1, 2)": lambda x, t: x.squeeze(0),
    "a field that leaves its input alone": in_place,
    "a field that takes each state by itself": lambda x, t: x - x.mean(0),
    "a field that takes a time of shape () for all": lambda x, t: x * (t.mean() if t.ndim == 0 else 2),
}


@pytest.mark.parametrize("message", BROKEN_FIELDS)
def test_a_broken_field_is_refused(message):
    refused(check_field, BROKEN_FIELDS[message], message, (2,))


BROKEN_PROCESSES = {
    "drift(x, t) of states (3, 2) of shape (3, 2)": {"drift": lambda self, x, t: x.new_zeros(())},
    "a drift that leaves its input alone": {"drift": lambda self, x, t: x.mul_(-1)},
    "a tensor as diffusion(x, t)": {"diffusion": lambda self, x, t: 1.0},
    "a diffusion that broadcasts against states": {"diffusion": lambda self, x, t: x.new_ones(3)},
    "a diffusion without randomness": {"diffusion": lambda self, x, t: torch.rand_like(x)},
    "a diffusion that is not negative": {"diffusion": lambda self, x, t: -torch.ones_like(x)},
    "diffusion(x, t) of type torch.float64": {"diffusion": lambda self, x, t: torch.ones(())},
    "transition(x0, 0) with the mean x0": {"transition": lambda self, x, t: (x + 1, torch.zeros(()))},
    "transition(x0, 0) without spread": {"transition": lambda self, x, t: (x, torch.ones(()))},
    "a transition that starts with the drift": {
        "transition": lambda self, x, t: (x * math.exp(t), torch.tensor(-math.expm1(-2 * t) / 2).sqrt())
    },
    "a transition that starts with the diffusion": {
        "transition": lambda self, x, t: (x * math.exp(-t), torch.tensor(-math.expm1(-2 * t)).sqrt())
    },
    "a transition with the same mean in two steps as in one": {
        "transition": lambda self, x, t: (x * (1 - t), torch.tensor(-math.expm1(-2 * t) / 2).sqrt())
    },
    "a transition with the same spread in two steps as in one": {
        "transition": lambda self, x, t: (x * math.exp(-t), torch.tensor(t, dtype=x.dtype).sqrt())
    },
}


@pytest.mark.parametrize("message", BROKEN_PROCESSES)
def test_a_broken_process_is_refused(message):
    refused(check_process, broken(OrnsteinUhlenbeck(), **BROKEN_PROCESSES[message]), message)


def test_a_process_is_an_sde(unchecked):
    class Loose:
        drift = SDE.drift

    refused(check_process, Loose(), "an SDE")
