"""Gaussians and their mixtures."""

import math

import torch
from torch import Tensor

from course_utils.distributions.base import Noise, Posterior, Seeded, column
from course_utils.shapes import as_floats, as_states, short_repr

__all__ = ["GaussianMixture"]


class GaussianMixture(Seeded):
    r"""$\sum_k w_k N(\mu_k, \Sigma_k)$; one component is a plain Gaussian.

    Args:
        means: Component means, shape (components, *event); whole numbers are taken as floats.
        covs: Covariances of the flattened events, shape (components, d, d); positive semi-definite.
            By default the identity.
        weights: Non-negative, shape (components,); normalised here. By default equal.

    Without arguments: two Gaussians in the plane at (-2, 0) and (2, 0) with standard deviation 0.5.

    Raises:
        ValueError: If shapes do not fit, a covariance is not symmetric or has a negative eigenvalue, or the
            weights are negative or sum to nothing.

    Example:
        >>> distributions.GaussianMixture().log_prob(torch.tensor([[-2.0, 0.0], [-2.0, 0.5]])).exp()
        tensor([0.3183, 0.1931])
    """

    def __init__(self, means: Tensor | None = None, covs: Tensor | None = None, weights: Tensor | None = None):
        if means is None:
            means = torch.tensor([[-2.0, 0.0], [2.0, 0.0]])
            covs = 0.25 * torch.eye(2).expand(2, 2, 2)
        means = as_floats(means)
        if means.ndim < 2 or means.shape[0] == 0:
            raise ValueError(f"expected means of shape (components, *event), got {tuple(means.shape)}")
        super().__init__(means.shape[1:], like=means)
        self.means = means.flatten(1)
        k, d = self.means.shape
        self.covs = torch.eye(d).to(means).expand(k, d, d) if covs is None else covs.to(means)
        weights = torch.ones(k).to(means) if weights is None else weights.to(means)
        self._check(k, d, weights)
        self.weights = weights / weights.sum()
        eigenvalues, basis = torch.linalg.eigh(self.covs.double())  # in float32 it may fail for singular covs
        self.directions = basis.mT.to(means).contiguous()  # eigenvectors: component, direction, coordinate
        self.turning = self.directions.flatten(0, 1).T.contiguous()  # multiplied faster than a transposed view
        self.turned_means = torch.einsum("kid,kd->ki", self.directions, self.means)
        tiny = 10 * torch.finfo(means.dtype).eps * eigenvalues.abs().amax()
        if (eigenvalues < -tiny).any():
            raise ValueError(f"expected positive semi-definite covs, got an eigenvalue {eigenvalues.min().item():.3g}")
        self.variances = eigenvalues.clamp(min=0).to(means)
        self.singular = bool((self.variances == 0).any())

    def __repr__(self) -> str:
        return short_repr(self, components=len(self.weights), event_shape=self.event_shape)

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
        source = Noise(generator, self.like)
        which = source.choices(self.weights, n)
        noise = source.normal(n, self.means.shape[1]) * self.variances[which].sqrt()
        z = torch.empty_like(noise)
        for k in range(len(self.weights)):
            here = which == k
            z[here] = self.means[k] + noise[here] @ self.directions[k]
        return z.reshape(n, *self.event_shape)

    def log_density(self, x: Tensor) -> Tensor:
        return self.noisy_log_prob(x, x.new_ones(()), x.new_zeros(()))

    def noisy_log_prob(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Log density of alpha z + beta noise at x, shape (batch,)."""
        log_weights, _ = self._components(self._flat(x), column(alpha), column(beta))
        return log_weights.logsumexp(1)

    def score(self, x: Tensor) -> Tensor:
        r"""Score $\nabla_x \log p(x)$ at points of shape (*sample, *event), the same shape."""
        states = self.as_batch(x).flatten(1)
        log_weights, scaled = self._components(states, states.new_ones(()), states.new_zeros(()))
        return self._turn_back(-log_weights.softmax(1)[..., None] * scaled).reshape(x.shape)

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        r"""Means of z and noise given x = alpha z + beta noise; finite where beta = 0, too.

        In the eigenbasis of component k, with eigenvalue $\lambda$ and $D = \alpha^2 \lambda + \beta^2$, the mean
        of z is $\mu + (\alpha\lambda / D)(x - \alpha\mu)$ and that of the noise $(\beta / D)(x - \alpha\mu)$. Only
        the one with the smaller factor in x is worked out; see `Posterior.completed`.

        Args:
            x: States, shape (batch, *event).
            alpha, beta: Shape () or (batch, 1, ..., 1).
        """
        flat = self._flat(x)
        a = column(alpha)
        b = column(beta)
        data, noise = Posterior.completed(self.smaller_mean(flat, a, b), flat, a, b)
        return Posterior(data.reshape(x.shape), noise.reshape(x.shape))

    def _flat(self, x: Tensor) -> Tensor:
        return as_states(x, self.event_shape).flatten(1)

    def smaller_mean(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """The mean that `Posterior.completed` starts from, for flat states and factors as there."""
        log_weights, scaled = self._components(x, alpha, beta)
        weights = log_weights.softmax(1)
        of_noise = alpha > beta
        factors = torch.where(of_noise[..., None], beta[..., None], alpha[..., None] * self.variances.to(x))
        mean = self._turn_back(weights[..., None] * factors * scaled)
        return mean + torch.where(of_noise, 0, weights @ self.means.to(x))

    def _components(self, x: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        r"""Per state and component: log(w_k p_k(x)) (b, k), and (x - alpha mu) / D in the eigenbasis (b, k, d).

        Plainly, with $C_k = \alpha^2 \Sigma_k + \beta^2 I$: the log of $w_k N(x; \alpha\mu_k, C_k)$, and
        $C_k^{-1} (x - \alpha\mu_k)$. In the eigenbasis of $\Sigma_k$, C_k is diagonal at every time.
        """
        a = alpha[..., None]
        b = beta[..., None]
        variances = a**2 * self.variances.to(x) + b**2
        centred = (x @ self.turning.to(x)).unflatten(1, self.variances.shape)  # one large product
        centred = centred - a * self.turned_means.to(x)
        scaled = centred / variances
        log_p = -0.5 * ((centred * scaled + variances.log()).sum(-1) + x.shape[1] * math.log(2 * math.pi))
        return self.weights.to(x).log() + log_p, scaled

    def _turn_back(self, turned: Tensor) -> Tensor:
        """Sum over components of vectors given in their eigenbases: (..., k, d) to (..., d)."""
        return turned.flatten(-2) @ self.directions.to(turned).flatten(0, 1)
