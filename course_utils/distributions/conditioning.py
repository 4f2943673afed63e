"""A mixture of Gaussians of which some coordinates are known."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from course_utils.distributions.gaussians import GaussianMixture

__all__ = ["conditioned"]


def conditioned(mixture: GaussianMixture, known: Bool[Tensor, " d"], values: Float[Tensor, " k"]) -> GaussianMixture:
    r"""The law of the unknown coordinates, given the known ones: a mixture again.

    With a the known and b the unknown coordinates, a component's mean becomes
    $\mu_b + \Sigma_{ba} \Sigma_{aa}^{-1} (v - \mu_a)$, its covariance
    $\Sigma_{bb} - \Sigma_{ba} \Sigma_{aa}^{-1} \Sigma_{ab}$, and its weight is multiplied by
    $N(v; \mu_a, \Sigma_{aa})$.

    Args:
        mixture: Of d flat coordinates.
        known: Which of them are known: some, but not all; shape (d,).
        values: Their values v, in their order, shape (k,).

    Returns:
        A mixture of the d - k others, in their order.

    Raises:
        ValueError: If shapes do not fit, none or all are known, or the known ones have a singular covariance.

    Example:
        >>> plane = distributions.GaussianMixture(torch.zeros(1, 2), torch.tensor([[[1.0, 0.6], [0.6, 1.0]]]))
        >>> given = distributions.conditioned(plane, torch.tensor([True, False]), torch.tensor([2.0]))
        >>> given.means, given.covs
        (tensor([[1.2000]]), tensor([[[0.6400]]]))
    """
    d = mixture.means.shape[1]
    if known.shape != (d,) or known.all() or not known.any():
        raise ValueError(f"expected some of {d} coordinates to be known, but not all, got {known.tolist()}")
    if values.shape != (int(known.sum()),):
        raise ValueError(f"expected {int(known.sum())} values of known coordinates, got shape {tuple(values.shape)}")
    covs, means = mixture.covs.double(), mixture.means.double()
    within, across = covs[:, known][:, :, known], covs[:, known][:, :, ~known]
    roots, failed = torch.linalg.cholesky_ex(within)
    if failed.any():
        raise ValueError("expected known coordinates with a covariance of full rank, got a singular one")
    off = (values.double() - means[:, known])[..., None]
    gains = torch.cholesky_solve(across, roots).mT
    scaled = torch.linalg.solve_triangular(roots, off, upper=False)[..., 0]
    likely = -scaled.square().sum(1) / 2 - roots.diagonal(dim1=1, dim2=2).log().sum(1)
    rest = covs[:, ~known][:, :, ~known] - gains @ across
    new_means = means[:, ~known] + (gains @ off)[..., 0]
    weights = (mixture.weights.double().log() + likely).softmax(0)
    return GaussianMixture(new_means.to(mixture.means), ((rest + rest.mT) / 2).to(mixture.means), weights)
