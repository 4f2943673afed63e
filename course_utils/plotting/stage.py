"""Pictures that change fast: a figure is drawn once, then only its moving parts; for sliders and animations."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from PIL import Image
from torch import Tensor

from course_utils.plotting.theme import DPI

__all__ = ["Stage", "bundle", "polylines", "shades"]

PROPERTIES = {
    Line2D: "data",
    LineCollection: "segments",
    PathCollection: "offsets",
    AxesImage: "data",
    StepPatch: "data",
    Text: "text",
}
"""What a plain value changes of each kind of artist."""


class Stage:
    """A figure with moving parts. A frame puts new data into them and draws nothing else again.

    Args:
        fig: The figure; its layout is computed once.
        parts: From name to moving artist, in the order in which they are drawn.

    Example:
        >>> fig, ax = plotting.figure()
        >>> stage = plotting.Stage(fig, {"line": ax.plot([], [])[0]})
        >>> stage
        Stage(374×352 pixels, parts line)
        >>> stage.picture({"line": ([0, 1], [0, 1])}).size
        (374, 352)
    """

    def __init__(self, fig: Figure, parts: Mapping[str, Artist]):
        self.parts = dict(parts)
        for part in self.parts.values():
            part.set_animated(True)
        fig.set_dpi(DPI)
        self.canvas = FigureCanvasAgg(fig)
        self.canvas.draw()
        fig.set_layout_engine("none")
        self._background = self.canvas.copy_from_bbox(fig.bbox)

    def __repr__(self) -> str:
        width, height = self.canvas.get_width_height()
        return f"Stage({width}×{height} pixels, parts {', '.join(self.parts)})"

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.canvas.get_width_height()[0]

    def picture(self, changes: Mapping[str, object]) -> Image.Image:
        """The next frame.

        Args:
            changes: From the name of a part to its data: points of a line or scatter, segments, an image, bars, a
                text, places and vectors of arrows; or a dictionary of matplotlib properties. Other parts stay.

        Raises:
            ValueError: If there is no such part.
        """
        if unknown := changes.keys() - self.parts.keys():
            raise ValueError(f"expected parts among {', '.join(self.parts)}, got {', '.join(sorted(unknown))}")
        for name, value in changes.items():
            _put(self.parts[name], value)
        self.canvas.restore_region(self._background)
        for part in self.parts.values():
            part.draw(self.canvas.renderer)
        size = self.canvas.get_width_height()
        return Image.frombuffer("RGBA", size, self.canvas.buffer_rgba(), "raw", "RGBA", 0, 1).convert("RGB")

    def jpeg(self, changes: Mapping[str, object]) -> bytes:
        """The next frame as a JPEG picture: a few milliseconds to make, for sliders."""
        buffer = io.BytesIO()
        self.picture(changes).save(buffer, "JPEG", quality=85, subsampling=0)
        return buffer.getvalue()

    def png(self, changes: Mapping[str, object], colors: int = 32) -> bytes:
        """The next frame as a PNG picture of few colours: small, for animations."""
        buffer = io.BytesIO()
        self.picture(changes).quantize(colors, dither=Image.Dither.NONE).save(buffer, "PNG")
        return buffer.getvalue()


def _put(artist: Artist, value: Any) -> None:
    if isinstance(value, Mapping):
        artist.set(**{name: _array(v) for name, v in value.items()})
    elif isinstance(artist, Quiver):
        places, vectors = value
        artist.set_offsets(_array(places))
        artist.set_UVC(*_array(vectors).T)
    else:
        kind = next(kind for kind in type(artist).__mro__ if kind in PROPERTIES)
        artist.set(**{PROPERTIES[kind]: _array(value)})


def _array(value: Any) -> Any:
    """Tensors as arrays, also within tuples; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_array(v) for v in value)
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else value


def bundle(ax: Axes, **options) -> LineCollection:
    """An empty bundle of lines on an axes; its data are segments.

    Args:
        ax: The axes.
        options: Go to `LineCollection`, such as `color`.
    """
    lines = LineCollection([], **options)
    ax.add_collection(lines, autolim=False)
    return lines


def polylines(ts: Tensor, xs: Tensor) -> Tensor:
    """Paths over time, xs of shape (times, paths), as segments of a `LineCollection`, shape (paths, times, 2)."""
    return torch.stack([ts[:, None].expand_as(xs), xs], -1).transpose(0, 1)


def shades(values: Float[Tensor, "rows columns"], colors: str = "Greens") -> np.ndarray:
    """Values from 0 to 1 as pixels of a colour map, shape (rows, columns, 4): faster to draw than the values."""
    return colormaps[colors](values.detach().cpu().numpy(), bytes=True)
