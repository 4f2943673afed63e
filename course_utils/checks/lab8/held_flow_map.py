"""Exercise 8.4: the flow map of a mixture with the weights held as they are at the start."""

import math
from functools import partial

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.lab8.gaussians import CENTRES, STRETCHES, WIDTHS, carried, ratio_of, width
from course_utils.checks.lab8.shares import SHARES, WEIGHING, held, log_shares
from course_utils.checks.lab8.spans import batch, column, nothing_moves, spans
from course_utils.checks.mistakes import pairs
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["held_flow_map"]


@exercise("8.4", "The mixture's flow map, its weights held", points=3, single=1e-4)
def held_flow_map(x, s, t, weights, means, vars):
    out = torch.zeros_like(x)
    for i, (start, end) in enumerate(zip(s.tolist(), t.tolist(), strict=True)):
        logs, ends = [], []
        for w, mean, var in zip(weights.tolist(), means, vars, strict=True):
            before = [math.hypot(start * v**0.5, 1 - start) for v in var.tolist()]
            after = [math.hypot(end * v**0.5, 1 - end) for v in var.tolist()]
            scores = (x[i] - start * mean) / x.new_tensor(before)
            logs.append(math.log(w) - (scores @ scores).item() / 2 - sum(map(math.log, before)))
            ends.append(end * mean + x.new_tensor(after) * scores)
        shares = [math.exp(log - max(logs)) for log in logs]
        out[i] = sum(share * arrived for share, arrived in zip(shares, ends, strict=True)) / sum(shares)
    return out


@held_flow_map.inputs
def _(normal):
    n, d = batch(normal)
    s, t = spans(normal, n)
    components = (3, 5, 2, 3, 1, 5)[normal.seed % 6]
    x = normal(n, d)
    if n > 2:
        x[1] += 100  # so far out that all densities round to 0
    weights = (0.7 * normal(components)).softmax(0)
    means, variances = normal(2, components, d)
    return {"x": x, "s": s, "t": t, "weights": weights, "means": means, "vars": 0.2 + variances.exp()}


EVERYWHERE: dict[str, tuple[str, dict]] = {
    **{name: (sentence, {"wide": wide, "stretch": ratio_of(wide)}) for name, (sentence, wide) in WIDTHS.items()},
    "mean not scaled by s": (
        CENTRES["mean not scaled by s"][0],
        {"centre": lambda s, means: means, "old": lambda s, t, means: means},
    ),
}
"""Mistakes in the shares and in the maps alike, by name: the sentence, and what is replaced in `held`."""

IN_THE_MAPS = {
    f"{name}, in the maps": (f"in the map of each Gaussian, {sentence}", replaced)
    for name, (sentence, replaced) in (STRETCHES | CENTRES).items()
    if name != "noise forgotten"  # then all maps are the same, and shares make no difference
}

held_flow_map.mistakes += [
    Mistake(name, partial(held, **replaced), sentence)
    for name, (sentence, replaced) in (WEIGHING | SHARES | EVERYWHERE | IN_THE_MAPS).items()
]


def _maps(x, s, t, means, vars) -> Tensor:
    """The states that the map of each Gaussian leads to, shape (B, K, d)."""
    return carried(x[:, None], s, t, means, vars)


def _seen_at(states: Tensor, t: Tensor, weights: Tensor, means: Tensor, vars: Tensor) -> Tensor:
    """Logarithms of the shares at time t of states of shape (B, 1, d) or (B, K, d)."""
    at = column(t, states)
    return log_shares(states - at * means, width(at, vars), weights)


@held_flow_map.mistake("the shares are those of the time t: they are held as they are at time s, where x is.")
def shares_at_the_end(x, s, t, weights, means, vars):
    logs = _seen_at(x[:, None], t, weights, means, vars)
    return held(x, s, t, weights, means, vars, logs=lambda *_: logs)


@held_flow_map.mistake(
    "the shares are those of the states that the maps lead to: they are held as they are at time s, where x is."
)
def shares_of_the_moved_states(x, s, t, weights, means, vars):
    logs = _seen_at(_maps(x, s, t, means, vars), t, weights, means, vars)
    return held(x, s, t, weights, means, vars, logs=lambda *_: logs)


@held_flow_map.mistake(
    "each coordinate has shares of its own: a state belongs to one Gaussian with all of its coordinates."
)
def shares_of_each_coordinate(x, s, t, weights, means, vars):
    at = column(s, x[:, None])
    gaps, widths = x[:, None] - at * means, width(at, vars)
    shares = log_shares(gaps[..., None], widths[..., None], weights[:, None]).softmax(1)
    return (shares * _maps(x, s, t, means, vars)).sum(1)


@held_flow_map.mistake(
    "means and variances are averaged, and one map is made of them: average the states that the maps of all lead to."
)
def averaged_before_the_map(x, s, t, weights, means, vars):
    shares = held(x, s, t, weights, means, vars, total=lambda shares, moved: shares)
    return carried(x, s, t, shares @ means, shares @ vars)


