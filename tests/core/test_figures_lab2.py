"""Figures of Lab 2: each draws what it is given and refuses shapes that do not fit."""

import pytest
import torch
from matplotlib.colors import to_hex

from course_utils import figures
from course_utils.plotting import DATA, EXACT, MODEL, NOISE

TS = torch.tensor([0.0, 0.5, 0.9])


def titles(fig):
    return [ax.get_title() for ax in fig.axes if ax.get_title()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def offsets(ax, i=0):
    return torch.as_tensor(ax.collections[i].get_offsets().data).float()


def test_path_histograms_count_every_sample(generator):
    rows = {"a": torch.randn(3, 100, 2, generator=generator).clamp(-4, 4), "b": torch.zeros(3, 50, 2)}
    fig = figures.lab2.path_histograms(rows, TS, marked=torch.tensor([[1.0, 2.0], [torch.nan, torch.nan]]))
    assert titles(fig) == ["$t = 0$", "$t = 0.5$", "$t = 0.9$"]
    assert [ax.collections[0].get_array().sum() for ax in fig.axes] == [100] * 3 + [50] * 3
    assert fig.axes[0].lines[0].get_xydata().tolist() == [[1, 2]]
    assert fig.get_figwidth() <= 9


def test_trajectories_begin_grey_and_end_coloured(generator):
    xs = torch.randn(5, 7, 2, generator=generator)
    fig = figures.lab2.trajectories({"a": xs, "b": xs}, targets=torch.zeros(1, 2), color=MODEL)
    assert titles(fig) == ["a", "b"]
    ax = fig.axes[0]
    assert len(ax.lines) == 7
    torch.testing.assert_close(torch.tensor(ax.lines[3].get_xydata()).float(), xs[:, 3])
    for i, (points, color) in enumerate(((xs[0], NOISE), (xs[-1], MODEL), (torch.zeros(1, 2), DATA))):
        torch.testing.assert_close(offsets(ax, i), points)
        assert to_hex(ax.collections[i].get_facecolor()[0]) == color


def test_you_are_here_writes_the_weights_and_points_to_the_mean():
    data, x = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([0.5, 0.5])
    weights = torch.tensor([[0.25, 0.75], [0.0, 1.0]])
    ts = torch.tensor([0.0, 0.5])
    mean = weights @ data
    fig = figures.lab2.you_are_here(x, data, weights, (mean - x) / (1 - ts[:, None]), ts)
    first, second = fig.axes
    assert [t for t in texts(first) if t] == ["25%", "75%"] and [t for t in texts(second) if t] == ["100%"]
    for ax, end in zip(fig.axes, mean, strict=True):
        green = [a for a in ax.texts if a.arrow_patch and to_hex(a.arrow_patch.get_edgecolor()) == EXACT]
        torch.testing.assert_close(torch.as_tensor(green[0].xy).float(), end)


def test_box_flow_says_out_and_in():
    outflows = torch.tensor([0.1, -0.2, 0.3, 0.0])
    fig = figures.lab2.box_flow((-1.0, -0.5, 1.0, 0.5), outflows, torch.rand(5, 5), torch.rand(3, 3, 2))
    assert texts(fig.axes[0]) == ["out 0.1000", "in 0.2000", "out 0.3000", "in 0.0000"]
    (rectangle,) = fig.axes[0].patches
    assert rectangle.get_bbox().bounds == (-1, -0.5, 2, 1)


def test_gradient_agreement_shows_means_and_a_difference_that_shrinks():
    g = torch.Generator().manual_seed(0)
    exact = torch.randn(1, 6, generator=g).expand(64, 6)
    estimate = exact + torch.randn(64, 6, generator=g)
    left, right = figures.lab2.gradient_agreement(exact, estimate, names=("a", "b")).axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("a", "b")
    points = torch.tensor(left.lines[1].get_xydata()).float()
    torch.testing.assert_close(points, torch.stack([exact[0], estimate.mean(0)], 1))
    length, found = (torch.as_tensor(line.get_ydata()) for line in right.lines)
    torch.testing.assert_close(length, exact[0].norm().expand(64))
    torch.testing.assert_close(found[[0, -1]], torch.stack([(estimate[0] - exact[0]).norm(),
                                                            (estimate.mean(0) - exact[0]).norm()]))  # fmt: skip


def test_training_progress_has_floor_runs_and_samples(generator):
    losses = {"one": [9.0, 8.0, 7.5], "two": [8.0] * 60}
    distances = {"one": ([2], [0.5]), "two": ([30, 60], [0.3, 0.1])}
    samples = torch.randn(20, 2, generator=generator)
    loss, distance, picture = figures.lab2.training_progress(losses, distances, floor=7.0, samples=samples).axes
    smooth = [line.get_ydata() for line in loss.lines]
    assert smooth[0].tolist() == pytest.approx([24.5 / 3]) and len(smooth[1]) == 11
    assert list(smooth[2]) == [7, 7] and to_hex(loss.lines[2].get_color()) == EXACT
    assert distance.lines[1].get_xydata().tolist() == [[30, 0.3], [60, 0.1]] and distance.get_yscale() == "log"
    torch.testing.assert_close(offsets(picture), samples)
    assert len(figures.lab2.training_progress(losses, distances, floor=7.0).axes) == 2


WRONG = {
    "times": lambda: figures.lab2.path_histograms({"a": torch.zeros(2, 5, 2)}, TS),
    "marked": lambda: figures.lab2.path_histograms({"a": torch.zeros(3, 5, 2)}, TS, marked=torch.zeros(2, 2)),
    "coordinates": lambda: figures.lab2.trajectories({"a": torch.zeros(4, 5, 3)}),
    "weights": lambda: figures.lab2.you_are_here(TS[:2], torch.zeros(4, 2), torch.zeros(3, 5), torch.zeros(3, 2), TS),
    "sides": lambda: figures.lab2.box_flow((0, 0, 1, 1), torch.zeros(3), torch.zeros(5, 5), torch.zeros(3, 3, 2)),
    "gradients": lambda: figures.lab2.gradient_agreement(torch.zeros(3, 4), torch.zeros(3, 5), names=("a", "b")),
    "one batch": lambda: figures.lab2.gradient_agreement(torch.zeros(1, 4), torch.zeros(1, 4), names=("a", "b")),
    "names": lambda: figures.lab2.training_progress({"a": [1.0]}, {"b": ([1], [1.0])}, floor=0.0),
    "no time": lambda: figures.lab2.path_histograms({"a": torch.zeros(0, 5, 2)}, torch.zeros(0)),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_shapes_are_refused(what, unchecked):
    with pytest.raises(ValueError, match="expected"):
        WRONG[what]()
