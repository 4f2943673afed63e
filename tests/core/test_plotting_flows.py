"""Figures of Lab 2: each draws what it is given and refuses shapes that do not fit."""

import pytest
import torch
from matplotlib.colors import to_hex

from course_utils import plotting
from course_utils.distributions import Checkerboard
from course_utils.plotting import DATA, EXACT, MODEL, NOISE

TS = torch.tensor([0.0, 0.5, 0.9])


def titles(fig):
    return [ax.get_title() for ax in fig.axes if ax.get_title()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def offsets(ax, i=0):
    return torch.as_tensor(ax.collections[i].get_offsets().data).float()


def test_grid_points_go_row_by_row_from_below():
    points = plotting.grid_points(2.0, 5)
    assert points.shape == (25, 2)
    assert points[:3].tolist() == [[-2, -2], [-1, -2], [0, -2]]
    assert points[:, 1].reshape(5, 5)[:, 0].tolist() == [-2, -1, 0, 1, 2]


def test_path_histograms_count_every_sample(generator):
    rows = {"a": torch.randn(3, 100, 2, generator=generator).clamp(-4, 4), "b": torch.zeros(3, 50, 2)}
    fig = plotting.path_histograms(rows, TS, marked=torch.tensor([[1.0, 2.0], [torch.nan, torch.nan]]))
    assert titles(fig) == ["$t = 0$", "$t = 0.5$", "$t = 0.9$"]
    assert [ax.collections[0].get_array().sum() for ax in fig.axes] == [100] * 3 + [50] * 3
    assert fig.axes[0].lines[0].get_xydata().tolist() == [[1, 2]]
    assert fig.get_figwidth() <= 9


def test_field_arrows_stand_where_there_is_density_and_keep_their_direction():
    density = torch.zeros(3, 9, 9)
    density[:, 4, 4] = 1  # the middle alone
    vectors = torch.full((3, 3, 3, 2), 7.0)
    vectors[:, 1, 1] = torch.tensor([3.0, 4.0])
    fig = plotting.field_arrows({"velocity": vectors}, density, TS, limit=2)
    for ax in fig.axes:
        arrows = ax.collections[0]
        assert (arrows.U.tolist(), arrows.V.tolist()) == ([3], [4])
        assert arrows.get_offsets().tolist() == [[0, 0]]
        assert ax.get_xlabel() == "longest 5"


def test_trajectories_begin_grey_and_end_coloured(generator):
    xs = torch.randn(5, 7, 2, generator=generator)
    fig = plotting.trajectories({"a": xs, "b": xs}, targets=torch.zeros(1, 2), color=MODEL)
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
    fig = plotting.you_are_here(x, data, weights, (mean - x) / (1 - ts[:, None]), ts)
    first, second = fig.axes
    assert [t for t in texts(first) if t] == ["25%", "75%"] and [t for t in texts(second) if t] == ["100%"]
    for ax, end in zip(fig.axes, mean, strict=True):
        green = [a for a in ax.texts if a.arrow_patch and to_hex(a.arrow_patch.get_edgecolor()) == EXACT]
        torch.testing.assert_close(torch.as_tensor(green[0].xy).float(), end)


def test_box_flow_says_out_and_in():
    outflows = torch.tensor([0.1, -0.2, 0.3, 0.0])
    fig = plotting.box_flow((-1.0, -0.5, 1.0, 0.5), outflows, torch.rand(5, 5), torch.rand(3, 3, 2))
    assert texts(fig.axes[0]) == ["out 0.1000", "in 0.2000", "out 0.3000", "in 0.0000"]
    (rectangle,) = fig.axes[0].patches
    assert rectangle.get_bbox().bounds == (-1, -0.5, 2, 1)


def test_balance_maps_are_symmetric_about_zero():
    fig = plotting.balance_maps({"a": torch.tensor([[1.0, -3.0], [0.0, 2.0]]), "zero": torch.zeros(2, 2)})
    pictures = [ax.images[0] for ax in fig.axes if ax.images]
    assert pictures[0].get_clim() == (-3, 3) and pictures[1].get_clim() == (-1, 1)
    assert pictures[0].get_array().tolist() == [[1, -3], [0, 2]] and pictures[0].origin == "lower"


def test_gradient_agreement_shows_means_and_a_difference_that_shrinks():
    g = torch.Generator().manual_seed(0)
    exact = torch.randn(1, 6, generator=g).expand(64, 6)
    estimate = exact + torch.randn(64, 6, generator=g)
    left, right = plotting.gradient_agreement(exact, estimate, names=("a", "b")).axes
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
    loss, distance, picture = plotting.training_progress(losses, distances, floor=7.0, samples=samples).axes
    smooth = [line.get_ydata() for line in loss.lines]
    assert smooth[0].tolist() == pytest.approx([24.5 / 3]) and len(smooth[1]) == 11
    assert list(smooth[2]) == [7, 7] and to_hex(loss.lines[2].get_color()) == EXACT
    assert distance.lines[1].get_xydata().tolist() == [[30, 0.3], [60, 0.1]] and distance.get_yscale() == "log"
    torch.testing.assert_close(offsets(picture), samples)
    assert len(plotting.training_progress(losses, distances, floor=7.0).axes) == 2


def test_board_samples_are_black_off_the_squares():
    board = Checkerboard()
    x = torch.tensor([[-3.0, -3.0], [-1.0, -3.0], [1.0, -3.0]])  # on, off, on
    ax = plotting.board_samples({"a": x}, board.contains).axes[0]
    assert offsets(ax, 0).tolist() == x[[0, 2]].tolist() and offsets(ax, 1).tolist() == x[[1]].tolist()
    assert to_hex(ax.collections[0].get_facecolor()[0]) == MODEL
    assert to_hex(ax.collections[1].get_facecolor()[0]) == "#000000"
    assert ax.images[0].get_array().mean() == pytest.approx(32 / 81, rel=0.02)  # share of the plane on dark squares


def test_error_maps_hide_what_has_no_density():
    density = torch.ones(3, 4, 4)
    density[:, 0] = 1e-6
    fig = plotting.error_maps({"a": torch.full((3, 4, 4), 0.5), "b": torch.ones(3, 4, 4)}, density, TS)
    pictures = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(pictures) == 6
    for picture, value in zip(pictures, [0.5] * 3 + [1.0] * 3, strict=True):
        assert picture[0].mask.all() and (picture[1:] == value).all()


def test_comparisons_keep_a_colour_for_the_exact():
    panels = {"error": {"exact field": ([1, 10], [1.0, 0.1]), "mine": ([1, 10], [2.0, 0.5])}}
    fig = plotting.comparisons(panels, xlabel="steps", logx=True, floors={"error": (0.05, "data to data")})
    ax = fig.axes[0]
    assert [to_hex(line.get_color()) for line in ax.lines] == [EXACT, MODEL, NOISE]
    assert ax.lines[1].get_xydata().tolist() == [[1, 2], [10, 0.5]]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "10"]
    assert [t.get_text() for t in fig.legends[0].get_texts()] == ["exact field", "mine", "data to data"]
    assert plotting.comparisons(panels, xlabel="t", logy=False).axes[0].get_yscale() == "linear"


