"""Points in groups: k-means, and a Gaussian for each group."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.distributions.base import Noise
from course_utils.distributions.gaussians import GaussianMixture

__all__ = ["cluster_gaussians", "clusters_for", "k_means"]


def cluster_gaussians(
    points: Float[Tensor, "n d"],
    components: int,
    shrinkage: float,
    least: Tensor,
    generator: torch.Generator | None = None,
) -> GaussianMixture:
    """One Gaussian for each k-means cluster, covariances shrunk towards the average one; see `PCAMixture.fit`."""
    centres, nearest = k_means(points, components, generator=generator)
    within = points - centres[nearest]
    d = points.shape[1]
    ridge = least * torch.eye(d).to(points)
    average = within.T @ within / len(points)
    prior = shrinkage * d
    counts = []
    covs = []
    for k in range(components):
        members = within[nearest == k]
        counts.append(len(members))
        covs.append((members.T @ members + prior * average) / (len(members) + prior) + ridge)
    return GaussianMixture(centres, torch.stack(covs), torch.tensor(counts).to(points))


def k_means(
    points: Float[Tensor, "n d"], k: int, iterations: int = 20, generator: torch.Generator | None = None
) -> tuple[Float[Tensor, "k d"], Int[Tensor, " n"]]:
    """Cluster centres and the index of each point's centre: Lloyd's algorithm from a k-means++ start.

    Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007).
    """
    source = Noise(generator, points)
    centres = points[source.integers(len(points), 1)]
    squares = (points - centres).square().sum(1)
    for _ in range(k - 1):
        weights = squares if squares.sum() > 0 else torch.ones_like(squares)
        new = points[source.choices(weights, 1)]
        centres = torch.cat([centres, new])
        squares = torch.minimum(squares, (points - new).square().sum(1))
    for _ in range(iterations):
        nearest = (centres.square().sum(1) / 2 - points @ centres.T).argmin(1)
        counts = torch.bincount(nearest, minlength=k)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
    return centres, nearest


def clusters_for(n: int) -> int:
    """A number of clusters for n points: enough to hold their styles, few enough to have points for a covariance."""
    return max(1, round(0.8 * n**0.5))
