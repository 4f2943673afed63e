"""Exercise 4.2: the residual block of the U-Net, told the time and the label by scale and shift."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import Mistake, exercise
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
    return {"block": block, "x": 2 * normal(3, 4, 6, 5) + 1, "embedding": normal(3, 5)}


def _same(x: Tensor) -> Tensor:
    return x


def _scale_and_shift(block, embedding, activation: Callable[[Tensor], Tensor] = F.silu) -> tuple[Tensor, ...]:
    return block.modulation(activation(embedding))[..., None, None].chunk(2, 1)


def _block(
    block,
    x,
    embedding,
    *,
    activation: Callable = F.silu,
    pair: Callable = lambda scale, shift: (scale, shift),
    normed: Callable = lambda block, x: block.norm(x),
    modulated: Callable = lambda maps, scale, shift: (1 + scale) * maps + shift,
    convolved: Callable = lambda block, h: block.conv2(F.silu(block.conv1(h))),
    total: Callable = lambda x, changes: x + changes,
) -> Tensor:
    """A right block of which every step can be replaced."""
    scale, shift = pair(*_scale_and_shift(block, embedding, activation))
    return total(x, convolved(block, modulated(normed(block, x), scale, shift)))


def _between(activation: Callable[[Tensor], Tensor]) -> dict:
    """Another activation between the convolutions."""
    return {"convolved": lambda block, h: block.conv2(activation(block.conv1(h)))}


def _lost(what: str) -> str:
    return (
        f"the result is right, but a gradient is lost on its way: {what}. No detach, .data or no_grad may stand there."
    )


REPLACED: dict[str, tuple[str, dict]] = {
    "no skip": (
        "x itself is not added at the end: the block should only say what changes.",
        {"total": lambda x, changes: changes},
    ),
    "skip twice": ("x is added twice.", {"total": lambda x, changes: 2 * x + changes}),
    "taken off": ("what the layers give is taken off x: it has to be added.", {"total": torch.sub}),
    "multiplied": ("x is multiplied with what the layers give: it has to be added.", {"total": torch.mul}),
    "silu of all": (
        "the whole result goes through an activation at the end: x has to pass by as it came in.",
        {"total": lambda x, changes: F.silu(x + changes)},
    ),
    "scale without one": (
        "a scale of 0 should leave the normalised x as it is; yours erases it.",
        {"modulated": lambda maps, scale, shift: scale * maps + shift},
    ),
    "shift scaled": (
        "the scale multiplies the shift as well: the bracket ends too late.",
        {"modulated": lambda maps, scale, shift: (1 + scale) * (maps + shift)},
    ),
    "one outside": (
        "the 1 is added to the product: it belongs to the scale, so that a scale of 0 changes nothing.",
        {"modulated": lambda maps, scale, shift: 1 + scale * maps + shift},
    ),
    "sign of the scale": (
        "the scale has the wrong sign.",
        {"modulated": lambda maps, scale, shift: (1 - scale) * maps + shift},
    ),
    "sign of the shift": (
        "the shift has the wrong sign.",
        {"modulated": lambda maps, scale, shift: (1 + scale) * maps - shift},
    ),
    "no scale": ("the scale is not used.", {"modulated": lambda maps, scale, shift: maps + shift}),
    "no shift": ("the shift is not used.", {"modulated": lambda maps, scale, shift: (1 + scale) * maps}),
    "scale and shift exchanged": (
        "scale and shift are exchanged: the scale is the first half of what the modulation returns.",
        {"pair": lambda scale, shift: (shift, scale)},
    ),
    "one scale for all": (
        "all images share one scale and shift: each has its own.",
        {"pair": lambda scale, shift: (scale[:1], shift[:1])},
    ),
    "silu after the modulation": (
        "the SiLU is applied to scale and shift: it belongs to the embedding, before the modulation.",
        {"activation": _same, "pair": lambda scale, shift: (F.silu(scale), F.silu(shift))},
    ),
    "no normalisation": ("x is not normalised before it is scaled and shifted.", {"normed": lambda block, x: x}),
    "no silu on the embedding": (
        "the embedding goes through SiLU before the modulation; yours goes in as it is.",
        {"activation": _same},
    ),
    "relu on the embedding": ("the embedding goes through a ReLU: it should be SiLU.", {"activation": F.relu}),
    "sigmoid on the embedding": (
        "the embedding goes through a sigmoid alone: SiLU multiplies it with its argument.",
        {"activation": torch.sigmoid},
    ),
    "silu twice on the embedding": (
        "the embedding goes through SiLU twice.",
        {"activation": lambda e: F.silu(F.silu(e))},
    ),
    "linear": (
        "nothing non-linear stands between the two convolutions: together they are one linear map.",
        _between(_same),
    ),
    "relu": ("a ReLU stands between the convolutions: the block is defined with SiLU.", _between(F.relu)),
    "sigmoid": (
        "a sigmoid alone stands between the convolutions: SiLU multiplies it with its argument.",
        _between(torch.sigmoid),
    ),
    "gelu": ("a GELU stands between the convolutions: the block is defined with SiLU.", _between(F.gelu)),
    "tanh": ("a tanh stands between the convolutions: the block is defined with SiLU.", _between(torch.tanh)),
    "silu too early": (
        "the SiLU stands before the first convolution: it belongs between the two.",
        {"convolved": lambda block, h: block.conv2(block.conv1(F.silu(h)))},
    ),
    "silu too late": (
        "the SiLU stands behind the second convolution: it belongs between the two.",
        {"convolved": lambda block, h: F.silu(block.conv2(block.conv1(h)))},
    ),
    "silu before both": (
        "a SiLU stands before the first convolution as well: there is one, between the two.",
        {"convolved": lambda block, h: block.conv2(F.silu(block.conv1(F.silu(h))))},
    ),
    "silu behind both": (
        "a SiLU stands behind the second convolution as well: what is added to x may have any sign.",
        {"convolved": lambda block, h: F.silu(block.conv2(F.silu(block.conv1(h))))},
    ),
    "normalised twice": (
        "the maps are normalised a second time, between the convolutions.",
        {"convolved": lambda block, h: block.conv2(F.silu(block.norm(block.conv1(h))))},
    ),
    "convolutions exchanged": (
        "the two convolutions are exchanged: conv1 comes first.",
        {"convolved": lambda block, h: block.conv1(F.silu(block.conv2(h)))},
    ),
    "first convolution twice": (
        "conv1 is used twice, and conv2 not at all.",
        {"convolved": lambda block, h: block.conv1(F.silu(block.conv1(h)))},
    ),
    "one convolution": ("the second convolution is missing.", {"convolved": lambda block, h: block.conv1(h)}),
    "one convolution and silu": (
        "the second convolution is missing, behind the activation.",
        {"convolved": lambda block, h: F.silu(block.conv1(h))},
    ),
    "no gradient": (
        "the result is right, but no gradient flows through it, so that nothing would be learned: no detach, .data or "
        "no_grad may stand on its way.",
        {"total": lambda x, changes: (x + changes).detach()},
    ),
    "embedding detached": (
        _lost("that in the embedding, so that times and labels could not be learned"),
        {"activation": lambda e: F.silu(e.detach())},
    ),
    "modulation detached": (
        _lost("that in scale and shift"),
        {"pair": lambda scale, shift: (scale.detach(), shift.detach())},
    ),
    "scale detached": (_lost("that in the scale"), {"pair": lambda scale, shift: (scale.detach(), shift)}),
    "shift detached": (_lost("that in the shift"), {"pair": lambda scale, shift: (scale, shift.detach())}),
    "skip detached": (
        _lost("that in x, where it passes by the layers"),
        {"total": lambda x, changes: x.detach() + changes},
    ),
    "maps detached": (
        _lost("that in x, where it enters the layers"),
        {"normed": lambda block, x: block.norm(x).detach()},
    ),
    "x detached": (
        _lost("that in x altogether, so that no layer before this block would learn"),
        {"normed": lambda block, x: block.norm(x.detach()), "total": lambda x, changes: x.detach() + changes},
    ),
    "layers detached": (
        _lost("that in all layers, so that only x would pass"),
        {"total": lambda x, changes: x + changes.detach()},
    ),
}
"""Mistakes in one step of the block, by name: the sentence, and what stands in the place of that step."""

residual_block.mistakes += [
    Mistake(name, partial(_block, **replaced), message) for name, (message, replaced) in REPLACED.items()
]


@residual_block.mistake("what is added at the end is the normalised x: the maps have to pass by as they came in.")
def skip_from_the_normalised_maps(block, x, embedding):
    return _block(block, x, embedding, total=lambda x, changes: block.norm(x) + changes)


@residual_block.mistake("the scale multiplies x itself: it belongs to the normalised x.")
def scale_of_x(block, x, embedding):
    return _block(block, x, embedding, modulated=lambda maps, scale, shift: maps + scale * x + shift)


@residual_block.mistake("scales and shifts are taken in turns from what the modulation returns: first all scales.")
def scale_and_shift_in_turns(block, x, embedding):
    turns = block.modulation(F.silu(embedding))[..., None, None]
    return _block(block, x, embedding, pair=lambda scale, shift: (turns[:, ::2], turns[:, 1::2]))


@residual_block.mistake(
    "scale and shift come before the normalisation, which undoes a part of them: they belong after it."
)
def modulated_before_the_normalisation(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    maps = block.norm((1 + scale) * x + shift)
    return _block(block, x, embedding, modulated=lambda *parts: maps)


@residual_block.mistake(
    "scale and shift are applied after the first convolution: they belong right after the normalisation."
)
def modulated_after_the_convolution(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + block.conv2(F.silu((1 + scale) * block.conv1(block.norm(x)) + shift))


@residual_block.mistake("scale and shift are applied at the very end: they belong right after the normalisation.")
def modulated_last(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + (1 + scale) * block.conv2(F.silu(block.conv1(block.norm(x)))) + shift


@residual_block.mistake("the normalisation comes after the first convolution: it is the first step.")
def normalised_after_the_convolution(block, x, embedding):
    scale, shift = _scale_and_shift(block, embedding)
    return x + block.conv2(F.silu((1 + scale) * block.norm(block.conv1(x)) + shift))


@residual_block.mistake("the embedding is not used: the block could not know the time or the label.")
def embedding_ignored(block, x, embedding):
    return _block(block, x, embedding, modulated=lambda maps, scale, shift: maps)
