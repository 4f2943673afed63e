"""Bug hunts of Lab 10."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab10.conditioned import conditioned
from course_utils.checks.lab10.guided_velocity import guided_velocity
from course_utils.checks.lab10.receding_horizon import receding_horizon
from course_utils.checks.lab10.windows import windows

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(receding_horizon, "asked at every step", "one action late", "state of the step before")
def state_of_the_beginning(plan, step, x, k, n):
    states = [x]
    for i in range(n):
        if i % k == 0:
            actions = plan(x)
        states.append(step(states[-1], actions[:, i % k]))
    return torch.stack(states)


@bug_hunt.of(guided_velocity, "factor missing", "reward at x", "against the reward")
def gradient_in_the_denoised_point(field, reward, x, t, scale):
    left = 1 - t[:, None]
    u = field(x, t)
    clean = (x + left * u).detach().requires_grad_()
    (slope,) = torch.autograd.grad(reward(clean).sum(), clean)
    return u + scale * left / t[:, None] * slope


@bug_hunt.of(windows, "actions backwards", "last window missing", "state after the first action")
def moment_after_moment(states, actions, H):
    observations, plans = [], []
    for start in range(len(actions) - H + 1):
        for b in range(actions.shape[1]):
            observations.append(states[start, b])
            plans.append(actions[start : start + H, b].flatten())
    return torch.stack(observations), torch.stack(plans)


@bug_hunt.of(conditioned, "sign of the difference", "block of the whole inverse", "covariance kept")
def mean_of_the_known_not_taken_off(mean, cov, known, values):
    rest = ~known
    between, inside = cov[rest][:, known], cov[known][:, known]
    gain = between @ torch.linalg.inv(inside)
    return mean[rest] + gain @ values, cov[rest][:, rest] - gain @ between.T


@bug_hunt.of(receding_horizon, "whole rounds", "first action again", "never asked again")
def rounds_dropped(plan, step, x, k, n):
    states = [x]
    for _ in range(n // k):
        actions = plan(states[-1])
        for j in range(k):
            states.append(step(states[-1], actions[:, j]))
    return torch.stack(states)


@bug_hunt.of(conditioned, "inverse of the unknown", "mean kept", "covariance grows")
def inverse_forgotten(mean, cov, known, values):
    rest = ~known
    gain = cov[rest][:, known]
    shift = gain @ (values - mean[known])
    return mean[rest] + shift, cov[rest][:, rest] - gain @ gain.T
