"""Formulas in LaTeX as MathML, which browsers draw by themselves: no script, no font, nothing loaded."""

import html
import re
import unicodedata
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element

LONGEST = 2_000
DEFINITIONS = re.compile(r"\\(?:def|let|newcommand|renewcommand|providecommand|DeclareMathOperator)\b")
TAGS = frozenset(
    "math mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr"
    " munder munderover".split()
)
LENGTH, WORD = re.compile(r"-?[0-2](\.\d{1,4})?em|0"), re.compile(r"[a-z]{1,12}")
ATTRIBUTES = {
    **dict.fromkeys(("accent", "display", "displaystyle", "fence", "form", "stretchy"), WORD),
    **dict.fromkeys(("linethickness", "maxsize", "minsize", "width"), LENGTH),
    "scriptlevel": re.compile(r"[+-]?[0-3]"),
}
"""Attributes that are kept, and what they may say."""

BARS = {r"\|": "‖", r"\Vert": "‖", r"\lVert": "‖", r"\rVert": "‖", r"\vert": "|", r"\lvert": "|", r"\rvert": "|"}
"""What the library leaves as it is after `\\big`."""

LETTER = re.compile(r"(?:LATIN |GREEK )?(CAPITAL|SMALL|DIGIT)(?: LETTER)? (\w+)")


def mathml(latex: str, display: str = "inline") -> str:
    """A formula as HTML in which only tags of `TAGS` stand; as escaped source where it cannot be drawn.

    Args:
        latex: The formula without its dollar signs.
        display: "inline" or "block".
    """
    mark = "$$" if display == "block" else "$"
    source = html.escape(f"{mark}{latex}{mark}")
    if len(latex) > LONGEST or DEFINITIONS.search(latex):  # definitions could make it grow without bound
        return source
    try:
        tree = convert_to_element(latex, display=display)
        return source if any(_text(node).startswith("\\") for node in tree.iter()) else _html(tree)
    except (Exception, RecursionError):  # the library raises many kinds
        return source


def _html(node: Element) -> str:
    tag = node.tag if node.tag in TAGS else "mrow"
    kept = (f' {k}="{v}"' for k, v in node.items() if k in ATTRIBUTES and ATTRIBUTES[k].fullmatch(v))
    normal = ' mathvariant="normal"' if node.get("mathvariant") == "normal" else ""
    style = node.get("mathvariant", "normal")
    text = "".join(_styled(c, style) for c in _text(node))
    return f"<{tag}{''.join(kept)}{normal}>{html.escape(text)}{''.join(map(_html, node))}</{tag}>"


def _text(node: Element) -> str:
    text = html.unescape(node.text or "")
    return BARS.get(text, text)


def _styled(character: str, style: str) -> str:
    """A letter in the style of a formula, such as ℝ for R: browsers know these styles as characters alone."""
    match = LETTER.fullmatch(unicodedata.name(character, ""))
    if style == "normal" or match is None:
        return character
    name = f"{style.replace('-', ' ').replace('double struck', 'double-struck').upper()} {match[1]} {match[2]}"
    for candidate in (f"MATHEMATICAL {name}", name.replace("FRAKTUR", "BLACK-LETTER")):
        try:
            return unicodedata.lookup(candidate)
        except KeyError:
            continue
    return character
