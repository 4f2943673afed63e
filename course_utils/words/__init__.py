"""Words: paths from noise letters to words, steps, sampling, and small examples known exactly."""

from course_utils.words.base import WordPath, WordSample, difference, mask_of
from course_utils.words.exact import (
    ExactWords,
    LetterLaw,
    correct_law,
    guided,
    reveal_law,
    sampler_law,
    tempered,
    word_rates,
)
from course_utils.words.letter_chain import LetterChain
from course_utils.words.letters import (
    all_words,
    check_posterior,
    check_words,
    one_hot,
    word_grid,
    word_number,
    word_time,
)
from course_utils.words.paths import MaskPath, UniformPath
from course_utils.words.sampling import ORDERS, Model, correct, generate_words, letter_posterior, reveal
from course_utils.words.steps import euler_law, exponential_law, own_letter, unmask_law
from course_utils.words.toy import ExactPairs, board_pairs, toy_words

__all__ = [
    "ORDERS",
    "ExactPairs",
    "ExactWords",
    "LetterChain",
    "LetterLaw",
    "MaskPath",
    "Model",
    "UniformPath",
    "WordPath",
    "WordSample",
    "all_words",
    "board_pairs",
    "check_posterior",
    "check_words",
    "correct",
    "correct_law",
    "difference",
    "euler_law",
    "exponential_law",
    "generate_words",
    "guided",
    "letter_posterior",
    "mask_of",
    "one_hot",
    "own_letter",
    "reveal",
    "reveal_law",
    "sampler_law",
    "tempered",
    "toy_words",
    "unmask_law",
    "word_grid",
    "word_number",
    "word_rates",
    "word_time",
]
