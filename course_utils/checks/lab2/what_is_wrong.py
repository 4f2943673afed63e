"""Exercise 2.11: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab2.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "2.11",
    {
        "linear state": "the state was chosen, but it is made with the alpha and the beta that are given.",
        "model sees the data": "what the model sees was chosen, but that is a mixture of data and noise.",
        "target is the state": "a target that is the state was chosen: compare the lines that make the two.",
    },
)
