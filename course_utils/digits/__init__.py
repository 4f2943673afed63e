"""The generator of handwritten digits that Lab 4 builds, in one piece: made, trained, judged, saved and loaded."""

from course_utils.digits.files import FINISHED, card_text, default_file, load, prepare, save, train_to_file
from course_utils.digits.model import NULL, Plan, digit_loss, digit_model, judge, samples, steps_within, train

__all__ = [
    "FINISHED", "NULL", "Plan", "card_text", "default_file", "digit_loss", "digit_model", "judge", "load", "prepare",
    "samples", "save", "steps_within", "train", "train_to_file",
]  # fmt: skip
