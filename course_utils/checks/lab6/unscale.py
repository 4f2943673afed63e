"""Exercise 6.4: velocity and score of latents as the autoencoder makes them, from those of scaled ones."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import curved_field, times_and_ends
from course_utils.checks.observers import Several

__all__ = ["unscale"]


@exercise("6.4", "Velocity and score before the scaling", points=2, sees=Several("velocity", "score"), single=1e-4)
def unscale(velocity, score, mean, scale, h, t):
    velocities, scores = [], []
    for row, time in zip(h, t, strict=True):
        scaled = torch.stack([(a - m) / s for a, m, s in zip(row, mean, scale, strict=True)])[None]
        velocities.append([s * u for s, u in zip(scale, velocity(scaled, time[None])[0], strict=True)])
        scores.append([g / s for s, g in zip(scale, score(scaled, time[None])[0], strict=True)])
    return tuple(torch.stack([torch.stack(row) for row in rows]) for rows in (velocities, scores))


@unscale.inputs
def _(normal):
    dim = 2 + normal.seed % 2
    fields = {"velocity": curved_field(normal, dim), "score": curved_field(normal, dim)}
    mean, scale = normal(dim), 0.4 + 2 * normal(dim).sigmoid()
    return {**fields, "mean": mean, "scale": scale, "h": mean + scale * normal(4, dim), "t": times_and_ends(normal, 4)}


def _of_scaled(velocity, score, mean, scale, h, t):
    """Both fields of the scaled latents, at the right place."""
    x = (h - mean) / scale
    return velocity(x, t), score(x, t)


def _at(place, velocity, score, scale, t):
    """Both results, with the fields asked at another place."""
    return scale * velocity(place, t), score(place, t) / scale


@unscale.mistake("both fields are asked at h itself: they know scaled latents, so which place is it for them?")
def h_not_scaled(velocity, score, mean, scale, h, t):
    return _at(h, velocity, score, scale, t)


@unscale.mistake("the latents are stretched once more on their way to the fields: scaled ones have variance 1.")
def scaled_the_wrong_way(velocity, score, mean, scale, h, t):
    return _at(mean + scale * h, velocity, score, scale, t)


@unscale.mistake("the mean is not taken off before the fields are asked.")
def mean_left_in(velocity, score, mean, scale, h, t):
    return _at(h / scale, velocity, score, scale, t)


@unscale.mistake("the latents are only moved, not scaled, before the fields are asked.")
def only_moved(velocity, score, mean, scale, h, t):
    return _at(h - mean, velocity, score, scale, t)


@unscale.mistake("the mean is added, not taken off, before the fields are asked.")
def mean_added(velocity, score, mean, scale, h, t):
    return _at((h + mean) / scale, velocity, score, scale, t)


@unscale.mistake("order: the latents are divided first, and then the whole mean is taken off.")
def mean_not_scaled(velocity, score, mean, scale, h, t):
    return _at(h / scale - mean, velocity, score, scale, t)


@unscale.mistake("nothing was done to the two fields' answers: they are those of scaled latents.")
def answers_as_they_are(velocity, score, mean, scale, h, t):
    return _of_scaled(velocity, score, mean, scale, h, t)


@unscale.mistake("the velocity is that of the scaled latent: how far does the latent itself move meanwhile?")
def velocity_as_it_is(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return u, g / scale


@unscale.mistake("the velocity shrinks where it has to grow: wide coordinates have further to go in the same time.")
def velocity_divided(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return u / scale, g / scale


@unscale.mistake("the velocity got the mean, too: a place has one, but what changes with time is without it.")
def velocity_moved(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return mean + scale * u, g / scale


@unscale.mistake("the score is that of the scaled latent: how fast does log p change along h itself?")
def score_as_it_is(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale * u, g


@unscale.mistake("the score is stretched like a velocity: on a wide coordinate log p changes slowly, not fast.")
def score_stretched(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale * u, scale * g


@unscale.mistake("a variance acts on the score: log p is differentiated once, and scaled once.")
def score_by_the_variance(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale * u, g / scale**2


@unscale.mistake("a variance acts on the velocity: lengths are scaled once.")
def velocity_by_the_variance(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale**2 * u, g / scale


@unscale.mistake("the score got a term of the volume: that is the same everywhere, so its gradient is 0.")
def score_with_the_volume(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale * u, g / scale - scale.log().sum()


@unscale.mistake("the score is divided by the volume: log p only gains a constant by that.")
def score_over_the_volume(velocity, score, mean, scale, h, t):
    u, g = _of_scaled(velocity, score, mean, scale, h, t)
    return scale * u, g / scale.prod()


@unscale.mistake("one scale serves all coordinates: each has its own.")
def one_scale(velocity, score, mean, scale, h, t):
    return unscale.oracle(velocity, score, mean, scale.mean().expand_as(scale), h, t)


@unscale.mistake("the two results are exchanged: first the velocity, then the score.")
def exchanged(velocity, score, mean, scale, h, t):
    return unscale.oracle(velocity, score, mean, scale, h, t)[::-1]


@unscale.mistake("the two fields are exchanged: the velocity is made of the score, and the score of the velocity.")
def fields_exchanged(velocity, score, mean, scale, h, t):
    return unscale.oracle(score, velocity, mean, scale, h, t)


@unscale.mistake("this goes the other way: it makes fields of scaled latents of those of the others.")
def the_other_way(velocity, score, mean, scale, h, t):
    place = mean + scale * h
    return velocity(place, t) / scale, score(place, t) * scale


@unscale.mistake("the fields are asked at t = 0: both change with time, which no scaling touches.")
def time_stands_still(velocity, score, mean, scale, h, t):
    return unscale.oracle(velocity, score, mean, scale, h, 0 * t)


@unscale.mistake("the fields are asked at 1 - t: noise is at t = 0, data at t = 1.")
def time_reversed(velocity, score, mean, scale, h, t):
    return unscale.oracle(velocity, score, mean, scale, h, 1 - t)
