"""The figures of Lab 3 draw what they are given and refuse what does not fit."""

import pytest
import torch

from course_utils import figures
from course_utils.plotting import EXACT, MODEL

TS, PLACES = torch.linspace(0, 1, 4), torch.linspace(-2, 2, 9)
PATHS = torch.arange(12.0).reshape(4, 3) / 6 - 1
DENSITY = torch.exp(-(PLACES**2)).expand(4, -1) * (1 + TS[:, None])


def drawn(ax, x, y, color):
    wanted = torch.stack([x, y], 1)
    found = [torch.tensor(line.get_xydata(), dtype=torch.float32) for line in ax.lines if line.get_color() == color]
    return any(line.shape == wanted.shape and torch.allclose(line, wanted) for line in found)


def names(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def test_paths_over_density():
    fig = figures.lab3.paths_over_density({"s = 0": PATHS, "s = 1": PATHS[:, :2]}, TS, PLACES, DENSITY)
    assert [ax.get_title() for ax in fig.axes] == ["s = 0", "s = 1"]
    for ax, count in zip(fig.axes, (3, 2), strict=True):
        assert len(ax.lines) == count and all(drawn(ax, TS, PATHS[:, k], MODEL) for k in range(count))
        shades = torch.tensor(ax.collections[0].get_array()).reshape(len(PLACES), len(TS))
        assert torch.equal(shades, DENSITY.T)
        assert ax.get_ylim() == (-2, 2)


def test_law_grid(outline):
    samples = {"s = 0": torch.linspace(-1.5, 1.5, 200).expand(4, -1), "s = 1": torch.zeros(4, 50)}
    fig = figures.lab3.law_grid(samples, ["a", "b", "c", "d"], PLACES, DENSITY)
    rows = [fig.axes[:4], fig.axes[4:]]
    assert [ax.get_title() for ax in rows[0]] == ["a", "b", "c", "d"]
    assert [row[0].get_ylabel() for row in rows] == list(samples)
    for row, (low, high) in zip(rows, ((-1.5, 1.5), (0, 0)), strict=True):
        for ax, density in zip(row, DENSITY, strict=True):
            assert drawn(ax, PLACES, density, EXACT)
            area, left, right = outline(ax)
            assert area == pytest.approx(1)
            assert left == pytest.approx(low, abs=0.05) and right == pytest.approx(high, abs=0.05)
            assert ax.get_ylim()[1] == pytest.approx(1.25 * density.max().item())
    assert names(fig) == ["simulated", "exact"]


@pytest.mark.parametrize("draw", [
    lambda: figures.lab3.paths_over_density({}, TS, PLACES, DENSITY),
    lambda: figures.lab3.paths_over_density({"a": PATHS.T}, TS, PLACES, DENSITY),
    lambda: figures.lab3.paths_over_density({"a": PATHS}, TS, PLACES, DENSITY.T),
    lambda: figures.lab3.law_grid({}, ["a"], PLACES, DENSITY[:1]),
    lambda: figures.lab3.law_grid({"a": PATHS}, ["a"], PLACES, DENSITY[:1]),
    lambda: figures.lab3.law_grid({"a": PATHS}, ["a", "b", "c", "d"], PLACES[1:], DENSITY),
])  # fmt: skip
def test_what_does_not_fit_is_refused(draw, unchecked):
    with pytest.raises(ValueError, match="expected .*, got "):
        draw()
