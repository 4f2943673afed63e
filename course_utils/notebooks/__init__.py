"""The labs as files on a student's disk: fresh copies, putting one back. Nothing of a notebook is run here."""

from course_utils.notebooks.files import read, source
from course_utils.notebooks.fresh import course_folder, find, fresh_lab, pack
from course_utils.notebooks.resetting import Reset, reset
from course_utils.notebooks.sections import Exercise, Lab, lab_of

__all__ = [
    "Exercise",
    "Lab",
    "Reset",
    "course_folder",
    "find",
    "fresh_lab",
    "lab_of",
    "pack",
    "read",
    "reset",
    "source",
]
