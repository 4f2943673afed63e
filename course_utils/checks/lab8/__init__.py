"""Lab 8: few steps. Exercises 8.1 to 8.5."""

from course_utils.checks.lab8.average_velocity_target import average_velocity_target
from course_utils.checks.lab8.flow_map import flow_map
from course_utils.checks.lab8.held_flow_map import held_flow_map
from course_utils.checks.lab8.two_halves import two_halves
from course_utils.checks.lab8.what_is_wrong import what_is_wrong

__all__ = ["average_velocity_target", "flow_map", "held_flow_map", "two_halves", "what_is_wrong"]
