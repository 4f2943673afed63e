"""Digits in few evaluations: begun where the law is known exactly, and carried by a map instead of a field."""

from collections.abc import Mapping

import torch
from jaxtyping import Int, Num
from torch import Tensor

from course_utils.distributions import PCAMixture
from course_utils.paths import GaussianPath
from course_utils.shapes import Time, check_labels, expand_path_time

__all__ = ["exact_draw"]


def exact_draw(
    mixtures: Mapping[int | None, PCAMixture],
    y: Int[Tensor, " labels"],
    t: Time,
    generator: torch.Generator | None = None,
) -> Num[Tensor, "labels *event"]:
    r"""$x_t = t z + (1 - t)\,\epsilon$ with z from the mixture of its label: the law of the flow at t, as it is known.

    No field is evaluated. As Lab 4's network begins at t = 0.3, its model's law up to there is this one, exactly.

    Args:
        mixtures: From labels 0 to n-1, and None for the null label n, to mixtures, as of `mixtures_beneath`.
        y: Labels.
        t: Time on the linear path, 0 to 1, shape () or (labels,).
        generator: Source of z and of the noise.

    Raises:
        ValueError: If the mixtures are not those of 0 to n-1 and None, the labels are not whole numbers from 0 to n, or
            a time is not within 0 to 1.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> digits.exact_draw({0: one, None: one}, torch.tensor([0, 0, 1]), 0.3).shape
        torch.Size([3, 4])
    """
    null = len(mixtures) - 1
    if set(mixtures) != {*range(null), None}:
        raise ValueError(f"expected mixtures of the labels 0 to n-1 and None for the null label, got {list(mixtures)}")
    check_labels(y, y.numel())
    if not len(y) or y.min() < 0 or y.max() > null:
        got = f"labels from {y.min()} to {y.max()}" if len(y) else "none"
        raise ValueError(f"expected at least one label, each from 0 to {null} (the null label), got {got}")
    like = mixtures[None].centre
    z = like.new_empty(len(y), *like.shape)
    expand_path_time(t, z)
    for label in y.unique().tolist():
        here = (y == label).to(z.device)
        z[here] = mixtures[None if label == null else label].draw(int(here.sum()), generator)
    return GaussianPath().sample(z, t, generator=generator).x
