"""The book: whole without a network, no answers for students, every link, figure and formula as it should be."""

import importlib.util
import io
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import numpy as np
import pytest
from PIL import Image

import course_utils
from course_grading import book
from course_grading.release import read_notebook
from tests.support import browser as lab
from tests.support import notebook_rules as rules

ROOT = lab.ROOT
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
LABS = [f"labs/{path.stem}/{path.stem}.html" for path in SOLUTIONS]
GREEK = re.compile(r"\\(alpha|beta|epsilon|eta|theta|lambda|mu|xi|sigma|phi|psi|omega|Sigma|Delta)\b")
NOTES = ("instructors", "a_term", "platforms", "architecture", "add_a_lab")  # in the book for instructors alone
BUILD = (
    "import sys; from course_grading import book; book.build(sys.argv[1], instructors=len(sys.argv) > 2, stills=True)"
)
VOID = {"img", "br", "hr", "input", "link", "meta"}


class Page(HTMLParser):
    """What the tests ask of a page: ids, links, what is loaded, descriptions of pictures, formulas, text, code."""

    def __init__(self, file: Path):
        super().__init__()
        self.file, self.ids, self.links, self.loaded, self.alts, self.formulas = file, set(), [], [], [], 0
        self.inside, self.words, self.code = [], [], []
        self.feed(file.read_text("utf-8"))
        self.text, self.source = (plain("".join(parts)) for parts in (self.words, self.code))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inside += [] if tag in VOID else [tag]
        self.ids |= {given["id"]} if "id" in given else set()
        self.links += [given["href"]] if tag == "a" and "href" in given else []
        self.loaded += [given[key] for key in ("src", "href", "srcset", "data") if tag != "a" and key in given]
        self.alts += [given.get("alt") or ""] if tag == "img" else []
        self.formulas += tag == "math"

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[len(self.inside) - 1 - self.inside[::-1].index(tag) :]

    def handle_data(self, data):
        if not {"script", "style"} & set(self.inside):
            (self.code if {"pre", "code", "dt"} & set(self.inside) else self.words).append(data)


def plain(text: str) -> str:
    return " ".join(text.split())


def made(root: Path, *arguments: str, code: str = BUILD) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code, str(root), *arguments], cwd=ROOT, capture_output=True, text=True)


def read(folder: Path) -> dict[str, Page]:
    return {path.relative_to(folder).as_posix(): Page(path) for path in sorted(folder.rglob("*.html"))}


@pytest.fixture(scope="module")
def chromium():
    with lab.started() as running:
        yield running


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    for name in ("docs", "solutions"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "README.md", root)
    return root


@pytest.fixture(scope="module")
def students(course):
    done = made(course)
    assert (done.returncode, done.stderr) == (0, "")
    return read(course / "dist" / "book")


@pytest.fixture(scope="module")
def instructors(course):
    done = made(course, "--instructors")
    assert (done.returncode, done.stderr) == (0, "")
    return read(course / "dist" / "book-instructors")


@pytest.fixture(params=["students", "instructors"])
def pages(request):
    return request.getfixturevalue(request.param)


# What is in it


def test_a_page_for_each_lab_and_module(students, instructors):
    expected = {*LABS, "index.html", "search.html", "reference/index.html"}
    expected |= {f"docs/{name}.html" for name in ("symbols", "troubleshooting", "contest", "teaching")}
    expected |= {f"reference/{name}.html" for name in course_utils.__all__}
    assert set(students) == expected
    assert set(instructors) == expected | {f"docs/{name}.html" for name in NOTES}


def test_the_first_page_leads_to_every_lab_and_has_the_generator(students):
    assert set(LABS) <= set(students["index.html"].links)
    page = book.front_page("# Book\n\nGENERATOR\n\nWords.", ROOT, still=False)
    heading, generator, words = page.split("\n\n")  # a blank line would end what is HTML
    assert generator.startswith('<figure class="course-explorer"') and "Now: digit 3, guidance w 1" in generator
    assert (heading, words) == ("# Book", "Words.")


