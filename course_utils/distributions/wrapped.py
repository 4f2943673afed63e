"""Normal laws on a torus and on the rotations: heat that has spread from one point for a while."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.distributions.base import Noise, Seeded
from course_utils.manifolds import check_angles, rotation, rotation_vector, wrap
from course_utils.shapes import as_floats, short_repr

__all__ = ["IGSO3", "WrappedNormal"]

REACH = 9.0
"""Standard deviations beyond which a normal density is nothing in float64."""


class WrappedNormal(Seeded):
    r"""Normal angles, wrapped: $p(x) = \sum_k N(x + 2\pi k;\ \mu, \sigma^2)$ over the windings k, each angle by itself.

    With $\sigma = \pi$ it is uniform but for 0.5% (total variation), with $2\pi$ but for 2e-9.

    Args:
        mean: Centre, any shape: that of one state.
        std: Standard deviation before wrapping.

    Raises:
        ValueError: If `std` is not positive, or the centre lies outside $-\pi$ to $\pi$, as degrees would.

    Source: Jing et al., "Torsional diffusion for molecular conformer generation" (2022), for its use.

    Example:
        >>> law = distributions.WrappedNormal(torch.tensor([3.0]), 0.5)
        >>> law.log_prob(torch.tensor([[3.0], [3.0 - 2 * torch.pi]])).exp()
        tensor([0.7979, 0.7979])
    """

    def __init__(self, mean: Float[Tensor, "*event"], std: float = 1.0):
        if not std > 0:
            raise ValueError(f"expected a positive standard deviation, got {std}")
        check_angles(mean, "a centre")
        super().__init__(tuple(mean.shape), like=mean)
        self.loc = mean
        self.std = std

    def __repr__(self) -> str:
        return short_repr(self, mean=self.loc, std=float(self.std))

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return wrap(self.loc + self.std * Noise(generator, self.like).normal(n, *self.event_shape))

    def log_density(self, x: Tensor) -> Tensor:
        windings = self._windings(self.std)
        away = (wrap(x - self.loc)[..., None] + 2 * math.pi * windings.to(x)) / self.std
        log_p = (-(away**2) / 2).logsumexp(-1) - math.log(self.std * math.sqrt(2 * math.pi))
        return log_p.flatten(1).sum(1) if self.event_shape else log_p

    @staticmethod
    def _windings(std: float) -> Tensor:
        most = math.ceil(REACH * std / (2 * math.pi) + 0.5)
        return torch.arange(-most, most + 1)


class IGSO3(Seeded):
    r"""The isotropic normal law on the rotations: a random turn from the identity, about any axis alike.

    Many small turns in a row, of total variance $\epsilon^2$ about each axis, tend to it. Against the uniform law its
    density is, in the angle $\omega$ of the turn and with the windings k,
    $\frac{\sqrt{2\pi}\,e^{\epsilon^2/8}}{\epsilon^3 \sin(\omega/2)} \sum_k (-1)^k (\omega - 2\pi k)\,
    e^{-(\omega - 2\pi k)^2 / 2\epsilon^2}$.

    Args:
        eps: Standard deviation $\epsilon$ about each axis, at most 8: from there on it is uniform to rounding.

    Raises:
        ValueError: If `eps` is not within 0 to 8.

    Source: Nikolayev and Savyolova, "Normal distribution on the rotation group SO(3)" (1997); Leach et al., "Denoising
    diffusion probabilistic models on SO(3) for rotational alignment" (2022).

    Example:
        >>> distributions.IGSO3(2.0).log_prob(torch.eye(3)).exp()
        tensor(1.1650)
    """

    def __init__(self, eps: float = 1.0, like: Tensor | None = None):
        if not 0 < eps <= 8:
            raise ValueError(f"expected eps above 0 and up to 8, got {eps}")
        super().__init__((3, 3), like=like)
        self.eps = float(eps)

    def __repr__(self) -> str:
        return short_repr(self, eps=self.eps)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = Noise(generator, self.like)
        axis = torch.nn.functional.normalize(noise.normal(n, 3), dim=1)
        return rotation(self._angles(noise.uniform(n))[:, None] * axis)

    def log_density(self, x: Tensor) -> Tensor:
        """Logarithm of the density against the uniform law."""
        return self._density(rotation_vector(x).norm(dim=-1).double()).log().to(x)

    def angle_density(self, angle: Float[Tensor, " angles"]) -> Float[Tensor, " angles"]:
        r"""Density of the angle of the turn in radians, from 0 to $\pi$: uniform turns have $(1 - \cos\omega)/\pi$."""
        angle = as_floats(angle)
        return (self._density(angle.double()) * (1 - angle.double().cos()) / math.pi).to(angle)

    def _density(self, angle: Tensor) -> Tensor:
        """Against the uniform law, float64; next to 0, where it is flat, the value at 1e-6 stands."""
        angle = angle.clamp(min=1e-6)
        k = WrappedNormal._windings(self.eps).to(angle)
        away = angle[..., None] - 2 * math.pi * k
        terms = (1 - 2 * (k % 2)) * away * (-(away**2) / (2 * self.eps**2)).exp()
        factor = math.sqrt(2 * math.pi) * math.exp(self.eps**2 / 8) / self.eps**3
        return factor * terms.sum(-1) / (angle / 2).sin()

    def _angles(self, u: Tensor, points: int = 4001) -> Tensor:
        """Angles at which the distribution function has the values u, by a table of it."""
        angle = torch.linspace(0, min(math.pi, REACH * self.eps), points, dtype=torch.double, device=u.device)
        share = torch.cumulative_trapezoid(self.angle_density(angle), angle)
        share = torch.cat([share.new_zeros(1), share / share[-1]])
        right = torch.searchsorted(share, u.double()).clamp(1, points - 1)
        part = (u - share[right - 1]) / (share[right] - share[right - 1])
        return (angle[right - 1] + part * angle[1]).to(u)
