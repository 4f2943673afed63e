"""Processes made to sample from a distribution."""

from collections.abc import Callable

from torch import Tensor

from course_utils.processes.base import SDE, constant, not_negative
from course_utils.schedules import Schedule, convert
from course_utils.shapes import Field, Time, expand_time

__all__ = ["FlowSDE", "Langevin"]


class Langevin(SDE):
    r"""$dX_t = \frac{\sigma^2}{2} \nabla\log p(X_t)\,dt + \sigma\,dW_t$, which leaves p unchanged.

    Args:
        score: The score of p, from states (batch, *event) to the same shape.
        sigma: Diffusion coefficient, not negative.

    Raises:
        ValueError: If `sigma` is negative.

    Example:
        >>> processes.Langevin(distributions.GaussianMixture().score).drift(torch.tensor([[3.0, 1.0]]), 0.0)
        tensor([[-2., -2.]])
    """

    def __init__(self, score: Callable[[Tensor], Tensor], sigma: float = 1.0):
        self.score = score
        self.sigma = not_negative("sigma", sigma)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        return self.sigma**2 / 2 * self.score(x)

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        return constant(self.sigma, x)


class FlowSDE(SDE):
    r"""The SDE extension of a flow: $dX_t = (u_t + \frac{\sigma_t^2}{2} \nabla\log p_t)\,dt + \sigma_t\,dW_t$.

    Its marginals are those of the flow, for every diffusion coefficient $\sigma_t$.

    Args:
        velocity: The marginal velocity field u(x, t).
        score: The marginal score, a field as well; None if it is to follow from the velocity by `convert`.
        sigma: Diffusion coefficient: a number, or a function of the time, elementwise; not negative.
        schedule: Of the path, where the score follows from the velocity.

    Raises:
        ValueError: If `sigma` is negative, or not exactly one of `score` and `schedule` is given.

    Source: 6.S184 lecture 3, SDE extension trick.

    Example:
        >>> exact = paths.marginal(paths.GaussianPath(), distributions.GaussianMixture())
        >>> processes.FlowSDE(exact.velocity, exact.score, sigma=0.5)
        FlowSDE(velocity=velocity, score=score, sigma=0.5)
    """

    def __init__(
        self,
        velocity: Field,
        score: Field | None,
        sigma: float | Callable[[Tensor], Tensor] = 1.0,
        *,
        schedule: Schedule | None = None,
    ):
        if (score is None) == (schedule is None):
            raise ValueError(f"expected either a score or a schedule, got {score} and {schedule}")
        if not callable(sigma):
            not_negative("sigma", sigma)
        self.velocity = velocity
        self.score = score
        self.sigma = sigma
        self.schedule = schedule

    @classmethod
    def from_velocity(cls, velocity: Field, schedule: Schedule, sigma: float | Callable[[Tensor], Tensor]) -> "FlowSDE":
        """The same from the velocity alone: its score follows by `convert`, so a step evaluates one network once."""
        return cls(velocity, None, sigma, schedule=schedule)

    def drift(self, x: Tensor, t: Time) -> Tensor:
        u = self.velocity(x, t)
        if self.score is None:
            assert self.schedule is not None  # one of the two is given
            score = convert(u, x, t, self.schedule, source="velocity", target="score")
        else:
            score = self.score(x, t)
        return u + self.diffusion(x, t) ** 2 / 2 * score

    def diffusion(self, x: Tensor, t: Time) -> Tensor:
        if not callable(self.sigma):
            return constant(self.sigma, x)
        sigma = self.sigma(expand_time(t, x))
        if not (sigma >= 0).all():
            raise ValueError(f"expected a diffusion coefficient that is not negative, got {sigma.min().item():g}")
        return sigma
