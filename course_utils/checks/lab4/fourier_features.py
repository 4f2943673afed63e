"""Exercise 4.1: times as waves, all cosines first, then all sines."""

import math
from collections.abc import Callable

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import times_and_ends
from course_utils.checks.mistakes import pairs
from course_utils.checks.traits import Compared, Trait

__all__ = ["fourier_features"]


@exercise("4.1", "Fourier time embedding", points=2, single=0.001)
def fourier_features(t, frequencies):
    angles = [[2 * math.pi * f * s for f in frequencies.tolist()] for s in t.tolist()]
    rows = [[math.cos(a) for a in row] + [math.sin(a) for a in row] for row in angles]
    return torch.tensor(rows, dtype=t.dtype)


@fourier_features.inputs
def _(normal):
    return {"t": times_and_ends(normal, 6), "frequencies": normal(3 + normal.seed % 3).exp()}


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


@fourier_features.mistake("the angles are twice as large as they should be: at frequency 1, t = 1 is one full turn.")
def two_turns(t, frequencies):
    return _waves(2 * _angles(t, frequencies))


@fourier_features.mistake("the angles are in degrees: cosine and sine count in radians.")
def degrees(t, frequencies):
    return _waves(360 * t[:, None] * frequencies)


@fourier_features.mistake("a rounded number such as 3.14 stands for pi: torch.pi and math.pi have all its digits.")
def two_digits_of_pi(t, frequencies):
    return _waves(2 * 3.14 * t[:, None] * frequencies)


@fourier_features.mistake("the sine of each frequency stands before its cosine: all cosines first, then all sines.")
def sine_and_cosine_taking_turns(t, frequencies):
    return sine_first(t, frequencies).unflatten(1, (2, -1)).mT.flatten(1)


@fourier_features.mistake("the cosines stand in the right half, too, where the sines belong.")
def cosines_twice(t, frequencies):
    return _angles(t, frequencies).cos().repeat(1, 2)


@fourier_features.mistake("the sines stand in the left half, too, where the cosines belong.")
def sines_twice(t, frequencies):
    return _angles(t, frequencies).sin().repeat(1, 2)


@fourier_features.mistake(
    "the cosines are missing: from a sine alone, times before and after a quarter turn look alike."
)
def sines_only(t, frequencies):
    return _angles(t, frequencies).sin()


@fourier_features.mistake("cosine and sine of a frequency are added: each has a column of its own.")
def added(t, frequencies):
    return _angles(t, frequencies).cos() + _angles(t, frequencies).sin()


@fourier_features.mistake("the sines have the wrong sign.")
def sign_of_the_sines(t, frequencies):
    return _waves(-_angles(t, frequencies))


@fourier_features.mistake("times and frequencies are added: a frequency counts turns per unit of time.")
def sums(t, frequencies):
    return _waves(2 * math.pi * (t[:, None] + frequencies))


@fourier_features.mistake("1, 2, 3, ... stand where the frequencies should: they are given, and need not be whole.")
def whole_numbers(t, frequencies):
    return _features(t, torch.arange(1, len(frequencies) + 1).to(t))


@fourier_features.mistake("powers of 2 stand where the frequencies should: they are given.")
def powers_of_two(t, frequencies):
    return _features(t, 2.0 ** torch.arange(len(frequencies)).to(t))


@fourier_features.mistake(
    "the frequencies are exponentiated: they are given as turns per unit of time, not as logarithms."
)
def exponentiated(t, frequencies):
    return _features(t, frequencies.exp())


@fourier_features.mistake("the frequencies are squared.")
def squared(t, frequencies):
    return _features(t, frequencies**2)


@fourier_features.mistake("the features are those of 1 - t.")
def time_reversed(t, frequencies):
    return _features(1 - t, frequencies)


@fourier_features.mistake("the frequencies are rounded: they need not be whole.")
def rounded(t, frequencies):
    return _features(t, frequencies.round())


@fourier_features.mistake("there is a column too many: the features are cosines and sines alone.")
def with_a_constant(t, frequencies):
    return torch.cat([torch.ones_like(t)[:, None], _features(t, frequencies)], 1)


def _half_right(half: int) -> Callable[[Compared], bool]:
    def holds(pair: Compared) -> bool:
        given, expected = (values["result"].chunk(2, 1)[half] for values in (pair.given, pair.expected))
        return torch.allclose(given, expected)

    return holds


fourier_features.traits += [
    Trait("cosines right", _half_right(0), "the cosines are right, the sines are not: are their angles the same?"),
    Trait("sines right", _half_right(1), "the sines are right, the cosines are not: are their angles the same?"),
]


@fourier_features.mistake("the times themselves stand beside the waves: 2 k columns are asked for, those of the waves.")
def times_as_well(t, frequencies):
    return torch.cat([t[:, None], _features(t, frequencies)], 1)


@fourier_features.mistake("the frequencies are not used: here they are given, not those of positions in a text.")
def frequencies_of_transformers(t, frequencies):
    k = len(frequencies)
    return _waves(t[:, None] * (-math.log(10000) * torch.arange(k, dtype=t.dtype) / k).exp())


def _made(t, frequencies, *, angles=_angles, waves=_waves, scaled=lambda features: features):
    """A right answer with its three steps to replace."""
    return scaled(waves(angles(t, frequencies)))


fourier_features.pairs += pairs(
    _made,
    {
        "no turn": ("the angles lack the factor of a full turn.", {"angles": lambda t, f: t[:, None] * f}),
        "half turns": ("the angles are half as large.", {"angles": lambda t, f: math.pi * t[:, None] * f}),
        "periods": ("t is divided by the frequencies.", {"angles": lambda t, f: 2 * math.pi * t[:, None] / f}),
        "reversed": ("the times are 1 - t.", {"angles": lambda t, f: _angles(1 - t, f)}),
        "sines first": ("the sines stand first.", {"waves": lambda a: torch.cat([a.sin(), a.cos()], 1)}),
        "in turns": (
            "cosines and sines stand in turns.",
            {"waves": lambda a: torch.stack([a.cos(), a.sin()], 2).flatten(1)},
        ),
        "stacked": ("cosines and sines are put below one another.", {"waves": lambda a: torch.cat([a.cos(), a.sin()])}),
        "root of 2": ("all is multiplied by the root of 2.", {"scaled": lambda features: 2**0.5 * features}),
        "twice": ("all is multiplied by 2.", {"scaled": lambda features: 2 * features}),
    },
)
