"""Exercise 4.2: the residual block of the U-Net, told the time and the label by scale and shift."""

from functools import partial

import torch
import torch.nn.functional as F

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.lab4.blocks import REPLACED, replaced_block, scale_and_shift
from course_utils.checks.mistakes import pairs
from course_utils.checks.observers import WithGradients

__all__ = ["residual_block"]


@exercise(
    "4.2",
    "Residual block",
    points=3,
    sees=WithGradients("x", "embedding", "block"),
    rtol=1e-5,
    single=0.001,
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
    return {"block": block, "x": 2 * normal(3, 4, 6, 7) + 1, "embedding": normal(3, 5)}


residual_block.mistakes += [
    Mistake(name, partial(replaced_block, **replaced), message) for name, (message, replaced) in REPLACED.items()
]


@residual_block.mistake("what is added at the end is the normalised x: the maps have to pass by as they came in.")
def skip_from_the_normalised_maps(block, x, embedding):
    return replaced_block(block, x, embedding, total=lambda x, changes: block.norm(x) + changes)


@residual_block.mistake("the scale multiplies x itself: it belongs to the normalised x.")
def scale_of_x(block, x, embedding):
    return replaced_block(block, x, embedding, modulated=lambda maps, scale, shift: maps + scale * x + shift)


@residual_block.mistake("scales and shifts are taken in turns from what the modulation returns: first all scales.")
def scale_and_shift_in_turns(block, x, embedding):
    turns = block.modulation(F.silu(embedding))[..., None, None]
    return replaced_block(block, x, embedding, pair=lambda scale, shift: (turns[:, ::2], turns[:, 1::2]))


@residual_block.mistake(
    "scale and shift come before the normalisation, which undoes a part of them: they belong after it."
)
def modulated_before_the_normalisation(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    maps = block.norm((1 + scale) * x + shift)
    return replaced_block(block, x, embedding, modulated=lambda *parts: maps)


@residual_block.mistake(
    "scale and shift are applied after the first convolution: they belong right after the normalisation."
)
def modulated_after_the_convolution(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return x + block.conv2(F.silu((1 + scale) * block.conv1(block.norm(x)) + shift))


@residual_block.mistake("scale and shift are applied at the very end: they belong right after the normalisation.")
def modulated_last(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return x + (1 + scale) * block.conv2(F.silu(block.conv1(block.norm(x)))) + shift


@residual_block.mistake("the normalisation comes after the first convolution: it is the first step.")
def normalised_after_the_convolution(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return x + block.conv2(F.silu((1 + scale) * block.norm(block.conv1(x)) + shift))


@residual_block.mistake("the embedding is not used: the block could not know the time or the label.")
def embedding_ignored(block, x, embedding):
    return replaced_block(block, x, embedding, modulated=lambda maps, scale, shift: maps)


@residual_block.mistake("what is added at the end are the scaled and shifted maps: x itself passes by as it came in.")
def skip_from_the_modulated_maps(block, x, embedding):
    maps = replaced_block(block, x, embedding, convolved=lambda block, h: h, total=lambda x, changes: changes)
    return replaced_block(block, x, embedding, total=lambda x, changes: maps + changes)


@residual_block.mistake("the shift is added after the first convolution: it belongs beside the scale, before it.")
def shift_late(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return x + block.conv2(F.silu(block.conv1((1 + scale) * block.norm(x)) + shift))


@residual_block.mistake("the shift is added at the very end: it belongs beside the scale, before the convolutions.")
def shift_last(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return x + block.conv2(F.silu(block.conv1((1 + scale) * block.norm(x)))) + shift


residual_block.pairs += pairs(
    replaced_block, {k: v for k, v in REPLACED.items() if "detached" not in k and k != "no gradient"}
)


@residual_block.mistake(
    "scale and shift are applied to x, where it passes by: they belong right after the normalisation."
)
def skip_modulated(block, x, embedding):
    scale, shift = scale_and_shift(block, embedding)
    return (1 + scale) * x + shift + block.conv2(F.silu(block.conv1(block.norm(x))))
