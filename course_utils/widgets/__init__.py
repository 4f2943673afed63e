"""Sliders, and places to draw: the only user of ipywidgets. The last line of a cell shows what a function returns."""

from course_utils.widgets.canvas import DigitCanvas, ShapeCanvas
from course_utils.widgets.core import Choice, Explorer, Slider
from course_utils.widgets.digits import (
    Copies,
    explore_guidance,
    explore_memorization,
    explore_noised_and_back,
    explore_noising,
    noised_and_back,
)
from course_utils.widgets.paths import explore_conditional_path, explore_field, explore_you_are_here
from course_utils.widgets.processes import (
    explore_brownian_motion,
    explore_flow,
    explore_langevin,
    explore_ornstein_uhlenbeck,
)
from course_utils.widgets.sampling import explore_sigma, explore_steps
from course_utils.widgets.training import learn_drawing

__all__ = [
    "Choice", "Copies", "DigitCanvas", "Explorer", "ShapeCanvas", "Slider",
    "explore_brownian_motion", "explore_conditional_path", "explore_field", "explore_flow", "explore_guidance",
    "explore_langevin", "explore_memorization", "explore_noised_and_back", "explore_noising",
    "explore_ornstein_uhlenbeck", "explore_sigma", "explore_steps", "explore_you_are_here",
    "learn_drawing", "noised_and_back",
]  # fmt: skip
