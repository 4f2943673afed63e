"""The labs as files on a student's disk: fresh copies, putting one back, handing one in. Nothing is run here."""

from course_utils.notebooks.files import read, source
from course_utils.notebooks.fresh import course_folder, find, fresh_lab, lab_file, pack
from course_utils.notebooks.handing_in import (
    Standing,
    copy_to_hand_in,
    exercises_report,
    light,
    questions_report,
    standing,
)
from course_utils.notebooks.resetting import Reset, reset
from course_utils.notebooks.sections import Exercise, Lab, lab_of

__all__ = [
    "Exercise",
    "Lab",
    "Reset",
    "Standing",
    "copy_to_hand_in",
    "course_folder",
    "exercises_report",
    "find",
    "fresh_lab",
    "lab_file",
    "lab_of",
    "light",
    "pack",
    "questions_report",
    "read",
    "reset",
    "source",
    "standing",
]
