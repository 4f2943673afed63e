"""The book in a browser, from the disk and without a network: every explorer is moved by keyboard, and weighed."""

import html
import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Row, alone
from course_grading import book, pictures
from course_utils.widgets.prepared import LARGEST

CHANGE_LIMIT = 50.0
"""Milliseconds from a key to the picture."""

PRESSED = """figure => { window.shown = new Promise(done => figure.addEventListener("keydown", () => {
    const pressed = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - pressed)));
}, {capture: true, once: true})) }"""
LOADED = "figure => Promise.all(figure.strips.map(strip => strip.decode()))"


def press(page, figure, control) -> float:
    """Milliseconds from a key on a control to the next picture, which is another one.

    Raises:
        ValueError: If it is the same.
    """
    slider, picture = control.locator("input"), figure.locator(".picture")
    at_end = slider.count() and slider.input_value() == slider.get_attribute("max")
    before = picture.get_attribute("aria-label")
    (slider if slider.count() else control.locator("[aria-pressed=false]").first).focus()
    figure.evaluate(PRESSED)
    page.keyboard.press(("ArrowLeft" if at_end else "ArrowRight") if slider.count() else "Enter")
    time = page.evaluate("window.shown")
    if picture.get_attribute("aria-label") == before:
        raise ValueError(f"expected another picture after a key, got the same: {before}")
    return time


def explorers(page, file: Path) -> Iterator[tuple[dict, float, list[float]]]:
    """Of every explorer of a page: what it says of itself, its kB, and the times of changes of all its controls."""
    page.goto(file.as_uri())
    for figure in page.locator(".course-explorer").all():
        about = json.loads(html.unescape(figure.get_attribute("data-about")))
        size = sum((file.parent / strip).stat().st_size for strip in about["strips"]) / 1000
        figure.scroll_into_view_if_needed()
        page.wait_for_function("figure => figure.strips", arg=figure.element_handle())
        figure.evaluate(LOADED)
        moved = figure.locator(".control:has(input, button)").all()
        yield about, size, [press(page, figure, control) for control in moved * 2]


def megabytes(folder: Path) -> float:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def weighed(folder: Path) -> Iterator[Row]:
    """Pictures and kB of every explorer, the slowest change, and the size of all.

    Args:
        folder: Of the book's pages.
    """
    from tests.support import browser

    slowest = 0.0
    with browser.started() as chromium:
        page = chromium.new_page(viewport={"width": 1366, "height": 768})
        page.context.set_offline(True)
        for file in sorted([folder / "index.html", *folder.glob("labs/*/*.html")]):
            for about, size, times in explorers(page, file):
                slowest = max(slowest, statistics.median(times))
                what = f"{file.stem}, {', '.join(about['labels'])}: {about['pictures']} pictures"
                yield alone("pages", what, size, "kB", most=LARGEST / 1000)
    what = f"slowest explorer: key to picture, load {os.getloadavg()[0]:.1f}"
    yield alone("pages", what, slowest, "ms", most=CHANGE_LIMIT)
    shown = megabytes(folder / pictures.EXPLORERS)
    yield alone("pages", "pictures of all explorers", shown, "MB", most=pictures.LARGEST / 1e6)
    yield alone("pages", "figures, and frames of players", megabytes(folder / pictures.FIGURES), "MB")
    yield alone("pages", "the whole book", megabytes(folder), "MB")


def pages(quick: bool) -> Iterator[Row]:
    """Of the book, which is made if need be: with short trainings in the labs if quick."""
    if quick:
        os.environ["COURSE_BUDGET"] = "small"
    yield from weighed(book.build().parent)
