"""Sliders on images; what they show is a wall of them."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.digits.sampling import MIDPOINT_STEPS
from course_utils.guidance import classifier_free
from course_utils.plotting.images import pixels, wall
from course_utils.schedules import Cosine, Linear, Schedule
from course_utils.simulators import midpoint_step, simulate
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["SCHEDULES", "explore_generator", "explore_noising", "rows_of"]

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


def explore_generator(
    model, *, scales: Sequence[float] = (1.0, 1.2, 2.0), seeds: Sequence[int] = (1, 2), columns: int = 5
) -> Explorer:
    """A generator of digits at work: digit, guidance scale, seed of the noise, and time to choose.

    Args:
        model: Such as `digits.load()` gives: `model(x, t, y)` on latents of its `event_shape`, and `decode`.
        scales: Guidance scales to choose from.
        seeds: Seeds to choose from.
        columns: Digits of one noise, side by side.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> model = digits.latent_digits(networks.Autoencoder(dim=8), few.images, few.labels)
        >>> widgets.explore_generator(model)
        Explorer(digit, w, seed, t)
    """
    paths: dict[tuple[str, str, str], Tensor] = {}

    @torch.no_grad()
    def path(digit: str, w: str, seed: str) -> Tensor:
        x0 = torch.randn(columns, *model.event_shape, generator=torch.Generator().manual_seed(int(seed)))
        field = classifier_free(model, torch.full((columns,), int(digit)), float(w))
        xs = simulate(field, x0, torch.linspace(0, 1, MIDPOINT_STEPS + 1), midpoint_step).xs
        return model.decode(xs.flatten(0, 1)).unflatten(0, xs.shape[:2])

    def draw(digit: str, w: str, seed: str, t: float):
        if (digit, w, seed) not in paths:
            paths[digit, w, seed] = path(digit, w, seed)
        return {"images": pixels(rows_of(paths[digit, w, seed][round(t * MIDPOINT_STEPS)], columns))}

    controls: Controls = {
        "digit": Choice("digit", {str(k): str(k) for k in range(10)}, first="3"),
        "w": Choice("guidance w", {f"{w:g}": f"{w:g}" for w in scales}),
        "seed": Choice("seed", {str(seed): str(seed) for seed in seeds}),
        "t": Slider("time t", 0.0, 1.0, 1.0, 1 / MIDPOINT_STEPS),
    }
    alt = "Five digits that a generator draws from noise: vague shapes at t = 0, at t = 1 the digit that was asked for."
    return Explorer(wall(torch.zeros(1, columns, 28, 28), zoom=3), draw, controls, alt=alt)
