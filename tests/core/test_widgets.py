"""Sliders: what they draw against independent recomputation; names, values and alt texts of the core."""

import base64
import gc
import io
import itertools
import math
import re
import weakref
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from PIL import Image

from course_utils import distributions, paths, plotting, widgets
from course_utils.plotting import theme
from course_utils.plotting.images import inked
from course_utils.plotting.stage import Stage, polylines, shades
from course_utils.schedules import Linear
from course_utils.widgets import core
from course_utils.widgets.core import Choice, Explorer, Slider

board = distributions.Checkerboard()
exact = paths.marginal(paths.GaussianPath(), board)
POINTS = torch.tensor([[-2.0, -1.5], [-1.8, 1.6], [0.4, 2.2]])


def drawn(explorer: Explorer, **values):
    return explorer._draw(**values)


def decoded(html: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search(r'base64,([^"]+)', html).group(1)))))


# The stage


def line_stage():
    fig, ax = plotting.figure(size=(2, 2))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return Stage(fig, {"line": ax.plot([], [], color="black", lw=4)[0], "note": ax.text(0.5, 0.5, "")})


def test_a_frame_shows_the_new_data_and_none_of_the_old():
    stage = line_stage()
    empty = np.asarray(stage.picture({}))
    first = np.asarray(stage.picture({"line": ([0, 1], [0.2, 0.2])}))
    again = np.asarray(stage.picture({"line": ([0, 1], [0.8, 0.8])}))
    gone = np.asarray(stage.picture({"line": ([], [])}))
    dark = [(picture.sum(2) < 100).any(1).nonzero()[0].mean() / len(picture) for picture in (first, again)]
    assert dark[0] > 0.6 and dark[1] < 0.4
    assert (gone == empty).all()


def test_a_frame_is_what_a_full_drawing_would_be():
    stage = line_stage()
    blitted = np.asarray(stage.picture({"line": ([0, 1], [0, 1]), "note": "half"})).astype(int)
    fig, ax = plotting.figure(size=(2, 2))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.plot([0, 1], [0, 1], color="black", lw=4)
    ax.text(0.5, 0.5, "half")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=theme.DPI)
    full = np.asarray(Image.open(buffer).convert("RGB")).astype(int)
    assert np.abs(blitted - full).mean() < 2


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="expected parts among line, note, got curve"):
        line_stage().picture({"curve": ([], [])})


def test_each_kind_of_artist_takes_its_data():
    fig, ax = plotting.figure()
    parts = {
        "segments": ax.add_collection(LineCollection([])), "points": ax.scatter([], []),
        "image": ax.imshow(torch.zeros(2, 2)), "bars": ax.stairs([0.0, 0.0], [0, 1, 2]),
        "arrows": ax.quiver([0.0], [0.0], [0.0], [0.0]),
    }  # fmt: skip
    stage = Stage(fig, parts)
    places, vectors = torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 2.0]])
    stage.picture({
        "segments": torch.arange(8.0).reshape(2, 2, 2), "points": torch.tensor([[1.0, 2.0]]),
        "image": shades(torch.eye(2)), "bars": torch.tensor([3.0, 4.0]), "arrows": (places, vectors),
    })  # fmt: skip
    assert [path.vertices.tolist() for path in parts["segments"].get_paths()] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    assert parts["points"].get_offsets().tolist() == [[1, 2]]
    assert parts["image"].get_array().shape == (2, 2, 4)
    assert parts["bars"].get_data().values.tolist() == [3, 4]
    assert (parts["arrows"].U.item(), parts["arrows"].V.item()) == (1, 2)


def test_polylines_are_paths_over_time():
    xs = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert polylines(torch.tensor([0.0, 0.5]), xs).tolist() == [[[0, 1], [0.5, 3]], [[0, 2], [0.5, 4]]]


def test_ink_is_dark_and_gaps_are_grey():
    assert inked(torch.tensor([[1.0, -1.0, math.nan, 7.0]]))[0, :, 0].tolist() == [0, 255, 224, 0]


# The core


