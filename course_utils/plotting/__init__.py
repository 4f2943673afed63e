"""Figures from data: functions that take tensors and return a figure, and `show(fig, alt=...)` to display it."""

from course_utils.plotting.core import (
    ACCENT,
    DATA,
    EXACT,
    MODEL,
    NOISE,
    PALETTE,
    figure,
    image_html,
    live,
    plain_ticks,
    show,
)
from course_utils.plotting.digits import (
    digit_grid,
    digits_progress,
    feature_maps,
    image_grid,
    judgements,
    solver_errors,
    time_features,
    trade_off,
)
from course_utils.plotting.family import density_scatter, line_panels, log_density_maps
from course_utils.plotting.flows import (
    balance_maps,
    box_flow,
    field_arrows,
    grid_points,
    path_histograms,
    trajectories,
    you_are_here,
)
from course_utils.plotting.learning import (
    board_samples,
    comparisons,
    error_maps,
    gradient_agreement,
    training_progress,
)
from course_utils.plotting.player import (
    Animation,
    appearing_images,
    moving_points,
    play,
    player_html,
    warping_grid,
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
from course_utils.plotting.scores import law_grid, paths_over_density, predictions
from course_utils.plotting.stage import Stage

__all__ = [
    "ACCENT", "DATA", "EXACT", "MODEL", "NOISE", "PALETTE", "figure", "image_html", "plain_ticks", "show",
    "PathPanel",
    "convergence", "curves", "fitted_slope", "increment_check", "law_histograms", "mode_shares", "point_clouds",
    "sample_paths", "warped_grids",
    "digit_grid", "digits_progress", "feature_maps", "image_grid", "judgements", "solver_errors",
    "time_features", "trade_off",
    "balance_maps", "box_flow", "field_arrows", "grid_points", "path_histograms", "trajectories", "you_are_here",
    "board_samples", "comparisons", "error_maps", "gradient_agreement", "live", "training_progress",
    "density_scatter", "line_panels", "log_density_maps",
    "law_grid", "paths_over_density", "predictions",
    "Animation", "Stage", "appearing_images", "moving_points", "play", "player_html", "warping_grid",
]  # fmt: skip
