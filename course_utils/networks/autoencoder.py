"""An image as a few numbers, and back."""

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


class ConvolutionBlock(nn.Module):
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
        channels: Channels at 7×7, a multiple of 8.
        blocks: Blocks of two convolutions at 7×7, in the encoder and in the decoder.

    Raises:
        ValueError: If a number is outside its range.

    Source: Kingma and Welling, "Auto-encoding variational Bayes" (2014).

    Example:
        >>> autoencoder = networks.Autoencoder(dim=32)
        >>> mean, log_var = autoencoder.encode(torch.zeros(5, 1, 28, 28))
        >>> mean.shape, log_var.shape, autoencoder.decode(mean).shape
        (torch.Size([5, 32]), torch.Size([5, 32]), torch.Size([5, 1, 28, 28]))
    """

    def __init__(self, dim: int = 32, channels: int = 32, blocks: int = 1):
        super().__init__()
        if min(dim, blocks) < 1:
            raise ValueError(f"expected dim and blocks of at least 1, got {dim} and {blocks}")
        if channels < 8 or channels % 8:
            raise ValueError(f"expected a multiple of 8 as channels, got {channels}")
        self.dim = dim
        self.channels = channels
        self.blocks = blocks
        features = channels * GRID * GRID
        self.encoder = nn.Sequential(
            *(nn.PixelUnshuffle(2), nn.Conv2d(4, channels, 3, stride=2, padding=1)),
            *(ConvolutionBlock(channels) for _ in range(blocks)),
            *(nn.SiLU(), nn.Flatten(), nn.Linear(features, 2 * dim)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(dim, features), nn.Unflatten(1, (channels, GRID, GRID))),
            *(ConvolutionBlock(channels) for _ in range(blocks)),
            *(nn.SiLU(), nn.Conv2d(channels, 4 * 16, 3, padding=1), nn.PixelShuffle(2)),
            *(nn.SiLU(), nn.Conv2d(16, 4, 3, padding=1), nn.PixelShuffle(2)),
        )

    def extra_repr(self) -> str:
        return f"dim={self.dim}, channels={self.channels}, blocks={self.blocks}"

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
