"""What a wrong marginal velocity is made of: a right one, with parts to replace."""

import torch

__all__ = ["PARTS", "field", "towards"]


def towards(mean, x, t):
    """The velocity that leads from x to a mean of data points."""
    return (mean - x) / (1 - t)


def field(
    x,
    t,
    data,
    *,
    centre=lambda t, data: t * data,
    power=2,
    width=lambda t: 2 * (1 - t) ** 2,
    shares=lambda logs: logs.softmax(1),
    end=towards,
):
    """A right answer with its parts to replace."""
    squares = ((x[:, None] - centre(t, data)) ** 2).sum(-1)
    return end(shares(-(squares ** (power / 2)) / width(t)) @ data, x, t)


PARTS: dict[str, tuple[str, dict]] = {
    "distance to z": ("the distance is taken to z itself.", {"centre": lambda t, data: data}),
    "1 - t": ("the centres are at (1 - t) z.", {"centre": lambda t, data: (1 - t) * data}),
    "not squared": ("the distances are not squared.", {"power": 1}),
    "no 2": ("a 2 is missing in the exponent.", {"width": lambda t: (1 - t) ** 2}),
    "standard deviation": ("the exponent is divided by 1 - t.", {"width": lambda t: 2 * (1 - t)}),
    "no width": ("the exponent does not know the width.", {"width": lambda t: 2}),
    "t for 1 - t": ("the width is t, where noise is at t = 0.", {"width": lambda t: 2 * t**2}),
    "over the batch": ("the weights are normalised over the batch.", {"shares": lambda logs: logs.softmax(0)}),
    "upside down": ("the farthest points weigh most.", {"shares": lambda logs: (-logs).softmax(1)}),
    "not normalised": ("the weights are not normalised.", {"shares": torch.exp}),
    "whole distance": ("the way that is left is not divided.", {"end": lambda mean, x, t: mean - x}),
    "away": ("the velocity points away from the data.", {"end": lambda mean, x, t: (x - mean) / (1 - t)}),
    "mean": ("the mean of the data came back.", {"end": lambda mean, x, t: mean}),
    "score": ("the score is made of the mean.", {"end": lambda mean, x, t: (t * mean - x) / (1 - t) ** 2}),
}
"""Mistakes in one part, by name: the sentence, and what is replaced."""
