"""Pictures drawn beforehand: over a grid that keeps what it must, each at the place where the page looks for it."""

import base64
import html
import io
import itertools
import json
import math
import re

import numpy as np
import pytest
import torch
from PIL import Image

from course_utils import data, digits, guidance, networks, plotting, widgets
from course_utils.widgets import prepared
from course_utils.widgets.core import Choice, Slider, Word

NARROW, WIDE = Slider("a", 0, 3, 2, 1), Slider("b", -1.0, 1.0, 0.3, 0.01)
NAMES = Choice("c", {"one": object(), "two": object(), "three": object()}, first="two")


@pytest.mark.parametrize("n", range(2, 30))
def test_a_slider_has_its_ends_and_its_beginning_in_order(n):
    values = WIDE.values(n)
    assert len(values) == n and values == sorted(set(values))
    assert any(value == 0.3 for value in values) and values[0] == -1.0
    assert n == 2 or values[-1] == 1.0
    steps = [(value + 1) / 0.01 for value in values]
    assert all(abs(step - round(step)) < 1e-6 for step in steps)  # values that the slider has as well
    assert n == 2 or max(b - a for a, b in itertools.pairwise(values)) <= 3 / (n - 1) + 0.01


def test_of_two_values_one_is_the_beginning_and_one_far_from_it():
    assert WIDE.values(2) == [-1.0, 0.3] and NARROW.values(2) == [0, 2]
    assert Slider("x", -0.6, 0.6, 0.0, 0.05).values(3) == [-0.6, 0.0, 0.6]  # 0, not what rounding leaves of it


def test_a_slider_of_few_values_has_them_all():
    assert NARROW.values(4) == NARROW.values(50) == [0, 1, 2, 3]


def test_numbers_to_choose_from_are_thinned_words_are_not():
    steps = Choice("steps", {str(n): n for n in (1, 2, 4, 8, 16, 32, 64)}, first="8")
    assert steps.values(4) == [1, 8, 16, 64]
    assert steps.values(3) == [1, 8, 64] and steps.values(7) == [1, 2, 4, 8, 16, 32, 64]
    assert NAMES.values(2) == list(NAMES.options.values())


@pytest.mark.parametrize("most", [6, 12, 40, 96, 1000])
def test_a_grid_is_as_fine_as_it_may_be(most):
    controls = {"a": NARROW, "b": WIDE, "c": NAMES, "d": Word("d", "_A")}
    found = prepared.grid(controls, most)
    sizes = {name: len(values) for name, values in found.items()}
    assert sizes["c"] == 3 and found["c"] == list(NAMES.options.values()) and found["d"] == ["_A"]
    assert math.prod(sizes.values()) <= max(most, 12)
    one_more = {"a": min(sizes["a"] + 1, 4), "b": min(sizes["b"] + 1, 201)}
    for name, n in one_more.items():
        assert n == sizes[name] or math.prod((sizes | {name: n}).values()) > most


def about(page: str) -> dict:
    return json.loads(html.unescape(re.search(r'data-about="([^"]*)"', page)[1]))


def pictures(told: dict) -> list[np.ndarray]:
    """What the page shows, place by place, of strips of so many pictures each."""
    shown = []
    for strip in told["strips"]:
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip.split(",")[1]))).convert("RGB"), float)
        shown += np.split(image, min(told["strip"], told["pictures"] - len(shown)))
    return shown


def test_every_picture_stands_at_its_place():
    """The page counts places with the last control running fastest; a grey tells which picture is which."""
    greys = {option: 40.0 * k for k, option in enumerate(NAMES.options.values())}

    def picture(values: dict) -> Image.Image:
        return Image.new(
            "RGB", (16, 8), (round(60 * values["a"]), round(100 + 100 * values["b"]), round(greys[values["c"]]))
        )

    controls = {"a": NARROW, "b": WIDE, "c": NAMES}
    told = about(prepared.prepared_html(controls, picture, alt="Grey."))
    shown = pictures(told)
    values = prepared.grid(controls, told["pictures"])
    assert told["pictures"] == len(shown) == math.prod(map(len, values.values()))
    for place, (a, b, c) in enumerate(itertools.product(*values.values())):
        assert shown[place].shape == (8, 16, 3)
        wanted = 60 * a, 100 + 100 * b, greys[c]
        assert np.abs(shown[place].mean((0, 1)) - wanted).max() < 12, place  # WebP keeps no exact colours
    assert told["values"][2] == ["one", "two", "three"] and told["labels"] == ["a", "b", "c"]


def test_the_page_begins_as_the_explorer_does():
    page = prepared.prepared_html({"b": WIDE, "c": NAMES}, lambda values: Image.new("RGB", (4, 4)), alt='A "dot".')
    assert 'aria-label="A &quot;dot&quot;. Now: b 0.3, c two."' in page
    assert re.search(r'value="\d+" aria-valuetext="0.3"><output>0.3</output>', page)
    assert re.findall(r'aria-pressed="(\w+)">(\w+)<', page) == [("false", "one"), ("true", "two"), ("false", "three")]


ONE_VALUE = {
    "word": Word("the word", "_A"),
    "choice": Choice("the word", {"_A": object()}),
    "number": Choice("the word", {"_A": 0.5}),
    "slider": Slider("the word", 2, 2, 2, 1),
}


