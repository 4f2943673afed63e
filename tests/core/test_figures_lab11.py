"""Figures of Lab 11: what is drawn is what was given, and bad input is refused."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from course_utils import figures
from course_utils.figures.lab11 import angles, space
from course_utils.manifolds import torsion_angle
from course_utils.metrics import in_helix, in_strand
from course_utils.plotting.theme import DATA, EXACT, MODEL, NOISE

F = figures.lab11
HELIX, STRAND = torch.deg2rad(torch.tensor([-63.0, -43.0])), torch.deg2rad(torch.tensor([-120.0, 130.0]))


def offsets(ax):
    return [np.asarray(dots.get_offsets()) for dots in ax.collections]


# Ramachandran plots


def test_residues_in_degrees_and_what_lies_outside_is_wrapped_and_black():
    x = torch.tensor([[-1.0, 2.0], [3.5, 0.0]])
    first, second = F.ramachandran({"data": x[:1], "model": x}).axes
    inside, out = second.collections
    assert_allclose(offsets(second)[0], torch.rad2deg(x[:1]), rtol=1e-6)
    assert_allclose(offsets(second)[1], [[math.degrees(3.5) - 360, 0]], rtol=1e-5)
    assert out.get_facecolor()[0][:3].tolist() == [0, 0, 0]
    assert (first.get_xlim(), second.get_ylim()) == ((-180, 180), (-180, 180))
    assert [text.get_text() for text in first.texts] == ["helix", "strand"]


def test_outlines_are_where_helix_and_strand_are_counted():
    grid = torch.cartesian_prod(torch.arange(-175.0, 180, 10), torch.arange(-175.0, 180, 10))
    for name, counted in (("helix", in_helix), ("strand", in_strand)):
        drawn = torch.zeros(len(grid), dtype=torch.bool)
        for left, low, width, height in angles.REGIONS[name]:
            corner, size = torch.tensor([left, low]), torch.tensor([width, height])
            drawn |= ((grid > corner) & (grid < corner + size)).all(1)
        assert (drawn == counted(torch.deg2rad(grid))).all()


def test_residues_without_a_panel_or_a_colour(unchecked):
    with pytest.raises(ValueError, match="at least one panel"):
        F.ramachandran({})
    with pytest.raises(ValueError, match="2 colours, one a panel, got 1"):
        F.ramachandran({"a": torch.zeros(3, 2), "b": torch.zeros(3, 2)}, [DATA])
    with pytest.raises(ValueError, match=r"a of shape \(any, 2\), got \(3, 4\)"):
        F.ramachandran({"a": torch.zeros(3, 4)})


# ways and boxes


def test_ways_are_straight_at_the_left_and_shortest_at_the_right():
    x0, z = torch.deg2rad(torch.tensor([[170.0, 0.0]])), torch.deg2rad(torch.tensor([[-170.0, 90.0]]))
    left, right = F.ways(x0, z).axes
    assert_allclose(left.lines[0].get_xydata()[[0, -1]], [[170, 0], [-170, 90]], atol=1e-3)
    assert np.isfinite(left.lines[0].get_xydata()).all()
    way = right.lines[0].get_xydata()
    assert np.isnan(way).any(1).sum() == 1
    assert (np.abs(way[np.isfinite(way).all(1), 0]) >= 169.9).all()
    assert left.get_title() == f"straight lines: {math.hypot(340, 90):.0f}° on average"
    assert right.get_title() == f"shortest ways: {math.hypot(20, 90):.0f}° on average"


def test_a_box_holds_what_is_near_in_both_angles():
    data = torch.deg2rad(torch.tensor([[170.0, 0.0], [-170.0, 0.0], [0.0, 0.0], [-150.0, 100.0]]))
    state = torch.deg2rad(torch.tensor([[175.0, 0.0]]))
    (ax,) = F.boxes(data, state, [0.75]).axes
    away, near = offsets(ax)[:2]
    assert_allclose(near, [[170, 0], [-170, 0]], atol=1e-4)
    assert_allclose(away, [[0, 0], [-150, 100]], atol=1e-4)
    assert ax.get_title() == "$t = 0.75$: 2 in the box"
    boxes = [patch.get_bbox() for patch in ax.patches]
    assert any(np.allclose([box.x0, box.y0, box.width], [130, -45, 90], atol=1e-3) for box in boxes)
    assert any(np.allclose([box.x0, box.y0, box.width], [130 - 360, -45, 90], atol=1e-3) for box in boxes)
    arrows = [c for c in ax.collections if hasattr(c, "U")]
    assert_allclose([(a.U[0], a.V[0]) for a in arrows], [[5, 0]], atol=1e-3)
    assert any(np.allclose(start, [175, 0], atol=1e-3) for start in arrows[0].get_offsets())


def test_boxes_and_ways_of_other_shapes(unchecked):
    with pytest.raises(ValueError, match=r"states of shape \(2, 2\)"):
        F.boxes(torch.zeros(3, 2), torch.zeros(1, 2), [0.0, 0.5])
    with pytest.raises(ValueError, match=r"z of shape \(3, 2\)"):
        F.ways(torch.zeros(3, 2), torch.zeros(2, 2))


# past the seam


def test_an_angle_goes_on_past_180_degrees():
    psi = torch.deg2rad(torch.tensor([100.0, -170.0, -100.0, 0.0]))
    (ax,) = F.past_the_seam({"data": psi, "model": psi}, bins=18).axes
    values, edges, _ = ax.patches[0].get_data()
    assert values.sum() * 10 == pytest.approx(75)
    assert [edges[i] for i in values.nonzero()[0]] == [100, 190, 260]
    assert ax.get_xticklabels()[-1].get_text() == "270\n= -90"
    with pytest.raises(ValueError, match="at least one kind"):
        F.past_the_seam({})


# chains


def drawn_chains(ax):
    """Atoms of each chain, (36, 3), from its 35 bonds, which are drawn from far to near."""
    lines = [np.stack(line.get_data_3d(), 1) for line in ax.lines]
    for start in range(0, len(lines), 35):
        after = {tuple(bond[0]): bond[1] for bond in lines[start : start + 35]}
        (first,) = after.keys() - {tuple(place) for place in after.values()}
        chain = [np.array(first)]
        while tuple(chain[-1]) in after:
            chain.append(after[tuple(chain[-1])])
        yield np.stack(chain)


def test_chains_stand_side_by_side_with_their_bonds():
    rows = {"helix": HELIX.expand(2, 12, 2), "strand": STRAND.expand(2, 12, 2)}
    (ax,) = F.chains(rows).axes
    assert [text.get_text() for text in ax.texts] == ["helix", "strand"]
    places = list(drawn_chains(ax))
    assert [place.shape for place in places] == [(36, 3)] * 4
    bonds = np.linalg.norm(np.diff(places[0], axis=0), axis=1)
    assert_allclose(bonds, np.resize([1.459, 1.525, 1.329], 35), atol=1e-5)
    assert_allclose(places[1].mean(0) - places[0].mean(0), [space.APART, 0, 0], atol=1e-4)
    assert_allclose(places[2].mean(0) - places[0].mean(0), [0, 0, -space.BELOW], atol=1e-4)
    widths = np.ptp(places[2], axis=0)
    assert widths[0] == max(widths) > 30


def test_chains_are_turned_and_never_mirrored():
    """The torsion of four CA atoms of a right-handed helix stays 50 degrees, of its mirror image -50."""
    (ax,) = F.chains({"both": torch.stack([HELIX.expand(12, 2), -HELIX.expand(12, 2)])}).axes
    for chain, expected in zip(drawn_chains(ax), (50, -50), strict=True):
        ca = torch.tensor(chain)[1::3]
        assert torch.rad2deg(torsion_angle(*ca[:4])).item() == pytest.approx(expected, abs=5)


def test_what_is_near_is_darker_and_drawn_later():
    """Looking along the second axis, so that a small coordinate is near."""
    (ax,) = F.chains({"": HELIX.expand(1, 12, 2)}).axes
    depth = np.array([np.mean(line.get_data_3d()[1]) for line in ax.lines])
    shade = np.array([float(line.get_color()) for line in ax.lines])
    assert (np.diff(depth) <= 0).all() and (np.diff(shade) <= 1e-6).all()
    assert ax.azim == -90 and shade[0] > 0.7 and shade[-1] < 0.2


def test_dots_of_chains_tell_helix_and_strand():
    from matplotlib.colors import to_hex

    (ax,) = F.chains({"": torch.stack([HELIX, STRAND, STRAND, torch.ones(2)])[None]}).axes
    counts = {to_hex(dots.get_facecolor()[0]): len(dots.get_offsets()) for dots in ax.collections}
    assert counts == {MODEL: 1, DATA: 2, NOISE: 1}


def test_chains_of_other_numbers(unchecked):
    with pytest.raises(ValueError, match="at least one row"):
        F.chains({})
    with pytest.raises(ValueError, match=r"b of shape \(2, any, 2\)"):
        F.chains({"a": torch.zeros(2, 12, 2), "b": torch.zeros(3, 12, 2)})


# rotations and fields


def test_rotation_vectors_in_degrees():
    (ax,) = F.rotation_vectors({"turn": torch.tensor([[0.1, -0.2, 3.0]])}).axes
    assert_allclose(offsets(ax)[0], [np.rad2deg([0.1, -0.2])], rtol=1e-6)
    assert ax.patches[0].get_radius() == 180
    with pytest.raises(ValueError, match="at least one panel"):
        F.rotation_vectors({})


def test_arrows_of_a_field_that_turns_along_are_one_and_of_another_are_two():
    from matplotlib.colors import to_hex

    x = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    fields = {"along": lambda x: x, "fixed": lambda x: torch.ones_like(x).requires_grad_()}
    along, fixed = F.turned_fields(x, turn, fields).axes
    arrows = [[c for c in ax.collections if hasattr(c, "U")] for ax in (along, fixed)]
    assert [to_hex(quiver.get_facecolor()[0]) for quiver in arrows[0]] == [EXACT, MODEL]
    expected, found = (np.stack([quiver.U, quiver.V], 1) for quiver in arrows[0])
    assert_allclose(expected, found)
    assert_allclose(found, [[0, 1], [-2, 0]], atol=1e-6)
    expected, found = (np.stack([quiver.U, quiver.V], 1) for quiver in arrows[1])
    assert_allclose(expected, [[-1, 1]] * 2)
    assert_allclose(found, [[1, 1]] * 2)


def test_a_turn_of_another_shape(unchecked):
    with pytest.raises(ValueError, match=r"a turn of shape \(3, 3\)"):
        F.turned_fields(torch.zeros(4, 3), torch.zeros(2, 2), {"f": lambda x: x})
