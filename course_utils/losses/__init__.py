"""Training losses. Each takes `(model, z, ...)` and makes its own times and noise unless they are given."""

from course_utils.losses.bound import kl_to_normal, linear_bound, vae_loss
from course_utils.losses.letters import counted_masked_loss, counted_masked_terms, even_counts, letter_loss, masked_loss
from course_utils.losses.maps import (
    average_velocity_loss,
    average_velocity_target,
    lagrangian_loss,
    regression_loss,
    shortcut_loss,
    two_halves,
    two_times,
)
from course_utils.losses.matching import (
    drop_labels,
    flow_matching_loss,
    noise_prediction_loss,
    score_matching_loss,
    stratified_times,
)

__all__ = [
    "average_velocity_loss",
    "average_velocity_target",
    "counted_masked_loss",
    "counted_masked_terms",
    "drop_labels",
    "even_counts",
    "flow_matching_loss",
    "kl_to_normal",
    "lagrangian_loss",
    "letter_loss",
    "linear_bound",
    "masked_loss",
    "noise_prediction_loss",
    "regression_loss",
    "score_matching_loss",
    "shortcut_loss",
    "stratified_times",
    "two_halves",
    "two_times",
    "vae_loss",
]