def test_the_legend_of_comparisons_stays_inside_the_figure():
    names = ["exact field: noise of the target", "plain MLP", "residual and waves", "taught the exact field"]
    fig = plotting.comparisons({"error": {name: ([0, 1], [1.0, 0.1]) for name in names}}, xlabel="t")
    fig.draw_without_rendering()
    box = fig.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.width


def test_live_replaces_one_figure(monkeypatch):
    shown = []

    class Place:
        def update(self, html):
            shown.append(html.data)

    monkeypatch.setattr("IPython.display.display", lambda *a, display_id=None: Place())
    update = plotting.live(alt="a & b")
    for _ in range(2):
        update(plotting.balance_maps({"a": torch.ones(2, 2)}))
    assert len(shown) == 2 and all('alt="a &amp; b"' in html for html in shown)


WRONG = {
    "times": lambda: plotting.path_histograms({"a": torch.zeros(2, 5, 2)}, TS),
    "marked": lambda: plotting.path_histograms({"a": torch.zeros(3, 5, 2)}, TS, marked=torch.zeros(2, 2)),
    "coordinates": lambda: plotting.trajectories({"a": torch.zeros(4, 5, 3)}),
    "not square": lambda: plotting.field_arrows({"a": torch.zeros(3, 2, 4, 2)}, torch.zeros(3, 5, 5), TS),
    "densities": lambda: plotting.error_maps({"a": torch.zeros(3, 4, 4)}, torch.zeros(3, 5, 5), TS),
    "weights": lambda: plotting.you_are_here(TS[:2], torch.zeros(4, 2), torch.zeros(3, 5), torch.zeros(3, 2), TS),
    "sides": lambda: plotting.box_flow((0, 0, 1, 1), torch.zeros(3), torch.zeros(5, 5), torch.zeros(3, 3, 2)),
    "map": lambda: plotting.balance_maps({"a": torch.zeros(2, 3)}),
    "gradients": lambda: plotting.gradient_agreement(torch.zeros(3, 4), torch.zeros(3, 5), names=("a", "b")),
    "one batch": lambda: plotting.gradient_agreement(torch.zeros(1, 4), torch.zeros(1, 4), names=("a", "b")),
    "names": lambda: plotting.training_progress({"a": [1.0]}, {"b": ([1], [1.0])}, floor=0.0),
    "samples": lambda: plotting.board_samples({"a": torch.zeros(4, 3)}, Checkerboard().contains),
    "no panel": lambda: plotting.comparisons({}, xlabel="t"),
    "no time": lambda: plotting.path_histograms({"a": torch.zeros(0, 5, 2)}, torch.zeros(0)),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_shapes_are_refused(what, unchecked):
    with pytest.raises(ValueError, match="expected"):
        WRONG[what]()
