"""Figures from data: functions that take tensors and return a figure, and `show(fig, alt=...)` to display it."""

from course_utils.plotting.core import ACCENT, DATA, EXACT, MODEL, NOISE, PALETTE, figure, image_html, show
from course_utils.plotting.digits import (
    digit_grid,
    feature_maps,
    image_grid,
    judgements,
    loss_curve,
    solver_errors,
    time_features,
    trade_off,
)
from course_utils.plotting.processes import (
    PathPanel,
    convergence,
    curves,
    fitted_slope,
    increment_check,
    law_histograms,
    mode_shares,
    point_clouds,
    sample_paths,
    warped_grids,
)

__all__ = [
    "ACCENT", "DATA", "EXACT", "MODEL", "NOISE", "PALETTE", "figure", "image_html", "show", "PathPanel",
    "convergence", "curves", "fitted_slope", "increment_check", "law_histograms", "mode_shares", "point_clouds",
    "sample_paths", "warped_grids",
    "digit_grid", "feature_maps", "image_grid", "judgements", "loss_curve", "solver_errors", "time_features",
    "trade_off",
]  # fmt: skip
