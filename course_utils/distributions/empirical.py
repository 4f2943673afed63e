"""Finite data sets as distributions."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_utils.distributions.base import Posterior, Seeded, column


class Empirical(Seeded):
    """The uniform distribution over a finite data set.

    Args:
        data: Data points, shape (n, *event).
        labels: Integers, shape (n,), or None.

    Raises:
        ValueError: If there is no data point, or the numbers of points and labels differ.
    """

    def __init__(self, data: Float[Tensor, "n *event"], labels: Int[Tensor, " labels"] | None = None):
        if len(data) == 0:
            raise ValueError("expected at least one data point, got none")
        if labels is not None and labels.shape != (len(data),):
            raise ValueError(f"expected {len(data)} labels, one a data point, got shape {tuple(labels.shape)}")
        super().__init__(data.shape[1:])
        self.data, self.labels = data, labels

    def given(self, y: int) -> "Empirical":
        """The data points with label y.

        Raises:
            ValueError: If there are no labels, or no point has this one.
        """
        if self.labels is None:
            raise ValueError("expected a data set with labels, got one without")
        chosen = self.labels == y
        if not chosen.any():
            raise ValueError(f"expected one of the labels {self.labels.unique().tolist()}, got {y}")
        return Empirical(self.data[chosen], self.labels[chosen])

    def draw(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        return self.data[torch.randint(len(self.data), (n,), generator=generator)]

    def weights(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Posterior weight of every data point given x = alpha z + beta noise, shape (batch, n); rows sum to 1."""
        return self._log_joint(x.flatten(1), column(alpha), column(beta)).softmax(1)

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        """Log density of x and means of z and noise given x = alpha z + beta noise, for beta > 0."""
        flat, a, b = x.flatten(1), column(alpha), column(beta)
        log_joint = self._log_joint(flat, a, b)
        data = log_joint.softmax(1) @ self.data.to(x).flatten(1)
        return Posterior(log_joint.logsumexp(1), data.reshape(x.shape), ((flat - a * data) / b).reshape(x.shape))

    def _log_joint(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        z = self.data.to(x).flatten(1)
        centre = z.mean(0)
        x, z = x - alpha * centre, z - centre
        squares = (x**2).sum(1, True) - 2 * alpha * x @ z.T + alpha**2 * (z**2).sum(1)
        constant = x.shape[1] * (beta.log() + 0.5 * math.log(2 * math.pi)) + math.log(len(z))
        return -squares / (2 * beta**2) - constant
