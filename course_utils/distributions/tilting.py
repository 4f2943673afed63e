r"""A mixture of Gaussians times the exponential of a reward: a mixture again, as long as it can be normalised."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Tilt", "check_temperature", "narrowed", "tilt"]


class Tilt(NamedTuple):
    r"""Parts of $p(z)\,e^{r(z)} / \mathbb{E}_p[e^{r(z)}]$.

    Attributes:
        weights: Shape (components,).
        means: Shape (components, d).
        covs: Shape (components, d, d).
        log_normaliser: $\log \mathbb{E}_p[e^{r(z)}]$, shape ().
    """

    weights: Tensor
    means: Tensor
    covs: Tensor
    log_normaliser: Tensor


def tilt(weights: Tensor, means: Tensor, covs: Tensor, roots: Tensor, a: Tensor, Q: Tensor | None) -> Tilt:
    r"""The mixture times $e^{r(z)}$, $r(z) = a \cdot z - z^T Q z / 2$.

    A component's covariance becomes $\Sigma' = (\Sigma^{-1} + Q)^{-1}$, its mean $\mu + \Sigma' c$ with the reward's
    slope $c = a - Q\mu$ there, and its weight is multiplied by $e^{r(\mu) + c^T \Sigma' c / 2} / \sqrt{\det M}$, with
    the M of `narrowed`.

    Args:
        weights: Shape (components,).
        means: Shape (components, d).
        covs: $\Sigma$, shape (components, d, d).
        roots: R with $\Sigma = RR^T$, same shape.
        a: Shape (d,).
        Q: Symmetric, shape (d, d); None for a linear reward.

    Raises:
        ValueError: As `narrowed`.
    """
    slopes = a.expand_as(means)
    gains = means @ a
    log_det = torch.zeros_like(gains)
    if Q is not None:
        slopes = a - means @ Q
        gains = gains - (means @ Q * means).sum(1) / 2
        covs, log_det = narrowed(roots, Q)
    shifts = (covs @ slopes[..., None])[..., 0]
    log_weights = weights.log() + gains + (slopes * shifts).sum(1) / 2 - log_det / 2
    return Tilt(log_weights.softmax(0), means + shifts, covs, log_weights.logsumexp(0))


def narrowed(roots: Tensor, Q: Tensor) -> tuple[Tensor, Tensor]:
    r"""$(\Sigma^{-1} + Q)^{-1} = R M^{-1} R^T$ and $\log\det M$, with $M = I + R^T Q R$; R need not be invertible.

    Raises:
        ValueError: If an M is not positive definite: the reward grows faster than that component falls.
    """
    M = torch.eye(len(Q)).to(roots) + roots.mT @ Q @ roots
    eigenvalues, basis = torch.linalg.eigh(M.double())
    if not (eigenvalues > 0).all():
        raise ValueError(
            "expected a reward that leaves a law to normalise, 1 + its curvature times each variance above 0, "
            f"got {eigenvalues.min().item():.3g}"
        )
    half = roots @ (basis / eigenvalues.sqrt()[:, None]).to(roots)
    return half @ half.mT, eigenvalues.log().sum(1).to(roots)


def check_temperature(lam: float) -> float:
    r"""$\lambda$ itself; ValueError unless it is positive and finite."""
    if not 0 < lam < math.inf:
        raise ValueError(f"expected a positive, finite lambda, got {lam}")
    return lam
