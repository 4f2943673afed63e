"""Exercise 3.6: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab3.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "3.6",
    {
        "sign": "a sign was chosen: for which answer of the model is the square 0, the noise or minus the noise?",
        "model sees the data": "what the model sees was chosen, but that is a mixture of data and noise.",
        "variance in the target": "a division by beta squared was chosen: what is the noise divided by here?",
    },
)
