"""Average velocities: what a flow map says of the way from one time to another, in the units of a velocity."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.shapes import Time, as_floats, expand_time

__all__ = ["average_velocity", "follow"]


def average_velocity(flow_map: Callable, velocity: Callable) -> Callable:
    r"""The function $u(x, s, t) = (X_{s,t}(x) - x)/(t - s)$, and the velocity itself where t = s.

    Computed in float64, as the difference loses digits over a short span; the answer has the type of x.

    Args:
        flow_map: $X_{s,t}(x)$, called as flow_map(x, s, t) or, with labels, flow_map(x, s, t, y).
        velocity: Its velocity, called as velocity(x, s) or velocity(x, s, y).

    Returns:
        A function of (x, s, t) or (x, s, t, y) with values of the shape of x; s and t have shape () or (batch,).

    Source: Geng et al., "Mean flows for one-step generative modeling" (2025), with time inverted.

    Example:
        >>> gaussian = distributions.GaussianMixture(torch.tensor([[3.0]]), torch.tensor([[[4.0]]]))
        >>> exact = paths.marginal(paths.GaussianPath(), gaussian)
        >>> u = paths.average_velocity(exact.flow_map, exact.velocity)
        >>> u(torch.tensor([[1.0], [1.0]]), 0.0, torch.tensor([0.0, 1.0])).flatten()
        tensor([2., 4.])
    """

    def averaged(x: Tensor, s: Time, t: Time, *labels: Tensor) -> Tensor:
        wide = as_floats(x).double()
        span = expand_time(t, wide) - expand_time(s, wide)
        standing = span == 0
        average = (flow_map(wide, s, t, *labels) - wide) / torch.where(standing, 1.0, span)
        if standing.any():
            average = torch.where(standing, velocity(wide, s, *labels), average)
        return average.to(as_floats(x))

    return averaged


def follow(flow_map: Callable, x: Tensor, ts: Tensor, y: Tensor | None = None) -> Tensor:
    r"""$X_{t_{n-1},t_n}(\dots X_{t_0,t_1}(x))$: a flow map from time to time, n evaluations for n + 1 times.

    For an exact flow map the times between do not matter; a learned one may be better in several parts.

    Args:
        flow_map: Called as flow_map(x, s, t) or, with labels, flow_map(x, s, t, y).
        x: States at the first time, shape (batch, *event).
        ts: Times, shape (n + 1,).
        y: Labels, shape (batch,), or None.

    Raises:
        ValueError: If there are fewer than two times.

    Example:
        >>> exact = paths.marginal(paths.GaussianPath(), distributions.GaussianMixture(torch.tensor([[3.0]])))
        >>> paths.follow(exact.flow_map, torch.tensor([[1.0]]), torch.tensor([0.0, 0.5, 1.0]))
        tensor([[4.]])
    """
    if ts.ndim != 1 or len(ts) < 2:
        raise ValueError(f"expected at least two times, shape (n + 1,), got shape {tuple(ts.shape)}")
    label = () if y is None else (y,)
    for s, t in zip(ts[:-1], ts[1:], strict=True):
        x = flow_map(x, s, t, *label)
    return x
