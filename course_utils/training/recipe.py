"""How the weights follow the gradient: the learning rate's schedule, weight decay, an average over the last steps."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["MovingAverage", "Recipe", "trapezoid"]


def trapezoid(step: int, steps: int, warmup: int = 100, flat: float = 0.4, final: float = 0.02) -> float:
    """Factor of the learning rate after `step` of `steps`: a linear rise, 1 for a while, a linear fall to `final`.

    Args:
        step: Steps done, 0 to `steps`.
        steps: Steps in all, at least 1.
        warmup: Steps of the rise, at least 0; a tenth of all at most.
        flat: Share of all steps after which the fall begins, 0 to 1; with 1 there is no fall.
        final: Factor after the last step, 0 to 1.

    Raises:
        ValueError: If an argument is outside its range.

    Example:
        >>> [training.trapezoid(step, 1000) for step in (0, 100, 400)]
        [0.01, 1.0, 1.0]
    """
    if steps < 1 or not 0 <= step <= steps:
        raise ValueError(f"expected a step from 0 to steps, and steps of at least 1, got {step} and {steps}")
    if not 0 <= warmup < math.inf:
        raise ValueError(f"expected a warmup of at least 0 steps, got {warmup}")
    if not (0 <= flat <= 1 and 0 <= final <= 1):
        raise ValueError(f"expected flat and final from 0 to 1, got {flat} and {final}")
    rising = max(1, min(warmup, steps // 10))
    rise = min(1.0, (step + 1) / rising)
    falling = steps * (1 - flat)
    left = steps - step
    fall = left / falling if left < falling else 1.0
    return rise * (final + (1 - final) * fall)


@dataclass(frozen=True, repr=False)
class Recipe:
    """What AdamW is told beside the learning rate, and what is averaged.

    Attributes:
        schedule: Factor of the learning rate at `(step, steps)`, with step = 0, 1, ...
        weight_decay: Of AdamW.
        average: Share of the steps that the moving average of the weights spans, or None for the last weights.

    Raises:
        ValueError: If `weight_decay` is negative or `average` is not a share.

    Example:
        >>> training.Recipe(average=None)
        Recipe(schedule=trapezoid, weight_decay=0.01, average=None)
    """

    schedule: Callable[[int, int], float] = trapezoid
    weight_decay: float = 0.01
    average: float | None = 0.05

    def __post_init__(self):
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"expected a weight_decay of at least 0, got {self.weight_decay}")
        if self.average is not None and not 0 < self.average <= 1:
            raise ValueError(f"expected average to be a share of the steps in (0, 1] or None, got {self.average}")

    def __repr__(self) -> str:
        name = getattr(self.schedule, "__name__", type(self.schedule).__name__)
        return f"Recipe(schedule={name}, weight_decay={self.weight_decay}, average={self.average})"


class MovingAverage:
    """An average of a model's weights over about the last `share` of the steps so far.

    Example:
        >>> average = training.MovingAverage(networks.MLP(2), share=0.05)
        >>> average
        MovingAverage(share=0.05, after 0 steps)
    """

    def __init__(self, model: nn.Module, share: float):
        self.share = share
        self.steps = 0
        self.weights = [p.detach().clone() for p in model.parameters()]

    def __repr__(self) -> str:
        return f"MovingAverage(share={self.share}, after {self.steps} steps)"

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after one more step."""
        self.steps += 1
        for average, p in zip(self.weights, model.parameters(), strict=True):
            average.lerp_(p, min(1.0, 1 / (self.share * self.steps)))

    @torch.no_grad()
    def load_into(self, model: nn.Module) -> None:
        """Make the average the weights of the model."""
        for p, average in zip(model.parameters(), self.weights, strict=True):
            p.copy_(average)
