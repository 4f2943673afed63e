"""The generator of handwritten digits that Lab 4 builds, in one piece: made, trained, judged, saved and loaded."""

from course_utils.digits.files import FINISHED, card_text, default_file, load, model_file, save
from course_utils.digits.judgement import judge
from course_utils.digits.model import NULL, ClassMixtures, digit_loss, digit_model, samples, steps_within, train
from course_utils.digits.plan import Plan
from course_utils.digits.runs import prepare, standing, train_to_file

__all__ = [
    "FINISHED",
    "NULL",
    "ClassMixtures",
    "Plan",
    "card_text",
    "default_file",
    "digit_loss",
    "digit_model",
    "judge",
    "load",
    "model_file",
    "prepare",
    "samples",
    "save",
    "standing",
    "steps_within",
    "train",
    "train_to_file",
]
