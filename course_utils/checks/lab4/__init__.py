"""Lab 4: an image generator for handwritten digits. Exercises 4.1 to 4.7."""

from course_utils.checks.lab4.bridge_source import bridge_source
from course_utils.checks.lab4.drop_labels import drop_labels
from course_utils.checks.lab4.fourier_features import fourier_features
from course_utils.checks.lab4.gaussian_frechet_distance import gaussian_frechet_distance
from course_utils.checks.lab4.guided_velocity import guided_velocity
from course_utils.checks.lab4.residual_block import residual_block
from course_utils.checks.lab4.what_is_wrong import what_is_wrong

__all__ = [
    "bridge_source",
    "drop_labels",
    "fourier_features",
    "gaussian_frechet_distance",
    "guided_velocity",
    "residual_block",
    "what_is_wrong",
]
