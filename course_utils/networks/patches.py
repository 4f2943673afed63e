"""Images as lists of patches, and what patches tell one another."""

import torch
from jaxtyping import Float, Num
from torch import Tensor

__all__ = ["attention", "attention_weights", "patchify", "unpatchify", "waves_of_places"]


def patchify(x: Num[Tensor, "batch channels height width"], p: int) -> Num[Tensor, "batch tokens features"]:
    """Images cut into patches of p by p pixels, in reading order; each patch a token of channels · p² numbers.

    Args:
        x: Images, shape (batch, channels, height, width).
        p: Side of a patch; it divides height and width.

    Returns:
        Shape (batch, height/p · width/p, channels · p²); in a token, channel by channel and row by row.

    Raises:
        ValueError: If the images have another number of axes, or p does not divide their sides.

    Source: Dosovitskiy et al., "An image is worth 16x16 words" (2021).

    Example:
        >>> networks.patchify(torch.arange(16).reshape(1, 1, 4, 4), 2)
        tensor([[[ 0,  1,  4,  5],
                 [ 2,  3,  6,  7],
                 [ 8,  9, 12, 13],
                 [10, 11, 14, 15]]])
    """
    if x.ndim != 4:
        raise ValueError(f"expected images of shape (batch, channels, height, width), got {tuple(x.shape)}")
    batch, channels, height, width = x.shape
    _check_patch(p, height, width)
    rows_and_columns = x.reshape(batch, channels, height // p, p, width // p, p)
    patches = rows_and_columns.permute(0, 2, 4, 1, 3, 5)
    return patches.reshape(batch, (height // p) * (width // p), channels * p * p)


def unpatchify(
    tokens: Num[Tensor, "batch tokens features"], p: int, shape: tuple[int, int, int]
) -> Num[Tensor, "batch channels height width"]:
    """The images, of the given shape (channels, height, width), that `patchify` cut into these tokens.

    Raises:
        ValueError: If the tokens are not those of such images.

    Example:
        >>> image = torch.rand(1, 3, 8, 4)
        >>> torch.equal(networks.unpatchify(networks.patchify(image, 2), 2, (3, 8, 4)), image)
        True
    """
    channels, height, width = shape
    _check_patch(p, height, width)
    expected = ((height // p) * (width // p), channels * p * p)
    if tokens.ndim != 3 or tokens.shape[1:] != expected:
        raise ValueError(
            f"expected tokens of shape (batch, {expected[0]}, {expected[1]}) for images of shape {tuple(shape)} and "
            f"patches of {p}, got {tuple(tokens.shape)}"
        )
    patches = tokens.reshape(len(tokens), height // p, width // p, channels, p, p)
    return patches.permute(0, 3, 1, 4, 2, 5).reshape(len(tokens), channels, height, width)


def attention_weights(
    q: Float[Tensor, "batch heads queries d"], k: Float[Tensor, "batch heads keys d"]
) -> Float[Tensor, "batch heads queries keys"]:
    r"""How much each query looks at each key: $\text{softmax}(q k^T / \sqrt{d})$; a query's weights sum to 1.

    Raises:
        ValueError: If queries and keys differ in anything but their number.

    Example:
        >>> networks.attention_weights(torch.zeros(1, 1, 1, 4), torch.randn(1, 1, 2, 4))
        tensor([[[[0.5000, 0.5000]]]])
    """
    if q.ndim != 4 or k.ndim != 4 or q.shape[:2] != k.shape[:2] or q.shape[3] != k.shape[3]:
        raise ValueError(
            f"expected queries and keys of shape (batch, heads, their number, d), "
            f"got {tuple(q.shape)} and {tuple(k.shape)}"
        )
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)


def attention(
    q: Float[Tensor, "batch heads queries d"],
    k: Float[Tensor, "batch heads keys d"],
    v: Float[Tensor, "batch heads keys e"],
) -> Float[Tensor, "batch heads queries e"]:
    r"""$\text{softmax}(q k^T / \sqrt{d})\, v$: to each query the average of the values, weighted by its keys.

    Args:
        q: Queries, shape (batch, heads, queries, d).
        k: Keys, shape (batch, heads, keys, d).
        v: Values, one a key, shape (batch, heads, keys, e).

    Raises:
        ValueError: If the shapes do not fit.

    Source: Vaswani et al., "Attention is all you need" (2017), equation 1.

    Example:
        >>> v = torch.tensor([[[[1.0], [3.0]]]])
        >>> networks.attention(torch.zeros(1, 1, 1, 4), torch.randn(1, 1, 2, 4), v)
        tensor([[[[2.]]]])
    """
    if v.shape[:3] != k.shape[:3]:
        raise ValueError(f"expected one value a key, got keys {tuple(k.shape)} and values {tuple(v.shape)}")
    return attention_weights(q, k) @ v


def waves_of_places(rows: int, columns: int, width: int) -> Float[Tensor, "places width"]:
    """Where each patch lies, as `width` numbers: fixed waves of its row, then of its column; in reading order.

    Args:
        rows: Patches in a column.
        columns: Patches in a row.
        width: Length of a token, a multiple of 4.

    Raises:
        ValueError: If the width is no multiple of 4.

    Source: Vaswani et al. (2017), section 3.5, once for rows and once for columns.

    Example:
        >>> networks.waves_of_places(3, 2, width=8).shape
        torch.Size([6, 8])
    """
    if width < 4 or width % 4:
        raise ValueError(f"expected a multiple of 4 as width, got {width}")
    frequencies = 0.01 ** (torch.arange(width // 4) / (width // 4))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [place.reshape(-1, 1) * frequencies for place in (row, column)]
    return torch.cat([wave for angle in angles for wave in (angle.sin(), angle.cos())], 1)


def _check_patch(p: int, height: int, width: int) -> None:
    if p < 1 or height < 1 or width < 1 or height % p or width % p:
        raise ValueError(f"expected a patch whose side divides height and width, got {p} for {height} by {width}")
