"""Exercise 4.2: the residual block of the U-Net, told the time and the label by scale and shift."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["residual_block"]


@exercise(
    "4.2",
    "Residual block",
    points=3,
    rtol=1e-5,
    why="float64 and the same operations; the order of the sums inside a convolution is free",
)
def residual_block(block, x, embedding):
    m, c1, c2 = block.modulation, block.conv1, block.conv2
    squashed = embedding / (1 + torch.exp(-embedding))
    out = []
    for image, e in zip(x, squashed, strict=True):
        groups = image.reshape(2, -1)
        variance, mean = torch.var_mean(groups, 1, correction=0, keepdim=True)
        normed = ((groups - mean) / (variance + 1e-5) ** 0.5).reshape(image.shape)
        scale, shift = (m.weight @ e + m.bias).reshape(2, -1, 1, 1)
        h = F.conv2d((normed + scale * normed + shift)[None], c1.weight, c1.bias, padding=1)
        h = F.conv2d(h / (1 + torch.exp(-h)), c2.weight, c2.bias, padding=1)
        out.append(image + h[0])
    return torch.stack(out)


@residual_block.inputs
def _(normal):
    block = {
        "family": "block layers",
        "groups": 2,
        "modulation": normal(8, 5),
        "conv1": normal(4, 4, 3, 3) / 6,
        "conv2": normal(4, 4, 3, 3) / 6,
        "biases": normal(16),
    }
    return {"block": block, "x": 2 * normal(3, 4, 6, 5) + 1, "embedding": normal(3, 5)}


def _same(x: Tensor) -> Tensor:
    return x


def _scale_and_shift(block, embedding, activation: Callable[[Tensor], Tensor] = F.silu) -> tuple[Tensor, ...]:
    return block.modulation(activation(embedding))[..., None, None].chunk(2, 1)


def _convolved(block, h, between: Callable[[Tensor], Tensor] = F.silu) -> Tensor:
    """Both convolutions, with what stands between them."""
    return block.conv2(between(block.conv1(h)))


def _changes(block, x, embedding):
    """What a right block adds to x."""
    return residual_block.oracle(block, x, embedding) - x


@residual_block.mistake("x itself is not added at the end: the block should only say what changes.")
def no_skip(block, x, embedding):
    return _changes(block, x, embedding)


@residual_block.mistake("what is added at the end is the normalised x: the maps have to pass by as they came in.")
def skip_from_the_normalised_maps(block, x, embedding):
    return block.norm(x) + _changes(block, x, embedding)


@residual_block.mistake("a scale of 0 should leave the normalised x as it is; yours erases it.")
def scale_without_one(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, scale * block.norm(x) + shift)


@residual_block.mistake("scale and shift are exchanged: the scale is the first half of what the modulation returns.")
def scale_and_shift_exchanged(block, x, embedding):
    shift, scale = _scale_and_shift(block, embedding)
    return x + _convolved(block, (1 + scale) * block.norm(x) + shift)


@residual_block.mistake("x is not normalised before it is scaled and shifted.")
def no_normalisation(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, (1 + scale) * x + shift)


@residual_block.mistake("nothing non-linear stands between the two convolutions: together they are one linear map.")
def linear(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, (1 + scale) * block.norm(x) + shift, between=_same)


@residual_block.mistake("a ReLU stands between the convolutions: the block is defined with SiLU.")
def relu(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, (1 + scale) * block.norm(x) + shift, between=F.relu)


@residual_block.mistake("the embedding goes through SiLU before the modulation; yours goes in as it is.")
def no_silu_on_the_embedding(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding, activation=_same)
    return x + _convolved(block, (1 + scale) * block.norm(x) + shift)


@residual_block.mistake("the SiLU is applied to scale and shift: it belongs to the embedding, before the modulation.")
def silu_after_the_modulation(block, x, embedding):
    scale, shift = (F.silu(part) for part in _scale_and_shift(block, embedding, activation=_same))
    return x + _convolved(block, (1 + scale) * block.norm(x) + shift)


@residual_block.mistake("the SiLU stands before the first convolution: it belongs between the two.")
def silu_too_early(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, F.silu((1 + scale) * block.norm(x) + shift), between=_same)


@residual_block.mistake(
    "scale and shift come before the normalisation, which undoes a part of them: they belong after it."
)
def modulated_before_the_normalisation(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + _convolved(block, block.norm((1 + scale) * x + shift))


@residual_block.mistake(
    "scale and shift are applied after the first convolution: they belong right after the normalisation."
)
def modulated_after_the_convolution(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    h = (1 + scale) * block.conv1(block.norm(x)) + shift
    return x + block.conv2(F.silu(h))


@residual_block.mistake("the embedding is not used: the block could not know the time or the label.")
def embedding_ignored(block, x, embedding):
    return x + _convolved(block, block.norm(x))
