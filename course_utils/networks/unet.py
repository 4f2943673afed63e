"""A network for images."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer, Num
from torch import Tensor, nn
from torch.autograd import forward_ad

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding
from course_utils.shapes import Time, as_floats

__all__ = ["ResidualBlock", "UNet"]


class ResidualBlock(Network):
    r"""$x + \text{conv}(\text{SiLU}(\text{conv}((1 + s)\,\text{norm}(x) + b)))$; s and b come from the embedding.

    The last convolution starts at zero, so that an untrained block changes nothing.

    Args:
        channels: Channels of the feature map, a multiple of 8.
        size: Length of the embedding.

    Example:
        >>> networks.ResidualBlock(8, size=16)(torch.ones(2, 8, 4, 4), torch.zeros(2, 16)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.modulation = nn.Linear(size, 2 * channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.conv2.parameters():
            nn.init.zeros_(parameter)

    def extra_repr(self) -> str:
        return f"channels={self.conv1.in_channels}, size={self.modulation.in_features}"

    def forward(
        self, x: Float[Tensor, "batch channels height width"], embedding: Float[Tensor, "batch size"]
    ) -> Float[Tensor, "batch channels height width"]:
        scale, shift = self.modulation(F.silu(embedding))[..., None, None].chunk(2, dim=1)
        h = (1 + scale) * self.norm(_as_differentiated(x)) + shift
        return x + self.conv2(F.silu(self.conv1(h)))


def _as_differentiated(x: Tensor) -> Tensor:
    """`x` itself; under `torch.func.jvp` in the ordinary memory format, the only one that group norm then knows."""
    return x if forward_ad.unpack_dual(x).tangent is None else x.contiguous()


class UNet(Network):
    """A U-Net small enough to train on a laptop's processor.

    Two by two pixels become channels, so that a 28×28 image is worked on at 14×14 (`channels[0]`) and 7×7
    (`channels[1]`), with one skip connection between.

    Args:
        num_classes: Number of labels, 0 for none.
        image_channels: Channels of an image.
        channels: Channels at half and at a quarter of the image's size, multiples of 8.
        blocks: Residual blocks at the quarter of the size.
        size: Length of the embedding of time and label.
        margin: Pixels on each side of the image that the network does not see, and where it answers 0.

    Raises:
        ValueError: If a number is outside its range.

    Example:
        >>> networks.UNet(num_classes=10)
        UNet(num_classes=10, image_channels=1, channels=(32, 64), blocks=2, size=128, margin=0), 285,540 parameters
    """

    def __init__(
        self,
        num_classes: int = 0,
        image_channels: int = 1,
        channels: tuple[int, int] = (32, 64),
        blocks: int = 2,
        size: int = 128,
        margin: int = 0,
    ):
        super().__init__()
        if min(channels) < 8 or any(c % 8 for c in channels):
            raise ValueError(f"expected multiples of 8 as channels, got {channels}")
        if margin < 0:
            raise ValueError(f"expected a margin of at least 0, got {margin}")
        wide, deep = channels
        self.image_channels = image_channels
        self.margin = margin
        self.embedding = Embedding(size, num_classes)
        self.inward = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * image_channels, wide, 3, padding=1))
        self.before = ResidualBlock(wide, size)
        self.down = nn.Conv2d(wide, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(ResidualBlock(deep, size) for _ in range(blocks))
        self.up = nn.Sequential(nn.Conv2d(deep, 4 * wide, 1), nn.PixelShuffle(2))
        self.after = ResidualBlock(wide, size)
        self.outward = nn.Sequential(nn.Conv2d(wide, 4 * image_channels, 3, padding=1), nn.PixelShuffle(2))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs

    def extra_repr(self) -> str:
        channels = (self.down.in_channels, self.down.out_channels)
        return (
            f"num_classes={self.embedding.num_classes}, image_channels={self.image_channels}, channels={channels}, "
            f"blocks={len(self.middle)}, size={self.embedding.size}, margin={self.margin}"
        )

    def forward(
        self,
        x: Num[Tensor, "batch channels height width"],
        t: Time,
        y: Integer[Tensor, " labels"] | None = None,
        extra: Float[Tensor, "batch size"] | None = None,
    ) -> Num[Tensor, "batch channels height width"]:
        self._check(x)
        x = F.pad(as_floats(x), [-self.margin] * 4)
        embedding = self.embedding(x, t, y, extra)
        h = self.inward(x).contiguous(memory_format=torch.channels_last)
        h = self.before(h, embedding)
        deep = self.down(h)
        for block in self.middle:
            deep = block(deep, embedding)
        h = self.after(h + self.up(deep), embedding)
        return F.pad(self.outward(h), [self.margin] * 4)

    def _check(self, x: Tensor) -> None:
        fits = x.ndim == 4 and x.shape[1] == self.image_channels
        if not fits or any((side - 2 * self.margin) % 4 or side <= 2 * self.margin for side in x.shape[2:]):
            raise ValueError(
                f"expected images with {self.image_channels} channel(s), height and width multiples of 4"
                f"{f' within the margin of {self.margin}' if self.margin else ''}, got shape {tuple(x.shape)}"
            )
