"""The figures of Lab 1 draw what they are given and refuse what does not fit."""

import pytest
import torch

from course_utils import figures
from course_utils.figures.lab1 import PathPanel
from course_utils.plotting import DATA, EXACT, MODEL

TS = torch.linspace(0, 1, 5)
XS = torch.arange(15.0).reshape(5, 3)
POINTS = torch.arange(12.0).reshape(6, 2)


def lines(ax):
    return [torch.tensor(line.get_xydata(), dtype=torch.float32) for line in ax.lines]


def drawn(ax, x, y):
    """Whether a line through these points is among those of the axes."""
    wanted = torch.stack([x, y], 1)
    return any(line.shape == wanted.shape and torch.allclose(line, wanted) for line in lines(ax))


def titles(fig):
    return [ax.get_title() for ax in fig.axes]


def dots(ax):
    return torch.tensor(ax.collections[-1].get_offsets(), dtype=torch.float32)


def test_sample_paths_and_their_band():
    mean, std = TS + 1, TS.sqrt()
    fig = figures.lab1.sample_paths({"banded": PathPanel(TS, XS, mean, std), "bare": PathPanel(TS, XS[:, :2])})
    banded, bare = fig.axes
    for ax, count in ((banded, 3), (bare, 2)):
        assert all(drawn(ax, TS, XS[:, k]) for k in range(count))
    assert all(drawn(banded, TS, line) for line in (mean, mean - 2 * std, mean + 2 * std))
    assert len(banded.lines) == 6 and len(bare.lines) == 2


def test_a_panel_says_its_shape_and_no_numbers():
    assert repr(PathPanel(TS, XS, TS, TS)) == "PathPanel(xs of shape (5, 3), a band)"
    assert repr(PathPanel(TS, XS)) == "PathPanel(xs of shape (5, 3), no band)"


def test_increment_check():
    pair = torch.tensor([[-1.0, 1.0], [0.0, 0.5], [1.0, -1.0], [0.0, -0.5]])
    fig = figures.lab1.increment_check(TS, {"w": 2 * TS}, {"w": pair}, exact=TS)
    variance, cloud = fig.axes
    assert drawn(variance, TS, TS) and drawn(variance, TS, 2 * TS)
    assert torch.equal(dots(cloud), pair)
    assert variance.get_ylabel() == "variance" and cloud.get_ylabel() == "second increment"
    assert "−0.89" in cloud.get_title()  # -2 / sqrt(2 * 2.5)


def test_convergence():
    hs = torch.tensor([0.5, 0.25, 0.125])
    fig = figures.lab1.convergence(
        hs, {"strong": {"Euler": (3 * hs, 1), "Heun": (hs**2, 2)}, "weak": {"Euler": (hs, 1)}}
    )
    left, right = fig.axes
    assert drawn(left, hs, 3 * hs) and drawn(left, hs, hs**2) and drawn(right, hs, hs)
    assert left.get_xscale() == left.get_yscale() == "log"
    assert "Heun: fitted slope 2.00" in left.get_legend().get_texts()[1].get_text()


def test_warped_grids():
    grid = torch.randn(4, 7, 2, generator=torch.Generator().manual_seed(1))
    velocities = POINTS.flip(1)
    fig = figures.lab1.warped_grids({"t = 0": grid, "t = 1": -grid}, (POINTS, velocities))
    for sign, ax in zip((1, -1), fig.axes, strict=True):
        assert all(drawn(ax, *(sign * line).T) for line in grid)
        assert [line.get_color() for line in ax.lines] == [MODEL, MODEL, DATA, DATA]
        arrows = ax.collections[-1]
        assert [arrows.U.tolist(), arrows.V.tolist()] == velocities.T.tolist()


def test_mode_shares():
    weights, share = {"top": 0.5, "left": 0.3, "right": 0.2}, XS / XS.sum(1, keepdim=True)
    fig = figures.lab1.mode_shares({"near": share}, TS, weights)
    ax = fig.axes[0]
    assert all(drawn(ax, TS, share[:, k]) for k in range(3))
    levels = [line.get_ydata()[0] for line in ax.lines if len(line.get_ydata()) == 2]
    assert levels == pytest.approx(list(weights.values()))
    assert ax.get_legend_handles_labels()[1] == list(weights)
    assert ax.lines[0].get_color() == ax.lines[1].get_color() != ax.lines[2].get_color()


@pytest.mark.parametrize("draw", [
    lambda: figures.lab1.sample_paths({"a": PathPanel(TS, XS.T)}),
    lambda: figures.lab1.sample_paths({"a": PathPanel(TS, XS[..., None])}),
    lambda: figures.lab1.sample_paths({"a": PathPanel(TS, XS, TS[1:], TS)}),
    lambda: figures.lab1.sample_paths({"a": PathPanel(TS, XS, TS, TS[1:])}),
    lambda: figures.lab1.increment_check(TS, {"a": TS[1:]}, {"a": POINTS}, exact=TS),
    lambda: figures.lab1.increment_check(TS, {"a": TS}, {"b": POINTS}, exact=TS),
    lambda: figures.lab1.increment_check(TS, {"a": TS}, {"a": XS}, exact=TS),
    lambda: figures.lab1.convergence(TS[1:], {"a": {"b": (TS, 1)}}),
    lambda: figures.lab1.warped_grids({"a": POINTS}),
    lambda: figures.lab1.warped_grids({"a": POINTS[None]}, (POINTS, POINTS[1:])),
    lambda: figures.lab1.mode_shares({"a": XS}, TS, {"one": 0.5, "two": 0.5}),
    lambda: figures.lab1.mode_shares({"a": XS.T}, TS, dict.fromkeys("abc", 1 / 3)),
])  # fmt: skip
def test_what_does_not_fit_is_refused(draw, unchecked):
    with pytest.raises(ValueError, match="expected .*, got "):
        draw()


def test_exact_answers_have_their_colour():
    fig = figures.lab1.sample_paths({"a": PathPanel(TS, XS, TS, TS)})
    by_color = {line.get_color() for line in fig.axes[0].lines}
    assert by_color == {MODEL, EXACT}
