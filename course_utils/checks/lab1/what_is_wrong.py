"""Exercise 1.7: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab1.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "1.7",
    {
        "old state": "the state was chosen: follow what the second call of the field is given as its first argument.",
        "midpoint": "the midpoint step was chosen: it moves the state by one velocity. How many are used here?",
        "h twice in the prediction": "an h too many was chosen: does k_1 hold one already?",
    },
)
