"""Exercise 6.8: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab6.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "6.8",
    {
        "noise as it is": "noise without a factor was chosen: what is it multiplied by here?",
        "divergence averaged": "an average in the divergence was chosen: how are its terms put together here?",
        "divergence of a deviation": "the divergence was chosen: compare its line with the first exercise.",
    },
)
