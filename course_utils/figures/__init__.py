"""What one lab alone draws: `figures.lab1`, `figures.lab2` and so on, of primitives of `plotting`; and a card."""

from course_utils.figures import card, lab1, lab2, lab3, lab4, lab5, lab6, lab7, lab8, lab9, lab10, lab11

__all__ = ["card", "lab1", "lab2", "lab3", "lab4", "lab5", "lab6", "lab7", "lab8", "lab9", "lab10", "lab11"]