def test_a_slider_redraws_and_says_its_value():
    explorer = widgets.lab1.explore_brownian_motion(paths=50)
    before = explorer.picture.value
    explorer.controls["p"].value = 0.9
    assert "exponent p 0.9" in explorer.picture.value and "steps n 64" in explorer.picture.value
    assert np.abs(decoded(before).astype(int) - decoded(explorer.picture.value)).max() > 100


def test_a_slider_is_linked_to_a_box_with_its_label():
    box, row = Slider("time t", 0.0, 1.0, 0.5, 0.1).widgets()
    slider = row.children[1]
    assert row.children[0] is box
    assert (box.description, box.value, box.min, box.max, box.step) == ("time t", 0.5, 0, 1, 0.1)
    assert (slider.value, slider.readout) == (0.5, False)
    whole = Slider("n", 1, 9, 3, 2).widgets()[0]
    assert isinstance(whole.value, int)


@pytest.mark.parametrize("numbers", [(0.0, 1.0, 2.0, 0.1), (0.0, 1.0, 0.5, 0.0), (1.0, 0.0, 0.5, 0.1)])
def test_a_slider_out_of_its_range_is_refused(numbers):
    with pytest.raises(ValueError, match="expected"):
        Slider("x", *numbers)


@pytest.mark.parametrize(
    ("field", "said"),
    [(lambda x, t: x[:, 1], "expected equal shapes"), (lambda x, t: 1e4 * x**2, "expected a flow that stays finite")],
)
def test_a_field_that_is_none_is_refused_in_a_sentence(field, said):
    with pytest.raises(ValueError, match=said):
        widgets.lab1.explore_flow(field, torch.ones(2, 3, 2))


def test_the_first_picture_stands_in_until_the_live_one_hides_it(monkeypatch):
    shown = []
    monkeypatch.setattr("course_utils.widgets.core.display", shown.append)
    explorer = widgets.lab1.explore_flow(lambda x, t: -x, torch.rand(2, 3, 2))
    explorer._ipython_display_()
    static, live = shown
    name = re.search(r'id="(static-\w+)"', static.data).group(1)
    assert f"#{name} {{display: none}}" in "".join(child.value for child in live.children if hasattr(child, "value"))
    assert 'alt="' in static.data and explorer.picture in live.children


@pytest.fixture
def runs(monkeypatch):
    """Function that shows explorers as a run of a cell would; None for an editor that does not tell which cell runs."""
    monkeypatch.setattr(core, "display", lambda what: None)
    monkeypatch.setattr(core, "SHOWN_BY", {})
    numbers = itertools.count()

    def run(cell: str | None, *shown: Explorer) -> None:
        request = {"header": {"msg_id": f"run {next(numbers)}"}, "metadata": {"cellId": cell} if cell else {}}
        monkeypatch.setattr(core, "get_ipython", lambda: SimpleNamespace(parent_header=request))
        for explorer in shown:
            explorer._ipython_display_()

    return run


def dot() -> Explorer:
    return Explorer(line_stage(), lambda x: {"line": ([0, x], [0, x])}, {"x": Slider("x", 0.0, 1.0, 0.5, 0.1)}, alt="x")


def alive(explorer: Explorer) -> bool:
    open_ = {widget.comm is not None for widget in core._with_children(explorer.box)}
    assert open_ == {explorer._stage is not None} == {explorer._draw is not None}
    return open_ == {True}


def test_a_slider_that_is_shown_again_lets_go_of_the_former_one(runs):
    first, beside, other, second = dot(), dot(), dot(), dot()
    stage = weakref.ref(first._stage)
    runs("a", first, beside)  # two of one run stay
    runs("b", other)
    assert all(map(alive, (first, beside, other)))
    runs("a", second)
    assert not alive(first) and not alive(beside) and alive(other) and alive(second)
    gc.collect()
    assert stage() is None


def test_a_slider_that_another_cell_shows_and_one_that_is_shown_again_stay(runs):
    shared, again = dot(), dot()
    runs("a", shared, again)
    runs("b", shared)
    runs("a", again)
    assert alive(shared) and alive(again)


def test_a_closed_explorer_leaves_nothing_in_the_kernel():
    """Sliders, their links to the boxes, layouts and styles: ipywidgets keeps each until it is closed."""
    kept = ipywidgets.widgets.widget._instances
    before = set(kept)
    explorer = dot()
    assert len(set(kept) - before) > 5
    explorer.close()
    assert set(kept) - before == set()


