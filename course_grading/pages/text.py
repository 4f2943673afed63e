"""What students wrote, as HTML that can do nothing: no script, no style, nothing loaded, whatever it says."""

import base64
import binascii
import html
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote

from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_grading.pages.formulas import mathml
from course_grading.pages.harmless import ASIDE, clean_formula, clean_text

IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
IMAGE_BYTES = 4 << 20
LONGEST = 20_000
LONGEST_NAME = 100
LONGEST_HTML = 1_000_000
"""Characters of a text as HTML, without its pictures: a long address can be named often."""

COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
PLACE = re.compile(rf"{ASIDE}(\d{{1,5}}){ASIDE}")
SPECIAL = re.compile(r"[\n\r$\\`\[\]!*_~|]")
"""What Markdown might read again."""


WRITTEN_IN = re.compile(r"!\[([^\[\]\n]{0,200})\]\(data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=]+)\)")
"""A picture in the text itself, as some editors put it there."""

AS_TAG = re.compile(
    r"<img\s[^<>]{0,200}?src=[\"'](?:attachment:([^\"'<>\s]{1,200})|data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=]+))[\"']"
    r"[^<>]{0,200}>"
)
"""A picture as a tag, which some write to give it a size."""

_plain_text = ContextVar("plain text", default=False)


@contextmanager
def as_plain_text() -> Iterator[None]:
    """In this block `markdown` and `code` show a text as it was written, which costs next to nothing."""
    before = _plain_text.set(True)
    try:
        yield
    finally:
        _plain_text.reset(before)


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without control characters and of bounded length."""
    text = CONTROL.sub("", COLOUR.sub("", text))
    return text if len(text) <= longest else f"{text[:longest]}\n[... {len(text) - longest:,} characters left out]"


class Renderer(IPythonRenderer):
    """Puts formulas and pictures aside; shows of pictures only those that were attached, each once.

    Args:
        attached: Images that were put into the cell, unchecked.
    """

    def __init__(self, attached: Mapping[str, object]):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.attached = attached
        self.seen: set[str] = set()
        self.put_aside: dict[str, Markup] = {}

    def inline_math(self, body: str) -> str:
        return self._aside(formula(body, displayed=False))

    def block_math(self, body: str) -> str:
        return self._aside(formula(body, displayed=True))

    def latex_environment(self, name: str, body: str) -> str:
        return self._aside(formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", displayed=True))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        name = unquote(url).removeprefix("attachment:")
        if name == unquote(url) or name not in self.attached:
            called = PLACE.sub("", Markup(text).striptags()) or name
            return f"[the picture {html.escape(plain(called, LONGEST_NAME))} is not in this file, and is not shown]"
        if name in self.seen:
            return f"[the picture {html.escape(plain(name, LONGEST_NAME))} again]"
        self.seen.add(name)
        return self._aside(picture(name, self.attached[name], PLACE.sub("", Markup(text).striptags())))

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        return f"<li>{'☑' if checked else '☐'} {text}</li>\n"

    def _aside(self, shown: Markup) -> str:
        number = str(len(self.put_aside))
        self.put_aside[number] = shown
        return f"{ASIDE}{number}{ASIDE}"


def markdown(text: str, attachments: object = None) -> Markup:
    """HTML of Markdown: harmless tags, links to web pages, attached PNG and JPEG images, and formulas.

    Args:
        text: What a student wrote; other tags in it are shown as they are.
        attachments: Images that were put into the cell, unchecked.
    """
    text, attached = _attached(text, attachments if isinstance(attachments, Mapping) else {})
    text = plain(text)
    as_it_is = f"<pre>{html.escape(text)}</pre>"
    if _plain_text.get():
        return Markup(as_it_is)
    renderer = Renderer(attached)
    try:
        rendered = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:  # a text that breaks the renderer is shown as it is
        rendered = as_it_is
    cleaned = CONTROL.sub("", clean_text(rendered)) if len(rendered) <= LONGEST_HTML else as_it_is
    if len(cleaned) > LONGEST_HTML:  # a parser opens again what is never closed
        cleaned = as_it_is
    drawn = renderer.put_aside  # each once: a place can be forged by &#57344;
    return Markup(PLACE.sub(lambda m: drawn.pop(m[1], ""), cleaned))


def _attached(text: str, attachments: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """The text and its attachments, with the pictures that stand in the text itself attached like the others."""
    attached = dict(attachments)

    def put(alt: str, kind: str, data: str) -> str:
        name = f"picture-in-the-text-{len(attached)}.{kind.removeprefix('image/')}"
        attached[name] = {kind: data}
        return f"![{alt}](attachment:{name})"

    def from_tag(match: re.Match) -> str:
        name, kind, data = match.groups()
        return f"![](<attachment:{name}>)" if name else put("", kind, data)

    text = WRITTEN_IN.sub(lambda match: put(*match.groups()), text)
    return AS_TAG.sub(from_tag, text), attached


def formula(latex: str, *, displayed: bool) -> Markup:
    """A student's formula as MathML; as it was written where it cannot be drawn.

    Args:
        latex: The formula without its dollar signs.
        displayed: Whether it stands on a line of its own.
    """
    try:
        return Markup(clean_formula(mathml(latex, displayed=displayed)))
    except ValueError:
        mark = "$$" if displayed else "$"
        return Markup(html.escape(f"{mark}{latex}{mark}"))


def inert(text: str, attachments: object = None) -> str:
    """The same as the source of a Markdown cell."""
    return inert_html(markdown(text, attachments))


def inert_html(shown: Markup) -> str:
    """Harmless HTML as the source of a Markdown cell: one line, in which no renderer finds Markdown again."""
    return f"<div>{SPECIAL.sub(lambda m: f'&#{ord(m[0])};', str(shown))}</div>"


def code(text: str) -> Markup:
    """HTML of Python code with its syntax marked."""
    if _plain_text.get():
        return Markup(f"<pre>{html.escape(plain(text))}</pre>")
    return Markup(highlight(plain(text), PythonLexer(), HtmlFormatter(cssclass="code")))


def styles() -> str:
    """Style sheet for `code`."""
    return HtmlFormatter(cssclass="code").get_style_defs(".code")


def picture(name: str, bundle: object, alt: str) -> Markup:
    """An attached picture as HTML, or the words that it is left out.

    Args:
        name: Its name.
        bundle: What was attached under that name, unchecked.
        alt: What is to be seen.
    """
    for kind in IMAGES:
        data = _base64(bundle.get(kind) if isinstance(bundle, Mapping) else None)
        if _is_image(data, kind):
            return Markup('<img src="data:{};base64,{}" alt="{}">').format(kind, data, alt)
    most = f"{IMAGE_BYTES >> 20} MB"
    return Markup("[the picture {} left out: no PNG or JPEG of at most {}]").format(plain(name, LONGEST_NAME), most)


def _base64(data: object) -> str:
    lines = data if isinstance(data, list) else [data]
    return "".join("".join(line.split()) for line in lines if isinstance(line, str))


def _is_image(data: str, kind: str) -> bool:
    if len(data) > IMAGE_BYTES * 4 // 3:
        return False
    try:
        return base64.b64decode(data, validate=True).startswith(IMAGES[kind])
    except (binascii.Error, ValueError):
        return False
