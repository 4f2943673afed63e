"""A network for chains of angles."""

import torch.nn.functional as F
from jaxtyping import Num
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding, FourierFeatures
from course_utils.networks.policy import multiples
from course_utils.shapes import Time, as_floats

__all__ = ["ChainConv"]


class ChainConv(Network):
    """Convolutions along a chain whose places hold some angles each, of which the network sees waves alone.

    A residual network: every layer looks two places to either side and gets a vector of the time. A chain may have any
    length; what lies beyond its ends is 0.

    Args:
        angles: Angles at one place.
        channels: Numbers a place in the hidden layers.
        depth: Number of hidden layers.
        waves: Multiples of each angle whose cosine and sine are seen.

    Raises:
        ValueError: If a size is less than 1; when called, if states are no chains of that many angles.

    Example:
        >>> model = networks.ChainConv()
        >>> model
        ChainConv(angles=2, channels=64, depth=4), 113,282 parameters
        >>> model(torch.zeros(5, 12, 2), 0.5).shape
        torch.Size([5, 12, 2])
    """

    def __init__(self, angles: int = 2, channels: int = 64, depth: int = 4, waves: int = 3):
        super().__init__()
        if min(angles, channels, depth, waves) < 1:
            raise ValueError(f"expected sizes of at least 1, got {angles}, {channels}, {depth}, {waves}")
        self.angles = angles
        self.fourier = FourierFeatures(multiples(waves))
        self.embedding = Embedding(channels)
        self.shifts = nn.Linear(channels, channels * (depth + 1))
        self.first = nn.Conv1d(angles * self.fourier.size, channels, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv1d(channels, channels, 5, padding=2) for _ in range(depth))
        self.last = nn.Conv1d(channels, angles, 1)

    def extra_repr(self) -> str:
        return f"angles={self.angles}, channels={self.last.in_channels}, depth={len(self.layers)}"

    def forward(self, x: Num[Tensor, "batch length angles"], t: Time) -> Num[Tensor, "batch length angles"]:
        if x.ndim != 3 or x.shape[2] != self.angles:
            raise ValueError(f"expected chains of shape (batch, length, {self.angles}), got {tuple(x.shape)}")
        waves = self.fourier(as_floats(x)).flatten(2).mT
        shifts = self.shifts(F.silu(self.embedding(x, t)))[..., None].chunk(1 + len(self.layers), 1)
        h = self.first(waves) + shifts[0]
        for layer, shift in zip(self.layers, shifts[1:], strict=True):
            h = h + layer(F.silu(h + shift))
        return self.last(F.silu(h)).mT
