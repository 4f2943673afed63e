"""Figures of Lab 6: what is drawn is what was given, and bad input is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import figures


def test_bars_are_what_the_bound_lacks():
    fig = figures.lab6.bound_bars({"best": -10.0, "turned": -11.5}, {"best": -10.0, "turned": -10.0})
    (ax,) = fig.axes
    assert [bar.get_width() for bar in ax.patches] == [0, 1.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["best", "turned"]
    assert [text.get_text() for text in ax.texts] == ["0.00 nats", "1.50 nats"]
    with pytest.raises(ValueError, match="expected the names best, got other"):
        figures.lab6.bound_bars({"best": 0.0}, {"other": 0.0})


def test_patches_in_two_orders():
    image = torch.linspace(-1, 1, 16).reshape(4, 4)
    patches = torch.stack([image[:2, :2], image[:2, 2:], image[2:, :2], image[2:, 2:]])
    left, right = figures.lab6.cut_into_patches(image, patches, [3, 2, 1, 0]).axes
    assert torch.equal(torch.tensor(left.images[0].get_array()), image)
    edges = [segment.tolist() for lines in left.collections for segment in lines.get_segments()]
    assert sorted(edges) == [[[0, 2], [4, 2]], [[2, 0], [2, 4]]]
    shown = torch.tensor(right.images[0].get_array())[..., 0].float()
    assert shown.shape == (6, 14)
    grey = 127.5 - 127.5 * patches
    for k in range(4):
        assert torch.allclose(shown[:2, 4 * k : 4 * k + 2], grey[k], atol=1)
        assert torch.allclose(shown[4:, 4 * k : 4 * k + 2], grey[3 - k], atol=1)
    with pytest.raises(ValueError, match="an order of 4 patches"):
        figures.lab6.cut_into_patches(image, patches, [0, 1, 1, 3])


def test_seams_are_the_rows_of_the_file(tmp_path, monkeypatch):
    ink = torch.randint(0, 256, (3, 10, 28, 28), generator=torch.Generator().manual_seed(0)).byte()
    file = tmp_path / "seams.png"
    Image.fromarray(ink.transpose(1, 2).reshape(84, 280).numpy()).save(file)
    monkeypatch.setattr(figures.lab6, "SEAMS", file)
    shown = torch.tensor(np.array(figures.lab6.seams().axes[0].images[0].get_array()))
    assert shown.shape == (3 * 30 - 2, 10 * 30 - 2)
    for row, column in ((0, 0), (1, 4), (2, 9)):
        top, left = 30 * row, 30 * column
        found = shown[top : top + 28, left : left + 28]
        assert torch.allclose(found, ink[row, column].float() / 127.5 - 1)


def test_the_seams_that_come_with_the_course_are_three_rows_of_digits():
    with Image.open(figures.lab6.SEAMS) as picture:
        assert (picture.size, picture.mode) == ((280, 84), "L")


def test_cost_and_quality_of_each_generator():
    points = {"pixels": ([60, 90], [5.9, 3.2]), "latents": ([34, 35], [4.0, 2.9])}
    fig = figures.lab6.cost_and_quality(points, floors={"real digits": 1.0}, left=["latents"])
    (ax,) = fig.axes
    drawn = [line.get_xydata().tolist() for line in ax.lines]
    assert drawn[:2] == [[[60, 5.9], [90, 3.2]], [[34, 4.0], [35, 2.9]]]
    assert drawn[2][0][1] == drawn[2][1][1] == 1
    assert [text.get_text() for text in ax.texts] == ["pixels", "latents", "real digits"]
    assert [text.get_ha() for text in ax.texts] == ["left", "right", "right"]
    assert ax.get_xscale() == ax.get_yscale() == "log"
