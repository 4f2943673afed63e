"""What one lab alone draws: `figures.lab1`, `figures.lab2` and so on, made of the primitives of `plotting`."""

from course_utils.figures import lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9, lab10, lab11

__all__ = ["lab1", "lab2", "lab3", "lab4", "lab5", "lab6", "lab7", "lab8", "lab9", "lab10", "lab11"]
