"""Training a generator of digits, of pixels or of latents, after a plan."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from course_utils import data
from course_utils.digits.latent import LATENT_BATCH_SIZE, latent_digits, new_autoencoder
from course_utils.digits.model import BATCH_SIZE, digit_loss, digit_model
from course_utils.digits.plan import Plan
from course_utils.losses import vae_loss
from course_utils.training import Checkpoint, History, best_device, fit

__all__ = ["steps_within", "train"]


@dataclass
class _Task:
    """What a training is made of.

    Attributes:
        net: What is trained.
        loss: Called as `loss(net, *batch)`.
        batches: Of digits, without end.
        finished: From the trained net to the generator.
    """

    net: nn.Module
    loss: Callable[..., Tensor]
    batches: Iterable[tuple[Tensor, ...]]
    finished: Callable[[Any], Any]


def train(
    plan: Plan, *, checkpoint: Checkpoint | None = None, fabric: Any = None, progress: bool = True
) -> tuple[Any, History]:
    """The trained generator and the history of its training.

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
    device = fabric.device if fabric else best_device()
    rank = fabric.global_rank if fabric else 0
    noise = torch.Generator(device).manual_seed(1_000_000 * plan.seed + 2 * rank + 1)
    task = _task(plan, device, noise, rank, progress)
    if checkpoint:
        checkpoint = replace(checkpoint, generator=noise)
    options = {"steps": plan.steps, "device": fabric, "progress": progress, "checkpoint": checkpoint}
    history = fit(task.net, task.loss, task.batches, **options)
    return task.finished(task.net), history


def _task(plan: Plan, device: torch.device, noise: torch.Generator, rank: int, progress: bool) -> _Task:
    digits = data.mnist("train", plan.source)
    order = torch.Generator().manual_seed(1_000_000 * plan.seed + 2 * rank)
    if not plan.latent:
        model = digit_model(digits.images, digits.labels, plan.seed, device, progress)
        batches = data.batches(digits.images, digits.labels, batch_size=BATCH_SIZE, generator=order)
        return _Task(model, digit_loss(model.scale, noise), batches, lambda trained: trained)

    def loss(autoencoder, x: Tensor) -> Tensor:
        return vae_loss(autoencoder, x, generator=noise)

    def finished(autoencoder):
        return latent_digits(autoencoder, digits.images, digits.labels, plan.seed, progress=progress)

    batches = data.batches(digits.images, batch_size=LATENT_BATCH_SIZE, generator=order)
    return _Task(new_autoencoder(plan.seed).to(device), loss, batches, finished)


def steps_within(minutes: float, source: str, latent: bool = False, probe: int = 12) -> int:
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
    device = best_device()
    task = _task(Plan(source, latent=latent), device, torch.Generator(device).manual_seed(0), 0, False)
    stamps = []

    def watch(*_) -> None:
        stamps.append(time.perf_counter())

    history = fit(task.net, task.loss, task.batches, steps=probe, progress=False, callback=watch)
    if history.interrupted:
        raise KeyboardInterrupt  # pressed by somebody who does not want what follows the measurement either
    median = torch.tensor(stamps).double().diff().median().item()
    return max(1, round(60 * minutes / median))
