"""Figures of Lab 10: what is drawn is what was given, and bad input is refused."""

import pytest
import torch
from matplotlib.colors import to_hex

from course_utils import figures
from course_utils.figures.lab10 import HIT
from course_utils.plotting.theme import MODEL
from course_utils.worlds import Arm, Disc

WAYS = torch.tensor([[[-1.0, 0.0], [0.0, 0.5], [1.0, 0.0]], [[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]])


def lines(ax):
    """Colour and points of the lines of each bundle that has any."""
    return [
        (to_hex(bundle.get_color()[0]), [segment.tolist() for segment in bundle.get_segments()])
        for bundle in ax.collections
        if len(bundle.get_segments())
    ]


def test_ways_that_hit_are_black_and_the_others_are_not():
    hit = {"one": torch.tensor([False, True])}
    one, two = figures.lab10.ways({"one": WAYS, "two": WAYS}, hit, discs={"two": [Disc(0.5, 0.5, 0.1)]}).axes
    assert lines(one) == [(MODEL, [WAYS[0].tolist()]), (to_hex(HIT), [WAYS[1].tolist()])]
    assert lines(two) == [(MODEL, WAYS.tolist())]
    assert [(patch.center, patch.radius) for patch in two.patches] == [((0, 0), 0.3), ((0.5, 0.5), 0.1)]
    assert len(one.patches) == 1


@pytest.mark.parametrize(("panels", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_ways_in_rows_of_at_most_three(panels, shape):
    fig = figures.lab10.ways({str(k): WAYS for k in range(panels)})
    assert [ax.get_title() for ax in fig.axes] == [str(k) for k in range(panels)]
    assert fig.axes[0].get_gridspec().get_geometry() == shape


def test_places_that_were_given_are_dots():
    (ax,) = figures.lab10.ways({"one": WAYS}, known={"one": torch.tensor([[-0.5, 0.2]])}).axes
    assert ax.lines[0].get_xydata().tolist() == [[-0.5, pytest.approx(0.2)]]


def test_ways_need_a_panel_and_one_hit_each():
    with pytest.raises(ValueError, match="at least one panel"):
        figures.lab10.ways({})


def test_hits_are_one_a_way(unchecked):
    with pytest.raises(ValueError, match="hits of one of shape"):
        figures.lab10.ways({"one": WAYS}, {"one": torch.zeros(3, dtype=torch.bool)})


def test_a_film_shows_every_other_step_with_its_tail():
    states = torch.zeros(13, 2, 4)
    states[:, :, 0] = torch.linspace(-1, 1, 13)[:, None]
    states[:, 1, 1] = 0.5
    states[..., 2] = 1.0
    film = figures.lab10.drive(states, WAYS)
    assert [change["title"] for change in film.changes[:2]] == ["a policy drives: step 0", "a policy drives: step 2"]
    assert len(film.changes) == 7
    last = film.changes[-1]
    assert [places.tolist() for places in last["robots"]] == [[1, 1], [0, 0.5]]
    assert torch.equal(last["tails"], states[4:, :, :2].movedim(0, 1))
    assert film.changes[0]["tails"].shape == (2, 1, 2)


def test_a_film_needs_states(unchecked):
    with pytest.raises(ValueError, match="states of shape"):
        figures.lab10.drive(torch.zeros(5, 2, 2), WAYS)


def test_arms_reach_or_are_black():
    arm, goal = Arm(), torch.tensor([1.0, 0.6])
    right = arm.pose(goal.expand(2, 2), torch.tensor([True, False]))
    wrong = torch.zeros(1, 2)
    above, other, below, angles = figures.lab10.arms(arm, {"right": right, "wrong": wrong}, goal).axes
    (colour, drawn), *rest = lines(above)
    assert colour == MODEL and not rest
    joints = torch.tensor(drawn)
    assert joints[:, 0].eq(0).all()
    assert torch.allclose(joints[:, 2], goal.expand(2, 2), atol=1e-5)
    assert torch.allclose(joints.diff(dim=1).norm(dim=-1), torch.tensor([1.0, 0.8]).expand(2, 2), atol=1e-5)
    assert lines(other) == [(to_hex(HIT), [[[0, 0], [1, 0], [pytest.approx(1.8), 0]]])]
    assert torch.allclose(torch.tensor(below.lines[0].get_xydata()).float(), right)
    assert angles.lines[1].get_xydata().tolist() == [[0, 0]]


def test_arms_need_a_column_and_wrapped_angles():
    with pytest.raises(ValueError, match="at least one column"):
        figures.lab10.arms(Arm(), {}, torch.zeros(2))
    with pytest.raises(ValueError, match="wrap them"):
        figures.lab10.arms(Arm(), {"degrees": torch.full((1, 2), 90.0)}, torch.tensor([1.0, 0.6]))
