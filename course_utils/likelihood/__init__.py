r"""How likely a model takes data to be: densities along a flow, and probabilities of words."""

from course_utils.likelihood.flows import (
    divergence,
    divergence_by_coordinate,
    hutchinson_divergence,
    log_likelihood,
    standard_normal_log_prob,
)
from course_utils.likelihood.letters import SubsetLikelihood, masked_bound, ordered_likelihood, subset_likelihood

__all__ = [
    "SubsetLikelihood",
    "divergence",
    "divergence_by_coordinate",
    "hutchinson_divergence",
    "log_likelihood",
    "masked_bound",
    "ordered_likelihood",
    "standard_normal_log_prob",
    "subset_likelihood",
]
