"""Figures of Lab 8: what is drawn is what was given, and bad input is refused."""

import pytest
import torch

from course_utils import figures
from course_utils.plotting.theme import EXACT


def test_steps_lie_over_the_flow(unchecked):
    ts, xs = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([[-1.0, 1.0], [-2.0, 2.0], [-3.0, 3.5]])
    steps = {"1 step": (torch.tensor([0.0, 1.0]), torch.tensor([[-1.0, 1.0], [-4.0, 0.0]]))}
    errors = {"Euler": ([1, 2], [0.4, 0.2]), "midpoint": ([2, 4], [0.1, 0.02])}
    left, right = figures.lab8.steps_and_flow(ts, xs, steps, errors).axes
    ways = left.collections[0].get_segments()
    assert [way.tolist() for way in ways] == [[[0, -1], [0.5, -2], [1, -3]], [[0, 1], [0.5, 2], [1, 3.5]]]
    assert [line.get_ydata().tolist() for line in left.lines] == [[-1, -4], [1, 0]]
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["1 step"]
    assert [line.get_xydata().tolist() for line in right.lines] == [[[1, 0.4], [2, 0.2]], [[2, 0.1], [4, 0.02]]]
    assert [tick.get_text() for tick in right.get_xticklabels()] == ["1", "2", "4"]
    with pytest.raises(ValueError, match=r"places of shape \(3, any\)"):
        figures.lab8.steps_and_flow(ts, xs[:2], steps, errors)


def test_laws_that_agree_are_all_to_be_seen(unchecked):
    ts = torch.linspace(0, 1, 60)
    curves = {"exact": ts, "one": ts + 0, "other": ts + 0}
    (ax,) = figures.lab8.three_laws(ts, {"all": curves}).axes
    exact, one, other = ax.lines
    assert exact.get_color() == EXACT and exact.get_linewidth() > one.get_linewidth()
    assert one.get_markevery() != other.get_markevery()  # markers of one curve do not hide those of another
    assert [line.get_ydata().tolist() for line in ax.lines] == [ts.tolist()] * 3
    with pytest.raises(ValueError, match="other of shape"):
        figures.lab8.three_laws(ts, {"all": curves | {"other": ts[:5]}})
    with pytest.raises(ValueError, match="at least one panel"):
        figures.lab8.three_laws(ts, {})


def test_errors_stand_over_start_and_end(unchecked):
    grid, errors = torch.tensor([0.0, 0.5, 1.0]), torch.tensor([[9.0, 0.02, 0.3], [9.0, 9.0, 0.1], [9.0, 9.0, 9.0]])
    ax = figures.lab8.map_errors({"net": errors}, grid).axes[0]
    shown = ax.images[0].get_array()
    assert (
        shown[1, 0] == pytest.approx(0.02) and shown[2, 0] == pytest.approx(0.3) and shown[2, 1] == pytest.approx(0.1)
    )
    assert shown.mask.sum() == 6  # where the end is not after the start
    assert ax.images[0].origin == "lower" and ax.images[0].get_extent() == [-0.25, 1.25, -0.25, 1.25]
    with pytest.raises(ValueError, match=r"net of shape \(3, 3\)"):
        figures.lab8.map_errors({"net": errors[:2]}, grid)


def test_costs_are_what_is_spent_once_and_for_each():
    (ax,) = figures.lab8.who_pays({"steps": (0.0, 0.5), "distilled": (60.0, 0.1)}, [10, 100, 1000]).axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[5, 50, 500], [61, 70, 160]]
    assert [line.get_label() for line in ax.lines] == ["steps", "distilled"]
    with pytest.raises(ValueError, match="not negative"):
        figures.lab8.who_pays({"steps": (-1.0, 0.5)}, [10, 100])
    with pytest.raises(ValueError, match="at least two numbers of images, got 1"):
        figures.lab8.who_pays({"steps": (0.0, 0.5)}, [10])