def test_a_closed_slider_says_so():
    explorer = dot()
    explorer.close()
    with pytest.raises(ValueError, match="expected an open explorer, got a closed one"):
        explorer.html()


@pytest.mark.parametrize("cell", ["a", None])
def test_an_editor_that_does_not_tell_the_cell_keeps_every_slider(runs, cell):
    first, second = dot(), dot()
    runs(cell, first)
    runs(cell, second)
    assert alive(first) == (cell is None) and alive(second)


def test_widgets_are_those_that_every_editor_knows():
    def inside(widget):
        return [widget, *(found for child in getattr(widget, "children", ()) for found in inside(child))]

    found = inside(widgets.lab1.explore_brownian_motion(paths=20).box)
    assert {widget._view_module for widget in found} == {"@jupyter-widgets/controls"}
    assert {type(widget).__name__ for widget in found} >= {"FloatSlider", "BoundedFloatText", "ToggleButtons", "HTML"}
    assert widgets.ShapeCanvas()._view_module == "anywidget"


def test_what_takes_long_is_done_once_behind_a_bar_and_never_for_a_frame(capsys):
    calls = []

    def field(x, t):
        calls.append(t)
        return -x

    x0, image = torch.randn(20, 2), torch.rand(1, 4, 4)
    made = [
        widgets.lab1.explore_flow(field, torch.rand(2, 3, 2)), widgets.lab2.explore_field(exact, field),
        widgets.lab2.explore_steps({"f": field}, board, x0), widgets.lab4.explore_noised_and_back(field, image),
    ]  # fmt: skip
    bars, before = capsys.readouterr().err, len(calls)
    assert all(f"{name}: 100%" in bars for name in ("streamlines", "sample", "noise and bring back"))
    for explorer in made:
        picture = explorer.picture.value
        control = next(iter(explorer.controls.values()))
        control.value = control.min if hasattr(control, "min") else control.options[-1][1]
        assert explorer.picture.value != picture
    assert len(calls) == before > 0


def test_alt_text_is_escaped():
    stage = line_stage()
    explorer = Explorer(stage, lambda a: {"note": "x"}, {"a": Choice("a", {'"<b>': 1})}, alt="x < y")
    assert 'alt="x &lt; y Now: a &quot;&lt;b&gt;."' in explorer.picture.value


# What is drawn


def test_ornstein_uhlenbeck_follows_its_exact_law():
    explorer = widgets.lab1.explore_ornstein_uhlenbeck(paths=20_000, generator=torch.Generator().manual_seed(0))
    found = drawn(explorer, theta=0.5, sigma=0.8)
    mean, spread = 5 * math.exp(-0.5 * 20), 0.8 * math.sqrt((1 - math.exp(-20)) / 1)
    assert found["m"][1][-1].item() == pytest.approx(mean, abs=1e-6)
    assert (found["h"][1][-1] - found["m"][1][-1]).item() == pytest.approx(2 * spread, rel=1e-5)
    middles = torch.linspace(-5.9, 5.9, 60)
    share = found["histogram"] * 0.2
    assert share.sum().item() == pytest.approx(1, abs=1e-3)
    assert (share @ middles).item() == pytest.approx(mean, abs=5 * spread / 20_000**0.5)
    variance = (share @ middles**2 - (share @ middles) ** 2).item() - 0.2**2 / 12
    assert variance == pytest.approx(spread**2, rel=5 * (2 / 20_000) ** 0.5)