def test_the_reference_has_the_order_of_the_layers():
    assert list(book.MODULES) == course_utils.__all__


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_outputs_are_kept_but_those_of_exercises(solution):
    page = book.lab_page(solution, read_notebook(solution), answers=False)
    saved = {cell.id: cell for cell in read_notebook(solution).cells}
    shown = {cell.id: cell.outputs for cell in page.cells if cell.cell_type == "code"}
    assert sum(map(len, shown.values())) > 10
    for name, outputs in shown.items():
        checked = re.search(r"checks\.lab\d+\.\w+\([a-z_]", saved[name].source)  # a bug hunt is given a number
        asked = "BEGIN SOLUTION" in saved[name].source or checked
        assert outputs == ([] if asked else saved[name].outputs), name


SHORT = 20
"""Characters below which an answer, such as `return 2`, may stand elsewhere as well."""


def answers(solution: Path) -> list[tuple[bool, str, str]]:
    """Pieces of the answers: whether it is code, text without formulas and marks, and what would give it away."""
    pieces = []
    for cell in read_notebook(solution).cells:
        code = cell.cell_type == "code"
        for found in rules.REGION.finditer(cell.source):
            parts = [found[1]] if code else re.split(r"\$\$?[^$]*\$\$?|[`*\"']", found[1])
            above = cell.source[: found.start()].strip().split("\n")[-1]
            for part in (plain(part) for part in parts if code or len(part) > 60):
                pieces.append((code, part, plain(f"{above} {part}") if len(part) < SHORT else part))
    return pieces


@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda path: path.stem)
def test_students_get_no_answers_and_instructors_do(students, instructors, solution):
    name, pieces = f"labs/{solution.stem}/{solution.stem}.html", answers(solution)
    assert len(pieces) > 5
    for code, piece, leak in pieces:
        here, there = (page.source if code else page.text for page in (students[name], instructors[name]))
        assert leak not in here
        assert piece in there
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)", students[name].source)
    assert students[name].source.count("raise NotImplementedError") > 2


# Links, figures, formulas


def test_links_lead_somewhere(pages):
    lost = []
    for name, page in pages.items():
        for link in page.links:
            place = urlsplit(link)
            if place.scheme:
                continue
            target = (page.file.parent / unquote(place.path)).resolve() if place.path else page.file
            known = {one.file: one.ids for one in pages.values()}
            if not target.is_file() or (place.fragment and unquote(place.fragment) not in known[target]):
                lost.append(f"{name}: {link}")
    assert lost == []


def test_nothing_is_loaded_from_elsewhere(pages):
    for name, page in pages.items():
        for source in page.loaded:
            here = source.startswith(("data:image/", "#")) or (page.file.parent / urlsplit(source).path).is_file()
            assert here, f"{name}: {source[:100]}"
    folder = pages["index.html"].file.parent
    for style in folder.rglob("*.css"):
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import", style.read_text("utf-8")), style


def test_every_figure_is_described(pages):
    assert all(alt.strip() for page in pages.values() for alt in page.alts)
    assert all(len(pages[name].alts) > 10 for name in LABS)


def test_every_formula_is_rendered(pages):
    for name, page in pages.items():
        assert not re.search(r"\$|\\[a-zA-Z]{2}|:math:", page.text), name
    assert all(pages[name].formulas > 80 for name in LABS)
    assert pages["reference/processes.html"].formulas > 20


def test_docstrings_show_no_markup(pages):
    reference = [page for name, page in pages.items() if name.startswith("reference/")]
    assert [page.file.name for page in reference if re.search(r"`|\*\*|Alias for field", page.text)] == []


def test_the_glossary_has_every_greek_letter():
    known = set(GREEK.findall((ROOT / "docs" / "symbols.md").read_text("utf-8")))
    for solution in SOLUTIONS:
        texts = [cell.source for cell in rules.markdown_cells(read_notebook(solution))]
        assert set(GREEK.findall("\n".join(texts))) <= known, solution.stem


