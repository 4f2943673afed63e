"""An image as a few numbers, and back."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float, Num
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.shapes import as_states

__all__ = ["Autoencoder"]

PIXELS = 28
"""Height and width of an image."""
GRID = 7
"""Height and width of the feature map between image and vector."""


class _Block(nn.Module):
    r"""$x + \text{conv}(\text{SiLU}(\text{conv}(\text{SiLU}(\text{norm}(x)))))$; the last one starts at zero."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.conv2.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm(x)))
        return x + self.conv2(F.silu(h))


class Autoencoder(Network):
    r"""Encoder $q(h|x) = N(m, \text{diag}\,e^\ell)$ of 28×28 images as `dim` numbers, and decoder of them.

    Both work at 7×7: two by two pixels become channels, a strided convolution halves the sides once more, and a linear
    layer makes a vector of the 49 places; the decoder goes the same way back.

    Args:
        dim: Length of a latent.
        encoder: Channels at 7×7, and blocks of two convolutions there, in the encoder.
        decoder: The same in the decoder.
        fine: Channels and blocks of the decoder at 14×14; channels are multiples of 8 everywhere.

    Raises:
        ValueError: If a number is outside its range.

    Source: Kingma and Welling, "Auto-encoding variational Bayes" (2014).

    Example:
        >>> autoencoder = networks.Autoencoder(dim=32)
        >>> mean, log_var = autoencoder.encode(torch.zeros(5, 1, 28, 28))
        >>> mean.shape, log_var.shape, autoencoder.decode(mean).shape
        (torch.Size([5, 32]), torch.Size([5, 32]), torch.Size([5, 1, 28, 28]))
    """

    def __init__(
        self,
        dim: int = 32,
        encoder: Sequence[int] = (32, 1),
        decoder: Sequence[int] = (32, 1),
        fine: Sequence[int] = (16, 0),
    ):
        super().__init__()
        if dim < 1 or min(encoder[1], decoder[1], fine[1]) < 0:
            raise ValueError(
                f"expected dim of at least 1 and blocks of at least 0, got {dim}, {encoder}, {decoder}, {fine}"
            )
        sizes = (encoder[0], decoder[0], fine[0])
        if min(sizes) < 8 or any(size % 8 for size in sizes):
            raise ValueError(f"expected multiples of 8 as channels, got {', '.join(map(str, sizes))}")
        self.dim = dim
        self.arguments: dict[str, Any] = {
            "dim": dim,
            "encoder": tuple(encoder),
            "decoder": tuple(decoder),
            "fine": tuple(fine),
        }
        self.encoder = nn.Sequential(
            *(nn.PixelUnshuffle(2), nn.Conv2d(4, encoder[0], 3, stride=2, padding=1)),
            *_blocks(*encoder),
            *(nn.SiLU(), nn.Flatten(), nn.Linear(encoder[0] * GRID * GRID, 2 * dim)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(dim, decoder[0] * GRID * GRID), nn.Unflatten(1, (decoder[0], GRID, GRID))),
            *_blocks(*decoder),
            *(nn.SiLU(), nn.Conv2d(decoder[0], 4 * fine[0], 3, padding=1), nn.PixelShuffle(2)),
            *_blocks(*fine),
            *(nn.SiLU(), nn.Conv2d(fine[0], 4, 3, padding=1), nn.PixelShuffle(2)),
        )

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={size}" for name, size in self.arguments.items())

    def encode(self, x: Num[Tensor, "batch 1 28 28"]) -> tuple[Float[Tensor, "batch dim"], Float[Tensor, "batch dim"]]:
        """Mean and log-variance of q(h|x) for images in [-1, 1], each of shape (batch, dim).

        Raises:
            ValueError: If the images have another shape.
        """
        mean, log_var = self.encoder(as_states(x, (1, PIXELS, PIXELS))).chunk(2, 1)
        return mean, log_var

    def decode(self, h: Num[Tensor, "batch dim"]) -> Float[Tensor, "batch 1 28 28"]:
        """Logits of ink for each pixel, shape (batch, 1, 28, 28); `2 * sigmoid(logits) - 1` is the image.

        Raises:
            ValueError: If the latents have another shape than (batch, dim).
        """
        return self.decoder(as_states(h, (self.dim,)))

    def forward(self, x: Num[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 1 28 28"]:
        """Images, each decoded from the mean of its latent, in [-1, 1]."""
        return 2 * self.decode(self.encode(x)[0]).sigmoid() - 1


def _blocks(channels: int, number: int) -> list[nn.Module]:
    return [_Block(channels) for _ in range(number)]
