"""Exercise 8.2: the target of MeanFlow, by one forward derivative."""

from functools import partial

import torch

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.lab8.spans import batch, column, nearly_right, nothing_moves, spans, two_time_field
from course_utils.checks.lab8.targets import FIRST, SPANS, STILL, TANGENTS, target, v_itself
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import StandingStill
from course_utils.checks.sums import combination

__all__ = ["average_velocity_target"]


@exercise("8.2", "The target of MeanFlow", points=3, sees=StandingStill(), single=1e-4)
def average_velocity_target(u, v, x, s, t):
    rows = []
    for i in range(len(x)):
        slope = torch.cos(u.matrix @ x[i] + u.offset)
        rate = slope * (u.matrix @ v[i]) + 2 * s[i] * u.square + t[i] * u.product
        rows.append(v[i] + (t[i] - s[i]) * rate)
    return torch.stack(rows).detach()


@average_velocity_target.inputs
def _(normal):
    n, d = batch(normal)
    s, t = spans(normal, n)
    return {"u": two_time_field(normal, d), "v": normal(n, d), "x": normal(n, d), "s": s, "t": t}


average_velocity_target.mistakes += [
    Mistake(name, partial(target, **replaced), sentence)
    for name, (sentence, replaced) in (STILL | TANGENTS | SPANS | FIRST).items()
]


def _along_v(u, v, x, s, t):
    """(v . grad) u."""
    return torch.func.jvp(lambda x: u(x, s, t), (x,), (v,))[1].detach()


def _by_start(u, v, x, s, t):
    """The derivative of u by s."""
    return torch.func.jvp(lambda s: u(x, s, t), (s,), (torch.ones_like(s),))[1].detach()


def _backwards(u, x, s, t, weights):
    """Gradients in x and in s of the sum of all numbers of u, each with its weight."""
    x, s = x.detach().clone().requires_grad_(), s.detach().clone().requires_grad_()
    by_x, by_s = torch.autograd.grad((u(x, s, t) * weights).sum(), (x, s))
    return by_x, by_s[:, None]


@average_velocity_target.mistake(
    "only the derivative along v is multiplied by the span: the one by s belongs into the bracket as well."
)
def bracket_around_the_first(u, v, x, s, t):
    return v + column(t - s, x) * _along_v(u, v, x, s, t) + _by_start(u, v, x, s, t)


@average_velocity_target.mistake(
    "only the derivative by s is multiplied by the span: the one along v belongs into the bracket as well."
)
def bracket_around_the_second(u, v, x, s, t):
    return v + column(t - s, x) * _by_start(u, v, x, s, t) + _along_v(u, v, x, s, t)


@average_velocity_target.mistake(
    "a gradient with v as its weights goes backwards: it gives v times the Jacobian from the left. How u changes when "
    "x moves along v is a forward derivative."
)
def backward_derivative(u, v, x, s, t):
    return v + column(t - s, x) * (_by_start(u, v, x, s, t) + _backwards(u, x, s, t, v)[0])


@average_velocity_target.mistake(
    "gradients with v as their weights go backwards, in x and in s: they are sums over the coordinates of u. How each "
    "of them changes when x and s move is a forward derivative."
)
def backward_derivatives(u, v, x, s, t):
    return v + column(t - s, x) * sum(_backwards(u, x, s, t, v))


@average_velocity_target.mistake(
    "the gradient of the sum of all coordinates of u, times v, is not how u changes along v: each coordinate of u has "
    "a gradient of its own."
)
def gradient_of_the_sum(u, v, x, s, t):
    slope, _ = _backwards(u, x, s, t, torch.ones_like(x))
    return v + column(t - s, x) * (_by_start(u, v, x, s, t) + slope * v)


@average_velocity_target.mistake(
    "these are gradients of the sum of all coordinates of u, in x and in s: each coordinate of u has derivatives of "
    "its own."
)
def gradients_of_the_sum(u, v, x, s, t):
    slope, rate = _backwards(u, x, s, t, torch.ones_like(x))
    return v + column(t - s, x) * (rate + slope * v)


@average_velocity_target.mistake(
    "this is the paper's identity as it stands, in which data lie at time 0 and the end moves: in this course the "
    "start rides along."
)
def as_in_the_paper(u, v, x, s, t):
    return target(u, v, x, s, t, start=0.0, end=1.0, span=lambda s, t: s - t)


@average_velocity_target.mistake("this is the way travelled, the average velocity times the span: divide nothing in.")
def displacement(u, v, x, s, t):
    return column(t - s, x) * target(u, v, x, s, t)


@average_velocity_target.mistake("this is where the average velocity leads: the velocity itself is asked for.")
def where_it_leads(u, v, x, s, t):
    return x + column(t - s, x) * target(u, v, x, s, t)


@average_velocity_target.mistake("this is v: the average velocity is another one, but where t = s.")
def v_alone(u, v, x, s, t):
    return v.clone()


@average_velocity_target.mistake("this is u itself: compared with it, nothing would be learnt.")
def u_alone(u, v, x, s, t):
    return u(x, s, t)


@average_velocity_target.mistake("u itself is taken off: that is the loss's part. The target alone is asked for.")
def error_of_u(u, v, x, s, t):
    return target(u, v, x, s, t) - u(x, s, t).detach()


average_velocity_target.pairs += pairs(target, STILL, TANGENTS, SPANS, FIRST)


average_velocity_target.traits += [
    nearly_right("is a derivative a difference over a small step? Ask for the derivative itself."),
    *combination(
        {
            "v": lambda u, v, x, s, t: v,
            "the derivative of u by s": _by_start,
            "the derivative of u along v": _along_v,
        },
        of="result",
        total="the target of each state",
    ),
    nothing_moves(v_itself, "where s = t (the last state here) the target has to be v, but yours is not."),
]
