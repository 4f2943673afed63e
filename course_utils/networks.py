r"""Networks. Every model is called `model(x, t, y=None)` and returns the shape of x; t has shape () or (batch,).

Labels are integers 0..num_classes-1; the null label `num_classes` stands for "no label", and y=None means it.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_utils.schedules import Linear, Schedule
from course_utils.shapes import Time, expand_time

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
    """
    angle = 2 * torch.pi * t[..., None] * frequencies
    return torch.cat([angle.cos(), angle.sin()], -1)


class FourierFeatures(nn.Module):
    """`fourier_features` with fixed frequencies."""

    def __init__(self, frequencies: Sequence[float | int] = TIME_FREQUENCIES):
        super().__init__()
        self.register_buffer("frequencies", torch.as_tensor(frequencies, dtype=torch.get_default_dtype()))

    @property
    def size(self) -> int:
        """Number of features made of one number."""
        return 2 * len(self.frequencies)

    def forward(self, t: Tensor) -> Tensor:
        return fourier_features(t, self.frequencies)


class Embedding(nn.Module):
    """A vector for time and label: a small network of the time's Fourier features, plus a learned vector a label.

    Args:
        size: Length of the vector.
        num_classes: Number of labels, 0 for none; one more vector is learned for the null label.
    """

    def __init__(self, size: int, num_classes: int = 0):
        super().__init__()
        self.num_classes = num_classes
        fourier = FourierFeatures()
        self.time = nn.Sequential(fourier, nn.Linear(fourier.size, size), nn.SiLU(), nn.Linear(size, size))
        self.label = nn.Embedding(num_classes + 1, size) if num_classes else None

    def forward(self, x: Tensor, t: Time, y: Int[Tensor, " labels"] | None = None) -> Float[Tensor, "batch size"]:
        """The vector of each state's time and label, shape (batch, size); of x only the batch and dtype matter.

        Raises:
            ValueError: If t is neither () nor (batch,), y not (batch,), or a label not among 0..num_classes.
        """
        vector = self.time(expand_time(t, x).flatten().expand(len(x)))
        if self.label is None:
            if y is not None:
                raise ValueError("expected no labels: this network was made with num_classes = 0")
            return vector
        y = torch.full((len(x),), self.num_classes, device=x.device) if y is None else y
        if y.shape != x.shape[:1]:
            raise ValueError(f"expected labels of shape ({len(x)},), one a state, got {tuple(y.shape)}")
        if len(y) and (y.min() < 0 or y.max() > self.num_classes):
            raise ValueError(
                f"expected labels from 0 to {self.num_classes} (the null label), got {y.min()} to {y.max()}"
            )
        return vector + self.label(y)


class MLP(nn.Module):
    """A fully connected network for states of shape (batch, dim).

    Args:
        dim: Dimension of a state.
        hidden: Width of the hidden layers.
        depth: Number of hidden layers.
        num_classes: Number of labels, 0 for none.
        frequencies: Of Fourier features of every coordinate, given to the network beside the coordinates.
    """

    def __init__(
        self, dim: int, hidden: int = 128, depth: int = 3, num_classes: int = 0, frequencies: Sequence[float | int] = ()
    ):
        super().__init__()
        if min(dim, hidden, depth) < 1:
            raise ValueError(f"expected dim, hidden and depth of at least 1, got {dim}, {hidden}, {depth}")
        self.dim = dim
        self.fourier = FourierFeatures(frequencies)
        self.embedding = Embedding(hidden, num_classes)
        self.first = nn.Linear(dim * (1 + self.fourier.size), hidden)
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(depth - 1))
        self.last = nn.Linear(hidden, dim)

    def forward(
        self, x: Float[Tensor, "batch dim"], t: Time, y: Int[Tensor, " labels"] | None = None
    ) -> Float[Tensor, "batch dim"]:
        if x.shape[1] != self.dim:
            raise ValueError(f"expected states of shape (batch, {self.dim}), got {tuple(x.shape)}")
        h = self.first(torch.cat([x, self.fourier(x).flatten(1)], 1)) + self.embedding(x, t, y)
        for layer in self.layers:
            h = layer(F.silu(h))
        return self.last(F.silu(h))


class ResidualBlock(nn.Module):
    r"""$x + \text{conv}(\text{SiLU}(\text{conv}((1 + s)\,\text{norm}(x) + b)))$; s and b come from the embedding.

    The last convolution starts at zero, so that an untrained block changes nothing.

    Args:
        channels: Channels of the feature map, a multiple of 8.
        size: Length of the embedding.
    """

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.modulation = nn.Linear(size, 2 * channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], embedding: Float[Tensor, "batch size"]
    ) -> Float[Tensor, "batch channels height width"]:
        scale, shift = self.modulation(F.silu(embedding))[..., None, None].chunk(2, dim=1)
        h = (1 + scale) * self.norm(x) + shift
        return x + self.conv2(F.silu(self.conv1(h)))


