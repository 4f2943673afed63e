"""The page of a term in a browser: axe finds nothing wrong with it, and it asks for nothing."""

from course_grading.pages.term import page
from tests.grading.test_term import TERM
from tests.support import browser


def test_axe_finds_nothing_and_nothing_is_loaded(tmp_path):
    file = tmp_path / "term.html"
    file.write_text(page(TERM), "utf-8")
    asked = []
    with browser.started() as chromium:
        opened = chromium.new_context(bypass_csp=True).new_page()
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(file.as_uri())
        assert browser.violations(opened) == {}
        widths = opened.eval_on_selector_all("img", "pictures => pictures.map(picture => picture.naturalWidth)")
    assert len(widths) == 3 and all(widths)
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
