"""Demonstrations cut into windows, with parts to replace, and what students put there."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "cut", "reshaped"]


def cut(
    states: Tensor,
    actions: Tensor,
    H: int,
    *,
    starts: Callable[[int, int], Sequence[int]] = lambda n, H: range(n - H + 1),
    seen: Callable[[int, int], int] = lambda i, H: i,
    taken: Callable[[int, int], Sequence[int]] = lambda i, H: range(i, i + H),
    states_of: Callable[[Tensor], Tensor] = lambda states: states,
    actions_of: Callable[[Tensor], Tensor] = lambda actions: actions,
    row: Callable[[Tensor], Tensor] = torch.flatten,
) -> tuple[Tensor, Tensor]:
    """Observations and plans, demonstration after demonstration, with parts to replace.

    Args:
        states, actions, H: Of the exercise.
        starts: From the numbers of steps and of actions in a plan to the moments that a window begins at.
        seen: From such a moment and H to that of the observation.
        taken: From such a moment and H to those of the actions.
        states_of, actions_of: From what is given to what is cut; an entry that is beyond its end counts on from the
            beginning.
        row: From a window of actions, shape (H, m), to a plan.
    """
    n = len(actions)
    states, actions = states_of(states), actions_of(actions)
    observations, plans = [], []
    for b in range(actions.shape[1]):
        for i in starts(n, H):
            observations.append(states[seen(i, H) % len(states), b])
            plans.append(row(actions[[j % len(actions) for j in taken(i, H)], b]))
    return torch.stack(observations), torch.stack(plans)


def reshaped(values: Tensor) -> Tensor:
    """Time and demonstrations exchanged by a reshape, which tears them apart."""
    return values.reshape(values.shape[1], len(values), -1).transpose(0, 1)


_STARTS: Parts = {
    "last window missing": (
        "the last window of each demonstration is missing: a window may end where the demonstration does.",
        {"starts": lambda n, H: range(max(n - H, 1))},
    ),
    "first window missing": (
        "the first window of each demonstration is missing: the first action is number 0.",
        {"starts": lambda n, H: range(1, max(n - H + 1, 2))},
    ),
    "one after the other": (
        "the windows lie one after the other: a window begins at every moment, so that neighbours overlap.",
        {"starts": lambda n, H: range(0, n - H + 1, H)},
    ),
    "one window a demonstration": (
        "each demonstration is cut at its beginning alone: a window begins at every moment after which there are "
        "enough actions.",
        {"starts": lambda n, H: range(1)},
    ),
    "last windows first": (
        "the windows of a demonstration come in reversed order: the one that begins first comes first.",
        {"starts": lambda n, H: range(n - H, -1, -1)},
    ),
}

_SEEN: Parts = {
    "state after the first action": (
        "the observations are the states after the first action of a plan: what was seen before it?",
        {"seen": lambda i, H: i + 1},
    ),
    "state at the end": (
        "the observations are the states after the last action of a plan: what was seen before the first one?",
        {"seen": lambda i, H: i + H},
    ),
    "state before the last action": (
        "the observations are the states before the last action of a plan: what was seen before the first one?",
        {"seen": lambda i, H: i + H - 1},
    ),
    "state of the moment before": (
        "the observations are the states one moment too early: what was seen right before the first action of a plan?",
        {"seen": lambda i, H: max(i - 1, 0)},
    ),
    "states of the first demonstration": (
        "the observations are those of the first demonstration for all of them: each has states of its own.",
        {"states_of": lambda states: states[:, :1].expand_as(states)},
    ),
    "state of the beginning": (
        "all observations are the first state of a demonstration: each window begins in a state of its own.",
        {"seen": lambda i, H: 0},
    ),
    "goal as state": (
        "all observations are the last state of a demonstration: each window begins in a state of its own.",
        {"seen": lambda i, H: -1},
    ),
    "states mixed over demonstrations": (
        "the states of different demonstrations are mixed: a reshape that exchanges two axes tears them apart, a "
        "transpose does not.",
        {"states_of": reshaped},
    ),
}

_TAKEN: Parts = {
    "one action late": (
        "the plans begin one action late: the first one is what was done in the state that is seen.",
        {"taken": lambda i, H: range(i + 1, i + 1 + H)},
    ),
    "actions backwards": (
        "the actions of a plan are in reversed order.",
        {"taken": lambda i, H: range(i + H - 1, i - 1, -1)},
    ),
    "first action repeated": (
        "a plan is one action, repeated: it holds the next ones, too.",
        {"taken": lambda i, H: [i] * H},
    ),
    "actions of the first demonstration": (
        "the plans are those of the first demonstration for all of them: each has actions of its own.",
        {"actions_of": lambda actions: actions[:, :1].expand_as(actions)},
    ),
    "actions of the beginning": (
        "all plans are the first one of the demonstration: each window begins at a moment of its own.",
        {"taken": lambda i, H: range(H)},
    ),
    "actions mixed over demonstrations": (
        "the actions of different demonstrations are mixed: a reshape that exchanges two axes tears them apart, a "
        "transpose does not.",
        {"actions_of": reshaped},
    ),
    "changes of actions": (
        "the plans hold differences of actions: the actions themselves are asked for.",
        {"actions_of": lambda actions: actions.diff(dim=0, prepend=actions[:1])},
    ),
    "actions added up": (
        "the actions of a plan are added up on their way: each stands for itself.",
        {"row": lambda window: window.cumsum(0).flatten()},
    ),
    "coordinate after coordinate": (
        "all first coordinates of a plan come first, then all second ones: a plan is action after action.",
        {"row": lambda window: window.T.flatten()},
    ),
}

PARTS = (_STARTS, _SEEN, _TAKEN)
"""Mistakes in the windows, by the part that is wrong."""