@pytest.mark.parametrize(("theta", "sigma"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_ornstein_uhlenbeck_at_its_edges(theta, sigma):
    found = drawn(widgets.lab1.explore_ornstein_uhlenbeck(paths=30), theta=theta, sigma=sigma)
    assert found["xs"].isfinite().all() and found["law"][0].isfinite().all()
    if sigma == 0:
        times, values = found["xs"][0].T
        assert torch.allclose(values, 5 * torch.exp(-theta * times), atol=1e-4)


def test_increments_have_the_variance_of_their_exponent():
    explorer = widgets.lab1.explore_brownian_motion(paths=20_000, generator=torch.Generator().manual_seed(1))
    for n, p in ((64, 0.5), (64, 0.7), (512, 0.5)):
        ts, variances = drawn(explorer, n=n, p=p)["variance"]
        assert torch.allclose(variances, ts * n ** (1 - 2 * p), rtol=5 * (2 / 20_000) ** 0.5)


def test_fewer_steps_see_the_same_brownian_motion():
    explorer = widgets.lab1.explore_brownian_motion(paths=30)
    coarse, fine = (drawn(explorer, n=n, p=0.5)["xs"] for n in (8, 512))
    assert torch.allclose(coarse, fine[:, ::64], atol=1e-4)


def test_flow_carries_the_lines():
    lines = torch.rand(4, 5, 2)
    explorer = widgets.lab1.explore_flow(lambda x, t: -x, lines)
    now = drawn(explorer, t=0.5)
    assert torch.allclose(torch.cat([now["one"], now["other"]]), lines * math.exp(-0.5), atol=1e-4)


def test_langevin_counts_points_at_the_nearest_mode():
    p = distributions.GaussianMixture(torch.tensor([[-2.0, 0.0], [2.0, 0.0]]), weights=torch.tensor([0.3, 0.7]))
    starts = {"two": torch.tensor([[-2.0, 0.0]] * 3 + [[2.0, 0.0]])}
    explorer = widgets.lab1.explore_langevin({"two": p}, starts, generator=torch.Generator().manual_seed(2))
    found = drawn(explorer, target="two", t=0.0)
    assert found["shares"].tolist() == [0.75, 0.25] and torch.allclose(found["exact"][1], torch.tensor([0.3, 0.7]))
    assert torch.equal(torch.stack(found["points"], 1), starts["two"])


def test_conditional_path_ends_in_its_data():
    data = board.draw(50, torch.Generator().manual_seed(3))
    explorer = widgets.lab2.explore_conditional_path(data)
    end = drawn(explorer, t=1.0, schedule=Linear())
    assert torch.equal(torch.stack(end["all"], 1), data)
    assert torch.allclose(torch.stack(end["one"], 1), data[0].expand_as(data))
    half = drawn(explorer, t=0.5, schedule=Linear())
    assert torch.allclose((torch.stack(half["circle"], 1) - data[0] / 2).norm(dim=1), torch.tensor(1.0), atol=1e-5)


def test_you_are_here_shows_bayes_weights_and_where_they_lead():
    explorer = widgets.lab2.explore_you_are_here(POINTS)
    x, t = torch.tensor([0.5, 0.25]), 0.6
    found = drawn(explorer, x1=0.5, x2=0.25, t=t)
    likelihood = torch.exp(-((x - t * POINTS) ** 2).sum(1) / (2 * (1 - t) ** 2))
    shares = likelihood / likelihood.sum()
    assert [found[f"share {i}"] for i in range(3)] == [f"{s:.0%}" for s in shares.tolist()]
    assert torch.allclose(found["lines"]["linewidths"], 0.2 + 9 * shares, atol=1e-4)
    assert torch.allclose(found["velocity"][1][0], shares @ POINTS - x, atol=1e-4)


def test_streamlines_follow_the_field_at_that_time():
    field = exact.velocity
    explorer = widgets.lab2.explore_field(exact, last=0.98)
    streams = drawn(explorer, t=0.6)["streams"]
    assert drawn(explorer, t=0.0)["density"].shape == (61, 61, 4)
    t = torch.tensor(30 * 0.98 / 49)
    first = streams[:, 1] - streams[:, 0]
    along = torch.nn.functional.cosine_similarity(first, field(streams[:, 0], t))
    assert along.quantile(0.1) > 0.9


def test_noise_keeps_the_marginals():
    modes = distributions.GaussianMixture(torch.tensor([[-1.0], [1.0]]), 0.2**2 * torch.ones(2, 1, 1))
    marginal = paths.marginal(paths.GaussianPath(), modes)
    explorer = widgets.lab3.explore_sigma(marginal, steps=50, samples=4000, generator=torch.Generator().manual_seed(4))
    width = 6 / 120
    for s in (0.0, 1.0):
        found = drawn(explorer, kind="s √β", s=s, t=0.6)
        law, counts = found["law"][1][1::2], found["histogram"]
        assert 0.9 < (counts.sum() / law.sum()).item() < 1.1
        cumulative = ((counts - law).cumsum(0) * width * 1.0).abs().max()
        assert cumulative < 0.06  # Kolmogorov distance, in units of the largest density, for 4,000 samples


def test_steps_shows_what_misses_the_squares():
    x0 = torch.randn(100, 2, generator=torch.Generator().manual_seed(5))
    explorer = widgets.lab2.explore_steps({"still": lambda x, t: 0 * x}, board, x0)
    found = drawn(explorer, field="still", solver="Heun", n=8)
    on = board.contains(x0)
    assert torch.equal(torch.stack(found["on"], 1), x0[on]) and torch.equal(torch.stack(found["off"], 1), x0[~on])
    assert found["now"][0] == [16] and found["now"][1][0] == pytest.approx(100 * (~on).float().mean().item())


def test_noising_ends_in_the_digits():
    images = torch.rand(16, 1, 28, 28) * 2 - 1
    explorer = widgets.explore_noising(images)
    end = drawn(explorer, t=1.0, schedule=Linear())["images"][..., 0]
    assert end.shape == (58, 238)
    assert torch.allclose(end[:28, :28].float(), 127.5 - 127.5 * images[0, 0], atol=1)
    assert torch.allclose(end[30:, 30:58].float(), 127.5 - 127.5 * images[9, 0], atol=1)


def test_guidance_shows_the_nearest_scale_and_refuses_uneven_ones():
    samples = {w: torch.full((20, 1, 4, 4), w - 1.0) for w in (0.0, 1.0, 2.0)}
    explorer = widgets.lab4.explore_guidance(samples)
    assert drawn(explorer, w=1.9)["images"][0, 0, 0] == 0 and drawn(explorer, w=0.1)["images"][0, 0, 0] == 255
    with pytest.raises(ValueError, match="evenly spaced, got"):
        widgets.lab4.explore_guidance({w: samples[0.0] for w in (0.0, 1.0, 3.0)})
    with pytest.raises(ValueError, match="two or more"):
        widgets.lab4.explore_guidance({0.0: samples[0.0]})


def test_memorization_shows_samples_over_their_neighbours():
    white, black = torch.full((3, 1, 4, 4), -1.0), torch.full((3, 1, 4, 4), 1.0)
    results = {(n, k): widgets.lab5.Copies(white, black, n / k) for n in (10, 20) for k in (40, 80)}
    found = drawn(widgets.lab5.explore_memorization(results), n=20, k=80)
    assert found["images"][0, 0, 0] == 255 and found["images"][-1, 0, 0] == 0 and "r = 0.25" in found["ratio"]
    del results[10, 80]
    with pytest.raises(ValueError, match=r"got none for \[\(10, 80\)\]"):
        widgets.lab5.explore_memorization(results)


def test_noised_and_back_undoes_the_noise_with_the_right_field():
    image, noise, ts = torch.rand(1, 4, 4), torch.randn(1, 4, 4), torch.tensor([0.0, 0.3, 0.9, 1.0])
    noisy, back = widgets.lab4.noised_and_back(lambda x, t: (image - noise).expand_as(x), image, ts, noise)
    for i, t in enumerate(ts):
        assert torch.allclose(noisy[i], t * image + (1 - t) * noise, atol=1e-6)
    assert torch.allclose(back, image.expand_as(back), atol=1e-5)


def test_noised_and_back_starts_each_state_at_its_own_time():
    seen = []
    widgets.lab4.noised_and_back(lambda x, t: seen.append(t) or x, torch.zeros(1, 2, 2), torch.tensor([0.2, 0.6]),
                            torch.ones(1, 2, 2), steps=1)  # fmt: skip
    assert torch.allclose(torch.stack(seen), torch.tensor([[0.2, 0.6], [0.6, 0.8]]))


def test_explorer_of_digits_has_a_column_for_the_own_one():
    image = torch.rand(1, 28, 28)
    explorer = widgets.lab4.explore_noised_and_back(lambda x, t: 0 * x, image, draws=2)
    found = drawn(explorer, t=1.0)["images"][..., 0].float()
    assert found.shape == (58, 88)
    assert torch.allclose(found[:28, :28], found[:28, 30:58], atol=1)
