"""What students wrote, as HTML that can do nothing: no script, no style, nothing loaded, whatever it says.

Nothing of it reaches the page around it either: names of classes and ids are left out.
"""

import base64
import binascii
import html
import re
from collections.abc import Mapping
from urllib.parse import unquote

import nh3
from markupsafe import Markup
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_grading.pages.formulas import student_formula

TAGS = frozenset(
    "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub"
    " summary sup table tbody td th thead tr u ul".split()
)
OTHER_TAG = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TAGS))})[\s/>])", re.IGNORECASE)
LINKS = ("http://", "https://", "mailto:")
IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
IMAGE_BYTES = 4 << 20
LONGEST = 20_000
COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000\ufffe\uffff]"
)
SPECIAL = re.compile(r"[\n\r$\\`\[\]!*_~|]")
"""What Markdown might read again."""

ASIDE = "\ue000"
"""Stands around the number of a formula while the text around it is cleaned; no text holds it."""


def _allowed(tag: str, name: str, value: str) -> str | None:
    if ASIDE in value:
        return None
    starts = {"href": LINKS, "src": tuple(f"data:{kind};base64," for kind in IMAGES)}.get(name, ("",))
    return value if value.lower().startswith(starts) else None


CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes={"a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}},
    attribute_filter=_allowed,
    url_schemes={"http", "https", "mailto", "data"},
)


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without control characters and of bounded length."""
    text = CONTROL.sub("", COLOUR.sub("", text))
    return text if len(text) <= longest else f"{text[:longest]}\n[... {len(text) - longest:,} characters left out]"


class Renderer(IPythonRenderer):
    """Puts formulas aside; shows of pictures only those that were attached.

    Args:
        images: Addresses of the attached pictures, by name.
    """

    def __init__(self, images: Mapping[str, str]):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.images = images
        self.formulas = []

    def inline_math(self, body: str) -> str:
        return self._aside(body, displayed=False)

    def block_math(self, body: str) -> str:
        return self._aside(body, displayed=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self._aside(f"\\begin{{{name}}}{body}\\end{{{name}}}", displayed=True)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return super().image(text, self.images.get(unquote(url), ""))

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>\n"

    def task_list_item(self, text: str, checked: bool = False) -> str:
        return f"<li>{'☑' if checked else '☐'} {text}</li>\n"

    def _aside(self, latex: str, displayed: bool) -> str:
        self.formulas.append(student_formula(latex, displayed=displayed))
        return f"{ASIDE}{len(self.formulas) - 1}{ASIDE}"


def markdown(text: str, attachments: object = None) -> Markup:
    """HTML of Markdown: harmless tags, links to web pages, attached PNG and JPEG images, and formulas.

    Args:
        text: What a student wrote; other tags in it are shown as they are.
        attachments: Images that were put into the cell, unchecked.
    """
    text = plain(text)
    renderer = Renderer(_images(attachments))
    try:
        rendered = MarkdownWithMath(renderer=renderer).render(text)
    except Exception:  # a text that breaks the renderer is shown as it is
        rendered = f"<pre>{html.escape(text)}</pre>"
    cleaned = CLEANER.clean(OTHER_TAG.sub("&lt;", rendered))
    return Markup(re.sub(rf"{ASIDE}(\d+){ASIDE}", lambda m: renderer.formulas[int(m[1])], cleaned))


def inert(text: str, attachments: object = None) -> str:
    """The same as the source of a Markdown cell: one line of HTML, in which no renderer finds Markdown again."""
    shown = str(markdown(text, attachments))
    return f"<div>{SPECIAL.sub(lambda m: f'&#{ord(m[0])};', shown)}</div>"


def code(text: str) -> Markup:
    """HTML of Python code with its syntax marked."""
    return Markup(highlight(plain(text), PythonLexer(), HtmlFormatter(cssclass="code")))


def styles() -> str:
    """Style sheet for `code`."""
    return HtmlFormatter(cssclass="code").get_style_defs(".code")


def _images(attachments: object) -> dict[str, str]:
    """Addresses of the attached pictures, each with its picture in it."""
    bundles = attachments.items() if isinstance(attachments, Mapping) else ()
    found = {}
    for name, bundle in bundles:
        for kind in IMAGES:
            data = _base64(bundle.get(kind) if isinstance(bundle, Mapping) else None)
            if _is_image(data, kind):
                found[f"attachment:{name}"] = f"data:{kind};base64,{data}"
    return found


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
