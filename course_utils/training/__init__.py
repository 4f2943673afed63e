"""Training: one loop for every lab, which can be watched, interrupted, stopped and resumed."""

from course_utils.training.checkpoint import Checkpoint
from course_utils.training.loop import History, fit
from course_utils.training.machine import announce_budget, best_device, budget
from course_utils.training.recipe import MovingAverage, Recipe, trapezoid

__all__ = [
    "Checkpoint",
    "History",
    "MovingAverage",
    "Recipe",
    "announce_budget",
    "best_device",
    "budget",
    "fit",
    "trapezoid",
]
