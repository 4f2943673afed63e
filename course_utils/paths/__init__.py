"""Probability paths from noise to data: conditional (one data point) and marginal (the whole distribution)."""

from course_utils.paths.conditional import BridgeSample, GaussianPath, LinearPath, PathSample, bridge_source
from course_utils.paths.geodesic import GeodesicPath, GeodesicSample, TorusMarginal
from course_utils.paths.maps import average_velocity, follow
from course_utils.paths.marginals import LabelledMarginal, Marginal, marginal

__all__ = [
    "BridgeSample",
    "GaussianPath",
    "GeodesicPath",
    "GeodesicSample",
    "LabelledMarginal",
    "LinearPath",
    "Marginal",
    "PathSample",
    "TorusMarginal",
    "average_velocity",
    "bridge_source",
    "follow",
    "marginal",
]
