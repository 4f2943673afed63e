"""Gaussians and their mixtures."""

import math

import torch
from torch import Tensor

from course_utils.distributions.base import Factors, Noise, Posterior, Seeded, column
from course_utils.distributions.quantiles import monotone_map
from course_utils.distributions.tilting import Tilt, check_temperature, tilt
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
            z.index_put_((here,), self.means[k] + noise[here] @ self.directions[k])  # one row is no special case here
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

    def flow_map(self, x: Tensor, start: Factors, end: Factors) -> Tensor:
        r"""Where the flow of a Gaussian path carries x, from one pair of factors (alpha, beta) to another; exact.

        With one component, $\alpha'\mu + (D'/D)^{1/2}(x - \alpha\mu)$, $D = \alpha^2\Sigma + \beta^2 I$: the standard
        score stays. With several on a line, $F'^{-1}(F(x))$, F the distribution function: the order stays.

        Args:
            x: States, shape (batch, *event).
            start, end: Factors alpha and beta, shape () or (batch, 1, ..., 1), where x is and where it goes.

        Raises:
            ValueError: If there are several components and more than one dimension, where no closed form is known, or
                a component has no width at the start (on a line, with several, at the start or the end).

        Example:
            >>> one, zero = torch.tensor(1.0), torch.tensor(0.0)
            >>> gaussian = distributions.GaussianMixture(torch.tensor([[3.0]]), torch.tensor([[[4.0]]]))
            >>> gaussian.flow_map(torch.tensor([[0.0], [1.0]]), start=(zero, one), end=(one, zero))
            tensor([[3.],
                    [5.]])
        """
        k, d = self.means.shape
        if k == 1:
            return self.held_map(x, start, end)
        if d > 1:
            raise ValueError(
                f"expected one component or one dimension, got {k} components in {d} dimensions: "
                "no closed form is known, held_map comes close"
            )
        points = self._flat(x)
        laws = []
        for factors in (start, end):
            widths = self._widths(points, factors)
            _check_width(widths)
            laws.append((column(factors[0]) * self.means.T.to(points), widths[..., 0]))
        return monotone_map(points, self.weights.to(points), *laws).reshape(x.shape)

    def held_map(self, x: Tensor, start: Factors, end: Factors) -> Tensor:
        r"""$\sum_k p(k|x) X^k(x)$: each Gaussian's exact flow map, weighted as at the start; see `flow_map`.

        Exact for one component; for several right to first order in the time, since the weights change on the way.

        Raises:
            ValueError: If a component has no width at the start.
        """
        flat = self._flat(x)
        before = self._widths(flat, start)
        _check_width(before)
        log_weights, scaled = self._components(flat, column(start[0]), column(start[1]))
        weights = log_weights.softmax(1)
        centred = scaled * before * self._widths(flat, end)
        moved = column(end[0]) * (weights @ self.means.to(flat)) + self._turn_back(weights[..., None] * centred)
        return moved.reshape(x.shape)

    def tilted(self, a: Tensor, Q: Tensor | None = None, lam: float = 1.0) -> "GaussianMixture":
        r"""$p^*(z) \propto p(z)\,e^{r(z)/\lambda}$ for the reward $r(z) = a \cdot z - \frac12 z^T Q z$.

        This is a mixture again, and has the largest $\mathbb{E}[r] - \lambda\,\text{KL}(p^* \| p)$ of all laws. For a
        linear reward, $\mu^* = \mu + \Sigma a/\lambda$ and
        $w^* \propto w\,e^{a \cdot \mu/\lambda + a^T \Sigma a/(2\lambda^2)}$.

        Args:
            a: Slope of the reward at 0, shape (*event).
            Q: Symmetric, shape (d, d) for d numbers an event; None for a linear reward. An observation y = Hz + noise
                of variance v has $a = H^T y/v$ and $Q = H^T H/v$.
            lam: Temperature, positive: a large one changes little.

        Raises:
            ValueError: If shapes do not fit, Q is not symmetric, `lam` is not positive, or the reward grows so fast
                that no law is left to normalise.

        Example:
            >>> mixture = distributions.GaussianMixture(torch.tensor([[-1.0], [1.0]]), 0.5 * torch.ones(2, 1, 1))
            >>> tilted = mixture.tilted(torch.tensor([1.0]), lam=0.5)
            >>> tilted.means.flatten(), tilted.weights
            (tensor([0., 2.]), tensor([0.0180, 0.9820]))
        """
        tilt = self._tilt(a, Q, lam)
        return GaussianMixture(tilt.means.reshape(-1, *self.event_shape), tilt.covs, tilt.weights)

    def log_normaliser(self, a: Tensor, Q: Tensor | None = None, lam: float = 1.0) -> Tensor:
        r"""$\log \mathbb{E}_p[e^{r(z)/\lambda}]$, shape (), for the rewards and with the errors of `tilted`."""
        return self._tilt(a, Q, lam).log_normaliser

    def _tilt(self, a: Tensor, Q: Tensor | None, lam: float) -> Tilt:
        check_temperature(lam)
        d = self.means.shape[1]
        if a.shape != self.event_shape or (Q is not None and Q.shape != (d, d)):
            raise ValueError(
                f"expected a of shape {tuple(self.event_shape)} and Q of shape {(d, d)}, "
                f"got {tuple(a.shape)} and {None if Q is None else tuple(Q.shape)}"
            )
        if Q is not None and not torch.allclose(Q, Q.mT, atol=1e-5 * float(Q.abs().max())):
            raise ValueError("expected a symmetric Q, got one that differs from its transpose")
        roots = (self.directions * self.variances.sqrt()[..., None]).mT
        slope = a.flatten().to(roots) / lam
        return tilt(self.weights, self.means, self.covs, roots, slope, None if Q is None else Q.to(roots) / lam)

    def _widths(self, x: Tensor, factors: Factors) -> Tensor:
        """Standard deviations of alpha z + beta noise in the eigenbases, shape (k, d) or (b, k, d)."""
        alpha, beta = (column(factor)[..., None] for factor in factors)
        return (alpha**2 * self.variances.to(x) + beta**2).sqrt()

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


def _check_width(widths: Tensor) -> None:
    if not (widths > 0).all():
        raise ValueError("expected noise where a component has no width: the flow map is not defined there")
