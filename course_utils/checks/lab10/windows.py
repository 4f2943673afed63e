"""Exercise 10.1: demonstrations cut into plans, and what was seen when each began."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.lab10.cutting import PARTS, cut, reshaped
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import Several
from course_utils.checks.parts import wrong_parts
from course_utils.checks.traits import wrong_only

__all__ = ["windows"]


@exercise(
    "10.1",
    "Windows",
    points=2,
    sees=Several("observations", "plans"),
    single=1e-6,
    why="numbers are copied as they are",
)
def windows(states, actions, H):
    n, demonstrations, _ = actions.shape
    observations, plans = [], []
    for b in range(demonstrations):
        for i in range(n - H + 1):
            observations.append(states[i, b])
            plans.append(torch.cat([actions[i + j, b] for j in range(H)]))
    return torch.stack(observations), torch.stack(plans)


@windows.inputs
def _(normal):
    n, batch, d, m, H = ((6, 1, 3, 2, 4), (7, 3, 4, 2, 3), (5, 2, 1, 3, 5), (4, 5, 2, 1, 1))[normal.seed % 4]
    return {"states": normal(n + 1, batch, d), "actions": normal(n, batch, m), "H": H}


@windows.mistake("the two results are exchanged: first the observations, then the plans.")
def exchanged(*arguments):
    return cut(*arguments)[::-1]


@windows.mistake(
    "the windows come moment after moment: all that belong to the first demonstration come first, then all of the "
    "second one."
)
def moment_after_moment(states, actions, H):
    return tuple(_by_moment(part, actions.shape[1]) for part in cut(states, actions, H))


def _by_moment(rows, demonstrations):
    return rows.unflatten(0, (demonstrations, -1)).transpose(0, 1).flatten(0, 1)


@windows.mistake(
    "the observations come moment after moment, the plans demonstration after demonstration: so they do not belong "
    "together."
)
def observations_moment_after_moment(states, actions, H):
    observations, plans = cut(states, actions, H)
    return _by_moment(observations, actions.shape[1]), plans


@windows.mistake(
    "the plans come moment after moment, the observations demonstration after demonstration: so they do not belong "
    "together."
)
def plans_moment_after_moment(states, actions, H):
    observations, plans = cut(states, actions, H)
    return observations, _by_moment(plans, actions.shape[1])


@windows.mistake(
    "some windows run over the end of a demonstration into the next one: cut each demonstration by itself."
)
def over_the_end_into_the_next(states, actions, H):
    row = actions.transpose(0, 1).flatten(0, 1)
    starts = range(len(row) - H + 1)
    seen = states[:-1].transpose(0, 1).flatten(0, 1)
    return seen[: len(starts)], torch.stack([row[i : i + H].flatten() for i in starts])


@windows.mistake(
    "a plan holds actions of several demonstrations at one moment: the moments of one demonstration have to lie side "
    "by side before anything is cut."
)
def over_the_demonstrations(states, actions, H):
    row = actions.flatten(0, 1)
    starts = range(len(row) - H + 1)
    return states[:-1].flatten(0, 1)[: len(starts)], torch.stack([row[i : i + H].flatten() for i in starts])


def _with_the_end_filled(states, actions, H, filling):
    longer = torch.cat([actions, filling(actions[-1:]).expand(H - 1, -1, -1)])
    return cut(states, longer, H)


@windows.mistake(
    "windows that reach beyond the end are filled with 0: here only those are asked for that have all their actions."
)
def filled_with_rest(*arguments):
    return _with_the_end_filled(*arguments, torch.zeros_like)


@windows.mistake(
    "windows that reach beyond the end repeat the last action: here only those are asked for that have all their "
    "actions."
)
def filled_with_the_last_action(*arguments):
    return _with_the_end_filled(*arguments, lambda last: last)


@windows.mistake(
    "windows that reach beyond the end go on at the beginning: here only those are asked for that have all their "
    "actions."
)
def around_a_circle(states, actions, H):
    return cut(states, actions, H, starts=lambda n, H: range(n))


@windows.mistake(
    "states and actions of different demonstrations are mixed: a reshape that exchanges two axes tears them apart, a "
    "transpose does not."
)
def mixed_over_demonstrations(*arguments):
    return cut(*arguments, states_of=reshaped, actions_of=reshaped)


@windows.mistake(
    "time and demonstrations are exchanged: time is the first axis, the demonstrations are the second one."
)
def axes_exchanged(states, actions, H):
    return cut(states[:-1].transpose(0, 1), actions.transpose(0, 1), H)


@windows.mistake("the plans hold states: the actions of a window are asked for.")
def plans_of_states(states, actions, H):
    return cut(states, states[:-1], H)


@windows.mistake("the plans hold the states that the actions lead to: the actions of a window are asked for.")
def plans_of_next_states(states, actions, H):
    return cut(states, states[1:], H)


@windows.mistake("the plans hold changes of the states: the actions of a window are asked for.")
def plans_of_changes(states, actions, H):
    return cut(states, states.diff(dim=0), H)


@windows.mistake("the observations are actions: what was seen is in the states.")
def actions_as_observations(states, actions, H):
    return cut(actions, actions, H)


@windows.mistake("the observations hold all states of a window: the one in which it begins is asked for.")
def states_of_the_whole_window(states, actions, H):
    observations, plans = cut(states, actions, H)
    return cut(states, states[:-1], H)[1], plans


@windows.mistake("each plan is still a table of its actions: one row of numbers is asked for, action after action.")
def plans_not_flat(states, actions, H):
    return cut(states, actions, H, row=lambda window: window)


@windows.mistake("the windows of each demonstration are still an axis of their own: they all stand in one row.")
def demonstrations_apart(states, actions, H):
    return tuple(part.unflatten(0, (actions.shape[1], -1)) for part in cut(states, actions, H))


@windows.mistake("the windows of each moment are still an axis of their own: they all stand in one row.")
def moments_apart(states, actions, H):
    apart = (part.unflatten(0, (actions.shape[1], -1)) for part in cut(states, actions, H))
    return tuple(part.transpose(0, 1) for part in apart)


@windows.mistake("the first demonstration alone is cut: there are others.")
def first_demonstration_only(states, actions, H):
    return cut(states[:, :1], actions[:, :1], H)


@windows.mistake("a plan holds one action too many: count those from its first to its last.")
def plan_too_long(states, actions, H):
    return cut(states, actions, H, taken=lambda i, H: range(i, i + H + 1))


@windows.mistake("a plan holds one action too few: count those from its first to its last.")
def plan_too_short(states, actions, H):
    return cut(states, actions, H, taken=lambda i, H: range(i, i + max(H - 1, 1)))


@windows.mistake("a plan is the mean of its actions: the actions themselves are asked for.")
def mean_action(states, actions, H):
    return cut(states, actions, H, row=lambda window: window.mean(0))


@windows.mistake("a plan is its first action alone: the next ones belong to it, too.")
def first_action_only(states, actions, H):
    return cut(states, actions, H, row=lambda window: window[0])


windows.mistakes += wrong_parts(cut, *PARTS)
windows.pairs += pairs(cut, *PARTS)


windows.traits += [
    wrong_only("observations", message="all plans are right, the observations are not."),
    wrong_only("plans", message="all observations are right, the plans are not."),
]
