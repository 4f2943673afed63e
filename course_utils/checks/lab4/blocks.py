"""What a wrong residual block is made of: a right one, every step of which can be replaced."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["REPLACED", "replaced_block", "scale_and_shift"]


def _same(x: Tensor) -> Tensor:
    return x


def scale_and_shift(block, embedding, activation: Callable[[Tensor], Tensor] = F.silu) -> tuple[Tensor, ...]:
    return block.modulation(activation(embedding))[..., None, None].chunk(2, 1)


def replaced_block(
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
    scale, shift = pair(*scale_and_shift(block, embedding, activation))
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
    "only the second convolution": (
        "conv1 is not used: the maps go through two convolutions.",
        {"convolved": lambda block, h: block.conv2(F.silu(h))},
    ),
    "second convolution twice": (
        "conv2 is used twice, and conv1 not at all.",
        {"convolved": lambda block, h: block.conv2(F.silu(block.conv2(h)))},
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
