"""Sliders of Lab 9: what they show, against what is computed by hand."""

import pytest
import torch

from course_utils import distributions, paths, widgets
from course_utils.guidance import plug_in_value
from course_utils.plotting.images import pixels
from course_utils.widgets.lab9 import PLACES

F64 = torch.double
MIXTURE = distributions.GaussianMixture(
    torch.tensor([[-1.5], [1.0]], dtype=F64), torch.tensor([[[0.25]], [[0.5]]], dtype=F64),
    torch.tensor([0.5, 0.5], dtype=F64),
)  # fmt: skip
GAUSSIAN = distributions.GaussianMixture(torch.tensor([[0.5]], dtype=F64), torch.tensor([[[0.25]]], dtype=F64))
PLANE = distributions.GaussianMixture(torch.zeros(1, 2))


def drawn(explorer, **values):
    return explorer._draw(**values)


# The tilt


@pytest.mark.parametrize("lam", [0.5, 2.0])
def test_a_tilt_by_quadrature(lam):
    """Density, mean reward and KL of p(x) exp(x / lambda), normalised by a sum over a fine grid."""
    found = drawn(widgets.lab9.explore_tilt(MIXTURE, {}), lam=lam)
    fine = torch.linspace(-12, 14, 200_001, dtype=F64)
    p = MIXTURE.log_prob(fine[:, None]).exp()
    gap = fine[1] - fine[0]
    normaliser = (p * (fine / lam).exp()).sum() * gap
    star = p * (fine / lam).exp() / normaliser
    reward = (star * fine).sum() * gap
    kl = (star * (fine / lam - normaliser.log())).sum() * gap
    assert torch.allclose(torch.tensor(found["now"]).flatten(), torch.stack([kl, reward]).float(), atol=1e-5)
    assert found["words"] == f"$E\\,r$ {reward:.2f}   KL {kl:.2f}   $E\\,r - \\lambda$ KL {reward - lam * kl:.2f}"
    places, density = found["density"]
    expected = MIXTURE.log_prob(places[:, None]).exp() * (places / lam).exp() / normaliser
    assert torch.allclose(density, expected, atol=1e-6)


def test_dots_of_a_tilt_are_as_large_as_the_weights():
    dots = drawn(widgets.lab9.explore_tilt(MIXTURE, {}), lam=1.0)["dots"]
    assert dots["offsets"][:, 0].tolist() == pytest.approx([-1.25, 1.5])
    odds = torch.tensor([-1.5 + 0.125, 1.0 + 0.25], dtype=F64).softmax(0)
    assert torch.allclose(dots["sizes"] / dots["sizes"].sum(), odds)


def test_a_tilt_in_the_plane_is_refused():
    with pytest.raises(ValueError, match="a mixture on the line"):
        widgets.lab9.explore_tilt(PLANE, {})


# Three fields


def guidance_explorer(mixture, lams=(0.5, 1.0), **changes):
    exact = paths.marginal(paths.GaussianPath(), mixture)
    values = {"plug-in": lambda lam: plug_in_value(exact.velocity, lambda z: z[:, 0], lam)}
    ends = {("plug-in", lam): torch.full((10, 1), 2 * lam, dtype=F64) for lam in lams}
    return widgets.lab9.explore_guidance(exact, values, changes.get("ends", ends))


def test_the_plug_in_of_one_gaussian_is_exact_and_of_two_is_not():
    for mixture, same in ((GAUSSIAN, True), (MIXTURE, False)):
        found = drawn(guidance_explorer(mixture), lam=0.5, t=0.6)
        assert torch.allclose(found["plug-in"][1], found["exact"][1], atol=1e-9) == same


def test_the_point_that_a_state_is_sent_to_is_the_tilted_posterior_mean():
    """Of one Gaussian: precision 1/0.25 + (t / (1-t))^2, and its mean by hand, with and without the tilt."""
    t, lam = 0.6, 0.5
    found = drawn(guidance_explorer(GAUSSIAN), lam=lam, t=t)
    precision = 1 / 0.25 + (t / (1 - t)) ** 2
    free = (0.5 / 0.25 + t * PLACES / (1 - t) ** 2) / precision
    assert torch.allclose(found["free"][1], free, atol=1e-9)
    assert torch.allclose(found["exact"][1], free + 1 / (lam * precision), atol=1e-9)


def test_ends_are_a_histogram_and_their_mean_is_told():
    found = drawn(guidance_explorer(GAUSSIAN), lam=1.0, t=0.6)
    bins = found["plug-in ends"]
    width = float(6.6 / len(bins))
    assert bins.sum().item() * width == pytest.approx(1.0)
    assert -3.2 + width * bins.argmax().item() <= 2.0 <= -3.2 + width * (bins.argmax().item() + 1)
    assert found["words"] == "mean reward: exact 0.75, plug-in 2.00"


def test_guidance_needs_a_line_even_lambdas_and_all_ends():
    with pytest.raises(ValueError, match="a mixture on the line"):
        guidance_explorer(PLANE)
    with pytest.raises(ValueError, match="evenly spaced"):
        guidance_explorer(GAUSSIAN, lams=(0.5, 1.0, 2.0))
    with pytest.raises(ValueError, match="got none for"):
        guidance_explorer(GAUSSIAN, ends={("other", lam): torch.zeros(1, 1) for lam in (0.5, 1.0)})


# Digits


def digits_of(etas):
    return {eta: torch.full((10, 1, 28, 28), float(eta)) for eta in etas}


def test_digits_of_a_strength_stand_below_those_without():
    samples = {"thickness": digits_of([-1.0, 0.0, 1.0]), "slant": digits_of([-1.0, 0.0, 1.0])}
    samples["slant"][1.0] = samples["slant"][1.0] / 2
    explorer = widgets.lab9.explore_eta(samples)
    shown = drawn(explorer, reward="slant", eta=1.0)["images"]
    expected = torch.stack([torch.zeros(10, 28, 28), torch.full((10, 28, 28), 0.5)])
    assert (shown == pixels(expected)).all()
    thinner = drawn(explorer, reward="thickness", eta=-1.0)["images"]
    assert (thinner == pixels(torch.stack([torch.zeros(10, 28, 28), -torch.ones(10, 28, 28)]))).all()


def test_strengths_are_even_with_zero_and_the_same_for_all():
    with pytest.raises(ValueError, match="evenly spaced, 0 among them"):
        widgets.lab9.explore_eta({"slant": digits_of([0.5, 1.0])})
    with pytest.raises(ValueError, match="evenly spaced"):
        widgets.lab9.explore_eta({"slant": digits_of([0.0, 0.5, 2.0])})
    with pytest.raises(ValueError, match="the same etas"):
        widgets.lab9.explore_eta({"slant": digits_of([0.0, 1.0]), "thickness": digits_of([0.0, 2.0])})
