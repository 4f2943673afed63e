"""Lab 1: simulating ODEs and SDEs. Exercises 1.1 to 1.7.

Numbers that are no tensors (h, theta, sigma) are exact in single precision, so that an answer which makes tensors of
them with the default dtype is not wrong in the eighth digit. Times i / n are not, for n = 10: 1.1 tolerates that.
"""

from course_utils.checks.lab1.brownian_motion import brownian_motion
from course_utils.checks.lab1.euler import euler
from course_utils.checks.lab1.euler_maruyama_step import euler_maruyama_step
from course_utils.checks.lab1.heun_step import heun_step
from course_utils.checks.lab1.langevin_drift import langevin_drift
from course_utils.checks.lab1.ornstein_uhlenbeck import ornstein_uhlenbeck
from course_utils.checks.lab1.what_is_wrong import what_is_wrong

__all__ = [
    "brownian_motion",
    "euler",
    "euler_maruyama_step",
    "heun_step",
    "langevin_drift",
    "ornstein_uhlenbeck",
    "what_is_wrong",
]
