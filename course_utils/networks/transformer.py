"""A transformer for images, in the place of a U-Net."""

import torch.nn.functional as F
from jaxtyping import Float, Integer, Num
from torch import Tensor, nn

from course_utils.networks.base import Network
from course_utils.networks.embedding import Embedding
from course_utils.networks.patches import attention, patchify, unpatchify, waves_of_places
from course_utils.shapes import Time, as_floats

__all__ = ["SelfAttention", "Transformer", "TransformerBlock"]


class SelfAttention(Network):
    """Every token looks at all tokens of its image, in several heads at once.

    Args:
        width: Length of a token, a multiple of `heads`.
        heads: Number of heads.

    Raises:
        ValueError: If the width is no multiple of the heads.

    Source: Vaswani et al., "Attention is all you need" (2017), section 3.2.2.

    Example:
        >>> networks.SelfAttention(8, heads=2)(torch.zeros(5, 9, 8)).shape
        torch.Size([5, 9, 8])
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        if heads < 1 or width < heads or width % heads:
            raise ValueError(f"expected a width that is a multiple of the heads, got {width} and {heads}")
        self.heads = heads
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)

    def extra_repr(self) -> str:
        return f"width={self.outward.in_features}, heads={self.heads}"

    def split(self, x: Float[Tensor, "batch tokens width"]) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of the tokens, each of shape (batch, heads, tokens, width / heads)."""
        batch, tokens, width = x.shape
        parts = self.inward(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        return q, k, v

    def forward(self, x: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        q, k, v = self.split(x)
        heads_side_by_side = attention(q, k, v).transpose(1, 2).flatten(2)
        return self.outward(heads_side_by_side)


class TransformerBlock(Network):
    r"""$x + g_1\,\text{attention}((1 + s_1)\,\text{norm}(x) + b_1)$, then the same with a small network a token.

    Scale s, shift b and gate g come from the embedding of time and label (adaLN); they start at zero, so that an
    untrained block changes nothing (adaLN-Zero).

    Args:
        width: Length of a token.
        heads: Heads of the attention.
        size: Length of the embedding.

    Source: Peebles and Xie, "Scalable diffusion models with transformers" (2023), section 3.2.

    Example:
        >>> block = networks.TransformerBlock(8, heads=2, size=16)
        >>> x = torch.randn(3, 9, 8)
        >>> torch.equal(block(x, torch.randn(3, 16)), x)
        True
    """

    def __init__(self, width: int, heads: int, size: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = SelfAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(size, 6 * width)
        _start_at_zero(self.modulation)

    def extra_repr(self) -> str:
        return f"width={self.mlp[0].in_features}, heads={self.attention.heads}, size={self.modulation.in_features}"

    def forward(
        self, x: Float[Tensor, "batch tokens width"], embedding: Float[Tensor, "batch size"]
    ) -> Float[Tensor, "batch tokens width"]:
        s1, b1, g1, s2, b2, g2 = self.modulation(F.silu(embedding))[:, None].chunk(6, -1)
        x = x + g1 * self.attention((1 + s1) * self.norm(x) + b1)
        return x + g2 * self.mlp((1 + s2) * self.norm(x) + b2)


class Transformer(Network):
    """A diffusion transformer: patches as tokens, a fixed wave for each place, blocks, and patches again.

    Args:
        shape: Of an image, (channels, height, width).
        patch: Side of a patch; it divides height and width within the margin.
        width: Length of a token, a multiple of 4 and of `heads`.
        depth: Number of blocks.
        heads: Heads of each attention.
        num_classes: Number of labels, 0 for none.
        size: Length of the embedding of time and label.
        margin: Pixels on each side of the image that the network does not see, and where it answers 0.

    Raises:
        ValueError: If a number is outside its range, or the patch does not divide the image.

    Source: Peebles and Xie, "Scalable diffusion models with transformers" (2023).

    Example:
        >>> model = networks.Transformer((1, 28, 28), patch=4, num_classes=10, margin=2)
        >>> model(torch.zeros(2, 1, 28, 28), 0.5, torch.tensor([3, 10])).shape
        torch.Size([2, 1, 28, 28])
    """

    places: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        patch: int,
        width: int = 96,
        depth: int = 4,
        heads: int = 4,
        num_classes: int = 0,
        size: int = 128,
        margin: int = 0,
    ):
        super().__init__()
        channels, rows, columns = shape
        inner = (channels, rows - 2 * margin, columns - 2 * margin)
        if margin < 0 or depth < 1 or min(inner) < 1:
            raise ValueError(f"expected a margin within the image and depth >= 1, got {margin} for {shape}, {depth}")
        if patch < 1 or inner[1] % patch or inner[2] % patch:
            raise ValueError(f"expected a patch that divides {inner[1]} by {inner[2]}, got {patch}")
        self.heads = heads
        self.shape = shape
        self.inner = inner
        self.patch = patch
        self.margin = margin
        features = channels * patch**2
        self.embedding = Embedding(size, num_classes)
        self.inward = nn.Linear(features, width)
        places = waves_of_places(inner[1] // patch, inner[2] // patch, width)
        self.register_buffer("places", places, persistent=False)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, size) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(size, 2 * width)
        self.outward = nn.Linear(width, features)
        _start_at_zero(self.modulation)
        _start_at_zero(self.outward)

    def extra_repr(self) -> str:
        width = self.inward.out_features
        return (
            f"shape={self.shape}, patch={self.patch}, width={width}, depth={len(self.blocks)}, heads={self.heads}, "
            f"num_classes={self.embedding.num_classes}, size={self.embedding.size}, margin={self.margin}"
        )

    def tokens(self, x: Num[Tensor, "batch channels height width"]) -> Float[Tensor, "batch tokens length"]:
        """The tokens of images before the first block: patches, and where they lie.

        Raises:
            ValueError: If the images have another shape.
        """
        if x.ndim != 4 or x.shape[1:] != self.shape:
            raise ValueError(f"expected images of shape (batch, *{self.shape}), got {tuple(x.shape)}")
        inside = F.pad(as_floats(x), [-self.margin] * 4)
        return self.inward(patchify(inside, self.patch)) + self.places

    def forward(
        self,
        x: Num[Tensor, "batch channels height width"],
        t: Time,
        y: Integer[Tensor, " labels"] | None = None,
        extra: Float[Tensor, "batch size"] | None = None,
    ) -> Num[Tensor, "batch channels height width"]:
        h = self.tokens(x)
        embedding = self.embedding(x, t, y, extra)
        for block in self.blocks:
            h = block(h, embedding)
        scale, shift = self.modulation(F.silu(embedding))[:, None].chunk(2, -1)
        patches = self.outward((1 + scale) * self.norm(h) + shift)
        return F.pad(unpatchify(patches, self.patch, self.inner), [self.margin] * 4)


def _start_at_zero(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
