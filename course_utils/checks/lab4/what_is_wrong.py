"""Exercise 4.7: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab4.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "4.7",
    {
        "exchanged": "an exchange was chosen: a large w would lead beyond the unconditional velocity. And here?",
        "w - 1": "a factor less by one was chosen: what is the difference multiplied by here, and what is it added to?",
        "weights sum to w plus 1": "the sum of the weights was chosen: let both velocities be equal. What comes out?",
    },
)
