"""Exercise 9.5: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab9.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "9.5",
    {
        "old minus new": "the values were chosen: does a particle whose value grew lose weight here?",
        "values added": "a sum of both values was chosen: which sign has the old one here?",
        "no half": "a missing factor was chosen: what are the squares divided by?",
    },
)
