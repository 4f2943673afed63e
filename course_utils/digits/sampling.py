"""Digits drawn with a generator of either kind."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_utils.guidance import generate

__all__ = ["IMAGE", "MIDPOINT_STEPS", "finished", "samples"]

IMAGE = (1, 28, 28)
MIDPOINT_STEPS = 8


def samples(
    model,
    n: int,
    *,
    guidance: float = 1.2,
    stochastic: bool = False,
    seed: int = 0,
    progress: bool = False,
) -> Float[Tensor, "n 1 28 28"]:
    r"""Generated digits in [-1, 1], labels 0, 1, ..., 9, 0, ...

    Args:
        model: Velocity `model(x, t, y)` of images, null label 10; or of what has another `event_shape`, such as
            latents, and makes images of that by `decode`.
        n: Number of digits.
        guidance: Guidance scale w.
        stochastic: Whether to solve, in 48 steps, the SDE with $\sigma_t = \sqrt{1 - t}$, which has the marginals of
            the ODE when the velocity is exact, instead of the ODE in 8 midpoint steps.
        seed: Of all noise.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If n is less than 1 or `guidance` is not finite.

    Example:
        >>> digits.samples(networks.UNet(10), 3).shape
        torch.Size([3, 1, 28, 28])
    """
    if n < 1:
        raise ValueError(f"expected a number n of digits of at least 1, got {n}")
    if not math.isfinite(guidance):
        raise ValueError(f"expected a finite guidance scale, got {guidance}")
    weights = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    generator = torch.Generator("cpu" if weights is None else weights.device).manual_seed(seed)
    options = {"steps": 48, "sigma": _root_of_what_is_left} if stochastic else {"steps": MIDPOINT_STEPS}
    shape = getattr(model, "event_shape", IMAGE)
    y = torch.arange(n) % 10
    x = generate(model, y, scale=guidance, event_shape=shape, generator=generator, progress=progress, **options)
    return finished(model, x)


def finished(model, x: Float[Tensor, "n *event"]) -> Float[Tensor, "n *image"]:
    """The images that a generator makes of the ends of its flow, in [-1, 1].

    Args:
        model: As for `samples`.
        x: Images, or what it decodes.
    """
    return (model.decode(x) if hasattr(model, "decode") else x).clamp(-1, 1)


def _root_of_what_is_left(t: Tensor) -> Tensor:
    return (1 - t).sqrt()
