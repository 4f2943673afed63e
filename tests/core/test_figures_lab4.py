"""What the figures of Lab 4 show: read back from the figure's axes."""

import math

import numpy as np
import pytest
import torch

from course_utils import figures


def texts(fig):
    return [t.get_text() for ax in fig.axes for t in ax.texts]


def test_features_of_time_and_their_angles():
    ts = torch.linspace(0, 1, 11)
    features = torch.stack([torch.ones(11), ts], 1)
    left, right = figures.lab4.time_features(ts, features).axes[:2]
    np.testing.assert_allclose(left.images[0].get_array(), features.T)
    for line, s in zip(right.lines, (0.1, 0.5, 0.9), strict=True):
        expected = [(1 + s * t) / math.sqrt((1 + s * s) * (1 + t * t)) for t in np.linspace(0, 1, 11)]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)


def test_feature_maps_are_as_high_as_their_images():
    shapes = {"in": (1, 28, 28), "middle": (64, 7, 7), "out": (32, 14, 14)}
    fig = figures.lab4.feature_maps(shapes, skip=("in", "out"))
    heights = [patch.get_height() for patch in fig.axes[0].patches]
    widths = [patch.get_width() for patch in fig.axes[0].patches]
    assert heights == [1, 0.25, 0.5] and widths[0] < widths[2] < widths[1]
    assert {"in\n1×28×28", "middle\n64×7×7", "out\n32×14×14", "skip connection"} <= set(texts(fig))


def test_accuracy_against_distance():
    fig = figures.lab4.trade_off({"mixtures": ([1, 1.5], [0.9, 1.0], [4.0, 3.0])}, floor=0.5)
    ax = fig.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [4, 3])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [10, 0.05])  # no error at all: at the edge of the scale
    assert texts(fig)[:2] == ["1", "1.5"] and ax.lines[1].get_xdata()[0] == 0.5


def test_judgements_side_by_side():
    fig = figures.lab4.judgements(["exact", "ours"], [0.75, 1.0], [8.0, 2.0], floor=0.5)
    left, right = fig.axes
    np.testing.assert_allclose(left.collections[0].get_offsets(), [[25, 0], [0.05, 1]])
    np.testing.assert_allclose(right.collections[0].get_offsets(), [[8, 0], [2, 1]])
    assert texts(fig) == ["25.0 %", "0.0 %", "8.00", "2.00", "real digits 0.50"]
    colours = left.collections[0].get_facecolors()
    assert not np.allclose(colours[0], colours[1])
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first on top


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: figures.lab4.time_features(torch.zeros(3), torch.zeros(2, 4)), "3 rows of features"),
        (lambda: figures.lab4.feature_maps({"a": (1, 28)}), r"\(channels, height, width\)"),
        (lambda: figures.lab4.feature_maps({"a": (1, 2, 2)}, skip=("a", "b")), "between two of a"),
        (lambda: figures.lab4.judgements(["a"], [0.5, 0.6], [1.0], floor=0.1), "equal numbers, got 1, 2 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, words, unchecked):
    with pytest.raises(ValueError, match=words):
        call()


def test_progress_of_a_training():
    losses = [float(v) for v in range(200, 80, -1)]
    images = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 2) / 5
    fig = figures.lab4.digits_progress(losses, 400, images, level=150.0, level_name="mixtures alone")
    left, right = fig.axes
    mean, level = left.lines
    assert mean.get_xdata().tolist() == list(range(50, 121))
    np.testing.assert_allclose(mean.get_ydata(), [200 - k + 25.5 for k in range(50, 121)])
    assert set(level.get_ydata()) == {150.0} and left.get_xlim() == (0, 400)
    assert right.get_title() == "samples after step 120 of 400"
    picture = np.asarray(right.images[0].get_array())
    assert picture.shape == (2 * 4, 3 * 4)
    np.testing.assert_allclose(picture[1::4, 1::4], [[0, 0.2, 0.4], [0.6, 0.8, -1]], atol=1e-6)


def test_brought_back_has_a_bar_of_one_standard_error_at_each_time(unchecked):
    fig = figures.lab4.brought_back([0.0, 0.5], [0.9, 0.99], [100, 400], level=(0.95, "real"))
    (ax,) = fig.axes
    low, high = ax.collections[0].get_segments()[0][:, 1]
    assert (low, high) == (pytest.approx(90 - 3), pytest.approx(90 + 3))
    assert ax.lines[-1].get_ydata()[0] == 95
    with pytest.raises(ValueError, match="expected equal numbers of times, accuracies and sizes, got 2, 1 and 2"):
        figures.lab4.brought_back([0.0, 0.5], [0.9], [1, 1], level=(1.0, "real"))
