"""The labs in a real browser: JupyterLab runs them, sliders and players move, exported pages are accessible."""

import shutil

import browser as lab
import nbformat
import pytest

ROOT = lab.ROOT
LABS = sorted(ROOT.glob("labs/*/*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
SIZES = [(1366, 768), (1920, 1080)]
PICTURE = "cell => [...cell.querySelectorAll('.widget-html-content img')].pop()?.src"


@pytest.fixture(scope="module")
def chromium():
    with lab.started() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    for name in ("labs", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    with lab.jupyterlab(folder, tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module", params=LABS, ids=lambda path: path.stem)
def page(request, chromium, server):
    """An untouched lab, all of whose cells have run."""
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    lab.open_and_run(page, server(request.param.relative_to(ROOT).as_posix()))
    yield page
    page.close()


def test_runs_to_the_end(page):
    assert lab.errors(page) == []
    assert page.get_by_text("not done yet").count() > 0


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


def test_every_box_and_list_changes_its_picture(page):
    for cell in page.locator(".jp-CodeCell").filter(has=page.locator(".noUi-handle, .widget-dropdown")).all():
        for choice in cell.locator(".widget-dropdown select").all():
            if choice.locator("option").count() > 1:
                before = cell.evaluate(PICTURE)
                choice.select_option(index=1)
                wait_for_change(page, cell, before)
        for box in cell.locator("input[type=number]").all():
            before = cell.evaluate(PICTURE)
            box.fill(box.get_attribute("min"))
            box.press("Tab")
            wait_for_change(page, cell, before)


def wait_for_change(page, cell, before: str) -> None:
    condition = f"([cell, before]) => ({PICTURE})(cell) !== before"
    page.wait_for_function(condition, arg=[cell.element_handle(), before], timeout=20_000)


def test_first_picture_gives_way_to_the_live_one(page):
    static = page.locator("[id^=static-]")
    assert [static.nth(i).is_visible() for i in range(static.count())] == [False] * static.count()


def test_every_player_plays_and_obeys_the_keyboard(page):
    for player in page.locator("figure.course-player").all():
        player.scroll_into_view_if_needed()
        now = player.locator("output")
        total = now.inner_text().split(" of ")[1]
        lab.press_play(page, player)
        player.get_by_role("button", name="Pause").click()
        assert player.get_by_role("button", name="Play").count() == 1
        player.locator("input").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert now.inner_text() == f"2 of {total}"


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
        name = choice.locator("option").nth(2).inner_text()
        choice.select_option(name)
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


def test_wrong_answer_shows_the_sentence_of_the_check(chromium, server):
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    lab.open_and_run(page, server("labs/lab1_simulation/lab1_simulation.ipynb"))
    wrong = (
        "def euler(field, x0, n):\n    xs = [x0]\n    for i in range(n - 1):\n"
        "        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n)) / n)\n    return torch.stack(xs)"
    )
    lab.replace_source(page, lab.cell_with(page, "def euler("), wrong)
    check = lab.cell_with(page, "checks.lab1.euler(euler)")
    check.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    check.get_by_text("one step is missing").first.wait_for(timeout=20_000)
    page.close()


@pytest.fixture(scope="module", params=SOLUTIONS, ids=lambda path: path.stem)
def exported(request, chromium, tmp_path_factory):
    """A solution as a web page without kernel or network."""
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_notebook_node(nbformat.read(request.param, as_version=4))
    file = tmp_path_factory.mktemp("exported") / "lab.html"
    file.write_text(html, "utf-8")
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.route("http*://**", lambda route: route.abort())
    page.goto(file.as_uri())
    yield page
    page.close()


def test_exported_page_is_accessible(exported):
    assert lab.violations(exported) == {}


def test_exported_page_shows_a_picture_for_every_slider(exported):
    static = exported.locator("[id^=static-] img")
    assert all(static.nth(i).is_visible() for i in range(static.count()))
    assert exported.get_by_text("model not found").count() == 0


def test_players_of_the_exported_page_play(exported):
    for player in exported.locator("figure.course-player").all():
        lab.press_play(exported, player)
        assert len(player.evaluate("figure => figure.outerHTML")) < 1_500_000


def test_missing_chromium_is_a_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"), lab.started():
        pass

