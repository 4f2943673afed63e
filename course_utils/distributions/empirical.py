"""Finite data sets as distributions."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Int, Real
from torch import Tensor

from course_utils.distributions.base import Noise, Posterior, Seeded, column
from course_utils.shapes import as_floats, as_states, short_repr

__all__ = ["Empirical"]

PART = 2**20
"""Numbers that a table of the posterior may hold at once, 4 MB in float32: little memory, near the processor."""

FAINT = -80.0
"""Least logarithm of a weight beside the largest: its exponential is nothing, and one of less is slow to compute."""


class Empirical(Seeded):
    """The uniform distribution over a finite data set.

    Args:
        data: Data points, shape (n, *event); whole numbers are taken as floats.
        labels: Integers, shape (n,), or None.

    Raises:
        ValueError: If there is no data point, or the numbers of points and labels differ.

    Example:
        >>> distributions.Empirical(torch.tensor([[1.0], [5.0]]), labels=torch.tensor([0, 1])).given(1).sample((2,))
        tensor([[5.],
                [5.]])
    """

    def __init__(self, data: Real[Tensor, "n *event"], labels: Int[Tensor, " labels"] | None = None):
        if len(data) == 0:
            raise ValueError("expected at least one data point, got none")
        if labels is not None and labels.shape != (len(data),):
            raise ValueError(f"expected {len(data)} labels, one a data point, got shape {tuple(labels.shape)}")
        data = as_floats(data)
        super().__init__(data.shape[1:], like=data)
        self.data = data
        self.labels = labels

    def __repr__(self) -> str:
        return short_repr(self, data=self.data, labels=self.labels)

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
        return self.data[Noise(generator, self.like).integers(len(self.data), n)]

    def weights(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Posterior weight of every data point given x = alpha z + beta noise, shape (batch, n); rows sum to 1."""
        parts = self._parts(self._flat(x), column(alpha), column(beta))
        return torch.cat([log_joint for log_joint, _ in parts], 1).softmax(1)

    def noisy_log_prob(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Log density of alpha z + beta noise at x, for beta > 0, shape (batch,)."""
        log_prob, _ = self._seen(self._flat(x), column(alpha), column(beta))
        return log_prob

    def posterior(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Posterior:
        """Means of z and noise given x = alpha z + beta noise, for beta > 0.

        The mean of z is the sum of the data points, each times its weight (`weights`): `weights(x) @ data`.
        """
        flat = self._flat(x)
        a = column(alpha)
        b = column(beta)
        _, data = self._seen(flat, a, b)
        noise = (flat - a * data) / b
        return Posterior(data.reshape(x.shape), noise.reshape(x.shape))

    def _flat(self, x: Tensor) -> Tensor:
        return as_states(x, self.event_shape).flatten(1)

    def _seen(self, flat: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Log density of flat states, shape (batch,), and mean of z, from one pass over parts: memory is bounded."""
        log_prob = flat.new_full((len(flat), 1), -math.inf)
        data = torch.zeros_like(flat)
        for log_joint, z in self._parts(flat, a, b):
            top = log_joint.amax(1, keepdim=True)
            weights = (log_joint - top).clamp(min=FAINT).exp()
            total = torch.logaddexp(log_prob, top + weights.sum(1, keepdim=True).log())
            data = (log_prob - total).exp() * data + (top - total).exp() * (weights @ z)
            log_prob = total
        return log_prob[:, 0], data

    def _parts(self, x: Tensor, alpha: Tensor, beta: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Parts of the data, flattened to (part, d), with the log of p(x | z) / n, shape (batch, part)."""
        constant = x.shape[1] * (beta.log() + 0.5 * math.log(2 * math.pi)) + math.log(len(self.data))
        for z in self.data.flatten(1).split(max(1, PART // max(x.shape))):
            z = z.to(x)
            centre = z.mean(0)  # distances are taken from here, or they would lose digits far from the origin
            near = x - alpha * centre
            point = z - centre
            squares = (near**2).sum(1, True) - 2 * alpha * near @ point.T + alpha**2 * (point**2).sum(1)
            yield -squares / (2 * beta**2) - constant, z
