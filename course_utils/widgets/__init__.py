"""Sliders, and places to draw: the only user of ipywidgets. The last line of a cell shows what a function returns.

What one lab alone shows is `widgets.lab1`, `widgets.lab2` and so on; the rest serves several.
"""

from course_utils.widgets import lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9, lab10, lab11, training
from course_utils.widgets.canvas import DigitCanvas, ShapeCanvas
from course_utils.widgets.core import Choice, Explorer, Slider, Word
from course_utils.widgets.grip import Grip
from course_utils.widgets.images import explore_generator, explore_noising

__all__ = [
    "Choice", "DigitCanvas", "Explorer", "Grip", "ShapeCanvas", "Slider", "Word", "explore_generator",
    "explore_noising",
    "lab1", "lab2", "lab3", "lab4", "lab5", "lab6", "lab7", "lab8", "lab9", "lab10", "lab11", "training",
]  # fmt: skip
