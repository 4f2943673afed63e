"""Drawings as strokes: lists of points (x, y) with coordinates from 0 to 1, y downwards; prepared ones for all."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Strokes", "along", "digit_image", "digits", "scattered", "shapes"]

Strokes = list[list[list[float]]]


def _arc(x: float, y: float, width: float, height: float, start: float = 0, end: float = 360, n: int = 40) -> list:
    """Points of an ellipse around (x, y), angles in degrees, clockwise from the right."""
    angles = [math.radians(start + (end - start) * k / n) for k in range(n + 1)]
    return [[x + width * math.cos(a), y + height * math.sin(a)] for a in angles]


def _heart() -> Strokes:
    ts = [2 * math.pi * k / 60 for k in range(61)]
    wave = (math.cos(t) * 13 - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) for t in ts)
    return [[[0.5 + 0.4 * math.sin(t) ** 3, 0.47 - 0.025 * y] for t, y in zip(ts, wave, strict=True)]]


def _spiral() -> Strokes:
    turns = [k / 90 for k in range(91)]
    return [[[0.5 + 0.42 * s * math.cos(14 * s), 0.5 + 0.42 * s * math.sin(14 * s)] for s in turns]]


def _star() -> Strokes:
    corners = [math.radians(144 * k - 90) for k in range(6)]
    return [[[0.5 + 0.42 * math.cos(a), 0.52 + 0.42 * math.sin(a)] for a in corners]]


def shapes() -> dict[str, Strokes]:
    """Prepared shapes by name."""
    smile = [_arc(0.5, 0.5, 0.4, 0.4), _arc(0.36, 0.38, 0.04, 0.05), _arc(0.64, 0.38, 0.04, 0.05)]
    return {
        "heart": _heart(), "spiral": _spiral(), "star": _star(),
        "smile": [*smile, _arc(0.5, 0.52, 0.24, 0.2, 20, 160)],
        "two rings": [_arc(0.3, 0.5, 0.2, 0.3), _arc(0.7, 0.5, 0.2, 0.3)],
    }  # fmt: skip


def digits() -> dict[str, Strokes]:
    """Prepared digits by name."""
    return {
        "0": [_arc(0.5, 0.5, 0.22, 0.34)],
        "1": [[[0.42, 0.26], [0.52, 0.16], [0.52, 0.84]]],
        "2": [_arc(0.5, 0.34, 0.2, 0.18, -170, 40) + [[0.28, 0.84], [0.76, 0.82]]],
        "3": [_arc(0.48, 0.33, 0.2, 0.17, -150, 80) + _arc(0.48, 0.67, 0.22, 0.18, -80, 150)],
        "4": [[[0.38, 0.16], [0.26, 0.56], [0.76, 0.54]], [[0.62, 0.3], [0.58, 0.86]]],
        "5": [[[0.7, 0.16], [0.36, 0.17], [0.33, 0.46]] + _arc(0.46, 0.64, 0.24, 0.2, -110, 140)],
        "6": [[[0.6, 0.14], [0.42, 0.36]] + _arc(0.5, 0.64, 0.2, 0.2, -160, 200)],
        "7": [[[0.26, 0.2], [0.74, 0.18], [0.46, 0.86]]],
        "8": [_arc(0.5, 0.32, 0.16, 0.16, 90, 450) + _arc(0.5, 0.67, 0.2, 0.19, -90, 270)],
        "9": [_arc(0.5, 0.36, 0.18, 0.19, 0, 360) + [[0.66, 0.5], [0.6, 0.86]]],
    }  # fmt: skip


def along(strokes: Strokes, places: Float[Tensor, " n"]) -> Float[Tensor, "n 2"]:
    """Points along strokes by their length: place 0 is the beginning of the first stroke, 1 the end of the last.

    Raises:
        ValueError: If nothing is drawn.
    """
    pairs = [torch.tensor([a, b]) for stroke in strokes for a, b in zip(stroke, stroke[1:] or stroke, strict=False)]
    if not pairs:
        raise ValueError("expected a drawing, got none: draw something, or choose one of the prepared ones")
    segments = torch.stack(pairs).to(places)
    lengths = (segments[:, 1] - segments[:, 0]).norm(dim=1) + 1e-6
    ends = lengths.cumsum(0)
    at = places * ends[-1]
    which = torch.searchsorted(ends, at).clamp(max=len(ends) - 1)
    share = (1 - (ends[which] - at) / lengths[which]).clamp(0, 1)[:, None]
    return torch.lerp(segments[which, 0], segments[which, 1], share)


def scattered(
    strokes: Strokes, n: int, *, limit: float = 2.5, width: float = 0.05, generator: torch.Generator | None = None
) -> Float[Tensor, "n 2"]:
    """Data points along a drawing, in [-limit, limit]² with the second coordinate upwards.

    Args:
        strokes: The drawing.
        n: Number of points.
        limit: Half of the side of the square.
        width: Standard deviation of the points around the line.
        generator: Source of places and scatter.
    """
    drawn = along(strokes, torch.rand(n, generator=generator))
    points = limit * (2 * drawn - 1) * torch.tensor([1.0, -1.0])
    return points + width * torch.randn(n, 2, generator=generator)


def digit_image(strokes: Strokes, *, radius: float = 1.1) -> Float[Tensor, "1 28 28"]:
    """A drawing as an image like those of MNIST: 20 pixels high or wide, its centre of mass in the middle.

    Args:
        strokes: The drawing.
        radius: Half of the width of the line, in pixels.
    """
    points = along(strokes, torch.linspace(0, 1, 400))
    low, high = points.amin(0), points.amax(0)
    points = (points - (low + high) / 2) * (20 - 2 * radius) / (high - low).max().clamp(min=0.05)
    image = _inked(points, radius)
    shift = 13.5 - _centre(image)
    return _inked(points + shift, radius)[None]


def _inked(points: Tensor, radius: float) -> Tensor:
    """Pixels in [-1, 1] of dots around (13.5, 13.5), one pixel of them grey at the edge."""
    rows, columns = torch.meshgrid(torch.arange(28.0), torch.arange(28.0), indexing="ij")
    pixels = torch.stack([columns, rows], -1).reshape(-1, 2).to(points)
    distance = torch.cdist(pixels, points + 13.5).amin(1).reshape(28, 28)
    return 2 * (radius + 0.5 - distance).clamp(0, 1) - 1


def _centre(image: Tensor) -> Tensor:
    """Centre of the ink, (column, row)."""
    ink, at = (image + 1) / (image + 1).sum(), torch.arange(28.0).to(image)
    return torch.stack([(ink.sum(0) * at).sum(), (ink.sum(1) * at).sum()])
