"""The generator of Lab 4 in one piece: its model, its training, its samples and the judgement of them."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils import data
from course_utils.distributions import fit_class_mixtures
from course_utils.guidance import generate
from course_utils.losses import drop_labels, flow_matching_loss, stratified_times
from course_utils.metrics import digit_classifier, frechet_distance, in_chunks, label_accuracy
from course_utils.networks import Residual, ResidualScale, UNet
from course_utils.paths import GaussianPath, marginal
from course_utils.training import History, best_device, fit

NULL = 10
"""The null label."""
BATCH_SIZE = 64
START = 0.3
"""Time from which on the network adds to the mixtures: before it, nearly all of its target is noise."""
MARGIN = 2
"""Pixels on each side that are left to the mixtures: nearly always paper."""
MIDPOINT_STEPS = 8


@dataclass(frozen=True)
class Plan:
    """What a training is made of; one that is resumed has to repeat it.

    Attributes:
        source: Which digits, "full" or "offline"; see `data.mnist`.
        seed: Of the clusters, the first weights, the batches and the noise.
        steps: Optimiser steps.
        devices: Number of processes.
    """

    source: str
    seed: int = 0
    steps: int = 800
    devices: int = 1


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
        default precision.
    """
    clusters = torch.Generator().manual_seed(seed)
    mixtures = fit_class_mixtures(images, labels, generator=clusters, progress=progress)
    mixtures = {label: mixture.to(device).to(torch.get_default_dtype()) for label, mixture in mixtures.items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = UNet(NULL, margin=MARGIN)
    base = marginal(GaussianPath(), mixtures).velocity
    return Residual(base, ResidualScale(mixtures[None].spectrum), net, START).to(device)


def digit_loss(
    scale: Callable[[Tensor], Tensor], generator: torch.Generator, start: float = START
) -> Callable[..., Tensor]:
    """Lab 4's loss(model, z, y): flow matching weighted by 1/scale(t)^2, even times, every tenth label dropped."""

    def loss(model, z: Tensor, y: Tensor) -> Tensor:
        t = stratified_times(len(z), generator, start)
        y = drop_labels(y, 0.1, null=NULL, generator=generator)
        return flow_matching_loss(model, z, y, path=GaussianPath(), t=t, weight=1 / scale(t) ** 2, generator=generator)

    return loss


def train(
    plan: Plan, *, checkpoint: Path | None = None, resume: bool = False, fabric: Any = None, progress: bool = True
) -> tuple[Residual, History]:
    """The trained model and the history of its training.

    Args:
        plan: What to train.
        checkpoint: File to save the state of the training to, every 100 steps.
        resume: Whether to go on from that file, if it exists.
        fabric: For several devices or machines; see `training.fit`.
        progress: Whether to show a progress bar.
    """
    digits = data.mnist("train", plan.source)
    device, rank = (fabric.device, fabric.global_rank) if fabric else (best_device(), 0)
    model = digit_model(digits.images, digits.labels, plan.seed, device, progress)
    order, noise = torch.Generator(), torch.Generator(device)
    for stream, generator in enumerate((order, noise)):
        generator.manual_seed(1_000_000 * plan.seed + 2 * rank + stream)
    batches = data.batches(digits.images, digits.labels, batch_size=BATCH_SIZE, generator=order)
    saving = {"checkpoint": checkpoint, "every": 100, "resume": resume, "generator": noise}
    loss = digit_loss(model.scale, noise)
    return model, fit(model, loss, batches, steps=plan.steps, progress=progress, fabric=fabric, **saving)


def steps_within(minutes: float, source: str, probe: int = 12) -> int:
    """Number of training steps that this machine makes in so many minutes, from the median of `probe` steps.

    Raises:
        ValueError: If `minutes` is not a positive, finite number.
    """
    if not 0 < minutes < math.inf:
        raise ValueError(f"expected a positive number of minutes, got {minutes}")
    digits, device = data.mnist("train", source), best_device()
    model = digit_model(digits.images, digits.labels, device=device)
    stamps, loss = [], digit_loss(model.scale, torch.Generator(device).manual_seed(0))
    batches = data.batches(digits.images, digits.labels, batch_size=BATCH_SIZE)
    fit(model, loss, batches, steps=probe, progress=False, callback=lambda *_: stamps.append(time.perf_counter()))
    return max(1, round(60 * minutes / torch.tensor(stamps).double().diff().median().item()))


def judge(
    model, test: data.Digits, *, scales: Sequence[float] = (1.0, 1.2), n: int = 2000, progress: bool = True
) -> dict[str, Any]:
    """Label accuracy and Fréchet distance at guidance scales, with n and the floor: real digits against real ones.

    Args:
        model: Velocity `model(x, t, y)`.
        test: Digits that the model was not trained on; half of them, n at most, are compared with as many others.
        scales: Guidance scales w.
        n: Number of samples a scale.
        progress: Whether to show a progress bar.

    Returns:
        `{"n", "steps", "floor", "judgements": [{"w", "accuracy", "distance"}, ...]}`, with the steps of the sampler.
    """
    from tqdm.auto import tqdm

    classifier, n = digit_classifier(), min(n, len(test) // 2)
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))  # MNIST's test set begins with ease
    real = in_chunks(classifier.features, test.images[order[: 2 * n]])
    labels, judgements = torch.arange(n) % 10, []
    for w in tqdm(scales, desc="judge", unit="scale", disable=not progress):
        images = samples(model, n, guidance=w).cpu()
        distance = frechet_distance(in_chunks(classifier.features, images), real[:n])
        judgements.append({"w": w, "accuracy": label_accuracy(classifier, images, labels), "distance": distance})
    floor = frechet_distance(real[:n], real[n:])
    return {"n": n, "steps": MIDPOINT_STEPS, "floor": floor, "judgements": judgements}


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
        ValueError: If n is less than 1.
    """
    if n < 1:
        raise ValueError(f"expected a number n of digits of at least 1, got {n}")
    weights = next(model.parameters(), torch.empty(0)) if isinstance(model, torch.nn.Module) else torch.empty(0)
    generator = torch.Generator(weights.device).manual_seed(seed)
    options = {"steps": 48, "sigma": lambda t: (1 - t).sqrt()} if stochastic else {"steps": MIDPOINT_STEPS}
    y = torch.arange(n) % 10
    return generate(model, y, scale=guidance, generator=generator, progress=progress, **options).clamp(-1, 1)
