"""How far a learned flow map is from the flow itself, for every start and end."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["map_errors"]


@torch.no_grad()
def map_errors(
    flow_map: Callable, ts: Float[Tensor, " times"], xs: Float[Tensor, "times n *event"]
) -> Float[Tensor, "times times_again"]:
    r"""Root mean square of $X_{s,t}(x_s) - x_t$ for all times s < t, over points $x$ that the flow has carried along.

    Args:
        flow_map: Called as flow_map(x, s, t).
        ts: Times, shape (times,), increasing.
        xs: The same points at each time, shape (times, n, *event): a `Trajectory` of the flow, or exact.

    Returns:
        A square table, the start first, shape (times, times); nan where the end is not after the start.

    Raises:
        ValueError: If there are not places for each of at least two increasing times, or the map changes the shape.

    Example:
        >>> ts = torch.tensor([0.0, 0.5, 1.0])
        >>> metrics.map_errors(lambda x, s, t: x, ts, ts[:, None, None].expand(3, 4, 1))
        tensor([[   nan, 0.5000, 1.0000],
                [   nan,    nan, 0.5000],
                [   nan,    nan,    nan]])
    """
    if len(ts) < 2 or len(xs) != len(ts) or not (ts.diff() > 0).all():
        raise ValueError(
            f"expected places at each of at least two increasing times, got {len(xs)} places for {ts.tolist()}"
        )
    errors = xs.new_full((len(ts), len(ts)), torch.nan)
    for i, s in enumerate(ts):
        for j in range(i + 1, len(ts)):
            made = flow_map(xs[i], s, ts[j])
            if made.shape != xs[j].shape:
                raise ValueError(f"expected places of shape {tuple(xs[j].shape)} of the map, got {tuple(made.shape)}")
            errors[i, j] = (made - xs[j]).square().mean().sqrt()
    return errors
