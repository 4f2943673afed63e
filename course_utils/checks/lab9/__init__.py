"""Lab 9: rewards. Exercises 9.1 to 9.5."""

from course_utils.checks.lab9.log_weight import log_weight
from course_utils.checks.lab9.plug_in_guidance import plug_in_guidance
from course_utils.checks.lab9.resample import resample
from course_utils.checks.lab9.tilted_mixture import tilted_mixture
from course_utils.checks.lab9.what_is_wrong import what_is_wrong

__all__ = ["log_weight", "plug_in_guidance", "resample", "tilted_mixture", "what_is_wrong"]