class UNet(nn.Module):
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
        self.image_channels, self.margin = image_channels, margin
        self.embedding = Embedding(size, num_classes)
        self.inward = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * image_channels, wide, 3, padding=1))
        self.before = ResidualBlock(wide, size)
        self.down = nn.Conv2d(wide, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(ResidualBlock(deep, size) for _ in range(blocks))
        self.up = nn.Sequential(nn.Conv2d(deep, 4 * wide, 1), nn.PixelShuffle(2))
        self.after = ResidualBlock(wide, size)
        self.outward = nn.Sequential(nn.Conv2d(wide, 4 * image_channels, 3, padding=1), nn.PixelShuffle(2))
        self.to(memory_format=torch.channels_last)

    def forward(
        self, x: Float[Tensor, "batch channels height width"], t: Time, y: Int[Tensor, " labels"] | None = None
    ) -> Float[Tensor, "batch channels height width"]:
        x = F.pad(x, [-self.margin] * 4)
        self._check(x)
        embedding = self.embedding(x, t, y)
        h = self.before(self.inward(x).contiguous(memory_format=torch.channels_last), embedding)
        deep = self.down(h)
        for block in self.middle:
            deep = block(deep, embedding)
        h = self.after(h + self.up(deep), embedding)
        return F.pad(self.outward(h), [self.margin] * 4)

    def _check(self, x: Tensor) -> None:
        _, channels, height, width = x.shape
        if channels != self.image_channels or height % 4 or width % 4:
            raise ValueError(
                f"expected images with {self.image_channels} channel(s), height and width multiples of 4"
                f"{f' within the margin of {self.margin}' if self.margin else ''}, got shape {tuple(x.shape)}"
            )


class Residual(nn.Module):
    """`base(x, t, y) + scale(t) * net(x, t, y)`: a closed form does what it can, the network learns the rest.

    Before the time `start` the base stands alone, and nothing is spent on the network.

    Args:
        base: A field, for instance `marginal(...).velocity`. Not trained, unless it is a module itself.
        scale: Size of what the base leaves over at time t, such as `ResidualScale`; shape of t to shape of t.
        net: A network.
        start: Time from which on the network adds to the base.
    """

    def __init__(self, base: Callable, scale: Callable[[Tensor], Tensor], net: nn.Module, start: float = 0.0):
        super().__init__()
        self.base, self.scale, self.net, self.start = base, scale, net, start

    def forward(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        t = torch.as_tensor(t, dtype=x.dtype, device=x.device)
        label = () if y is None else (y,)
        known, begun = self.base(x, t, *label), t >= self.start
        if not begun.any():
            return known
        return known + expand_time(self.scale(t) * begun, x) * self.net(x, t, *label)


class ResidualScale(nn.Module):
    r"""How much of the conditional velocity is left open by x, if the data were Gaussian: its standard deviation.

    With $\lambda$ the variances of the data along its principal directions,
    $|\dot\alpha\beta - \alpha\dot\beta|\,\sqrt{\text{mean}(\lambda / (\alpha^2\lambda + \beta^2))}$; on the linear path
    the first factor is 1.

    Args:
        variances: Variances of the data, shape (d,), or one number.
        schedule: Schedule of the path, by default `Linear`.

    Raises:
        ValueError: If a variance is not positive.
    """

    def __init__(self, variances: Tensor | float, schedule: Schedule | None = None):
        super().__init__()
        variances = torch.atleast_1d(torch.as_tensor(variances, dtype=torch.get_default_dtype()))
        if not (variances > 0).all():
            raise ValueError(f"expected positive variances, got {variances.min().item():g}")
        self.register_buffer("variances", variances, persistent=False)
        self.schedule = schedule or Linear()

    def forward(self, t: Tensor) -> Tensor:
        s, variances = self.schedule, self.variances.to(t)
        alpha, beta = s.alpha(t), s.beta(t)
        rate = s.alpha_dot(t) * beta - alpha * s.beta_dot(t)
        open_share = variances / (alpha[..., None] ** 2 * variances + beta[..., None] ** 2)
        return rate.abs() * open_share.mean(-1).sqrt()


class Classifier(nn.Module):
    """A LeNet for 28×28 digits: two convolutions, a layer of 128 features, ten logits.

    Source: LeCun et al., "Gradient-based learning applied to document recognition" (1998).
    """

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(32 * 5 * 5, 128), nn.ReLU()),
        )
        self.head = nn.Linear(128, 10)

    def features(self, x: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 128"]:
        """Activations of the layer before the logits."""
        return self.body(x)

    def forward(self, x: Float[Tensor, "batch 1 28 28"]) -> Float[Tensor, "batch 10"]:
        return self.head(self.features(x))
