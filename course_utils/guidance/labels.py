"""Labels: closed over before a simulator sees the field, and strengthened by classifier-free guidance."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn

from course_utils.processes import FlowSDE
from course_utils.schedules import Linear
from course_utils.shapes import Field, Time, check_labels
from course_utils.simulators import euler_maruyama_step, midpoint_step, simulate

__all__ = ["classifier_free", "condition", "generate"]


def condition(model, y: Tensor) -> Field:
    """The field `u(x, t) = model(x, t, y)` for fixed labels y of shape (batch,), or fixed observations (batch, o).

    Example:
        >>> field = guidance.condition(lambda x, t, y: y[:, None] * x, torch.tensor([2, 3]))
        >>> field(torch.ones(2, 1), torch.tensor(0.0)).flatten()
        tensor([2., 3.])
    """

    def conditional(x: Tensor, t: Time) -> Tensor:
        return model(x, t, y)

    return conditional


def classifier_free(model, y: Tensor, scale: float, null: int | None = None) -> Field:
    r"""The guided field $(1-w)\,u(x|\text{null}) + w\,u(x|y)$.

    Args:
        model: `model(x, t, y)`; without labels it is taken to mean the null label.
        y: Labels, shape (batch,).
        scale: Guidance scale w: 1 is conditional without guidance, 0 unconditional.
        null: The null label, or None if `model(x, t)` knows it.

    Source: Ho and Salimans, "Classifier-free diffusion guidance" (2022).

    Example:
        >>> field = guidance.classifier_free(lambda x, t, y: y[:, None] * x, torch.tensor([2]), scale=1.5, null=10)
        >>> field(torch.ones(1, 1), torch.tensor(0.0))
        tensor([[-2.]])
    """
    conditional = condition(model, y)

    def unconditional(x: Tensor, t: Time) -> Tensor:
        return model(x, t) if null is None else model(x, t, torch.full_like(y, null))

    def guided(x: Tensor, t: Time) -> Tensor:
        return (1 - scale) * unconditional(x, t) + scale * conditional(x, t)

    if scale == 1:
        return conditional
    if scale == 0:
        return unconditional
    return guided


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
        generator: Source of all noise. One of another device than the model's seeds one that lives there.
        chunk: Samples made at a time, to bound memory.
        progress: Whether to show a progress bar.

    Returns:
        Samples, shape (batch, *event), in the precision and on the device of the model's parameters; of a model
        without any, in torch's default precision.

    Raises:
        ValueError: If `steps` or `chunk` is less than 1, or a label is not a whole number.

    Example:
        >>> guidance.generate(networks.MLP(2, num_classes=10), torch.arange(10), event_shape=(2,)).shape
        torch.Size([10, 2])
    """
    if steps < 1 or chunk < 1:
        raise ValueError(f"expected steps and chunk of at least 1, got {steps} and {chunk}")
    check_labels(y, len(y))
    step = step or (midpoint_step if sigma is None else euler_maruyama_step)
    device, dtype = _where_it_computes(model, generator)
    generator = _moved(generator, device)
    x0 = torch.randn(len(y), *event_shape, generator=generator, device=device, dtype=dtype)
    ts = torch.linspace(0, 1, steps + 1)
    y = y.to(device)
    samples = torch.empty_like(x0)
    for rows in _bar(torch.arange(len(y)).split(chunk), progress):
        field = classifier_free(model, y[rows], scale, null)
        system = field if sigma is None else FlowSDE.from_velocity(field, Linear(), sigma)
        samples[rows] = simulate(system, x0[rows], ts, step, generator=generator).end
    return samples


def _where_it_computes(model, generator: torch.Generator | None) -> tuple[torch.device, torch.dtype]:
    """Device and precision of the model's parameters, if it has any; else those of the noise."""
    parameters = model.parameters() if isinstance(model, nn.Module) else ()
    for parameter in parameters:
        return parameter.device, parameter.dtype
    device = generator.device if generator else torch.get_default_device()
    return device, torch.get_default_dtype()


def _moved(generator: torch.Generator | None, device: torch.device) -> torch.Generator | None:
    """The generator itself if it lives on the device, else one that does and is seeded from it."""
    if generator is None or generator.device.type == device.type:
        return generator
    seed = torch.randint(2**62, (), generator=generator, device=generator.device)
    return torch.Generator(device).manual_seed(int(seed))


def _bar(chunks: Sequence[Tensor], progress: bool):
    if not progress:
        return chunks
    from tqdm.auto import tqdm

    return tqdm(chunks, desc="generate", unit="chunk")
