"""Sliders of Lab 8: what they show, against what is computed by hand."""

import math

import pytest
import torch

from course_utils import distributions, paths, widgets
from course_utils.plotting.images import pixels


def drawn(explorer, **values):
    return explorer._draw(**values)


MEAN, DEVIATION = 1.0, 0.5
ONE = paths.marginal(
    paths.GaussianPath(),
    distributions.GaussianMixture(torch.tensor([[MEAN]]), torch.tensor([[[DEVIATION**2]]])),
)


def width(t: float) -> float:
    return math.hypot(t * DEVIATION, 1 - t)


# The exact map


@pytest.mark.parametrize(("s", "t"), [(0.0, 1.0), (0.3, 0.8), (0.8, 0.3)])
def test_the_map_keeps_the_standard_score_in_both_directions(s, t):
    found = drawn(widgets.lab8.explore_flow_map(ONE), s=s, t=t, x=0.6, n=1)
    end = t * MEAN + width(t) / width(s) * (0.6 - s * MEAN)
    assert found["point"] == ([0.6], [pytest.approx(end, abs=1e-5)])
    assert found["chord"] == ([s, t], [0.6, pytest.approx(end, abs=1e-5)])
    places, ends = found["exact"]
    assert torch.allclose(ends, t * MEAN + width(t) / width(s) * (places - s * MEAN), atol=1e-5)
    times, way = found["way"]
    assert torch.allclose(way[-1], torch.tensor(end), atol=1e-5) and times[-1].item() == pytest.approx(t)
    assert f"average velocity {(end - 0.6) / (t - s):.2f}" in found["words"]


def test_eulers_steps_are_his():
    found = drawn(widgets.lab8.explore_flow_map(ONE), s=0.0, t=1.0, x=0.6, n=2)
    times, places = found["steps"]
    half = 0.6 + 0.5 * ONE.velocity(torch.tensor([[0.6]]), 0.0).item()
    end = half + 0.5 * ONE.velocity(torch.tensor([[half]]), 0.5).item()
    assert times.tolist() == [0, 0.5, 1]
    assert places.tolist() == [pytest.approx(0.6), pytest.approx(half, abs=1e-5), pytest.approx(end, abs=1e-5)]
    assert found["stepped"][1] == [pytest.approx(end, abs=1e-5)]
    assert f"Euler misses by {end - found['point'][1][0]:.2f}" in found["words"]


def test_a_span_of_no_length_moves_nothing():
    found = drawn(widgets.lab8.explore_flow_map(ONE), s=0.4, t=0.4, x=0.6, n=4)
    assert found["point"][1] == [pytest.approx(0.6)] and found["stepped"][1] == [pytest.approx(0.6)]
    now = ONE.velocity(torch.tensor([[0.6]]), 0.4).item()
    assert f"average velocity {now:.2f}" in found["words"] and f"velocity at s {now:.2f}" in found["words"]


# Where learned maps err

TS = torch.linspace(0, 1, 5)
XS = torch.stack([ONE.flow_map(torch.linspace(-2, 2, 9)[:, None], 0.0, t) for t in TS])


def shifted(x, s, t):
    """Wrong by the span."""
    return ONE.flow_map(x, s, t) + (t - s)


def test_the_error_of_a_pair_and_its_map():
    explorer = widgets.lab8.explore_errors({"exact": ONE.flow_map, "shifted": shifted}, TS, XS)
    found = drawn(explorer, name="shifted", a=0.25, b=1.0)
    assert found["pair"] == ([0.25], [1.0]) and found["words"] == "s = 0.25, t = 1\nerror 0.750"
    assert torch.equal(found["exact"][0], XS[1, :, 0]) and torch.equal(found["exact"][1], XS[4, :, 0])
    assert torch.allclose(found["learned"][1], XS[4, :, 0] + 0.75, atol=1e-5)
    assert "error 0.000" in drawn(explorer, name="exact", a=0.25, b=1.0)["words"]


def test_the_earlier_of_two_times_is_the_start():
    explorer = widgets.lab8.explore_errors({"shifted": shifted}, TS, XS)
    assert drawn(explorer, name="shifted", a=1.0, b=0.5)["pair"] == ([0.5], [1.0])
    same = drawn(explorer, name="shifted", a=0.5, b=0.5)
    assert same["pair"] == ([0.5], [0.5]) and "error 0.000" in same["words"]


def test_larger_errors_are_darker_and_no_error_is_white():
    picture = drawn(widgets.lab8.explore_errors({"shifted": shifted}, TS, XS), name="shifted", a=0.0, b=1.0)["errors"]
    grey = picture[..., :3].astype(float).mean(-1)
    assert (grey[0] == 255).all() and grey[4, 4] == 255  # ends at 0; start and end at 1
    assert grey[4, 0] < grey[3, 0] < grey[2, 0] < grey[1, 0] < 255  # ends upwards, errors 1, .75, .5, .25
    assert grey[4, 3] == grey[1, 0]


# Digits from few evaluations


def test_each_sampler_has_a_row_that_is_empty_where_it_made_nothing():
    made = {
        "Euler": {n: torch.full((10, 1, 28, 28), n / 4) for n in (1, 2)},
        "midpoint": {2: torch.zeros(10, 1, 28, 28)},
    }
    explorer = widgets.lab8.explore_evaluations(made)
    one, two = (drawn(explorer, evaluations=n)["images"] for n in (1, 2))
    assert explorer.controls["evaluations"].value == 2  # the first number that no sampler lacks
    blank = torch.full((10, 28, 28), torch.nan)
    assert torch.equal(one, pixels(torch.stack([made["Euler"][1][:, 0], blank])))
    assert torch.equal(two, pixels(torch.stack([made["Euler"][2][:, 0], made["midpoint"][2][:, 0]])))
    with pytest.raises(ValueError, match="as many images of one size"):
        widgets.lab8.explore_evaluations({"Euler": {1: torch.zeros(10, 1, 28, 28), 2: torch.zeros(9, 1, 28, 28)}})
    with pytest.raises(ValueError, match="as many images of one size"):
        widgets.lab8.explore_evaluations({})
