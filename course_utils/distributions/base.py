r"""What all distributions of the package share: seeded sampling, and what a noisy sample says about z."""

from copy import copy
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from course_utils.shapes import as_floats, short_repr

__all__ = ["Factors", "Noise", "Posterior", "Seeded", "column", "draw", "score"]

Factors = tuple[Tensor, Tensor]
"""What a Gaussian path mixes: alpha of the data and beta of the noise, shape () or (batch, 1, ..., 1)."""


class Posterior(NamedTuple):
    """What x = alpha z + beta noise says of both: their means given x.

    Attributes:
        data: E[z | x], shape (batch, *event).
        noise: E[noise | x], same shape.

    Example:
        >>> distributions.GaussianMixture().posterior(torch.zeros(1, 2), torch.tensor(0.5), torch.tensor(0.5))
        Posterior(data=(1, 2), noise=(1, 2))
    """

    data: Tensor
    noise: Tensor

    def __repr__(self) -> str:
        return short_repr(self, data=self.data, noise=self.noise)

    @classmethod
    def completed(cls, mean: Tensor, x: Tensor, alpha: Tensor, beta: Tensor) -> "Posterior":
        """Both means from one: that of the noise where alpha > beta, else that of z.

        As x = alpha E[z | x] + beta E[noise | x], the other one is what remains of x, over the larger factor: no
        digits are lost, also where the smaller factor is 0.

        Args:
            mean: The mean with the smaller factor, shape (batch, d).
            x: States, shape (batch, d).
            alpha, beta: Shape () or (batch, 1).
        """
        of_noise = alpha > beta
        other = (x - torch.minimum(alpha, beta) * mean) / torch.maximum(alpha, beta)
        return cls(torch.where(of_noise, other, mean), torch.where(of_noise, mean, other))


def draw(dist: Distribution, n: int, generator: torch.Generator | None = None) -> Tensor:
    """n independent samples, shape (n, *event), reproducible through a generator.

    Samplers of `torch.distributions` take no generator; for those, the global one of the generator's device is seeded
    from `generator` and put back afterwards. No other global generator is touched.

    Args:
        dist: A distribution of this package or of `torch.distributions`.
        n: Number of samples.
        generator: Source of the samples; for a distribution of `torch.distributions`, one of the same device.

    Raises:
        ValueError: If `n` is less than 1.

    Example:
        >>> distributions.draw(distributions.Moons(), 5, torch.Generator().manual_seed(0)).shape
        torch.Size([5, 2])
    """
    if n < 1:
        raise ValueError(f"expected at least 1 sample, got n = {n}")
    if isinstance(dist, Seeded):
        return dist.draw(n, generator)
    if generator is None:
        return dist.sample((n,))
    return _sample_seeded(dist, n, generator)


def _sample_seeded(dist: Distribution, n: int, generator: torch.Generator) -> Tensor:
    """Samples of a distribution that knows no generators, from torch's global one of the generator's device."""
    device = generator.device
    seed = int(torch.randint(2**62, (), generator=generator, device=device))
    if device.type != "cuda":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return dist.sample((n,))
    with torch.random.fork_rng(devices=[device]), torch.cuda.device(device):
        torch.cuda.manual_seed(seed)
        return dist.sample((n,))


def score(dist: Distribution, x: Tensor) -> Tensor:
    r"""Score $\nabla_x \log p(x)$, shape of `x`: the distribution's own, else autodiff of `log_prob`.

    Args:
        dist: A distribution with a density.
        x: Points, shape (*sample, *event).

    Raises:
        TypeError: If `log_prob` is not differentiable, as for a uniform distribution.

    Example:
        >>> distributions.score(torch.distributions.Normal(0.0, 2.0), torch.tensor([4.0]))
        tensor([-1.])
    """
    x = as_floats(x)
    own = getattr(dist, "score", None)
    if own is not None:
        return own(x)
    with torch.enable_grad():
        at = x if x.requires_grad else x.detach().requires_grad_()
        log_prob = dist.log_prob(at)
        if not log_prob.requires_grad:
            raise TypeError(f"{type(dist).__name__} has no score: its log_prob is constant where it is finite")
        (gradient,) = torch.autograd.grad(log_prob.sum(), at, create_graph=x.requires_grad)
    return gradient


