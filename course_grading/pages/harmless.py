"""What may stand on a page of what students wrote: these tags, these attributes, these values, and nothing else.

No class and no id is among them, so that the page's own style never makes a student's words look like the teacher's.
"""

import re

import nh3

TEXT_TAGS = frozenset(
    "a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub"
    " summary sup table tbody td th thead tr u ul".split()
)
OTHER_TAG = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TEXT_TAGS))})[\s/>])", re.IGNORECASE)
LINKS = ("http://", "https://", "mailto:")
PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,")
STARTS = {("a", "href"): LINKS, ("img", "src"): PICTURES}
ASIDE = "\ue000"
"""Marks a place in a text where something else will stand; never in an attribute."""

FORMULA_TAGS = frozenset(
    "math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub msubsup"
    " msup mtable mtd mtext mtr munder munderover".split()
)
LENGTH, WORD = re.compile(r"[0-2](\.\d{1,8})?em|0"), re.compile(r"[a-z]{1,12}")
FORMULA_ATTRIBUTES = {
    **dict.fromkeys("accent accentunder display displaystyle form mathvariant stretchy symmetric".split(), WORD),
    **dict.fromkeys("linethickness lspace maxsize minsize rspace width".split(), LENGTH),
    "scriptlevel": re.compile(r"[+-]?[0-3]"),
    "style": re.compile(r"[a-z0-9:;%. -]{1,300}"),
}
"""Attributes of a formula, and what they may say."""

STYLED = frozenset(("mtable", "mtd"))
STYLES = frozenset(
    "border-bottom border-left border-right border-top justify-items padding-bottom padding-left padding-right"
    " padding-top text-align width".split()
)
"""What a style may set: lines, margins and alignment of the cells of a table."""


def _text_value(tag: str, name: str, value: str) -> str | None:
    if ASIDE in value or not value.lower().startswith(STARTS.get((tag, name), "")):
        return None
    return value


def _formula_value(tag: str, name: str, value: str) -> str | None:
    pattern = FORMULA_ATTRIBUTES.get(name)
    return value if pattern and pattern.fullmatch(value) else None


TEXT = nh3.Cleaner(
    tags=set(TEXT_TAGS),
    attributes={"a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}},
    attribute_filter=_text_value,
    url_schemes={"http", "https", "mailto", "data"},
)
FORMULA = nh3.Cleaner(
    tags=set(FORMULA_TAGS),
    attributes={"*": set(FORMULA_ATTRIBUTES) - {"style"}, **{tag: {"style"} for tag in STYLED}},
    attribute_filter=_formula_value,
    filter_style_properties=set(STYLES),
)


def clean_text(html: str) -> str:
    """HTML with the tags of `TEXT_TAGS` alone; others are shown as they were written."""
    return TEXT.clean(OTHER_TAG.sub("&lt;", html))


def clean_formula(mathml: str) -> str:
    """MathML with the tags of `FORMULA_TAGS` alone."""
    return FORMULA.clean(mathml)
