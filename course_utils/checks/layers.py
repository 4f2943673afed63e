"""Layers with given weights, the larger of the families: how they work together is what a student writes."""

import torch
from torch import Tensor, nn

from course_utils.shapes import expand_time

__all__ = ["AffineAutoencoder", "BlockLayers", "LetterTable", "TransformerLayers", "TwoTimeField"]


class BlockLayers(nn.Module):
    """The layers of a residual block of a U-Net with given weights; what the block does with them is the exercise.

    Args:
        groups: Groups of the normalisation.
        modulation, conv1, conv2: Weight matrix, shape (2c, size), and kernels, shape (c, c, 3, 3).
        biases: Of these three layers, shape (4c,).
    """

    def __init__(self, groups: int, modulation: Tensor, conv1: Tensor, conv2: Tensor, biases: Tensor):
        super().__init__()
        c, size = len(conv1), modulation.shape[1]
        self.norm = nn.GroupNorm(groups, c, affine=False)
        self.modulation = nn.Linear(size, 2 * c)
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        layers, weights = (self.modulation, self.conv1, self.conv2), (modulation, conv1, conv2)
        for layer, weight, bias in zip(layers, weights, biases.split([2 * c, c, c]), strict=True):
            layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())

    def forward(self, *arguments):
        raise TypeError("these are the layers alone: how they work together is what you write")


class AffineAutoencoder(nn.Module):
    """An encoder to mean and log-variance and a decoder to logits, each one matrix; images become rows of pixels."""

    def __init__(self, encoder: Tensor, shift: Tensor, decoder: Tensor, offset: Tensor):
        super().__init__()
        self.encoder, self.shift = nn.Parameter(encoder.clone()), nn.Parameter(shift.clone())
        self.decoder, self.offset = nn.Parameter(decoder.clone()), nn.Parameter(offset.clone())

    def encode(self, x):
        return (x.flatten(1) @ self.encoder.T + self.shift).chunk(2, 1)

    def decode(self, h):
        return (h @ self.decoder.T + self.offset).reshape(len(h), 1, 2, 3)

    def forward(self, *arguments):
        raise TypeError("an autoencoder has two halves: model.encode(x) and model.decode(h)")


class _Attention(nn.Module):
    """Self-attention of tokens with given weights."""

    def __init__(self, heads: int, qkv: nn.Linear, out: nn.Linear):
        super().__init__()
        self.heads, self.qkv, self.out = heads, qkv, out

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class TransformerLayers(nn.Module):
    """The layers of a transformer block with given weights; what the block does with them is the exercise.

    Args:
        heads: Heads of the attention.
        modulation: Weight matrix, shape (6w, size) for tokens of w numbers.
        qkv, out: Weight matrices of the attention, shapes (3w, w) and (w, w).
        mlp1, mlp2: Weight matrices of the small network, shapes (2w, w) and (w, 2w).
        biases: Of these five layers, shape (13w,).
    """

    def __init__(
        self, heads: int, modulation: Tensor, qkv: Tensor, out: Tensor, mlp1: Tensor, mlp2: Tensor, biases: Tensor
    ):
        super().__init__()
        weights = (modulation, qkv, out, mlp1, mlp2)
        layers = [nn.Linear(w.shape[1], w.shape[0]) for w in weights]
        for layer, weight, bias in zip(layers, weights, biases.split([len(w) for w in weights]), strict=True):
            layer.weight, layer.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.norm = nn.LayerNorm(len(out), elementwise_affine=False)
        self.modulation, self.attention = layers[0], _Attention(heads, layers[1], layers[2])
        self.mlp = nn.Sequential(layers[3], nn.SiLU(), layers[4])

    def forward(self, *arguments):
        raise TypeError("these are the layers alone: how they work together is what you write")


class LetterTable(nn.Module):
    """Logits of letters from a table: logits_ia = offset_ia + sum_j table_iaj at x_j; the mask is one more token.

    Args:
        table: What the token at place j adds to the logit of letter a at place i, shape (L, v, L, v + 1).
        offset: Shape (L, v).
    """

    def __init__(self, table: Tensor, offset: Tensor):
        super().__init__()
        self.table, self.offset = nn.Parameter(table.clone()), nn.Parameter(offset.clone())
        self.letters = offset.shape[1]

    def forward(self, x, t=None, y=None):
        self._check(x)
        if t is not None:  # a model of masked letters needs no time, but what it is given has to be one
            expand_time(t, self.offset.expand(len(x), -1, -1))
        tokens = nn.functional.one_hot(x, self.letters + 1).to(self.table)
        return self.offset + torch.einsum("iajk,bjk->bia", self.table, tokens)

    def _check(self, x) -> None:
        if not isinstance(x, Tensor) or x.dtype != torch.long:
            got = f"a tensor of {x.dtype}" if isinstance(x, Tensor) else f"a {type(x).__name__}"
            raise ValueError(
                f"expected letters first, whole numbers (torch.long), then the time: model(x, t); got {got}"
            )
        if x.shape[1:] != self.offset.shape[:1]:
            raise ValueError(f"expected letters of shape (B, {len(self.offset)}), got shape {tuple(x.shape)}")
        if not 0 <= x.min() <= x.max() <= self.letters:
            tokens = f"0, ..., {self.letters - 1} and the mask, {self.letters}"
            raise ValueError(f"expected letters {tokens}; got some from {x.min()} to {x.max()}")


class TwoTimeField(nn.Module):
    """u(x, s, t) = sin(x matrix^T + offset) + s^2 square + s t product, with parameters to take gradients in."""

    def __init__(self, matrix: Tensor, offset: Tensor, square: Tensor, product: Tensor):
        super().__init__()
        self.matrix, self.offset = nn.Parameter(matrix.clone()), nn.Parameter(offset.clone())
        self.square, self.product = nn.Parameter(square.clone()), nn.Parameter(product.clone())

    def forward(self, x, s, t):
        if not isinstance(x, Tensor) or any(isinstance(time, Tensor) and time.ndim > x.ndim for time in (s, t)):
            raise ValueError("the states come first, then the two times: u(x, s, t)")
        s, t = expand_time(s, x), expand_time(t, x)
        return torch.sin(x @ self.matrix.T + self.offset) + s**2 * self.square + s * t * self.product
