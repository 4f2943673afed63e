"""Exercise 11.6: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab11.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "11.6",
    {
        "point not wrapped": "the interval was chosen: does the point leave it here?",
        "straight through": "the difference was chosen: is it not wrapped where the velocity is made?",
        "time reversed": "the direction of time was chosen: where is the point here at t = 0?",
    },
)
