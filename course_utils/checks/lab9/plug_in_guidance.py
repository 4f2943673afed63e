"""Exercise 9.2: a velocity pushed up the reward of what a state is denoised to."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.guiding import clean_point
from course_utils.checks.inputs import dyadic
from course_utils.checks.lab9.guiding import PARTS, guided
from course_utils.checks.mistakes import WHOLE_STEP, pairs
from course_utils.checks.parts import wrong_parts
from course_utils.checks.sums import combination

__all__ = ["plug_in_guidance"]


@exercise(
    "9.2",
    "Plug-in guidance",
    points=3,
    single=1e-4,
    why="float64; the derivatives of polynomials are exact to rounding",
)
def plug_in_guidance(field, reward, x, t, lam):
    both = reward.quadratic + reward.quadratic.T
    bend = (1 + t) * (field.quadratic + field.quadratic.mT)
    rows = []
    for state, u in zip(x, field(x, t), strict=True):
        slope = both @ (state + (1 - t) * u) + reward.slope
        jacobian = torch.einsum("ijk,k->ij", bend, state) + field.matrix
        rows.append(u + (1 - t) / t * (slope + (1 - t) * jacobian.T @ slope) / lam)
    return torch.stack(rows)


@plug_in_guidance.inputs
def _(normal):
    batch, d = ((1, 2), (5, 4), (3, 3), (4, 1))[normal.seed % 4]
    t = 0.2 + 0.6 * normal(1).sigmoid()[0]
    return {
        "field": {"family": "polynomial field", "quadratic": normal(d, d, d) / (2 * d), "matrix": normal(d, d) / 2},
        "reward": {"family": "quadratic reward", "quadratic": normal(d, d) / 2, "slope": normal(d)},
        "x": normal(batch, d),
        "t": torch.ones_like(t) if normal.seed % 6 == 5 else t,
        "lam": dyadic(normal, 0.4, 1.0) if normal.seed % 2 else dyadic(normal, 1.0, 2.0),
    }


def _slope_of_the_reward(field, reward, x, t):
    """The reward's slope at the denoised points, shape (B, d)."""
    return clean_point(x, field(x, t), t) @ (reward.quadratic + reward.quadratic.T) + reward.slope


@plug_in_guidance.mistake(
    "the Jacobian acts on the wrong side: this is how the velocity changes along the slope. How does the reward change "
    "along each coordinate of x?"
)
def jacobian_not_transposed(field, reward, x, t, lam):
    slope = _slope_of_the_reward(field, reward, x, t)
    u, turned = torch.func.jvp(lambda x: field(x, t), (x,), (slope,))
    return u + (1 - t) / t * (slope + (1 - t) * turned) / lam


@plug_in_guidance.mistake(
    "this is the velocity without guidance: is the push multiplied by 0? (In Python, 1 - t / t is 0.)"
)
def no_guidance(field, reward, x, t, lam):
    return field(x, t)


@plug_in_guidance.mistake("the push is added to the denoised point: it is added to the velocity.")
def added_to_the_denoised_point(*arguments):
    field, _, x, t, _ = arguments
    u = field(x, t)
    return guided(*arguments) - u + clean_point(x, u, t)


@plug_in_guidance.mistake("the push is added to x: it is added to the velocity.")
def added_to_x(*arguments):
    field, _, x, t, _ = arguments
    return guided(*arguments) - field(x, t) + x


@plug_in_guidance.mistake(WHOLE_STEP)
def a_step(*arguments):
    return arguments[2] + guided(*arguments)


@plug_in_guidance.mistake("the velocity is taken at the denoised point: the state is still at x.")
def velocity_at_the_denoised_point(*arguments):
    field, _, x, t, _ = arguments
    u = field(x, t)
    return guided(*arguments) - u + field(clean_point(x, u, t), t)


@plug_in_guidance.mistake(
    "the denoised point has taken the name x: the gradient and the velocity are then those at the denoised point."
)
def denoised_point_for_x(*arguments):
    def slope(worth, x, point):
        return torch.autograd.grad(worth, point)[0]

    field, _, x, t, _ = arguments
    u = field(x, t)
    return guided(*arguments, slope=slope) - u + field(clean_point(x, u, t), t)


@plug_in_guidance.mistake(
    "time runs backwards, as in papers that count it from the data: here noise is at t = 0, data at t = 1."
)
def time_reversed(*arguments):
    return guided(*arguments, clean=lambda x, u, t: x - t * u, strength=lambda t: t / (1 - t))


plug_in_guidance.mistakes += wrong_parts(guided, *PARTS)
plug_in_guidance.pairs += pairs(guided, *PARTS)

plug_in_guidance.traits += combination(
    {
        "the velocity": lambda field, reward, x, t, lam: field(x, t),
        "the gradient in x": lambda *arguments: guided(*arguments, strength=torch.ones_like, whole=lambda u, g, lam: g),
    },
    total=None,
)
