"""Figures of Lab 5: what is drawn is what was given, and bad input is refused."""

import pytest
import torch

from course_utils import plotting

POINTS = torch.arange(5.0)


def test_lines_keep_their_look_in_every_panel():
    a, b = (POINTS, POINTS**2), (POINTS, POINTS + 1)
    fig = plotting.line_panels({"left": {"a": a, "exact": b}, "right": {"exact": b}}, xlabel="n", ylabel="error")
    left, right = fig.axes
    assert [line.get_ydata().tolist() for line in left.lines] == [a[1].tolist(), b[1].tolist()]
    assert left.lines[1].get_color() == right.lines[0].get_color() == plotting.EXACT
    assert left.lines[1].get_linestyle() == right.lines[0].get_linestyle() != left.lines[0].get_linestyle()
    assert (left.get_title(), left.get_xlabel(), left.get_ylabel()) == ("left", "n", "error")
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["a", "exact"]


@pytest.mark.parametrize(("log", "scales"), [("", ("linear",) * 2), ("x", ("log", "linear")), ("xy", ("log", "log"))])
def test_scales_range_and_level(log, scales):
    lines = {"title": {"a": ([1, 2, 4], [0.5, 0.2, 0.1])}}
    fig = plotting.line_panels(lines, xlabel="", ylabel="", log=log, ylim=(0.05, 2), level=(1.0, "floor"))
    (ax,) = fig.axes
    assert (ax.get_xscale(), ax.get_yscale()) == scales and ax.get_ylim() == (0.05, 2)
    assert set(ax.lines[1].get_ydata()) == {1.0} and ax.lines[1].get_label() == "floor"


def test_line_panels_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="a of shape"):
        plotting.line_panels({"": {"a": (POINTS, POINTS[1:])}}, xlabel="", ylabel="")
    with pytest.raises(ValueError, match="at least one panel"):
        plotting.line_panels({}, xlabel="", ylabel="")


def test_maps_share_one_scale(unchecked):
    low, high = torch.full((4, 4), -8.0), torch.full((4, 4), -2.0)
    fig = plotting.log_density_maps({"low": low, "high": high}, 3.0, floor=-9.0)
    pictures = [ax.images[0] for ax in fig.axes[:2]]
    assert [p.get_array().mean() for p in pictures] == [-8, -2]
    assert all(p.get_clim() == (-9, -2) and p.get_extent() == [-3, 3, -3, 3] and p.origin == "lower" for p in pictures)
    with pytest.raises(ValueError, match="expected low of shape"):
        plotting.log_density_maps({"low": low[:2]}, 3.0)


def test_scatter_draws_points_over_the_diagonal_and_clips(unchecked):
    exact, found = torch.tensor([-3.0, -30.0, -5.0]), torch.tensor([-2.0, -4.0, -50.0])
    fig = plotting.density_scatter(exact, {"net": found}, floor=-12.0)
    (ax,) = fig.axes
    assert ax.collections[0].get_offsets().tolist() == [[-3, -2], [-12, -4], [-5, -12]]
    (line,) = ax.lines
    assert line.get_xdata().tolist() == line.get_ydata().tolist()
    assert ax.get_xlim() == ax.get_ylim() == (-12, -1.5)
    with pytest.raises(ValueError, match="expected net of shape"):
        plotting.density_scatter(exact, {"net": found[:2]})
