"""Exact fields of the path to a whole distribution."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from course_utils.distributions import Empirical, Posterior
from course_utils.manifolds import Torus
from course_utils.paths.conditional import GaussianPath
from course_utils.paths.geodesic import GeodesicPath, TorusMarginal
from course_utils.schedules import Schedule
from course_utils.shapes import Time, as_floats, expand_path_time, expand_time, short_repr

__all__ = ["LabelledMarginal", "Marginal", "marginal"]


def marginal(
    path: GaussianPath | GeodesicPath, p_data: Distribution | Mapping
) -> "Marginal | LabelledMarginal | TorusMarginal":
    r"""Exact density, velocity and score of $p_t(x) = \int p_t(x|z) p_{data}(z) dz$.

    Args:
        path: A Gaussian path; or one along geodesics of a torus, from uniform angles to a data set (no score).
        p_data: A distribution with a closed form (`GaussianMixture`, `Empirical`, ...), or a mapping from
            labels 0..n-1 to such distributions, with None for the null label n; then the methods take (x, t, y).

    Raises:
        TypeError: If no closed form is known of the path or of a distribution.
        ValueError: If the labels are not 0..n-1.

    Source: 6.S184 lecture 3, marginalization trick.

    Example:
        >>> exact = paths.marginal(paths.GaussianPath(), distributions.GaussianMixture())
        >>> exact.velocity(torch.tensor([[0.0, 0.5]]), 1.0)
        tensor([[0.0000, 0.5000]])
    """
    if isinstance(path, GeodesicPath):
        return _on_torus(path, p_data)
    if not isinstance(path, GaussianPath):
        raise TypeError(f"expected a GaussianPath, got {type(path).__name__}")
    if isinstance(p_data, Mapping):
        return LabelledMarginal({label: marginal(path, dist) for label, dist in p_data.items()})
    return Marginal(path.schedule, p_data)


def _on_torus(path: GeodesicPath, p_data: Distribution | Mapping) -> TorusMarginal:
    if not isinstance(path.manifold, Torus) or not isinstance(p_data, Empirical):
        raise TypeError(f"a path along geodesics has a closed form on a torus to an Empirical, got {path.manifold} and "
                        f"{type(p_data).__name__}")  # fmt: skip
    return TorusMarginal(path.manifold, p_data)


CLOSED_FORM = {
    "posterior": "posterior(x, alpha, beta)",
    "noisy_log_prob": "noisy_log_prob(x, alpha, beta)",
    "singular": "attribute `singular`",
}
"""What a distribution must have for the exact fields of a path that leads to it."""


class Marginal:
    """Exact fields of a Gaussian path to one distribution; made by `marginal`.

    Where the posterior is singular (a data set, or a Gaussian without width, at beta = 0) or the schedule has no finite
    derivative, a ValueError is raised.

    Raises:
        TypeError: If the distribution has no closed form.

    Example:
        >>> paths.marginal(paths.GaussianPath(), distributions.Checkerboard())
        Marginal(schedule=Linear(), p_data=Checkerboard(squares=4, half_width=4))
    """

    def __init__(self, schedule: Schedule, p_data: Distribution):
        for name, needed in CLOSED_FORM.items():
            if not hasattr(p_data, name):
                raise TypeError(f"no closed form is known for {type(p_data).__name__}; it has no {needed}")
        self.schedule = schedule
        self.p_data: Any = p_data  # a distribution with what CLOSED_FORM names

    def __repr__(self) -> str:
        return short_repr(self)

    def posterior(self, x: Tensor, t: Time) -> Posterior:
        """E[z | x] and E[noise | x]."""
        at = self._at(x, t)
        return self.p_data.posterior(x, self.schedule.alpha(at), self.schedule.beta(at))

    def velocity(self, x: Tensor, t: Time) -> Tensor:
        """Marginal velocity alpha_dot E[z | x] + beta_dot E[noise | x], shape (batch, *event)."""
        known = self.posterior(x, t)
        alpha_dot, beta_dot = self.schedule.rates(expand_time(t, x))
        return alpha_dot * known.data + beta_dot * known.noise

    def score(self, x: Tensor, t: Time) -> Tensor:
        """Marginal score -E[noise | x] / beta, shape (batch, *event); t within the span."""
        at = expand_time(t, x)
        self.schedule.check_span(at)
        return -self.posterior(x, t).noise / self.schedule.beta(at)

    def log_prob(self, x: Tensor, t: Time) -> Tensor:
        """log p_t(x), shape (batch,)."""
        at = self._at(x, t)
        return self.p_data.noisy_log_prob(x, self.schedule.alpha(at), self.schedule.beta(at))

    def flow_map(self, x: Tensor, s: Time, t: Time) -> Tensor:
        r"""$X_{s,t}(x)$: where the flow of the marginal velocity carries x from time s to time t, also backwards.

        Known of Gaussians (the standard score stays) and of mixtures on a line (the order of points stays), for every
        schedule; see `distributions.GaussianMixture.flow_map`.

        Args:
            x: States at time s, shape (batch, *event).
            s, t: Times, shape () or (batch,).

        Raises:
            TypeError: If nothing is known of this kind of distribution.
            ValueError: If no closed form is known of this one, or as `velocity`.

        Source: Boffi et al., "Flow map matching with stochastic interpolants" (2025), for the notion.
        """
        return self._carried("flow_map", x, s, t)

    def held_map(self, x: Tensor, s: Time, t: Time) -> Tensor:
        r"""$\sum_k p_s(k|x) X^k_{s,t}(x)$, with the exact flow map $X^k$ of each Gaussian of a mixture.

        It is the flow map but for the weights, which are held as they are at time s: exact for one Gaussian, right to
        first order in t - s for several. Arguments and errors as for `flow_map`.
        """
        return self._carried("held_map", x, s, t)

    def _carried(self, method: str, x: Tensor, s: Time, t: Time) -> Tensor:
        """`x` moved by a method of the distribution, from the factors at time s to those at time t."""
        if not hasattr(self.p_data, method):
            raise TypeError(f"no {method} is known for {type(self.p_data).__name__}; GaussianMixture has one")
        x = as_floats(x)
        factors = [(self.schedule.alpha(at), self.schedule.beta(at)) for at in (self._at(x, s), self._at(x, t))]
        return getattr(self.p_data, method)(x, *factors)

    def _at(self, x: Tensor, t: Time) -> Tensor:
        """The time, checked and expanded."""
        if not self.p_data.singular:
            return expand_path_time(t, x)
        at = expand_time(t, x)
        self.schedule.check_span(at)
        return at


class LabelledMarginal:
    """Exact fields for each label; made by `marginal`. Without labels, the null label's are meant.

    Raises:
        ValueError: If the labels are not 0..n-1, and None.

    Example:
        >>> board, lobes = distributions.Checkerboard(), distributions.GaussianMixture()
        >>> paths.marginal(paths.GaussianPath(), {0: board, 1: lobes})
        LabelledMarginal(labels=[0, 1], null=2)
    """

    def __init__(self, marginals: dict):
        labels = [label for label in marginals if label is not None]
        self.marginals = dict(marginals)
        self.null = len(labels)
        if set(labels) != set(range(self.null)):
            raise ValueError(f"expected the labels 0 to n-1 and None for the null label, got {list(marginals)}")

    def __repr__(self) -> str:
        return short_repr(self, labels=list(self.marginals), null=self.null)

    def velocity(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal velocity given the label of each state, shape (batch, *event)."""
        return self._each("velocity", x, (t,), y)

    def score(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal score given the label of each state, shape (batch, *event)."""
        return self._each("score", x, (t,), y)

    def flow_map(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """Where the flow given the label of each state carries it from time s to time t; see `Marginal.flow_map`."""
        return self._each("flow_map", x, (s, t), y)

    def held_map(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """The same with the weights of each label's mixture held as at time s; see `Marginal.held_map`."""
        return self._each("held_map", x, (s, t), y)

    def log_prob(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """log p_t(x | y), shape (batch,)."""
        return self._each("log_prob", x, (t,), y)

    def _each(self, method: str, x: Tensor, times: tuple[Time, ...], y: Tensor | None) -> Tensor:
        y = torch.full((len(x),), self.null) if y is None else y
        if y.shape != (len(x),):
            raise ValueError(f"expected one label for each of {len(x)} states, got labels of shape {tuple(y.shape)}")
        x = as_floats(x)
        ts = [torch.as_tensor(t, dtype=x.dtype, device=x.device) for t in times]
        for t in ts:
            expand_time(t, x)
        out = x.new_empty(len(x) if method == "log_prob" else x.shape)
        order = y.argsort()
        labels, counts = y[order].unique_consecutive(return_counts=True)
        for label, rows in zip(labels.tolist(), order.split(counts.tolist()), strict=True):
            key = None if label == self.null else label
            if key not in self.marginals:
                known = [k for k in self.marginals if k is not None]
                raise ValueError(f"expected labels among {known} (null label {self.null}), got {label}")
            at = [t[rows] if t.ndim else t for t in ts]
            out[rows] = getattr(self.marginals[key], method)(x[rows], *at)
        return out
