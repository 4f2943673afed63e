"""Inputs of exercises: random numbers from a seed, and the families made of them, as data (see `families`)."""

import math

import torch
from torch import Tensor

__all__ = [
    "SINGLE",
    "Normal",
    "affine",
    "affine_model",
    "affine_score",
    "affine_sde",
    "arch_schedule",
    "batch_shape",
    "curved_field",
    "double",
    "dyadic",
    "image_shape",
    "number_of_steps",
    "power_schedule",
    "single",
    "states",
    "times",
    "times_and_ends",
    "times_with_ends",
]

SINGLE = 0
"""One seed of six draws its inputs in single precision, where an exercise allows that: seeds modulo 6 that are this."""


class Normal:
    """Standard normal numbers in float64, one stream a seed: `normal(4, 2)` has the shape (4, 2).

    Attributes:
        seed: The seed, where kinds of cases alternate: `3 + normal.seed % 2` coordinates.
        generator: The stream, for numbers that are not normal.
    """

    def __init__(self, seed: int):
        self.seed = seed
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=self.generator)


def dyadic(normal: Normal, low: float, high: float) -> float:
    """A number of 64ths strictly between low and high: exact in single precision, too.

    So an answer that makes a tensor of it with the default dtype is not wrong in the eighth digit.
    """
    return (1 + math.floor((64 * (high - low) - 1) * normal(1).sigmoid().item())) / 64 + low


def times(normal: Normal, n: int) -> Tensor:
    """Times between 0.1 and 0.9, shape (n,): neither alpha nor beta is near 0, where digits would be lost."""
    return 0.1 + 0.8 * normal(n).sigmoid()


def affine(normal: Normal, dim: int) -> dict:
    """Parameters of an affine map of states and time."""
    return {"matrix": normal(dim, dim), "offset": normal(dim), "rate": normal(dim)}


def curved_field(normal: Normal, dim: int) -> dict:
    """A field u(x, t) that is curved in both."""
    return {"family": "curved field", **affine(normal, dim)}


def affine_sde(normal: Normal, dim: int) -> dict:
    """A process whose diffusion depends on state and time."""
    return {"family": "affine SDE", **affine(normal, dim), "scale": normal(1).exp()}


def affine_score(normal: Normal, dim: int) -> dict:
    """A score that is affine in the state."""
    return {"family": "affine score", "matrix": normal(dim, dim), "mean": normal(dim)}


def affine_model(normal: Normal, dim: int) -> dict:
    """A model with parameters to take gradients in."""
    return {"family": "affine model", **affine(normal, dim)}


def power_schedule(normal: Normal) -> dict:
    """A schedule in which nothing relates alpha to beta."""
    a, b = (1.5 + normal(2).sigmoid()).tolist()
    return {"family": "power schedule", "a": a, "b": b}


def arch_schedule(normal: Normal, *, noisy_end: bool = True) -> dict:
    """A schedule whose ends are times like others; with or without noise at t = 1. Nothing relates alpha to beta."""
    top, noise, rest = normal(3).sigmoid().tolist()
    return {
        "family": "arch schedule",
        "top": 0.6 + 0.3 * top,
        "noise": 0.7 + 0.6 * noise,
        "rest": 0.01 * (1 + rest) * noisy_end,
    }


def times_and_ends(normal: Normal, n: int) -> Tensor:
    """Times, shape (n,), of which the second is 0 and the last is 1."""
    t = times(normal, n)
    t[1] = 0.0
    t[-1] = 1.0
    return t


def batch_shape(normal: Normal) -> tuple[int, ...]:
    """Shape of a batch of states, one of four kinds: points in the plane, numbers, images, and a batch of one."""
    return ((4, 2), (4, 1), (3, 2, 5), (1, 2))[(normal.seed - 1) % 4]


def image_shape(normal: Normal) -> tuple[int, ...]:
    """Shape of a batch of as many images as they have rows and columns, at times of one: see `PointsAndImages`."""
    return (1, 1, 4, 4) if normal.seed % 4 == 0 else (4, 1, 4, 4)


def number_of_steps(normal: Normal) -> int:
    """A number n of steps, one of three kinds.

    In floating point, ten times 0.1 is less than 1, so that a loop `while t < 1` makes a step too many; and
    `arange(0, 1, 1 / n)` has 50 entries for n = 49.
    """
    return (4, 10, 49)[normal.seed % 3]


def states(normal: Normal, *shape: int) -> Tensor:
    """States of the given shape, batch first; the first lies ten times as far out as the others."""
    x = normal(*shape)
    x[0] *= 10
    return x


def times_with_ends(normal: Normal, n: int) -> Tensor:
    """Times as of `times`, but for one case in three, in which the first two are 0 and 1."""
    t = times(normal, n)
    if normal.seed % 3 == 0:
        t[:2] = torch.tensor([0.0, 1.0])[:n]
    return t


def single(case: dict) -> dict:
    """The same inputs in single precision."""
    return _converted(case, torch.float64, torch.float32)


def double(case: dict) -> dict:
    """The same inputs in double precision."""
    return _converted(case, torch.float32, torch.float64)


def _converted(value, before: torch.dtype, after: torch.dtype):
    if isinstance(value, dict):
        return {name: _converted(part, before, after) for name, part in value.items()}
    return value.to(after) if isinstance(value, Tensor) and value.dtype == before else value
