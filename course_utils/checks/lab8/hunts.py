"""Bug hunts of Lab 8."""

import torch

from course_utils.checks.hunts import Hunts
from course_utils.checks.lab8.average_velocity_target import average_velocity_target
from course_utils.checks.lab8.flow_map import flow_map
from course_utils.checks.lab8.held_flow_map import held_flow_map
from course_utils.checks.lab8.two_halves import two_halves

__all__ = ["bug_hunt"]

bug_hunt = Hunts()


@bug_hunt.of(average_velocity_target, "the state stands still", "span forgotten", "not detached")
def time_stands_still(u, v, x, s, t):
    rates = (v, torch.zeros_like(s), torch.zeros_like(t))
    _, change = torch.func.jvp(u, (x, s, t), rates)
    span = (t - s)[:, None]
    return (v + span * change).detach()


@bug_hunt.of(two_halves, "middle is half the span", "length forgotten", "halved twice")
def second_half_from_the_start(u, x, s, t):
    middle = (s + t) / 2
    first = u(x, s, middle)
    second = u(x, middle, t)
    return (first + second) / 2


@bug_hunt.of(flow_map, "ratio upside down", "mean kept whole", "not stretched")
def mean_not_scaled_by_s(x, s, t, mean, var):
    s, t = s[:, None], t[:, None]
    before = (s**2 * var + (1 - s) ** 2).sqrt()
    after = (t**2 * var + (1 - t) ** 2).sqrt()
    return t * mean + after / before * (x - mean)


@bug_hunt.of(held_flow_map, "densities of the data", "mean not put back, in the maps", "likeliest only")
def shares_at_the_end(x, s, t, weights, means, vars):
    s, t = s[:, None, None], t[:, None, None]
    before = s**2 * vars + (1 - s) ** 2
    after = t**2 * vars + (1 - t) ** 2
    squares = (x[:, None] - t * means) ** 2 / after
    logs = weights.log() - 0.5 * (squares + after.log()).sum(2)
    moved = t * means + (after / before).sqrt() * (x[:, None] - s * means)
    return (logs.softmax(1)[..., None] * moved).sum(1)


@bug_hunt.of(average_velocity_target, "time stands still", "v forgotten", "derivative alone")
def carried_by_u(u, v, x, s, t):
    rates = (u(x, s, t), torch.ones_like(s), torch.zeros_like(t))
    _, change = torch.func.jvp(u, (x, s, t), rates)
    span = (t - s)[:, None]
    return (v + span * change).detach()


@bug_hunt.of(flow_map, "square inside", "var not used", "standard deviations added")
def neither_squared(x, s, t, mean, var):
    s, t = s[:, None], t[:, None]
    before = s * var + 1 - s
    after = t * var + 1 - t
    return t * mean + (after / before).sqrt() * (x - s * mean)
