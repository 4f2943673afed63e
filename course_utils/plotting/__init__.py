"""Figures from data: functions that take tensors and return a figure, and `show(fig, alt=...)` to display it.

What one lab alone draws is in `course_utils.figures`, and is made of these.
"""

from course_utils.plotting.fields import balance_maps, error_maps, field_arrows, grid_points, plane
from course_utils.plotting.histograms import law_histograms
from course_utils.plotting.images import digit_grid, image_grid
from course_utils.plotting.lines import fitted_slope, line_panels
from course_utils.plotting.page import figure_html, image_html, live, show
from course_utils.plotting.player import Animation, play, player_html
from course_utils.plotting.points import board_samples, point_clouds
from course_utils.plotting.stage import Stage
from course_utils.plotting.theme import (
    ACCENT,
    DATA,
    EXACT,
    LOOKS,
    MODEL,
    NOISE,
    figure,
    legend_below,
    panels,
    plain_ticks,
)

__all__ = [
    "ACCENT", "DATA", "EXACT", "LOOKS", "MODEL", "NOISE", "figure", "legend_below", "panels", "plain_ticks",
    "figure_html", "image_html", "live", "show",
    "fitted_slope", "line_panels",
    "board_samples", "point_clouds",
    "balance_maps", "error_maps", "field_arrows", "grid_points", "plane",
    "law_histograms",
    "digit_grid", "image_grid",
    "Animation", "Stage", "play", "player_html",
]  # fmt: skip
