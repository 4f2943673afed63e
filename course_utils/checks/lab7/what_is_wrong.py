"""Exercise 7.8: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab7.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "7.8",
    {
        "no weight": "a missing weight was chosen: what is the sum of each word divided by?",
        "leak": "what the model sees was chosen: where do the masks come in, and is the model given them?",
        "seen letters only": "masked letters that are left out were chosen: which ones does the last line leave out?",
    },
)
