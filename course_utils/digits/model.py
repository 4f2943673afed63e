"""The generator of Lab 4: mixtures of the pixels, exact, and a U-Net for what they leave over."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.digits.mixtures import NULL, ClassMixtures
from course_utils.distributions import PCAMixture, fit_class_mixtures
from course_utils.losses import drop_labels, flow_matching_loss, stratified_times
from course_utils.networks import Residual, ResidualScale, UNet
from course_utils.paths import GaussianPath

__all__ = ["BATCH_SIZE", "MARGIN", "START", "assembled", "digit_loss", "digit_model"]

BATCH_SIZE = 64
START = 0.3
"""Time from which on the network adds to the mixtures: before it, nearly all of its target is noise."""
MARGIN = 2
"""Pixels on each side that are left to the mixtures: nearly always paper."""


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
    return assembled(mixtures, net).to(device)


def assembled(mixtures: Mapping[int | None, PCAMixture], net: UNet) -> Residual:
    """The model made of its two parts: mixtures of each label, and a network."""
    return Residual(ClassMixtures(mixtures), ResidualScale(mixtures[None].spectrum), net, START)


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
