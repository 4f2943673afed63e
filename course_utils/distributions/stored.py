"""Mixtures as named tensors, and back: what a file of weights holds of a closed form."""

from collections.abc import Mapping

import torch
from torch import Tensor

from course_utils.distributions.gaussians import GaussianMixture
from course_utils.distributions.pca_mixture import PCAMixture

__all__ = ["mixtures_from", "tensors_of"]

NULL = "null"
"""What the mixture of all labels together is called, whose label is None."""
PARTS = ("centre", "basis", "means", "roots", "weights", "variances", "rest")
"""Tensors of one mixture; `roots` are the lower triangles of its covariances' Cholesky factors, row by row."""


def tensors_of(mixtures: Mapping[int | None, PCAMixture]) -> dict[str, Tensor]:
    """The tensors that make the mixtures, named `label.part`.

    A covariance is kept as its Cholesky factor: rounded to half precision, it is a covariance still.

    Args:
        mixtures: From labels, and None, to mixtures, such as those of `fit_class_mixtures`.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> sorted(distributions.tensors_of({None: one}))[:3]
        ['null.basis', 'null.centre', 'null.means']
    """
    tensors = {}
    for label, mixture in mixtures.items():
        name = NULL if label is None else str(label)
        for part, tensor in zip(PARTS, _parts(mixture), strict=True):
            tensors[f"{name}.{part}"] = tensor
    return tensors


def mixtures_from(tensors: Mapping[str, Tensor]) -> dict[int | None, PCAMixture]:
    """The mixtures of which `tensors_of` made these tensors, in torch's default precision.

    Raises:
        ValueError: If a tensor is missing or does not fit.

    Example:
        >>> one = distributions.PCAMixture.fit(torch.randn(9, 4), components=1, rank=2)
        >>> distributions.mixtures_from(distributions.tensors_of({0: one}))
        {0: PCAMixture(components=1, rank=2, event_shape=(4,))}
    """
    names = dict.fromkeys(name.split(".")[0] for name in tensors)
    mixtures: dict[int | None, PCAMixture] = {}
    for name in names:
        missing = [part for part in PARTS if f"{name}.{part}" not in tensors]
        if missing:
            raise ValueError(f"expected the tensors of a mixture, got none of {name}.{missing[0]}")
        label = None if name == NULL else int(name)
        mixtures[label] = _mixture(*(tensors[f"{name}.{part}"].to(torch.get_default_dtype()) for part in PARTS))
    return mixtures


def _parts(mixture: PCAMixture) -> tuple[Tensor, ...]:
    top = mixture.top
    roots = torch.linalg.cholesky(top.covs.double()).to(top.covs)
    rows, columns = torch.tril_indices(*roots.shape[1:])
    lower = roots[:, rows, columns]
    return mixture.centre, mixture.basis, top.means, lower, top.weights, mixture.variances, mixture.rest


def _mixture(
    centre: Tensor, basis: Tensor, means: Tensor, lower: Tensor, weights: Tensor, variances: Tensor, rest: Tensor
) -> PCAMixture:
    k, d = means.shape
    rows, columns = torch.tril_indices(d, d)
    if lower.shape != (k, len(rows)):
        raise ValueError(f"expected roots of shape {(k, len(rows))} for means of {(k, d)}, got {tuple(lower.shape)}")
    roots = means.new_zeros(k, d, d)
    roots[:, rows, columns] = lower
    return PCAMixture(centre, basis, GaussianMixture(means, roots @ roots.mT, weights), variances, rest)
