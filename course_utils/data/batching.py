"""Mini-batches."""

import itertools
from collections.abc import Iterator

import torch
from jaxtyping import Shaped
from torch import Tensor

__all__ = ["batches"]


def batches(
    *data: Shaped[Tensor, "_ ..."],
    batch_size: int,
    generator: torch.Generator | None = None,
    steps: int | None = None,
) -> Iterator[tuple[Tensor, ...]]:
    """Shuffled mini-batches `(z,)` or `(z, y)`, reshuffled each epoch, without end unless `steps` is given.

    Every batch is full: the rows left over at the end of an epoch are skipped in that epoch.

    Args:
        data: Tensors of equal length, shapes (n, ...).
        batch_size: Rows of a batch, 1 to n.
        generator: Source of the shuffling, for reproducible batches.
        steps: Number of batches.

    Raises:
        ValueError: If there is no data, lengths differ, `batch_size` is outside 1 to n, or `steps` is negative.

    Example:
        >>> len(list(data.batches(torch.zeros(10, 2), torch.arange(10), batch_size=4, steps=3)))
        3
    """
    sizes = {len(item) for item in data}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(f"expected tensors of one length above 0, got lengths {[len(item) for item in data]}")
    (n,) = sizes
    if not 1 <= batch_size <= n:
        raise ValueError(f"expected a batch_size from 1 to {n}, the number of rows, got {batch_size}")
    if steps is not None and steps < 0:
        raise ValueError(f"expected steps of 0 or more, or None, got {steps}")
    device = generator.device if generator else None

    def epochs():
        while True:
            order = torch.randperm(n, generator=generator, device=device)
            for rows in order.split(batch_size)[: n // batch_size]:
                yield tuple(item[rows.to(item.device)] for item in data)

    return itertools.islice(epochs(), steps)
