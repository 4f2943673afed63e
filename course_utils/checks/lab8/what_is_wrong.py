"""Exercise 8.5: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab8.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "8.5",
    {
        "the state stands still": "a state that stands still was chosen: which of the rates belongs to x?",
        "span forgotten": "a missing span was chosen: what is the derivative multiplied by?",
        "not detached": "a gradient was chosen that should not flow: how does the last line end?",
    },
)
