"""Training losses. Each takes `(model, z, ...)` and makes its own times and noise unless they are given."""

from course_utils.losses.bound import kl_to_normal, linear_bound, vae_loss
from course_utils.losses.matching import (
    drop_labels,
    flow_matching_loss,
    noise_prediction_loss,
    score_matching_loss,
    stratified_times,
)

__all__ = [
    "drop_labels",
    "flow_matching_loss",
    "kl_to_normal",
    "linear_bound",
    "noise_prediction_loss",
    "score_matching_loss",
    "stratified_times",
    "vae_loss",
]
