"""Lab 11: proteins. Exercises 11.1 to 11.6."""

from course_utils.checks.lab11.pairwise_field import pairwise_field
from course_utils.checks.lab11.rotation import rotation
from course_utils.checks.lab11.torsion_angle import torsion_angle
from course_utils.checks.lab11.torus_path import torus_path
from course_utils.checks.lab11.torus_velocity import torus_velocity
from course_utils.checks.lab11.what_is_wrong import what_is_wrong

__all__ = ["pairwise_field", "rotation", "torsion_angle", "torus_path", "torus_velocity", "what_is_wrong"]
