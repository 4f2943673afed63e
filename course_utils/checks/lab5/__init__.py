"""Lab 5: schedules, deterministic sampling, likelihood. Exercises 5.1 to 5.4."""

from course_utils.checks.lab5.ddim_step import ddim_step
from course_utils.checks.lab5.log_likelihood import log_likelihood
from course_utils.checks.lab5.variance_preserving import variance_preserving
from course_utils.checks.lab5.what_is_wrong import what_is_wrong

__all__ = ["ddim_step", "log_likelihood", "variance_preserving", "what_is_wrong"]
