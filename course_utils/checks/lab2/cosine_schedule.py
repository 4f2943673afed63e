"""Exercise 2.1: alpha = sin(pi t / 2) and beta = cos(pi t / 2), with their derivatives."""

import math

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import times
from course_utils.checks.observers import Several
from course_utils.checks.traits import wrong_only

__all__ = ["cosine_schedule"]


@exercise(
    "2.1",
    "Cosine schedule",
    points=2,
    sees=Several("alpha", "beta", "alpha_dot", "beta_dot"),
    rtol=1e-6,
    single=1e-5,
    why="a pi in single precision is no mistake",
)
def cosine_schedule(t):
    rate = math.pi / 2
    return (rate * t).sin(), (rate * t).cos(), rate * (rate * t).cos(), -rate * (rate * t).sin()


@cosine_schedule.inputs
def _(normal):
    t = torch.cat([times(normal, 4), torch.tensor([0.0, 1.0], dtype=torch.float64)])
    shape = ((), (6,), (2, 3))[normal.seed % 3]
    return {"t": t.reshape(shape) if shape else t[0]}


@cosine_schedule.mistake("time runs backwards: at t = 0 all is noise (alpha = 0), at t = 1 all is data (alpha = 1).")
def noise_and_data_exchanged(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return beta, alpha, beta_dot, alpha_dot


@cosine_schedule.mistake("the two derivatives are exchanged: the third value belongs to alpha, the fourth to beta.")
def only_derivatives_exchanged(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, beta_dot, alpha_dot


@cosine_schedule.mistake("the order: first alpha and beta, then their two derivatives.")
def each_with_its_derivative(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, alpha_dot, beta, beta_dot


@cosine_schedule.mistake("the chain rule is missing: the argument of sine and cosine is not t itself.")
def no_chain_rule(t):
    alpha, beta, _, _ = cosine_schedule.oracle(t)
    return alpha, beta, beta, -alpha


@cosine_schedule.mistake("the derivatives are divided by the inner derivative: that is integration.")
def chain_rule_upside_down(t):
    alpha, beta, _, _ = cosine_schedule.oracle(t)
    return alpha, beta, beta / (math.pi / 2), -alpha / (math.pi / 2)


@cosine_schedule.mistake("beta is 1 - alpha: here the *squares* add up to 1.")
def beta_is_1_minus_alpha(t):
    alpha, _, alpha_dot, _ = cosine_schedule.oracle(t)
    return alpha, 1 - alpha, alpha_dot, -alpha_dot


@cosine_schedule.mistake("the sign of beta_dot: the noise fades away, so beta falls.")
def sign_of_beta_dot(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, alpha_dot, -beta_dot


@cosine_schedule.mistake("the sign of alpha_dot: the share of data grows, so alpha rises.")
def sign_of_alpha_dot(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, -alpha_dot, beta_dot


def _faster(t, factor):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(factor * t)
    return alpha, beta, factor * alpha_dot, factor * beta_dot


@cosine_schedule.mistake("this schedule runs too fast: t from 0 to 1 is a quarter of a turn, so that alpha ends at 1.")
def pi_for_half_of_pi(t):
    return _faster(t, 2)


@cosine_schedule.mistake("this schedule does not arrive: put in t = 1 and see what alpha and beta are.")
def no_pi(t):
    return _faster(t, 2 / math.pi)


@cosine_schedule.mistake("these are squares: here alpha^2 + beta^2 = 1, not alpha + beta.")
def squares(t):
    alpha, beta, alpha_dot, _ = cosine_schedule.oracle(t)
    growth = 2 * alpha * alpha_dot
    return alpha**2, beta**2, growth, -growth


@cosine_schedule.mistake("these are the derivatives of the linear schedule t, 1 - t.")
def linear_derivatives(t):
    alpha, beta, _, _ = cosine_schedule.oracle(t)
    return alpha, beta, torch.ones_like(t), -torch.ones_like(t)


@cosine_schedule.mistake("alpha_dot: is what the argument of the sine itself changes by in there? (The chain rule.)")
def factor_lost_in_alpha_dot(t):
    alpha, beta, _, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, beta, beta_dot


@cosine_schedule.mistake("beta_dot: is what the argument of the cosine itself changes by in there? (The chain rule.)")
def factor_lost_in_beta_dot(t):
    alpha, beta, alpha_dot, _ = cosine_schedule.oracle(t)
    return alpha, beta, alpha_dot, -alpha


@cosine_schedule.mistake("the schedule runs backwards, evaluated at 1 - t: at t = 0 all is noise, alpha = 0.")
def at_one_minus_t(t):
    return cosine_schedule.oracle(1 - t)


@cosine_schedule.mistake("alpha and beta are exchanged, their derivatives are not: at t = 0 all is noise, alpha = 0.")
def only_values_exchanged(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return beta, alpha, alpha_dot, beta_dot


@cosine_schedule.mistake("what does a sine turn into when it is differentiated, and what a cosine?")
def not_differentiated(t):
    alpha, beta, _, _ = cosine_schedule.oracle(t)
    return alpha, beta, math.pi / 2 * alpha, -math.pi / 2 * beta


@cosine_schedule.mistake("the derivatives come first: the order is alpha, beta, then their derivatives.")
def derivatives_first(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha_dot, beta_dot, alpha, beta


@cosine_schedule.mistake(
    "alpha and beta are right, their derivatives are twice too large: what is the inner derivative?"
)
def twice_the_derivatives(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, 2 * alpha_dot, 2 * beta_dot


@cosine_schedule.mistake("the derivatives are multiplied by t: what does the argument of sine and cosine change by?")
def derivatives_times_t(t):
    alpha, beta, alpha_dot, beta_dot = cosine_schedule.oracle(t)
    return alpha, beta, t * alpha_dot, t * beta_dot


@cosine_schedule.mistake("in the derivatives, sine and cosine are taken of t itself: their argument stays what it was.")
def derivatives_at_t(t):
    alpha, beta, _, _ = cosine_schedule.oracle(t)
    return alpha, beta, math.pi / 2 * t.cos(), -math.pi / 2 * t.sin()


cosine_schedule.traits += [
    wrong_only("alpha_dot", message="all but alpha_dot is right."),
    wrong_only("beta_dot", message="all but beta_dot is right."),
    wrong_only("alpha_dot", "beta_dot", message="alpha and beta are right, their derivatives are not."),
    wrong_only("alpha", "beta", message="the derivatives are right, alpha and beta are not."),
    wrong_only("alpha", "alpha_dot", message="beta and its derivative are right, alpha and its derivative are not."),
    wrong_only("beta", "beta_dot", message="alpha and its derivative are right, beta and its derivative are not."),
]


@cosine_schedule.mistake("half of pi stands upside down: put in t = 1 and see what alpha and beta are.")
def half_of_pi_upside_down(t):
    return _faster(t, (2 / math.pi) ** 2)


@cosine_schedule.mistake("the angle is counted in degrees: sine and cosine count in radians.")
def degrees(t):
    return _faster(t, 180 / math.pi)


cosine_schedule.traits += [
    wrong_only("alpha", message="all but alpha is right."),
    wrong_only("beta", message="all but beta is right."),
]


@cosine_schedule.mistake("half of pi multiplies sine and cosine, where their argument should hold it.")
def factor_outside(t):
    rate = math.pi / 2
    return rate * t.sin(), rate * t.cos(), rate * t.cos(), -rate * t.sin()
