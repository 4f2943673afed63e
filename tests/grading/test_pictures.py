"""Pictures of the book are files beside its pages: the same pixels, texts and places, and nothing else is touched."""

import base64
import html
import io
import json
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from course_grading import pictures
from course_utils.plotting import image_html, player_html

RANDOM = np.random.default_rng(0)
KINDS = {"RGB": 3, "RGBA": 4, "L": 1}


def encoded(kind: str = "RGB", size: tuple[int, int] = (30, 20), form: str = "PNG") -> bytes:
    pixels = RANDOM.integers(0, 256, (size[1], size[0], KINDS[kind]), dtype=np.uint8).squeeze()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA"))


def explorer(strips: list[bytes]) -> str:
    about = {"alt": "A bar.", "strips": [f"data:image/webp;base64,{base64.b64encode(one).decode()}" for one in strips]}
    return f'<figure class="course-explorer" data-about="{html.escape(json.dumps(about))}"><div></div></figure>'


@pytest.fixture
def book(tmp_path):
    """A function that makes a page of a book, and reads it with its pictures apart."""

    def page(body: str, name: str = "labs/lab9/lab9.html") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<body>{body}</body>", "utf-8")
        pictures.put_apart(tmp_path)
        return path.read_text("utf-8")

    page.folder = tmp_path
    page.file = lambda source, name="labs/lab9/lab9.html": (tmp_path / name).parent / source
    return page


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["index.html", "labs/lab9/lab9.html"])
def test_a_figure_has_the_same_pixels_in_a_file_that_its_page_leads_to(book, kind, name):
    png = encoded(kind)
    text = book(image_html(png, 'A "dot" > 0.', 15), name)
    [source] = re.findall(r'src="([^"]*)"', text)
    file = book.file(source, name)
    assert file.suffix == ".webp" and file.read_bytes()[8:12] == b"WEBP"
    assert (pixels(file.read_bytes()) == pixels(png)).all()
    assert 'alt="A &quot;dot&quot; &gt; 0."' in text and 'width="15"' in text and "data:" not in text


def test_a_figure_is_loaded_when_it_is_seen_and_keeps_its_place(book):
    text = book(image_html(encoded(size=(30, 20)), "Dots.", 15))
    assert '<img loading="lazy" height="10" ' in text
    assert (
        book('<img alt="Digits" src="_images/digits.png">')
        == '<body><img alt="Digits" src="_images/digits.png"></body>'
    )


def test_jpeg_stays_as_it_is(book):
    jpeg = encoded(form="JPEG")
    text = book(image_html(jpeg, "Dots.", 30, "jpeg"))
    assert book.file(re.findall(r'src="([^"]*)"', text)[0]).read_bytes() == jpeg


def test_a_player_has_its_frames_as_files_and_the_last_one_once(book):
    frames = [encoded() for _ in range(3)]
    text = book(player_html(frames, alt="Dots.", width=30))
    sources = json.loads(re.search(r"\{frames, pause\} = (\{.*?\});", text)[1])["frames"]
    assert all((pixels(book.file(a).read_bytes()) == pixels(b)).all() for a, b in zip(sources, frames, strict=True))
    assert re.findall(r'src="([^"]*)"', text) == sources[-1:]
    assert len(list((book.folder / pictures.FIGURES).iterdir())) == 3


def test_explorers_have_a_folder_of_their_own(book):
    strips = [encoded(form="WEBP"), encoded(form="WEBP")]
    text = book(explorer(strips) + image_html(encoded(), "Dots.", 30))
    about = json.loads(html.unescape(re.search(r'data-about="([^"]*)"', text)[1]))
    assert [book.file(source).read_bytes() for source in about["strips"]] == strips and about["alt"] == "A bar."
    assert {book.file(one).resolve().parent for one in about["strips"]} == {book.folder / pictures.EXPLORERS}
    assert len(list((book.folder / pictures.EXPLORERS).iterdir())) == 2
    assert len(list((book.folder / pictures.FIGURES).iterdir())) == 1


def test_the_same_picture_on_two_pages_is_one_file(book):
    shown = image_html(encoded(), "Dots.", 30)
    book(shown, "index.html")
    book(shown)
    assert len(list((book.folder / pictures.FIGURES).iterdir())) == 1


def test_what_only_speaks_of_a_picture_is_left(book):
    words = "<pre>&#39;&lt;img src=&quot;data:image/png;base64,YSBwaWN0dXJl&quot;</pre> data:image/png;base64,YSBw"
    assert book(words) == f"<body>{words}</body>" and not (book.folder / pictures.FIGURES).exists()


def test_too_many_bytes_of_explorers_are_told_of_figures_are_not(book, monkeypatch):
    book(explorer([encoded(form="WEBP")]) + image_html(encoded(size=(300, 300)), "Dots.", 30))
    size = sum(path.stat().st_size for path in (book.folder / pictures.EXPLORERS).iterdir())
    monkeypatch.setattr(pictures, "LARGEST", size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures.weigh(book.folder)
    monkeypatch.setattr(pictures, "LARGEST", size - 1)
    with pytest.warns(UserWarning, match="expected at most .* MB of explorers' pictures, got"):
        pictures.weigh(book.folder)
