"""Exercise 4.1: times as waves, all cosines first, then all sines."""

import math

import torch

from course_utils.checks.exercise import exercise

__all__ = ["fourier_features"]


@exercise("4.1", "Fourier time embedding", points=2)
def fourier_features(t, frequencies):
    angles = [[2 * math.pi * f * s for f in frequencies.tolist()] for s in t.tolist()]
    rows = [[math.cos(a) for a in row] + [math.sin(a) for a in row] for row in angles]
    return torch.tensor(rows, dtype=t.dtype)


@fourier_features.inputs
def _(normal):
    return {"t": normal(6).sigmoid(), "frequencies": normal(3 + normal.seed % 3).exp()}


def _angles(t, frequencies):
    return 2 * math.pi * t[:, None] * frequencies


def _waves(angles):
    return torch.cat([angles.cos(), angles.sin()], 1)


def _features(t, frequencies):
    return _waves(_angles(t, frequencies))


@fourier_features.mistake("the factor that makes an angle of turns is missing: at frequency 1, t = 1 is a full turn.")
def no_full_turn(t, frequencies):
    return _waves(t[:, None] * frequencies)


@fourier_features.mistake(
    "the angles are half as large as they should be: at frequency 1, t = 1 is a full turn, not a half."
)
def half_turns(t, frequencies):
    return _waves(_angles(t, frequencies) / 2)


@fourier_features.mistake("the sines stand first: all cosines first, then all sines.")
def sine_first(t, frequencies):
    return _features(t, frequencies).roll(len(frequencies), 1)


@fourier_features.mistake("cosine and sine of each frequency stand side by side: all cosines first, then all sines.")
def taking_turns(t, frequencies):
    return _features(t, frequencies).unflatten(1, (2, -1)).mT.flatten(1)


@fourier_features.mistake(
    "t is divided by the frequencies: a frequency counts turns per unit of time, it is no period."
)
def periods(t, frequencies):
    return _features(t, 1 / frequencies)


@fourier_features.mistake("rows and columns are exchanged: each time has a row.")
def features_first(t, frequencies):
    return _features(t, frequencies).mT


@fourier_features.mistake(
    "the sines stand below the cosines, as if there were twice as many times: put them side by side."
)
def one_below_the_other(t, frequencies):
    return torch.cat(_features(t, frequencies).chunk(2, 1))


@fourier_features.mistake(
    "cosines and sines lie on top of each other, with an axis of their own: one row a time holds both."
)
def stacked(t, frequencies):
    return _features(t, frequencies).unflatten(1, (2, -1))


@fourier_features.mistake("each row belongs to a frequency: one row a time, as everywhere the batch comes first.")
def one_row_a_frequency(t, frequencies):
    return _features(frequencies, t)


@fourier_features.mistake(
    "the sines are missing: from a cosine alone, a time before and one after a turning point look alike."
)
def cosines_only(t, frequencies):
    return _angles(t, frequencies).cos()


@fourier_features.mistake(
    "the features are multiplied by the root of 2, as some papers do; here they stay between -1 and 1."
)
def root_of_two(t, frequencies):
    return 2**0.5 * _features(t, frequencies)