@dataclass(frozen=True)
class Noise:
    """Random numbers from a generator, made on its device and brought to that of `like`, in its type.

    Attributes:
        generator: Source of the numbers; None is torch's global generator of the device of `like`.
        like: A tensor with the wanted type and device.
    """

    generator: torch.Generator | None
    like: Tensor

    @property
    def device(self) -> torch.device:
        """Where the numbers are made."""
        return self.like.device if self.generator is None else self.generator.device

    def uniform(self, *shape: int) -> Tensor:
        """Uniform in [0, 1)."""
        return torch.rand(shape, generator=self.generator, dtype=self.like.dtype, device=self.device).to(self.like)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.generator, dtype=self.like.dtype, device=self.device).to(self.like)

    def integers(self, high: int, n: int) -> Tensor:
        """n whole numbers from 0 to high - 1, each equally likely."""
        drawn = torch.randint(high, (n,), generator=self.generator, device=self.device)
        return drawn.to(self.like.device)

    def choices(self, weights: Tensor, n: int) -> Tensor:
        """n indices, with replacement, with probabilities in proportion to `weights`."""
        drawn = torch.multinomial(weights.to(self.device), n, replacement=True, generator=self.generator)
        return drawn.to(self.like.device)


S = TypeVar("S", bound="Seeded")


class Seeded(Distribution):
    """A distribution whose subclass gives `draw(n, generator)` and `log_density(x)` for a batch of states.

    `sample` and `log_prob` follow from these for samples of every shape.

    Attributes:
        singular: Whether its `posterior` is undefined without noise (beta = 0).
        like: An empty tensor with the type and on the device of its samples.
    """

    singular = True

    arg_constraints: dict = {}
    support = constraints.real

    def __init__(self, event_shape: tuple[int, ...], like: Tensor | None = None):
        super().__init__(event_shape=torch.Size(event_shape), validate_args=False)
        self.like = torch.empty(0) if like is None else like.new_empty(0)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n independent samples, shape (n, *event)."""
        raise NotImplementedError

    def log_density(self, x: Tensor) -> Tensor:
        """Log density of a batch of states (batch, *event), shape (batch,)."""
        raise NotImplementedError(f"{type(self).__name__} has no density")

    def to(self: S, where: torch.device | torch.dtype | str) -> S:
        """The same distribution on another device, or in another precision; labels stay whole numbers.

        Raises:
            ValueError: If `where` is a type of whole or complex numbers.
        """
        if isinstance(where, torch.dtype) and not where.is_floating_point:
            raise ValueError(f"expected a float type, got {where}")
        moved = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Seeded):
                setattr(moved, name, value.to(where))
            if isinstance(value, Tensor):
                keeps_type = isinstance(where, torch.dtype) and not value.is_floating_point()
                setattr(moved, name, value if keeps_type else value.to(where))
        return moved

    def sample(self, sample_shape=torch.Size()) -> Tensor:  # noqa: B008
        """Independent samples, shape (*sample_shape, *event), from torch's global generator."""
        shape = torch.Size(sample_shape)
        return self.draw(shape.numel()).reshape(shape + self.event_shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density at points of shape (*sample, *event), shape (*sample).

        Raises:
            ValueError: If the last dimensions of `x` are not those of one event.
        """
        states = self.as_batch(x)
        return self.log_density(states).reshape(x.shape[: x.ndim - len(self.event_shape)])

    def as_batch(self, x: Tensor) -> Tensor:
        """Points of shape (*sample, *event) as a batch of states, floats of shape (batch, *event).

        Raises:
            ValueError: If the last dimensions of `x` are not those of one event.
        """
        sample_dims = x.ndim - len(self.event_shape)
        if sample_dims < 0 or x.shape[sample_dims:] != self.event_shape:
            wanted = ", ".join(["...", *map(str, self.event_shape)])
            raise ValueError(f"expected points of shape ({wanted}) for {self}, got {tuple(x.shape)}")
        return as_floats(x.reshape(-1, *self.event_shape))


def column(value: Tensor) -> Tensor:
    """A factor of shape () or (batch, 1, ..., 1), shaped for states flattened to (batch, d)."""
    return value if value.ndim == 0 else value.reshape(-1, 1)
