r"""What all distributions of the package share: seeded sampling, and what a noisy sample says about z."""

from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints


class Posterior(NamedTuple):
    """What x = alpha z + beta noise says of both: their means given x.

    Attributes:
        data: E[z | x], shape (batch, *event).
        noise: E[noise | x], same shape.
    """

    data: Tensor
    noise: Tensor

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

    Samplers of `torch.distributions` take no generator; for those, the global one is seeded from `generator`
    and put back afterwards.

    Raises:
        ValueError: If `n` is less than 1.
    """
    if n < 1:
        raise ValueError(f"expected at least 1 sample, got n = {n}")
    if isinstance(dist, Seeded):
        return dist.draw(n, generator)
    if generator is None:
        return dist.sample((n,))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        return dist.sample((n,))


def score(dist: Distribution, x: Tensor) -> Tensor:
    r"""Score $\nabla_x \log p(x)$, shape (batch, *event): the distribution's own, else autodiff of `log_prob`.

    Raises:
        TypeError: If `log_prob` is not differentiable, as for a uniform distribution.
    """
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


class Seeded(Distribution):
    """A distribution whose subclass gives `draw(n, generator)`; `sample` follows from it.

    Attributes:
        singular: Whether its `posterior` is undefined without noise (beta = 0).
    """

    singular = True

    arg_constraints: dict = {}
    support = constraints.real

    def __init__(self, event_shape):
        super().__init__(event_shape=torch.Size(event_shape), validate_args=False)

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        raise NotImplementedError

    def to(self, where: torch.device | torch.dtype | str) -> "Seeded":
        """The same distribution on another device, or in another precision."""
        moved = copy(self)
        movable = (Tensor, Seeded)
        vars(moved).update({name: v.to(where) for name, v in vars(self).items() if isinstance(v, movable)})
        return moved

    def sample(self, sample_shape=torch.Size()) -> Tensor:  # noqa: B008
        shape = torch.Size(sample_shape)
        return self.draw(shape.numel()).reshape(shape + self.event_shape)


def column(value: Tensor) -> Tensor:
    """A factor of shape () or (batch, 1, ..., 1), shaped for states flattened to (batch, d)."""
    return value if value.ndim == 0 else value.reshape(-1, 1)
