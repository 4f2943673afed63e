"""Exercise 2.9: the marginal velocity of Gaussian data on the linear path, finite at both ends."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import dyadic, times
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["gaussian_velocity"]


@exercise("2.9", "Velocity of Gaussian data", points=2)
def gaussian_velocity(x, t, variance):
    t = t[:, None]
    noise = 1 - t
    return (t * variance - noise) / (t**2 * variance + noise**2) * x


@gaussian_velocity.inputs
def _(normal):
    t = torch.cat([times(normal, 2), torch.tensor([0.0, 1.0], dtype=torch.float64)])
    # As many coordinates as states: times that are not reshaped meet the wrong axis without an error. Or fewer.
    return {"x": normal(4, (3, 4)[normal.seed % 2]), "t": t, "variance": dyadic(normal, 2.0, 6.0)}


def _spread(t, variance):
    """The variance of x."""
    return t**2 * variance + (1 - t) ** 2


def _posterior_mean(x, t, variance):
    return t * variance / _spread(t, variance) * x


@gaussian_velocity.mistake(
    "0 / 0 at t = 1: elsewhere it is right. Bring the numerator over one denominator; a factor 1 - t cancels."
)
def not_cancelled(x, t, variance):
    t = t[:, None]
    return (_posterior_mean(x, t, variance) - x) / (1 - t)


@gaussian_velocity.mistake(
    "right but at t = 1, where 0 is divided by 0, or by what stands in for 1 - t: let 1 - t cancel instead."
)
def division_made_safe(x, t, variance):
    t = t[:, None]
    return (_posterior_mean(x, t, variance) - x) / (1 - t).clamp(min=1e-6)


@gaussian_velocity.mistake("this is the mean of the data given x, the place to go to, not the velocity.")
def place_to_go_to(x, t, variance):
    return _posterior_mean(x, t[:, None], variance)


@gaussian_velocity.mistake("this is the way that is left, not the velocity: how much time is left to travel it?")
def way_that_is_left(x, t, variance):
    return _posterior_mean(x, t[:, None], variance) - x


@gaussian_velocity.mistake("the variance of t z is not t times that of z, nor is that of (1 - t) noise 1 - t.")
def factors_not_squared(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / (t * variance + 1 - t) * x


@gaussian_velocity.mistake("`variance` is squared: it is a variance already, not a standard deviation.")
def variance_squared(x, t, variance):
    return gaussian_velocity.oracle(x, t, variance**2)


@gaussian_velocity.mistake("the root of `variance` stands where the variance itself belongs.")
def standard_deviation(x, t, variance):
    return gaussian_velocity.oracle(x, t, variance**0.5)


@gaussian_velocity.mistake("the sign of the whole: at t = 1 all noise is gone, and x moves outwards.")
def sign_of_the_whole(x, t, variance):
    return -gaussian_velocity.oracle(x, t, variance)


@gaussian_velocity.mistake("the sign of the noise's part: at t = 0 the state is noise, and has to shrink.")
def sign_of_the_noise(x, t, variance):
    t = t[:, None]
    return (t * variance + (1 - t)) / _spread(t, variance) * x


@gaussian_velocity.mistake("the time runs backwards: noise is at t = 0, data at t = 1.")
def time_reversed(x, t, variance):
    return gaussian_velocity.oracle(x, 1 - t, variance)


@gaussian_velocity.mistake("the covariance of z and x has been taken for their mean: divide it by the variance of x.")
def covariance_not_divided(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) * x


@gaussian_velocity.mistake("a factor t is missing in the covariance of z and x.")
def t_missing(x, t, variance):
    t = t[:, None]
    return (variance - (1 - t)) / _spread(t, variance) * x


@gaussian_velocity.mistake("`variance` is missing in the covariance of z and x.")
def variance_missing(x, t, variance):
    t = t[:, None]
    return (t - (1 - t)) / _spread(t, variance) * x


@gaussian_velocity.mistake("x is divided by its standard deviation, the root of its variance.")
def divided_by_the_root(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / _spread(t, variance).sqrt() * x


@gaussian_velocity.mistake("a factor 2: the derivative of the variance of x is twice as large as what is asked for.")
def twice(x, t, variance):
    return 2 * gaussian_velocity.oracle(x, t, variance)


@gaussian_velocity.mistake("this is the score: it only says where the density is large, not how it moves.")
def score(x, t, variance):
    return -x / _spread(t[:, None], variance)


@gaussian_velocity.mistake(
    "the times met the wrong axis: t of shape (B,) lines up with the coordinates, not the batch."
)
def t_not_reshaped(x, t, variance):
    return (t * variance - (1 - t)) / _spread(t, variance) * x


@gaussian_velocity.mistake("at t = 1 your velocity is 0: a small number is added to 1 - t, which is to cancel instead.")
def small_number_added(x, t, variance):
    t = t[:, None]
    return (_posterior_mean(x, t, variance) - x) / (1 - t + 1e-8)


@gaussian_velocity.mistake("this is the field towards one data point, the origin: here all data is averaged.")
def conditional_on_the_origin(x, t, variance):
    return -x / (1 - t[:, None])


@gaussian_velocity.mistake("`variance` is not used: data of another spread moves otherwise.")
def variance_ignored(x, t, variance):
    return gaussian_velocity.oracle(x, t, 1.0)


@gaussian_velocity.mistake("16 / 3 is the board's variance: use the one that is given.")
def variance_of_the_board(x, t, variance):
    return gaussian_velocity.oracle(x, t, 16 / 3)


@gaussian_velocity.mistake("a bracket is missing: only the second term of the numerator is divided.")
def bracket_missing(x, t, variance):
    t = t[:, None]
    return t * variance - (1 - t) / _spread(t, variance) * x


@gaussian_velocity.mistake("the noise is missing in the variance of x.")
def spread_without_noise(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / (t**2 * variance) * x


@gaussian_velocity.mistake("1 - t**2 is not the square of 1 - t: powers come before differences.")
def square_inside(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / (t**2 * variance + 1 - t**2) * x


@gaussian_velocity.mistake("1 - t is to cancel once, and you divide by it once more.")
def divided_once_more(x, t, variance):
    return gaussian_velocity.oracle(x, t, variance) / (1 - t[:, None])


@gaussian_velocity.mistake("this is a rate, the same at all places: the velocity grows with x.")
def rate_alone(x, t, variance):
    return gaussian_velocity.oracle(torch.ones_like(x), t, variance)


@gaussian_velocity.mistake("x is missing: this is the factor that it is multiplied by, one a state.")
def factor_alone(x, t, variance):
    return gaussian_velocity.oracle(torch.ones_like(x[:, :1]), t, variance)


@gaussian_velocity.mistake(
    "in the numerator, 1 - t was to cancel once in both terms: in one of them it still stands squared."
)
def cancelled_in_one_term(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t) ** 2) / _spread(t, variance) * x


@gaussian_velocity.mistake("in the numerator, 1 - t was to cancel once: in one of the terms it cancelled twice.")
def cancelled_twice(x, t, variance):
    t = t[:, None]
    return (t * variance - 1) / _spread(t, variance) * x


@gaussian_velocity.mistake("a sign: in the numerator a bracket was taken apart without changing all of its signs.")
def bracket_taken_apart(x, t, variance):
    t = t[:, None]
    return (t * variance - 1 - t) / _spread(t, variance) * x


@gaussian_velocity.mistake(
    "in the numerator, `variance` is multiplied by t squared: one of the two was to be taken out."
)
def t_squared(x, t, variance):
    t = t[:, None]
    return (t**2 * variance - (1 - t)) / _spread(t, variance) * x


@gaussian_velocity.mistake("in the variance of x, the noise's factor is not squared.")
def noise_not_squared(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / (t**2 * variance + 1 - t) * x


@gaussian_velocity.mistake("in the variance of x, the data's factor is not squared.")
def data_not_squared(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / (t * variance + (1 - t) ** 2) * x


@gaussian_velocity.mistake("the variance of x is squared: it comes as it is into the denominator.")
def spread_squared(x, t, variance):
    t = t[:, None]
    return (t * variance - (1 - t)) / _spread(t, variance) ** 2 * x


def _right_at(*ends: bool):
    """Whether a result is a multiple of x, right at t = 0 and at t = 1 or not, as is said."""

    def holds(pair: Compared) -> bool:
        given, expected = pair.given["result"], pair.expected["result"]
        if not given.isfinite().all() or not close(given * expected[:, :1], given[:, :1] * expected):
            return False
        return tuple(torch.allclose(given[i], expected[i], rtol=1e-3) for i in (2, 3)) == ends

    return holds


MULTIPLE = "each velocity is x times some number, as it should be. That number is "
gaussian_velocity.traits += [
    Trait(
        "right at both ends", _right_at(True, True), f"{MULTIPLE}right at t = 0 and at t = 1, and wrong between them."
    ),
    Trait("right at 0", _right_at(True, False), f"{MULTIPLE}right at t = 0, where all is noise, and wrong at t = 1."),
    Trait("right at 1", _right_at(False, True), f"{MULTIPLE}right at t = 1, where all is data, and wrong at t = 0."),
    Trait("wrong at both ends", _right_at(False, False), f"{MULTIPLE}wrong at t = 0 and at t = 1: begin there."),
    Trait(
        "no multiple",
        lambda pair: bool(pair.given["result"].isfinite().all()),
        "each velocity should be x times some number, the same for all coordinates; yours is not.",
    ),
]
