"""Networks of others, for comparison: the well-known lab's U-Net, torchcfm's example and one of diffusers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RecipeBlock(nn.Module):
    """A residual layer of the well-known lab: two convolutions with BatchNorm, time and label added in between."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.first = nn.Sequential(nn.SiLU(), nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1))
        self.second = nn.Sequential(nn.SiLU(), nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1))
        self.time, self.label = (
            nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, channels)) for _ in range(2)
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        h = self.first(x) + self.time(t)[..., None, None] + self.label(y)[..., None, None]
        return x + self.second(h)


class RecipeUNet(nn.Module):
    """The well-known lab's network, from its description: 32×32, channels 32-64-128, two residual layers a level."""

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128), size: int = 40):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(size // 2))
        self.labels = nn.Embedding(11, size)
        first, last = channels[0], channels[-1]
        pairs = list(zip(channels, channels[1:], strict=False))
        layers = lambda c: nn.ModuleList(RecipeBlock(c, size) for _ in range(2))  # noqa: E731
        self.inward = nn.Sequential(nn.Conv2d(1, first, 3, padding=1), nn.BatchNorm2d(first), nn.SiLU())
        self.down = nn.ModuleList(layers(a) for a, _ in pairs)
        self.smaller = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.middle = layers(last)
        up = [(b, a) for a, b in reversed(pairs)]
        self.larger = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(a, b, 3, padding=1)) for a, b in up
        )
        self.up = nn.ModuleList(layers(b) for _, b in up)
        self.outward = nn.Conv2d(first, 1, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        y = torch.full((len(x),), 10) if y is None else y
        angle = 2 * torch.pi * torch.as_tensor(t).expand(len(x))[:, None] * self.frequencies
        t, y = 2**0.5 * torch.cat([angle.sin(), angle.cos()], 1), self.labels(y)
        h, skips = self.inward(x), []
        for layers, smaller in zip(self.down, self.smaller, strict=True):
            for layer in layers:
                h = layer(h, t, y)
            skips.append(h)
            h = smaller(h)
        for layer in self.middle:
            h = layer(h, t, y)
        for larger, layers in zip(self.larger, self.up, strict=True):
            h = larger(h) + skips.pop()
            for layer in layers:
                h = layer(h, t, y)
        return self.outward(h)


class Padded(nn.Module):
    """A network of 32×32 images, called with 28×28 ones."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(F.pad(x, (2, 2, 2, 2), value=-1.0), t, y)[..., 2:-2, 2:-2]


def torchcfm_unet() -> nn.Module:
    """The network of torchcfm's conditional MNIST example, with its settings; called as (x, t, y)."""
    from torchcfm.models.unet import UNetModel

    net = UNetModel(dim=(1, 28, 28), num_channels=32, num_res_blocks=1, num_classes=10, class_cond=True)
    return _Called(net)


class _Called(nn.Module):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x, t, y=None):
        return self.net(torch.as_tensor(t).expand(len(x)), x, y.clamp(max=9))


class DiffusersUNet(nn.Module):
    """The U-Net of the diffusers package, about as large as Lab 4's, without attention; called as (x, t, y)."""

    def __init__(self):
        super().__init__()
        from diffusers import UNet2DModel

        channels = (16, 32, 32)
        self.net = UNet2DModel(
            28, 1, 1, block_out_channels=channels, layers_per_block=1, norm_num_groups=8, num_class_embeds=11,
            down_block_types=["DownBlock2D"] * 3, up_block_types=["UpBlock2D"] * 3, add_attention=False,
        )  # fmt: skip

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        return self.net(x, 1000 * torch.as_tensor(t).flatten().expand(len(x)), y).sample
