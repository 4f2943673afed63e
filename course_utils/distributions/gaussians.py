"""Gaussians, their mixtures, and mixtures in the leading principal directions of a data set."""

import math

import torch
from torch import Tensor

from course_utils.distributions.base import Posterior, Seeded, column


class GaussianMixture(Seeded):
    r"""$\sum_k w_k N(\mu_k, \Sigma_k)$; one component is a plain Gaussian.

    Args:
        means: Component means, shape (components, *event).
        covs: Covariances of the flattened events, shape (components, d, d); positive semi-definite.
            By default the identity.
        weights: Non-negative, shape (components,); normalised here. By default equal.

    Without arguments: two Gaussians in the plane at (-2, 0) and (2, 0) with standard deviation 0.5.

    Raises:
        ValueError: If shapes do not fit, a covariance is not symmetric or has a negative eigenvalue, or the
            weights are negative or sum to nothing.
    """

    def __init__(self, means: Tensor | None = None, covs: Tensor | None = None, weights: Tensor | None = None):
        if means is None:
            means, covs = torch.tensor([[-2.0, 0.0], [2.0, 0.0]]), 0.25 * torch.eye(2).expand(2, 2, 2)
        if means.ndim < 2 or means.shape[0] == 0:
            raise ValueError(f"expected means of shape (components, *event), got {tuple(means.shape)}")
        super().__init__(means.shape[1:])
        self.means = means.flatten(1)
        k, d = self.means.shape
        self.covs = torch.eye(d).to(means).expand(k, d, d) if covs is None else covs.to(means)
        weights = torch.ones(k).to(means) if weights is None else weights.to(means)
        self._check(k, d, weights)
        self.weights = weights / weights.sum()
        eigenvalues, basis = torch.linalg.eigh(self.covs.double())  # in float32 it may fail for singular covs
        self.directions = basis.mT.to(means).contiguous()  # eigenvectors: component, direction, coordinate
        self.turned_means = torch.einsum("kid,kd->ki", self.directions, self.means)
        tiny = 10 * torch.finfo(means.dtype).eps * eigenvalues.abs().amax()
        if (eigenvalues < -tiny).any():
            raise ValueError(f"expected positive semi-definite covs, got an eigenvalue {eigenvalues.min().item():.3g}")
        self.variances = eigenvalues.clamp(min=0).to(means)
        self.singular = bool((self.variances == 0).any())

    def _check(self, k: int, d: int, weights: Tensor) -> None:
        if self.covs.shape != (k, d, d):
            raise ValueError(f"expected covs of shape {(k, d, d)}, got {tuple(self.covs.shape)}")
        if not torch.allclose(self.covs, self.covs.mT, atol=1e-5 * float(self.covs.abs().max())):
            raise ValueError("expected symmetric covs, got one that differs from its transpose")
        if weights.shape != (k,) or (weights < 0).any() or not 0 < weights.sum() < math.inf:
            raise ValueError(f"expected {k} non-negative weights with a positive sum, got {weights.tolist()}")

    @property
    def mean(self) -> Tensor:
        return (self.weights @ self.means).reshape(self.event_shape)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        which = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator).to(self.means) * self.variances[which].sqrt()
        z = torch.empty_like(noise)
        for k in range(len(self.weights)):
            here = which == k
            z[here] = self.means[k] + noise[here] @ self.directions[k]
        return z.reshape(n, *self.event_shape)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.posterior(x, torch.ones(()).to(x), torch.zeros(()).to(x)).log_prob

    def score(self, x: Tensor) -> Tensor:
        log_weights, centred, variances = self._components(x.flatten(1), torch.ones(()).to(x), torch.zeros(()).to(x))
        return self._turn_back(-log_weights.softmax(1)[..., None] * centred / variances).reshape(x.shape)

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        r"""Log density of x and means of z and noise given x = alpha z + beta noise; finite where beta = 0, too.

        In the eigenbasis of component k, with eigenvalue $\lambda$ and $D = \alpha^2 \lambda + \beta^2$, the mean
        of z is $\mu + (\alpha\lambda / D)(x - \alpha\mu)$ and that of the noise $(\beta / D)(x - \alpha\mu)$.

        Args:
            x: States, shape (batch, *event).
            alpha, beta: Shape () or (batch, 1, ..., 1).
        """
        a, b = column(alpha), column(beta)
        log_weights, centred, noisy = self._components(x.flatten(1), a, b)
        weights = log_weights.softmax(1)
        scaled = weights[..., None] * centred / noisy
        data, noise = self._turn_back(torch.stack([scaled * self.variances.to(x), scaled]))
        data = weights @ self.means.to(x) + a * data
        return Posterior(log_weights.logsumexp(1), data.reshape(x.shape), (b * noise).reshape(x.shape))

    def _components(self, x: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Per state and component: log(w_k p_k(x)) (b, k), x - alpha mu in the eigenbasis (b, k, d), variances."""
        a, b = alpha[..., None], beta[..., None]
        variances = a**2 * self.variances.to(x) + b**2
        centred = (x @ self.directions.to(x).flatten(0, 1).T).unflatten(1, self.variances.shape)  # one large product
        centred = centred - a * self.turned_means.to(x)
        log_p = -0.5 * (centred**2 / variances + variances.log() + math.log(2 * math.pi)).sum(-1)
        return self.weights.to(x).log() + log_p, centred, variances

    def _turn_back(self, turned: Tensor) -> Tensor:
        """Sum over components of vectors given in their eigenbases: (..., k, d) to (..., d)."""
        return turned.flatten(-2) @ self.directions.to(turned).flatten(0, 1)
