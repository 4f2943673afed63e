"""Lab 2: flow matching. Exercises 2.1 to 2.11."""

from course_utils.checks.lab2.conditional_velocity import conditional_velocity
from course_utils.checks.lab2.cosine_schedule import cosine_schedule
from course_utils.checks.lab2.divergence import divergence
from course_utils.checks.lab2.flow_matching_loss import flow_matching_loss
from course_utils.checks.lab2.gaussian_velocity import gaussian_velocity
from course_utils.checks.lab2.generate import generate
from course_utils.checks.lab2.linear_path import linear_path
from course_utils.checks.lab2.marginal_velocity import marginal_velocity
from course_utils.checks.lab2.sample_path import sample_path
from course_utils.checks.lab2.train import train
from course_utils.checks.lab2.what_is_wrong import what_is_wrong

__all__ = [
    "conditional_velocity",
    "cosine_schedule",
    "divergence",
    "flow_matching_loss",
    "gaussian_velocity",
    "generate",
    "linear_path",
    "marginal_velocity",
    "sample_path",
    "train",
    "what_is_wrong",
]
