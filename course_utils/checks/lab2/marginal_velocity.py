"""Exercise 2.4: the marginal velocity of a data set on the linear path, an average of conditional ones."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.lab2.weighing import PARTS, field, towards
from course_utils.checks.mistakes import pairs

__all__ = ["marginal_velocity"]


@exercise(
    "2.4",
    "Marginal vector field",
    points=3,
    why="float64; states of size 100 leave rounding errors near 1e-12",
)
def marginal_velocity(x, t, data):
    rows = []
    for point in x.unbind():
        logs = torch.stack([-((point - t * z) ** 2).sum() / (2 * (1 - t) ** 2) for z in data])
        weights = (logs - logs.max()).exp()
        mean = sum(w * z for w, z in zip(weights, data, strict=True)) / weights.sum()
        rows.append((mean - point) / (1 - t))
    return torch.stack(rows)


@marginal_velocity.inputs
def _(normal):
    # The last of the states lies so far away that every one of its likelihoods is 0 in floating point.
    batch = 1 if normal.seed % 4 == 0 else 4
    x = normal(batch, 2).sign() * (1 + normal(batch, 2).sigmoid())
    x[-1] *= 60
    t = 0.3 + 0.3 * normal(1).sigmoid()[0]
    t = (0 * t, t, 0.5 + t)[normal.seed % 3]
    return {"x": x, "t": t, "data": normal(6, 2)}


def _squares(x, t, data):
    """Squared distances to the centres at time t, shape (batch, n)."""
    return ((x[:, None] - t * data) ** 2).sum(-1)


def _logs(x, t, data):
    """Log-likelihoods but for a constant, shape (batch, n)."""
    return -_squares(x, t, data) / (2 * (1 - t) ** 2)


def _towards_weighted(weights, x, t, data):
    return towards(weights @ data, x, t)


def _averaged(weights, x, t, data):
    """An average of velocities: it differs from the last where the weights do not sum to 1."""
    return (weights[..., None] * (data - x[:, None])).sum(1) / (1 - t)


def _shares_that_hide_0(likelihoods):
    return likelihoods / (likelihoods.sum(1, keepdim=True) + 1e-8)


@marginal_velocity.mistake(
    "0 / 0: far from every data point all likelihoods round to 0. Stay with logarithms until the weights are "
    "normalised (or subtract the largest first)."
)
def exponentials_underflow(x, t, data):
    likelihoods = _logs(x, t, data).exp()
    return _towards_weighted(likelihoods / likelihoods.sum(1, keepdim=True), x, t, data)


@marginal_velocity.mistake(
    "far from the data all weights are 0: all likelihoods round to 0 there. A small number in the denominator, or "
    "nan_to_num, only hides 0 / 0. Stay with logarithms until the weights are normalised."
)
def underflow_hidden(x, t, data):
    return _towards_weighted(_shares_that_hide_0(_logs(x, t, data).exp()), x, t, data)


@marginal_velocity.mistake(
    "far from the data the velocity is 0: all likelihoods round to 0 there. A small number in the denominator, or "
    "nan_to_num, only hides 0 / 0. Stay with logarithms until the weights are normalised."
)
def underflow_hidden_field_by_field(x, t, data):
    return _averaged(_shares_that_hide_0(_logs(x, t, data).exp()), x, t, data)


@marginal_velocity.mistake("the weights of a state do not sum to 1: divide by p_t(x), the sum over all data points.")
def not_normalised(x, t, data):
    return _towards_weighted(_logs(x, t, data).exp(), x, t, data)


@marginal_velocity.mistake(
    "the velocities are added with weights that do not sum to 1: divide by p_t(x), the sum over all data points."
)
def not_normalised_field_by_field(x, t, data):
    return _averaged(_logs(x, t, data).exp(), x, t, data)


@marginal_velocity.mistake("the average is divided by the number of data points as well: the weights sum to 1 already.")
def divided_by_n_as_well(x, t, data):
    return marginal_velocity.oracle(x, t, data) / len(data)


@marginal_velocity.mistake(
    "the weights are normalised over the batch: each state has its own, which sum to 1 over the data."
)
def normalised_over_the_batch(x, t, data):
    return _towards_weighted(_logs(x, t, data).softmax(0), x, t, data)


@marginal_velocity.mistake(
    "all data points have the same weight: those that x is likelier to come from have to count for more."
)
def equal_weights(x, t, data):
    return towards(data.mean(0), x, t)


@marginal_velocity.mistake("only the likeliest data point counts: the marginal field is the weighted average over all.")
def nearest_only(x, t, data):
    return towards(data[_logs(x, t, data).argmax(1)], x, t)


@marginal_velocity.mistake("the farthest points have the largest weights: the sign of the squared distance.")
def likelihood_upside_down(x, t, data):
    return _towards_weighted((-_logs(x, t, data)).softmax(1), x, t, data)


@marginal_velocity.mistake("the distance is taken to z: at time t the Gaussian of a data point is centred elsewhere.")
def distance_to_z(x, t, data):
    logs = -_squares(x, 1.0, data) / (2 * (1 - t) ** 2)
    return _towards_weighted(logs.softmax(1), x, t, data)


@marginal_velocity.mistake("a factor 2 is missing in the exponent of the Gaussian density.")
def no_2(x, t, data):
    return _towards_weighted((2 * _logs(x, t, data)).softmax(1), x, t, data)


@marginal_velocity.mistake(
    "the exponent is multiplied by the variance: in Python, a / 2 * b is (a / 2) * b, so the denominator needs "
    "brackets."
)
def brackets_in_the_exponent(x, t, data):
    logs = -_squares(x, t, data) / 2 * (1 - t) ** 2
    return _towards_weighted(logs.softmax(1), x, t, data)


@marginal_velocity.mistake(
    "the weights are shares of the logarithms (or squared distances), so that far points count most: likelihoods are "
    "exponentials."
)
def logarithms_as_weights(x, t, data):
    logs = _logs(x, t, data)
    return _towards_weighted(logs / logs.sum(1, keepdim=True), x, t, data)


@marginal_velocity.mistake("the exponent is divided by the standard deviation: it needs the variance.")
def standard_deviation(x, t, data):
    logs = -_squares(x, t, data) / (2 * (1 - t))
    return _towards_weighted(logs.softmax(1), x, t, data)


@marginal_velocity.mistake("the exponent does not know how wide the Gaussian is at time t.")
def no_width(x, t, data):
    return _towards_weighted((-_squares(x, t, data) / 2).softmax(1), x, t, data)


@marginal_velocity.mistake("the distances are not squared: check the exponent of the Gaussian density.")
def distance_not_squared(x, t, data):
    logs = -_squares(x, t, data).sqrt() / (2 * (1 - t) ** 2)
    return _towards_weighted(logs.softmax(1), x, t, data)


@marginal_velocity.mistake("this is the way that is left, not the velocity: how much time is left to travel it?")
def whole_distance(x, t, data):
    return _logs(x, t, data).softmax(1) @ data - x


@marginal_velocity.mistake("each coordinate has weights of its own: the squared norm is the sum over the coordinates.")
def squares_not_added(x, t, data):
    weights = (-((x[:, None] - t * data) ** 2) / (2 * (1 - t) ** 2)).softmax(1)
    return towards((weights * data).sum(1), x, t)


@marginal_velocity.mistake(
    "the exponent is half of what it should be: a squared norm is a sum over the coordinates, not a mean."
)
def mean_of_the_squares(x, t, data):
    return _towards_weighted((_logs(x, t, data) / 2).softmax(1), x, t, data)


@marginal_velocity.mistake("the velocity points from the data to x: the states have to arrive at the data.")
def away_from_the_data(x, t, data):
    return -marginal_velocity.oracle(x, t, data)


@marginal_velocity.mistake("x is missing from the numerator: the velocities lead from x to the data points.")
def x_forgotten(x, t, data):
    return marginal_velocity.oracle(x, t, data) + x / (1 - t)


@marginal_velocity.mistake("this is the average data point: average the conditional *velocities* towards them.")
def mean_of_the_data(x, t, data):
    return x + (1 - t) * marginal_velocity.oracle(x, t, data)


@marginal_velocity.mistake(
    "these weights are logarithms of shares, negative numbers: shares are positive and sum to 1."
)
def logarithms_of_the_weights(x, t, data):
    return _towards_weighted(_logs(x, t, data).log_softmax(1), x, t, data)


@marginal_velocity.mistake(
    "the time factor is on the wrong side: the centre of each Gaussian moves, x stays where it is."
)
def factor_on_x(x, t, data):
    logs = -((t * x[:, None] - data) ** 2).sum(-1) / (2 * (1 - t) ** 2)
    return _towards_weighted(logs.softmax(1), x, t, data)


@marginal_velocity.mistake("the way that is left is multiplied by the time that is left: is it not to be divided?")
def times_the_time_left(x, t, data):
    return (1 - t) ** 2 * marginal_velocity.oracle(x, t, data)


@marginal_velocity.mistake("the softmax is taken of likelihoods: it makes exponentials itself, of their logarithms.")
def exponential_twice(x, t, data):
    return _towards_weighted(_logs(x, t, data).exp().softmax(1), x, t, data)


@marginal_velocity.mistake("this is the score of p_t, which Lab 3 needs: the average of the velocities is asked for.")
def score(x, t, data):
    mean = _logs(x, t, data).softmax(1) @ data
    return (t * mean - x) / (1 - t) ** 2


@marginal_velocity.mistake(
    "the weights of a state do not sum to 1: the largest likelihood was taken off the logarithms, and then the sum has "
    "to be divided by."
)
def not_normalised_but_safe(x, t, data):
    logs = _logs(x, t, data)
    return _towards_weighted((logs - logs.amax(1, keepdim=True)).exp(), x, t, data)


@marginal_velocity.mistake("a sigmoid looks at each data point alone: shares of all data points have to sum to 1.")
def sigmoid(x, t, data):
    return _towards_weighted(_logs(x, t, data).sigmoid(), x, t, data)


@marginal_velocity.mistake("a bracket is missing: x has to be taken off before the division, not after it.")
def only_x_divided(x, t, data):
    return _logs(x, t, data).softmax(1) @ data - x / (1 - t)


@marginal_velocity.mistake("a bracket is missing: x has to be divided as well.")
def only_the_mean_divided(x, t, data):
    return _logs(x, t, data).softmax(1) @ data / (1 - t) - x


marginal_velocity.pairs += pairs(field, PARTS)


@marginal_velocity.mistake("all is taken at the time 1 - t: here noise is at t = 0, and data at t = 1.")
def time_reversed(x, t, data):
    return marginal_velocity.oracle(x, 1 - t, data)
