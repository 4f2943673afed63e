"""The slider of Lab 11: names change with the cut, residues do not; and the stored samples that it shows."""

import math

import pytest
import torch
from numpy.testing import assert_allclose

from course_utils import data, widgets
from course_utils.data import Cut, Flown
from course_utils.manifolds import wrap

TEST = torch.tensor([[-1.0, -0.7], [-2.0, 2.3]])
TWO = torch.tensor([0.2, 0.22])


def drawn(explorer, **values):
    return explorer._draw(**values)


def cut_at(taken, x):
    flown = Flown(x, TWO, 100 * TWO)
    return Cut(torch.tensor(taken), {"torus": flown, "plane": flown})


def test_names_change_with_the_cut_and_go_back():
    cuts = [cut_at([0.0, 0.0], TEST), cut_at([2.0, 2.4], wrap(TEST - torch.tensor([2.0, 2.4])))]
    explorer = widgets.lab11.explore_cut(cuts, TEST)
    for i in (0, 1):
        found = drawn(explorer, flow="torus", cut=i)
        assert_allclose(found["real"], found["inside"], atol=1e-4)
        assert_allclose(found["back inside"], torch.rad2deg(TEST), atol=1e-4)
        assert len(found["outside"]) == len(found["back outside"]) == 0
    phi, psi = math.degrees(2.0) - 180, math.degrees(2.4) - 180
    assert_allclose(found["down"], ([phi, phi], [-180, 180]), rtol=1e-5)
    assert_allclose(found["across"], ([-180, 180], [psi, psi]), rtol=1e-5)
    assert found["words"] == (f"cut at $\\varphi$ = {phi:.0f}°, $\\psi$ = {psi:.0f}°: TV to test 0.210, 21.0% outside")


def test_what_lies_outside_is_black_and_wrapped():
    x = torch.tensor([[0.0, 0.0], [0.0, 3.5], [-3.4, 0.0]])
    found = drawn(widgets.lab11.explore_cut([cut_at([0.0, 0.0], x)] * 2, TEST), flow="plane", cut=0)
    assert_allclose(found["inside"], [[0, 0]])
    expected = [[0, math.degrees(3.5) - 360], [360 - math.degrees(3.4), 0]]
    assert_allclose(found["outside"], expected, rtol=1e-5)
    assert_allclose(found["back outside"], expected, rtol=1e-5)


def test_flows_are_the_same_for_all_of_two_cuts_or_more():
    one = cut_at([0.0, 0.0], TEST)
    with pytest.raises(ValueError, match="two or more cuts"):
        widgets.lab11.explore_cut([one], TEST)
    with pytest.raises(ValueError, match="the same flows"):
        widgets.lab11.explore_cut([one, Cut(one.taken, {"torus": one.flows["torus"]})], TEST)


def test_the_stored_samples_are_what_their_figures_say():
    """Of 13,552 samples the figures, of 1,500 the points: their share outside agrees within 5 standard errors."""
    cuts = data.cuts()
    assert [cut.taken.tolist() for cut in cuts[::4]] == [[0, 0], pytest.approx([math.radians(117), math.radians(137)])]
    for cut in cuts:
        torus, plane = cut.flows["torus"], cut.flows["plane"]
        assert torus.x.shape == plane.x.shape == (1500, 2)
        assert torus.x.abs().max() <= math.pi + 1e-4
        assert torus.outside.tolist() == [0, 0, 0]
        share, expected = (plane.x.abs() > math.pi).any(1).double().mean().item(), plane.outside[0].item() / 100
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) * (1 / 1500 + 1 / 13552))


def test_the_cut_through_the_helix_hurts_the_plane_alone():
    usual, *_, helix = data.cuts()
    for name, holds in (("torus", False), ("plane", True)):
        worse = helix.flows[name].variation.min() > usual.flows[name].variation.max() + 0.01
        assert worse == holds
    assert helix.flows["plane"].outside.min() > 8
