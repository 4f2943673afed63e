"""Bug hunts of Lab 9."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab9.log_weight import log_weight
from course_utils.checks.lab9.plug_in_guidance import plug_in_guidance
from course_utils.checks.lab9.resample import resample
from course_utils.checks.lab9.tilted_mixture import tilted_mixture

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(log_weight, "old minus new", "values added", "no half")
def ratio_upside_down(v_old, v_new, x_new, free, guided, var):
    from_free = ((x_new - free) ** 2).sum(1)
    from_guided = ((x_new - guided) ** 2).sum(1)
    ratio = (from_free - from_guided) / (2 * var)
    return v_new - v_old + ratio


@bug_hunt.of(plug_in_guidance, "minus", "lambda twice", "factor upside down")
def reward_at_x(field, reward, x, t, lam):
    at = x.detach().requires_grad_()
    worth = reward(at).sum() / lam
    (slope,) = torch.autograd.grad(worth, at)
    return field(x, t) + (1 - t) / t * slope


@bug_hunt.of(resample, "not cumulated", "no offset", "upside down")
def u_not_divided(log_weights, u):
    n = len(log_weights)
    ends = log_weights.softmax(0).cumsum(0)
    points = torch.arange(n) / n + u
    return torch.searchsorted(ends, points, right=True).clamp(max=n - 1)


@bug_hunt.of(tilted_mixture, "old weights forgotten", "half the shift", "times lambda")
def weights_by_the_means_alone(weights, means, covs, a, lam):
    moved = means + covs @ a / lam
    logs = weights.log() + means @ a / lam
    return logs.softmax(0), moved


@bug_hunt.of(plug_in_guidance, "factor missing", "carried back", "reward at x")
def gradient_in_the_denoised_point(field, reward, x, t, lam):
    velocity = field(x, t)
    clean = (x + (1 - t) * velocity).detach().requires_grad_()
    worth = reward(clean).sum() / lam
    (slope,) = torch.autograd.grad(worth, clean)
    return velocity + (1 - t) / t * slope


@bug_hunt.of(tilted_mixture, "weights kept", "old weights forgotten", "means kept")
def no_covariance_in_the_shift(weights, means, covs, a, lam):
    widths = torch.einsum("kij,i,j->k", covs, a, a)
    logs = weights.log() + means @ a / lam + widths / (2 * lam**2)
    return logs.softmax(0), means + a / lam
