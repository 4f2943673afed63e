"""Figures of Lab 5: what is drawn is what was given, and bad input is refused."""

import pytest
import torch

from course_utils import figures


def test_maps_share_one_scale(unchecked):
    low, high = torch.full((4, 4), -8.0), torch.full((4, 4), -2.0)
    fig = figures.lab5.log_density_maps({"low": low, "high": high}, 3.0, floor=-9.0)
    pictures = [ax.images[0] for ax in fig.axes[:2]]
    assert [p.get_array().mean() for p in pictures] == [-8, -2]
    assert all(p.get_clim() == (-9, -2) and p.get_extent() == [-3, 3, -3, 3] and p.origin == "lower" for p in pictures)
    with pytest.raises(ValueError, match="expected low of shape"):
        figures.lab5.log_density_maps({"low": low[:2]}, 3.0)


def test_scatter_draws_points_over_the_diagonal_and_clips(unchecked):
    exact, found = torch.tensor([-3.0, -30.0, -5.0]), torch.tensor([-2.0, -4.0, -50.0])
    fig = figures.lab5.density_scatter(exact, {"net": found}, floor=-12.0)
    (ax,) = fig.axes
    assert ax.collections[0].get_offsets().tolist() == [[-3, -2], [-12, -4], [-5, -12]]
    (line,) = ax.lines
    assert line.get_xdata().tolist() == line.get_ydata().tolist()
    assert ax.get_xlim() == ax.get_ylim() == (-12, -1.5)
    with pytest.raises(ValueError, match="expected net of shape"):
        figures.lab5.density_scatter(exact, {"net": found[:2]})