@held_flow_map.mistake("the mixture is taken for one Gaussian, of its average mean and variance.")
def one_Gaussian(x, s, t, weights, means, vars):
    return carried(x, s, t, weights @ means, weights @ vars)


@held_flow_map.mistake(
    "the mixture is taken for one Gaussian, of its mean and its whole variance: close to a state it is another one."
)
def one_Gaussian_as_wide(x, s, t, weights, means, vars):
    mean = weights @ means
    return carried(x, s, t, mean, weights @ (vars + (means - mean) ** 2))


@held_flow_map.mistake(
    "this is one step along the mixture's velocity at the start: carry the state by each Gaussian's whole map."
)
def an_Euler_step(x, s, t, weights, means, vars):
    start = column(s, x[:, None])
    slope = (start * vars - (1 - start)) / width(start, vars)
    velocities = means + slope * (x[:, None] - start * means)
    ways = column(t - s, velocities) * velocities
    return x + held(x, s, t, weights, means, vars, total=lambda shares, _: (shares[..., None] * ways).sum(1))


@held_flow_map.mistake("this is the way from x to the end: the end itself is asked for.")
def displacement(*arguments):
    return held(*arguments) - arguments[0]


@held_flow_map.mistake("the way is added to x once more: the maps lead to states, not along ways.")
def added_to_x(*arguments):
    return arguments[0] + held(*arguments)


@held_flow_map.mistake("nothing moves: this is x.")
def stays(x, *others):
    return x.clone()


@held_flow_map.mistake("s and t are exchanged: x is a state of the time s, and t is where it goes.")
def s_and_t_exchanged(x, s, t, weights, means, vars):
    return held(x, t, s, weights, means, vars)


@held_flow_map.mistake("the times run backwards: noise is at 0, data at 1.")
def time_reversed(x, s, t, weights, means, vars):
    return held(x, 1 - s, 1 - t, weights, means, vars)


@held_flow_map.mistake(
    "the times met the wrong axis: s and t of shape (B,) line up with the coordinates of a state, not with the batch."
)
def times_on_the_wrong_axis(*arguments):
    return held(*arguments, shape=lambda time, x: time)


@held_flow_map.mistake(
    "the times met the wrong axis: s and t of shape (B, 1) line up with the Gaussians, not with the batch."
)
def times_along_the_Gaussians(*arguments):
    return held(*arguments, shape=lambda time, x: time[:, None])


@held_flow_map.mistake("all states get the times of the first: s and t have one entry a state.")
def times_of_the_first(*arguments):
    return held(*arguments, shape=lambda time, x: time[:1, None, None])


held_flow_map.pairs += pairs(held, WEIGHING, SHARES, IN_THE_MAPS)


def _rounds_to_0(pair: Compared) -> bool:
    """Whether the state far out, the one with index 1, comes back as 0, and all others nearly right."""
    given, expected = pair.given["result"], pair.expected["result"]
    if len(given) < 3 or given[1].any():
        return False
    others = torch.arange(len(given)) != 1
    return torch.allclose(given[others], expected[others], rtol=1e-3, atol=1e-3)


def _right_far_out(pair: Compared) -> bool:
    """Whether the state that one Gaussian has the whole share in is right."""
    given, expected = pair.given["result"], pair.expected["result"]
    return len(given) > 2 and close(given[1], expected[1])


def _other_shares(pair: Compared) -> bool:
    """Whether each state that came back is a mean of those that the maps lead to, with some shares that sum to 1."""
    moved = pair.of(lambda x, s, t, weights, means, vars: _maps(x, s, t, means, vars))["result"].mT
    given = pair.given["result"][..., None]
    if moved.shape[1] + 1 <= moved.shape[2]:
        return False
    maps, wanted = (torch.cat([value, torch.ones_like(value[:, :1])], 1) for value in (moved, given))
    return bool(wanted.isfinite().all()) and close(maps @ torch.linalg.lstsq(maps, wanted).solution, wanted)


held_flow_map.traits += [
    Trait(
        "0 far out",
        _rounds_to_0,
        "the state far from all centres (it has index 1 here) comes back as 0: all densities round to 0 there, and no "
        "small number in a denominator mends that.",
    ),
    Trait(
        "other shares",
        _other_shares,
        "each state is a mean of the places that the Gaussians' maps lead to, as it should be, but with other shares.",
    ),
    nothing_moves(
        lambda x, s, t, weights, means, vars: x,
        "where s = t (the last state here) nothing should move, but yours does: do the shares of a state sum to 1?",
    ),
    Trait(
        "right far out",
        _right_far_out,
        "a state far out, of which one Gaussian has the whole share (it has index 1 here), goes where it should: look "
        "at how several share one state.",
        vague=True,
    ),
]
