"""Data distributions with exact answers: mixtures of Gaussians, toy shapes in the plane, finite data sets, and normal
laws of angles and rotations.

All are `torch.distributions` classes. Those whose noisy version is known in closed form also have
`noisy_log_prob(x, alpha, beta)`, the density of x = alpha z + beta noise, and `posterior(x, alpha, beta)`, what is
known of z and noise once x has been seen. From them `paths.marginal` makes the exact fields of a Gaussian path.
Mixtures of Gaussians also say where its flow leads (`flow_map`, `held_map`), and what a reward makes of them
(`tilted`); `conditioned` gives the law of some coordinates once others are known.
"""

from course_utils.distributions.base import Posterior, draw, score
from course_utils.distributions.conditioning import conditioned
from course_utils.distributions.empirical import Empirical
from course_utils.distributions.gaussians import GaussianMixture
from course_utils.distributions.pca_mixture import PCAMixture, fit_class_mixtures
from course_utils.distributions.stored import mixtures_from, tensors_of
from course_utils.distributions.toys import Checkerboard, Circles, Moons
from course_utils.distributions.wrapped import IGSO3, WrappedNormal

__all__ = [
    "IGSO3",
    "Checkerboard",
    "Circles",
    "Empirical",
    "GaussianMixture",
    "Moons",
    "PCAMixture",
    "Posterior",
    "WrappedNormal",
    "conditioned",
    "draw",
    "fit_class_mixtures",
    "mixtures_from",
    "score",
    "tensors_of",
]
