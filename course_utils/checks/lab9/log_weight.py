"""Exercise 9.4: what a guided step adds to the logarithm of a particle's weight."""

import torch
from torch.distributions import Normal

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import dyadic
from course_utils.checks.lab9.weighing import PARTS, exponents, weighed
from course_utils.checks.mistakes import pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.sums import as_one, combination

__all__ = ["log_weight"]


@exercise("9.4", "Weight of a guided step", points=3, single=1e-4)
def log_weight(v_old, v_new, x_new, free, guided, var):
    added = []
    for before, after, x, *means in zip(v_old, v_new, x_new, free, guided, strict=True):
        plain, pushed = (Normal(mean, var**0.5).log_prob(x).sum() for mean in means)
        added.append(after - before + plain - pushed)
    return torch.stack(added)


@log_weight.inputs
def _(normal):
    n, d = ((1, 2), (6, 3), (5, 1), (4, 4))[normal.seed % 4]
    states = {name: normal(n, d) for name in ("x_new", "free", "guided")}
    var = dyadic(normal, 0.2, 1.0) if normal.seed % 2 else dyadic(normal, 1.0, 2.0)
    return {"v_old": normal(n), "v_new": normal(n), **states, "var": var}


@log_weight.mistake("this is the weight itself: its logarithm is asked for.")
def exponentiated(*arguments):
    return weighed(*arguments).exp()


@log_weight.mistake(
    "these are the crowd's shares, or their logarithms: what one step adds depends on its own particle."
)
def shares_of_the_crowd(*arguments):
    return weighed(*arguments).log_softmax(0)


@log_weight.mistake("the weights of the crowd are normalised: what one step adds depends on its own particle alone.")
def normalised(*arguments):
    return weighed(*arguments).softmax(0)


@log_weight.mistake("everything has the opposite sign.")
def sign(*arguments):
    return -weighed(*arguments)


@log_weight.mistake(
    "this is the push against the noise alone: with the noise of the step, the square of the push counts."
)
def push_against_the_noise(v_old, v_new, x_new, free, guided, var):
    return v_new - v_old - ((guided - free) * (x_new - guided)).sum(1) / var


@log_weight.mistake("the square of the push has the wrong sign, or the noise is measured from the free mean.")
def push_squared_added(v_old, v_new, x_new, free, guided, var):
    push = guided - free
    return v_new - v_old - ((push * (x_new - free)).sum(1) + push.square().sum(1) / 2) / var


@log_weight.mistake("the ratios of single coordinates are added: densities of independent coordinates are multiplied.")
def ratios_of_coordinates_added(v_old, v_new, x_new, free, guided, var):
    plain, pushed = (Normal(mean, var**0.5).log_prob(x_new) for mean in (free, guided))
    return v_new - v_old + (plain - pushed).logsumexp(1)


log_weight.mistakes += wrong_parts(weighed, *PARTS)
log_weight.pairs += pairs(weighed, *PARTS)

log_weight.traits += combination(
    {
        "v_new": lambda v_old, v_new, x_new, free, guided, var: v_new,
        "v_old": lambda v_old, v_new, x_new, free, guided, var: v_old,
        "the distance to the free mean": lambda v_old, v_new, x_new, free, guided, var: exponents(x_new, free, var),
        "the distance to the guided mean": lambda v_old, v_new, x_new, free, guided, var: exponents(x_new, guided, var),
    },
    read=as_one,
    total=None,
)
