"""Lab 3: scores, noise and stochastic sampling. Exercises 3.1 to 3.6.

Times and schedules are those of Lab 2: nothing relates alpha to beta, and as many states as coordinates make a time
that was not reshaped broadcast, but wrongly.
"""

from course_utils.checks.lab3.conditional_score import conditional_score
from course_utils.checks.lab3.extended_drift import extended_drift
from course_utils.checks.lab3.from_velocity import from_velocity
from course_utils.checks.lab3.noise_prediction_loss import noise_prediction_loss
from course_utils.checks.lab3.score_matching_loss import score_matching_loss
from course_utils.checks.lab3.what_is_wrong import what_is_wrong

__all__ = [
    "conditional_score",
    "extended_drift",
    "from_velocity",
    "noise_prediction_loss",
    "score_matching_loss",
    "what_is_wrong",
]
