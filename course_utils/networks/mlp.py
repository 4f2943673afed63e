"""A network for points."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Num
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding, FourierFeatures
from course_utils.shapes import Time, as_floats

__all__ = ["MLP"]


class MLP(Network):
    """A fully connected network for states of shape (batch, dim).

    Args:
        dim: Dimension of a state.
        hidden: Width of the hidden layers.
        depth: Number of hidden layers.
        num_classes: Number of labels, 0 for none.
        frequencies: Of Fourier features of every coordinate, given to the network beside the coordinates.
        coordinates: Whether the coordinates themselves are given, too.

    Raises:
        ValueError: If a size is less than 1, or nothing of the coordinates is given.

    Example:
        >>> networks.MLP(2, num_classes=10)(torch.zeros(5, 2), 0.5, torch.arange(5)).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        dim: int,
        hidden: int = 128,
        depth: int = 3,
        num_classes: int = 0,
        frequencies: Sequence[float | int] = (),
        coordinates: bool = True,
    ):
        super().__init__()
        if min(dim, hidden, depth) < 1:
            raise ValueError(f"expected dim, hidden and depth of at least 1, got {dim}, {hidden}, {depth}")
        if not coordinates and not frequencies:
            raise ValueError("expected frequencies where the coordinates themselves are not given, got none")
        self.dim = dim
        self.coordinates = coordinates
        self.fourier = FourierFeatures(frequencies)
        self.embedding = Embedding(hidden, num_classes)
        self.first = nn.Linear(dim * (coordinates + self.fourier.size), hidden)
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth - 1))
        self.last = nn.Linear(hidden, dim)

    def extra_repr(self) -> str:
        hidden = self.first.out_features
        depth = 1 + len(self.layers)
        return f"dim={self.dim}, hidden={hidden}, depth={depth}, num_classes={self.embedding.num_classes}"

    def forward(
        self,
        x: Num[Tensor, "batch dim"],
        t: Time,
        y: Integer[Tensor, " labels"] | None = None,
        extra: Float[Tensor, "batch size"] | None = None,
    ) -> Num[Tensor, "batch dim"]:
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"expected states of shape (batch, {self.dim}), got {tuple(x.shape)}")
        x = as_floats(x)
        h = self.first(self._seen(x)) + self.embedding(x, t, y, extra)
        for layer in self.layers:
            h = layer(F.silu(h))
        return self.last(F.silu(h))

    def _seen(self, x: Tensor) -> Tensor:
        """What the first layer gets of the coordinates."""
        if not self.fourier.size:
            return x
        waves = self.fourier(x).flatten(1)
        return torch.cat([x, waves], 1) if self.coordinates else waves
