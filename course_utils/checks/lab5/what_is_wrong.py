"""Exercise 5.4: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab5.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "5.4",
    {
        "data at full strength": "the data of the last line was chosen: there it has a factor, and the right one.",
        "noise keeps its size": "the size of the noise was chosen: at which time is the beta taken that multiplies it?",
        "old alpha": "the alpha of the last line was chosen: at which time is it taken?",
    },
)
