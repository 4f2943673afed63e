"""Every public object says on one short line what it is, and never prints its numbers."""

import pytest
import torch

from course_utils.distributions import Checkerboard, Circles, Empirical, GaussianMixture, Moons, PCAMixture
from course_utils.paths import GaussianPath, LinearPath, marginal
from course_utils.processes import BrownianMotion, FlowSDE, GeometricBrownianMotion, Langevin, OrnsteinUhlenbeck
from course_utils.schedules import Cosine, Linear, Schedule, VarianceExploding, VariancePreserving
from course_utils.shapes import short_repr
from course_utils.simulators import simulate


def pulled(x, t):
    return -x


class Squared(Schedule):
    def __init__(self, power):
        self.power = power


Z = torch.zeros(7, 2)
MIXTURE = GaussianMixture(torch.zeros(3, 1, 4, 4))
EXACT = marginal(GaussianPath(), GaussianMixture())
IMAGES = torch.randn(30, 1, 4, 4, generator=torch.Generator().manual_seed(0))
SHOWN = [
    (Linear(), "Linear()"),
    (Cosine(), "Cosine()"),
    (VariancePreserving(), "VariancePreserving(b_min=0.1, b_max=20)"),
    (VarianceExploding(0.1, 10.0), "VarianceExploding(s_min=0.1, s_max=10)"),
    (Squared(2), "Squared(power=2)"),
    (Checkerboard(), "Checkerboard(squares=4, half_width=4)"),
    (Circles(), "Circles(radii=(1.5, 3.0), width=0.1)"),
    (Moons(), "Moons(radius=2, width=0.15)"),
    (MIXTURE, "GaussianMixture(components=3, event_shape=(1, 4, 4))"),
    (PCAMixture.fit(IMAGES, 2, 3), "PCAMixture(components=2, rank=3, event_shape=(1, 4, 4))"),
    (Empirical(IMAGES), "Empirical(data=(30, 1, 4, 4))"),
    (Empirical(IMAGES, torch.arange(30)), "Empirical(data=(30, 1, 4, 4), labels=(30,))"),
    (
        MIXTURE.posterior(IMAGES, torch.tensor(0.5), torch.tensor(0.5)),
        "Posterior(data=(30, 1, 4, 4), noise=(30, 1, 4, 4))",
    ),
    (BrownianMotion(), "BrownianMotion(sigma=1)"),
    (OrnsteinUhlenbeck(0.5, 2), "OrnsteinUhlenbeck(theta=0.5, sigma=2)"),
    (GeometricBrownianMotion(), "GeometricBrownianMotion(mu=0.05, sigma=0.2)"),
    (Langevin(MIXTURE.score), "Langevin(score=score, sigma=1)"),
    (FlowSDE(pulled, EXACT.score, 0.5), "FlowSDE(velocity=pulled, score=score, sigma=0.5)"),
    (FlowSDE.from_velocity(pulled, Linear(), torch.sqrt), "FlowSDE(velocity=pulled, sigma=sqrt, schedule=Linear())"),
    (simulate(pulled, Z, torch.linspace(0, 2, 5)), "Trajectory(t_first=0, t_last=2, xs=(5, 7, 2))"),
    (GaussianPath(), "GaussianPath(schedule=Linear())"),
    (LinearPath(), "LinearPath()"),
    (
        GaussianPath(Cosine()).sample(Z, torch.full((7,), 0.5)),
        "PathSample(x=(7, 2), t=(7,), z=(7, 2), noise=(7, 2), schedule=Cosine())",
    ),
    (
        LinearPath().sample(Z, torch.tensor(0.25), Z),
        "BridgeSample(x=(7, 2), t=0.25, z=(7, 2), noise=(7, 2), schedule=Linear())",
    ),
    (EXACT, "Marginal(schedule=Linear(), p_data=GaussianMixture(components=2, event_shape=(2,)))"),
    (marginal(GaussianPath(), {0: Checkerboard(), None: MIXTURE}), "LabelledMarginal(labels=[0, None], null=1)"),
]


@pytest.mark.parametrize(("thing", "shown"), SHOWN, ids=lambda value: value.split("(")[0] if type(value) is str else "")
def test_shown_on_one_line(thing, shown):
    assert repr(thing) == shown and str(thing) == shown and len(shown) < 120


def test_the_default_is_what_is_public():
    thing = Squared(3)
    thing._hidden = 4
    thing.nothing = None
    assert short_repr(thing) == "Squared(power=3)"
    assert (
        short_repr(thing, model=torch.nn.Linear(2, 2), big=torch.ones(100, 3)) == "Squared(model=Linear, big=(100, 3))"
    )
