"""Times and labels as vectors."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.shapes import Time, check_labels, expand_time

__all__ = ["TIME_FREQUENCIES", "Embedding", "FourierFeatures", "fourier_features"]

TIME_FREQUENCIES = tuple(2.0 ** (k / 3 - 2) for k in range(16))
"""A quarter of a turn to eight turns over [0, 1]."""


def fourier_features(
    t: Float[Tensor, " *shape"], frequencies: Float[Tensor, " frequencies"]
) -> Float[Tensor, "*shape features"]:
    r"""$[\cos 2\pi f_1 t, \dots, \cos 2\pi f_k t, \sin 2\pi f_1 t, \dots, \sin 2\pi f_k t]$.

    Args:
        t: Times or other numbers, any shape.
        frequencies: Turns per unit of t, shape (k,).

    Returns:
        Features along a new last axis, shape (*shape, 2k).

    Source: Tancik et al., "Fourier features let networks learn high frequency functions" (2020).

    Example:
        >>> networks.fourier_features(torch.tensor([0.0, 0.5]), torch.tensor([1.0])).round()
        tensor([[ 1.,  0.],
                [-1., -0.]])
    """
    angle = 2 * torch.pi * t[..., None] * frequencies
    return torch.cat([angle.cos(), angle.sin()], -1)


class FourierFeatures(Network):
    """`fourier_features` with fixed frequencies.

    Example:
        >>> networks.FourierFeatures((1, 2, 4))(torch.zeros(5)).shape
        torch.Size([5, 6])
    """

    frequencies: Tensor

    def __init__(self, frequencies: Sequence[float | int] = TIME_FREQUENCIES):
        super().__init__()
        self.register_buffer("frequencies", torch.as_tensor(frequencies, dtype=torch.get_default_dtype()))

    @property
    def size(self) -> int:
        """Number of features made of one number."""
        return 2 * len(self.frequencies)

    def extra_repr(self) -> str:
        return f"size={self.size}"

    def forward(self, t: Tensor) -> Tensor:
        return fourier_features(t, self.frequencies)


class Embedding(Network):
    """A vector for time and label: a small network of the time's Fourier features, plus a learned vector a label.

    Args:
        size: Length of the vector.
        num_classes: Number of labels, 0 for none; one more vector is learned for the null label.
        time: Whether there is a vector for time; without one the time is not looked at.

    Example:
        >>> networks.Embedding(8, num_classes=10)(torch.zeros(2, 1), 0.5, torch.tensor([3, 10])).shape
        torch.Size([2, 8])
    """

    def __init__(self, size: int, num_classes: int = 0, time: bool = True):
        super().__init__()
        if num_classes < 0:
            raise ValueError(f"expected num_classes of at least 0, got {num_classes}")
        self.size = size
        self.num_classes = num_classes
        self.time = _time_network(size) if time else None
        self.label = nn.Embedding(num_classes + 1, size) if num_classes else None

    def extra_repr(self) -> str:
        return f"size={self.size}, num_classes={self.num_classes}"

    def forward(
        self,
        x: Tensor,
        t: Time | None,
        y: Integer[Tensor, " labels"] | None = None,
        extra: Float[Tensor, "batch size"] | None = None,
    ) -> Float[Tensor, "batch size"]:
        """The vector of each state's time and label, shape (batch, size); of x only the batch and dtype matter.

        What else a network is to know, as `FlowMap`'s second time, is added as `extra`, a vector of the same shape.

        Raises:
            ValueError: If t is missing or neither () nor (batch,), y not (batch,) or not whole numbers, or a label not
                among 0..num_classes.
        """
        vector = self._of_time(x, t)
        if extra is not None:
            vector = vector + extra
        if self.label is None:
            if y is not None:
                raise ValueError("expected no labels: this network was made with num_classes = 0")
            return vector
        y = torch.full((len(x),), self.num_classes, device=x.device) if y is None else y
        check_labels(y, len(x))
        if len(y) and (y.min() < 0 or y.max() > self.num_classes):
            raise ValueError(
                f"expected labels from 0 to {self.num_classes} (the null label), got {y.min()} to {y.max()}"
            )
        return vector + self.label(y.long())

    def _of_time(self, x: Tensor, t: Time | None) -> Tensor:
        if self.time is None:
            return torch.zeros(len(x), self.size, device=x.device)
        if t is None:
            raise ValueError("expected a time t: this network was made with a clock, got none")
        return self.time(expand_time(t, x).flatten().expand(len(x)))


def _time_network(size: int) -> nn.Sequential:
    fourier = FourierFeatures()
    return nn.Sequential(fourier, nn.Linear(fourier.size, size), nn.SiLU(), nn.Linear(size, size))
