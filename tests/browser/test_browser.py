"""The labs in a real browser: JupyterLab runs them, sliders and players move, exported pages are accessible."""

import io
import re
import shutil

import nbformat
import pytest
from nbconvert.preprocessors import ClearOutputPreprocessor
from PIL import Image

from course_utils import checks, notebooks, plotting
from tests.support import browser as lab

ROOT = lab.ROOT
LABS = sorted(ROOT.glob("labs/*/*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
SIZES = [(1366, 768), (1920, 1080)]
LAPTOP = {"width": 1366, "height": 768}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
SLOW_SLIDER = """import time
from course_utils import widgets
slow, values = widgets.lab1.explore_brownian_motion(paths=50), []
quick = slow._draw
slow._draw = lambda n, p: time.sleep(0.2) or values.append(p) or quick(n, p)
slow"""
DRAGGED = """from course_utils import plotting, widgets
fig, ax = plotting.figure()
ax.set(xlim=(-0.2, 1.2), ylim=(-0.2, 1.2))
stage = plotting.Stage(fig, {"dot": ax.plot([], [], "ko", ms=14)[0]})
controls = {name: widgets.Slider(f"place {name}", 0.0, 1.0, 0.5, 0.1) for name in "xy"}
draw, grip = lambda x, y: {"dot": ([x], [y])}, widgets.Grip("dot", "x", "y")
widgets.Explorer(stage, draw, controls, alt="A dot.", grip=grip)"""
PICTURE = "cell => [...cell.querySelectorAll('.jupyter-widgets img')].pop()?.src"


@pytest.fixture(scope="module")
def chromium():
    with lab.started() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for name in ("labs", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    notebooks.write_start(folder, {})
    for path in SOLUTIONS:
        cleared, _ = ClearOutputPreprocessor().preprocess(nbformat.read(path, as_version=4), {})
        (folder / path.relative_to(ROOT)).parent.mkdir(parents=True)
        nbformat.write(cleared, folder / path.relative_to(ROOT))
    for name, source in {"slow": SLOW_SLIDER, "dragged": DRAGGED}.items():
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=KERNEL)
        nbformat.write(made, folder / f"{name}.ipynb")
    with lab.jupyterlab(folder, tmp_path_factory.mktemp("server")) as address:
        yield address


def opened(path, chromium, server):
    """A notebook in JupyterLab, all of whose cells have run."""
    page = chromium.new_page(viewport=LAPTOP)
    lab.open_and_run(page, server(path.relative_to(ROOT).as_posix()))
    yield page
    page.close()


def wait_for_change(page, cell, before: str) -> None:
    condition = f"([cell, before]) => ({PICTURE})(cell) !== before"
    page.wait_for_function(condition, arg=[cell.element_handle(), before], timeout=20_000)


# The untouched labs


@pytest.fixture(scope="module", params=LABS, ids=lambda path: path.stem)
def untouched(request, chromium, server):
    """A lab as students get it, and its name."""
    for page in opened(request.param, chromium, server):
        yield page, request.param.stem.split("_")[0]


def test_an_untouched_lab_runs_to_the_end_and_says_not_done_yet(untouched):
    page, name = untouched
    assert lab.errors(page) == []
    for exercise in checks.exercises(name):
        said = lab.cell_with(page, f"checks.{name}.{exercise}(").locator(".jp-OutputArea").inner_text()
        assert "not done yet" in said, exercise
    missing = "() => [...document.querySelectorAll('.jp-Notebook img')].filter(i => !i.naturalWidth).map(i => i.alt)"
    assert page.evaluate(missing) == []


def test_a_wrong_answer_shows_the_sentence_of_the_check(untouched):
    page, name = untouched
    exercise = next(iter(checks.exercises(name).values()))
    answer = lab.cell_with(page, f"def {exercise.name}(")
    lab.replace_source(page, answer, f"{exercise.name} = checks.{name}.{exercise.name}.mistakes[0].wrong")
    check = lab.cell_with(page, f"checks.{name}.{exercise.name}(")
    check.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    check.get_by_text(exercise.mistakes[0].message).first.wait_for(timeout=20_000)


@pytest.mark.parametrize("width", [1366, 390])
def test_the_start_page_shows_the_map_before_anything_is_run_and_leads_to_a_lab(chromium, server, width):
    page = chromium.new_page(viewport={"width": width, "height": 768})
    page.goto(server("labs/start.ipynb"))
    page.wait_for_selector(".jp-OutputArea h2", timeout=90_000)
    if width < 1000:
        page.keyboard.press("Control+b")  # the list of files would leave it no room
        page.wait_for_timeout(500)
    assert page.locator(".jp-OutputArea h2").count() == len(LABS)
    assert lab.violations(page, {"include": [[".jp-OutputArea-output"]]}) == {}
    assert (
        page.evaluate("""() => [...document.querySelectorAll(".jp-OutputArea-output *")]
        .filter(one => one.getBoundingClientRect().right > innerWidth).length""")
        == 0
    )
    page.get_by_role("link", name="Lab 2 · Flow matching on a checkerboard").first.click()
    page.get_by_role("heading", name="Flow matching on a checkerboard").wait_for(timeout=30_000)
    if width > 1000:
        page.locator(".lm-TabBar-tab", has_text="start.ipynb").click()
        page.locator("summary").nth(1).click()
        page.get_by_role("link", name="2.7 ").click()
        heading = page.get_by_role("heading", name="Exercise 2.7").element_handle(timeout=30_000)
        seen = "one => one.offsetParent && one.getBoundingClientRect().top > 0 && one.getBoundingClientRect().top < 768"
        page.wait_for_function(seen, arg=heading, timeout=10_000)
    page.close()


def test_dragging_never_queues_up_stale_pictures(chromium, server):
    page = chromium.new_page(viewport=LAPTOP)
    lab.open_and_run(page, server("slow.ipynb"))
    cell = page.locator(".jp-CodeCell").first
    handle = cell.locator(".noUi-handle")
    start, end = handle.bounding_box(), cell.locator(".noUi-base").bounding_box()
    page.mouse.move(start["x"] + 5, start["y"] + 5)
    page.mouse.down()
    page.mouse.move(end["x"] + end["width"], start["y"] + 5, steps=40)
    page.mouse.up()
    page.wait_for_function("cell => [...cell.querySelectorAll('img')].pop()?.alt.includes('exponent p 1.')",
                           arg=cell.element_handle(), timeout=20_000)  # fmt: skip
    lab.replace_source(page, cell, "print(f'drawn {len(values)} times, last for {values[-1]}')")
    drawn = cell.locator(".jp-OutputArea-output", has_text="drawn")
    drawn.wait_for(timeout=20_000)
    number, last = drawn.inner_text().removeprefix("drawn ").split(" times, last for ")
    assert 1 <= int(number) < 20 and float(last) == 1.0  # of 40 places that the mouse passed
    page.close()


def test_a_point_is_dragged_in_the_picture_and_moved_by_its_sliders(chromium, server):
    page = chromium.new_page(viewport=LAPTOP)
    lab.open_and_run(page, server("dragged.ipynb"))
    cell = page.locator(".jp-CodeCell").first
    handle, picture = cell.get_by_role("slider", name="dot"), cell.locator(".jupyter-widgets img")

    def stands_at(x: str, y: str) -> None:
        """Picture, boxes and handle say so, and the handle lies over the dot."""
        seen = f"cell => ({PICTURE.replace('src', 'alt')})(cell) === 'A dot. Now: place x {x}, place y {y}.'"
        page.wait_for_function(seen, arg=cell.element_handle(), timeout=20_000)
        assert [float(box.input_value()) for box in cell.locator("input[type=number]").all()] == [float(x), float(y)]
        assert handle.get_attribute("aria-valuetext") == f"place x {x}, place y {y}"
        assert lab.darkness(page, handle) > 0.9

    def dragged(x: float, y: float) -> None:
        """By the mouse, so far to the right and up."""
        start, size = handle.bounding_box(), picture.bounding_box()
        left, top = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + x * size["width"], top - y * size["height"], steps=8)
        page.mouse.up()

    stands_at("0.5", "0.5")
    dragged(0.13, 0.19)  # the axes are nine tenths of the picture and 1.4 wide, a step is 0.1
    stands_at("0.7", "0.8")
    dragged(-9, 0)
    stands_at("0", "0.8")
    handle.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    stands_at("0.1", "0.6")
    cell.locator(".noUi-handle").first.focus()
    page.keyboard.press("ArrowRight")
    stands_at("0.2", "0.6")
    page.close()


# The solutions


@pytest.fixture(scope="module", params=SOLUTIONS, ids=lambda path: path.stem)
def solution(request):
    return request.param


@pytest.fixture(scope="module")
def page(solution, chromium, server):
    yield from opened(solution, chromium, server)


def live(solution) -> int:
    """How many cells of a notebook show something that moves with a kernel."""
    sources = [cell.source for cell in nbformat.read(solution, as_version=4).cells if cell.cell_type == "code"]
    return sum(bool(re.search(r"^widgets\.(?:lab\d+\.)?explore_|^canvas$", source, re.M)) for source in sources)


def test_a_solution_runs_without_an_error(page):
    assert lab.errors(page) == []


def test_every_slider_changes_its_picture(page):
    cells = page.locator(".jp-CodeCell").filter(has=page.locator(".noUi-handle"))
    for cell in cells.all():
        handles, boxes = cell.locator(".noUi-handle").all(), cell.locator("input[type=number]").all()
        for handle, box in zip(handles, boxes, strict=True):
            before, value = cell.evaluate(PICTURE), float(box.input_value())
            handle.focus()
            page.keyboard.press("ArrowLeft" if value == float(box.get_attribute("max")) else "ArrowRight")
            wait_for_change(page, cell, before)
            assert float(box.input_value()) != value


def test_every_box_and_button_changes_its_picture(page):
    for cell in page.locator(".jp-CodeCell").filter(has=page.locator(".noUi-handle, .widget-toggle-buttons")).all():
        for choice in cell.locator(".widget-toggle-buttons").all():
            before, other = cell.evaluate(PICTURE), choice.locator("button:not(.mod-active)").first
            if other.count():
                other.focus()
                page.keyboard.press(" ")
                wait_for_change(page, cell, before)
        for box in cell.locator("input[type=number]").all():
            before = cell.evaluate(PICTURE)
            box.fill(box.get_attribute("min"))
            box.press("Tab")
            wait_for_change(page, cell, before)


def test_first_pictures_give_way_to_the_live_ones(page, solution):
    assert [static.is_visible() for static in page.locator("[id^=static-]").all()] == [False] * live(solution)


def test_every_player_plays_and_obeys_the_keyboard(page):
    for player in page.locator("figure.course-player").all():
        player.scroll_into_view_if_needed()
        lab.plays(page, player)
        player.locator("input").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert player.locator("output").inner_text().startswith("2 of ")


def test_every_canvas_takes_a_stroke_and_a_prepared_drawing(page):
    for cell in page.locator(".jp-CodeCell").filter(has=page.locator("canvas")).all():
        canvas, choice = cell.locator("canvas"), cell.locator("select")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + 40, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 150, box["y"] + 90, steps=5)
        page.mouse.up()
        assert "strokes: 1" in canvas.get_attribute("aria-label")
        name = choice.locator("option").nth(1).inner_text()
        choice.focus()
        page.keyboard.press("ArrowDown")
        page.wait_for_function("([c, name]) => c.ariaLabel.endsWith(`Drawn: ${name}.`)",
                               arg=[canvas.element_handle(), name], timeout=10_000)  # fmt: skip


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pictures_fit_and_stay_legible(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(500)
    shares = page.evaluate("""() => [...document.querySelectorAll(".jp-OutputArea img")].filter(i => i.offsetWidth)
        .map(image => {
            const room = image.closest(".jp-OutputArea").getBoundingClientRect(), box = image.getBoundingClientRect();
            return {fits: box.right <= room.right + 1, share: box.width / image.naturalWidth, alt: image.alt};
        })""")
    assert [one["alt"] for one in shares if not one["fits"] or one["share"] < 0.7] == []


def test_what_cells_show_is_accessible(page):
    unnamed = [[".noUi-handle"]]  # no widget can name it: the box beside it, which has a label, does the same
    assert lab.violations(page, {"include": [[".jp-OutputArea-output"]], "exclude": unnamed}) == {}


# Pages without a kernel


@pytest.fixture(scope="module")
def exported(solution, chromium, tmp_path_factory):
    """A solution as a web page without kernel or network."""
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_notebook_node(nbformat.read(solution, as_version=4))
    file = tmp_path_factory.mktemp("exported") / "lab.html"
    file.write_text(html, "utf-8")
    page = chromium.new_page(viewport=LAPTOP)
    page.route("http*://**", lambda route: route.abort())
    page.goto(file.as_uri())
    yield page
    page.close()


def test_an_exported_page_is_accessible(exported):
    assert lab.violations(exported) == {}


def test_an_exported_page_shows_a_picture_for_every_slider(exported, solution):
    static = exported.locator("[id^=static-] img")
    assert [picture.is_visible() for picture in static.all()] == [True] * live(solution)
    assert exported.get_by_text("model not found").count() == 0


def test_players_of_an_exported_page_play(exported):
    for player in exported.locator("figure.course-player").all():
        lab.plays(exported, player)
        assert len(player.evaluate("figure => figure.outerHTML")) < 1_500_000


# The player alone

NOTE_TIMERS = """window.pauses = []; const set = setInterval;
window.setInterval = (f, pause) => { pauses.push(pause); return set(f, pause); };"""
RUN_APART = """html => {  // as VS Code does: the script is copied to the end of the output, run, and taken away
    document.body.innerHTML = `<div>${html}</div>`;
    const copy = Object.assign(document.createElement("script"), {text: document.querySelector("script").innerText});
    document.querySelector("div").appendChild(copy).remove();
}"""


@pytest.fixture(scope="module")
def shades() -> str:
    """A player of 50 grey pictures, 10 a second."""
    frames = [io.BytesIO() for _ in range(50)]
    for grey, frame in enumerate(frames):
        Image.new("L", (20, 20), grey).save(frame, "PNG")
    return plotting.player_html([frame.getvalue() for frame in frames], alt="Ever lighter grey.", width=20, fps=10)


@pytest.mark.parametrize(("wish", "pause"), [("no-preference", 100), ("reduce", 1000)])
def test_a_player_waits_to_be_started_and_honours_the_wish_for_less_motion(chromium, shades, wish, pause):
    page = chromium.new_page(reduced_motion=wish)
    page.add_init_script(NOTE_TIMERS)
    page.goto("data:text/html,")
    page.set_content(shades)
    assert page.evaluate("pauses") == []
    lab.plays(page, page.locator("figure"))
    assert page.evaluate("pauses") == [pause]
    page.close()


def test_a_player_plays_where_its_script_is_run_apart_from_it(chromium, shades):
    page = chromium.new_page()
    page.evaluate(RUN_APART, shades)
    lab.plays(page, page.locator("figure"))
    page.close()


def test_missing_chromium_is_a_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"), lab.started():
        pass