# What is refused


def test_a_missing_package_is_named(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("sphinx", "furo") else found(name))
    with pytest.raises(ValueError, match="`book`; missing: sphinx, furo$"):
        book.build(ROOT)


def test_without_solutions_there_is_no_book(tmp_path):
    with pytest.raises(ValueError, match="expected solution notebooks"):
        book.build(tmp_path)


def test_a_broken_link_and_a_broken_formula_are_named_and_leave_the_old_book(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(SOLUTIONS[-1].parent, tmp_path / "solutions" / SOLUTIONS[-1].stem)
    (tmp_path / "docs" / "symbols.md").write_text("# Symbols\n\n[nowhere](nowhere.md) and $\\nonsense x$\n")
    old = tmp_path / "dist" / "book" / "index.html"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    done = made(tmp_path, code=BUILD.replace("book.build", "book.MODULES = ('storage',); book.build"))
    assert done.returncode != 0 and "the book was not made" in done.stderr
    assert "nowhere" in done.stderr and "nonsense" in done.stderr
    assert old.read_text() == "old"


# Drawn anew

PLAYS = """from IPython.display import HTML
from course_utils import figures, plotting
import torch
xs = torch.linspace(0, 1, 50).reshape(5, 5, 2)
plotting.play(figures.lab2.moving_points(xs, torch.linspace(0, 1, 5)), alt="Points move.")"""
SHOWS = """from course_utils import plotting
plotting.show(plotting.line_panels({"": {"square": ([1, 2, 3], [1, 4, 9])}}), alt="A parabola.")"""
EXPLORES = """from course_utils import plotting, widgets
fig, ax = plotting.figure()
ax.set(xlim=(0, 1), ylim=(0, 1))
stage = plotting.Stage(fig, {"bar": ax.barh([0.5], [0.0], height=1.0, color="black")[0]})
controls = {
    "x": widgets.Slider("width x", 0.0, 1.0, 0.5, 0.1),
    "ink": widgets.Choice("ink", {"black": "black", "white": "white"}),
    "word": widgets.Word("word", "bar"),
}
widgets.Explorer(stage, lambda x, ink, word: {"bar": {"width": x, "color": ink}}, controls, alt="A bar.")"""
LIVE = "from course_grading import book, saving; book.MODULES = ('storage',); {}; book.build(sys.argv[1])"


@pytest.fixture
def tiny(tmp_path):
    """A course of one small lab: a function that writes its one cell and makes the book, in a process of its own."""
    (tmp_path / "docs").mkdir()
    for path in (ROOT / "docs").glob("*"):
        if path.is_file() and path.suffix != ".md":
            shutil.copy(path, tmp_path / "docs")
    pages = {name: f"# {name}\n" for name in book.PAGES}
    pages["reference.md"] = "# Reference\n\n```{toctree}\nMODULES\n```\n"
    rooms = ["labs/lab9_tiny/lab9_tiny", *(f"docs/{Path(name).stem}" for name in book.PAGES), "reference/index"]
    pages["book.md"] = "\n".join(["# Book", "", "```{toctree}", *rooms, "```", ""])
    for name, text in pages.items():
        (tmp_path / "docs" / name).write_text(text)
    folder = tmp_path / "solutions" / "lab9_tiny"
    folder.mkdir(parents=True)

    def build(source: str, text: str = "Words.", change: str = "pass") -> subprocess.CompletedProcess:
        cells = [nbformat.v4.new_markdown_cell(f"# Tiny\n\n{text}", id="title")]
        cells += [nbformat.v4.new_code_cell(source, id="draws")]
        kernel = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "lab9_tiny.ipynb"
        )
        return made(tmp_path, code="import sys; " + LIVE.format(change))

    return build


