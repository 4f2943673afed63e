"""The pictures of the class report."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.plotting import DATA, EXACT, MODEL, NOISE

DPI = 110
COLOURS = {"right": EXACT, "not right": MODEL, "not done": NOISE}


@dataclass(frozen=True)
class Chart:
    """A picture.

    Attributes:
        data: The PNG in base64.
        width: On the page, in pixels; the picture itself has twice as many.
        alt: What is to be seen.
    """

    data: Markup
    width: int
    alt: str


def points_chart(totals: Sequence[float], most: float, waiting: int) -> Chart:
    """Histogram of the points.

    Args:
        totals: Points of each student.
        most: Points for everything.
        waiting: How many answers have yet to be marked.
    """
    totals = sorted(totals)
    fig, ax = _figure(2.6)
    edges = [k - 0.5 for k in range(int(max(most, totals[-1])) + 2)]
    ax.hist(totals, bins=edges, color=DATA, rwidth=0.9)
    ax.set_xlabel(f"points of {most:g}" + f", without {waiting} answers to mark" * bool(waiting))
    ax.set_ylabel("students")
    ax.locator_params("y", integer=True)
    middle = totals[len(totals) // 2]
    spread = f"from {totals[0]:g} to {totals[-1]:g}, median {middle:g} of {most:g}"
    return _chart(fig, f"Histogram of points of {len(totals)} students: {spread}.")


def shares_chart(shares: Mapping[str, Mapping[str, int]]) -> Chart:
    """Bars of how often each exercise was right, not right and not done.

    Args:
        shares: By the exercise's label, from top to bottom; each with a number for every name of `COLOURS`.
    """
    fig, ax = _figure(1 + 0.35 * len(shares))
    start = [0] * len(shares)
    for name, colour in COLOURS.items():
        widths = [share[name] for share in shares.values()]
        bars = ax.barh(list(shares), widths, left=start, color=colour, label=name)
        ax.bar_label(bars, labels=[str(w) if w else "" for w in widths], label_type="center", color="white")
        start = [a + b for a, b in zip(start, widths, strict=True)]
    ax.invert_yaxis()
    ax.set_xlabel("students")
    ax.locator_params("x", integer=True)
    ax.legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    said = "; ".join(
        f"{label}: {share['right']} right, {share['not right']} not right" for label, share in shares.items()
    )
    return _chart(fig, f"Bars of right, not right and not done answers, hardest exercise first. {said}.")


def _figure(height: float) -> tuple[Figure, Axes]:
    fig = Figure(figsize=(7, height), layout="constrained")
    ax = fig.subplots()
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
    ax.spines[:].set_color("0.6")
    ax.tick_params(color="0.6")
    return fig, ax


def _chart(fig: Figure, alt: str) -> Chart:
    png = io.BytesIO()
    fig.savefig(png, format="png", dpi=2 * DPI)
    return Chart(Markup(base64.b64encode(png.getvalue()).decode()), round(fig.get_figwidth() * DPI), alt)
