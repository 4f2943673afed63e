"""The generator of Lab 4 in one piece: its model, its training and its samples."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_utils import data
from course_utils.digits.plan import Plan
from course_utils.distributions import PCAMixture, fit_class_mixtures
from course_utils.guidance import generate
from course_utils.losses import drop_labels, flow_matching_loss, stratified_times
from course_utils.networks import Residual, ResidualScale, UNet
from course_utils.paths import GaussianPath, marginal
from course_utils.shapes import Time
from course_utils.training import Checkpoint, History, best_device, fit

__all__ = ["BATCH_SIZE", "MARGIN", "MIDPOINT_STEPS", "NULL", "START", "ClassMixtures", "digit_loss", "digit_model",
           "samples", "steps_within", "train"]  # fmt: skip

NULL = 10
"""The null label."""
BATCH_SIZE = 64
START = 0.3
"""Time from which on the network adds to the mixtures: before it, nearly all of its target is noise."""
MARGIN = 2
"""Pixels on each side that are left to the mixtures: nearly always paper."""
MIDPOINT_STEPS = 8


class ClassMixtures:
    """The exact velocity to a mixture a digit, computed on the device and in the precision of the states.

    Args:
        mixtures: From labels, and None for the null label, to mixtures.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> digits.ClassMixtures({0: one, None: one}).velocity(torch.zeros(5, 4).double(), 0.5).dtype
        torch.float64
    """

    def __init__(self, mixtures: Mapping[int | None, PCAMixture]):
        self.mixtures = dict(mixtures)
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._exact: Any = None

    def __repr__(self) -> str:
        return f"ClassMixtures({len(self.mixtures)} mixtures)"

    def velocity(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal velocity given the label of each state, shape (batch, *event)."""
        place = (x.device, x.dtype)
        if place != self._place:
            moved = {label: mixture.to(x.device).to(x.dtype) for label, mixture in self.mixtures.items()}
            self._exact = marginal(GaussianPath(), moved)
            self._place = place
        return self._exact.velocity(x, t, y)


def digit_model(
    images: Float[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> Residual:
    """The exact velocity of a Gaussian mixture a digit, plus a U-Net, not yet trained, for what it leaves over.

    Args:
        images: Digits in [-1, 1].
        labels: 0 to 9.
        seed: Of the clusters and the first weights.
        device: Where the model is to live.
        progress: Whether to show a progress bar: the clusters of 60,000 digits take seconds.

    Returns:
        A model (x, t, y) with y from 0 to 10, the null label; without y it is meant, too. It computes in PyTorch's
        default precision, or in another one after `model.double()`.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> digits.digit_model(few.images, few.labels)
        Residual(net=UNet, start=0.3), 285,540 parameters
    """
    clusters = torch.Generator().manual_seed(seed)
    mixtures = fit_class_mixtures(images, labels, generator=clusters, progress=progress)
    mixtures = {label: mixture.to(device).to(torch.get_default_dtype()) for label, mixture in mixtures.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = UNet(NULL, margin=MARGIN)
    base = ClassMixtures(mixtures).velocity
    return Residual(base, ResidualScale(mixtures[None].spectrum), net, START).to(device)


def digit_loss(
    scale: Callable[[Tensor], Tensor], generator: torch.Generator, start: float = START
) -> Callable[..., Tensor]:
    """Lab 4's loss(model, z, y): flow matching weighted by 1/scale(t)^2, even times, every tenth label dropped.

    Example:
        >>> loss = digits.digit_loss(torch.ones_like, torch.Generator().manual_seed(0))
        >>> loss(networks.UNet(10), torch.zeros(4, 1, 28, 28), torch.arange(4)).shape
        torch.Size([])
    """

    def loss(model, z: Tensor, y: Tensor) -> Tensor:
        t = stratified_times(len(z), generator, start)
        y = drop_labels(y, 0.1, null=NULL, generator=generator)
        return flow_matching_loss(model, z, y, path=GaussianPath(), t=t, weight=1 / scale(t) ** 2, generator=generator)

    return loss


def train(
    plan: Plan, *, checkpoint: Checkpoint | None = None, fabric: Any = None, progress: bool = True
) -> tuple[Residual, History]:
    """The trained model and the history of its training.

    Args:
        plan: What to train.
        checkpoint: Where to save the state of the training, and whether to go on from it; it gets its own generator.
        fabric: For several devices or machines; see `training.fit`.
        progress: Whether to show a progress bar.

    Example:
        >>> model, history = digits.train(digits.Plan("offline", steps=1), progress=False)
        >>> history.images
        64
    """
    digits = data.mnist("train", plan.source)
    device = fabric.device if fabric else best_device()
    rank = fabric.global_rank if fabric else 0
    model = digit_model(digits.images, digits.labels, plan.seed, device, progress)
    order = torch.Generator().manual_seed(1_000_000 * plan.seed + 2 * rank)
    noise = torch.Generator(device).manual_seed(1_000_000 * plan.seed + 2 * rank + 1)
    if checkpoint:
        checkpoint = replace(checkpoint, generator=noise)
    batches = data.batches(digits.images, digits.labels, batch_size=BATCH_SIZE, generator=order)
    loss = digit_loss(model.scale, noise)
    history = fit(model, loss, batches, steps=plan.steps, device=fabric, progress=progress, checkpoint=checkpoint)
    return model, history


def steps_within(minutes: float, source: str, probe: int = 12) -> int:
    """Number of training steps that this machine makes in so many minutes, from the median of `probe` steps.

    Raises:
        ValueError: If `minutes` is not a positive, finite number, or `probe` less than 2.

    Example:
        >>> digits.steps_within(0.01, "offline", probe=2) >= 1
        True
    """
    if not 0 < minutes < math.inf:
        raise ValueError(f"expected a positive number of minutes, got {minutes}")
    if probe < 2:
        raise ValueError(f"expected at least 2 steps to measure, got {probe}")
    digits = data.mnist("train", source)
    device = best_device()
    model = digit_model(digits.images, digits.labels, device=device)
    loss = digit_loss(model.scale, torch.Generator(device).manual_seed(0))
    batches = data.batches(digits.images, digits.labels, batch_size=BATCH_SIZE)
    stamps = []

    def watch(*_) -> None:
        stamps.append(time.perf_counter())

    history = fit(model, loss, batches, steps=probe, progress=False, callback=watch)
    if history.interrupted:
        raise KeyboardInterrupt  # pressed by somebody who does not want what follows the measurement either
    median = torch.tensor(stamps).double().diff().median().item()
    return max(1, round(60 * minutes / median))


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
        model: Velocity `model(x, t, y)`, null label 10.
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
    y = torch.arange(n) % 10
    return generate(model, y, scale=guidance, generator=generator, progress=progress, **options).clamp(-1, 1)


def _root_of_what_is_left(t: Tensor) -> Tensor:
    return (1 - t).sqrt()
