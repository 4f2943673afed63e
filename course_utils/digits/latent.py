"""The generator of Lab 6: mixtures of latents, exact, and an autoencoder's decoder."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

from course_utils.digits.mixtures import ClassMixtures
from course_utils.distributions import PCAMixture, fit_class_mixtures
from course_utils.distributions.pca_mixture import clusters_for
from course_utils.latents import Latents
from course_utils.networks import Autoencoder, Network
from course_utils.shapes import Time

__all__ = ["LATENT_BATCH_SIZE", "SIZES", "LatentDigits", "latent_digits", "new_autoencoder"]

SIZES: dict[str, Any] = {"dim": 32, "encoder": (32, 1), "decoder": (64, 2), "fine": (32, 1)}
"""Of the autoencoder that `train --latent` trains."""
CLUSTERS = 1.1
"""Clusters of a digit over the root of the number of its images: 85 for 6,000. More are better, and dearer to keep."""
LATENT_BATCH_SIZE = 128


class LatentDigits(Network):
    """Digits drawn in latent space: called like any model, on latents; `decode` makes images of them.

    Args:
        latents: Between images and latents.
        mixtures: Of the latents of each label, and under None of all.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> digits.latent_digits(networks.Autoencoder(dim=8), few.images, few.labels)
        LatentDigits(dim=8, clusters=8), 96,596 parameters
    """

    def __init__(self, latents: Latents, mixtures: Mapping[int | None, PCAMixture]):
        super().__init__()
        self.latents = latents
        self.mixtures = dict(mixtures)
        self.field = ClassMixtures(mixtures)

    def extra_repr(self) -> str:
        return f"dim={self.event_shape[0]}, clusters={len(self.mixtures[0].top.weights)}"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        return self.latents.event_shape

    def forward(
        self, h: Num[Tensor, "batch dim"], t: Time, y: Int[Tensor, " labels"] | None = None
    ) -> Float[Tensor, "batch dim"]:
        """Exact velocity of latents given their labels; without them, that of the null label."""
        return self.field(h, t, y)

    def decode(self, h: Num[Tensor, "n dim"]) -> Float[Tensor, "n 1 28 28"]:
        """Images in [-1, 1] of latents."""
        return self.latents.decode(h)


def new_autoencoder(seed: int = 0) -> Autoencoder:
    """The autoencoder that `train --latent` trains, before its training.

    Example:
        >>> digits.latent.new_autoencoder()
        Autoencoder(dim=32, encoder=(32, 1), decoder=(64, 2), fine=(32, 1)), 465,188 parameters
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(**SIZES)


def latent_digits(
    autoencoder: Autoencoder,
    images: Float[Tensor, "n 1 28 28"],
    labels: Int[Tensor, " n"],
    seed: int = 0,
    clusters: int | None = None,
    progress: bool = False,
) -> LatentDigits:
    """The generator on a trained autoencoder: a Gaussian mixture of one latent of every digit, label by label.

    Args:
        autoencoder: A trained one.
        images: Digits in [-1, 1].
        labels: 0 to 9.
        seed: Of the latents and the clusters.
        clusters: A label, by default 1.1 times the root of the mean number of its images. All digits together, for
            the null label, have as many as `fit_class_mixtures` takes.
        progress: Whether to show a progress bar.

    Example:
        >>> few = data.mnist("test", "offline")
        >>> model = digits.latent_digits(networks.Autoencoder(dim=8), few.images, few.labels)
        >>> model(torch.zeros(5, 8), 0.5, torch.arange(5)).shape
        torch.Size([5, 8])
    """
    generator = torch.Generator().manual_seed(seed)
    latents = Latents.of(autoencoder, images)
    h = latents.encode(images, generator)
    a_label = len(images) // 10
    clusters = clusters or max(1, round(CLUSTERS * a_label**0.5))
    options: dict[str, Any] = {"rank": autoencoder.dim, "generator": generator, "progress": progress}
    return LatentDigits(latents, fit_class_mixtures(h, labels, clusters, clusters_for(a_label), **options))
