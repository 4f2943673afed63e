"""The pictures of the class report and of the term's page."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.plotting import DATA, EXACT, MODEL, NOISE

DPI = 110
MOST_BINS = 60
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
    step = 1 + int(max(most, totals[-1])) // MOST_BINS
    edges = [k - 0.5 for k in range(0, int(max(most, totals[-1])) + step + 1, step)]
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


def percent_chart(totals: Sequence[float]) -> Chart:
    """Histogram of everybody's total.

    Args:
        totals: In percent of all points; with extra points there may be more than 100.
    """
    fig, ax = _figure(2.6)
    ax.hist(totals, bins=range(0, 5 * ceil(max(100, *totals) / 5) + 5, 5), color=DATA, rwidth=0.9)
    ax.set_xlabel("percent of all points")
    ax.set_ylabel("students")
    ax.locator_params("y", integer=True)
    spread = f"from {min(totals):.0f} to {max(totals):.0f}, median {median(totals):.0f} percent"
    return _chart(fig, f"Histogram of the totals of {len(totals)} students: {spread}.")


def bars_chart(values: Mapping[str, float], what: str) -> Chart:
    """Bars of a number for each of some names, from top to bottom.

    Args:
        values: The numbers by name.
        what: What they count.
    """
    fig, ax = _figure(1 + 0.35 * len(values))
    ax.bar_label(ax.barh(list(values), list(values.values()), color=MODEL), fmt="%.2f", padding=3)
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_xlabel(what)
    said = "; ".join(f"{name}: {value:.2f}" for name, value in values.items())
    return _chart(fig, f"Bars of {what}. {said}.")


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
