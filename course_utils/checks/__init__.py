"""Checks of the exercises, one module a lab: `checks.lab1.euler(my_euler)`.

Each exercise is data (`exercise.Exercise`): how its inputs are drawn, an independent oracle, and the mistakes
that are recognised. The check in the notebook, the tests and the grader are all made from it.
"""

from course_utils.checks import lab1, lab2, lab3, lab4, lab5
from course_utils.checks.exercise import CheckFailed, Exercise, Mistake, Verdict

__all__ = ["CheckFailed", "Exercise", "Mistake", "Verdict", "lab1", "lab2", "lab3", "lab4", "lab5"]
