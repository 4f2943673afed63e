"""What the figures of Lab 4 show: read back from the figure's axes."""

import math

import numpy as np
import pytest
import torch

from course_utils import plotting


def texts(fig):
    return [t.get_text() for ax in fig.axes for t in ax.texts]


def test_every_image_stands_at_its_place(generator):
    images = torch.rand(3, 4, 5, 6, generator=generator) * 2 - 1
    fig = plotting.image_grid(images, column_titles="abcd", row_titles=["x", "y", "z"])
    (ax,) = fig.axes
    picture = ax.images[0]
    canvas = np.asarray(picture.get_array())
    for r in range(3):
        for c in range(4):
            np.testing.assert_allclose(canvas[7 * r : 7 * r + 5, 8 * c : 8 * c + 6], images[r, c])
    assert canvas.shape == (3 * 7 - 2, 4 * 8 - 2)
    assert picture.get_clim() == (-1, 1)
    assert picture.cmap(1.0)[:3] == (0, 0, 0)  # ink dark
    for ticks, labels, expected in (
        (ax.get_xticks(), ax.get_xticklabels(), "abcd"), (ax.get_yticks(), ax.get_yticklabels(), "xyz"),
    ):  # fmt: skip
        assert [label.get_text() for label in labels] == list(expected)
        assert np.ptp(np.diff(ticks)) < 1e-9


def test_a_pixel_of_an_image_is_a_whole_number_of_pixels():
    fig = plotting.image_grid(torch.zeros(2, 3, 28, 28), row_titles=["a long title of a row", "b"], zoom=3)
    box = fig.axes[0].get_position()
    whole = fig.get_size_inches() * plotting.core.DPI
    np.testing.assert_allclose(whole * (box.width, box.height), (3 * (3 * 30 - 2), 3 * (2 * 30 - 2)))


def test_row_titles_are_not_clipped():
    fig = plotting.image_grid(torch.zeros(2, 3, 28, 28), row_titles=["plain U-Net after 30 s of it", "WWWW"])
    fig.draw_without_rendering()
    assert min(label.get_window_extent().x0 for label in fig.axes[0].get_yticklabels()) >= 0


def test_a_batch_is_filled_row_by_row():
    images = torch.arange(6.0).reshape(6, 1, 1, 1)
    canvas = np.asarray(plotting.digit_grid(images, columns=3).axes[0].images[0].get_array())
    np.testing.assert_array_equal(canvas[::3, ::3], [[0, 1, 2], [3, 4, 5]])


def test_features_of_time_and_their_angles():
    ts = torch.linspace(0, 1, 11)
    features = torch.stack([torch.ones(11), ts], 1)
    left, right = plotting.time_features(ts, features).axes[:2]
    np.testing.assert_allclose(left.images[0].get_array(), features.T)
    for line, s in zip(right.lines, (0.1, 0.5, 0.9), strict=True):
        expected = [(1 + s * t) / math.sqrt((1 + s * s) * (1 + t * t)) for t in np.linspace(0, 1, 11)]
        np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-5)


def test_feature_maps_are_as_high_as_their_images():
    shapes = {"in": (1, 28, 28), "middle": (64, 7, 7), "out": (32, 14, 14)}
    fig = plotting.feature_maps(shapes, skip=("in", "out"))
    heights = [patch.get_height() for patch in fig.axes[0].patches]
    widths = [patch.get_width() for patch in fig.axes[0].patches]
    assert heights == [1, 0.25, 0.5] and widths[0] < widths[2] < widths[1]
    assert {"in\n1×28×28", "middle\n64×7×7", "out\n32×14×14", "skip connection"} <= set(texts(fig))


def test_errors_of_solvers():
    ax = plotting.solver_errors({"Euler": ([6, 12], [0.2, 0.1]), "Heun": ([12, 24], [0.02, 0.005])}).axes[0]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [list(line.get_ydata()) for line in ax.lines] == [[0.2, 0.1], [0.02, 0.005]]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["6", "12", "24"]


def test_accuracy_against_distance():
    fig = plotting.trade_off({"mixtures": ([1, 1.5], [0.9, 1.0], [4.0, 3.0])}, floor=0.5)
    ax = fig.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [4, 3])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [10, 0.05])  # no error at all: at the edge of the scale
    assert texts(fig)[:2] == ["1", "1.5"] and ax.lines[1].get_xdata()[0] == 0.5


def test_judgements_side_by_side():
    fig = plotting.judgements(["exact", "ours"], [0.75, 1.0], [8.0, 2.0], floor=0.5)
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
        (lambda: plotting.image_grid(torch.zeros(2, 3, 4, 4), row_titles=["a"]), "2 row titles, got 1"),
        (lambda: plotting.image_grid(torch.zeros(2, 3, 4, 4), column_titles="ab"), "3 column titles, got 2"),
        (lambda: plotting.digit_grid(torch.zeros(7, 1, 4, 4), columns=3), "multiple of 3 images, got 7"),
        (lambda: plotting.time_features(torch.zeros(3), torch.zeros(2, 4)), "3 rows of features"),
        (lambda: plotting.feature_maps({"a": (1, 28)}), r"\(channels, height, width\)"),
        (lambda: plotting.feature_maps({"a": (1, 2, 2)}, skip=("a", "b")), "between two of a"),
        (lambda: plotting.judgements(["a"], [0.5, 0.6], [1.0], floor=0.1), "equal numbers, got 1, 2 and 1"),
    ],
)
def test_what_does_not_fit_is_refused(call, words, unchecked):
    with pytest.raises(ValueError, match=words):
        call()


def test_progress_of_a_training():
    losses = [float(v) for v in range(200, 80, -1)]
    images = torch.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 2) / 5
    fig = plotting.digits_progress(losses, 400, images, level=150.0, level_name="mixtures alone")
    left, right = fig.axes
    mean, level = left.lines
    assert mean.get_xdata().tolist() == list(range(50, 121))
    np.testing.assert_allclose(mean.get_ydata(), [200 - k + 25.5 for k in range(50, 121)])
    assert set(level.get_ydata()) == {150.0} and left.get_xlim() == (0, 400)
    assert right.get_title() == "samples after step 120 of 400"
    picture = np.asarray(right.images[0].get_array())
    assert picture.shape == (2 * 4, 3 * 4)
    np.testing.assert_allclose(picture[1::4, 1::4], [[0, 0.2, 0.4], [0.6, 0.8, -1]], atol=1e-6)
