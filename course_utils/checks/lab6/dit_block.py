"""Exercise 6.7: a transformer block, told the time and the label by scale, shift and gate."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.checks.exercise import exercise

__all__ = ["dit_block"]


@exercise(
    "6.7",
    "Transformer block with adaLN-Zero",
    points=3,
    rtol=1e-5,
    why="float64 and the same operations; the order of the sums inside attention is free",
)
def dit_block(block, x, embedding):
    def standardised(tokens):
        variance, mean = torch.var_mean(tokens, -1, correction=0, keepdim=True)
        return (tokens - mean) / (variance + 1e-5) ** 0.5

    out = []
    for tokens, e in zip(x, embedding, strict=True):
        squashed = e / (1 + torch.exp(-e))
        s1, b1, g1, s2, b2, g2 = (block.modulation.weight @ squashed + block.modulation.bias).reshape(6, -1)
        n = standardised(tokens)
        tokens = tokens + g1 * block.attention((n + s1 * n + b1)[None])[0]
        n = standardised(tokens)
        out.append(tokens + g2 * block.mlp(n + s2 * n + b2))
    return torch.stack(out)


@dit_block.inputs
def _(normal):
    width, size = 6, 4
    block = {
        "family": "transformer layers",
        "heads": 2,
        "modulation": normal(6 * width, size),
        "qkv": normal(3 * width, width) / 2,
        "out": normal(width, width) / 2,
        "mlp1": normal(2 * width, width) / 2,
        "mlp2": normal(width, 2 * width) / 2,
        "biases": normal(13 * width),
    }
    return {"block": block, "x": 2 * normal(3, 5, width) + 1, "embedding": normal(3, size)}


def _same(value: Tensor) -> Tensor:
    return value


def _parts(block, embedding, activation: Callable[[Tensor], Tensor] = F.silu) -> tuple[Tensor, ...]:
    """Scale, shift and gate, twice."""
    return block.modulation(activation(embedding))[:, None].chunk(6, -1)


def _halves(
    block,
    x: Tensor,
    parts,
    *,
    norms: tuple[Callable, Callable] | None = None,
    layers: tuple[Callable, Callable] | None = None,
    one: float = 1.0,
    skip: float = 1.0,
) -> Tensor:
    """Both halves, with given scales, shifts and gates, and with parts to replace."""
    s1, b1, g1, s2, b2, g2 = parts
    norm1, norm2 = norms or (block.norm, block.norm)
    first, second = layers or (block.attention, block.mlp)
    h = skip * x + g1 * first((one + s1) * norm1(x) + b1)
    return skip * h + g2 * second((one + s2) * norm2(h) + b2)


def _reordered(block, embedding, order: tuple[int, ...]) -> list[Tensor]:
    parts = _parts(block, embedding)
    return [parts[i] for i in order]


@dit_block.mistake("the gates are not used: with a modulation of 0 the block should change nothing.")
def no_gates(block, x, embedding):
    s1, b1, _, s2, b2, _ = _parts(block, embedding)
    return _halves(block, x, (s1, b1, 1, s2, b2, 1))


@dit_block.mistake("the gates multiply the tokens, too: with a modulation of 0 nothing would come out of the block.")
def gates_on_the_tokens(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = g1 * (x + block.attention((1 + s1) * block.norm(x) + b1))
    return g2 * (h + block.mlp((1 + s2) * block.norm(h) + b2))


@dit_block.mistake(
    "the gates have a 1 in them, as the scales have: with a modulation of 0 the block should change nothing."
)
def gates_with_one(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    return _halves(block, x, (s1, b1, 1 + g1, s2, b2, 1 + g2))


@dit_block.mistake("the gates are applied before the layers: they belong to what a layer returns.")
def gates_before_the_layers(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = x + block.attention(g1 * ((1 + s1) * block.norm(x) + b1))
    return h + block.mlp(g2 * ((1 + s2) * block.norm(h) + b2))


@dit_block.mistake("a scale of 0 should leave the normalised tokens as they are; yours erases them.")
def scale_without_one(block, x, embedding):
    return _halves(block, x, _parts(block, embedding), one=0)


@dit_block.mistake("the scale multiplies the shift, too: it belongs to the normalised tokens.")
def scaled_after_the_shift(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    return _halves(block, x, (s1, (1 + s1) * b1, g1, s2, (1 + s2) * b2, g2))


@dit_block.mistake("scale and shift are exchanged: the scale comes first.")
def scale_and_shift_exchanged(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (1, 0, 2, 4, 3, 5)))


@dit_block.mistake("the gate is taken first: the order is scale, shift, gate.")
def gate_first(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (1, 2, 0, 4, 5, 3)))


@dit_block.mistake("the six parts are taken in another order: three for the attention, then three for the second half.")
def other_order(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (0, 2, 4, 1, 3, 5)))


@dit_block.mistake("the first three parts belong to the attention, the last three to the small network.")
def halves_exchanged(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (3, 4, 5, 0, 1, 2)))


@dit_block.mistake("both halves use the same scale, shift and gate: there are three for each.")
def one_modulation_for_both(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (0, 1, 2, 0, 1, 2)))


@dit_block.mistake("the shifts are not used.")
def no_shift(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    return _halves(block, x, (s1, 0 * b1, g1, s2, 0 * b2, g2))


@dit_block.mistake("the scales are not used.")
def no_scale(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    return _halves(block, x, (0 * s1, b1, g1, 0 * s2, b2, g2))


@dit_block.mistake("the small network sees the tokens from before the attention: it comes after it.")
def side_by_side(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    attended = g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return x + attended + g2 * block.mlp((1 + s2) * block.norm(x) + b2)


@dit_block.mistake("the second half is added to the first tokens: what the attention gave is lost.")
def second_skip_from_the_start(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = x + g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return x + g2 * block.mlp((1 + s2) * block.norm(h) + b2)


@dit_block.mistake("the small network comes first: attention is the first half.")
def small_network_first(block, x, embedding):
    return _halves(block, x, _parts(block, embedding), layers=(block.mlp, block.attention))


@dit_block.mistake("only the attention is there: the second half is missing.")
def attention_only(block, x, embedding):
    s1, b1, g1, *_ = _parts(block, embedding)
    return x + g1 * block.attention((1 + s1) * block.norm(x) + b1)


@dit_block.mistake("the attention is missing: tokens would never learn of one another.")
def small_network_only(block, x, embedding):
    *_, s2, b2, g2 = _parts(block, embedding)
    return x + g2 * block.mlp((1 + s2) * block.norm(x) + b2)


@dit_block.mistake("the first half replaces the tokens: what the attention gives is added to them.")
def no_skip_in_the_first_half(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return h + g2 * block.mlp((1 + s2) * block.norm(h) + b2)


@dit_block.mistake("the second half replaces the tokens: what the small network gives is added to them.")
def no_skip_in_the_second_half(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = x + g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return g2 * block.mlp((1 + s2) * block.norm(h) + b2)


@dit_block.mistake("the first gate is not used: with a modulation of 0 the block should change nothing.")
def no_first_gate(block, x, embedding):
    s1, b1, _, s2, b2, g2 = _parts(block, embedding)
    return _halves(block, x, (s1, b1, 1, s2, b2, g2))


@dit_block.mistake("the second gate is not used: with a modulation of 0 the block should change nothing.")
def no_second_gate(block, x, embedding):
    s1, b1, g1, s2, b2, _ = _parts(block, embedding)
    return _halves(block, x, (s1, b1, g1, s2, b2, 1))


@dit_block.mistake("the gates are exchanged: each half has the third of its own three.")
def gates_exchanged(block, x, embedding):
    return _halves(block, x, _reordered(block, embedding, (0, 1, 5, 3, 4, 2)))


@dit_block.mistake("each number of the modulation is dealt out in turn: cut it into six pieces instead.")
def dealt_out(block, x, embedding):
    parts = block.modulation(F.silu(embedding))[:, None]
    return _halves(block, x, parts.unflatten(-1, (-1, 6)).unbind(-1))


@dit_block.mistake("the tokens themselves are not added: the block should only say what changes.")
def no_skip(block, x, embedding):
    return _halves(block, x, _parts(block, embedding), skip=0)


@dit_block.mistake("what is added to is the normalised tokens: the tokens pass by as they came in.")
def skip_from_the_normalised_tokens(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = block.norm(x) + g1 * block.attention((1 + s1) * block.norm(x) + b1)
    return block.norm(h) + g2 * block.mlp((1 + s2) * block.norm(h) + b2)


@dit_block.mistake("the tokens are not normalised before they are scaled and shifted.")
def no_normalisation(block, x, embedding):
    return _halves(block, x, _parts(block, embedding), norms=(_same, _same))


@dit_block.mistake("the tokens are not normalised again before the small network.")
def normalised_once(block, x, embedding):
    return _halves(block, x, _parts(block, embedding), norms=(block.norm, _same))


@dit_block.mistake("the normalisation comes last and undoes a part of scale and shift: they belong after it.")
def modulated_before_the_normalisation(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = x + g1 * block.attention(block.norm((1 + s1) * x + b1))
    return h + g2 * block.mlp(block.norm((1 + s2) * h + b2))


@dit_block.mistake("the embedding goes through SiLU before the modulation; yours goes in as it is.")
def no_silu(block, x, embedding):
    return _halves(block, x, _parts(block, embedding, activation=_same))


@dit_block.mistake("a ReLU stands before the modulation: the block is defined with SiLU.")
def relu(block, x, embedding):
    return _halves(block, x, _parts(block, embedding, activation=F.relu))


@dit_block.mistake("the SiLU is applied to what the modulation returns: it belongs to the embedding, before it.")
def silu_after_the_modulation(block, x, embedding):
    return _halves(block, x, [F.silu(part) for part in _parts(block, embedding, activation=_same)])


@dit_block.mistake("the embedding is not used: the block could not know the time or the label.")
def embedding_ignored(block, x, embedding):
    return x + block.attention(block.norm(x)) + block.mlp(block.norm(x + block.attention(block.norm(x))))


@dit_block.mistake("scale and shift are applied to what the halves return: they belong right after the normalisation.")
def modulated_late(block, x, embedding):
    s1, b1, g1, s2, b2, g2 = _parts(block, embedding)
    h = x + g1 * ((1 + s1) * block.attention(block.norm(x)) + b1)
    return h + g2 * ((1 + s2) * block.mlp(block.norm(h)) + b2)
