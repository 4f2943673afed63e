"""Toy distributions in the plane."""

import math

import torch
from torch import Tensor

from course_utils.distributions.base import Posterior, Seeded, column
from course_utils.distributions.intervals import gauss_legendre, truncated_normal


class Checkerboard(Seeded):
    """Uniform on the dark squares of a board.

    Args:
        squares: Squares along one side, an even number.
        half_width: The board is [-half_width, half_width] in both coordinates.

    Raises:
        ValueError: If `squares` is not a positive even number or `half_width` is not positive.
    """

    def __init__(self, squares: int = 4, half_width: float = 4.0):
        if squares < 2 or squares % 2 or half_width <= 0:
            raise ValueError(f"expected an even number of squares and a positive width, got {squares}, {half_width}")
        super().__init__((2,))
        self.squares, self.half_width = squares, half_width

    @property
    def side(self) -> float:
        """Length of the side of one square."""
        return 2 * self.half_width / self.squares

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        row = torch.randint(self.squares, (n,), generator=generator)
        column = 2 * torch.randint(self.squares // 2, (n,), generator=generator) + row % 2
        corner = torch.stack([column, row], dim=1)
        return (corner + torch.rand(n, 2, generator=generator)) * self.side - self.half_width

    def contains(self, x: Tensor) -> Tensor:
        """Whether each point lies on a dark square, boolean of shape (batch,)."""
        index = ((x + self.half_width) / self.side).floor()
        inside = (x.abs() <= self.half_width).all(-1)
        return inside & (index.sum(-1) % 2 == 0)

    def log_prob(self, x: Tensor) -> Tensor:
        area = 2 * self.half_width**2
        return x.new_full(x.shape[:-1], -math.log(area)).masked_fill(~self.contains(x), -math.inf)

    def noisy_log_prob(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Log density of alpha z + beta noise at x, for beta > 0, shape (batch,); see `posterior`."""
        log_parity = self._lines(x, alpha, beta)[0].logsumexp(2).sum(1)
        return log_parity.logsumexp(1) - 2 * beta.log().reshape(-1) - math.log(self.squares**2 / 2)

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        r"""Means of z and noise given x = alpha z + beta noise, for beta > 0, in closed form.

        Given the square with corner (l, l') and side s, the coordinates are independent, and the noise in the first is
        a standard normal cut to $[(x - \alpha(l + s))/\beta, (x - \alpha l)/\beta]$. Dark are the squares whose column
        and row are both even or both odd, so sums over squares are products of sums over columns and over rows.

        Args:
            x: States, shape (batch, 2).
            alpha, beta: Shape () or (batch, 1).
        """
        log_lines, noise, data = self._lines(x, alpha, beta)
        log_parity = log_lines.logsumexp(2).sum(1)
        weights = (log_lines.softmax(2) * log_parity.softmax(1)[:, None, None]).flatten(2)
        return Posterior((weights * data).sum(-1), (weights * noise).sum(-1))

    def _lines(self, x: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each column and row: log density (batch, coordinate, line, parity); means of noise and z in it, flat."""
        a, b = column(alpha)[..., None], column(beta)[..., None]
        centres = (torch.arange(self.squares).to(x) + 0.5) * self.side - self.half_width
        log_density, noise, place = truncated_normal((x[..., None] - a * centres) / b, a * self.side / (2 * b))
        return log_density.unflatten(-1, (-1, 2)), noise, centres - self.side / 2 * place


class Circles(Seeded):
    """Two concentric rings with radially Gaussian width, each with half of the mass.

    Args:
        radii: Radius of each ring.
        width: Standard deviation of the distance to the centre.
    """

    def __init__(self, radii: tuple[float, ...] = (1.5, 3.0), width: float = 0.1):
        if not radii or min(radii) <= 0 or width <= 0:
            raise ValueError(f"expected positive radii and width, got {radii}, {width}")
        super().__init__((2,))
        self.radii, self.width = torch.tensor(radii), width

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        ring = self.radii[torch.randint(len(self.radii), (n,), generator=generator)]
        radius = ring + self.width * torch.randn(n, generator=generator)
        angle = 2 * math.pi * torch.rand(n, generator=generator)
        return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)

    def log_prob(self, x: Tensor) -> Tensor:
        r = x.norm(dim=-1, keepdim=True)
        ring = torch.distributions.Normal(self.radii.to(x), self.width)
        log_radial = torch.logaddexp(ring.log_prob(r), ring.log_prob(-r)).logsumexp(-1) - math.log(len(self.radii))
        return log_radial - (2 * math.pi * r[..., 0]).log()


class Moons(Seeded):
    """Two interleaved half circles with Gaussian width, each with half of the mass.

    Args:
        radius: Radius of both half circles.
        width: Standard deviation of the noise in both coordinates.
    """

    def __init__(self, radius: float = 2.0, width: float = 0.15):
        if radius <= 0 or width <= 0:
            raise ValueError(f"expected a positive radius and width, got {radius}, {width}")
        super().__init__((2,))
        self.radius, self.width = radius, width

    def _arcs(self, angle: Tensor) -> Tensor:
        """Points at `angle` on the upper and on the lower half circle, shape (*angle, 2 arcs, 2)."""
        x, y, r = self.radius * angle.cos(), self.radius * angle.sin(), self.radius
        upper, lower = torch.stack([x - r / 2, y - r / 4], -1), torch.stack([r / 2 - x, r / 4 - y], -1)
        return torch.stack([upper, lower], -2)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        angle = math.pi * torch.rand(n, generator=generator)
        arc = torch.randint(2, (n,), generator=generator)
        return self._arcs(angle)[torch.arange(n), arc] + self.width * torch.randn(n, 2, generator=generator)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density by quadrature over the angle: to 1e-8 while the width is over a 50th of the radius."""
        nodes, weights = (torch.tensor(v, dtype=x.dtype, device=x.device) for v in gauss_legendre(256))
        points = self._arcs(math.pi / 2 * (1 + nodes)).reshape(-1, 2)
        log_weights = (weights / 2).log().repeat_interleave(2) - math.log(2 * math.pi * self.width**2)

        def log_density(part: Tensor) -> Tensor:
            squares = ((part[:, None] - points) ** 2).sum(-1)
            return (log_weights - squares / (2 * self.width**2)).logsumexp(-1)

        parts = x.reshape(-1, 2).split(4096)  # bounds the memory: each is compared with all points at once
        return torch.cat([log_density(part) for part in parts]).reshape(x.shape[:-1])
