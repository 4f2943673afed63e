"""Exercises as they were written before: for the labs that have not moved to folders."""

import torch

from course_utils.checks.calling import (
    AlsoAtTheEnd,
    DriftAndDiffusion,
    LossAndGradient,
    Number,
    PointsAndImages,
    Returned,
    Several,
    Training,
)
from course_utils.checks.exercise import Exercise as New
from course_utils.checks.exercise import Mistake

__all__ = ["Exercise", "Mistake", "by_name", "random_inputs"]

OBSERVERS = {
    "returned": Returned(),
    "number": Number(),
    "loss and gradient": LossAndGradient(),
    "drift and diffusion": DriftAndDiffusion(),
    "schedule": Several("alpha", "beta", "alpha_dot", "beta_dot"),
    "alpha and beta": Several("alpha", "beta"),
    "state for points and images": PointsAndImages(),
    "x and velocity for points and images": PointsAndImages(Several("x", "velocity")),
    "training": Training(),
    "state also at t_next = 1": AlsoAtTheEnd(),
    "data, noise and score": Several("data", "noise", "score"),
}


def random_inputs(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, dtype=torch.float64, generator=generator)


def by_name(*exercises):
    return {e.name: e for e in exercises}


def Exercise(
    name,
    number,
    title,
    points,
    draw,
    reference,
    mistakes,
    rtol=1e-8,
    why="float64 and the same formula: only rounding differs",
    observer="returned",
):
    new = New(reference, number, title, points, OBSERVERS[observer], rtol, why, list(mistakes))
    reference.__name__ = name
    new.inputs(lambda normal: draw(normal.seed))
    return new
