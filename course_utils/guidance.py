"""Labels: closed over before a simulator sees the field, and strengthened by classifier-free guidance."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from course_utils.processes import FlowSDE
from course_utils.schedules import Linear
from course_utils.shapes import Field
from course_utils.simulators import euler_maruyama_step, midpoint_step, simulate


def condition(model, y: Tensor) -> Field:
    """The field `u(x, t) = model(x, t, y)` for fixed labels y of shape (batch,)."""
    return lambda x, t: model(x, t, y)


def classifier_free(model, y: Tensor, scale: float, null: int | None = None) -> Field:
    r"""The guided field $(1-w)\,u(x|\text{null}) + w\,u(x|y)$.

    Args:
        model: `model(x, t, y)`; without labels it is taken to mean the null label.
        y: Labels, shape (batch,).
        scale: Guidance scale w: 1 is conditional without guidance, 0 unconditional.
        null: The null label, or None if `model(x, t)` knows it.

    Source: Ho and Salimans, "Classifier-free diffusion guidance" (2022).
    """

    def unconditional(x: Tensor, t: Tensor) -> Tensor:
        return model(x, t) if null is None else model(x, t, torch.full_like(y, null))

    if scale == 1:
        return condition(model, y)
    if scale == 0:
        return unconditional
    return lambda x, t: (1 - scale) * unconditional(x, t) + scale * model(x, t, y)


@torch.no_grad()
def generate(
    model,
    y: Int[Tensor, " batch"],
    *,
    scale: float = 1.0,
    steps: int = 6,
    step: Callable | None = None,
    sigma: Callable[[Tensor], Tensor] | None = None,
    null: int | None = None,
    event_shape: Sequence[int] = (1, 28, 28),
    generator: torch.Generator | None = None,
    chunk: int = 250,
    progress: bool = False,
) -> Tensor:
    """Samples with the given labels: noise that follows the guided field from t = 0 to t = 1.

    Args:
        model: Velocity `model(x, t, y)` of the linear path, finite on the whole of [0, 1].
        y: Labels, shape (batch,).
        scale: Guidance scale.
        steps: Number of steps.
        step: Step function; by default `midpoint_step`, for an SDE `euler_maruyama_step`.
        sigma: Diffusion coefficient as a function of t, to follow the `FlowSDE` with the same marginals instead.
        null: The null label, or None if `model(x, t)` knows it.
        event_shape: Shape of one sample.
        generator: Source of all noise; it lives on the device of the model.
        chunk: Samples made at a time, to bound memory.
        progress: Whether to show a progress bar.

    Returns:
        Samples, shape (batch, *event).
    """
    step = step or (midpoint_step if sigma is None else euler_maruyama_step)
    device = generator.device if generator else None
    x0, ts = torch.randn(len(y), *event_shape, generator=generator, device=device), torch.linspace(0, 1, steps + 1)
    y, samples = y.to(x0.device), torch.empty_like(x0)
    for rows in _bar(torch.arange(len(y)).split(chunk), progress):
        system = classifier_free(model, y[rows], scale, null)
        if sigma is not None:
            system = FlowSDE.from_velocity(system, Linear(), sigma)
        samples[rows] = simulate(system, x0[rows], ts, step, generator=generator).end
    return samples


def _bar(chunks: Sequence[Tensor], progress: bool):
    if not progress:
        return chunks
    from tqdm.auto import tqdm

    return tqdm(chunks, desc="generate", unit="chunk")
