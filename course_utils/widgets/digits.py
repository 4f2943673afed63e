"""Sliders on digits: noise, guidance, memorization. What takes long is computed before and given."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from course_utils.plotting.digits import image_grid, tiled
from course_utils.plotting.stage import Stage, inked
from course_utils.schedules import Schedule
from course_utils.shapes import Field
from course_utils.simulators import midpoint_step, simulate
from course_utils.widgets.core import Choice, Explorer, Slider
from course_utils.widgets.paths import SCHEDULES


def wall(images: Float[Tensor, "rows columns height width"], **options) -> Stage:
    """A stage for images in rows and columns; what changes on it is "images", made by `pixels`.

    Args:
        images: Any of the size that will be shown.
        options: Titles and zoom of `plotting.image_grid`.
    """
    fig = image_grid(images, **options)
    fig.axes[0].images[0].set_data(pixels(images))
    return Stage(fig, {"images": fig.axes[0].images[0]})


def pixels(images: Float[Tensor, "rows columns height width"]) -> Tensor:
    """Images in rows and columns as pixels of one picture."""
    return inked(tiled(images))


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
    """
    noise = torch.empty_like(images).normal_(generator=generator)

    def draw(t: float, schedule: Schedule):
        at = torch.tensor(t)
        return {"images": pixels(rows_of(schedule.alpha(at) * images + schedule.beta(at) * noise, 8))}

    controls = {"t": Slider("time t", 0.0, 1.0, 0.5, 0.02), "schedule": Choice("schedule", schedules)}
    return Explorer(wall(rows_of(images, 8), zoom=3), draw, controls, alt=(
        "Handwritten digits mixed with noise: at t = 0 there is nothing but noise, at t = 1 the digits are clean."
    ))  # fmt: skip


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
    return Explorer(wall(rows_of(samples[start], columns), zoom=3), draw, controls, alt=(
        "Rows of generated digits, one column a label. At scale 0 they are any digits, from 1 on those of their "
        "columns; at larger scales their strokes become heavier."
    ))  # fmt: skip


ROWS = ("generated", "nearest in training")


class Copies(NamedTuple):
    """What a network generated after so many steps on so many images.

    Attributes:
        samples: Generated images, shape (columns, 1, height, width).
        nearest: The training image nearest to each, same shape.
        ratio: Distance to the nearest training image over that to the nearest of as many held-out ones.
    """

    samples: Float[Tensor, "columns 1 height width"]
    nearest: Float[Tensor, "columns 1 height width"]
    ratio: float


def explore_memorization(results: Mapping[tuple[int, int], Copies], *, zoom: int = 4) -> Explorer:
    """Generated images over their nearest training images, with the size of the data set and the steps to choose.

    Args:
        results: From (size of the data set, training steps) to what came out, for all combinations.
        zoom: Side of one pixel of an image on the screen.

    Raises:
        ValueError: If a combination is missing.
    """
    sizes, steps = (sorted({key[i] for key in results}) for i in (0, 1))
    if missing := [(n, k) for n in sizes for k in steps if (n, k) not in results]:
        raise ValueError(f"expected results for all sizes and steps, got none for {missing}")
    every, ratios = {f"{n:,}": n for n in sizes}, {key: copies.ratio for key, copies in results.items()}
    first = results[sizes[0], steps[-1]]
    fig = image_grid(torch.stack([first.samples[:, 0], first.nearest[:, 0]]), zoom=zoom, row_titles=ROWS)
    fig.set_figheight(fig.get_figheight() + 0.7)
    note = fig.text(0.5, 0.97, "", ha="center", va="top", size=12)
    fig.axes[0].images[0].set_data(pixels(torch.stack([first.samples[:, 0], first.nearest[:, 0]])))
    stage = Stage(fig, {"images": fig.axes[0].images[0], "ratio": note})

    def draw(n: int, k: int):
        found = results[n, k]
        note = f"ratio of distances r = {ratios[n, k]:.2f}   (real digits: 1, copies: 0)"
        return {"images": pixels(torch.stack([found.samples[:, 0], found.nearest[:, 0]])), "ratio": note}

    controls = {
        "n": Choice("training digits", every),
        "k": Choice("training steps", {f"{k:,}": k for k in steps}, first=f"{steps[-1]:,}"),
    }
    return Explorer(stage, draw, controls, alt=(
        "Upper row, generated digits; lower row, the training digit nearest to each. With few training digits and many "
        "steps both rows are equal."
    ))  # fmt: skip


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
    return Explorer(stage, draw, {"t": Slider("noised to t", 0.0, 1.0, 0.4, 0.1)}, alt=(
        "Left, your digit. Upper row, the digit mixed with noise; lower row, what the model makes of each. At small t "
        "any digits come back, at large t the one that was drawn."
    ))  # fmt: skip
