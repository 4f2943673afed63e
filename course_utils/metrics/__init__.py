"""How good are samples? Report a figure with the number of samples, the floor (data against data) and a baseline."""

from course_utils.metrics.geometry import (
    clashes,
    energy_distance,
    helix_runs,
    histogram_distance,
    in_helix,
    in_strand,
    strand_runs,
)
from course_utils.metrics.maps import map_errors
from course_utils.metrics.names import (
    NameReport,
    blanks_inside,
    distinct,
    mean_length,
    name_report,
    ngram_distance,
    share_among,
)
from course_utils.metrics.samples import (
    frechet_distance,
    gaussian_frechet_distance,
    in_chunks,
    label_accuracy,
    nearest_neighbours,
    off_support,
    sliced_wasserstein,
)

__all__ = [
    "NameReport",
    "blanks_inside",
    "clashes",
    "distinct",
    "energy_distance",
    "frechet_distance",
    "gaussian_frechet_distance",
    "helix_runs",
    "histogram_distance",
    "in_chunks",
    "in_helix",
    "in_strand",
    "label_accuracy",
    "map_errors",
    "mean_length",
    "name_report",
    "nearest_neighbours",
    "ngram_distance",
    "off_support",
    "share_among",
    "sliced_wasserstein",
    "strand_runs",
]
