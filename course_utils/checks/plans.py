"""Families of Lab 10: what plans a row of actions for a state, and a world that carries one out."""

import torch
from torch import Tensor

__all__ = ["LinearWorld", "Planner"]


class Planner:
    """plan(x): sin(x matrix^T + offset), cut into `horizon` actions, shape (B, horizon, m)."""

    def __init__(self, matrix: Tensor, offset: Tensor, horizon: int):
        self.matrix, self.offset, self.horizon = matrix, offset, horizon

    def __call__(self, x):
        _check(x, self.matrix.shape[1], "plan(x) with states", "d")
        return torch.sin(x @ self.matrix.T + self.offset).unflatten(1, (self.horizon, -1))


class LinearWorld:
    """step(x, a): x matrix^T + a effect^T."""

    def __init__(self, matrix: Tensor, effect: Tensor):
        self.matrix, self.effect = matrix, effect

    def __call__(self, x, a):
        _check(x, self.matrix.shape[1], "step(x, a) with states", "d")
        _check(a, self.effect.shape[1], "step(x, a) with one action a state,", "m")
        if len(a) != len(x):
            raise ValueError(f"expected one action a state in step(x, a), got {len(a)} actions for {len(x)} states")
        return x @ self.matrix.T + a @ self.effect.T


def _check(value, size: int, what: str, letter: str) -> None:
    """Refuse what is no batch of rows of this size."""
    if not isinstance(value, Tensor):
        raise ValueError(f"expected {what} of shape (B, {letter}), got a {type(value).__name__}")
    if value.ndim != 2 or value.shape[1] != size:
        raise ValueError(f"expected {what} of shape (B, {letter}), here {letter} = {size}, got {tuple(value.shape)}")
