"""Schedules mixed up: only what is said to be replaced is, and each makes a difference to a formula that uses it."""

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.families import ArchSchedule
from course_utils.checks.inputs import Normal, arch_schedule, times_and_ends
from course_utils.checks.mixups import MIXUPS, RATES, Mixed, schedule_mistakes
from course_utils.schedules import derivative

VALUES = ("alpha", "beta", "alpha_dot", "beta_dot")
T = torch.tensor([0.2, 0.6], dtype=torch.float64)
SCHEDULE = ArchSchedule(0.8, 1.1, 0.02)


@pytest.mark.parametrize("name", [*MIXUPS, *RATES])
def test_only_what_is_replaced_differs(name):
    replaced = (MIXUPS | RATES)[name].replaced
    mixed = Mixed(SCHEDULE, **replaced)
    for value in VALUES:
        same = torch.allclose(getattr(mixed, value)(T), getattr(SCHEDULE, value)(T))
        assert same == (value not in replaced), value


def test_a_mixed_up_schedule_is_a_wrong_answer_to_every_exercise_that_uses_all_of_it():
    exercise = checks.lab3.from_velocity
    for mistake in schedule_mistakes(exercise.oracle, rates=True):
        with pytest.raises(CheckFailed):
            exercise.check(mistake.wrong)
    assert len(schedule_mistakes(exercise.oracle, without=("t for alpha",))) == len(MIXUPS) - 1


@pytest.mark.parametrize("noisy_end", [True, False])
def test_the_ends_of_an_arch_are_times_like_others(noisy_end):
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for seed in range(50):
        parts = arch_schedule(Normal(seed), noisy_end=noisy_end)
        schedule = ArchSchedule(parts["top"], parts["noise"], parts["rest"])
        alpha, beta, alpha_dot, beta_dot = (getattr(schedule, value)(ends) for value in VALUES)
        assert alpha[0] == alpha_dot[1] == beta_dot[0] == 0 and (beta[1] > 0) == noisy_end
        assert (alpha_dot * beta - alpha * beta_dot).abs().min() > 0.5
        assert torch.allclose(alpha_dot, derivative(schedule.alpha, ends))
        assert torch.allclose(beta_dot, derivative(schedule.beta, ends))
        t = times_and_ends(Normal(seed), 4)
        assert t[1] == 0 and t[-1] == 1 and 0.1 < t[[0, 2]].min() and t[[0, 2]].max() < 0.9
