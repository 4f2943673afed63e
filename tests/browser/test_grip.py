"""Explorers of a page without a kernel: a point that is dragged, with mouse, finger or keys, among prepared places."""

import io

import numpy as np
import pytest
from PIL import Image

from course_utils import plotting, widgets
from tests.support import browser as lab

SCRIPTS = [lab.ROOT / "course_utils" / "assets" / "grip.js", lab.ROOT / "docs" / "book.js"]


@pytest.fixture(scope="module")
def chromium():
    with lab.started() as running:
        yield running


@pytest.fixture(scope="module")
def html():
    """A page of the book with an explorer of few places: six across, four up."""
    fig, ax = plotting.figure()
    ax.set(xlim=(-0.2, 1.2), ylim=(-0.2, 1.2))
    stage = plotting.Stage(fig, {"dot": ax.plot([], [], "ko", ms=14)[0]})
    controls = {"x": widgets.Slider("place x", 0.0, 1.0, 0.4, 0.2), "y": widgets.Slider("place y", 0.0, 0.9, 0.3, 0.3)}
    explorer = widgets.Explorer(
        stage, lambda x, y: {"dot": ([x], [y])}, controls, alt="A dot.", grip=widgets.Grip("dot", "x", "y")
    )
    style = (lab.ROOT / "docs" / "book.css").read_text("utf-8")
    scripts = "".join(f"<script>{path.read_text('utf-8')}</script>" for path in SCRIPTS)
    head = f"<title>Dots</title><style>{style}</style>"
    return f'<html lang="en">{head}<main role="main"><h1>Dots</h1>{explorer.prepared()}</main>{scripts}</html>'


@pytest.fixture(params=["light", "dark"])
def page(chromium, html, request):
    page = chromium.new_page(viewport={"width": 390, "height": 700}, color_scheme=request.param, has_touch=True)
    page.failed = []
    page.on("pageerror", lambda error: page.failed.append(str(error)))
    page.goto("data:text/html,")
    page.set_content(html)
    page.get_by_role("slider", name="dot").wait_for()
    yield page
    assert page.failed == []
    page.close()


def stands_at(page, x: str, y: str) -> None:
    """Both sliders, the text and the handle say so, and the handle lies over the dot."""
    page.wait_for_timeout(200)
    handle = page.get_by_role("slider", name="dot")
    assert page.locator("output").all_inner_texts() == [x, y]
    assert page.get_by_role("img").get_attribute("aria-label") == f"A dot. Now: place x {x}, place y {y}."
    assert handle.get_attribute("aria-valuetext") == f"place x {x}, place y {y}"
    assert lab.darkness(page, handle, half=3) > 0.9


def middle(page) -> tuple[float, float]:
    box = page.get_by_role("slider", name="dot").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_point_is_dragged_to_the_nearest_place(page):
    stands_at(page, "0.4", "0.3")
    (left, top), picture = middle(page), page.get_by_role("img").bounding_box()
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + 0.13 * picture["width"], top - 0.2 * picture["height"], steps=5)
    page.mouse.up()
    stands_at(page, "0.6", "0.6")
    page.mouse.move(left, top)  # no button is down
    stands_at(page, "0.6", "0.6")


def test_a_finger_drags_the_point_and_not_the_page(page):
    (left, top), picture = middle(page), page.get_by_role("img").bounding_box()
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": left, "y": top}]})
    for share in (0.25, 0.5, 0.75, 1):
        at = {"x": left - 0.13 * share * picture["width"], "y": top - 0.2 * share * picture["height"]}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    stands_at(page, "0.2", "0.6")
    assert page.evaluate("scrollY") == 0


def test_arrow_keys_move_the_point_and_sliders_the_handle(page):
    handle = page.get_by_role("slider", name="dot")
    handle.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    stands_at(page, "0.2", "0.9")  # no place is above the last one
    page.get_by_role("slider", name="place x").press("End")
    stands_at(page, "1", "0.9")
    handle.press("ArrowDown")
    stands_at(page, "1", "0.6")


def test_the_handle_is_named_and_its_focus_is_seen(page):
    handle = page.get_by_role("slider", name="dot")
    assert lab.violations(page) == {}
    shots = []
    for act in ("blur", "focus"):
        page.keyboard.press("Tab")  # a keyboard is in use
        handle.evaluate(f"one => one.{act}()")
        box = handle.bounding_box()
        around = {"x": box["x"] - 5, "y": box["y"] - 5, "width": box["width"] + 10, "height": box["height"] + 10}
        shots.append(np.asarray(Image.open(io.BytesIO(page.screenshot(clip=around))).convert("RGB"), float))
    assert (np.abs(shots[0] - shots[1]).max(-1) > 60).mean() > 0.05
    assert box["width"] >= 24 and box["height"] >= 24