def test_the_book_runs_the_solutions_and_keeps_what_came_out(tiny, tmp_path, chromium):
    done = tiny(PLAYS)
    assert done.returncode == 0, done.stderr
    assert "lab9_tiny: 100%" in done.stderr  # a bar
    file = tmp_path / "dist" / "book" / "labs" / "lab9_tiny" / "lab9_tiny.html"
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.goto(file.as_uri())
    [player] = page.locator("figure.course-player").all()
    lab.plays(page, player)
    assert player.locator("img").evaluate("image => image.src.endsWith('.webp') && image.naturalWidth > 100")
    assert "data:image/png" not in file.read_text()
    page.close()
    [kept] = (tmp_path / "dist" / "live").iterdir()
    assert "course-player" not in (tmp_path / "solutions" / "lab9_tiny" / "lab9_tiny.ipynb").read_text()

    done = tiny(PLAYS, "Other words.", change="saving.run = None")  # nothing may run
    assert done.returncode == 0, done.stderr
    assert "Other words." in file.read_text() and "course-player" in file.read_text()

    done = tiny("1 / 0")  # another cell: the former outputs are not taken for its own
    assert done.returncode != 0 and "lab9_tiny: cell draws fails: ZeroDivisionError" in done.stderr
    assert "course-player" in file.read_text() and kept.exists()


def test_a_figure_far_down_is_loaded_when_it_is_seen_and_is_on_paper(tiny, tmp_path, chromium):
    done = tiny(SHOWS, "One line and no more.\n\n" * 400)
    assert done.returncode == 0, done.stderr
    asked = []
    for on_paper in (True, False):
        page = chromium.new_page(viewport={"width": 1280, "height": 700}, color_scheme="dark")
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "dist" / "book" / "labs" / "lab9_tiny" / "lab9_tiny.html").as_uri())
        page.wait_for_timeout(300)
        figure = page.get_by_role("img", name="A parabola.")
        assert not any(url.endswith(".webp") for url in asked) and figure.bounding_box()["height"] > 100
        if on_paper:
            assert re.search(rb"/Subtype\s*/Image", page.pdf(format="A4"))
        else:
            figure.scroll_into_view_if_needed()
            page.wait_for_function("one => one.naturalWidth > 100", arg=figure.element_handle())
        asked.clear()
        page.close()


def blackness(page, picture) -> float:
    """Share of black in a picture, as the browser shows it."""
    page.wait_for_timeout(200)
    return (np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("L")) < 60).mean()


def test_explorers_are_played_by_keyboard_from_the_disk(tiny, tmp_path, chromium):
    done = tiny(
        EXPLORES,
        "<details><summary>Hint</summary>Think.</details>\n\n" + "One line and no more.\n\n" * 200,
        change="from course_grading import pictures; pictures.LARGEST = 1e3",
    )
    assert done.returncode == 0, done.stderr
    assert "expected at most 0.001 MB of explorers' pictures, got 0.0" in done.stderr
    page = chromium.new_page(viewport={"width": 390, "height": 700})
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto((tmp_path / "dist" / "book" / "labs" / "lab9_tiny" / "lab9_tiny.html").as_uri())
    page.wait_for_timeout(300)
    assert not any(url.endswith(".webp") for url in asked)  # loaded when seen
    explorer = page.locator(".course-explorer")
    explorer.scroll_into_view_if_needed()
    picture, slider = explorer.get_by_role("img"), explorer.get_by_role("slider", name="width x")
    half = blackness(page, picture)
    assert picture.get_attribute("aria-label") == "A bar. Now: width x 0.5, ink black, word bar."
    slider.press("End")
    full = blackness(page, picture)
    assert slider.get_attribute("aria-valuetext") == "1" and 0.4 < half / full < 0.65
    explorer.get_by_role("button", name="white").press("Enter")
    assert blackness(page, picture) < 0.05 < half
    assert picture.get_attribute("aria-label") == "A bar. Now: width x 1, ink white, word bar."
    explorer.get_by_role("button", name="black").press(" ")
    slider.press("Home")
    slider.press("ArrowRight")
    assert 0.05 < blackness(page, picture) / full < 0.2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert lab.violations(page, ".course-explorer") == {} and failed == []
    assert {url.split(":")[0] for url in asked} == {"file"}
    page.close()
    is_on_paper(chromium, tmp_path / "dist" / "book" / "labs" / "lab9_tiny" / "lab9_tiny.html")


