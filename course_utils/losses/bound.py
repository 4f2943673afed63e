r"""The loss of a variational autoencoder: a bound on $\log p(x)$, from below.

Symbols: $h$ is a latent, $q(h|x) = N(m, \text{diag}\,e^\ell)$ the encoder, $D(h)$ the decoder's answer.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from course_utils.shapes import as_floats, check_same_shape

__all__ = ["kl_to_normal", "linear_bound", "vae_loss"]


def kl_to_normal(
    mean: Float[Tensor, "batch *latent"], log_var: Float[Tensor, "batch *latent"]
) -> Float[Tensor, " batch"]:
    r"""Divergence from N(0, I), $\frac12 \sum_j (m_j^2 + e^{\ell_j} - 1 - \ell_j)$, of $q = N(m, \text{diag}\,e^\ell)$.

    Args:
        mean: m, shape (batch, *latent).
        log_var: Log-variances $\ell$, of the same shape.

    Returns:
        In nats, shape (batch,): at least 0, and 0 only for N(0, I) itself.

    Raises:
        ValueError: If the shapes differ, the batch is empty, or a variance $e^\ell$ is no finite number.

    Source: Kingma and Welling, "Auto-encoding variational Bayes" (2014), appendix B.

    Example:
        >>> losses.kl_to_normal(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
        tensor([2.])
    """
    _check_gaussians(mean, log_var)
    terms = mean**2 + log_var.exp() - 1 - log_var
    return 0.5 * terms.flatten(1).sum(1)


def vae_loss(
    model,
    x: Float[Tensor, "batch *event"],
    *,
    weight: float = 0.1,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    r"""Batch mean of the pixels' cross-entropy plus `weight` times the divergence of the encoder from N(0, I).

    Each pixel is a coin that shows ink with the probability sigmoid(D(h)), at a latent $h = m + e^{\ell/2} \epsilon$
    drawn from the encoder. With weight 1, and pixels that are black or white, it is minus the bound on $\log p(x)$.

    Args:
        model: Has `encode(x)`, which returns mean and log-variance, and `decode(h)`, which returns logits of ink.
        x: Images in [-1, 1], shape (batch, *event); the share of ink is (x + 1) / 2.
        weight: Of the divergence.
        noise: $\epsilon$, of the mean's shape; standard normal if not given.
        generator: Source of the noise.

    Returns:
        A scalar, in nats. It sums over pixels and over the latent's numbers; only the batch is averaged.

    Raises:
        ValueError: If the batch is empty, a pixel lies outside [-1, 1], `weight` is negative or not finite, the noise
            has another shape than the mean or the logits another than x, or as `kl_to_normal`.

    Source: Kingma and Welling, "Auto-encoding variational Bayes" (2014), equation 10; the weight: Higgins et al.,
    "beta-VAE" (2017).

    Example:
        >>> x = torch.zeros(2, 1, 28, 28)
        >>> losses.vae_loss(networks.Autoencoder(dim=8), x, noise=torch.zeros(2, 8)).shape
        torch.Size([])
    """
    if not 0 <= weight < math.inf:
        raise ValueError(f"expected a weight of at least 0, got {weight}")
    x = as_floats(x)
    if len(x) == 0 or not -1 <= x.min() <= x.max() <= 1:
        raise ValueError(f"expected images with pixels from -1 to 1, got shape {tuple(x.shape)}{_extremes(x)}")
    mean, log_var = model.encode(x)
    divergence = kl_to_normal(mean, log_var)
    if noise is None:
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    check_same_shape(noise=noise, mean=mean)
    logits = model.decode(mean + (log_var / 2).exp() * noise)
    check_same_shape(logits=logits, x=x)
    ink = (x + 1) / 2
    cross_entropy = F.binary_cross_entropy_with_logits(logits, ink, reduction="none").flatten(1).sum(1)
    return (cross_entropy + weight * divergence).mean()


def linear_bound(
    x: Float[Tensor, "batch d"],
    mean: Float[Tensor, "batch k"],
    log_var: Float[Tensor, "batch k"],
    W: Float[Tensor, "d k"],
    b: Float[Tensor, " d"],
    s: float | Float[Tensor, ""],
) -> Float[Tensor, " batch"]:
    r"""The bound on $\log p(x)$ for a linear decoder, $h \sim N(0, I)$ and $x \sim N(Wh + b, s^2 I)$, in closed form.

    $-\frac{1}{2s^2} (\|x - Wm - b\|^2 + \sum_j e^{\ell_j} \|W_j\|^2) - \frac{d}{2} \log 2\pi s^2
    - \text{KL}(q\,\|\,N(0, I))$, with $W_j$ the columns of W. It falls short of $\log N(x; b, WW^T + s^2 I)$ by the
    divergence of q from the exact posterior.

    Args:
        x: Data, shape (batch, d).
        mean: Means m of q(h|x), shape (batch, k).
        log_var: Log-variances $\ell$ of q(h|x), shape (batch, k).
        W: Shape (d, k).
        b: Shape (d,).
        s: Standard deviation of a coordinate of x, positive.

    Returns:
        In nats, shape (batch,).

    Raises:
        ValueError: If the shapes do not fit, s is not positive, or as `kl_to_normal`.

    Source: Tipping and Bishop, "Probabilistic principal component analysis" (1999); Lucas et al., "Don't blame the
    ELBO!" (2019).

    Example:
        >>> x, zeros = torch.zeros(1, 1), torch.zeros(1, 1)
        >>> losses.linear_bound(x, zeros, zeros, W=torch.zeros(1, 1), b=torch.zeros(1), s=1.0)
        tensor([-0.9189])
    """
    s = torch.as_tensor(s, dtype=x.dtype, device=x.device)
    if not (s.ndim == 0 and 0 < s < math.inf):
        raise ValueError(f"expected a positive standard deviation s, got {s.tolist()}")
    d, k = W.shape
    if x.shape[1:] != (d,) or b.shape != (d,) or mean.shape != (len(x), k):
        raise ValueError(
            f"expected x of shape (batch, {d}), b of ({d},) and mean of ({len(x)}, {k}) for W of {tuple(W.shape)}, "
            f"got {tuple(x.shape)}, {tuple(b.shape)} and {tuple(mean.shape)}"
        )
    divergence = kl_to_normal(mean, log_var)
    squares = (x - mean @ W.T - b).square().sum(1) + log_var.exp() @ W.square().sum(0)
    log_likelihood = -squares / (2 * s**2) - d / 2 * (2 * torch.pi * s**2).log()
    return log_likelihood - divergence


def _check_gaussians(mean: Tensor, log_var: Tensor) -> None:
    check_same_shape(mean=mean, log_var=log_var)
    if mean.ndim < 2 or len(mean) == 0:
        raise ValueError(
            f"expected means of shape (batch, *latent) with a batch of at least 1, got {tuple(mean.shape)}"
        )
    if log_var.numel() and not log_var.max() < math.log(torch.finfo(log_var.dtype).max):
        raise ValueError(f"expected log-variances whose exponential is finite, got up to {log_var.max().item():g}")


def _extremes(x: Tensor) -> str:
    return f" with pixels from {x.min().item():g} to {x.max().item():g}" if x.numel() else ""
