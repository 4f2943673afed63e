"""A Gaussian mixture for images: a mixture in the leading principal directions, one Gaussian in all others."""

import math

import torch
from jaxtyping import Int, Real
from torch import Tensor

from course_utils.distributions.base import Factors, Noise, Posterior, Seeded, column
from course_utils.distributions.clusters import cluster_gaussians, clusters_for
from course_utils.distributions.gaussians import GaussianMixture
from course_utils.distributions.tilting import check_temperature
from course_utils.shapes import as_floats, as_states, short_repr

__all__ = ["PCAMixture", "fit_class_mixtures"]


class PCAMixture(Seeded):
    r"""$z = c + U\,(a, b) + e$, independent: $a$ from a Gaussian mixture, $b \sim N(0, \text{diag}(v))$, noise $e$.

    The noise $e$ has the same variance in all directions orthogonal to those of U. It is a Gaussian mixture whose
    components differ only in the first few directions of U. Noise is the same in every basis, so its exact posterior
    costs a rotation there and back and a small mixture's.

    Args:
        centre: c, shape (*event).
        basis: U, a direction a column, orthonormal, shape (d, m) with rank <= m <= d.
        top: Mixture of the first `rank` coordinates, event shape (rank,).
        variances: v, positive, shape (m - rank,).
        rest: Variance of e in a direction, positive; nothing depends on it where m = d.

    Raises:
        ValueError: If shapes do not fit, the basis is not orthonormal or a variance is not positive.

    Example:
        >>> data = torch.randn(50, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> distributions.PCAMixture.fit(data, components=2, rank=3, generator=torch.Generator().manual_seed(1))
        PCAMixture(components=2, rank=3, event_shape=(1, 4, 4))
    """

    def __init__(self, centre: Tensor, basis: Tensor, top: GaussianMixture, variances: Tensor, rest: Tensor | float):
        super().__init__(centre.shape, like=centre)
        d = centre.numel()
        self.rank = top.event_shape[0]
        m = self.rank + variances.numel()
        if variances.ndim != 1 or basis.shape != (d, m) or m > d:
            raise ValueError(
                f"expected a basis of shape {(d, m)} for a rank of {self.rank} and variances of shape "
                f"{tuple(variances.shape)}, at most {d} columns in all, got {tuple(basis.shape)}"
            )
        if not torch.allclose(basis.T @ basis, torch.eye(m).to(basis), atol=1e-3):
            raise ValueError("expected an orthonormal basis, got columns that are not")
        rest = torch.as_tensor(rest).to(variances)
        if not ((variances > 0).all() and rest > 0):
            raise ValueError(f"expected positive variances, got {min([*variances.tolist(), rest.item()]):g}")
        self.centre = centre
        self.basis = basis
        self.top = top
        self.variances = variances
        self.rest = rest
        self.singular = top.singular

    def __repr__(self) -> str:
        return short_repr(self, components=len(self.top.weights), rank=self.rank, event_shape=self.event_shape)

    @property
    def mean(self) -> Tensor:
        return self.centre + (self.basis[:, : self.rank] @ self.top.mean).reshape(self.event_shape)

    @property
    def spectrum(self) -> Tensor:
        """Variances of one component along its own axes, averaged over the components, shape (d,)."""
        d, m = self.basis.shape
        return torch.cat([self.top.weights @ self.top.variances, self.variances, self.rest.expand(d - m)])

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = Noise(generator, self.like).normal(n, len(self.basis))
        inside = noise @ self.basis
        b = inside[:, self.rank :] * self.variances.sqrt()
        coordinates = torch.cat([self.top.draw(n, generator).to(noise), b], 1)
        outside = self.rest.sqrt() * (noise - inside @ self.basis.T)
        return self.centre + (coordinates @ self.basis.T + outside).reshape(n, *self.event_shape)

    def log_density(self, x: Tensor) -> Tensor:
        return self.noisy_log_prob(x, x.new_ones(()), x.new_zeros(()))

    def noisy_log_prob(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Log density of alpha z + beta noise at x, shape (batch,)."""
        a = column(alpha)
        b = column(beta)
        d, m = self.basis.shape
        seen, leading, others = self._rotate(x, a)
        outside = seen - torch.cat([leading, others], 1) @ self.basis.to(seen).T
        noisy = a**2 * self.variances.to(seen) + b**2
        noisy_rest = a**2 * self.rest.to(seen) + b**2
        squares = (others**2 / noisy + noisy.log()).sum(1) + (outside**2 / noisy_rest).sum(1)
        constant = (d - m) * noisy_rest.log().flatten() + (d - self.rank) * math.log(2 * math.pi)
        return self.top.noisy_log_prob(leading, a, b) - 0.5 * (squares + constant)

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        """Means of z and noise given x = alpha z + beta noise; see `GaussianMixture.posterior`."""
        a = column(alpha)
        b = column(beta)
        seen, leading, others = self._rotate(x, a)
        variances = torch.cat([self.variances, self.rest[None]]).to(seen)
        slopes = torch.where(a > b, b, a * variances) / (a**2 * variances + b**2)
        slope = slopes[..., -1:]  # the mean is slope * seen, but for what U adds
        slopes = slopes[..., :-1]
        within = torch.cat([self.top.smaller_mean(leading, a, b) - slope * leading, (slopes - slope) * others], 1)
        data, noise = Posterior.completed(within @ self.basis.to(seen).T + slope * seen, seen, a, b)
        data = data + self.centre.flatten().to(seen)
        return Posterior(data.reshape(x.shape), noise.reshape(x.shape))

    def flow_map(self, x: Tensor, start: Factors, end: Factors) -> Tensor:
        """Exact, see `GaussianMixture.flow_map`; ValueError with several components, of which none is known."""
        if len(self.top.weights) > 1:
            raise ValueError(f"expected one component, got {self}: no closed form is known, held_map comes close")
        return self.held_map(x, start, end)

    def held_map(self, x: Tensor, start: Factors, end: Factors) -> Tensor:
        """Each Gaussian's exact flow map, weighted as at the start; see `GaussianMixture.held_map`."""
        a, b = (column(factor) for factor in start)
        to_a, to_b = (column(factor) for factor in end)
        seen, leading, others = self._rotate(x, a)
        variances = torch.cat([self.variances, self.rest[None]]).to(seen)
        ratios = ((to_a**2 * variances + to_b**2) / (a**2 * variances + b**2)).sqrt()
        ratio = ratios[..., -1:]  # the map is ratio * seen, but for what U adds
        ratios = ratios[..., :-1]
        moved = self.top.held_map(leading, (a, b), (to_a, to_b))
        within = torch.cat([moved - ratio * leading, (ratios - ratio) * others], 1)
        flat = within @ self.basis.to(seen).T + ratio * seen + to_a * self.centre.flatten().to(seen)
        return flat.reshape(x.shape)

    def tilted(self, a: Tensor, lam: float = 1.0) -> "PCAMixture":
        r"""$p^*(z) \propto p(z)\,e^{a \cdot z/\lambda}$: means move and weights change; see `GaussianMixture.tilted`.

        A quadratic reward would turn the axes of each component, and leave another form than this one.

        Args:
            a: Slope of the reward, shape (*event).
            lam: Temperature, positive.

        Raises:
            ValueError: If the shape does not fit or `lam` is not positive.
        """
        slope, leading, others = self._slopes(a, lam)
        shift = self.basis[:, self.rank :] @ ((self.variances - self.rest) * others)
        shift = shift + self.rest * (slope - self.basis[:, : self.rank] @ leading)
        centre = self.centre + shift.reshape(self.event_shape)
        return PCAMixture(centre, self.basis, self.top.tilted(leading), self.variances, self.rest)

    def log_normaliser(self, a: Tensor, lam: float = 1.0) -> Tensor:
        r"""$\log \mathbb{E}_p[e^{a \cdot z/\lambda}]$, shape (), with the errors of `tilted`."""
        slope, leading, others = self._slopes(a, lam)
        outside = slope.square().sum() - leading.square().sum() - others.square().sum()
        spread = self.rest * outside + (self.variances * others.square()).sum()
        return slope @ self.centre.flatten() + self.top.log_normaliser(leading) + spread / 2

    def _slopes(self, a: Tensor, lam: float) -> tuple[Tensor, Tensor, Tensor]:
        """The slope a / lam, flat, and its first and other coordinates in U."""
        check_temperature(lam)
        if a.shape != self.event_shape:
            raise ValueError(f"expected a of shape {tuple(self.event_shape)}, got {tuple(a.shape)}")
        slope = a.flatten().to(self.centre) / lam
        leading, others = (slope @ self.basis).split([self.rank, len(self.variances)])
        return slope, leading, others

    def _rotate(self, x: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x - alpha c, flat, and its first and other coordinates in U."""
        flat = as_states(x, self.event_shape).flatten(1)
        seen = flat - alpha * self.centre.flatten().to(flat)
        leading, others = (seen @ self.basis.to(seen)).split([self.rank, len(self.variances)], 1)
        return seen, leading, others

    @classmethod
    def fit(
        cls,
        data: Real[Tensor, "n *event"],
        components: int | None = None,
        rank: int = 64,
        *,
        shrinkage: float = 0.3,
        floor: float = 1e-3,
        generator: torch.Generator | None = None,
    ) -> "PCAMixture":
        """Fit to data: principal directions, clusters in the leading ones, one Gaussian a cluster.

        Args:
            data: Data points, shape (n, *event).
            components: Number of clusters, by default about 0.8 times the root of n; 1 gives the Gaussian with the
                mean and covariance of the data.
            rank: Number of leading directions.
            shrinkage: A cluster's covariance is averaged with that of all clusters, which counts as much as
                `shrinkage * rank` points.
            floor: Least variance, as a share of the mean variance: some pixels never change.
            generator: Source of the clusters' starts.

        Raises:
            ValueError: If there are fewer than two points, fewer points than components, `rank` is not within
                1 to d, or all points are equal.
        """
        data = as_floats(data)
        n = len(data)
        d = data[:1].numel()
        components = clusters_for(n) if components is None else components
        if n < 2 or not 1 <= components <= n or not 1 <= rank <= d:
            raise ValueError(
                f"expected at least 2 points, 1 to {n} components and a rank of 1 to {d}, "
                f"got {n} points, {components} components, rank {rank}"
            )
        flat = data.flatten(1)
        mean = flat.mean(0)
        centred = flat - mean
        cov = (centred.T @ centred / n).double()  # in float32, constant pixels can make eigh return NaN
        eigenvalues, basis = (v.to(data).flip(-1) for v in torch.linalg.eigh(cov))
        least = floor * eigenvalues.mean()
        if not least > 0:
            raise ValueError("expected data that vary and a positive floor, got a variance of 0")
        top = cluster_gaussians(centred @ basis[:, :rank], components, shrinkage, least, generator)
        m = max(rank, int((eigenvalues > least).sum()))
        return cls(mean.reshape(data.shape[1:]), basis[:, :m].contiguous(), top, eigenvalues[rank:m], least)


def fit_class_mixtures(
    images: Real[Tensor, "n *event"],
    labels: Int[Tensor, " labels"],
    components: int | None = None,
    null_components: int | None = None,
    rank: int = 64,
    *,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> dict[int | None, PCAMixture]:
    """A `PCAMixture` for each label 0, 1, ... and, under None, one for all images: what `paths.marginal` takes.

    Args:
        images: Shape (n, *event).
        labels: Shape (n,); every label from 0 to the largest occurs.
        components: Clusters a label, by default `clusters_for` the mean number of its images.
        null_components: Clusters of all images together, by default as many.
        rank: Leading principal directions in which the clusters differ.
        generator: Source of the clusters' starts.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is not one label an image, a label has too few images, or as `PCAMixture.fit` says.

    Example:
        >>> images = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        >>> mixtures = distributions.fit_class_mixtures(images, torch.arange(40) % 2, components=2, rank=3)
        >>> list(mixtures)
        [0, 1, None]
    """
    if len(labels) != len(images) or len(labels) == 0:
        raise ValueError(f"expected one label an image and at least one, got {len(labels)} for {len(images)}")
    mixtures: dict[int | None, PCAMixture] = {}
    count = int(labels.max()) + 1
    components = clusters_for(len(images) // count) if components is None else components
    null_components = components if null_components is None else null_components
    from tqdm.auto import tqdm

    for label in tqdm([*range(count), None], desc="fit mixtures", disable=not progress):
        chosen, clusters = (images, null_components) if label is None else (images[labels == label], components)
        if label is not None and len(chosen) < max(2, clusters):
            raise ValueError(f"expected at least {max(2, clusters)} images of label {label}, got {len(chosen)}")
        mixtures[label] = PCAMixture.fit(chosen, clusters, rank, generator=generator)
    return mixtures
