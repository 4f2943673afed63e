r"""Schedules $\alpha_t, \beta_t$ of Gaussian probability paths $p_t(x|z) = N(\alpha_t z, \beta_t^2 I)$.

A schedule says how much data and how much noise a path mixes at time t. `convert` turns the four things
that a network may predict into one another; it is algebra on

    x = alpha z + beta noise,        velocity = alpha_dot z + beta_dot noise,        score = -noise / beta.

Source: 6.S184 lectures 2 and 3.
"""

from course_utils.schedules.base import CLOSE, Schedule, derivative
from course_utils.schedules.conversions import PREDICTIONS, convert, reparametrised
from course_utils.schedules.named import Cosine, Linear, VarianceExploding, VariancePreserving

__all__ = [
    "CLOSE",
    "PREDICTIONS",
    "Cosine",
    "Linear",
    "Schedule",
    "VarianceExploding",
    "VariancePreserving",
    "convert",
    "derivative",
    "reparametrised",
]
