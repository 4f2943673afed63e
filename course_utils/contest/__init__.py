"""The contest of Lab 8: digits in one, two or four evaluations of a network, counted, timed and judged."""

from course_utils.contest.counting import Count
from course_utils.contest.entries import Entry, read_entry
from course_utils.contest.given import given_tensors, mixtures, model
from course_utils.contest.judging import Score, Yardstick, score
from course_utils.contest.rules import RULES, Rules, as_bytes, as_images
from course_utils.contest.trial import judge

__all__ = [
    "RULES",
    "Count",
    "Entry",
    "Rules",
    "Score",
    "Yardstick",
    "as_bytes",
    "as_images",
    "given_tensors",
    "judge",
    "mixtures",
    "model",
    "read_entry",
    "score",
]
