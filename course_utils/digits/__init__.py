"""The generators of handwritten digits of Labs 4 and 6, each in one piece: made, trained, judged, saved and loaded."""

from course_utils.digits.few_steps import Splitting, distil, exact_draw, few_steps
from course_utils.digits.files import FINISHED, FINISHED_PIXELS, card_text, default_file, load, model_file, save
from course_utils.digits.judgement import Judge, Judgement, judge
from course_utils.digits.latent import LatentDigits, latent_digits
from course_utils.digits.mixtures import NULL, ClassMixtures, mixtures_beneath
from course_utils.digits.model import digit_loss, digit_model
from course_utils.digits.own import Driven, OwnParts, drive, driven_table
from course_utils.digits.plan import Plan
from course_utils.digits.rewards import PixelReward, climb, ink, slant, tilted_digits, tilted_weights
from course_utils.digits.runs import prepare, standing, train_to_file
from course_utils.digits.sampling import samples
from course_utils.digits.sharing import caption
from course_utils.digits.training import steps_within, train

__all__ = [
    "FINISHED",
    "FINISHED_PIXELS",
    "NULL",
    "ClassMixtures",
    "Driven",
    "Judge",
    "Judgement",
    "LatentDigits",
    "OwnParts",
    "PixelReward",
    "Plan",
    "Splitting",
    "caption",
    "card_text",
    "climb",
    "default_file",
    "digit_loss",
    "digit_model",
    "distil",
    "drive",
    "driven_table",
    "exact_draw",
    "few_steps",
    "ink",
    "judge",
    "latent_digits",
    "load",
    "mixtures_beneath",
    "model_file",
    "prepare",
    "samples",
    "save",
    "slant",
    "standing",
    "steps_within",
    "tilted_digits",
    "tilted_weights",
    "train",
    "train_to_file",
]
