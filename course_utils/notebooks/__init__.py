"""The labs as files on a student's disk: fresh copies, putting one back, handing one in, a map. Nothing is run here."""

from course_utils.notebooks.choosing import Piece, pieces
from course_utils.notebooks.files import read, source
from course_utils.notebooks.fresh import course_folder, find, fresh_lab, lab_file, pack
from course_utils.notebooks.handing_in import (
    Standing,
    answer_cells,
    begun,
    copy_to_hand_in,
    exercises_report,
    light,
    moment,
    no_copy,
    questions_report,
    standing,
)
from course_utils.notebooks.resetting import Reset, reset
from course_utils.notebooks.sections import Exercise, Lab, lab_of
from course_utils.notebooks.start import Map, all_labs, go_on, map_of, write_start

__all__ = [
    "Exercise",
    "Lab",
    "Map",
    "Piece",
    "Reset",
    "Standing",
    "all_labs",
    "answer_cells",
    "begun",
    "copy_to_hand_in",
    "course_folder",
    "exercises_report",
    "find",
    "fresh_lab",
    "go_on",
    "lab_file",
    "lab_of",
    "light",
    "map_of",
    "moment",
    "no_copy",
    "pack",
    "pieces",
    "questions_report",
    "read",
    "reset",
    "source",
    "standing",
    "write_start",
]