def is_on_paper(chromium, file):
    """Of a page with one explorer far down and one fold: both are printed, in the dark too, and nothing to press."""
    page = chromium.new_page(viewport={"width": 1280, "height": 700}, color_scheme="dark")
    page.goto(file.as_uri())
    paper = page.pdf(format="A4")  # its picture was not seen before
    assert len(re.findall(rb"/Subtype\s*/Image", paper)) == 1
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details").get_attribute("open") is not None
    assert page.locator("input:visible, .sidebar-drawer:visible, button[aria-pressed=false]:visible").count() == 0
    assert page.locator(".control").all_inner_texts() == ["width x\n0.5", "ink\nblack", "word\nbar"]
    assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--color-background-primary')") == "#fff"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details").get_attribute("open") is None
    page.close()


def test_what_outputs_depend_on(tmp_path, monkeypatch):
    path = shutil.copy(SOLUTIONS[-1], tmp_path / "lab.ipynb")
    prints = {book.fingerprint(Path(path))}
    notebook = read_notebook(path)
    notebook.cells[0].source += " Words."
    nbformat.write(notebook, path)
    assert prints == {book.fingerprint(Path(path))}  # words run nothing
    rules.code_cells(notebook)[0].source += "\n1 + 1"
    nbformat.write(notebook, path)
    prints |= {book.fingerprint(Path(path))}
    monkeypatch.setenv("COURSE_BUDGET", "small")
    prints |= {book.fingerprint(Path(path))}
    shutil.copytree(book.PACKAGE / "plotting", tmp_path / "package" / "plotting")
    monkeypatch.setattr(book, "PACKAGE", tmp_path / "package")
    prints |= {book.fingerprint(Path(path))}
    (tmp_path / "package" / "plotting" / "theme.py").write_text("DPI = 111")
    prints |= {book.fingerprint(Path(path))}
    monkeypatch.setattr(book, "version", lambda name: "0.0")
    assert len(prints | {book.fingerprint(Path(path))}) == 6


# In a browser, from the disk


OTHERS = ["index.html", "docs/teaching.html", "docs/symbols.html", "reference/guidance.html", "search.html?q=score"]


AT_ONCE = """() => Promise.all([...document.querySelectorAll("[role=main] img")].map(image => {
  image.loading = "eager";
  return image.decode();
}))"""
"""Load the pictures that wait until they are seen; one that is not there is an error."""


@pytest.fixture(params=[*LABS, *OTHERS])
def opened(request, chromium, students):
    page = chromium.new_page(viewport={"width": 1366, "height": 768})
    page.asked, page.failed = [], []
    page.on("request", lambda request: page.asked.append(request.url.split(":")[0]))
    page.on("pageerror", lambda error: page.failed.append(str(error)))
    name, _, query = request.param.partition("?")
    page.goto(students[name].file.as_uri() + ("?" + query if query else ""))
    yield page
    page.close()


def test_page_in_a_browser(opened):
    assert opened.evaluate("document.fonts.load('16px \"STIX Two Math\"').then(fonts => fonts.length)") == 1
    empty = "elements => elements.filter(e => !e.getBoundingClientRect().width || e.naturalWidth === 0).length"
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    opened.evaluate(AT_ONCE)
    assert opened.locator("math, [role=main] img").evaluate_all(empty) == 0
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for player in opened.locator("figure.course-player").all():
        lab.plays(opened, player)
    if "search" in opened.url:
        opened.locator("#search-results li").first.wait_for(timeout=10_000)
    if not any(name in opened.url for name in LABS[1:]):  # one of the labs: half a minute each; see test_browser
        assert lab.violations(opened) == {}
    assert (set(opened.asked) <= {"file", "data"}, opened.failed) == (True, [])
