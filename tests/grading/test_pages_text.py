"""What students wrote is shown as they wrote it, and does nothing."""

import base64

import pytest

from course_grading.pages.text import LONGEST, inert, markdown, plain
from tests.support.pages import HOSTILE, Seen, dangers

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(9)).decode()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_does_nothing(hostile):
    assert list(dangers(markdown(hostile))) == []
    assert list(dangers(inert(hostile))) == []
    assert "\n" not in inert(hostile)


def test_the_detector_sees_dangers():
    unsafe = ["<script>", "<img src=http://e>", "<a href=javascript:x>", "<p onclick=x>", "<div style=x>", "<iframe>"]
    unsafe += ["<mtd style='width: 1px;position:fixed'>", "<mi style='width: 1px'>", "<mtd style='padding-left: -9em'>"]
    assert all(list(dangers(text)) for text in unsafe)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_class_and_no_id_of_a_student_reaches_the_page(hostile):
    """The page's own style sheet would make a student's text look like the teacher's."""
    for shown in (markdown(hostile), inert(hostile)):
        assert not [tag for tag, attributes in Seen(shown).tags if {"class", "id", "name"} & set(attributes)]


def test_an_honest_answer_is_shown_as_written():
    words = "**Bold**, `code < 1`, $a < b$, a [link](https://example.org/?a=1&b=2)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    html = markdown(words)
    assert "<strong>Bold</strong>" in html and "<code>code &lt; 1</code>" in html
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi></math>" in html
    assert 'href="https://example.org/?a=1&amp;b=2"' in html and "<td>1</td>" in html


@pytest.mark.parametrize("words", [
    "a List<int> of <your name>", "a <b", "if x <y then z", "<unknown attribute='1'>", "<!-- a remark -->", "<script>x",
    "<titles>", "mermaid", "attachment: none", "```python\nx < 3\n```", "```mermaid\na --> <b>\n```",
])  # fmt: skip
def test_nothing_that_a_student_wrote_vanishes(words):
    said = []
    reader = Seen("")
    reader.handle_data = said.append
    reader.feed(markdown(words))
    reader.close()
    shown = words.removeprefix("```python\n").removeprefix("```mermaid\n").removesuffix("\n```")
    assert shown in "".join(said)


def test_what_is_written_as_an_entity_is_no_way_around():
    assert markdown("a&#8238;b&#x202e;c&#0;d&#27;e") == "<p>abc\ufffdde</p>\n"
    assert markdown("&#57344;0&#57344; $x$ &#57344;0&#57344; &#57344;7&#57344;").count("<mi>x</mi>") == 1
    large = "$" + "x" * 1900 + "$" + "&#57344;0&#57344;" * 1000
    assert len(markdown(large)) < 4 * len(large)


def test_lists_keep_their_numbers_and_their_ticks():
    assert '<ol start="3">' in markdown("3. x\n4. y")
    assert "<li>☑ done</li>" in markdown("- [x] done\n- [ ] not yet") and "☐ not yet" in markdown("- [ ] not yet")


@pytest.mark.parametrize(
    "source",
    [
        f"my answer ![scan](data:image/png;base64,{PNG})",
        f'my answer <img src="data:image/png;base64,{PNG}" width=300>',
        "my answer <img width=300 src='attachment:image.png' alt=scan>",
    ],
)
def test_a_picture_is_shown_however_it_was_put_in(source):
    """Some editors write it into the text, some people give it a size; else a marker would see an empty answer."""
    shown = markdown(source, {"image.png": {"image/png": PNG}})
    assert shown.count(f'src="data:image/png;base64,{PNG}"') == 1 and "my answer" in shown


@pytest.mark.parametrize(
    "url", ["https://a.b/scan.png", "attachment:gone.png", "scan.png", "data:image/svg+xml;base64,AAAA"]
)
def test_a_picture_that_is_not_shown_is_named(url):
    shown = markdown(f"![scan]({url})")
    assert "[the picture scan is not in this file, and is not shown]" in shown and "<img" not in shown


def test_an_attached_picture_is_shown_and_nothing_else():
    source = "![mine](attachment:image.png) ![no](attachment:image.svg)"
    good = {"image.png": {"image/png": PNG}, "image.svg": {"image/svg+xml": "<svg onload=alert(1)>"}}
    assert f'src="data:image/png;base64,{PNG}"' in markdown(source, good)
    assert f'src="data:image/png;base64,{PNG}"' in markdown(
        source, {"image.png": {"image/png": [PNG[:8] + "\n", PNG[8:]]}}
    )
    assert PNG in markdown("![a](attachment:my%20own.png)", {"my own.png": {"image/png": PNG}})
    tagged = Seen(markdown("![$(a)$](attachment:image.png)", good)).tags
    assert [(tag, set(attributes) - {"alt"}) for tag, attributes in tagged] == [("p", set()), ("img", {"src"})]
    fake = base64.b64encode(b"<script>").decode()
    for bad in ({"image.png": {"image/png": fake}}, {"image.png": {"image/png": '"><script>'}}, {"image.png": 3}, []):
        assert "data:" not in markdown(source, bad)


def test_text_is_bounded_and_plain():
    assert plain("a\x00b\x1b[31mc\u202ed\ud800\n") == "abcd\n"
    assert len(plain("x" * 10**6)) < LONGEST + 100
    assert "left out" in plain("x" * 10**6)


@pytest.mark.parametrize(
    "piece", ["<b>", "<div>", "<table>", "> ", "[", "$x$", "*a ", "- ", "<", "$" + "{" * 900 + "}" * 900 + "$"]
)
def test_what_was_made_to_be_large_stays_bounded(piece):
    shown = markdown(piece * (LONGEST // len(piece)))
    assert len(shown) < 15 * LONGEST and list(dangers(shown)) == []
