"""Lab 10: robots. Exercises 10.1 to 10.5."""

from course_utils.checks.lab10.conditioned import conditioned
from course_utils.checks.lab10.guided_velocity import guided_velocity
from course_utils.checks.lab10.receding_horizon import receding_horizon
from course_utils.checks.lab10.what_is_wrong import what_is_wrong
from course_utils.checks.lab10.windows import windows

__all__ = ["conditioned", "guided_velocity", "receding_horizon", "windows", "what_is_wrong"]
