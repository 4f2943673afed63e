"""Where the tokens of a transformer look, with digit, patch and time to choose."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.networks import SelfAttention, Transformer, attention_weights
from course_utils.plotting.images import pixels, wall
from course_utils.widgets.core import Choice, Controls, Explorer, Slider

__all__ = ["explore_attention"]


@torch.no_grad()
def explore_attention(
    net: Transformer,
    images: Float[Tensor, "n 1 height width"],
    labels: Int[Tensor, " n"],
    *,
    noise: Tensor,
    ts: Sequence[float] = (0.3, 0.5, 0.7, 0.9),
) -> Explorer:
    """Where one patch of a noisy digit looks, in every head of every block, with digit, patch and time to choose.

    Args:
        net: A trained transformer.
        images: Digits to choose from.
        labels: Of the digits, shape (n,).
        noise: Standard normal noise, shape of `images`.
        ts: Times to choose from.
    """
    maps = {}
    for t in ts:
        noisy = t * images + (1 - t) * noise
        maps[t] = (noisy, _weights_of_all_blocks(net, noisy, t, labels))
    rows, columns = net.inner[1] // net.patch, net.inner[2] // net.patch

    def panels_of(digit: int, row: int, column: int, t: float) -> Tensor:
        noisy, blocks = maps[t]
        return _heads_of_blocks(net, noisy[digit, 0], blocks[:, digit], row, column)

    def draw(digit: int, row: int, column: int, t: float):
        return {"images": pixels(panels_of(digit, row, column, t))}

    controls: Controls = {
        "digit": Choice("digit", {str(y): i for i, y in enumerate(labels.tolist())}),
        "t": Choice("time t", {f"{t:g}": t for t in ts}, first=f"{ts[-1]:g}"),
        "row": Slider("row of the patch", 0, rows - 1, rows // 2, 1),
        "column": Slider("its column", 0, columns - 1, columns // 2, 1),
    }
    titles = {
        "column_titles": ("digit", *[f"head {i + 1}" for i in range(net.heads)]),
        "row_titles": [f"block {i + 1}" for i in range(len(net.blocks))],
    }
    alt = (
        "Left, a noisy digit with a frame around one patch. Beside it, for each block a row and for each head a "
        "picture of how much that patch looks at every other: dark where it looks."
    )
    first = panels_of(0, rows // 2, columns // 2, ts[-1])
    return Explorer(wall(first, zoom=3, **titles), draw, controls, alt=alt)


def _weights_of_all_blocks(
    net: Transformer, x: Tensor, t: float, y: Tensor
) -> Float[Tensor, "blocks batch heads tokens tokens_again"]:
    found = []

    def watch(layer, inputs, output) -> None:
        q, k, _ = layer.split(inputs[0])
        found.append(attention_weights(q, k))

    layers = [layer for layer in net.modules() if isinstance(layer, SelfAttention)]
    hooks = [layer.register_forward_hook(watch) for layer in layers]
    try:
        net(x, t, y)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(found)


def _heads_of_blocks(
    net: Transformer, image: Float[Tensor, "height width"], weights: Tensor, row: int, column: int
) -> Float[Tensor, "blocks columns height width"]:
    """For each block the image with a frame around one patch, then, as large, where that patch looks in each head.

    Args:
        net: The transformer.
        image: What it saw.
        weights: Shape (blocks, heads, tokens, tokens).
        row, column: Of the patch.
    """
    rows, columns = net.inner[1] // net.patch, net.inner[2] // net.patch
    seen = weights[:, :, row * columns + column].unflatten(-1, (rows, columns))
    heat = 2 * seen / seen.amax((-1, -2), keepdim=True) - 1
    large = heat.repeat_interleave(net.patch, -1).repeat_interleave(net.patch, -2)
    heads = F.pad(large, [net.margin] * 4, value=-1.0)
    marked = _marked(image, net, row, column)
    return torch.cat([marked.expand(len(heads), 1, -1, -1), heads], 1)


def _marked(image: Float[Tensor, "height width"], net: Transformer, row: int, column: int) -> Tensor:
    """The image with a black frame around one patch."""
    top, left = (net.margin + place * net.patch for place in (row, column))
    framed = image.clone()
    bottom, right = top + net.patch - 1, left + net.patch - 1
    framed[[top, bottom], left : right + 1] = 1.0
    framed[top : bottom + 1, [left, right]] = 1.0
    return framed
