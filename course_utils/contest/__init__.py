"""The contest of Lab 8: digits in one, two or four evaluations of a network, counted, timed and judged."""

from course_utils.contest.counting import Count
from course_utils.contest.entries import Entry, Recorded, read_entry, record_entry
from course_utils.contest.given import given_tensors, mixtures, model
from course_utils.contest.judging import Score, Yardstick, score
from course_utils.contest.programs import Program
from course_utils.contest.rules import ROWS, RULES, Rules, as_bytes, as_images
from course_utils.contest.trial import Drawn, Place, judge, judge_entry

__all__ = [
    "ROWS",
    "RULES",
    "Count",
    "Drawn",
    "Entry",
    "Place",
    "Program",
    "Recorded",
    "Rules",
    "Score",
    "Yardstick",
    "as_bytes",
    "as_images",
    "given_tensors",
    "judge",
    "judge_entry",
    "mixtures",
    "model",
    "read_entry",
    "record_entry",
    "score",
]
