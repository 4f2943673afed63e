"""Formulas in LaTeX as MathML, which browsers draw by themselves: no script, nothing loaded."""

import re

from math_core import LatexError, LatexToMathML

LONGEST = 2_000
"""Characters of a formula. It takes four times as many to nest so deep that the library runs out of stack."""

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
