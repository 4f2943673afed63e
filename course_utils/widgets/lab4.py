"""Sliders of Lab 4: guidance, a digit noised and brought back. What takes long is computed before and given."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.plotting.images import pixels, wall
from course_utils.shapes import Field
from course_utils.simulators import midpoint_step, simulate
from course_utils.widgets.core import Explorer, Slider
from course_utils.widgets.images import rows_of

__all__ = ["explore_guidance", "explore_noised_and_back", "noised_and_back"]


def explore_guidance(
    samples: Mapping[float | int, Float[Tensor, "n 1 height width"]], *, columns: int = 10
) -> Explorer:
    """Digits generated with the guidance scale to choose; all from one noise.

    Args:
        samples: From guidance scale to images, at evenly spaced scales, shape (n, 1, height, width).
        columns: Images in a row, such as one for each label.

    Raises:
        ValueError: If there are fewer than two scales, or they are not evenly spaced.
    """
    scales = sorted(samples)
    gaps = [b - a for a, b in zip(scales, scales[1:], strict=False)]
    if not gaps or max(gaps) - min(gaps) > 1e-6:
        raise ValueError(f"expected two or more guidance scales, evenly spaced, got {scales}")

    def draw(w: float):
        return {"images": pixels(rows_of(samples[min(scales, key=lambda scale: abs(scale - w))], columns))}

    start = min(scales, key=lambda scale: abs(scale - 1))
    controls = {"w": Slider("scale w", float(scales[0]), float(scales[-1]), float(start), gaps[0])}
    alt = (
        "Rows of generated digits, one column a label. At scale 0 they are any digits, from 1 on those of their "
        "columns; at larger scales their strokes become heavier."
    )
    return Explorer(wall(rows_of(samples[start], columns), zoom=3), draw, controls, alt=alt)


def noised_and_back(
    field: Field, image: Float[Tensor, "1 height width"], ts: Float[Tensor, " times"], noise: Tensor, *, steps: int = 8
) -> tuple[Tensor, Tensor]:
    """An image mixed with noise up to each of several times, and what a field makes of each at t = 1.

    Each state starts at its own time t and is followed in s, from 0 to 1, at the time t + (1 - t) s.

    Args:
        field: Velocity u(x, t), finite at t = 1, of the linear path.
        image: Pixels in [-1, 1], shape (1, height, width).
        ts: Times, shape (times,).
        noise: Standard normal noise, shape of `image`.
        steps: Midpoint steps.

    Returns:
        Both of shape (times, 1, height, width).
    """
    left = (1 - ts)[:, None, None, None]
    noisy = (1 - left) * image + left * noise
    grid = torch.linspace(0, 1, steps + 1)
    return noisy, simulate(lambda x, s: left * field(x, ts + (1 - ts) * s), noisy, grid, midpoint_step).end


def explore_noised_and_back(
    field: Field, image: Float[Tensor, "1 height width"], *, generator: torch.Generator | None = None, draws: int = 4
) -> Explorer:
    """A digit, noised up to a time to choose and brought back several times, each with its own noise.

    Args:
        field: Velocity u(x, t), finite at t = 1, of the linear path.
        image: Pixels in [-1, 1], shape (1, height, width), such as `DigitCanvas.image`.
        generator: Source of the noise.
        draws: How many times.
    """
    ts = torch.linspace(0, 1, 11)
    tries = []
    for _ in tqdm(range(draws), desc="noise and bring back"):
        noise = torch.empty_like(image).normal_(generator=generator)
        tries.append(torch.stack(noised_and_back(field, image, ts, noise)))
    pictures = torch.stack(tries, 2)[:, :, :, 0]  # (noisy or back, times, draws, height, width)

    def rows(i: int) -> Tensor:
        return torch.cat([image.expand(2, 1, -1, -1), pictures[:, i]], 1)

    def draw(t: float):
        return {"images": pixels(rows(round(10 * t)))}

    titles = {"row_titles": ("noised", "brought back"), "column_titles": ("yours", *["new noise"] * draws)}
    stage = wall(rows(4), zoom=4, **titles)
    alt = (
        "Left, your digit. Upper row, the digit mixed with noise; lower row, what the model makes of each. At small t "
        "any digits come back, at large t the one that was drawn."
    )
    return Explorer(stage, draw, {"t": Slider("noised to t", 0.0, 1.0, 0.4, 0.1)}, alt=alt)
