"""Plans carried out in part, with parts to replace, and what students put there."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.parts import Parts

__all__ = ["PARTS", "carried_out"]


def carried_out(
    plan: Callable,
    step: Callable,
    x: Tensor,
    k: int,
    n: int,
    *,
    rhythm: Callable[[int, int], int] = lambda k, H: k,
    asked: Callable[[int], bool] = lambda j: j == 0,
    pick: Callable[[int, int, int], int] = lambda j, k, H: j,
    counted: Callable[[int, int], int] = lambda i, j: j,
    shown: Callable[[list[Tensor]], Tensor] = lambda xs: xs[-1],
    action: Callable[[Tensor, int], Tensor] = lambda actions, j: actions[:, j],
    moved: Callable[[list[Tensor], int], Tensor] = lambda xs, j: xs[-1],
    reached: Callable[[Tensor, Tensor], Tensor] = lambda x, after: after,
    steps: Callable[[int, int], int] = lambda k, n: n,
    read: Callable[[Tensor, int], Tensor] = lambda xs, k: xs,
) -> Tensor:
    """States of an episode with parts to replace.

    Args:
        plan, step, x, k, n: Of the exercise.
        rhythm: From k and the length H of a plan to the number of steps between two decisions.
        asked: From the number of steps since the last decision to whether a plan is made.
        pick: From the number of steps that is counted, k and H to the number of an action.
        counted: From the numbers of steps, i since the start and j since the last decision, to the one that counts.
        shown: From the states so far to the one that the plan is made for.
        action: From the actions of a plan and the number of one to what is done.
        moved: From the states so far and j to the one that the action is done in.
        reached: From that state and what step gives to the next state.
        steps: From k and n to the number of steps.
        read: From all states and k to the answer.
    """
    horizon = plan(x).shape[1]
    every = rhythm(k, horizon)
    xs = [x]
    for i in range(steps(k, n)):
        j = i % every
        if asked(j):
            actions = plan(shown(xs))
        now = moved(xs, j)
        done = action(actions, pick(counted(i, j), k, horizon) % horizon)
        xs.append(reached(now, step(now, done)))
    return read(torch.stack(xs), k)


_RHYTHM: Parts = {
    "asked at every step": (
        "a new plan is made at every step: k actions of a plan are carried out before the next one is made.",
        {"rhythm": lambda k, H: 1},
    ),
    "asked at every step, counted by k": (
        "a new plan is made at every step, of which the next action is done: the actions of one plan belong together, "
        "so keep it for k steps.",
        {"asked": lambda j: True},
    ),
    "whole plan": (
        "every plan is carried out to its end: after k of its actions, ask anew.",
        {"rhythm": lambda k, H: H},
    ),
    "never asked again": (
        "there is one plan for all steps: after k of its actions, ask anew.",
        {"rhythm": lambda k, H: 1000},
    ),
    "one action too many": (
        "each plan is kept for one step too long: count its actions that are carried out.",
        {"rhythm": lambda k, H: k + 1},
    ),
    "one action too few": (
        "each plan is given up one step too early: count its actions that are carried out.",
        {"rhythm": lambda k, H: max(k - 1, 1)},
    ),
}

_PICK: Parts = {
    "first action again": (
        "the first action of each plan is repeated: with each step after a decision comes the next action.",
        {"pick": lambda j, k, H: 0},
    ),
    "counted from the end": (
        "these are the last k actions of the plan: the first k are for now.",
        {"pick": lambda j, k, H: H - k + j},
    ),
    "one action late": (
        "the actions of each plan are counted from 1: its first one, number 0, is left out.",
        {"pick": lambda j, k, H: j + 1},
    ),
    "first action last": (
        "the first action of each plan, number 0, comes last: the order is 0, 1, ..., k - 1.",
        {"pick": lambda j, k, H: (j + 1) % k},
    ),
    "number of the plan": (
        "the action is picked by how many plans there were before: how many steps ago was its own plan made?",
        {"counted": lambda i, j: i, "pick": lambda j, k, H: j // k},
    ),
    "actions backwards": ("the k actions are carried out in reversed order.", {"pick": lambda j, k, H: k - 1 - j}),
    "backwards from the end": (
        "each plan is carried out from its last action on: it begins with the first one.",
        {"pick": lambda j, k, H: H - 1 - j},
    ),
    "counted on": (
        "the actions are counted on from plan to plan: each plan begins with its first one.",
        {"counted": lambda i, j: i},
    ),
    "last action only": ("the last action of each plan is repeated.", {"pick": lambda j, k, H: H - 1}),
    "mean action": (
        "the mean of a plan's actions is carried out: each has its own step.",
        {"action": lambda actions, j: actions.mean(1)},
    ),
    "whole plan in one step": (
        "all actions of a plan are added, and carried out in one step: each has its own.",
        {"action": lambda actions, j: actions.sum(1)},
    ),
    "plan of the first state for all": (
        "all states of the batch get the action of the first one: each has a plan of its own.",
        {"action": lambda actions, j: actions[:1, j].expand_as(actions[:, j])},
    ),
}

_SHOWN: Parts = {
    "state of the beginning": (
        "the same plan comes round again: ask anew after k steps, and show the state of now, not the first one.",
        {"shown": lambda xs: xs[0]},
    ),
    "state of the step before": (
        "the plan is made for the state one step ago: show the state of now.",
        {"shown": lambda xs: xs[max(len(xs) - 2, 0)]},
    ),
}

_MOVED: Parts = {
    "from the last decision": (
        "all actions of a plan start from the state in which it was made: each starts from where the last one led.",
        {"moved": lambda xs, j: xs[len(xs) - 1 - j]},
    ),
    "always from the start": (
        "every action starts from the first state: each starts from where the last one led.",
        {"moved": lambda xs, j: xs[0]},
    ),
}

_REACHED: Parts = {
    "added to the state": (
        "what step gives is added to the state: it is the state after the action already, not a change.",
        {"reached": lambda x, after: x + after},
    ),
    "difference to the state": (
        "the differences of states are listed: what step gives is the next state itself.",
        {"reached": lambda x, after: after - x},
    ),
}

_STEPS: Parts = {
    "whole rounds": (
        "the last round is carried out whole: stop after n steps, also in the middle of a plan.",
        {"steps": lambda k, n: -(-n // k) * k},
    ),
    "rounds dropped": (
        "the last, shorter round is missing: n need not be a multiple of k.",
        {"steps": lambda k, n: n // k * k},
    ),
    "n plans": (
        "n plans are made: n is the number of steps, and each plan is good for several.",
        {"steps": lambda k, n: n * k},
    ),
    "one step too few": (
        "the last state is missing: is there a step too few, or is the state after the last one not kept?",
        {"steps": lambda k, n: n - 1},
    ),
    "one step too many": ("there is one step too many.", {"steps": lambda k, n: n + 1}),
}

_READ: Parts = {
    "start missing": (
        "the first state is missing: the states before and after n steps are one more.",
        {"read": lambda xs, k: xs[1:]},
    ),
    "end only": ("this is the last state alone: all on the way are asked for.", {"read": lambda xs, k: xs[-1]}),
    "states of decisions only": (
        "these are the states in which a plan is made: those between two decisions are asked for as well.",
        {"read": lambda xs, k: xs[::k]},
    ),
    "batch first": ("the batch comes first: time is the first axis.", {"read": lambda xs, k: xs.transpose(0, 1)}),
}

PARTS = (_RHYTHM, _PICK, _SHOWN, _MOVED, _REACHED, _STEPS, _READ)
"""Mistakes in an episode, by the part that is wrong."""
