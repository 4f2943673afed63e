"""Exercise 10.3: a field of plans, pushed up the reward of what each plan is about to become."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.guiding import clean_point
from course_utils.checks.inputs import dyadic, times
from course_utils.checks.lab10.rewarding import PARTS, guided
from course_utils.checks.mistakes import WHOLE_STEP, pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.sums import combination
from course_utils.shapes import expand_time

__all__ = ["guided_velocity"]


@exercise(
    "10.3",
    "Guided velocity",
    points=3,
    single=1e-4,
    why="float64; the derivatives of polynomials are exact to rounding",
)
def guided_velocity(field, reward, x, t, scale):
    both = reward.quadratic + reward.quadratic.T
    turned = field.quadratic + field.quadratic.mT
    rows = []
    for state, time, u in zip(x, t, field(x, t), strict=True):
        slope = both @ (state + (1 - time) * u) + reward.slope
        jacobian = (1 + time) * torch.einsum("ijk,k->ij", turned, state) + field.matrix
        rows.append(u + scale * (1 - time) / time * (slope + (1 - time) * jacobian.T @ slope))
    return torch.stack(rows)


@guided_velocity.inputs
def _(normal):
    batch, d = ((1, 2), (4, 4), (5, 3), (4, 1))[normal.seed % 4]
    t = times(normal, batch)
    if normal.seed % 3 == 2:
        t[-1] = 1.0
    return {
        "field": {"family": "polynomial field", "quadratic": normal(d, d, d) / (2 * d), "matrix": normal(d, d) / 2},
        "reward": {"family": "quadratic reward", "quadratic": normal(d, d) / 2, "slope": normal(d)},
        "x": normal(batch, d),
        "t": t,
        "scale": dyadic(normal, 0.4, 1.0) if normal.seed % 2 else dyadic(normal, 1.0, 2.0),
    }


@guided_velocity.mistake(
    "the Jacobian acts on the wrong side: this is how the velocity changes along the slope. How does the reward change "
    "along each coordinate of x?"
)
def jacobian_not_transposed(field, reward, x, t, scale):
    time, u = expand_time(t, x), field(x, t)
    slope = clean_point(x, u, time) @ (reward.quadratic + reward.quadratic.T) + reward.slope
    turned = torch.func.jvp(lambda x: field(x, t), (x,), (slope,))[1]
    return u + scale * (1 - time) / time * (slope + (1 - time) * turned)


@guided_velocity.mistake(
    "this is the velocity without guidance: is the push multiplied by 0? (In Python, 1 - t / t is 0.)"
)
def no_guidance(field, reward, x, t, scale):
    return field(x, t)


@guided_velocity.mistake(
    "brackets: in Python 1 - t / t is 1 - 1, so that scale is added to the velocity, and the gradient is taken off."
)
def brackets_missing(*arguments):
    return guided(*arguments, strength=torch.ones_like, whole=lambda u, push, scale: u + scale - push)


@guided_velocity.mistake("one time serves all states, the mean of theirs: each has its own.")
def mean_time(field, reward, x, t, scale):
    return guided(field, reward, x, t.mean().expand_as(t), scale)


@guided_velocity.mistake("one time serves all states, that of the first: each has its own.")
def first_time(field, reward, x, t, scale):
    return guided(field, reward, x, t[:1].expand_as(t), scale)


def _in_the_place_of_the_velocity(what, *arguments):
    """The guided velocity with something else than the velocity that the push is added to."""
    field, _, x, t, _ = arguments
    u = field(x, t)
    return guided(*arguments) - u + what(x, u, expand_time(t, x))


@guided_velocity.mistake("the push is added to the denoised point: it is added to the velocity.")
def added_to_the_denoised_point(*arguments):
    return _in_the_place_of_the_velocity(clean_point, *arguments)


@guided_velocity.mistake("the push is added to x: it is added to the velocity.")
def added_to_x(*arguments):
    return _in_the_place_of_the_velocity(lambda x, u, t: x, *arguments)


@guided_velocity.mistake(WHOLE_STEP)
def a_step(*arguments):
    return arguments[2] + guided(*arguments)


@guided_velocity.mistake("the velocity is taken at the denoised point: the plan is still at x.")
def velocity_at_the_denoised_point(*arguments):
    field, t = arguments[0], arguments[3]
    return _in_the_place_of_the_velocity(lambda x, u, time: field(clean_point(x, u, time), t), *arguments)


@guided_velocity.mistake(
    "the denoised point has taken the name x: the gradient and the velocity are then those at the denoised point."
)
def denoised_point_for_x(*arguments):
    field, reward, x, t, scale = arguments
    time = expand_time(t, x)
    end = clean_point(x, field(x, t), time).detach().requires_grad_()
    slope = torch.autograd.grad(reward(end).sum(), end)[0]
    return field(end, t) + scale * (1 - time) / time * slope


@guided_velocity.mistake(
    "time runs backwards, as in papers that count it from the data: here noise is at t = 0, data at t = 1."
)
def time_reversed(*arguments):
    return guided(*arguments, clean=lambda x, u, t: x - t * u, strength=lambda t: t / (1 - t))


guided_velocity.mistakes += wrong_parts(guided, *PARTS)
guided_velocity.pairs += pairs(guided, *PARTS)

guided_velocity.traits += combination(
    {
        "the velocity": lambda field, reward, x, t, scale: field(x, t),
        "the gradient in x": lambda *arguments: guided(
            *arguments, strength=torch.ones_like, whole=lambda u, g, scale: g
        ),
    },
    total=None,
)
