"""Sliders on images; what they show is a wall of them."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.plotting.images import pixels, wall
from course_utils.schedules import Cosine, Linear, Schedule
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["SCHEDULES", "explore_noising", "rows_of"]

SCHEDULES = {"linear": Linear(), "cosine": Cosine()}
"""Schedules to choose from."""


def rows_of(images: Float[Tensor, "n 1 height width"], columns: int) -> Float[Tensor, "rows columns height width"]:
    """A batch of images in rows of so many; the rest that fills no row is left out."""
    full = len(images) // columns * columns
    return images[:full].reshape(-1, columns, *images.shape[2:])


def explore_noising(
    images: Float[Tensor, "n 1 height width"],
    *,
    schedules: Mapping[str, Schedule] = SCHEDULES,
    generator: torch.Generator | None = None,
) -> Explorer:
    """Digits along the path from noise to data, with time and schedule to choose; each keeps its own noise.

    Args:
        images: Pixels in [-1, 1], shape (n, 1, height, width), n a multiple of 8.
        schedules: To choose from, by name.
        generator: Source of the noise.

    Example:
        >>> widgets.explore_noising(torch.zeros(8, 1, 28, 28))
        Explorer(t, schedule)
    """
    noise = torch.empty_like(images).normal_(generator=generator)

    def draw(t: float, schedule: Schedule):
        at = torch.tensor(t)
        return {"images": pixels(rows_of(schedule.alpha(at) * images + schedule.beta(at) * noise, 8))}

    controls: Controls = {"t": Slider("time t", 0.0, 1.0, 0.5, 0.02), "schedule": Choice("schedule", schedules)}
    alt = "Handwritten digits mixed with noise: at t = 0 there is nothing but noise, at t = 1 the digits are clean."
    return Explorer(wall(rows_of(images, 8), zoom=3), draw, controls, alt=alt)
