"""Lab 7: discrete diffusion. Exercises 7.1 to 7.8."""

from course_utils.checks.lab7.corrupt import corrupt
from course_utils.checks.lab7.euler_law import euler_law
from course_utils.checks.lab7.jump import jump
from course_utils.checks.lab7.masked_loss import masked_loss
from course_utils.checks.lab7.posterior import posterior
from course_utils.checks.lab7.rate_matrix import rate_matrix
from course_utils.checks.lab7.unmask_law import unmask_law
from course_utils.checks.lab7.what_is_wrong import what_is_wrong

__all__ = ["corrupt", "euler_law", "jump", "masked_loss", "posterior", "rate_matrix", "unmask_law", "what_is_wrong"]
