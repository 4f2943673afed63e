"""Inputs of exercises: random numbers from a seed, and the families made of them, as data (see `families`)."""

import math

import torch
from torch import Tensor

__all__ = [
    "Normal",
    "affine",
    "affine_model",
    "affine_score",
    "affine_sde",
    "arch_schedule",
    "curved_field",
    "dyadic",
    "power_schedule",
    "times",
    "times_and_ends",
    "turning_field",
]


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


def turning_field(normal: Normal, dim: int) -> dict:
    """A field u(x, t) whose divergence depends on time, too."""
    return {"family": "turning field", **affine(normal, dim)}


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
    """Times, shape (n,), of which the first is 0 and the last is 1."""
    t = times(normal, n)
    t[0] = 0.0
    t[-1] = 1.0
    return t
