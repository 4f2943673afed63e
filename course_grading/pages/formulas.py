"""Formulas in LaTeX as MathML, which browsers draw by themselves: no script, nothing loaded."""

import html
import re

import nh3
from math_core import LatexError, LatexToMathML

LONGEST = 2_000
"""Characters of a formula. It takes thrice as many to nest so deep that the library runs out of stack."""

DEFINITION = re.compile(r"\\(?:g?def|let|(?:re)?newcommand|providecommand)(?![a-zA-Z])")
SPLIT = re.compile(r"\\(begin|end)\{split\}")
TALL_BAR = re.compile(r"<msup>(<mo [^>]*minsize[^>]*>[^<]*</mo>)")
LACKING = {
    "dotsc": r"\ldots",
    "hbox": r"\text{#1}",
    "mathbbm": r"\mathbb{#1}",
    "mbox": r"\text{#1}",
    "substack": r"\begin{subarray}{c}#1\end{subarray}",
    "widetilde": r"\tilde{#1}",
}
"""Usual commands that the library does not know, in those that it knows."""

LIBRARY = LatexToMathML(fancy_error=False, macros=LACKING, max_expansions=100)

TAGS = frozenset(
    "math mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub msubsup"
    " msup mtable mtd mtext mtr munder munderover".split()
)
LENGTH, WORD = re.compile(r"[0-2](\.\d{1,8})?em|0"), re.compile(r"[a-z]{1,12}")
ATTRIBUTES = {
    **dict.fromkeys("accent accentunder display displaystyle form mathvariant stretchy symmetric".split(), WORD),
    **dict.fromkeys("linethickness lspace maxsize minsize rspace width".split(), LENGTH),
    "scriptlevel": re.compile(r"[+-]?[0-3]"),
    "style": re.compile(r"[a-z0-9:;%. -]{1,300}"),
}
"""Attributes that are kept of a student's formula, and what they may say."""

STYLES = frozenset(
    "border-bottom border-left border-right border-top justify-items padding-bottom padding-left padding-right"
    " padding-top text-align width".split()
)
"""What a style may set: lines, margins and alignment of the cells of a table."""


def _allowed(tag: str, name: str, value: str) -> str | None:
    pattern = ATTRIBUTES.get(name)
    return value if pattern and pattern.fullmatch(value) else None


CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes={tag: set(ATTRIBUTES) - ({"style"} if tag not in ("mtable", "mtd") else set()) for tag in TAGS},
    attribute_filter=_allowed,
    filter_style_properties=set(STYLES),
)


def mathml(latex: str, *, displayed: bool) -> str:
    """A formula as MathML.

    Args:
        latex: The formula without its dollar signs.
        displayed: Whether it stands on a line of its own.

    Raises:
        ValueError: If it cannot be drawn: it is long, defines commands, or is no LaTeX that the library knows.
    """
    if len(latex) > LONGEST:
        raise ValueError(f"expected a formula of at most {LONGEST:,} characters, got {len(latex):,}")
    if DEFINITION.search(latex):  # it could grow without bound
        raise ValueError(f"expected a formula that defines no commands, got {latex!r}")
    try:
        drawn = LIBRARY.convert_with_local_state(SPLIT.sub(r"\\\1{aligned}", latex), displaystyle=displayed)
    except (LatexError, UnicodeEncodeError) as error:
        raise ValueError(f"expected a formula in LaTeX, got {latex!r}: {error}") from error
    return TALL_BAR.sub(r"<msup><mrow>\1</mrow>", drawn)  # Chromium stretches a bar only in a row of its own


def student_formula(latex: str, *, displayed: bool) -> str:
    """A student's formula as HTML in which only tags of `TAGS` stand; as escaped source where it cannot be drawn.

    Args:
        latex: The formula without its dollar signs.
        displayed: Whether it stands on a line of its own.
    """
    try:
        return CLEANER.clean(mathml(latex, displayed=displayed))
    except ValueError:
        mark = "$$" if displayed else "$"
        return html.escape(f"{mark}{latex}{mark}")
