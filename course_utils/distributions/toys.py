"""Toy distributions in the plane."""

import math

import torch
from torch import Tensor

from course_utils.distributions.base import Noise, Posterior, Seeded, column
from course_utils.distributions.intervals import gauss_legendre, truncated_normal
from course_utils.shapes import as_states, short_repr

__all__ = ["Checkerboard", "Circles", "Moons"]


class Checkerboard(Seeded):
    """Uniform on the dark squares of a board.

    Args:
        squares: Squares along one side, an even number.
        half_width: The board is [-half_width, half_width] in both coordinates.

    Raises:
        ValueError: If `squares` is not a positive even number or `half_width` is not positive.

    Example:
        >>> distributions.Checkerboard().log_prob(torch.tensor([[1.0, 1.0], [3.0, 1.0]])).exp()
        tensor([0.0312, 0.0000])
    """

    def __init__(self, squares: int = 4, half_width: float = 4.0):
        if squares < 2 or squares % 2 or half_width <= 0:
            raise ValueError(f"expected an even number of squares and a positive width, got {squares}, {half_width}")
        super().__init__((2,))
        self.squares = squares
        self.half_width = half_width

    def __repr__(self) -> str:
        return short_repr(self, squares=self.squares, half_width=self.half_width)

    @property
    def side(self) -> float:
        """Length of the side of one square."""
        return 2 * self.half_width / self.squares

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = Noise(generator, self.like)
        row = noise.integers(self.squares, n)
        column = 2 * noise.integers(self.squares // 2, n) + row % 2
        corner = torch.stack([column, row], dim=1)
        return (corner + noise.uniform(n, 2)) * self.side - self.half_width

    def contains(self, x: Tensor) -> Tensor:
        """Whether each point of shape (*sample, 2) lies on a dark square, boolean of shape (*sample)."""
        states = self.as_batch(x)
        index = ((states + self.half_width) / self.side).floor()
        inside = (states.abs() <= self.half_width).all(-1)
        dark = index.sum(-1) % 2 == 0
        return (inside & dark).reshape(x.shape[:-1])

    def log_density(self, x: Tensor) -> Tensor:
        area = 2 * self.half_width**2
        return x.new_full(x.shape[:-1], -math.log(area)).masked_fill(~self.contains(x), -math.inf)

    def noisy_log_prob(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Log density of alpha z + beta noise at x, for beta > 0, shape (batch,); see `posterior`."""
        log_lines, _, _ = self._lines(as_states(x, self.event_shape), alpha, beta)
        log_parity = log_lines.logsumexp(2).sum(1)
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
        log_lines, noise, data = self._lines(as_states(x, self.event_shape), alpha, beta)
        log_parity = log_lines.logsumexp(2).sum(1)
        weights = (log_lines.softmax(2) * log_parity.softmax(1)[:, None, None]).flatten(2)
        return Posterior((weights * data).sum(-1), (weights * noise).sum(-1))

    def _lines(self, x: Tensor, alpha: Tensor, beta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each column and row: log density (batch, coordinate, line, parity); means of noise and z in it, flat."""
        a = column(alpha)[..., None]
        b = column(beta)[..., None]
        centres = (torch.arange(self.squares).to(x) + 0.5) * self.side - self.half_width
        log_density, noise, place = truncated_normal((x[..., None] - a * centres) / b, a * self.side / (2 * b))
        return log_density.unflatten(-1, (-1, 2)), noise, centres - self.side / 2 * place


class Circles(Seeded):
    """Two concentric rings with radially Gaussian width, each with half of the mass.

    Args:
        radii: Radius of each ring.
        width: Standard deviation of the distance to the centre.

    Raises:
        ValueError: If there is no radius, or a radius or the width is not positive.

    Example:
        >>> distributions.Circles(radii=(2.0,)).draw(100, torch.Generator().manual_seed(0)).shape
        torch.Size([100, 2])
    """

    def __init__(self, radii: tuple[float, ...] = (1.5, 3.0), width: float = 0.1):
        if not radii or min(radii) <= 0 or width <= 0:
            raise ValueError(f"expected positive radii and width, got {radii}, {width}")
        super().__init__((2,))
        self.radii = tuple(float(radius) for radius in radii)
        self.width = width

    def __repr__(self) -> str:
        return short_repr(self, radii=self.radii, width=self.width)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = Noise(generator, self.like)
        ring = self.like.new_tensor(self.radii)[noise.integers(len(self.radii), n)]
        radius = ring + self.width * noise.normal(n)
        angle = 2 * math.pi * noise.uniform(n)
        return radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)

    def log_density(self, x: Tensor) -> Tensor:
        r = x.norm(dim=-1, keepdim=True)
        ring = torch.distributions.Normal(x.new_tensor(self.radii), self.width)
        log_radial = torch.logaddexp(ring.log_prob(r), ring.log_prob(-r)).logsumexp(-1) - math.log(len(self.radii))
        return log_radial - (2 * math.pi * r[..., 0]).log()


class Moons(Seeded):
    """Two interleaved half circles with Gaussian width, each with half of the mass.

    Args:
        radius: Radius of both half circles.
        width: Standard deviation of the noise in both coordinates.

    Raises:
        ValueError: If the radius or the width is not positive.

    Example:
        >>> distributions.Moons().draw(100, torch.Generator().manual_seed(0)).shape
        torch.Size([100, 2])
    """

    def __init__(self, radius: float = 2.0, width: float = 0.15):
        if radius <= 0 or width <= 0:
            raise ValueError(f"expected a positive radius and width, got {radius}, {width}")
        super().__init__((2,))
        self.radius = radius
        self.width = width

    def __repr__(self) -> str:
        return short_repr(self, radius=self.radius, width=self.width)

    def _arcs(self, angle: Tensor) -> Tensor:
        """Points at `angle` on the upper and on the lower half circle, shape (*angle, 2 arcs, 2)."""
        r = self.radius
        x = r * angle.cos()
        y = r * angle.sin()
        upper = torch.stack([x - r / 2, y - r / 4], -1)
        lower = torch.stack([r / 2 - x, r / 4 - y], -1)
        return torch.stack([upper, lower], -2)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = Noise(generator, self.like)
        angle = math.pi * noise.uniform(n)
        arc = noise.integers(2, n)
        rows = torch.arange(n, device=arc.device)
        return self._arcs(angle)[rows, arc] + self.width * noise.normal(n, 2)

    def log_density(self, x: Tensor) -> Tensor:
        """Log density by quadrature over the angle: to 1e-8 while the width is over a 50th of the radius."""
        nodes, weights = gauss_legendre(256)
        points = self._arcs(math.pi / 2 * (1 + x.new_tensor(nodes))).reshape(-1, 2)
        log_weights = (x.new_tensor(weights) / 2).log().repeat_interleave(2) - math.log(2 * math.pi * self.width**2)

        def of_part(part: Tensor) -> Tensor:
            squares = ((part[:, None] - points) ** 2).sum(-1)
            return (log_weights - squares / (2 * self.width**2)).logsumexp(-1)

        parts = x.split(4096)  # bounds the memory: each is compared with all points at once
        return torch.cat([of_part(part) for part in parts])
