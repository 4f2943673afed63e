"""Fields led somewhere: to a label, more strongly by classifier-free guidance, or to a reward."""

from course_utils.guidance.labels import classifier_free, condition, generate
from course_utils.guidance.rewards import guided, plug_in, plug_in_value, value_and_slope

__all__ = [
    "classifier_free",
    "condition",
    "generate",
    "guided",
    "plug_in",
    "plug_in_value",
    "value_and_slope",
]
