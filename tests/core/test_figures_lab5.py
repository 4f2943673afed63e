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


def test_errors_are_counted_and_the_largest_stand_at_the_ends(unchecked):
    exact, found = torch.tensor([-3.0, -30.0, -5.0, -4.0]), torch.tensor([-2.0, -4.0, -50.0, -3.0])
    fig = figures.lab5.log_density_errors(exact, {"net": found}, limit=2.0)
    (ax,) = fig.axes
    counts = {round(bar.get_x(), 2): bar.get_height() for bar in ax.patches if bar.get_height()}
    assert counts == {-2.0: 1, 1.0: 2, 1.92: 1}  # the differences are 1, 26, -45 and 1
    assert ax.get_title() == "net\nmean -4.25, r.m.s. 26.00"
    with pytest.raises(ValueError, match="expected net of shape"):
        figures.lab5.log_density_errors(exact, {"net": found[:2]})
