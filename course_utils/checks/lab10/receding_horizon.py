"""Exercise 10.2: of every plan k actions are carried out, then a new one is made."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.lab10.carrying_out import PARTS, carried_out
from course_utils.checks.mistakes import overwritten, pairs
from course_utils.checks.parts import wrong_parts

__all__ = ["receding_horizon"]


@exercise("10.2", "Receding horizon", points=2, single=1e-4)
def receding_horizon(plan, step, x, k, n):
    # by rounds: one plan after the other, more than enough of them, and its actions one by one
    xs = [x]
    for _ in range(n):
        for action in plan(xs[-1])[:, :k].unbind(1):
            xs.append(step(xs[-1], action))
    return torch.stack(xs[: n + 1])


@receding_horizon.inputs
def _(normal):
    batch, d, m, H, k, n = (
        (2, 3, 1, 5, 4, 3),
        (4, 3, 2, 6, 4, 10),
        (3, 2, 2, 4, 2, 6),
        (1, 1, 3, 3, 1, 5),
        (3, 4, 2, 3, 3, 7),
        (2, 2, 3, 6, 3, 4),
    )[normal.seed % 6]
    return {
        "plan": {"family": "plan", "matrix": normal(H * m, d), "offset": normal(H * m), "horizon": H},
        "step": {"family": "step", "matrix": normal(d, d) / (2 * d**0.5), "effect": normal(d, m)},
        "x": normal(batch, d),
        "k": k,
        "n": n,
    }


@receding_horizon.mistake("these are the actions: the states that they lead through are asked for.")
def actions_returned(plan, step, x, k, n):
    done = []

    def watched(x, a):
        done.append(a)
        return step(x, a)

    carried_out(plan, watched, x, k, n)
    return torch.stack(done)


@receding_horizon.mistake(
    "the states before and after each decision are listed twice, as the end and the start of a round."
)
def decisions_twice(plan, step, x, k, n):
    xs = carried_out(plan, step, x, k, n)
    return torch.cat([xs[i : i + k + 1] for i in range(0, n, k)])


receding_horizon.mistakes += overwritten(carried_out, "state", start="x")
receding_horizon.mistakes += wrong_parts(carried_out, *PARTS)
receding_horizon.pairs += pairs(carried_out, *PARTS)
