"""Patches, attention and the transformer, against torch's own layers and loops."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.networks import (
    SelfAttention,
    Transformer,
    TransformerBlock,
    attention,
    attention_weights,
    patchify,
    unpatchify,
    waves_of_places,
)

F64 = torch.float64


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=F64)


def randomised(model: nn.Module) -> nn.Module:
    """Every weight random, in float64: networks start with zeros that would hide mistakes."""
    generator = seeded()
    model = model.double()
    with torch.no_grad():
        for p in model.parameters():
            p.normal_(0, 0.3, generator=generator)
    return model


@pytest.mark.parametrize("shape, p", [((2, 1, 4, 4), 2), ((3, 2, 6, 9), 3), ((1, 3, 5, 2), 1), ((2, 1, 28, 28), 4)])
def test_patches_against_slices(shape, p):
    x = normal(*shape)
    tokens = [x[:, :, i : i + p, j : j + p].flatten(1) for i in range(0, shape[2], p) for j in range(0, shape[3], p)]
    assert torch.equal(patchify(x, p), torch.stack(tokens, 1))
    assert torch.equal(patchify(x, p), F.unfold(x, p, stride=p).mT)
    assert torch.equal(unpatchify(patchify(x, p), p, shape[1:]), x)


def test_attention_against_torch():
    q, k, v = normal(2, 3, 5, 4), normal(2, 3, 6, 4, seed=1), normal(2, 3, 6, 7, seed=2)
    torch.testing.assert_close(attention(q, k, v), F.scaled_dot_product_attention(q, k, v))
    weights = attention_weights(q, k)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=F64))
    score = sum(q[1, 2, 3, i] * k[1, 2, 0, i] for i in range(4)) / math.sqrt(4)
    scores = [sum(q[1, 2, 3, i] * k[1, 2, j, i] for i in range(4)) / math.sqrt(4) for j in range(6)]
    torch.testing.assert_close(weights[1, 2, 3, 0], score.exp() / sum(s.exp() for s in scores))


def test_attention_of_large_scores_is_finite():
    q = torch.full((1, 1, 1, 4), 1e3)
    assert attention(q, torch.cat([q, -q], 2), torch.ones(1, 1, 2, 1)).item() == 1


def test_self_attention_against_torch():
    """`nn.MultiheadAttention` with the same weights."""
    own = randomised(SelfAttention(12, heads=3))
    torchs = nn.MultiheadAttention(12, 3, batch_first=True, dtype=F64)
    with torch.no_grad():
        torchs.in_proj_weight.copy_(own.inward.weight)
        torchs.in_proj_bias.copy_(own.inward.bias)
        torchs.out_proj.load_state_dict(own.outward.state_dict())
    x = normal(2, 5, 12)
    expected, weights = torchs(x, x, x, average_attn_weights=False)
    torch.testing.assert_close(own(x), expected)
    q, k, _ = own.split(x)
    torch.testing.assert_close(attention_weights(q, k), weights)


def test_shuffled_tokens_are_shuffled_answers():
    own, x, order = randomised(SelfAttention(8, heads=2)), normal(2, 5, 8), torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(own(x[:, order]), own(x)[:, order])


def test_block_by_hand():
    block = randomised(TransformerBlock(8, heads=2, size=6))
    x, e = normal(3, 5, 8), normal(3, 6, seed=1)
    weight, bias = block.modulation.weight, block.modulation.bias
    parts = (e / (1 + (-e).exp()) @ weight.T + bias).reshape(3, 6, 1, 8).unbind(1)

    def modulated(x, scale, shift):
        centred = x - x.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * (1 + scale) + shift

    x1 = x + parts[2] * block.attention(modulated(x, parts[0], parts[1]))
    expected = x1 + parts[5] * block.mlp(modulated(x1, parts[3], parts[4]))
    torch.testing.assert_close(block(x, e), expected)


def test_untrained_it_changes_and_answers_nothing():
    x = torch.randn(2, 9, 8, generator=seeded())
    assert torch.equal(TransformerBlock(8, 2, 6)(x, torch.randn(2, 6)), x)
    images = torch.randn(2, 1, 8, 8, generator=seeded())
    assert not Transformer((1, 8, 8), 2, width=8, depth=1, heads=2, size=8)(images, 0.5).any()


def test_places():
    waves = waves_of_places(3, 5, 8)
    assert waves.shape == (15, 8) and len({tuple(w.tolist()) for w in waves}) == 15
    for place in (0, 7, 14):
        row, column = divmod(place, 5)
        angles = [row, row * 0.1, column, column * 0.1]
        expected = [f(a) for pair in (angles[:2], angles[2:]) for f in (math.sin, math.cos) for a in pair]
        torch.testing.assert_close(waves[place], torch.tensor(expected), atol=1e-6, rtol=1e-5)


def small(num_classes: int = 10, margin: int = 0) -> Transformer:
    return Transformer((2, 8, 12), 2, width=8, depth=2, heads=2, num_classes=num_classes, size=16, margin=margin)


def test_transformer_is_its_parts():
    """From the patches within the margin to the image, with the parts called one by one."""
    model = randomised(small(margin=2))
    x, t, y = normal(3, 2, 8, 12), torch.tensor([0.1, 0.5, 0.9], dtype=F64), torch.tensor([1, 7, 10])
    e = model.embedding(x, t, y)
    h = model.inward(patchify(x[:, :, 2:-2, 2:-2], 2)) + waves_of_places(2, 4, 8)
    for block in model.blocks:
        h = block(h, e)
    scale, shift = (F.silu(e) @ model.modulation.weight.T + model.modulation.bias).reshape(3, 2, 1, 8).unbind(1)
    out = torch.zeros_like(x)
    answers = model.outward(F.layer_norm(h, (8,)) * (1 + scale) + shift)
    out[:, :, 2:-2, 2:-2] = unpatchify(answers, 2, (2, 4, 8))
    torch.testing.assert_close(model(x, t, y), out)


def test_it_knows_where_a_patch_lies():
    """Two patches changed places: not only the answers change places."""
    model, x = randomised(small()), normal(1, 2, 8, 12)
    swapped = x.clone()
    swapped[..., :2, :2], swapped[..., 6:, 10:] = x[..., 6:, 10:], x[..., :2, :2]
    answer, other = model(x, 0.5), model(swapped, 0.5)
    assert not torch.allclose(answer[..., :2, :2], other[..., 6:, 10:])


@pytest.mark.parametrize("shape", [(3, 1, 8, 12), (3, 2, 12, 8), (3, 2, 8), (2, 8, 12)])
def test_other_images_are_refused(shape, unchecked):
    with pytest.raises(ValueError, match=r"expected images of shape \(batch, \*\(2, 8, 12\)\), got"):
        small()(torch.zeros(shape), 0.5)


def test_bad_input(unchecked):
    x = torch.zeros(2, 1, 6, 8)
    for p in (4, 0, -2, 5):
        with pytest.raises(ValueError, match="divides height and width, got"):
            patchify(x, p)
    with pytest.raises(ValueError, match="expected images of shape"):
        patchify(x[0], 2)
    with pytest.raises(ValueError, match=r"expected tokens of shape \(batch, 12, 4\)"):
        unpatchify(torch.zeros(2, 12, 5), 2, (1, 6, 8))
    q = torch.zeros(2, 3, 4, 5)
    for k in (q[:1], q[:, :2], q[..., :4], q[0]):
        with pytest.raises(ValueError, match="expected queries and keys"):
            attention_weights(q, k)
    with pytest.raises(ValueError, match="one value a key"):
        attention(q, q, q[:, :, :3])
    with pytest.raises(ValueError, match="multiple of the heads"):
        SelfAttention(8, 3)
    with pytest.raises(ValueError, match="multiple of 4"):
        waves_of_places(2, 2, 6)
    for options in ({"patch": 3}, {"patch": 0}, {"margin": 4}, {"margin": -1}, {"depth": 0}):
        with pytest.raises(ValueError, match="expected a"):
            Transformer((1, 8, 8), **({"patch": 2, "width": 8, "heads": 2} | options))
