"""Labels: closed over before a simulator sees the field, and strengthened by classifier-free guidance."""

import torch
from torch import Tensor

from course_utils.shapes import Field


def condition(model, y: Tensor) -> Field:
    """The field `u(x, t) = model(x, t, y)` for fixed labels y of shape (batch,)."""
    return lambda x, t: model(x, t, y)


def classifier_free(model, y: Tensor, scale: float, null: int | None = None) -> Field:
    r"""The guided field $(1-w)\,u(x|\text{null}) + w\,u(x|y)$.

    Args:
        model: `model(x, t, y)`; without labels it is taken to mean the null label.
        y: Labels, shape (batch,).
        scale: Guidance scale w: 1 is conditional without guidance, 0 unconditional.
        null: The null label, or None if `model(x, t)` knows it.

    Source: Ho and Salimans, "Classifier-free diffusion guidance" (2022).
    """

    def unconditional(x: Tensor, t: Tensor) -> Tensor:
        return model(x, t) if null is None else model(x, t, torch.full_like(y, null))

    if scale == 1:
        return condition(model, y)
    if scale == 0:
        return unconditional
    return lambda x, t: (1 - scale) * unconditional(x, t) + scale * model(x, t, y)
