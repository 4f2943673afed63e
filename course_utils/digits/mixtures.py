"""The exact field that the digits' generators stand on."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from course_utils.distributions import PCAMixture
from course_utils.paths import GaussianPath, LabelledMarginal, marginal
from course_utils.shapes import Time

__all__ = ["NULL", "ClassMixtures", "mixtures_beneath"]

NULL = 10
"""The null label."""


class ClassMixtures:
    """The exact velocity to a mixture a digit, computed on the device and in the precision of the states.

    Args:
        mixtures: From labels, and None for the null label, to mixtures.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> digits.ClassMixtures({0: one, None: one})(torch.zeros(5, 4).double(), 0.5).dtype
        torch.float64
    """

    def __init__(self, mixtures: Mapping[int | None, PCAMixture]):
        self.mixtures = dict(mixtures)
        self._place: tuple[torch.device, torch.dtype] | None = None
        self._exact: Any = None

    def __repr__(self) -> str:
        return f"ClassMixtures({len(self.mixtures)} mixtures)"

    def __call__(self, x: Tensor, t: Time, y: Tensor | None = None) -> Tensor:
        """Marginal velocity given the label of each state, shape (batch, *event)."""
        return self._near(x).velocity(x, t, y)

    def held_map(self, x: Tensor, s: Time, t: Time, y: Tensor | None = None) -> Tensor:
        """Each Gaussian's exact flow map, with the weights held as at time s; see `paths.Marginal.held_map`."""
        return self._near(x).held_map(x, s, t, y)

    def _near(self, x: Tensor) -> LabelledMarginal:
        """The exact fields on the device and in the precision of x."""
        place = (x.device, x.dtype)
        if place != self._place:
            moved = {label: mixture.to(x.device).to(x.dtype) for label, mixture in self.mixtures.items()}
            self._exact = marginal(GaussianPath(), moved)
            self._place = place
        return self._exact


def mixtures_beneath(model: Any) -> dict[int | None, PCAMixture]:
    """The mixtures of which an exact field was made: `ClassMixtures`, or the velocity of `paths.marginal`.

    Of a generator that stands on such a field, in pixels or in latent space, they are those of its field.

    Raises:
        ValueError: If it was made of anything else.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> exact = paths.marginal(paths.GaussianPath(), {0: one, None: one})
        >>> list(digits.mixtures_beneath(exact.velocity))
        [0, None]
    """
    field = getattr(model, "base", getattr(model, "field", model))  # of `Residual` and of `LatentDigits`
    exact = getattr(field, "__self__", None)
    found: dict = {}
    if isinstance(field, ClassMixtures):
        found = field.mixtures
    elif isinstance(exact, LabelledMarginal):
        found = {label: one.p_data for label, one in exact.marginals.items()}
    if not found or not all(isinstance(mixture, PCAMixture) for mixture in found.values()):
        raise ValueError(f"expected the exact field of mixtures of `fit_class_mixtures`, got {model!r}")
    return found
