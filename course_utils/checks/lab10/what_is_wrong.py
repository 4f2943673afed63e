"""Exercise 10.5: what is wrong with the function of the first bug hunt."""

from course_utils.checks.lab10.hunts import bug_hunt

__all__ = ["what_is_wrong"]

what_is_wrong = bug_hunt.asked(
    "10.5",
    {
        "asked at every step": "a plan at every step was chosen: at which i is plan called here?",
        "one action late": "the count of the actions was chosen: which action follows a new plan?",
        "state of the step before": "the state one step ago was chosen: is it that state that plan is shown here?",
    },
)
