"""Latent space: images as a few numbers of mean 0 and variance 1, where a flow is learned and sampled."""

import torch
from jaxtyping import Float, Num
from torch import Tensor

from course_utils.networks import Autoencoder, Network
from course_utils.shapes import as_states

__all__ = ["Latents"]


class Latents(Network):
    r"""The latents of an autoencoder, each coordinate with mean 0 and variance 1; the one place that scales them.

    Args:
        autoencoder: Its `encode` and `decode` make latents of images, and images of latents.
        mean: Mean of the autoencoder's own latents, shape (dim,).
        scale: Their standard deviation in each coordinate, positive, shape (dim,).

    Raises:
        ValueError: If mean and scale do not fit the autoencoder, or a scale is not positive.

    Source: Rombach et al., "High-resolution image synthesis with latent diffusion models" (2022).

    Example:
        >>> space = latents.Latents(networks.Autoencoder(dim=8), torch.zeros(8), torch.ones(8))
        >>> h = space.encode(torch.zeros(5, 1, 28, 28), torch.Generator().manual_seed(0))
        >>> h.shape, space.decode(h).shape
        (torch.Size([5, 8]), torch.Size([5, 1, 28, 28]))
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, autoencoder: Autoencoder, mean: Float[Tensor, " dim"], scale: Float[Tensor, " dim"]):
        super().__init__()
        if mean.shape != (autoencoder.dim,) or scale.shape != (autoencoder.dim,):
            raise ValueError(
                f"expected mean and scale of shape ({autoencoder.dim},), got {tuple(mean.shape)}, {tuple(scale.shape)}"
            )
        if not (scale > 0).all():
            raise ValueError(f"expected positive scales, got {scale.min().item():g}")
        self.autoencoder = autoencoder
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def extra_repr(self) -> str:
        return f"dim={self.autoencoder.dim}"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        return (self.autoencoder.dim,)

    @classmethod
    def of(cls, autoencoder: Autoencoder, images: Num[Tensor, "n 1 28 28"], *, chunk: int = 1000) -> "Latents":
        """The latents whose mean and variance over these images are 0 and 1; the encoder's own spread counts.

        Args:
            autoencoder: A trained one.
            images: In [-1, 1], at least two.
            chunk: Images encoded at a time.

        Raises:
            ValueError: If there are fewer than two images, or a coordinate is the same for all of them.

        Example:
            >>> few = data.mnist("test", "offline").images[:100]
            >>> latents.Latents.of(networks.Autoencoder(dim=8), few)
            Latents(dim=8), 96,596 parameters
        """
        if len(images) < 2:
            raise ValueError(f"expected at least 2 images, got {len(images)}")
        mean, log_var = _encode(autoencoder, images, chunk)
        variance = mean.var(0, correction=0) + log_var.exp().mean(0)
        return cls(autoencoder, mean.mean(0), variance.sqrt())

    def encode(
        self, images: Num[Tensor, "n 1 28 28"], generator: torch.Generator | None = None, *, chunk: int = 1000
    ) -> Float[Tensor, "n dim"]:
        """One latent an image, drawn from the encoder, scaled; shape (n, dim), without gradients.

        Args:
            images: In [-1, 1].
            generator: Source of the draws.
            chunk: Images encoded at a time.
        """
        mean, log_var = _encode(self.autoencoder, images, chunk)
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        return (mean + (log_var / 2).exp() * noise - self.mean) / self.scale

    @torch.no_grad()
    def decode(self, h: Num[Tensor, "n dim"], *, chunk: int = 250) -> Float[Tensor, "n 1 28 28"]:
        """Images in [-1, 1] of scaled latents, without gradients.

        Args:
            h: Shape (n, dim).
            chunk: Latents decoded at a time.
        """
        own = as_states(h, self.event_shape).to(self.mean) * self.scale + self.mean
        images = [2 * self.autoencoder.decode(part).sigmoid() - 1 for part in own.split(chunk)]
        return torch.cat(images) if images else own.new_empty(0, 1, 28, 28)


@torch.no_grad()
def _encode(autoencoder: Autoencoder, images: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Mean and log-variance of every image."""
    where = next(autoencoder.parameters())
    parts = [autoencoder.encode(part.to(where)) for part in images.split(chunk)]
    return torch.cat([mean for mean, _ in parts]), torch.cat([log_var for _, log_var in parts])
