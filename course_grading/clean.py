"""What students wrote, as HTML that can do nothing: no script, no style, nothing loaded, whatever it says."""

import base64
import binascii
import html
import re
from collections.abc import Mapping

import bleach
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_grading.formulas import mathml

TAGS = frozenset(
    "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub"
    " summary sup table tbody td th thead tr u ul".split()
)
LINKS = ("http://", "https://", "mailto:")
IMAGES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
IMAGE_BYTES = 4 << 20
LONGEST = 20_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000\ufffe\uffff]"
)
ASIDE = "\ue000"
"""Stands around the number of a formula while the text around it is cleaned; no text holds it."""


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without control characters and of bounded length."""
    text = CONTROL.sub("", re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text))
    return text if len(text) <= longest else f"{text[:longest]}\n[... {len(text) - longest:,} characters left out]"


class Renderer(IPythonRenderer):
    """Puts formulas aside."""

    def __init__(self, **options):
        super().__init__(**options)
        self.formulas = []

    def inline_math(self, body: str) -> str:
        return self._aside(body, "inline")

    def block_math(self, body: str) -> str:
        return self._aside(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        return self._aside(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def _aside(self, latex: str, display: str) -> str:
        self.formulas.append(mathml(latex, display))
        return f"{ASIDE}{len(self.formulas) - 1}{ASIDE}"


def markdown(text: str, attachments: object = None) -> str:
    """HTML of Markdown: harmless tags, links to web pages, attached PNG and JPEG images, and formulas."""
    text, images = plain(text), _images(attachments)
    names = "|".join(map(re.escape, images)) or "(?!)"
    known = {m.start(1) for m in re.finditer(rf"!\[[^\]\n]{{0,200}}\]\((attachment:)(?:{names})\)", text)}
    text = re.sub(r"attachment:", lambda m: m[0] if m.start() in known else "", text)
    renderer = Renderer(escape=False, attachments=images, exclude_anchor_links=True)
    try:
        rendered = MarkdownWithMath(renderer=renderer).render(re.sub(r"mermaid", "text", text))
    except Exception:  # a text that breaks the renderer is shown as it is
        rendered = f"<pre>{html.escape(text)}</pre>"
    cleaned = bleach.clean(rendered, tags=TAGS, attributes=_allowed, protocols=["http", "https", "mailto", "data"])
    return re.sub(rf"{ASIDE}(\d+){ASIDE}", lambda m: renderer.formulas[int(m[1])], cleaned)


def inert(text: str, attachments: object = None) -> str:
    """The same as the source of a Markdown cell: one line of HTML, in which no renderer finds Markdown again."""
    return "<div>" + re.sub(r"[\n\r$\\`\[\]!*_~|]", lambda m: f"&#{ord(m[0])};", markdown(text, attachments)) + "</div>"


def code(text: str) -> str:
    """HTML of Python code with its syntax marked."""
    return highlight(plain(text), PythonLexer(), HtmlFormatter(nowrap=False, cssclass="code"))


def styles() -> str:
    """Style sheet for `code`."""
    return HtmlFormatter(cssclass="code").get_style_defs(".code")


def _images(attachments: object) -> dict[str, dict[str, str]]:
    images = {}
    for name, bundle in attachments.items() if isinstance(attachments, Mapping) else ():
        for kind, start in IMAGES.items():
            data = bundle.get(kind) if isinstance(bundle, Mapping) else None
            text = "".join(data) if isinstance(data, list) and all(isinstance(d, str) for d in data) else data
            if isinstance(text, str) and re.fullmatch(r"[\w .-]{1,100}", name) and _is_image(text, start):
                images[name] = {kind: "".join(text.split())}
    return images


def _is_image(text: str, start: bytes) -> bool:
    if len(text) > IMAGE_BYTES * 4 // 3:
        return False
    try:
        return base64.b64decode("".join(text.split()), validate=True).startswith(start)
    except (binascii.Error, ValueError):
        return False


def _allowed(tag: str, name: str, value: str) -> bool:
    if ASIDE in value:
        return False
    if tag == "a" and name == "href":
        return value.lower().startswith(LINKS)
    if tag == "img" and name == "src":
        return value.startswith(tuple(f"data:{kind};base64," for kind in IMAGES))
    return name == "alt" or (tag in ("span", "div") and name == "class" and bool(re.fullmatch(r"\w+", value)))