@pytest.mark.parametrize("control", ONE_VALUE.values(), ids=ONE_VALUE)
def test_what_has_one_value_is_said_and_no_control(control):
    page = prepared.prepared_html({"x": control, "b": WIDE}, lambda values: Image.new("RGB", (4, 4)), alt="A dot.")
    said = about(page)["values"][0]
    assert said in (["_A"], ["2"]) and len(re.findall('class="control"', page)) == 2
    assert f'<div class="control"><span>the word</span><output>{said[0]}</output></div>' in page
    assert page.count("<input") == 1 and "<button" not in page


def test_of_words_some_are_chosen_among():
    page = prepared.prepared_html(
        {"x": Word("word", "_A", ("B_", "_A"))}, lambda values: Image.new("RGB", (4, 4)), alt="A dot."
    )
    assert about(page)["values"] == [["_A", "B_"]]
    assert re.findall(r'aria-pressed="(\w+)">(\w+)<', page) == [("true", "_A"), ("false", "B_")]


def test_fewer_pictures_where_they_are_large_and_none_where_the_fewest_are():
    random = np.random.default_rng(0)

    def noise(values: dict) -> Image.Image:
        return Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))

    full = about(prepared.prepared_html({"b": WIDE}, noise, alt="Noise."))
    size = sum(len(base64.b64decode(strip.split(",")[1])) for strip in full["strips"])
    fewer = about(prepared.prepared_html({"b": WIDE}, noise, alt="Noise.", largest=size // 3))
    assert full["pictures"] == 201 and 40 <= fewer["pictures"] <= 67  # a third of the bytes, a third of the pictures
    fewest = len(prepared._strip([noise({}), noise({})]))
    small = prepared.prepared_html({"b": WIDE}, noise, alt="Noise.", largest=round(0.9 * fewest))
    assert about(small)["pictures"] >= 2 and pictures(about(small))[0].shape == (48, 48, 3)
    assert "max-width:64px;aspect-ratio:64/64" in small  # shown as large as ever
    with pytest.raises(ValueError, match=r"expected at most 0.0001 MB of pictures, got 0.\d MB"):
        prepared.prepared_html({"b": WIDE}, noise, alt="Noise.", largest=100)


def test_an_explorer_and_a_canvas_are_drawn_beforehand_when_asked(monkeypatch):
    explorer = widgets.lab1.explore_flow(lambda x, t: -x, torch.rand(2, 3, 2))
    monkeypatch.delenv(prepared.PREPARE, raising=False)
    assert not prepared.beforehand() and "course-explorer" not in widgets.ShapeCanvas()._static()
    monkeypatch.setenv(prepared.PREPARE, "1")
    shown = []
    monkeypatch.setattr("course_utils.widgets.core.display", shown.append)
    explorer._ipython_display_()
    assert 'class="course-explorer"' in shown[0].data
    told = about(widgets.DigitCanvas()._static())
    assert told["values"] == [[str(digit) for digit in range(10)]] and told["pictures"] == 10
    ink = [255 - picture.mean() for picture in pictures(told)]
    assert min(ink) > 2 and len({round(k, 3) for k in ink}) == 10


def test_five_controls_fit_into_the_book():
    """Robots that go straight on, with many kinks: pictures of many bytes, and a grid that cannot be coarse."""
    kinks = torch.randn(40, 16, 2, generator=seeded(1))
    planner = lambda: lambda x: torch.tensor([0.5, 0.0]) + 0.5 * kinks[: len(x)]  # noqa: E731
    explorer = widgets.lab10.explore_policy({name: planner for name in ("a", "b", "c", "d")})
    told = about(explorer.prepared())
    assert told["pictures"] >= 4 * 2**4
    assert sum(len(strip) * 3 / 4 for strip in told["strips"]) <= 1.01 * prepared.LARGEST
    assert [len(values) >= 2 for values in told["values"]] == [True] * 5 and "0" in told["values"][4]


def test_a_closed_explorer_has_no_pictures():
    explorer = widgets.lab1.explore_flow(lambda x, t: -x, torch.rand(2, 3, 2))
    explorer.close()
    with pytest.raises(ValueError, match="expected an open explorer"):
        explorer.prepared()


@pytest.mark.parametrize(("digit", "w", "seed"), [("3", "1", "1"), ("7", "2", "2")])
def test_the_generator_draws_what_generate_draws(digit, w, seed):
    few = data.mnist("test", "offline")
    model = digits.latent_digits(networks.Autoencoder(dim=4), few.images[:300], few.labels[:300])
    explorer = widgets.explore_generator(model, columns=3)
    y = torch.full((3,), int(digit))
    ends = {1: guidance.generate(model, y, scale=float(w), steps=8, event_shape=(4,), generator=seeded(int(seed)))}
    ends[0] = torch.randn(3, 4, generator=seeded(int(seed)))
    for t, latents in ends.items():
        wanted = plotting.images.pixels(widgets.images.rows_of(model.decode(latents), 3))
        assert torch.equal(explorer._draw(digit=digit, w=w, seed=seed, t=float(t))["images"], wanted)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
