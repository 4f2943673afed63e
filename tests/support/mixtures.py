"""A mixture that is given twice."""

import torch

from course_utils.distributions import GaussianMixture, PCAMixture

F64 = torch.float64


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Standard normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def in_principal_directions() -> tuple[PCAMixture, GaussianMixture]:
    """Three Gaussians in six dimensions, in principal directions and with full covariances."""
    basis = torch.linalg.qr(normal(6, 6, seed=1))[0]
    factors = normal(3, 2, 2, seed=2)
    top = GaussianMixture(normal(3, 2, seed=3), factors @ factors.mT, torch.tensor([1.0, 2.0, 3.0], dtype=F64))
    mixture = PCAMixture(normal(1, 2, 3), basis[:, :4], top, torch.tensor([0.3, 0.1], dtype=F64), 0.02)
    covs = 0.02 * torch.eye(6, dtype=F64).repeat(3, 1, 1)
    covs[:, :2, :2], covs[:, 2:4, 2:4] = top.covs, mixture.variances.diag()
    means = mixture.centre.flatten() + top.means @ basis[:, :2].T
    full = GaussianMixture(means.reshape(3, 1, 2, 3), basis @ covs @ basis.T, top.weights)
    return mixture, full
