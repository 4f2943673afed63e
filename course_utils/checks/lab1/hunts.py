"""Bug hunts of Lab 1."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab1.brownian_motion import brownian_motion
from course_utils.checks.lab1.euler import euler
from course_utils.checks.lab1.euler_maruyama_step import euler_maruyama_step
from course_utils.checks.lab1.heun_step import heun_step
from course_utils.checks.lab1.langevin_drift import langevin_drift
from course_utils.checks.lab1.ornstein_uhlenbeck import ornstein_uhlenbeck

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(heun_step, "old state", "midpoint", "h twice in the prediction")
def old_time(field, x, t, h):
    k_1 = field(x, t)
    k_2 = field(x + h * k_1, t)
    return x + h * (k_1 + k_2) / 2


@bug_hunt.of(euler, "one step too few", "always from the start", "times of n points")
def time_of_the_next_step(field, x0, n):
    h = 1 / n
    states = [x0]
    t = 0.0
    for _ in range(n):
        t = t + h
        states.append(states[-1] + h * field(states[-1], t))
    return torch.stack(states)


@bug_hunt.of(brownian_motion, "no scale", "scaled by time", "first number as start")
def h_for_the_root_of_h(eps, h):
    w = torch.zeros_like(eps[0])
    path = [w]
    for e in eps:
        w = w + h * e
        path.append(w)
    return torch.stack(path)


@bug_hunt.of(euler_maruyama_step, "drift without h", "no diffusion coefficient", "minus noise")
def root_twice(sde, x, t, h, dw):
    drift = sde.drift(x, t)
    noise = sde.diffusion(x, t) * dw
    return x + h * drift + h**0.5 * noise


@bug_hunt.of(langevin_drift, "not squared", "half squared", "a step")
def no_half(score, x, sigma):
    variance = sigma**2
    return variance * score(x)


@bug_hunt.of(brownian_motion, "not summed", "one over n for h", "time reversed")
def loop_from_1(eps, h):
    path = [torch.zeros_like(eps[0])]
    for i in range(1, len(eps)):
        path.append(path[-1] + h**0.5 * eps[i])
    return torch.stack(path)


@bug_hunt.of(ornstein_uhlenbeck, "no x", "theta and sigma exchanged", "pushed away")
def variance(x, t, theta, sigma):
    drift = theta * (0 - x)
    diffusion = torch.ones_like(x) * sigma**2
    return drift, diffusion
