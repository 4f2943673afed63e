"""The primitives draw what they are given and refuse what does not fit; importing them is quick."""

import inspect
import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from course_utils import figures, plotting
from course_utils.distributions import Checkerboard
from course_utils.plotting import DATA, EXACT, LOOKS, MODEL, theme

ROOT = Path(__file__).parents[2]
TS = torch.linspace(0, 1, 5)
XS = torch.arange(15.0).reshape(5, 3)
POINTS = torch.arange(12.0).reshape(6, 2)
TIMES = torch.tensor([0.0, 0.5, 0.9])


def drawn(ax, x, y):
    """Whether a line through these points is among those of the axes."""
    wanted = torch.stack([torch.as_tensor(x), torch.as_tensor(y)], 1)
    found = [torch.tensor(line.get_xydata(), dtype=torch.float32) for line in ax.lines]
    return any(line.shape == wanted.shape and torch.allclose(line, wanted.float()) for line in found)


def titles(fig):
    return [ax.get_title() for ax in fig.axes]


def dots(ax, i=-1):
    return torch.tensor(ax.collections[i].get_offsets(), dtype=torch.float32)


def names(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


# Importing


def test_importing_brings_no_library_that_only_drawing_needs():
    heavy = "{'seaborn', 'scipy', 'pandas', 'matplotlib.pyplot', 'IPython', 'ipywidgets', 'sklearn'}"
    code = f"import sys; from course_utils import figures, plotting; print({heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "set()"


# Lines


def test_lines_keep_their_look_in_every_panel():
    a, b = (TS, TS**2), (TS, TS + 1)
    fig = plotting.line_panels({"left": {"a": a, "exact": b}, "right": {"exact": b}}, xlabel="n", ylabel="error")
    left, right = fig.axes
    assert [line.get_ydata().tolist() for line in left.lines] == [a[1].tolist(), b[1].tolist()]
    assert left.lines[1].get_color() == right.lines[0].get_color() == EXACT
    assert left.lines[1].get_linewidth() == right.lines[0].get_linewidth() > left.lines[0].get_linewidth()
    assert left.lines[1].get_zorder() < left.lines[0].get_zorder()  # the exact one is below
    assert (left.get_title(), left.get_xlabel(), left.get_ylabel()) == ("left", "n", "error")
    assert names(fig) == ["a", "exact"]


def test_looks_are_told_apart_by_colour_marker_and_dash():
    some = {f"line {k}": (TS, k * TS) for k in range(len(LOOKS))}
    lines = plotting.line_panels({"": some}).axes[0].lines
    for a, b in itertools.combinations(lines, 2):
        assert a.get_color() != b.get_color() and a.get_marker() != b.get_marker()
        assert a._dash_pattern != b._dash_pattern
    assert EXACT not in {line.get_color() for line in lines}


def test_graded_lines_go_from_light_to_dark():
    some = {"exact, a": (TS, TS), "exact, b": (TS, TS)} | {f"{n} steps": (TS, n * TS) for n in (2, 4, 8)}
    lines = plotting.line_panels({"": some}, graded=True).axes[0].lines
    light = [sum(int(to_hex(line.get_color())[i : i + 2], 16) for i in (1, 3, 5)) for line in lines]
    assert light[0] > light[1] and light[2] > light[3] > light[4]
    assert to_hex(lines[1].get_color()) == EXACT and to_hex(lines[4].get_color()) == MODEL
    assert lines[2].get_linewidth() > lines[4].get_linewidth()


def test_few_points_have_markers_and_many_have_none():
    many = torch.linspace(0, 1, 41)
    few, dense = plotting.line_panels({"": {"few": (TS, TS), "many": (many, many)}}).axes[0].lines
    assert few.get_marker() == LOOKS[0][1] and dense.get_marker() in ("", "None")


@pytest.mark.parametrize(
    ("log", "scales"),
    [("", ("linear",) * 2), ("x", ("log", "linear")), ("y", ("linear", "log")), ("xy", ("log", "log"))],
)
def test_scales_range_and_level(log, scales):
    lines = {"title": {"a": ([1, 2, 4], [0.5, 0.2, 0.1])}}
    fig = plotting.line_panels(lines, xlabel="", ylabel="", log=log, ylim=(0.05, 2), level=(1.0, "floor"))
    (ax,) = fig.axes
    assert (ax.get_xscale(), ax.get_yscale()) == scales and ax.get_ylim() == (0.05, 2)
    assert set(ax.lines[1].get_ydata()) == {1.0} and ax.lines[1].get_label() == "floor"
    assert drawn(ax, [1, 2, 4], [0.5, 0.2, 0.1])
    assert ([text.get_text() for text in ax.get_xticklabels()] == ["1", "2", "4"]) == ("x" in log)


def test_a_level_may_belong_to_one_panel():
    lines = {"a": {"line": ([1, 2], [1, 2])}, "b": {"line": ([1, 2], [1, 2])}}
    left, right = plotting.line_panels(lines, level={"b": (1.5, "floor")}).axes
    assert len(left.lines) == 1 and set(right.lines[1].get_ydata()) == {1.5}


@pytest.mark.parametrize(("ylabel", "same"), [("error", True), ("", False)])
def test_panels_with_one_label_have_one_scale(ylabel, same):
    lines = {"small": {"a": (TS, TS)}, "large": {"a": (TS, 100 * TS)}}
    small, large = plotting.line_panels(lines, ylabel=ylabel).axes
    assert (small.get_ylim() == large.get_ylim()) == same


LONG = ["exact field: noise of the target", "plain MLP", "residual and waves", "taught the exact field"]


@pytest.mark.parametrize(
    "labels", [LONG, ["a", "b"], [f"{name} {k}" for k in range(3) for name in LONG], [LONG[0] * 2]]
)
def test_the_legend_stays_inside_the_figure(labels):
    fig = plotting.line_panels({"error": {name: ([0, 1], [1.0, 0.1]) for name in labels}}, xlabel="t")
    fig.draw_without_rendering()
    box = fig.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.width
    assert names(fig) == labels and len(fig.legends) == 1


def test_short_names_stand_in_one_row():
    fig = plotting.line_panels({"": {name: (TS, TS) for name in "abcd"}})
    heights = {round(text.get_window_extent().y0) for text in fig.legends[0].get_texts()}
    fig.draw_without_rendering()
    assert fig.legends[0]._ncols == 4 and len(heights) == 1


# Points, laws, the plane, images


def test_point_clouds():
    fig = plotting.point_clouds({"a": POINTS, "b": POINTS + 1}, [DATA, MODEL])
    assert titles(fig) == ["a", "b"]
    for k, ax in enumerate(fig.axes):
        assert torch.equal(dots(ax), POINTS + k)


def test_point_clouds_over_a_density():
    places = torch.linspace(-1, 1, 21)
    density = torch.exp(-(places[:, None] ** 2)) * torch.exp(-((places[None] - 0.5) ** 2) * 9)
    fig = plotting.point_clouds({"a": POINTS}, density=(places, density))
    level_lines = [path.vertices for path in fig.axes[0].collections[0].get_paths() if len(path)]
    smallest = min(level_lines, key=lambda line: line[:, 0].max() - line[:, 0].min())
    assert smallest.mean(0).tolist() == pytest.approx([0.5, 0.0], abs=0.1)  # around the peak


def test_fitted_slope():
    hs = torch.tensor([0.5, 0.25, 0.125])
    assert plotting.fitted_slope(hs, 7 * hs**1.5) == pytest.approx(1.5, rel=1e-5)
    assert plotting.fitted_slope(hs, torch.ones(3)) == pytest.approx(0.0, abs=1e-6)


def test_law_histograms(outline):
    grid = torch.linspace(-4, 4, 30)
    samples = {"t = 1": torch.linspace(-1, 1, 500), "t = 2": torch.linspace(-2, 2, 500)}
    densities = torch.stack([grid**2, grid**4])
    fig = plotting.law_histograms(samples, grid, densities)
    for ax, x, density in zip(fig.axes, samples.values(), densities, strict=True):
        assert drawn(ax, grid, density)
        area, _, right = outline(ax)
        assert area == pytest.approx(1)
        assert right == pytest.approx(x.max().item(), abs=0.15)
    named = plotting.law_histograms(samples, grid, densities, xlabel="angle")
    assert [[ax.get_xlabel() for ax in each.axes] for each in (fig, named)] == [["$x$"] * 2, ["angle"] * 2]


def test_grid_points_go_row_by_row_from_below():
    points = plotting.grid_points(2.0, 5)
    assert points.shape == (25, 2)
    assert points[:3].tolist() == [[-2, -2], [-1, -2], [0, -2]]
    assert points[:, 1].reshape(5, 5)[:, 0].tolist() == [-2, -1, 0, 1, 2]


def test_field_arrows_stand_where_there_is_density_and_keep_their_direction():
    density = torch.zeros(3, 9, 9)
    density[:, 4, 4] = 1  # the middle alone
    vectors = torch.full((3, 3, 3, 2), 7.0)
    vectors[:, 1, 1] = torch.tensor([3.0, 4.0])
    fig = plotting.field_arrows({"velocity": vectors}, density, TIMES, limit=2)
    for ax in fig.axes:
        arrows = ax.collections[0]
        assert (arrows.U.tolist(), arrows.V.tolist()) == ([3], [4])
        assert arrows.get_offsets().tolist() == [[0, 0]]
        assert ax.get_xlabel() == "longest 5"


def test_balance_maps_are_symmetric_about_zero():
    fig = plotting.balance_maps({"a": torch.tensor([[1.0, -3.0], [0.0, 2.0]]), "zero": torch.zeros(2, 2)})
    pictures = [ax.images[0] for ax in fig.axes if ax.images]
    assert pictures[0].get_clim() == (-3, 3) and pictures[1].get_clim() == (-1, 1)
    assert pictures[0].get_array().tolist() == [[1, -3], [0, 2]] and pictures[0].origin == "lower"


def test_error_maps_hide_what_has_no_density():
    density = torch.ones(3, 4, 4)
    density[:, 0] = 1e-6
    fig = plotting.error_maps({"a": torch.full((3, 4, 4), 0.5), "b": torch.ones(3, 4, 4)}, density, TIMES)
    pictures = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    assert len(pictures) == 6
    for picture, value in zip(pictures, [0.5] * 3 + [1.0] * 3, strict=True):
        assert picture[0].mask.all() and (picture[1:] == value).all()


def test_board_samples_are_black_off_the_squares():
    board = Checkerboard()
    x = torch.tensor([[-3.0, -3.0], [-1.0, -3.0], [1.0, -3.0]])  # on, off, on
    ax = plotting.board_samples({"a": x}, board.contains).axes[0]
    assert dots(ax, 0).tolist() == x[[0, 2]].tolist() and dots(ax, 1).tolist() == x[[1]].tolist()
    assert to_hex(ax.collections[0].get_facecolor()[0]) == MODEL
    assert to_hex(ax.collections[1].get_facecolor()[0]) == "#000000"
    assert ax.images[0].get_array().mean() == pytest.approx(32 / 81, rel=0.02)  # share of the plane on dark squares


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
    whole = fig.get_size_inches() * theme.DPI
    np.testing.assert_allclose(whole * (box.width, box.height), (3 * (3 * 30 - 2), 3 * (2 * 30 - 2)))


def test_row_titles_are_not_clipped():
    fig = plotting.image_grid(torch.zeros(2, 3, 28, 28), row_titles=["plain U-Net after 30 s of it", "WWWW"])
    fig.draw_without_rendering()
    assert min(label.get_window_extent().x0 for label in fig.axes[0].get_yticklabels()) >= 0


def test_a_batch_is_filled_row_by_row():
    images = torch.arange(6.0).reshape(6, 1, 1, 1)
    canvas = np.asarray(plotting.digit_grid(images, columns=3).axes[0].images[0].get_array())
    np.testing.assert_array_equal(canvas[::3, ::3], [[0, 1, 2], [3, 4, 5]])


@pytest.mark.parametrize("draw", [
    lambda: plotting.point_clouds({}),
    lambda: plotting.point_clouds({"a": torch.zeros(4, 3)}),
    lambda: plotting.point_clouds({"a": POINTS}, [DATA, MODEL]),
    lambda: plotting.point_clouds({"a": POINTS}, density=(TS, torch.zeros(5, 4))),
    lambda: plotting.line_panels({}),
    lambda: plotting.line_panels({"a": {"b": (TS, TS[1:])}}),
    lambda: plotting.fitted_slope(TS, TS[1:]),
    lambda: plotting.fitted_slope(TS[1:], torch.zeros(4)),
    lambda: plotting.fitted_slope(TS[1:2], TS[1:2]),
    lambda: plotting.law_histograms({}, TS, torch.zeros(0, 5)),
    lambda: plotting.law_histograms({"a": TS, "b": TS}, TS, torch.zeros(1, 5)),
    lambda: plotting.law_histograms({"a": XS}, TS, torch.zeros(1, 5)),
    lambda: plotting.field_arrows({"a": torch.zeros(3, 2, 4, 2)}, torch.zeros(3, 5, 5), TIMES),
    lambda: plotting.field_arrows({}, torch.zeros(3, 5, 5), TIMES),
    lambda: plotting.error_maps({"a": torch.zeros(3, 4, 4)}, torch.zeros(3, 5, 5), TIMES),
    lambda: plotting.error_maps({}, torch.zeros(3, 5, 5), TIMES),
    lambda: plotting.balance_maps({}),
    lambda: plotting.balance_maps({"a": torch.zeros(2, 3)}),
    lambda: plotting.board_samples({}, Checkerboard().contains),
    lambda: plotting.board_samples({"a": torch.zeros(4, 3)}, Checkerboard().contains),
    lambda: plotting.image_grid(torch.zeros(2, 3, 4, 4), row_titles=["a"]),
    lambda: plotting.image_grid(torch.zeros(2, 3, 4, 4), column_titles="ab"),
    lambda: plotting.digit_grid(torch.zeros(7, 1, 4, 4), columns=3),
    lambda: plotting.figure_html(plotting.figure()[0], " "),
    lambda: plotting.show(plotting.figure()[0], alt=""),
])  # fmt: skip
def test_what_does_not_fit_is_refused(draw, unchecked):
    with pytest.raises(ValueError, match="expected .*, got "):
        draw()


# Gradients

DRAWING = [
    pytest.param(thing, id=f"{module.__name__.removeprefix('course_utils.')}.{name}")
    for module in (plotting, figures.lab1, figures.lab2, figures.lab3, figures.lab4, figures.lab5)
    for name in module.__all__
    if inspect.isfunction(thing := getattr(module, name))
    and thing.__annotations__.get("return") in (Figure, plotting.Animation)
    and any("Tensor" in str(kind) or "Lines" in str(kind) for kind in thing.__annotations__.values())
]


@pytest.mark.parametrize("function", DRAWING)
def test_what_draws_tensors_takes_them_without_their_gradients(function):
    assert function.__wrapped__


def test_tensors_with_gradients_are_drawn(unchecked):
    x = POINTS.clone().requires_grad_()
    grid = torch.rand(3, 9, 9, requires_grad=True)
    assert torch.equal(dots(plotting.point_clouds({"points": x}).axes[0]), POINTS)
    line = plotting.line_panels({"line": {"a": (TS, [2 * x[0, 1], 1.0, 2.0, 3.0, 4.0])}}).axes[0].lines[0]
    assert line.get_ydata().tolist() == [2, 1, 2, 3, 4]
    assert plotting.field_arrows({"u": torch.ones(3, 3, 3, 2, requires_grad=True)}, grid, TIMES).axes
    assert plotting.digit_grid(torch.zeros(10, 1, 28, 28, requires_grad=True)).axes
    panel = figures.lab1.PathPanel(TS, XS.clone().requires_grad_())
    assert figures.lab1.sample_paths({"paths": panel}).axes
    assert figures.lab3.paths_over_density({"ODE": XS.clone().requires_grad_()}, TS, TS, torch.rand(5, 5)).axes
    assert x.requires_grad and x.grad is None


def test_the_lowest_value_of_a_logarithmic_axis_has_a_tick_below_it():
    fig, ax = plotting.figure()
    ax.loglog([5, 900], [0.056, 0.29])
    left = ax.get_xlim()[0]
    plotting.plain_ticks(ax.xaxis, ax.yaxis)
    fig.canvas.draw()
    assert ax.get_xlim()[0] == left and ax.get_ylim()[0] == pytest.approx(0.05)
    assert "0.05" in [text.get_text() for text in ax.get_yticklabels()]
